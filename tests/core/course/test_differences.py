"""What an author reads of a change, lesson by lesson."""

from engine.core.course import differences
from engine.core.course.differences import Change
from tests.core.course.files import COURSE, FIRST, IMAGE, LAST, POINT, SECOND, changed, course, mini


def told(after: dict[str, bytes]) -> list[Change]:
    return differences.changes(course(), course(after), mini(), after)


def short(after: dict[str, bytes]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.noun, each.key, each.what) for each in told(after)]


def test_what_is_the_same_is_not_told() -> None:
    assert told(mini()) == []


def test_an_edited_lesson_comes_with_its_difference() -> None:
    (change,) = told(changed(FIRST, "comptez les mails", "notez les mails"))
    assert (change.noun, change.key, change.what) == ("lesson", "regarder", ("edited",))
    assert change.title == course().lessons[0].subject
    assert any(line.startswith("-") and "comptez" in line for line in change.diff.splitlines()[2:])
    assert any(line.startswith("+") and "notez" in line for line in change.diff.splitlines()[2:])


def test_a_lesson_put_in_renumbers_the_others_without_a_word() -> None:
    files = mini()
    files["lessons/09-tenir.md"] = files.pop(LAST)
    files["lessons/03-neuve.md"] = b"---\nsubject: Neuve\nmodule: debut\n---\nMot."
    assert short(files) == [("lesson", "neuve", ("added",))]


def test_a_lesson_that_changes_place_is_moved_and_may_be_edited_too() -> None:
    files = mini()
    files["lessons/01-equipe.md"] = files.pop(SECOND)
    files["lessons/02-regarder.md"] = files.pop(FIRST)
    (change,) = told(files)
    assert (change.what, change.diff) == (("moved",), "")
    files["lessons/01-equipe.md"] += b"\nEncore un mot.\n"
    files["lessons/02-regarder.md"] += b"\nEt un autre.\n"
    found = {key: what for _, key, what in short(files)}
    assert set(found) == {"equipe", "regarder"}
    assert sorted(found.values()) == [("edited",), ("moved", "edited")]


def test_what_is_gone_comes_after_the_rest() -> None:
    files = changed(LAST, "minutes: 3", "minutes: 4")
    del files[SECOND]
    assert short(files) == [("lesson", "tenir", ("edited",)), ("lesson", "equipe", ("removed",))]


def test_activities_and_other_files_follow_the_lessons() -> None:
    files = changed(POINT, "Avez-vous", "Et si vous aviez")
    files[COURSE] = files[COURSE].replace(b"Bienvenue", b"Bonjour")
    files[IMAGE] += b"\x00"
    assert short(files) == [
        ("activity", "point", ("edited",)),
        ("file", COURSE, ("edited",)),
        ("file", IMAGE, ("edited",)),
    ]
    assert told(files)[-1].diff == "", "no text, no difference"


def test_of_a_version_that_does_not_read_only_files_are_told() -> None:
    after = changed(FIRST, "comptez", "notez")
    found = differences.changes(None, course(after), mini(), after)
    assert [(each.noun, each.key) for each in found] == [("file", FIRST)]
