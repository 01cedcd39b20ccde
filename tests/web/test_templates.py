"""Each page shows exactly what its context holds."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time

import pytest
from jinja2 import meta, nodes
from starlette.requests import Request

from engine import app, paths, serving
from engine.core import asking, calendar, certificates, views
from engine.web import contexts, forms, pages

CONTEXTS = {
    found.template: found
    for found in vars(contexts).values()
    if isinstance(getattr(found, "template", None), str)
}
EVERYWHERE = {
    "_",
    "lang",
    "here",
    "page_path",
    "other_language",
    "controller",
    "controller_address",
    "demo",
    "asset",
}


def _used(name: str) -> set[str]:
    environment = pages.environment()
    path = paths.templates() / "web" / name
    tree = environment.parse(path.read_text())
    own = {node.target for node in tree.find_all(nodes.Import)} | {n.name for n in tree.find_all(nodes.Macro)}
    # What a template sets at its top it may use in its blocks.
    own |= {n.name for set_ in tree.find_all(nodes.Assign) for n in set_.target.find_all(nodes.Name)}
    own |= {set_.target.name for set_ in tree.find_all(nodes.Assign) if isinstance(set_.target, nodes.Name)}
    used = meta.find_undeclared_variables(tree) - set(environment.globals) - own
    included = {node.template.value for node in tree.find_all(nodes.Include)}  # type: ignore[attr-defined]  # a name
    return used.union(*map(_used, included))


@pytest.mark.parametrize("name", sorted(CONTEXTS))
def test_a_template_uses_exactly_the_fields_of_its_context(name: str) -> None:
    assert _used(name) - EVERYWHERE == {field.name for field in fields(CONTEXTS[name])}


def test_every_template_has_its_context() -> None:
    found = {path.name for path in (paths.templates() / "web").glob("*.html")}
    found -= {"preview.html"}  # the author's own page, on his own machine: engine/preview.py
    assert {name for name in found if not name.startswith("_")} == set(CONTEXTS)


TODO = views.ActivityLine("point", asking.Ask("Trois tâches", "Notées ?", (), "C’est fait"), done=False)
LESSON = views.LessonLine("suite", 2, "La suite", 6, views.Progress.NEXT, None, ())
DUE = datetime(2027, 3, 30, 6, 34, tzinfo=UTC)
WHY = "Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars"
SLOT = calendar.Slot(0, time(8, 30), "Europe/Paris")
PAGE = views.CoursePage(
    slug="essai",
    course="L'essai",
    language="fr",
    state="active",
    starts_at=None,
    paused_until=None,
    modules=(views.ModuleLine("Le début", (LESSON,)),),
    areas=(),
    areas_note="",
    sent=1,
    done=0,
    activities=1,
    count=2,
    next=views.Next(2, "La suite", DUE, WHY, None),
    gestures=views.Gestures(),
    choices=views.Choices("Bob", "bob@example.org", SLOT, 1, frozenset(range(5))),
    zone="Europe/Paris",
    tutor="",
    attestation=None,
)


def _my_course(site: app.Site, page: views.CoursePage, query: bytes = b"") -> str:
    scope = {"type": "http", "method": "GET", "path": "/m/x", "query_string": query, "headers": []}
    request = Request({**scope, "app": serving.web_app(site, workers=False)})
    context = contexts.MyCourse(page, "/m/x", "/u/x", "/f/x", {}, {"point": "/a/x"}, forms.TIMES, forms.ZONES)
    return bytes(pages.render(request, context, language=page.language).body).decode()


def _next(**values: object) -> views.CoursePage:
    assert PAGE.next
    return replace(PAGE, next=replace(PAGE.next, **values))  # type: ignore[arg-type]


MOMENT = "mardi 30\u00a0mars 2027 à 8\u00a0h\u00a034"


def test_my_course_says_why_a_lesson_moved(site: app.Site) -> None:
    shown = _my_course(site, PAGE)
    assert MOMENT in shown
    assert "Lundi de Pâques" in shown
    english = _my_course(site, PAGE, b"lang=en")
    assert "Tuesday 30\u00a0March 2027 at 8:34\u00a0am" in english
    assert "Easter Monday (Mon 29\u00a0March): moved to Tuesday 30\u00a0March" in english
    assert "Lundi" not in english


def test_my_course_asks_first_for_what_a_lesson_needs(site: app.Site) -> None:
    ahead = _my_course(site, _next(needs=TODO))
    assert MOMENT in ahead
    assert "faites d’abord ceci\u00a0: «\u202fTrois tâches\u202f»" in ahead
    shut = _my_course(site, _next(waits_for=TODO))
    assert MOMENT not in shut, "the day of a reminder is not that of the lesson"
    for shown in (ahead, shut):
        assert 'href="/a/x">C’est fait</a>' in shown
        assert "Sans réponse de votre part" not in shown


@pytest.mark.parametrize("gate", ["needs", "waits_for"])
def test_my_course_says_when_a_lesson_leaves_all_the_same(site: app.Site, gate: str) -> None:
    page = _next(anyway_at=datetime(2027, 4, 20, 6, 34, tzinfo=UTC), **{gate: TODO})
    told = "Sans réponse de votre part, elle partira le mardi 20\u00a0avril 2027 à 8\u00a0h\u00a034."
    assert told in _my_course(site, page)


@pytest.mark.parametrize(
    ("state", "values", "said"),
    [
        ("paused", {"paused_until": date(2027, 5, 3)}, "tout seul le lundi 3\u00a0mai 2027"),
        ("paused", {}, "quand vous le direz"),
        ("waiting", {"starts_at": DUE}, "commence le mardi 30\u00a0mars 2027"),
        ("waiting", {}, "se prépare"),
        ("completed", {}, "au bout du parcours"),
        ("stopped", {}, "Vous avez quitté ce parcours"),
    ],
)
def test_my_course_has_words_for_every_state(
    site: app.Site, state: str, values: dict[str, object], said: str
) -> None:
    page = replace(PAGE, state=state, next=None, **values)  # type: ignore[arg-type]
    assert said in _my_course(site, page)


ISSUED = views.Issued("BKTR-WMXC-FHZN-GDPV", "Bob Bertin", DUE, revoked=False, correct_until=None)
LEFT = (certificates.Missing("activity", "point", "Trois tâches"),)


@pytest.mark.parametrize(
    ("attestation", "said"),
    [
        (views.Attestation("Attestation", (), None), "prête\u00a0: il ne manque que votre nom"),
        (views.Attestation("Attestation", (), ISSUED), "est dans vos documents"),
        (views.Attestation("Attestation", LEFT, None), "Il reste peu à faire"),
        (views.Attestation("Attestation", (), replace(ISSUED, revoked=True)), ""),
        (None, ""),
    ],
)
def test_my_course_speaks_of_the_attestation_at_the_end(
    site: app.Site, attestation: views.Attestation | None, said: str
) -> None:
    shown = _my_course(site, replace(PAGE, state="completed", next=None, attestation=attestation))
    assert said in shown
    assert ("attestation" in shown) == bool(said)
    assert 'href="/f/x"' in shown
    assert "attestation" not in _my_course(site, replace(PAGE, attestation=attestation))
