"""From a page's context to the page: one Jinja environment, one function."""

import re
from dataclasses import fields
from datetime import date, datetime, time
from functools import lru_cache, partial
from typing import Any, ClassVar, Protocol

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from engine import paths
from engine.core import asking, calendar, reasons, words
from engine.mail import dress
from engine.web import site, static

STUDIO = ("me", "csrf", "menu", "rests")
"""What the frame of the studio's pages shows, where somebody is signed in: see `studio.access`."""


class Context(Protocol):
    """The values of one template: a frozen dataclass that names its template."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


def render(
    request: Request, context: Context, *, language: str = words.SOURCE, status: int = 200
) -> HTMLResponse:
    """Draw `context` in `language`, unless the address asks for another one with `?lang=`."""
    spoken = spoken_on(request, language)
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    html = environment().get_template(context.template).render(values, **_surroundings(request, spoken))
    return HTMLResponse(html, status_code=status, headers={"Content-Language": spoken})


def spoken_on(request: Request, language: str) -> str:
    """What a page of `language` is drawn in."""
    return words.supported(request.query_params.get("lang") or language)


def _surroundings(request: Request, language: str) -> dict[str, object]:
    """What every page may use beside its own context."""
    return {
        **_of_house(site.of(request).settings, language),
        "here": partial(stay, request),
        "page_path": request.url.path,
        "other_language": _other_language(request, language),
        "demo": site.demo(request) is not None,
        **{name: getattr(request.state, name, None) for name in STUDIO},
    }


def _of_house(settings: site.Settings, language: str) -> dict[str, object]:
    name, *address = [line.strip() for line in re.split(r"[,\n]", settings.controller)]
    return {
        "_": words.gettext(language),
        "lang": language,
        "controller": name,
        "controller_address": [line for line in address if line],
    }


def document(name: str, settings: site.Settings, language: str, **values: object) -> str:
    """A text made from the settings that is no page: `notice.html`, `register.md`."""
    return environment().get_template(f"made/{name}").render(values, **_of_house(settings, language))


def stay(request: Request, url: str) -> str:
    """`url`, in the language that the address of this page asks for."""
    asked = request.query_params.get("lang", "")
    if asked not in words.LANGUAGES:
        return url
    return f"{url}{'&' if '?' in url else '?'}lang={asked}"


def _other_language(request: Request, language: str) -> tuple[str, str] | None:
    """Name and address of this page in the other language; None where it could only be posted again."""
    if request.method not in ("GET", "HEAD"):
        return None
    code, name = ("en", "English") if language == "fr" else ("fr", "Français")
    return name, f"{request.url.path}?lang={code}"


@lru_cache
def environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.templates() / "web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["asset"] = static.url
    found.filters |= {
        "kind": lambda block: type(block).__name__,
        "ask": asking.ask,
        "typeset": words.typeset,
        "origin": dress.origin,
        "moment": _moment,
        "day": _day,
        "because": _because,
        "clock": _clock,
        "whole": jinja2.pass_context(lambda context, value: words.number(value, context["lang"])),
        "decimal": jinja2.pass_context(lambda context, value: words.decimal(value, context["lang"])),
        "weekday": jinja2.pass_context(lambda context, number: words.weekday(number, context["lang"])),
        "number": jinja2.pass_context(lambda context, value: words.number(value, context["lang"])),
        "month": jinja2.pass_context(lambda context, value: words.month_of(value, context["lang"])),
        "percent": jinja2.pass_context(lambda context, value: words.percent(value, context["lang"])),
        "lapse": jinja2.pass_context(lambda context, days: words.lapse(days, context["lang"])),
        "zone_time": jinja2.pass_context(lambda context, zone: words.zone_time(zone, context["lang"])),
    }
    return found


@jinja2.pass_context
def _moment(context: jinja2.runtime.Context, at: datetime, zone: str, *, year: bool = True) -> str:
    """« mardi 30 mars 2027 à 8 h 30 », on the clock of `zone`."""
    return words.moment(calendar.local(at, zone), context["lang"], year=year)


@jinja2.pass_context
def _day(
    context: jinja2.runtime.Context, value: datetime | date, zone: str = "UTC", *, year: bool = True
) -> str:
    local = calendar.local_day(value, zone) if isinstance(value, datetime) else value
    return words.day(local, context["lang"], year=year)


@jinja2.pass_context
def _because(context: jinja2.runtime.Context, reason: str, holidays: str, at: datetime) -> str:
    """Why what leaves at `at` was moved by the calendar `holidays`."""
    return reasons.said(reason, context["lang"], calendar.holidays_in_english(holidays, at.year))


@jinja2.pass_context
def _clock(context: jinja2.runtime.Context, value: time) -> str:
    return words.clock(value, context["lang"])
