"""The way in: signing in and out, choosing a password."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.core import accounts as rules
from engine.core import errors, links, passwords
from engine.flows import accounts
from engine.tables import Account
from engine.web import forms, guard, pages, site
from engine.web.studio import access

_SECOND = "second"
# French source texts.
SAID = {
    "chosen": "Votre mot de passe est choisi : entrez.",
    "out": "Vous avez quitté le studio.",
    "wrong": "L'adresse ou le mot de passe ne correspond pas. "
    "Vérifiez les deux, ou demandez plus bas un autre mot de passe.",
    "code": "Ce code n'est pas le bon, ou il a déjà servi. Attendez que l'application en montre un autre.",
    "wait": "Trop d'essais. Patientez un quart d'heure, puis recommencez.",
}
_AFTER = ("chosen", "out")
# Checking a password takes 50 ms and 64 MB: many at once would stop everything else.
_AT_ONCE = asyncio.Semaphore(2)


@dataclass(frozen=True)
class SignIn:
    template: ClassVar = "studio/sign_in.html"
    address: str
    next: str
    problem: str
    said: str


@dataclass(frozen=True)
class Code:
    template: ClassVar = "studio/code.html"
    token: str
    next: str
    problem: str


@dataclass(frozen=True)
class Forgot:
    template: ClassVar = "studio/forgot.html"
    sent: bool


@dataclass(frozen=True)
class Choose:
    template: ClassVar = "studio/choose.html"
    address: str
    new: bool
    problem: str


async def show(request: Request) -> Response:
    asked = access.safe_next(request.query_params.get("next", ""))
    done = request.query_params.get("done", "")
    said = SAID[done] if done in _AFTER else ""
    return pages.render(request, SignIn(address="", next=asked, problem="", said=said))


async def sign_in(request: Request) -> Response:
    access.check_origin(request)
    house, typed = site.of(request), await forms.read(request)
    attempt, now = _attempt(request, typed.get("address", "")), house.clock.now()
    asked = access.safe_next(typed.get("next", ""))
    try:
        async with house.db.reading() as session:
            await accounts.admit(session, attempt, fingerprint=house.fingerprint, now=now)
            account = await accounts.by_address(session, attempt.address)
    except errors.TooMany:
        return _again(request, typed, asked, SAID["wait"], status=429)
    if account is not None and account.closed_at:
        account = None
    async with _AT_ONCE:
        kept = account.password if account else ""
        right = await asyncio.to_thread(passwords.right, kept, typed.get("password", ""))
    if account is None or not account.password or not right:
        async with house.db.transaction() as session:
            await accounts.failed(session, attempt, fingerprint=house.fingerprint, now=now)
        return _again(request, typed, asked, SAID["wrong"])
    if account.totp:
        token = house.links.token(_SECOND, account.id, links.stamp_of(now))
        return pages.render(request, Code(token, asked, ""), language=account.language)
    return await _enter(request, account, attempt, asked)


def _again(
    request: Request, typed: dict[str, str], asked: str, problem: str, *, status: int = 422
) -> Response:
    shown = forms.shown(typed.get("address", ""))
    return pages.render(request, SignIn(shown, asked, problem, ""), status=status)


def _attempt(request: Request, address: str) -> accounts.Attempt:
    return accounts.Attempt(address[:254], guard.client(request, site.of(request).settings.trusted_proxies))


async def _enter(request: Request, account: Account, attempt: accounts.Attempt, asked: str) -> Response:
    house = site.of(request)
    async with house.db.transaction() as session:
        token = await accounts.enter(
            session,
            account,
            attempt=attempt,
            agent=request.headers.get("user-agent", ""),
            fingerprint=house.fingerprint,
            now=house.clock.now(),
        )
    response = RedirectResponse(asked, status_code=303)
    access.remember(request, response, token)
    return response


async def second_factor(request: Request) -> Response:
    access.check_origin(request)
    house, typed, now = site.of(request), await forms.read(request), site.of(request).clock.now()
    account_id, stamp = house.links.read(_SECOND, typed.get("token", ""))
    if now > links.moment(stamp) + accounts.SECOND_FACTOR_WITHIN:
        return RedirectResponse(access.SIGN_IN, status_code=303)
    asked = access.safe_next(typed.get("next", ""))
    async with house.db.reading() as session:
        account = await accounts.get(session, int(account_id))
        attempt = _attempt(request, account.address)
        try:
            await accounts.admit(session, attempt, fingerprint=house.fingerprint, now=now)
        except errors.TooMany:
            return _code(request, account, typed, asked, SAID["wait"], status=429)
    async with house.db.transaction() as session:
        right = await accounts.check_code(
            session, account.id, typed.get("code", "").replace(" ", ""), now=now
        )
        if not right:
            await accounts.failed(session, attempt, fingerprint=house.fingerprint, now=now)
    if not right:
        return _code(request, account, typed, asked, SAID["code"])
    return await _enter(request, account, attempt, asked)


def _code(
    request: Request, account: Account, typed: dict[str, str], asked: str, problem: str, *, status: int = 422
) -> Response:
    page = Code(typed.get("token", ""), asked, problem)
    return pages.render(request, page, language=account.language, status=status)


async def forgot(request: Request) -> Response:
    return pages.render(request, Forgot(sent=False))


async def ask_link(request: Request) -> Response:
    """The answer is the same whether or not there is an account."""
    access.check_origin(request)
    house, typed = site.of(request), await forms.read(request)
    async with house.db.transaction() as session:
        await accounts.ask_link(session, typed.get("address", "")[:254], now=house.clock.now())
    house.wake()
    return pages.render(request, Forgot(sent=True))


async def show_choose(request: Request) -> Response:
    return _choose(request, await _choosing(request))


async def _choosing(request: Request) -> Account:
    house = site.of(request)
    async with house.db.reading() as session:
        token = request.path_params["token"]
        return await accounts.choosing(session, house.links, token, now=house.clock.now())


def _choose(request: Request, account: Account, problem: str = "") -> Response:
    page = Choose(account.address, new=not account.password, problem=problem)
    return pages.render(request, page, language=account.language, status=422 if problem else 200)


async def choose(request: Request) -> Response:
    access.check_origin(request)
    house, account = site.of(request), await _choosing(request)
    password = (await request.form(max_files=0)).get("password", "")
    assert isinstance(password, str)  # a form without files
    try:
        rules.check_password(password, address=account.address, name=account.name)
    except errors.Invalid as invalid:
        return _choose(request, account, invalid.problems["password"])
    async with _AT_ONCE:
        kept = await asyncio.to_thread(passwords.hashed, password)
    async with house.db.transaction() as session:
        token, now = request.path_params["token"], house.clock.now()
        again = await accounts.choosing(session, house.links, token, now=now)
        await accounts.choose(session, again, kept, now=now)
    return RedirectResponse(f"{access.SIGN_IN}?done=chosen", status_code=303)


ROUTES = [
    Route(access.SIGN_IN, show),
    Route(access.SIGN_IN, sign_in, methods=["POST"]),
    Route(f"{access.SIGN_IN}/code", second_factor, methods=["POST"]),
    Route("/studio/forgot", forgot),
    Route("/studio/forgot", ask_link, methods=["POST"]),
    Route("/studio/choose/{token}", show_choose),
    Route("/studio/choose/{token}", choose, methods=["POST"]),
]
