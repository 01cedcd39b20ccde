"""`parcours course …`, from the author's side."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.command import ROOT, parcours

MINI = ROOT / "tests" / "courses" / "mini"


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """A copy of the small course, to be spoilt."""
    return Path(shutil.copytree(MINI, tmp_path / "mini"))


def test_a_sound_course_passes() -> None:
    done = parcours("course", "check", str(MINI))
    assert (done.code, done.out) == (0, "")


@pytest.mark.parametrize("slug", ["ia-pme", "permis-ia", "demo-en"])
def test_a_bundled_course_is_clean_and_no_draft(slug: str) -> None:
    done = parcours("course", "check", slug)
    assert (done.code, done.out) == (0, "")


def test_facts_lists_every_source_with_its_lesson() -> None:
    done = parcours("course", "facts", "ia-pme", "--json")
    rows = json.loads(done.out)
    assert len(rows) > 20
    assert all(row["date"] and row["publisher"] and row["url"].startswith("http") for row in rows)
    assert {row["reliability"] for row in rows} <= {"H", "M"}
    table = parcours("course", "facts", "ia-pme").out
    assert all(row["title"] in table for row in rows)


def test_every_error_is_named_at_once_one_a_line_with_its_place(mini: Path) -> None:
    lesson = mini / "lessons" / "01-regarder.md"
    text = lesson.read_text().replace("minutes: 4", "minutes: 4\ncolour: blue")
    text += "\n[loin](lecon:nulle-part)\n\n![](images/boite.png)\n\n{{ learner.age }}\n\n<mj-hero>\n\n"
    text += ":::si answers.point.nope == 1\nx\n:::\n"
    lesson.write_text(text)
    lines = text.splitlines()
    done = parcours("course", "check", str(mini), COLUMNS="40")
    assert done.code == 1
    place = re.compile(rf"^{re.escape(str(lesson))}:(\d+): (.+) — (.+)$")
    found = {int(m[1]): m[2] for m in map(place.match, done.out.splitlines()) if m}
    assert len(found) == len(done.out.splitlines()), done.out
    for fragment in ("colour", "nulle-part", "![]", "learner.age", "mj-hero", "answers.point.nope"):
        number = next(n for n, line in enumerate(lines, 1) if fragment in line)
        assert number in found, f"{fragment} (line {number}) is not named:\n{done.out}"


def test_check_online_never_touches_private_addresses(mini: Path) -> None:
    lesson = mini / "lessons" / "03-tenir.md"
    lesson.write_text(lesson.read_text() + "\n[chez nous](http://127.0.0.1:1/), [là](http://localhost:1/)\n")
    done = parcours("course", "check", str(mini), "--online")
    assert done.code == 0
    assert "127.0.0.1:1/ : ne répond pas (127.0.0.1 est une adresse privée)" in done.out
    assert "localhost est une adresse privée" in done.out


def test_an_unknown_course_is_told(tmp_path: Path) -> None:
    done = parcours("course", "check", "nulle-part", cwd=tmp_path)
    assert done.code == 1
    assert "nulle-part" in done.err
    assert "Traceback" not in done.err


def test_a_new_course_passes_check_and_never_overwrites(tmp_path: Path) -> None:
    made = parcours("course", "new", "essai", cwd=tmp_path)
    assert made.code == 0
    assert parcours("course", "check", "essai", cwd=tmp_path).code == 0
    again = parcours("course", "new", "essai", cwd=tmp_path)
    assert again.code == 1
    assert "pas vide" in again.err


def test_the_schema_knows_fields_and_slots() -> None:
    schema = json.loads(parcours("course", "schema").out)
    assert "requires" in schema["$defs"]["LessonFile"]["properties"]
    assert "learner.first_name" in schema["x-slots"]


@pytest.mark.parametrize(
    ("start", "slot", "calendar", "day", "because"),
    [
        ("2027-03-22T10:00", "mon 08:30", "FR", "2027-03-30", "Lundi de Pâques"),
        ("2027-06-28T10:00", "wed 08:30", "FR", "2027-07-15", "Fête nationale"),
        ("2027-10-25T10:00", "thu 08:30", "FR", "2027-11-12", "Armistice"),
        ("2027-11-29T10:00", "mon 08:30", "FR-974", "2027-12-21", "Abolition de l'esclavage"),
    ],
)
def test_simulate_moves_lessons_off_holidays(
    start: str, slot: str, calendar: str, day: str, because: str
) -> None:
    done = parcours(
        *("course", "simulate", "ia-pme", "--start", start, "--slot", slot, "--calendar", calendar, "--json")
    )
    rows = json.loads(done.out)
    moved = next(row for row in rows if row["reason"])
    assert moved["at_local"].startswith(f"{day}T08:30")
    assert because in moved["reason"]
    assert set(moved) == {"lesson", "kind", "at_utc", "at_local", "reason"}


def test_metropolitan_france_knows_no_holiday_on_20_december() -> None:
    done = parcours(
        *("course", "simulate", "ia-pme", "--start", "2027-11-29T10:00", "--slot", "mon 08:30", "--json")
    )
    assert "2027-12-20" in {row["at_local"][:10] for row in json.loads(done.out)}


def test_simulate_a_silent_learner_a_pause_and_answers(mini: Path) -> None:
    base = ("course", "simulate", str(mini), "--start", "2027-03-22T10:00", "--json")
    answers = mini.parent / "answers.yaml"
    answers.write_text("learner: {size: 50}\nactivities:\n  point: {after: 15}\n")

    def kinds(*more: str) -> list[str]:
        return [row["kind"] for row in json.loads(parcours(*base, *more).out)]

    assert kinds() == ["welcome", "lesson", "lesson", "farewell"]
    assert kinds("--silent") == ["welcome", "lesson", "reminder", "reminder", "lesson", "farewell"]
    # With the answers' fifty people the lesson for teams comes too, and its activity is done late.
    late = ["welcome", "lesson", "lesson", "reminder", "lesson", "farewell"]
    assert kinds("--answers", str(answers)) == late
    paused = json.loads(parcours(*base, "--pause", "2027-03-23..2027-04-05").out)
    assert "pause" in paused[1]["reason"]
    assert paused[1]["at_local"] > "2027-04-06"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--start", "demain"),
        ("--start", "2027-03-22", "--slot", "tue 25:00"),
        ("--start", "2027-03-22", "--zone", "Mars/Base"),
        ("--start", "2027-03-22", "--calendar", "FR-999"),
        ("--start", "2027-03-22", "--pause", "2027-04-01"),
        ("--start", "2027-03-22", "--silent", "--answers", "x.yaml"),
        ("--start", "9999-12-31"),
    ],
)
def test_simulate_refuses_in_one_clear_line(wrong: tuple[str, ...]) -> None:
    done = parcours("course", "simulate", "ia-pme", *wrong)
    assert done.code == 1
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("activities:\n  point: {afer: 15}\n", "activities.point.afer: Extra inputs are not permitted"),
        ("activities: [\n", "line 2"),
        ("- rien\n", "the file: "),
        (None, "No such file"),
    ],
)
def test_simulate_says_in_one_line_what_is_wrong_with_the_answers(
    tmp_path: Path, written: str | None, told: str
) -> None:
    answers = tmp_path / "answers.yaml"
    if written is not None:
        answers.write_text(written)
    done = parcours("course", "simulate", "ia-pme", "--start", "2027-03-22", "--answers", str(answers))
    (line,) = done.err.strip().splitlines()
    assert (done.code, done.out) == (1, "")
    assert line.startswith(f"--answers: {answers}: ")
    assert told in line


def test_publishing_is_counted_first_and_can_be_undone(mini: Path, database_url: str) -> None:
    at = ("--database", database_url)
    assert parcours("db", "upgrade", *at).code == 0
    first = json.loads(parcours("course", "publish", str(mini), *at, "--json").out)
    nothing = parcours("course", "undo", "mini", *at)
    assert (nothing.code, "Rien n'a été publié avant" in nothing.err) == (1, True)
    lesson = mini / "lessons" / "01-regarder.md"
    lesson.write_text(lesson.read_text().replace("comptez", "notez"))
    counted = json.loads(parcours("course", "publish", str(mini), *at, "--dry-run", "--json").out)
    assert "à publier" in parcours("course", "publish", str(mini), *at, "--dry-run").out
    done = json.loads(parcours("course", "publish", str(mini), *at, "--json").out)
    assert counted == done
    assert (done["changed"], done["moved"], done["stay"], done["inserted"]) == (True, 0, 0, {})
    undone = json.loads(parcours("course", "undo", "mini", *at, "--json").out)
    assert undone == {"slug": "mini", "hash": first["hash"], "restored": 0, "kept": 0}
    again = parcours("course", "undo", "mini", *at)
    assert (again.code, "déjà annulée" in again.err) == (1, True)
    both = parcours("course", "publish", str(mini), *at, "--stay", "--send-added")
    assert (both.code, "--send-added" in both.err) == (1, True)


def test_publishing_exporting_and_publishing_again(mini: Path, database_url: str, tmp_path: Path) -> None:
    at = ("--database", database_url)
    too_early = parcours("course", "publish", str(mini), *at)
    assert too_early.code == 1
    assert "db upgrade" in too_early.err
    assert parcours("db", "upgrade", *at).code == 0
    first = json.loads(parcours("course", "publish", str(mini), *at, "--json").out)
    assert first["changed"] is True
    again = json.loads(parcours("course", "publish", str(mini), *at, "--json").out)
    assert (again["changed"], again["hash"]) == (False, first["hash"])
    assert parcours("course", "export", "mini", str(tmp_path / "out"), *at).code == 0
    for file in mini.rglob("*.*"):
        assert (tmp_path / "out" / file.relative_to(mini)).read_bytes() == file.read_bytes()
    (mini / "lessons" / "01-regarder.md").write_text("---\nsubject: x\n")
    broken = parcours("course", "publish", str(mini), *at)
    assert broken.code == 1
    assert "01-regarder.md:1:" in broken.err
