"""Getting in: an invitation, a forgotten password, a second factor; and keeping others out."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import httpx
import pyotp
import pytest
from sqlalchemy import func, select

from engine.core import links
from engine.core.accounts import Role
from engine.flows import accounts, leases, letters, writing
from engine.tables import Account, AccountSession, Backoff
from tests import ledger
from tests.web.conftest import Visit
from tests.web.studio.conftest import ADDRESSES, PASSWORD, Desk

OWNER = ADDRESSES[Role.OWNER]


async def sign_in(visit: Visit, address: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await visit.http.post("/studio/sign-in", data={"address": address, "password": password, **more})


async def account(visit: Visit, address: str) -> Account:
    async with visit.site.db.reading() as session:
        found = await accounts.by_address(session, address)
    assert found
    return found


async def choose_url(visit: Visit, address: str) -> str:
    chosen = await account(visit, address)
    return accounts.choose_path(visit.site.links, chosen, links.stamp_of(visit.clock.now()))


async def mailed(visit: Visit) -> list[EmailMessage]:
    """The mails that leave now."""
    house = visit.site.house
    async with visit.site.db.transaction() as session:
        now = visit.clock.now()
        ids = await leases.lease(session, worker="test", limit=50, now=now)
        begun = await ledger.begin(session, ids, worker="test", now=now)
        gathered = await letters.gather(session, begun)
    found = []
    for mail in begun:
        to = gathered[mail.id]
        assert not isinstance(to, str), to
        data = writing.write(to, house, now=visit.clock.now()).data
        found.append(message_from_bytes(data, policy=policy.default))
    return found


async def test_an_invited_colleague_chooses_a_password_and_enters(visit: Visit, owner: Desk) -> None:
    await owner.post("/studio/accounts", name="Bob", address="Bob@Example.org", role="author")
    (mail,) = await mailed(visit)
    assert mail["Subject"] == "Votre compte dans le studio"
    plain = mail.get_body(("plain",))
    assert plain
    text = plain.get_content()
    assert "Bonjour Bob," in text
    url = re.search(r"/studio/choose/\S+", text)
    assert url
    link = url[0]
    assert "Bienvenue dans le studio" in await visit.get(link)
    assert "douze caractères" in await visit.post(link, 422, password="court")
    await visit.post(link, 303, password="une phrase bien à moi")
    await visit.get(link, 410)  # it works once
    entered = await sign_in(visit, "bob@example.org", "une phrase bien à moi", next="/studio/me")
    assert (entered.status_code, entered.headers["location"]) == (303, "/studio/me")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Bob" in await visit.get("/studio/me")
    await visit.get("/studio/accounts", 403)


async def test_an_unknown_address_and_a_wrong_password_are_told_alike(visit: Visit, owner: Desk) -> None:
    wrong = await sign_in(visit, OWNER, "something else entirely")
    unknown = await sign_in(visit, "nobody@example.org")
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace(OWNER, "X") == unknown.text.replace("nobody@example.org", "X")
    assert PASSWORD not in unknown.text
    asked = [await visit.post("/studio/forgot", 200, address=each) for each in (OWNER, "nobody@example.org")]
    assert asked[0] == asked[1]
    assert len(await visit.deliveries("account")) == 1


async def test_wrong_passwords_make_one_wait_and_nobody_else(
    visit: Visit, desks: Callable[[Role], Desk]
) -> None:
    for _ in range(6):
        assert (await sign_in(visit, OWNER, "wrong wrong wrong")).status_code in (422, 429)
    assert (await sign_in(visit, OWNER)).status_code == 429, "even the right one is not looked at"
    assert (await sign_in(visit, ADDRESSES[Role.AUTHOR])).status_code == 303, "another account may"
    visit.clock.moment += timedelta(minutes=16)
    assert (await sign_in(visit, OWNER)).status_code == 303
    assert (await sign_in(visit, "nobody@example.org")).status_code == 422
    for _ in range(6):
        told = (await sign_in(visit, "nobody@example.org")).status_code
    assert told == 429, "as for an account that exists"
    async with visit.site.db.reading() as session:
        kept = await session.scalars(select(Backoff.key))
    assert not any("@" in key for key in kept)


async def test_a_whole_network_that_guesses_is_slowed_down(visit: Visit, owner: Desk) -> None:
    answers = [(await sign_in(visit, f"a{number}@example.org")).status_code for number in range(25)]
    assert answers[:20] == [422] * 20
    assert 429 in answers[20:]


async def test_a_second_factor_is_asked_for_and_each_code_taken_once(visit: Visit, owner: Desk) -> None:
    page = await owner.get("/studio/me/second-factor")
    secret = re.search(r'class="secret">(\w+)<', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert secret
    assert token
    assert "<svg" in page
    codes = pyotp.TOTP(secret[1])
    shown = await owner.post("/studio/me/second-factor", 422, token=token[1], code="000000")
    assert "Ce code ne correspond pas" in shown.text
    now = visit.clock.now()
    await owner.post("/studio/me/second-factor", token=token[1], code=codes.at(now))
    entry = await sign_in(visit, OWNER)
    assert (entry.status_code, "set-cookie" in entry.headers) == (200, False), (
        "the password alone is not enough"
    )
    asked = re.search(r'name="token" value="([^"]+)"', entry.text)
    assert asked

    async def enter(code: str) -> httpx.Response:
        return await visit.http.post("/studio/sign-in/code", data={"token": asked[1], "code": code})

    assert (await enter(codes.at(now))).status_code == 422, "it served already"
    assert (await enter("123456")).status_code == 422
    visit.clock.moment += timedelta(seconds=60)
    assert (await enter(codes.at(visit.clock.now()))).status_code == 303
    visit.clock.moment += timedelta(minutes=6)
    late = await enter(codes.at(visit.clock.now()))
    assert late.headers["location"] == "/studio/sign-in"


async def test_somebody_elses_secret_cannot_be_set(desks: Callable[[Role], Desk]) -> None:
    page = await desks(Role.AUTHOR).get("/studio/me/second-factor")
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    await desks(Role.OWNER).post("/studio/me/second-factor", 404, token=token[1], code="123456")


async def test_a_new_password_signs_every_browser_out(visit: Visit, owner: Desk) -> None:
    await owner.post("/studio/me", do="password")
    assert len(await visit.deliveries("account")) == 1
    link = await choose_url(visit, OWNER)
    await visit.post(link, 303, password="encore une autre phrase")
    await visit.get(link, 410)
    await owner.get("/studio/me", 303)
    assert (await sign_in(visit, OWNER)).status_code == 422
    assert (await sign_in(visit, OWNER, "encore une autre phrase")).status_code == 303


async def test_one_ends_ones_own_sessions_and_nobody_elses(
    visit: Visit, desks: Callable[[Role], Desk]
) -> None:
    owner, author = desks(Role.OWNER), desks(Role.AUTHOR)
    async with visit.site.db.reading() as session:
        of_author = select(AccountSession.id).join(Account).where(Account.role == Role.AUTHOR)
        number = await session.scalar(of_author)
    await owner.post("/studio/me", do="ended", session=str(number))
    await author.get("/studio/me")
    await author.post("/studio/me", do="ended", session=str(number))
    await author.get("/studio/me", 303)
    for odd in ("", "x", "9" * 30):
        await owner.post("/studio/me", 404, do="ended", session=odd)


async def test_a_closed_account_is_out_at_once_and_may_come_back(
    visit: Visit, desks: Callable[[Role], Desk]
) -> None:
    owner, author = desks(Role.OWNER), desks(Role.AUTHOR)
    number = (await account(visit, ADDRESSES[Role.AUTHOR])).id
    await owner.post(f"/studio/accounts/{number}", do="closed")
    await author.get("/studio/me", 303)
    assert (await sign_in(visit, ADDRESSES[Role.AUTHOR])).status_code == 422
    await visit.get(await choose_url(visit, ADDRESSES[Role.AUTHOR]), 410)
    await owner.post(f"/studio/accounts/{number}", do="reopened")
    await visit.post(await choose_url(visit, ADDRESSES[Role.AUTHOR]), 303, password="une phrase bien à moi")


@pytest.mark.parametrize("change", [{"do": "closed"}, {"do": "role", "role": "viewer"}])
async def test_the_last_owner_stays(visit: Visit, owner: Desk, change: dict[str, str]) -> None:
    number = (await account(visit, OWNER)).id
    shown = await owner.post(f"/studio/accounts/{number}", 422, **change)
    assert "dernier compte propriétaire" in shown.text
    await owner.get("/studio/accounts")


async def test_a_role_that_changes_counts_at_once(visit: Visit, desks: Callable[[Role], Desk]) -> None:
    owner, viewer = desks(Role.OWNER), desks(Role.VIEWER)
    number = (await account(visit, ADDRESSES[Role.VIEWER])).id
    await viewer.get("/studio/accounts", 403)
    await owner.post(f"/studio/accounts/{number}", do="role", role="owner")
    await viewer.get("/studio/accounts")
    log = await owner.get("/studio/audit")
    assert "role_changed" in log
    assert "viewer → owner" in log


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "", "address": "bob@example.org", "role": "author"}, "Écrivez un nom."),
        ({"name": "Bob", "address": "bob", "role": "author"}, "ne semble pas complète"),
        ({"name": "Bob", "address": OWNER.upper(), "role": "author"}, "déjà un compte"),
        ({"name": "Bob", "address": "bob@example.org", "role": "root"}, "Choisissez un rôle"),
        ({"name": "<b>Bob</b>", "address": "<script>", "role": ""}, "ne semble pas complète"),
    ],
)
async def test_a_bad_invitation_is_refused_in_words(
    visit: Visit, owner: Desk, fields: dict[str, str], told: str
) -> None:
    shown = await owner.post("/studio/accounts", 422, **fields)
    assert told in shown.text
    assert "<b>Bob" not in shown.text
    async with visit.site.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == len(Role)


@pytest.mark.parametrize("header", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
@pytest.mark.parametrize("path", ["sign-in", "sign-in/code", "forgot", "choose/x"])
async def test_another_sites_page_cannot_sign_anybody_in(
    visit: Visit, path: str, header: dict[str, str]
) -> None:
    answer = await visit.http.post(f"/studio/{path}", data={"address": OWNER}, headers=header)
    assert answer.status_code == 403


async def test_the_way_out_ends_the_session(visit: Visit, owner: Desk) -> None:
    out = await owner.post("/studio/sign-out")
    assert "studio=" in out.headers["set-cookie"]
    await owner.get("/studio/me", 303)


async def test_the_studio_speaks_english_too(owner: Desk) -> None:
    await owner.post("/studio/me", do="language", language="en")
    shown = await owner.get("/studio/me")
    assert '<html lang="en"' in shown
    assert "Open sessions" in shown
