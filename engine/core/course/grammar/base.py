"""The small words that all files of a course share: keys, lines, days."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

KEY = r"^[a-z0-9]+(-[a-z0-9]+)*$"
UNREAD = "0-unread"
"""In place of a module that could not be read, so that the rest is still checked."""
Key = Annotated[str, StringConstraints(pattern=KEY, max_length=40)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Prose = Annotated[str, StringConstraints(min_length=1)]
Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=70)]
WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _whole_days(value: object) -> object:
    """`10` and `10 days` alike."""
    if isinstance(value, str):
        return value.removesuffix("days").removesuffix("day").removesuffix("jours").strip()
    return None if value == "next slot" else value


Days = Annotated[int, BeforeValidator(_whole_days), Field(ge=1, le=365)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)
