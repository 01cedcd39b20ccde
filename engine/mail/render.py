"""Contexts into parts: Jinja, then MJML. What is filled in later stands there as a mark."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import mjml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from engine import paths
from engine.core import asking, errors, words
from engine.core.course import markup
from engine.mail import dress as dresses
from engine.mail import encode, fill, letters, skeleton, text

# What our templates may use of MJML; mrml writes any other name into the HTML as it stands.
_ELEMENTS = frozenset(
    {"mjml", "mj-head", "mj-title", "mj-breakpoint", "mj-attributes", "mj-all", "mj-class", "mj-style"}
    | {"mj-raw", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-text", "mj-button"}
    | {"mj-image", "mj-divider", "mj-table", "mj-hero"}
)
_ELEMENT = re.compile(r"<(mj[a-z-]*)")
_REFERENCE = re.compile(r"&#(\d+);")
_WRITTEN_SLOT = re.compile(r"\{\{\s*([a-z_.]+)\s*\}\}")
SLOTS = ("learner.first_name", "learner.company", "company.inviter", "consent.source", "account.name")


def parts(letter: letters.Letter, dress: dresses.Dress) -> fill.Parts:
    """The subject, the text and the HTML of a mail. Raises errors.ParcoursError."""
    folder = name(letter)
    context = _context(letter, dress)
    environment = _environment(dress.language)
    subject = encode.one_line(environment.get_template(f"{folder}/subject.txt").render(context)).strip()
    context["subject"] = subject
    plain = environment.get_template(f"{folder}/body.txt").render(context)
    source = environment.get_template(f"{folder}/body.mjml").render(context)
    return fill.Parts(subject, _tidy(plain), html(source))


def name(letter: letters.Letter) -> str:
    """The folder of its templates, which is also its kind."""
    return type(letter).__name__.lower()


def html(source: str) -> str:
    """MJML as HTML. Raises errors.ParcoursError when it is not MJML or names unknown elements."""
    if unknown := unknown_elements(source):
        told = ", ".join(f"{name} (ligne {line})" for line, name in unknown)
        raise errors.ParcoursError(f"Éléments MJML inconnus : {told}.")
    # mrml writes attributes in Rust's notation, `\u{202f}` for a narrow space and `\\` for a
    # backslash: it gets neither to see.
    safe = source.replace("\\", "&#92;").encode("ascii", "xmlcharrefreplace").decode("ascii")
    try:  # `fonts`: else mrml makes the mail fetch the fonts it knows from Google
        made = str(mjml.mjml2html(safe, disable_comments=True, fonts={}))
    except ValueError as error:
        raise errors.ParcoursError(f"MJML illisible : {error}.") from None
    return _REFERENCE.sub(_character, made)


def _character(found: re.Match[str]) -> str:
    code = int(found[1])
    return chr(code) if code > 127 or code == ord("\\") else found[0]


def unknown_elements(source: str) -> list[tuple[int, str]]:
    """Line and name of each `mj…` element that mrml would pass over in silence."""
    return [
        (source.count("\n", 0, found.start()) + 1, found[1])
        for found in _ELEMENT.finditer(source)
        if found[1] not in _ELEMENTS
    ]


def _context(letter: letters.Letter, dress: dresses.Dress) -> dict[str, Any]:
    known = {"course.title": words.typeset(letter.course, dress.language), "tutor.name": dress.tutor_name}
    slot = functools.partial(_slot, known)
    context = {each.name: _written(getattr(letter, each.name), slot, dress) for each in fields(letter)}
    draw = text.Drawing(
        say=words.gettext(dress.language),
        slot=slot,
        href=_href,
        image=lambda path: f"{dress.base_url}/c/{dress.slug}/{path}",
        language=dress.language,
        sources=context.get("sources", ()),
        activities=context.get("activities", {}),
    )
    return context | {
        "dress": dress,
        "slot": draw.slot,
        "href": draw.href,
        "image": draw.image,
        "plain": lambda document: text.document(document.blocks, draw),
    }


def _written(value: Any, slot: Callable[[str], str], dress: dresses.Dress) -> Any:
    """A line of an author with its typography and its slots; anything else as it is."""
    if not isinstance(value, str):
        return value
    return _WRITTEN_SLOT.sub(lambda found: slot(found[1]), words.typeset(value, dress.language))


def _slot(known: Mapping[str, str], name: str) -> str:
    """What stands in an author's slot: a mark, unless it is the same for everybody."""
    if name in known:
        return known[name]
    if name not in SLOTS:
        raise errors.ParcoursError(f"L'emplacement « {name} » n'existe pas.")
    return skeleton.slot(name)


def _href(href: str) -> str:
    """Where an author's link leads: his address, or the mark of a signed link."""
    scheme, _, key = href.partition(":")
    match scheme:
        case "lecon":
            return skeleton.slot(f"link.lesson.{key}")
        case "activite":
            return skeleton.slot(f"link.activity.{key}")
        case "page":
            return skeleton.slot(f"link.page.{key}")
        case "https" | "http" | "mailto":
            return href
    raise errors.ParcoursError(f"Le lien « {href} » ne mène nulle part.")


@functools.lru_cache(maxsize=8)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(paths.templates() / "email"),
        autoescape=select_autoescape(["mjml"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": words.gettext(language),
        "opening": skeleton.opening,
        "closing": skeleton.closing,
        "REVIEW": letters.REVIEW,
        "refuse": _refuse,
    }
    environment.filters |= {
        "asked": lambda activity, where: "\n".join(text.question(activity, where, language)),
        "ask": functools.partial(asking.ask, language=language),
        "cited": functools.partial(dresses.cited, language=language),
        "kind": lambda node: type(node).__name__,
        "oneline": lambda value: " ".join(value.split()),
        "origin": functools.partial(dresses.origin, language=language),
        "typeset": functools.partial(words.typeset, language=language),
    }
    return environment


def _refuse(block: markup.Block) -> str:
    """For a block where none of its kind may stand, such as a question in a list."""
    raise errors.ParcoursError(
        f"Le bloc de la ligne {block.line} ne peut pas se trouver à l'intérieur d'un autre."
    )


def _tidy(plain: str) -> str:
    """Without blanks at the ends of lines, and never two empty lines in a row."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", plain)).strip() + "\n"
