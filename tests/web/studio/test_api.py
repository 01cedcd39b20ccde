"""Keys and webhooks in the studio: what is secret is shown once, and what happened can be looked up."""

import re
from collections.abc import Callable

from playwright.async_api import Browser
from sqlalchemy import select

from engine.core.accounts import Role
from engine.core.tokens import Scope
from engine.core.webhooks import Event
from engine.flows import accounts, hooks, tokens, webhooks
from engine.tables import ApiToken, Webhook, WebhookDelivery
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.test_browser import faults

URL = "https://crm.example.org/parcours"


async def make_key(owner: Desk, name: str = "Le CRM") -> str:
    shown = await owner.post("/studio/api", 200, do="key", name=name, scopes="courses:read")
    found = re.search(r'class="secret whole">(parc_[^<]+)<', shown.text)
    assert found
    return found[1]


async def add_webhook(owner: Desk) -> str:
    shown = await owner.post("/studio/api", 200, do="webhook", url=URL, events="enrolment.confirmed")
    found = re.search(r'class="secret whole">(whsec_[^<]+)<', shown.text)
    assert found
    return found[1]


async def hook(visit: Visit) -> Webhook:
    async with visit.site.db.reading() as session:
        (found,) = await webhooks.every(session)
    return found


async def test_a_key_is_shown_once_opens_its_rights_and_is_revoked(visit: Visit, owner: Desk) -> None:
    token = await make_key(owner)
    listed = await owner.get("/studio/api")
    assert token not in listed
    assert "jamais" in listed
    header = {"Authorization": f"Bearer {token}"}
    assert (await visit.http.get("/api/v1/courses", headers=header)).status_code == 200
    assert (await visit.http.get("/api/v1/learners", headers=header)).status_code == 403
    await owner.post("/studio/api/keys/1")
    assert (await visit.http.get("/api/v1/courses", headers=header)).status_code == 401
    assert "retirée" in await owner.get("/studio/api")
    log = await owner.get("/studio/audit")
    assert "token_created" in log
    assert "token_revoked" in log


async def test_a_change_by_key_is_noted_in_the_name_of_who_made_it(visit: Visit, owner: Desk) -> None:
    shown = await owner.post("/studio/api", 200, do="key", name="CRM", scopes="learners:write")
    token = re.findall(r"parc_[\w-]{43}", shown.text)[0]
    await visit.sign_up("alice@example.org")
    await visit.http.delete("/api/v1/learners/1", headers={"Authorization": f"Bearer {token}"})
    async with visit.site.db.reading() as session:
        line = (await accounts.audit(session))[0]
    assert (line.who, line.action, line.target, line.text) == (
        "owner",
        "learner_erased",
        "learner:1",
        "api, token:1",
    )


async def test_what_is_missing_is_said_and_what_was_typed_stays(visit: Visit, owner: Desk) -> None:
    shown = await owner.post("/studio/api", 422, do="key", name='<b>"CRM', scopes="everything")
    assert "au moins un droit" in shown.text
    assert "&lt;b&gt;&#34;CRM" in shown.text
    shown = await owner.post("/studio/api", 422, do="webhook", url="http://10.0.0.1/", events="")
    assert "https://" in shown.text
    assert 'value="http://10.0.0.1/"' in shown.text
    await owner.post("/studio/api", 404, do="anything")
    await owner.post("/studio/api", 404)
    async with visit.site.db.reading() as session:
        assert not (await session.scalars(select(ApiToken))).all()
        assert not (await session.scalars(select(Webhook))).all()


async def test_a_webhook_is_added_tested_changed_and_removed(visit: Visit, owner: Desk) -> None:
    secret = await add_webhook(owner)
    page = f"/studio/api/webhooks/{(await hook(visit)).id}"
    assert secret not in await owner.get(page)
    assert URL in await owner.get("/studio/api")
    await owner.post(page, do="tested")
    shown = await owner.get(page)
    assert "webhook.test" in shown
    assert "en attente" in shown
    await owner.post(page, do="events", events="learner.erased")
    assert (await hook(visit)).events == ["learner.erased"]
    assert "au moins un événement" in (await owner.post(page, 422, do="events")).text
    again = await owner.post(page, 200, do="secret")
    assert secret not in again.text
    assert (await hook(visit)).secret in again.text
    await owner.post(page, do="off")
    await owner.post(page, 409, do="tested")
    assert "annulé" in await owner.get(page)
    await owner.post(page, do="on")
    await owner.post(page, 404, do="anything")
    await owner.post(page, do="removed")
    await owner.get(page, 404)
    async with visit.site.db.reading() as session:
        assert not (await session.scalars(select(WebhookDelivery))).all()


async def test_why_a_webhook_was_switched_off_is_told(visit: Visit, owner: Desk) -> None:
    await add_webhook(owner)
    page = f"/studio/api/webhooks/{(await hook(visit)).id}"
    await owner.post(page, do="tested")
    house = visit.site
    async with house.db.transaction() as session:
        now = visit.clock.now()
        (message,) = await hooks.lease(session, limit=1, now=now)
        await hooks.record(session, message.id, hooks.Answer(500, "<script>alert(1)</script>"), now=now)
    shown = await owner.get(page)
    assert "En échec depuis" in shown
    assert "500" in shown
    assert "&lt;script&gt;" in shown
    async with house.db.transaction() as session:
        await hooks.record(session, message.id, hooks.Answer(410, ""), now=now)
    assert "n’existe plus" in await owner.get(page)
    assert "n’existe plus" in await owner.get("/studio/api")


async def test_nobody_but_an_owner_sees_them(visit: Visit, desks: Callable[[Role], Desk]) -> None:
    await add_webhook(desks(Role.OWNER))
    for role in (Role.AUTHOR, Role.TUTOR, Role.VIEWER):
        assert "/studio/api" not in await desks(role).get("/studio/me")
        await desks(role).get("/studio/api", 403)
        await desks(role).get("/studio/api/webhooks/1", 403)


async def full(visit: Visit) -> None:
    """Keys and webhooks in every state, for somebody to look at."""
    async with visit.site.db.transaction() as session:
        now = visit.clock.now()
        for name, scopes in (("Le CRM de l'association", list(Scope)), ("Tableau de bord", ["courses:read"])):
            row, _ = await tokens.create(session, name=name, scopes=scopes, by=1, now=now)
            await tokens.seen(session, row.id, now=now)
        await tokens.revoke(session, row.id, by=1, now=now)
        await webhooks.add(session, url=URL, events=list(Event), by=1, now=now)
        long = "https://automate.example.org/webhook/" + "a1b2c3d4-" * 12
        await webhooks.add(session, url=long, events=[Event.ERASED], by=1, now=now)
        for event in Event:
            await hooks.tell(session, event, hooks.Fact(7), now=now)
        messages = await hooks.lease(session, limit=20, now=now)
        answers = (hooks.Answer(204, ""), hooks.Answer(502, "Bad Gateway " * 20), hooks.Answer(None, "deaf"))
        for message, answer in zip(messages, answers, strict=False):
            await hooks.record(session, message.id, answer, now=now)
        await webhooks.disable(session, 2, by=1, now=now)


async def test_the_pages_pass_axe_and_fit_a_phone(visit: Visit, owner: Desk, browser: Browser) -> None:
    await full(visit)
    cookies = dict(owner.http.cookies)
    shown = ["/studio/api", "/studio/api/webhooks/1", "/studio/api/webhooks/2"]
    assert await faults(visit, browser, shown, cookies) == []
