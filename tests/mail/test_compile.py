import re
from dataclasses import fields, replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from jinja2 import meta

from engine import paths
from engine.core import errors, scoring, typography, words
from engine.core.course import grammar, markup, model, reading
from engine.mail import compile, dress, fill, letters, message, render, skeleton, text
from tests.mail.test_message import ALICE, DRESS

LETTERS = letters.Letter.__args__
SHARED = {"dress", "_", "slot", "href", "image", "plain", "opening", "closing", "refuse"}
DIAGNOSIS = scoring.Diagnosis(
    axes=(scoring.AxisScore("besoins", "Besoins", 67), scoring.AxisScore("donnees", "Données", 0)),
    total=34,
    level=grammar.Level(at=25, title="En route", text="Vous avez commencé : continuez."),
    unknown=("Une sauvegarde a-t-elle été testée ?",),
    alerts=(
        grammar.Alert(key="robot", title="Un robot", text="Dites-le : c'est dû.", when="learner.size > 1"),
    ),
    priorities=(
        grammar.Priority(key="liste", title="Une liste", text="Écrivez-la.", gain=3, ease=3, risk=1),
    ),
)
HOSTILE = "</mj-text> \\ \"'&amp; {{ 7*7 }} {% raw %} <mj-include path='/etc/passwd'/> <b>"


def course(**changes: object) -> model.Course:
    folder = paths.courses() / "ia-pme"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = reading.read(files, slug="ia-pme").course
    assert found
    return replace(found, **changes)  # type: ignore[arg-type]


class Links(dict[str, str]):
    def __missing__(self, name: str) -> str:
        if not name.startswith("link."):
            raise KeyError(name)
        return f"https://exemple.fr/{name}?a=1&b=2"


def filled(build: fill.Build, *, held: bool = True) -> tuple[str, str]:
    """The text and the HTML that Alice receives."""
    values = Links(
        {
            "learner.first_name": "Alice",
            "learner.company": "votre entreprise",
            "review.prompt": "Combien ?",
            "account.name": "Alice",
            "company.inviter": "Bob (Atelier Aubert)",
            "consent.source": "Salon de Lyon",
        }
    )
    mail = message_from_bytes(fill.fill(build, values, lambda condition: held, ALICE), policy=policy.default)
    plain, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    return plain, html


def letter_of(kind: type, **values: object) -> letters.Letter:
    """A letter with believable values for the fields that are not given."""
    known: dict[str, object] = {
        "number": 3,
        "count": 12,
        "minutes": 6,
        "days": 7,
        "listed": False,
        "document": markup.parse("Bonjour {{ learner.first_name }}."),
        "sources": (),
        "activities": {},
        "diagnosis": DIAGNOSIS,
        "earlier": replace(DIAGNOSIS, total=31),
        "weeks": (letters.Week("L'essai", "12", "240", "3", "2"),),
    } | (
        {"activity": course().activities["point-reperes"]}
        if kind in (letters.Reminder, letters.Missed)
        else {}
    )
    chosen = {
        each.name: values.get(each.name, known.get(each.name, f"https://exemple.fr/{each.name}"))
        for each in fields(kind)
    }
    return kind(**chosen)  # type: ignore[no-any-return]


def lesson_of(source: str, **changes: object) -> tuple[str, str]:
    """What a lesson with this body reads like."""
    base = course()
    first = replace(base.lessons[0], document=markup.parse(source), **changes)  # type: ignore[arg-type]
    return filled(compile.lesson(first, course=base, dress=DRESS))


def test_every_lesson_of_the_bundled_course_compiles_and_stays_small() -> None:
    bundled = course()
    for lesson in bundled.lessons:
        build = compile.lesson(lesson, course=bundled, dress=DRESS)
        assert build.html_size < 80_000
        plain, html = filled(build)
        assert "\ue000" not in plain + html
        assert f"Leçon {lesson.number} sur 12" in plain
        assert re.findall(r"<h1[^>]*>([^<]*)</h1>", html) == [typography.french(lesson.subject)]


def test_the_text_holds_every_link_of_the_html() -> None:
    bundled = course()
    builds = [compile.lesson(lesson, course=bundled, dress=DRESS) for lesson in bundled.lessons]
    builds += [compile.letter(letter_of(kind), dress=dress.fitted(DRESS, bundled)) for kind in LETTERS]
    for build in builds:
        plain, html = filled(build)
        links = {link.replace("&amp;", "&") for link in re.findall(r'<a href="([^"]*)"', html)}
        assert links
        assert links == set(re.findall(r"^\s*→ (?:.* : )?(\S+)$", plain, re.MULTILINE))


@pytest.mark.parametrize("kind", LETTERS)
def test_a_mail_uses_exactly_the_fields_of_its_context(kind: type) -> None:
    environment = render._environment("fr")
    folder = paths.templates() / "email"
    shared = [folder / "_base" / name for name in ("layout.mjml", "layout.txt", "blocks.mjml", "blocks.txt")]
    own = sorted((folder / kind.__name__.lower()).iterdir())
    assert [path.name for path in own] == ["body.mjml", "body.txt", "subject.txt"]
    used: set[str] = set()
    for path in (*shared, *own):
        used |= meta.find_undeclared_variables(environment.parse(path.read_text("utf-8")))
    used -= SHARED | {"blocks", "subject"}  # the subject of a mail is always known to its bodies
    declared = {each.name for each in fields(kind)} - {"subject"}
    assert used == declared


def test_no_folder_without_a_context() -> None:
    folders = {path.name for path in (paths.templates() / "email").iterdir()} - {"_base"}
    assert folders == {kind.__name__.lower() for kind in LETTERS}


def test_what_an_author_wrote_is_shown_and_never_obeyed() -> None:
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    document = markup.Document(
        (
            markup.Paragraph((markup.Text(HOSTILE), markup.Code(HOSTILE))),
            markup.Image("x.png", HOSTILE, HOSTILE),
            markup.Callout("encadre", HOSTILE, (markup.Paragraph((markup.Text(HOSTILE),)),)),
            markup.Button("https://exemple.fr/\\?a='b'&c=\"", (markup.Text(HOSTILE),)),
        )
    )
    parts = render.parts(letter_of(letters.Lesson, document=document, course=HOSTILE, subject="x"), DRESS)
    assert "<mj-" not in parts.html
    assert "<b>" not in parts.html
    assert "49" not in re.sub(r"<style.*?</style>|#[0-9a-f]+", "", parts.html, flags=re.DOTALL)
    assert parts.html.replace("&#34;", '"').replace("&#39;", "'").count(escaped) >= 5
    assert 'href="https://exemple.fr/\\?a=&#39;b&#39;&amp;c=&#34;"' in parts.html
    assert HOSTILE in parts.text


def test_attributes_keep_their_narrow_spaces() -> None:
    """mrml alone would write `\\u{202f}`."""
    _, html = lesson_of("![Prêt ?](images/x.png)", subject="On commence ?")
    assert 'alt="Prêt\u202f?"' in html or 'alt="Prêt ?"' in html
    assert 'aria-label="On commence\u202f?"' in html
    assert "\\u{" not in html


def test_unknown_elements_are_refused_with_their_line() -> None:
    source = "<mjml><mj-body>\n<mj-txt>a</mj-txt>\n<mj-sectoin/></mj-body></mjml>"
    assert render.unknown_elements(source) == [(2, "mj-txt"), (3, "mj-sectoin")]
    with pytest.raises(errors.ParcoursError, match="mj-txt"):
        render.html(source)


@pytest.mark.parametrize("path", sorted(Path(paths.templates() / "email").rglob("*.mjml")), ids=str)
def test_our_templates_name_no_unknown_element(path: Path) -> None:
    assert render.unknown_elements(path.read_text("utf-8")) == []


def test_broken_mjml_is_an_error_of_ours() -> None:
    with pytest.raises(errors.ParcoursError):
        render.html("<mjml><mj-body><mj-text>a</mjml>")


def test_a_block_is_for_those_for_whom_its_condition_holds() -> None:
    bundled = course()
    first = replace(bundled.lessons[0], document=markup.parse(":::si learner.size >= 50\nLe CSE\n:::\n\nFin"))
    build = compile.lesson(first, course=bundled, dress=DRESS)
    assert build.conditions == ("learner.size >= 50", letters.REVIEW)
    for part in filled(build, held=True):
        assert "Le CSE" in part
    for part in filled(build, held=False):
        assert "Le CSE" not in part
        assert "Fin" in part


def test_a_key_figure_names_its_source() -> None:
    source = grammar.Source(
        id="x", title="Baromètre", publisher="DGE", date="2025-09", url="https://exemple.fr/b"
    )
    plain, html = lesson_of(":::chiffre 26 % | x\ndes PME.\n:::", sources=(source,))
    assert "Source\u00a0: Baromètre (DGE, septembre 2025)\n→ https://exemple.fr/b\n" in plain
    assert ">Baromètre</a> (DGE, septembre 2025)</p>" in html


def test_the_text_of_each_block() -> None:
    plain, _ = lesson_of(
        "## Un titre\n\n1. un\n2. deux\n   - sous\n\n> cité\n\n- [ ] à faire\n\n---\n\n"
        "Voir [ici](https://exemple.fr/a) et [là](lecon:photo).\n\n"
        ":::attention\nPrudence.\n:::\n\n:::question point-reperes\n:::"
    )
    assert (
        "UN TITRE\n\n1. un\n2. deux\n   • sous\n\n> cité\n\n[ ] à faire\n\n* * *\n\n"
        "Voir ici et là.\n→ ici : https://exemple.fr/a\n"
        "→ là : https://exemple.fr/link.lesson.photo?a=1&b=2\n\n"
        "■ Attention\n\nPrudence.\n\n■ " in plain
    )


def test_pictures_and_rules_inside_a_quote_are_not_lost() -> None:
    plain, html = lesson_of("> ![un tableau](images/x.png)\n>\n> ---\n>\n> fin")
    assert 'alt="un tableau"' in html
    assert "<hr" in html
    assert "> un tableau\n> → https://parcours.exemple.fr/c/ia-pme/images/x.png\n" in plain


def test_slots_of_the_course_are_the_same_for_everybody() -> None:
    plain, _ = lesson_of("{{ course.title }} avec {{ tutor.name }}, {{ learner.first_name }}")
    assert f"{typography.french(course().title)} avec {DRESS.tutor_name}, Alice" in plain


@pytest.mark.parametrize(
    "source",
    [
        "{{ learner.address }}",
        "[x](ftp://exemple.fr)",
        "[x](autre:point)",
        ":::question absente\n:::",
        "- un\n\n  :::question point-reperes\n  :::\n",
    ],
)
def test_what_leads_nowhere_is_refused(source: str) -> None:
    with pytest.raises(errors.ParcoursError):
        lesson_of(source)


def test_a_course_brings_its_own_sender_and_tutor() -> None:
    tutor = grammar.Person(name="Bob", email="bob@exemple.fr")
    own = course(sender="Un cours <cours@exemple.fr>", tutor=tutor)
    headers = compile.lesson(own.lessons[0], course=own, dress=DRESS).headers
    assert b"From: Un cours <cours@exemple.fr>\r\nReply-To: Bob <bob@exemple.fr>\r\n" in headers


@pytest.mark.parametrize("kind", [letters.Confirm, letters.Known, letters.Address, letters.Data])
def test_what_a_stranger_may_receive_holds_nothing_that_was_typed(kind: type) -> None:
    assert compile.letter(letter_of(kind), dress=dress.fitted(DRESS, course())).slots == ()


@pytest.mark.parametrize("kind", LETTERS)
def test_in_english_nothing_is_left_in_french(kind: type) -> None:
    english = words.catalogue("en")
    dressed = replace(DRESS, language="en", tutor_name="Alice")
    for letter in (letter_of(kind), letter_of(kind, until="")):
        parts = render.parts(letter, dressed)
        assert 'lang="en"' in parts.html
        for french in english:
            if len(french) > 20 and "{" not in french:
                assert french not in parts.text


def test_a_pause_without_end_says_so() -> None:
    until = render.parts(letter_of(letters.Paused, until="mardi 20 avril"), DRESS).text
    without = render.parts(letter_of(letters.Paused, until=""), DRESS).text
    assert "Votre parcours reprend le\nmardi 20 avril\n" in until
    assert "avant que vous ne repreniez" in without


def test_a_date_that_is_not_known_yet_leaves_no_empty_box() -> None:
    parts = render.parts(letter_of(letters.Resumed, next_lesson=""), DRESS)
    assert "Votre prochaine leçon" not in parts.text + parts.html
    parts = render.parts(letter_of(letters.Welcome, first_lesson="mardi"), DRESS)
    assert "Votre première leçon\nmardi\n" in parts.text


def test_a_reminder_fills_the_slots_of_the_lesson_it_names() -> None:
    asked = letter_of(letters.Reminder, lesson="Pour {{ learner.first_name }} ?")
    plain, html = filled(compile.letter(asked, dress=dress.fitted(DRESS, course())))
    for part in (plain, html):
        assert "«\u202fPour Alice\u202f?\u202f»" in part


def test_marks_in_an_authors_text_are_refused() -> None:
    with pytest.raises(errors.ParcoursError):
        lesson_of("a \ue000 b")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2025", "2025"),
        ("2025-09", "septembre 2025"),
        ("2025-09-01", "1er\u00a0septembre 2025"),
        ("bientôt", "bientôt"),
    ],
)
def test_the_date_of_a_source(written: str, said: str) -> None:
    assert dress.month(written, "fr") == said


def test_marks_survive_capitals() -> None:
    assert (
        text._capitals(f"à {skeleton.slot('learner.first_name')} !")
        == f"À {skeleton.slot('learner.first_name')} !"
    )
    assert message.subject("x") == b"Subject: x\r\n"


def test_who_was_brought_by_somebody_else_is_told_where_from() -> None:
    for listed in (True, False):
        build = compile.letter(letter_of(letters.Confirm, listed=listed), dress=dress.fitted(DRESS, course()))
        for part in filled(build):
            assert ("Salon de Lyon" in part) == listed
