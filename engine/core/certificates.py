"""The attestation of a course: what it asks for, the name on it, the code by which anybody verifies it."""

import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from engine.core import errors, printing, progress
from engine.core.course import grammar, model

CORRECTED_WITHIN = timedelta(days=7)
"""How long the learner may correct the name; from then on paper and page agree for good."""
SHORTEST, LONGEST = 2, 80
"""Characters of a name."""

_LETTERS = "BCDFGHJKMNPRSTVWXZ"  # none that looks like another, and no vowel: no code is a word
_GROUPS, _GROUP = 4, 4


@dataclass(frozen=True)
class Missing:
    """One thing that still stands between a learner and the attestation."""

    kind: Literal["course", "activity", "quiz"]
    """The last lesson has not come; an activity is not handed in; a quiz is not passed."""
    key: str = ""
    """Of the activity."""
    title: str = ""
    pass_mark: int = 0
    """Per cent, of a quiz."""


def missing(
    course: model.Course, state: str, facts: progress.Facts, *, waived: Collection[str] = ()
) -> tuple[Missing, ...]:
    """Nothing: the attestation may be issued. Of several attempts at a quiz the best one counts.

    `waived`: activities that are asked of nobody in this learner's place.
    """
    found = [] if state == progress.State.COMPLETED else [Missing("course")]
    for key in course.certificate.requires if course.certificate else ():
        activity = course.activities[key]
        if key in waived:
            continue
        if isinstance(activity, grammar.Quiz):
            best = facts.score.get(key, {}).get("total")
            if best is None or best < activity.pass_mark:
                found.append(Missing("quiz", key, activity.title, activity.pass_mark))
        elif key not in facts.handed_in:
            found.append(Missing("activity", key, activity.title))
    return tuple(found)


def checked_name(typed: str) -> str:
    """The name as it is printed: NFC, single spaces. Raises `errors.Invalid` (field `name`)."""
    name = unicodedata.normalize("NFC", " ".join(typed.split()))
    problem: str | None = None
    if len(name) < SHORTEST:
        problem = "Écrivez votre nom comme il doit figurer sur l'attestation."
    elif len(name) > LONGEST:
        problem = "Ce nom est trop long : l'attestation a la place pour 80 caractères."
    elif not printing.printable(name):
        if any(each.isalpha() and not printing.printable(each) for each in name):
            problem = (
                "L'attestation s'imprime en lettres latines, grecques ou cyrilliques : "
                "écrivez ce nom en lettres latines."
            )
        else:
            problem = "Un nom s'écrit avec des lettres, des espaces, des traits d'union et des apostrophes."
    if problem:
        raise errors.Invalid({"name": problem})
    return name


def new_code() -> str:
    """Four groups of four letters, 66 random bits: `BKTR-WMXC-FHZN-GDPV`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def read_code(typed: str) -> str:
    """A code as it is kept, however it was typed: in small letters, with spaces, without hyphens."""
    letters = "".join(each for each in typed[:100].upper() if each.isascii() and each.isalpha())
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))
