"""What a new version of a course changes for those in the middle of the old one."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import calendar, progress
from engine.core.course import change
from engine.core.course.change import Place
from engine.core.course.model import Course
from tests.core import courses
from tests.core.course.files import COURSE, FIRST, LAST, POINT, SECOND, changed, course, mini

SLOT = calendar.Slot(1, time(8, 30), "Europe/Paris")
DUE = calendar.Due(datetime(2027, 3, 23, 7, 30, tzinfo=UTC), date(2027, 3, 23))


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


def of(*keys: str) -> Course:
    """A course of bare lessons."""
    return courses.course(*(replace(courses.lesson(number), key=key) for number, key in enumerate(keys, 1)))


def at(key: str, *route: str) -> Place:
    return Place("lesson", key, route) if key else Place("farewell")


@pytest.mark.parametrize(
    ("old", "new", "stands", "skip", "send"),
    [
        # a lesson put in behind, just before, and ahead of somebody
        ("a b c", "x a b c", at("b"), at("b"), at("x", "x", "b", "c")),
        ("a b c", "a x b c", at("b"), at("b"), at("x")),
        ("a b c", "a b x c", at("b"), at("b"), at("b")),
        # what takes the place of the next lesson is no lesson put in behind
        ("a b c", "a x c", at("b"), at("x"), at("x")),
        ("a b c", "a c", at("b"), at("c"), at("c")),
        ("a b c", "a", at("b"), at(""), at("")),
        ("a b", "a x", at("b"), at("x"), at("x")),
        # another order: nothing that was owed is lost, nothing that came comes again
        ("a b c", "b a c", at("b"), at("b", "b", "c"), at("b", "b", "c")),
        ("a b c d", "c a b d", at("b"), at("c", "c", "b", "d"), at("c", "c", "b", "d")),
        ("a b c", "c b a", at("c"), at("c", "c"), at("c", "c")),
        # the last lesson has left, the course is not over yet
        ("a b", "a b x", at(""), at("x"), at("x")),
        ("a b", "a x b", at(""), at(""), at("x", "x")),
        ("a b", "b a", at(""), at(""), at("")),
        # who is on a way of his own stays on it
        ("x a b c", "x y a b c", at("x", "x", "b", "c"), at("x", "x", "y", "b", "c"), None),
        ("x a b c", "a b c", at("x", "x", "c"), at("c"), at("c")),
        ("a b", "c", Place("welcome"), Place("welcome"), Place("welcome")),
        ("a b", "c", at("gone"), at("gone"), at("gone")),
    ],
)
def test_where_somebody_goes_on(old: str, new: str, stands: Place, skip: Place, send: Place | None) -> None:
    before, after = of(*old.split()), of(*new.split())
    assert change.moved(before, after, stands, send=False) == skip
    assert change.moved(before, after, stands, send=True) == (send or skip)


def test_what_was_added_is_offered_to_who_finished_and_nothing_else() -> None:
    old, new = of("a", "b"), of("x", "a", "y", "b")
    assert change.offered(old, new) == at("x", "x", "y")
    assert change.offered(old, new, had={"x"}) == at("y", "y")
    assert change.offered(old, new, had={"x", "y"}) is None
    assert change.offered(new, old) is None
    assert change.offered(old, of("a", "b", "c")) == at("c")


KEYS = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)


@given(versions=st.lists(KEYS, min_size=2, max_size=4), data=st.data())
def test_over_any_versions_nothing_is_lost_and_nothing_comes_twice(
    versions: list[list[str]], data: st.DataObject
) -> None:
    """Somebody lives through several publications, receiving some lessons between them."""
    came: list[str] = []
    course = of(*versions[0])
    place = at(course.lessons[0].key)
    for keys in versions[1:]:
        place = receive(course, place, came, data.draw(st.integers(0, 4)))
        new, send = of(*keys), data.draw(st.booleans())
        owed = to_come(course, place)
        fresh = set(change.added(course, new))
        place = change.moved(course, new, place, send=send, had=fresh & set(came))
        going = to_come(new, place)
        assert going == [key for key in keys if key in going], "in the order of the new version"
        assert not set(going) & set(came), "nothing again"
        assert set(owed) & set(keys) <= set(going), "nothing lost"
        assert set(going) <= set(owed) | fresh, "nothing that was passed over before"
        if send:
            assert fresh - set(came) <= set(going)
        elif place.key in owed and place.key == (owed or [""])[0]:
            assert going[0] == place.key
        assert change.moved(new, new, place, send=send) == place
        course = new
    receive(course, place, came, 99)
    assert len(came) == len(set(came))


def to_come(course: Course, place: Place) -> list[str]:
    return [lesson.key for lesson in course.rest(place.key, place.route)]


def receive(course: Course, place: Place, came: list[str], count: int) -> Place:
    """The next `count` lessons come, by the planner's own rule."""
    for _ in range(count):
        if place.kind != "lesson":
            break
        stands = progress.Position("lesson", place.key, DUE, route=place.route)
        step = progress.step(course, stands, progress.Facts(), SLOT, calendar.Rules())
        assert step.mail
        came.append(step.mail.key)
        place = Place(step.position.kind, step.position.key, step.position.route)
    return place


@given(old=KEYS, new=KEYS, data=st.data())
def test_who_has_it_behind_skips_it_and_who_has_it_ahead_gets_it(
    old: list[str], new: list[str], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(old))
    found = change.moved(of(*old), of(*new), at(key), send=False)
    if key not in new:
        return
    fresh = set(new) - set(old)
    first = min(new.index(each) for each in old[old.index(key) :] if each in new)
    assert fresh & set(to_come(of(*new), found)) == fresh & set(new[first:])
