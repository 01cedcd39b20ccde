"""Moving lessons about: keys stay, numbers follow, and nothing else changes."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import errors
from engine.core.course import editing, reading, starters
from tests.core.course import files
from tests.core.course.files import COURSE, FIRST, LAST, SECOND

MINI = files.mini()


def keys(course: dict[str, bytes]) -> list[str]:
    return [editing.lesson_key(path) for path in editing.in_order(course)]


def read(course: dict[str, bytes]) -> reading.Reading:
    return reading.read(course, slug="mini")


def modules(course: dict[str, bytes]) -> list[str]:
    found = read(course).sketch
    assert found
    return [lesson.module.key for lesson in found.lessons]


def test_a_new_lesson_stands_at_the_end_of_its_module_and_the_next_ones_move_on() -> None:
    made = editing.add_lesson(MINI, "Écrire : l'essentiel, en œuvre", "debut")
    assert keys(made) == ["regarder", "equipe", "ecrire-l-essentiel-en-oeuvre", "tenir"]
    assert keys(editing.add_lesson(MINI, "Finir")) == ["regarder", "equipe", "tenir", "finir"]
    assert "lessons/04-tenir.md" in made
    assert read(made).course, read(made).problems
    kept = {path: data for path, data in made.items() if path in MINI and not path.startswith("lessons/")}
    assert kept == {path: data for path, data in MINI.items() if not path.startswith("lessons/")}


def test_a_title_is_kept_as_it_was_typed_and_everything_else_byte_for_byte() -> None:
    before = MINI[FIRST].decode()
    after = editing.retitle(MINI, "regarder", "Regarder : « trier », #1 & l'écrire")[FIRST].decode()
    found = read({**MINI, FIRST: after.encode()}).course
    assert found
    assert found.lessons[0].subject == "Regarder : « trier », #1 & l'écrire"
    old, new = before.splitlines(), after.splitlines()
    assert [line for line in new if not line.startswith("subject:")] == [
        line for line in old if not line.startswith("subject:")
    ]


@pytest.mark.parametrize(
    "header",
    [
        "subject: |\n  Deux\n  lignes\nmodule: m\n",
        "module: m\nsubject:\n",
        "module: m\n",
        "{subject: ancien, module: m}\n",
        "module: m\nsubject: 'ancien' # une remarque\n",
        "module: m\r\nsubject: ancien\r\nminutes: 4\r\n",
    ],
)
@pytest.mark.parametrize("title", ["Nouveau", "oui: non, [x] # y", "12", "null", "« a », {b}"])
def test_a_field_is_said_anew_however_it_was_written(header: str, title: str) -> None:
    text = f"\ufeff---\n{header}---\nLe texte.\n"
    made = editing.retitle({"lessons/01-a.md": text.encode()}, "a", title)["lessons/01-a.md"].decode()
    fields = yaml.safe_load(made.removeprefix("\ufeff").split("---")[1])
    assert (fields["subject"], fields["module"]) == (title, "m")
    assert made.endswith("---\nLe texte.\n")
    assert ("une remarque" in made) == ("une remarque" in header)


@pytest.mark.parametrize(
    "text", [b"no header", b"---\n: [\n---\nx", b"\xff\xfe", b"---\n- a list\n---\nx", b"---\n\n---\n"]
)
def test_a_header_that_cannot_be_read_is_told_and_left_alone(text: bytes) -> None:
    course = {"lessons/01-a.md": text, "lessons/02-b.md": MINI[FIRST]}
    if b"---\n\n---" in text:
        assert b"subject: x" in editing.retitle(course, "a", "x")["lessons/01-a.md"]
    else:
        with pytest.raises(errors.Invalid):
            editing.retitle(course, "a", "x")
    assert keys(editing.step(course, "b", -1)) == ["b", "a"]


def test_a_lesson_moves_past_its_neighbour_and_at_the_edge_into_the_next_module() -> None:
    course = editing.new_course("Essai")
    first = b"    title: Pour commencer\n"
    more = b"  - {key: vide, title: Vide}\n  - {key: suite, title: La suite}\n"
    course[COURSE] = course[COURSE].replace(first, first + more)
    course = editing.add_lesson(course, "Deux", "debuts")
    course = editing.add_lesson(course, "Trois", "suite")
    steps = [(keys(course), modules(course))]
    for _ in range(4):
        course = editing.step(course, "premier-pas", 1)
        steps.append((keys(course), modules(course)))
    course = editing.step(course, "premier-pas", -1)
    steps.append((keys(course), modules(course)))
    assert steps == [
        (["premier-pas", "deux", "trois"], ["debuts", "debuts", "suite"]),
        (["deux", "premier-pas", "trois"], ["debuts", "debuts", "suite"]),
        (["deux", "premier-pas", "trois"], ["debuts", "vide", "suite"]),
        (["deux", "premier-pas", "trois"], ["debuts", "suite", "suite"]),
        (["deux", "trois", "premier-pas"], ["debuts", "suite", "suite"]),
        (["deux", "premier-pas", "trois"], ["debuts", "suite", "suite"]),
    ]


def test_at_either_end_nothing_changes() -> None:
    assert editing.step(MINI, "regarder", -1) == MINI
    assert editing.step(MINI, "tenir", 1) == MINI


def test_two_files_of_one_key_are_both_kept() -> None:
    course = {COURSE: MINI[COURSE], "lessons/1-a.md": MINI[FIRST], "lessons/02-a.md": MINI[SECOND]}
    made = editing.add_lesson(course, "b")
    assert {MINI[FIRST], MINI[SECOND]} < set(made.values())
    assert len(made) == 4


def test_a_deleted_lesson_comes_back_to_its_place() -> None:
    without = editing.delete_lesson(MINI, "equipe")
    assert keys(without) == ["regarder", "tenir"]
    assert editing.restore_lesson(without, SECOND, MINI[SECOND]) == MINI
    with pytest.raises(errors.Invalid):
        editing.restore_lesson(MINI, SECOND, b"")
    with pytest.raises(errors.NotFound):
        editing.delete_lesson(without, "equipe")


@pytest.mark.parametrize("kind", starters.ACTIVITIES)
def test_a_new_activity_of_each_kind_is_right_as_it_stands(kind: str) -> None:
    made, path = editing.add_activity(MINI, kind, "Un titre : le mien")
    found = read(made)
    assert found.course, found.problems
    assert path == "activities/un-titre-le-mien.yaml"
    activity = found.course.activities["un-titre-le-mien"]
    assert (activity.kind, activity.title) == (kind, "Un titre : le mien")
    assert set(starters.ACTIVITIES) == {"checkin", "quiz", "diagnostic", "poll", "charter", "agreement"}
    again, other = editing.add_activity(made, kind, "Un titre : le mien")
    assert other == "activities/un-titre-le-mien-2.yaml"
    assert len(again) == len(made) + 1


def test_what_cannot_be_named_is_refused() -> None:
    for title in ("", " \n", "x" * 71, "\x00"):
        with pytest.raises(errors.Invalid):
            editing.add_lesson(MINI, title)
    with pytest.raises(errors.Invalid):
        editing.add_activity(MINI, "novel", "Un roman")


def test_a_new_course_is_right_as_it_stands() -> None:
    found = reading.read(editing.new_course("L'accueil : « à nous »"), slug="accueil")
    assert found.course, found.problems
    assert found.course.title == "L'accueil : « à nous »"


@given(st.text(max_size=90), st.sets(st.sampled_from(["a", "sans-titre", "sans-titre-2"])))
def test_any_title_makes_a_key_that_is_free(title: str, used: set[str]) -> None:
    key = editing.key_of(title, used)
    assert reading.LESSON_PATH.match(f"lessons/01-{key}.md")
    assert len(key) <= 40
    assert key not in used
    assert len(editing.key_of(title, {key, *used})) <= 40


_TITLES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda text: text.strip())
_Act = tuple[str, object, object]
_ACTS = st.one_of(
    st.tuples(st.just("add"), _TITLES, st.integers(0, 3)),
    st.tuples(st.just("delete"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("up"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("down"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("title"), st.integers(0, 20), _TITLES),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ACTS, max_size=12))
def test_in_any_order_of_acts_keys_stay_unique_and_every_file_readable(acts: list[_Act]) -> None:
    course = {path: data for path, data in MINI.items() if path != LAST}
    for act, what, more in acts:
        before = course
        try:
            course = _done(course, act, what, more)
        except errors.Invalid:
            assert act in ("add", "title")
            continue
        _sound(before, course, act)


def _done(course: dict[str, bytes], act: str, what: object, more: object) -> dict[str, bytes]:
    modules = [*editing.module_keys(course), "", "unknown"]
    if act == "add":
        assert isinstance(more, int)
        return editing.add_lesson(course, str(what), modules[more])
    if not keys(course):
        return course
    assert isinstance(what, int)
    key = keys(course)[what % len(keys(course))]
    match act:
        case "delete":
            return editing.delete_lesson(course, key)
        case "title":
            return editing.retitle(course, key, str(more))
    return editing.step(course, key, -1 if act == "up" else 1)


def _sound(before: dict[str, bytes], course: dict[str, bytes], act: str) -> None:
    assert len(keys(course)) == len(set(keys(course)))
    numbers = [int(path.removeprefix("lessons/").split("-")[0]) for path in editing.in_order(course)]
    assert act == "title" or course == before or numbers == list(range(1, len(numbers) + 1))
    if act in ("up", "down"):
        assert sorted(keys(course)) == sorted(keys(before))
    found = read(course).errors
    # What may be wrong is what the text says of lessons that are gone, and an empty course.
    unmet = "« point » n'est proposée par aucune leçon précédente"
    known = {"lien vers la leçon", "aucune leçon", unmet, "leçon", ""}
    assert {each.cause.split(" «")[0] for each in found} <= known, found
