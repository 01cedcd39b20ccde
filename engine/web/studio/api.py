"""Other programs: the keys that they hold, and the webhooks that tell them what happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.core.accounts import Right
from engine.core.tokens import Scope
from engine.core.webhooks import Event, State
from engine.flows import tokens, webhooks
from engine.flows.accounts import Here
from engine.tables import ApiToken, Webhook, WebhookDelivery
from engine.web import forms, site
from engine.web.studio import access

# French source texts, as in the templates.
SCOPES = {
    Scope.COURSES_READ: "lire les parcours",
    Scope.LEARNERS_READ: "lire les personnes : nom, adresse",
    Scope.LEARNERS_WRITE: "effacer une personne",
    Scope.ENROLMENTS_READ: "lire qui suit quoi",
    Scope.ENROLMENTS_WRITE: "inscrire, mettre en pause, reprendre, arrêter",
    Scope.DELIVERIES_READ: "lire les envois",
    Scope.SUBMISSIONS_READ: "lire les réponses remises",
    Scope.WEBHOOKS: "ajouter et supprimer des webhooks",
}
EVENTS = {
    Event.CONFIRMED: "une inscription est confirmée",
    Event.COMPLETED: "un parcours est terminé",
    Event.STOPPED: "un parcours est quitté ou arrêté",
    Event.LESSON_SENT: "une leçon est partie",
    Event.HANDED_IN: "une activité est remise",
    Event.ERASED: "une personne est effacée",
}
STATES = {
    State.WAITING: "en attente",
    State.SENT: "reçu",
    State.FAILED: "abandonné",
    State.CANCELLED: "annulé",
}
SAID = {
    "revoked": "C'est noté : cette clé n'ouvre plus rien.",
    "events": "C'est noté : les événements sont changés.",
    "tested": "Un message d'essai part. Rechargez cette page : le journal dira ce qu'il est devenu.",
    "on": "C'est noté : ce webhook est actif.",
    "off": "C'est noté : ce webhook ne reçoit plus rien.",
    "removed": "C'est noté : ce webhook est supprimé, et son journal aussi.",
}


@dataclass(frozen=True)
class Typed:
    """What was typed into one of the forms of the page."""

    name: str = ""
    url: str = ""
    chosen: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Api:
    template: ClassVar = "studio/api.html"
    keys: Sequence[ApiToken]
    hooks: Sequence[Webhook]
    scopes: Mapping[Scope, str]
    events: Mapping[Event, str]
    typed: Typed
    token: str
    """A key that was just made: shown now or never."""
    said: str


@dataclass(frozen=True)
class OneWebhook:
    template: ClassVar = "studio/webhook.html"
    hook: Webhook
    log: Sequence[WebhookDelivery]
    events: Mapping[Event, str]
    states: Mapping[State, str]
    secret: str
    """One that was just made: shown now or never."""
    problems: Mapping[str, str]
    said: str


async def show(request: Request, me: Here, *, typed: Typed | None = None, token: str = "") -> Response:
    async with site.of(request).db.reading() as session:
        keys, hooks = await tokens.every(session), await webhooks.every(session)
    typed = typed or Typed()
    page = Api(keys, hooks, SCOPES, EVENTS, typed, token, access.said(request, SAID))
    return access.render(request, me, page, status=422 if typed.problems else 200)


async def add(request: Request, me: Here) -> Response:
    """Make a key or a webhook, as the button says."""
    given = await forms.read_all(request)
    match given.get("do"):
        case ["key"]:
            return await _add_key(request, me, given)
        case ["webhook"]:
            return await _add_webhook(request, me, given)
    raise errors.NotFound("Cette action n'existe pas.")


def _typed(given: Mapping[str, list[str]], listed: str, problems: Mapping[str, str]) -> Typed:
    name, url = ("".join(given.get(each, [])[:1]) for each in ("name", "url"))
    return Typed(forms.shown(name), forms.shown(url), frozenset(given.get(listed, [])), problems)


async def _add_key(request: Request, me: Here, given: Mapping[str, list[str]]) -> Response:
    house = site.of(request)
    name, scopes = "".join(given.get("name", [])[:1]), given.get("scopes", [])
    try:
        async with house.db.transaction() as session:
            now = house.clock.now()
            _, token = await tokens.create(session, name=name, scopes=scopes, by=me.account.id, now=now)
    except errors.Invalid as invalid:
        return await show(request, me, typed=_typed(given, "scopes", invalid.problems))
    return await show(request, me, token=token)


async def _add_webhook(request: Request, me: Here, given: Mapping[str, list[str]]) -> Response:
    house = site.of(request)
    url, events = "".join(given.get("url", [])[:1]), given.get("events", [])
    try:
        async with house.db.transaction() as session:
            hook = await webhooks.add(
                session,
                url=url,
                events=events,
                plain=bool(house.settings.webhook_networks),
                by=me.account.id,
                now=house.clock.now(),
            )
    except errors.Invalid as invalid:
        return await show(request, me, typed=_typed(given, "events", invalid.problems))
    return await _show_webhook(request, me, hook.id, secret=hook.secret)


async def revoke(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with house.db.transaction() as session:
        number, now = request.path_params["key"], house.clock.now()
        await tokens.revoke(session, number, by=me.account.id, now=now)
    return access.done(request, "/studio/api", "revoked")


async def show_webhook(request: Request, me: Here) -> Response:
    return await _show_webhook(request, me, request.path_params["webhook"])


async def _show_webhook(
    request: Request,
    me: Here,
    number: int,
    *,
    secret: str = "",
    problems: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        hook = await webhooks.get(session, number)
        log = await webhooks.log(session, number)
    page = OneWebhook(hook, log, EVENTS, STATES, secret, problems or {}, access.said(request, SAID))
    return access.render(request, me, page, status=422 if problems else 200)


async def change_webhook(request: Request, me: Here) -> Response:
    """Change one webhook, as the button says."""
    house, given = site.of(request), await forms.read_all(request)
    number, action = request.path_params["webhook"], "".join(given.get("do", [])[:1])
    by, now = me.account.id, house.clock.now()
    secret = ""
    try:
        async with house.db.transaction() as session:
            match action:
                case "events":
                    events = given.get("events", [])
                    await webhooks.choose(session, number, events=events, by=by, now=now)
                case "tested":
                    await webhooks.test(session, number, now=now)
                case "on":
                    await webhooks.enable(session, number, by=by, now=now)
                case "off":
                    await webhooks.disable(session, number, by=by, now=now)
                case "secret":
                    secret = await webhooks.rotate(session, number, by=by, now=now)
                case "removed":
                    await webhooks.remove(session, number, by=by, now=now)
                case _:
                    raise errors.NotFound("Cette action n'existe pas.")
    except errors.Invalid as invalid:
        return await _show_webhook(request, me, number, problems=invalid.problems)
    if secret:
        return await _show_webhook(request, me, number, secret=secret)
    house.wake()
    there = "/studio/api" if action == "removed" else f"/studio/api/webhooks/{number}"
    return access.done(request, there, action)


PAGES = (
    access.Page("/studio/api", show, Right.MANAGE),
    access.Page("/studio/api", add, Right.MANAGE, ("POST",)),
    access.Page("/studio/api/keys/{key:int}", revoke, Right.MANAGE, ("POST",)),
    access.Page("/studio/api/webhooks/{webhook:int}", show_webhook, Right.MANAGE),
    access.Page("/studio/api/webhooks/{webhook:int}", change_webhook, Right.MANAGE, ("POST",)),
)
