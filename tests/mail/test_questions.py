"""A lesson's mail asks: each answer is a link that chooses it, in HTML and in text."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import paths
from engine.core import asking, links
from engine.core.course import markup, model, reading
from engine.mail import compile, dress, fill, letters, render, skeleton
from tests import every
from tests.mail.test_compile import letter_of
from tests.mail.test_message import ALICE, DRESS
from tests.mail.test_skeleton import assert_same

SIGNED = links.Links("https://parcours.exemple.fr", [b"key"], lasting=b"for ever")
ACTIVITIES = every.COURSE.activities


class Values(dict[str, str]):
    """What fills the slots of Alice's mails."""

    def __missing__(self, name: str) -> str:
        match name.split("."):
            case ["link", "activity", key]:
                return address(key)
            case ["link", *_]:
                return SIGNED.url("l", 12, "x")
        return "Alice"


def address(key: str) -> str:
    return SIGNED.url("a", 12, key)


def received(build: fill.Build) -> tuple[str, str]:
    """The text and the HTML as they arrive."""
    data = fill.fill(build, Values(), lambda condition: True, ALICE)
    mail = message_from_bytes(data, policy=policy.default)
    plain, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    return plain, html


def lesson(source: str, course: model.Course = every.COURSE) -> fill.Build:
    """A lesson whose whole text is `source`."""
    only = replace(course.lessons[0], document=markup.parse(source))
    return compile.lesson(only, course=course, dress=DRESS)


class Anchors(HTMLParser):
    """Address and words of every link, in order, as a mail program reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append((dict(attrs).get("href") or "", ""))
            self._open = True

    def handle_data(self, data: str) -> None:
        if self._open:
            href, words = self.found[-1]
            self.found[-1] = (href, words + data)

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "a"


def in_html(html: str, key: str) -> list[tuple[str, str]]:
    own = address(key)
    found = [(words.strip(), href) for href, words in Anchors(html).found]
    return [(words, href.removeprefix(own)) for words, href in found if href.startswith(own)]


def in_text(plain: str, key: str) -> list[tuple[str, str]]:
    own = f"→ {address(key)}"
    return [
        (before.removeprefix("○ "), line.removeprefix(own))
        for before, line in pairwise(plain.split("\n"))
        if line.startswith(own)
    ]


@pytest.mark.parametrize("key", list(ACTIVITIES))
def test_each_answer_is_a_link_that_chooses_it(key: str) -> None:
    asked = asking.ask(ACTIVITIES[key], "fr")
    expected = [(choice.label, f"?{choice.query}") for choice in asked.choices] or [(asked.button, "")]
    plain, html = received(lesson(f":::question {key}\n:::"))
    assert in_html(html, key) == expected
    assert in_text(plain, key) == expected
    for part in (plain, html):
        assert asked.title in part
        assert asked.prompt in part


def test_what_the_links_say_word_for_word() -> None:
    plain, html = received(
        lesson(":::question bilan\n:::\n\n:::question humeur\n:::\n\n:::question point\n:::")
    )
    assert in_html(html, "bilan") == [
        ("Aucune", "?q=liste&a=aucune"),
        ("On en parle", "?q=liste&a=orale"),
        ("Elle est écrite", "?q=liste&a=ecrite"),
        ("Je ne sais pas", "?q=liste&a=unknown"),
    ]
    assert in_html(html, "humeur")[3:] == [("4 sur 5", "?a=4"), ("5 sur 5\u00a0: entière", "?a=5")]
    assert in_text(plain, "point")[1:] == [("Pas encore", "?a=later"), ("Pas pour nous", "?a=no")]
    assert "&amp;a=orale" in html
    assert "&amp;" not in plain


def test_no_choice_needs_a_button_beside_it() -> None:
    _, html = received(lesson(":::question bilan\n:::"))
    assert len(in_html(html, "bilan")) == 4
    _, html = received(lesson(":::question regles\n:::"))
    assert len(in_html(html, "regles")) == 1


def test_a_question_for_some_is_for_them_alone() -> None:
    build = lesson(":::si learner.size >= 50\n:::question humeur\n:::\n:::\n\nFin.")
    data = fill.fill(build, Values(), lambda condition: False, ALICE)
    assert b"?a=3D" not in data
    assert in_html(received(build)[1], "humeur")


def test_a_reminder_asks_as_the_lesson_did() -> None:
    for key in ("bilan", "point", "regles"):
        asked = letter_of(letters.Reminder, activity=ACTIVITIES[key], link=address(key))
        plain, html = received(compile.letter(asked, dress=dress.fitted(DRESS, every.COURSE)))
        first, other = received(lesson(f":::question {key}\n:::"))
        assert in_html(html, key) == in_html(other, key)
        assert in_text(plain, key) == in_text(first, key)


def test_in_an_english_course_the_answers_are_english() -> None:
    folder = paths.courses() / "demo-en"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    course = reading.read(files, slug="demo-en").course
    assert course
    plain, html = received(compile.lesson(course.lessons[0], course=course, dress=DRESS))
    assert in_html(html, "check-up")[-1] == ("I do not know", "?q=tasks&a=unknown")
    assert in_text(plain, "confidence")[0] == ("1 out of 5: Not at all", "?a=1")
    plain, html = received(compile.lesson(course.lessons[1], course=course, dress=DRESS))
    assert [words for words, _ in in_html(html, "team-talk")] == ["Done", "Not yet", "Not for us"]


def everything() -> str:
    return "\n\n".join(f":::question {key}\n:::" for key in ACTIVITIES)


def test_a_mail_that_asks_everything_is_not_clipped() -> None:
    """Gmail clips at about 102 KB."""
    assert lesson(everything()).html_size < 80_000
    for each in every.COURSE.lessons:
        assert compile.lesson(each, course=every.COURSE, dress=DRESS).html_size < 30_000


def test_the_longest_questions_that_an_author_may_write_fit_too() -> None:
    choices = "".join(f"      - {{key: c{n}, label: {'long ' * 59}fin}}\n" for n in range(10))
    question = f"  - key: q\n    type: single\n    prompt: {'mot ' * 74}fin\n    choices:\n{choices}"
    right = question.replace("key: c0,", "key: c0, correct: true,")
    long = f"kind: quiz\ntitle: {'titre ' * 49}fin\nquestions:\n{right}"
    course = every.read(every.FILES | {"activities/quiz.yaml": long.encode()})
    build = lesson(":::question quiz\n:::", course)
    assert build.html_size < 60_000
    assert len(in_html(received(build)[1], "quiz")) == 10


def _parts() -> fill.Parts:
    document = markup.parse(f"Bonjour {{{{ learner.first_name }}}}.\n\n{everything()}")
    web = skeleton.slot("link.my")
    asked = letters.Lesson(
        "Essai", "Pour {{ learner.first_name }}", "M", 1, 2, 3, document, web, web, web, activities=ACTIVITIES
    )
    return render.parts(asked, DRESS)


PARTS = _parts()
addresses = st.from_regex(r"https?://[a-z.]{1,60}/a/[A-Za-z0-9._-]{1,120}", fullmatch=True)
names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)


@given(
    first_name=names,
    my=addresses,
    where=st.lists(addresses, min_size=len(ACTIVITIES), max_size=len(ACTIVITIES)),
)
@settings(deadline=None, max_examples=40)
def test_a_mail_that_asks_reads_like_the_reference(first_name: str, my: str, where: list[str]) -> None:
    """The same property as in `test_skeleton`, where addresses are followed by a choice."""
    values = {"learner.first_name": first_name, "link.my": my}
    values |= {f"link.activity.{key}": url for key, url in zip(ACTIVITIES, where, strict=True)}
    assert_same(PARTS, values, set())


def test_every_choice_is_large_enough_for_a_finger() -> None:
    _, html = received(lesson(everything()))
    styles = re.findall(r'<a href="[^"]*\?[^"]*" style="([^"]*)"', html)
    assert len(styles) == sum(len(asking.ask(each, "fr").choices) for each in ACTIVITIES.values())
    for style in styles:
        assert "display:block" in style
        assert "padding:11px" in style, "with a line of 23 px: 45 px"
