"""What a new version of a course changes for those in the middle of the old one."""

import pytest

from engine.core.course import change
from tests.core.course.files import COURSE, FIRST, LAST, POINT, SECOND, changed, course, mini


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (POINT, "Avez-vous", "Et si vous aviez"),
        (FIRST, "Regarder avant de trier", "Regarder, puis trier"),
        (FIRST, "comptez les mails", "notez les mails"),
        (LAST, "minutes: 3", "minutes: 9\nreview_by: 2027-01-01"),
        (COURSE, "Bienvenue", "Bonjour"),
        (COURSE, "title: Trier ses mails", "title: Trier ses messages"),
    ],
)
def test_words_keep_the_structure(path: str, old: str, new: str) -> None:
    assert change.keeps_structure(course(), course(changed(path, old, new)))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (SECOND, "size >= 10", "size >= 50"),
        (SECOND, "when: learner.size >= 10\n", ""),
        (LAST, "reminders: 2", "reminders: 1"),
        (LAST, "minutes: 3", "minutes: 3\ndelay: 10"),
        (SECOND, "module: debut", "module: fin"),
        (FIRST, "activite:point", "lecon:tenir"),
        (COURSE, "calendar: FR", "calendar: FR-974"),
        (COURSE, "calendar: FR", "calendar: FR\npace: 2"),
    ],
)
def test_keys_order_activities_and_conditions_do_not(path: str, old: str, new: str) -> None:
    assert not change.keeps_structure(course(), course(changed(path, old, new)))


def test_renumbering_changes_the_order_only_when_it_does() -> None:
    files = mini()
    files["lessons/07-tenir.md"] = files.pop(LAST)
    assert change.keeps_structure(course(), course(files))
    files["lessons/08-equipe.md"] = files.pop(SECOND).replace(b"debut", b"fin")
    assert not change.keeps_structure(course(), course(files))


def test_a_learner_goes_on_with_his_lesson_or_the_next_one_that_is_left() -> None:
    files = mini()
    del files[SECOND]
    files["lessons/00-neuve.md"] = b"---\nsubject: Neuve\nmodule: debut\n---\nMot."
    old, new = course(), course(files)
    assert [change.successor(old, new, key) for key in ("regarder", "equipe", "tenir")] == [
        "regarder",
        "tenir",
        "tenir",
    ]
    assert change.successor(new, old, "neuve") == "regarder"
    assert change.successor(old, new, "inconnue") == ""


def test_nobody_goes_back_when_the_last_lessons_are_gone() -> None:
    files = changed(COURSE, "  - key: fin\n    title: Tenir\n    summary: On garde le rythme.\n", "")
    del files[LAST]
    assert change.successor(course(), course(files), "tenir") == ""
