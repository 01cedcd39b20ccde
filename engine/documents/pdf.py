"""The one place that calls typst: a template of `templates/documents` and its data become a PDF.

What people wrote travels as JSON and stays text: typst reads no markup in it, and opens no file outside the
folder of the templates.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any, Final

import typst

from engine import paths
from engine.core import charter, printing

STANDARD: Final = "ua-1"
"""Tagged, with language and title, for screen readers (PDF/UA-1); typst refuses what would break it."""


def made(template: str, data: Mapping[str, Any], *, title: str, language: str, on: date) -> bytes:
    """`<template>.typ` drawn with `data`; the same arguments make the same bytes.

    `on` is written into the file as the day of its making. Texts are drawn as `printing.printed` leaves them.
    """
    folder = paths.templates() / "documents"
    whole = {**data, "title": title, "language": language}
    return typst.compile(
        folder / f"{template}.typ",
        root=folder,
        sys_inputs={"data": json.dumps(_printed(whole))},
        font_paths=_fonts(),
        ignore_system_fonts=True,
        pdf_standards=STANDARD,
        timestamp=datetime.combine(on, time(), UTC),
    )


def passages(found: Iterable[charter.Passage]) -> list[dict[str, Any]]:
    """As the templates' `passages` draws them."""
    return [{"kind": type(each).__name__.lower(), **asdict(each)} for each in found]


@functools.cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def _printed(value: Any) -> Any:
    match value:
        case str():
            return printing.printed(value)
        case Mapping():
            return {key: _printed(each) for key, each in value.items()}
        case list() | tuple():
            return [_printed(each) for each in value]
    return value
