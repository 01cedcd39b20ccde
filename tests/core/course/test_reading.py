"""From files to a course, and never an exception, whatever stands in them."""

import random

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.core import calendar
from engine.core.course import grammar, reading, yamlfile
from tests.core.course.files import COURSE, FIRST, IMAGE, LAST, POINT, SLUG, changed, course, mini

PATHS = sorted(mini())
patient = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def test_a_course_is_what_its_files_say() -> None:
    found = course()
    assert (found.slug, found.title, found.language, found.slot) == (
        SLUG,
        "Trier ses mails",
        "fr",
        "tue 08:30",
    )
    assert found.rules == calendar.Rules()
    assert [(each.number, each.key, each.module.key) for each in found.lessons] == [
        (1, "regarder", "debut"),
        (2, "equipe", "debut"),
        (3, "tenir", "fin"),
    ]
    first, second, last = found.lessons
    assert (first.minutes, first.delay, first.when, first.draft) == (4, None, None, False)
    assert [source.id for source in first.sources] == ["enquete"]
    assert first.activities == second.activities == ("point",)
    assert second.when == "learner.size >= 10"
    assert last.requires == grammar.Requires(activity="point", reminders=2, limit=21, then="continue")
    assert isinstance(found.activities["point"], grammar.Checkin)
    assert found.images == {IMAGE: mini()[IMAGE]}
    assert found.lesson("tenir") is last
    assert found.lesson("x") is None
    assert found.rest("regarder") == found.lessons
    assert found.rest("x") == ()


def test_the_rules_of_the_calendar_come_from_the_course() -> None:
    rules = course(
        changed(
            COURSE,
            "calendar: FR",
            "calendar: FR-974\nclosed_days: next_slot\nworking_days: [mon, sat]\nmin_gap_days: 5\npace: 2\n"
            "too_late_days: 9\nclosing_periods: [{from: 2027-08-02, to: 2027-08-22, label: été}]",
        )
    ).rules
    assert (rules.calendar, rules.closed_days) == ("FR-974", "next_slot")
    assert rules.working_days == {0, 5}
    assert (rules.min_gap_days, rules.too_late_days, rules.pace) == (5, 9, 2)
    assert [(c.first.day, c.last.day, c.label) for c in rules.closings] == [(2, 22, "été")]


@pytest.mark.parametrize(
    ("written", "days"), [("10", 10), ("10 days", 10), ("1 day", 1), ("next slot", None)]
)
def test_a_delay_in_days_or_the_next_slot(written: str, days: int | None) -> None:
    last = course(changed(LAST, "minutes: 3", f"minutes: 3\ndelay: {written}")).lessons[-1]
    assert last.delay == days


def test_lessons_go_by_number_not_by_name() -> None:
    files = mini()
    files["lessons/10-apres.md"] = files.pop(LAST)
    files["lessons/9-avant.md"] = b"---\nsubject: Avant\nmodule: debut\n---\nMot."
    assert [each.key for each in course(files).lessons] == ["regarder", "equipe", "avant", "apres"]


def test_a_course_without_a_course_file_or_lessons() -> None:
    assert [p.path for p in reading.read({}, slug=SLUG).problems] == [COURSE, COURSE]
    assert all(p.line == 1 for p in reading.read({}, slug=SLUG).problems)
    (problem,) = reading.read(mini(), slug="Été 2027").problems
    assert "minuscules" in problem.cure


@patient
@given(st.sampled_from(PATHS), st.binary(max_size=300))
@example(COURSE, b"a: &x [*x]")
@example(COURSE, b"[" * 5000)
@example(COURSE, b"a: !!timestamp foo\nb: !!int ''\nc: !!bool foo\nd: !!float ''\ne: !!binary x")
@example(POINT, b"? [kind]\n: checkin\n? {a: b}\n: - c")
@example(LAST, b"---\n---\n" + b">" * 3000)
@example(LAST, b"---\nsubject: x\nmodule: fin\nwhen: '" + b"(" * 290 + b"'\n---\nx")
@example(LAST, b"---\r---\r\x85\xe2\x80\xa8")
def test_any_bytes_in_any_file(path: str, data: bytes) -> None:
    check(mini() | {path: data})


@patient
@given(st.sampled_from(PATHS), st.randoms(use_true_random=False), st.integers(1, 6))
def test_a_file_that_was_damaged(path: str, dice: random.Random, wounds: int) -> None:
    """Closer to a course than noise: bytes lost, doubled, swapped for what YAML and Markdown mind."""
    data = bytearray(mini()[path])
    for _ in range(wounds):
        start = dice.randrange(len(data) + 1)
        end = start + dice.choice([0, 0, 1, 3, 20])
        data[start:end] = dice.choice(
            [b"", b"", b"\n", *(bytes([byte]) for byte in b"\0\r\"'*&!?{}[]:-|>#%@`<")]
        )
    check(mini() | {path: bytes(data)})


@patient
@given(
    st.dictionaries(
        st.sampled_from([*grammar.CourseFile.model_fields, *grammar.LessonFile.model_fields, "kind", "x\ny"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=6,
    )
)
def test_fields_of_any_type(fields: dict[str, object]) -> None:
    text = yaml.safe_dump(fields, allow_unicode=True)
    check(
        mini() | {COURSE: text.encode(), POINT: text.encode(), FIRST: f"---\n{text}---\nBonjour.\n".encode()}
    )


def check(files: dict[str, bytes]) -> None:
    """Problems stand in a line that exists, and take one; a course is there when there is no error."""
    found = reading.read(files, slug=SLUG)
    assert (found.course is None) == bool(found.errors)
    for problem in found.problems:
        text = files[problem.path].replace(b"\r", b"\n").replace(b"\xc2\x85", b"\n").decode(errors="replace")
        assert 1 <= problem.line <= len(text.splitlines()) + 1, problem
        assert len(str(problem).splitlines()) == 1
        assert problem.cause
        assert problem.cure


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    loaded, problems = yamlfile.load(bomb, path=COURSE)
    assert len(problems) == 59 * 2
    assert loaded.line(("a9",)) == 10


def test_a_clock_time_is_no_number() -> None:
    loaded, _ = yamlfile.load("a: 08:30\nb: 10:30\nc: 12", path=COURSE)
    assert loaded.value == {"a": "08:30", "b": "10:30", "c": 12}
