"""Who works in the studio, and what they changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.core.accounts import Right, Role
from engine.flows import accounts
from engine.flows.accounts import Here
from engine.tables import Account
from engine.web import forms, site
from engine.web.studio import access

# French source texts, as in the templates.
ROLES = {
    Role.OWNER: ("Propriétaire", "tout, y compris les comptes et les personnes"),
    Role.AUTHOR: ("Auteur", "écrit et publie les parcours, ne voit personne"),
    Role.TUTOR: ("Tuteur", "lit les parcours et suit les personnes"),
    Role.VIEWER: ("Lecteur", "lit les parcours et les chiffres, ne voit personne"),
}
SAID = {
    "invited": "C'est noté : le message part, avec le lien pour choisir un mot de passe.",
    "role": "C'est noté : le rôle est changé.",
    "closed": "C'est noté : ce compte est fermé, et ses sessions aussi.",
    "reopened": "C'est noté : ce compte est rouvert ; un message part avec le lien.",
    "factor": "C'est noté : ce compte entre de nouveau avec son seul mot de passe.",
}


@dataclass(frozen=True)
class Accounts:
    template: ClassVar = "studio/accounts.html"
    everybody: Sequence[Account]
    roles: Mapping[Role, tuple[str, str]]
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


@dataclass(frozen=True)
class AuditLog:
    template: ClassVar = "studio/audit.html"
    lines: Sequence[accounts.Noted]


async def show(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        everybody = await accounts.everybody(session)
    page = Accounts(
        everybody, ROLES, problems or {}, forms.shown_all(typed or {}), access.said(request, SAID)
    )
    return access.render(request, me, page, status=422 if problems else 200)


async def invite(request: Request, me: Here) -> Response:
    house, typed = site.of(request), await forms.read(request)
    try:
        async with house.db.transaction() as session:
            await accounts.invite(
                session,
                typed.get("address", ""),
                typed.get("name", ""),
                typed.get("role", ""),
                by=me.account.id,
                now=house.clock.now(),
            )
    except errors.Invalid as invalid:
        return await show(request, me, problems=invalid.problems, typed=typed)
    house.wake()
    return access.done(request, "/studio/accounts", "invited")


async def change(request: Request, me: Here) -> Response:
    """Change one account, as the button says."""
    house, typed = site.of(request), await forms.read(request)
    account_id, by, now = request.path_params["account"], me.account.id, house.clock.now()
    try:
        async with house.db.transaction() as session:
            await accounts.get(session, account_id)
            match action := typed.get("do", ""):
                case "role":
                    await accounts.change_role(session, account_id, typed.get("role", ""), by=by, now=now)
                case "closed":
                    await accounts.close(session, account_id, by=by, now=now)
                case "reopened":
                    await accounts.reopen(session, account_id, by=by, now=now)
                case "factor":
                    await accounts.drop_second_factor(session, account_id, by=by, now=now)
                case _:
                    raise errors.NotFound("Cette action n'existe pas.")
    except errors.Invalid as invalid:
        return await show(request, me, problems={"": " ".join(invalid.problems.values())})
    house.wake()
    return access.done(request, "/studio/accounts", action)


async def audit(request: Request, me: Here) -> Response:
    async with site.of(request).db.reading() as session:
        lines = await accounts.audit(session)
    return access.render(request, me, AuditLog(lines))


PAGES = (
    access.Page("/studio/accounts", show, Right.MANAGE),
    access.Page("/studio/accounts", invite, Right.MANAGE, ("POST",)),
    access.Page("/studio/accounts/{account:int}", change, Right.MANAGE, ("POST",)),
    access.Page("/studio/audit", audit, Right.MANAGE),
)
