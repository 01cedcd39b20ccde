"""The lists of people and of mails, and one person's page, as who looks after learners meets them."""

from collections.abc import Callable

import pytest
from playwright.async_api import Browser
from sqlalchemy import update

from engine.core.accounts import Role
from engine.flows import people
from engine.tables import Delivery, Enrolment, Learner
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.test_browser import faults


@pytest.fixture
def tutor(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.TUTOR)


async def signed_up(visit: Visit) -> None:
    await visit.sign_up("alice@example.org", first_name="Éloïse", company="Atelier d'Art")
    await visit.sign_up("bob@example.net", first_name="Bob")


async def test_nobody_yet_and_what_to_do_about_it(tutor: Desk) -> None:
    shown = await tutor.get("/studio/people")
    assert "Personne n’est encore inscrit." in shown
    assert 'href="/"' in shown


async def test_people_are_found_and_shown_with_what_was_asked(visit: Visit, tutor: Desk) -> None:
    await signed_up(visit)
    shown = await tutor.get("/studio/people")
    assert "2\u00a0personnes" in shown.replace(" personnes", "\u00a0personnes")
    assert shown.index("bob@example.net") < shown.index("alice@example.org")
    shown = await tutor.get("/studio/people?q=elo+ART")
    assert "alice@example.org" in shown
    assert "bob@example.net" not in shown
    assert 'value="elo ART"' in shown
    shown = await tutor.get(f"/studio/people?state=pending&course={course.SLUG}&q=bob")
    assert "bob@example.net" in shown
    assert '<option value="pending" selected>' in shown
    assert 'name="lesson"' in shown
    shown = await tutor.get("/studio/people?q=nobody")
    assert "Personne ne correspond." in shown


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%ff%fe&company=%00&state=%00&course=%00&lesson=%00",
        "q=" + "a+" * 300,
        "before=99999999999999999999999",
        "before=-1",
        "before=x",
        "q=%27%3B--&state=%25",
        "q=%F0%9F%92%A9",
    ],
)
async def test_whatever_stands_in_the_address_is_answered(visit: Visit, tutor: Desk, query: str) -> None:
    await signed_up(visit)
    await tutor.get(f"/studio/people?{query}")


async def test_what_was_asked_is_put_back_as_text(visit: Visit, tutor: Desk) -> None:
    shown = await tutor.get("/studio/people?q=%22%3E%3Cscript%3E")
    assert "<script>" not in shown.split("</head>")[1]


async def test_a_page_and_the_next_one(visit: Visit, tutor: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await signed_up(visit)
    monkeypatch.setattr(people, "PAGE", 1)
    first = await tutor.get("/studio/people?q=example")
    assert "bob@example.net" in first
    assert "alice@example.org" not in first
    assert 'href="/studio/people?q=example&amp;before=2" rel="next"' in first
    second = await tutor.get("/studio/people?q=example&before=2")
    assert "alice@example.org" in second
    assert 'rel="next"' not in second
    assert 'href="/studio/people?q=example"' in second


async def test_one_persons_line_of_time(visit: Visit, tutor: Desk) -> None:
    await signed_up(visit)
    shown = await tutor.get("/studio/people/1")
    assert "alice@example.org" in shown
    assert "Accord demandé" in shown
    assert "Demande de confirmation" in shown
    assert "adresse à confirmer" in shown
    only = await tutor.get("/studio/people/1?group=mail")
    assert "Accord demandé" not in only
    assert "Demande de confirmation" in only
    none = await tutor.get("/studio/people/1?group=seat")
    assert "Rien de tel" in none
    await tutor.get("/studio/people/99", 404)
    await tutor.get("/studio/people/99999999999999999999", 404)


async def test_who_was_erased_has_no_page(visit: Visit, tutor: Desk) -> None:
    await signed_up(visit)
    async with visit.site.db.transaction() as session:
        await session.execute(update(Learner).where(Learner.id == 1).values(erased_at=visit.clock.now()))
    await tutor.get("/studio/people/1", 404)


async def test_what_waits_and_why(visit: Visit, tutor: Desk) -> None:
    assert "Rien n’attend" in await tutor.get("/studio/deliveries")
    await signed_up(visit)
    async with visit.site.db.transaction() as session:
        said = {"state": "retry", "reason": "452 4.2.2 <mailbox> full"}
        await session.execute(update(Delivery).where(Delivery.id == 1).values(**said))
        aside = {"state": "cancelled", "reason": "overtaken"}
        await session.execute(update(Delivery).where(Delivery.id == 2).values(**aside))
    shown = await tutor.get("/studio/deliveries")
    assert "452 4.2.2 &lt;mailbox&gt; full" in shown
    assert "bob@example.net" not in shown
    shown = await tutor.get("/studio/deliveries?state=cancelled")
    assert "dépassé par ce qui a suivi" in shown
    assert "Aucun message dans cet état." in await tutor.get("/studio/deliveries?state=failed")
    assert "Aucun message ne correspond." in await tutor.get("/studio/deliveries?kind=lesson")
    await tutor.get("/studio/deliveries?state=x&kind=%00&course=%00&lesson=%00")
    await tutor.get("/studio/deliveries?after=1.2.3", 404)


async def test_a_state_that_nobody_knows_is_still_a_page(visit: Visit, tutor: Desk) -> None:
    """A newer program may have written a kind or state that this one has no word for."""
    await signed_up(visit)
    async with visit.site.db.transaction() as session:
        await session.execute(update(Enrolment).where(Enrolment.id == 1).values(state="dancing"))
        await session.execute(update(Delivery).where(Delivery.id == 1).values(kind="waltz"))
    assert "dancing" in await tutor.get("/studio/people")
    assert "waltz" in await tutor.get("/studio/people/1")
    assert "waltz" in await tutor.get("/studio/deliveries")


async def test_lists_and_a_person_pass_axe_and_fit_a_phone(
    visit: Visit, tutor: Desk, browser: Browser
) -> None:
    await visit.confirmed("alice@example.org", first_name="Alice", company="Atelier Aubert")
    await visit.sign_up(f"{'bob' * 12}@{'very-long-name' * 3}.example.net", first_name="Bob")
    shown = ("/studio/people", "/studio/people/1", "/studio/people/2", "/studio/deliveries?state=sent")
    assert await faults(visit, browser, [*shown, "/studio/deliveries"], dict(tutor.http.cookies)) == []
