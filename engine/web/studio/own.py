"""One's own account: language, second factor, the browsers that are signed in, and the way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, passwords, words
from engine.core.accounts import Right
from engine.documents import charts
from engine.flows import accounts
from engine.flows.accounts import Here
from engine.tables import AccountSession
from engine.web import forms, site
from engine.web.studio import access

_FACTOR = "totp"
SAID = {
    "factor": "C'est noté : un code vous sera demandé à chaque entrée.",
    "dropped": "C'est noté : votre mot de passe suffit de nouveau.",
    "ended": "C'est noté : cette session est terminée.",
    "language": "C'est noté.",
    "weekly": "C'est noté : le résumé arrive chaque lundi matin.",
    "not-weekly": "C'est noté : le résumé n'arrive plus.",
    "password": "Un message vient de partir vers votre adresse. Son lien permet de choisir un mot de passe.",
}


@dataclass(frozen=True)
class Own:
    template: ClassVar = "studio/me.html"
    sessions: Sequence[AccountSession]
    current: int
    said: str


@dataclass(frozen=True)
class SecondFactor:
    template: ClassVar = "studio/second_factor.html"
    secret: str
    token: str
    """The secret, signed: nobody brings his own."""
    drawing: str
    """The QR code, as SVG."""
    problem: str


async def show(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        found = await accounts.sessions(session, me.account.id, now=house.clock.now())
    return access.render(request, me, Own(found, me.session_id, access.said(request, SAID)))


async def change(request: Request, me: Here) -> Response:
    house, typed = site.of(request), await forms.read(request)
    mine, now = me.account.id, house.clock.now()
    async with house.db.transaction() as session:
        match action := typed.get("do", ""):
            case "ended":
                chosen = typed.get("session", "")
                if not chosen.isdecimal() or len(chosen) > 9:
                    raise errors.NotFound("Cette session n'existe pas.")
                await accounts.end_session(session, mine, int(chosen), now=now)
            case "dropped":
                await accounts.drop_second_factor(session, mine, by=mine, now=now)
            case "language":
                await accounts.set_language(session, mine, words.supported(typed.get("language", "")))
            case "weekly" | "not-weekly":
                await accounts.set_weekly(session, mine, action == "weekly")
            case "password":
                await accounts.ask_link(session, me.account.address, now=now)
            case _:
                raise errors.NotFound("Cette action n'existe pas.")
    house.wake()
    return access.done(request, "/studio/me", action)


async def second_factor(request: Request, me: Here) -> Response:
    return _factor(request, me, passwords.new_secret())


def _factor(request: Request, me: Here, secret: str, problem: str = "") -> Response:
    page = SecondFactor(
        secret=secret,
        token=site.of(request).links.token(_FACTOR, me.account.id, secret),
        drawing=charts.qr(passwords.provisioning(secret, me.account.address)).decode(),
        problem=problem,
    )
    return access.render(request, me, page, status=422 if problem else 200)


async def set_second_factor(request: Request, me: Here) -> Response:
    house, typed = site.of(request), await forms.read(request)
    owner, secret = house.links.read(_FACTOR, typed.get("token", ""))
    if owner != str(me.account.id):
        raise errors.BadLink("Ce formulaire n'est pas le vôtre.")
    try:
        async with house.db.transaction() as session:
            code = typed.get("code", "").replace(" ", "")
            await accounts.set_second_factor(session, me.account.id, secret, code, now=house.clock.now())
    except errors.Invalid as invalid:
        return _factor(request, me, secret, invalid.problems["code"])
    return access.done(request, "/studio/me", "factor")


async def sign_out(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with house.db.transaction() as session:
        await accounts.end_session(session, me.account.id, me.session_id, now=house.clock.now())
    response = RedirectResponse(f"{access.SIGN_IN}?done=out", status_code=303)
    access.forget(request, response)
    return response


PAGES = (
    access.Page("/studio/me", show, Right.SELF),
    access.Page("/studio/me", change, Right.SELF, ("POST",)),
    access.Page("/studio/me/second-factor", second_factor, Right.SELF),
    access.Page("/studio/me/second-factor", set_second_factor, Right.SELF, ("POST",)),
    access.Page("/studio/sign-out", sign_out, Right.SELF, ("POST",)),
)
