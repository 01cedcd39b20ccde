"""What the JSON API takes and gives. Field names are a promise: `/api/v1` never renames one."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from engine.core import delivery, paging, progress, webhooks

# No control characters, no separators of lines. Said as a pattern, so that the OpenAPI document says it too.
LINE = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![^Tt ])")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _reckonable(moment: datetime) -> datetime:
    """Before and after, dates overflow when their zone is changed; nothing of ours happened there."""
    return min(max(moment, _EARLIEST), _LATEST)


def _written(value: object) -> object:
    """A day or a moment in words of RFC 3339, and no number of seconds, which pydantic takes too."""
    if value is not None and not (isinstance(value, str) and _DAY.match(value)):
        raise ValueError("is written like 2027-03-22 or 2027-03-22T09:00:00Z")
    return value


Row = TypeVar("Row")

Slug = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=LINE)]
Id = Annotated[int, Field(ge=1, le=paging.LARGEST_ID)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_reckonable)]
Day = Annotated[date, BeforeValidator(_written)]


class Taken(BaseModel):
    """What is taken: a field that we do not know is refused, so that a misspelt one is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Given(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class Listing(Taken):
    limit: Annotated[int, Field(ge=1, le=paging.MOST, description="Rows on a page")] = 50
    cursor: Annotated[
        Annotated[str, StringConstraints(pattern=paging.CURSOR)] | None,
        Field(description="`next_cursor` of the page before; without it the first page"),
    ] = None


class LearnerListing(Listing):
    address: Annotated[
        Annotated[str, StringConstraints(max_length=254, pattern=LINE)] | None,
        Field(description="Who has exactly this one"),
    ] = None
    since: Annotated[Moment | None, Field(description="Known since then or later")] = None


class EnrolmentListing(Listing):
    course: Slug | None = None
    state: progress.State | None = None
    learner_id: Id | None = None
    since: Annotated[Moment | None, Field(description="Asked for then or later")] = None


class DeliveryListing(Listing):
    course: Slug | None = None
    state: delivery.State | None = None
    kind: delivery.Kind | None = None
    learner_id: Id | None = None
    enrolment_id: Id | None = None
    since: Annotated[Moment | None, Field(description="Owed since then or later")] = None


class SubmissionListing(Listing):
    course: Slug | None = None
    activity: Slug | None = None
    enrolment_id: Id | None = None
    since: Annotated[Moment | None, Field(description="Handed in then or later")] = None


class Learner(Given):
    id: int
    address: str
    first_name: str
    language: str
    region: str = Field(description="Calendar of holidays that wins over the course's; empty: the course's")
    created_at: datetime


class Enrolment(Given):
    id: int
    learner_id: int
    course: str
    version: str | None = Field(description="Hash of the version that is followed; null before it begins")
    state: progress.State
    company: str
    size: int = Field(description="People in the company, lower bound of its bracket; 0: not told")
    slot: str = Field(description="Local weekday and time, such as `tue 08:30`")
    zone: str
    pace: int = Field(description="Every n-th slot")
    next_lesson: str | None
    due_at: datetime | None = Field(description="When the course looks at this person again")
    starts_at: datetime | None
    paused_until: datetime | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str


class Delivery(Given):
    id: int
    learner_id: int
    enrolment_id: int | None
    course: str | None
    kind: str
    lesson: str
    state: delivery.State
    due_at: datetime
    due_reason: str = Field(description="Why it is not at the learner's hour, in French")
    tries: int
    sent_at: datetime | None
    reason: str = Field(description="Why it was not sent, or what the mail server last said")
    created_at: datetime


class Submission(Given):
    id: int
    enrolment_id: int
    learner_id: int
    course: str
    activity: str
    round: int
    answers: dict[str, Any]
    score: dict[str, float] = Field(description="Per cent by axis, and `total`; empty when not scored")
    handed_in_at: datetime


class Lesson(Given):
    key: str
    number: int
    subject: str
    minutes: int
    module: str
    activities: list[str]


class Activity(Given):
    key: str
    kind: str
    title: str


class Course(Given):
    slug: str
    title: str
    summary: str
    language: str
    version: str = Field(description="Hash of the version that newcomers get")
    published_at: datetime
    lessons: list[Lesson]
    activities: list[Activity]


class Page(BaseModel, Generic[Row]):
    data: list[Row]
    next_cursor: str | None = Field(description="For the page after this one; null on the last")


class SignUp(Taken):
    """Somebody who asked for a course elsewhere: a fair, a form on paper, another program."""

    course: Slug
    address: Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=LINE)]
    first_name: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=LINE)]
    source: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=3, max_length=150, pattern=LINE),
        Field(description="Where the person asked; kept as part of the proof of consent"),
    ]
    company: Annotated[str, StringConstraints(max_length=120, pattern=LINE)] = ""
    size: Literal[0, 1, 10, 50, 250] = 0
    weekday: Annotated[
        int | None, Field(ge=0, le=6, description="0: Monday; without it the course's own slot")
    ] = None
    time: Annotated[str, StringConstraints(pattern=r"^[0-2][0-9]:[0-5][0-9]$")] | None = None
    zone: Annotated[str, StringConstraints(max_length=64, pattern=LINE)] = "Europe/Paris"
    region: Annotated[str, StringConstraints(max_length=16, pattern=LINE)] = ""


class Asked(Given):
    """Everything is null when the address must not be written to: nothing was sent, nothing is kept."""

    learner_id: int | None
    enrolment_id: int | None
    state: progress.State | None = Field(
        description="`pending` until the person confirms; another: the person follows this course already"
    )


class Pause(Taken):
    until: Annotated[
        Day | None, Field(description="The first day on which a lesson may leave; null: until it is resumed")
    ] = None


class Stop(Taken):
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=LINE)
    ] = "api"


class Webhook(Given):
    id: int
    url: str
    events: list[webhooks.Event]
    enabled: bool
    note: str = Field(description="Why it was switched off: `failing` for three days, or `gone` (410)")
    failing_since: datetime | None
    created_at: datetime


class MadeWebhook(Webhook):
    secret: str = Field(description="Signs the messages (Standard Webhooks); told here and nowhere else")


class NewWebhook(Taken):
    url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!-~]+$")] = Field(
        description="https, and on no private network"
    )
    events: Annotated[list[webhooks.Event], Field(min_length=1)]
