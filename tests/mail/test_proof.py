"""What an author looks at: the mails as they would leave, for learners who do not exist."""

import pytest

from engine.core import errors, fictitious
from engine.core.course import markup, reading
from engine.mail import proof
from tests import every
from tests.core.course import files
from tests.people import DRESS

MINI = files.course()
CAMILLE, NOUR, SACHA = fictitious.LEARNERS


def test_every_mail_of_a_course_has_a_proof() -> None:
    names = [sheet.name for sheet in proof.sheets(MINI)]
    assert names == ["welcome", "lesson-regarder", "lesson-equipe", "lesson-tenir", "farewell"]
    for name in names:
        made = proof.make(MINI, name, DRESS, CAMILLE)
        assert made.html.startswith("<!doctype html>")
        assert made.subject
        assert made.text
        assert b"\r\n\r\n" in made.source
        assert made.html_size > 1000
    with pytest.raises(errors.NotFound):
        proof.make(MINI, "nothing", DRESS)


def changed(text: str) -> dict[str, bytes]:
    return files.mini() | {files.FIRST: files.mini()[files.FIRST] + text.encode()}


def test_passages_are_shown_to_the_learner_they_are_for() -> None:
    course = files.course(
        changed(
            "\n:::si learner.size >= 50\nEn grand.\n:::\n"
            "\n:::si answers.point.done\nBravo.\n:::\n"
            "\n:::si learner.size < 50 and learner.size > 0\nEn petit.\n:::\n"
        )
    )

    def shown(learner: fictitious.Learner | None) -> list[str]:
        text = proof.make(course, "lesson-regarder", DRESS, learner).text
        return [word for word in ("En grand.", "Bravo.", "En petit.") if word in text]

    assert shown(None) == ["En grand.", "Bravo.", "En petit."]
    assert shown(CAMILLE) == ["Bravo.", "En petit."]
    assert shown(NOUR) == ["En grand.", "Bravo."]
    assert shown(SACHA) == []


def test_a_fictitious_learner_answers_every_kind_of_activity_as_well_as_can_be() -> None:
    facts = fictitious.facts(CAMILLE, every.COURSE)
    assert facts.handed_in == frozenset(every.COURSE.activities)
    assert {score["total"] for score in facts.score.values() if score} == {100.0}
    assert fictitious.facts(SACHA, every.COURSE).handed_in == frozenset()
    assert fictitious.learner("nour") == NOUR
    assert fictitious.learner("nobody") == CAMILLE


def test_a_draft_with_mistakes_elsewhere_still_shows_what_can_be_shown() -> None:
    spoilt = files.mini() | {
        files.LAST: b"---\nsubject: [\n",
        "activities/d.yaml": b"kind: diagnostic\ntitle: D\naxes: [{key: a, title: A}]\nquestions:\n"
        b"  - {key: q, axis: b, prompt: Q, choices: [{key: x, label: X}, {key: y, label: Y}]}\n"
        b"levels: [{at: 0, title: L, text: T}]\n",
        "activities/q.yaml": b"kind: quiz\ntitle: Q\nquestions:\n"
        b"  - {key: q, type: single, prompt: Q, choices: [{key: x, label: X}]}\n",
    }
    found = reading.read(spoilt, slug="mini")
    assert found.course is None
    assert found.sketch
    assert proof.make(found.sketch, "lesson-regarder", DRESS, CAMILLE).text


def test_dark_and_light_do_not_depend_on_the_browser() -> None:
    html = proof.make(MINI, "lesson-regarder", DRESS).html
    assert "prefers-color-scheme" in html
    dark, light = proof.lit(html, dark=True), proof.lit(html, dark=False)
    assert "prefers-color-scheme" not in dark + light
    assert "@media all {" in dark
    assert "@media not all {" in light


def test_pictures_come_from_where_one_says() -> None:
    course = files.course(changed("\n![Une boîte](images/boite.png)\n"))
    html = proof.make(course, "lesson-regarder", DRESS).html
    asked: list[str] = []

    def nowhere(source: str) -> str:
        asked.append(source)
        return "data:,"

    assert 'src="data:,"' in proof.with_pictures(html, nowhere)
    assert asked[-1] == "https://parcours.example.org/c/mini/images/boite.png"


def test_reading_takes_a_minute_for_two_hundred_words() -> None:
    assert proof.reading_minutes(markup.parse("mot " * 20, language="fr")) == 1
    assert proof.reading_minutes(markup.parse("mot " * 620, language="fr")) == 3
