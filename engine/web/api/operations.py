"""The operations of `/api/v1`: each calls the flows that the pages call."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from engine.core import paging, views
from engine.core.tokens import Scope
from engine.flows import accounts, enrolments, privacy, records, signup, webhooks
from engine.web import forms, site
from engine.web.api import gate, models, problems

router = APIRouter(prefix="/v1")

_PROBLEM = {"model": problems.Problem}
_MISSING: dict[int | str, dict[str, Any]] = {404: {**_PROBLEM, "description": "Nothing by that id"}}
_WRITING: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    400: {**_PROBLEM, "description": "The body cannot be read"},
    409: {**_PROBLEM, "description": "The state that it is in does not allow this"},
    413: {**_PROBLEM, "description": "The body is too long"},
}
Row = TypeVar("Row")
Id = Annotated[int, Path(ge=1, le=paging.LARGEST_ID)]
MailId = Annotated[int, Path(ge=1, le=paging.LARGEST_MAIL)]

Eraser = Annotated[gate.Holder, gate.needs(Scope.LEARNERS_WRITE)]
Enroller = Annotated[gate.Holder, gate.needs(Scope.ENROLMENTS_WRITE)]


def _note(session: AsyncSession, holder: gate.Holder, action: str, target: str, *, now: datetime) -> None:
    """Into the audit log: in the name of who made the key."""
    accounts.note(session, holder.account_id, action, target, f"api, token:{holder.token_id}", now=now)


def _asked(listing: models.Listing, largest: int = paging.LARGEST_ID) -> records.Page:
    """One row more than asked for tells whether there is another page."""
    return records.Page(listing.limit + 1, paging.after(listing.cursor, largest))


def _page(listing: models.Listing, rows: Sequence[Any], make: Callable[[Any], Row]) -> models.Page[Row]:
    shown = rows[: listing.limit]
    following = str(shown[-1].id) if len(rows) > len(shown) else None
    return models.Page(data=[make(row) for row in shown], next_cursor=following)


@router.get("/learners", summary="List learners", dependencies=[gate.needs(Scope.LEARNERS_READ)])
async def list_learners(
    request: Request, listing: Annotated[models.LearnerListing, Query()]
) -> models.Page[models.Learner]:
    async with site.of(request).db.reading() as session:
        rows = await records.learners(session, _asked(listing), address=listing.address, since=listing.since)
    return _page(listing, rows, models.Learner.model_validate)


@router.get(
    "/learners/{id}",
    summary="Get a learner",
    dependencies=[gate.needs(Scope.LEARNERS_READ)],
    responses=_MISSING,
)
async def get_learner(request: Request, id: Id) -> models.Learner:
    async with site.of(request).db.reading() as session:
        return models.Learner.model_validate(await records.learner(session, id))


@router.delete(
    "/learners/{id}",
    status_code=204,
    response_class=Response,
    summary="Erase a learner for good",
    responses=_MISSING,
)
async def erase_learner(request: Request, id: Id, holder: Eraser) -> None:
    """Name, address and answers go; consents keep times, wording and a keyed hash, as the law asks."""
    house = site.of(request)
    async with house.db.transaction() as session:
        await records.learner(session, id)
        await privacy.erase(session, id, now=house.clock.now())
        _note(session, holder, "learner_erased", f"learner:{id}", now=house.clock.now())


@router.get("/enrolments", summary="List enrolments", dependencies=[gate.needs(Scope.ENROLMENTS_READ)])
async def list_enrolments(
    request: Request, listing: Annotated[models.EnrolmentListing, Query()]
) -> models.Page[models.Enrolment]:
    async with site.of(request).db.reading() as session:
        rows = await records.enrolments(
            session,
            _asked(listing),
            course=listing.course,
            state=listing.state,
            learner_id=listing.learner_id,
            since=listing.since,
        )
    return _page(listing, rows, models.Enrolment.model_validate)


@router.get(
    "/enrolments/{id}",
    summary="Get an enrolment",
    dependencies=[gate.needs(Scope.ENROLMENTS_READ)],
    responses=_MISSING,
)
async def get_enrolment(request: Request, id: Id) -> models.Enrolment:
    async with site.of(request).db.reading() as session:
        return models.Enrolment.model_validate(await records.enrolment(session, id))


@router.post(
    "/enrolments",
    status_code=202,
    summary="Sign somebody up",
    responses=_WRITING,
)
async def create_enrolment(
    request: Request,
    body: models.SignUp,
    holder: Enroller,
) -> models.Asked:
    """The person gets a mail and confirms: until then nothing else is sent. Twice is once."""
    house = site.of(request)
    origin = views.Origin("", "", f"api/{holder.token_id}: {body.source}")
    async with house.db.transaction() as session:
        form = _form(body, await signup.offer(session, body.course))
        await signup.request(
            session,
            body.course,
            form,
            origin=origin,
            fingerprint=house.fingerprint,
            now=house.clock.now(),
        )
        asked = await records.asked(session, body.course, body.address)
        target = f"enrolment:{asked.enrolment_id}" if asked.enrolment_id else f"course:{body.course}"
        _note(session, holder, "enrolment_asked", target, now=house.clock.now())
    house.wake()
    return models.Asked.model_validate(asked)


def _form(body: models.SignUp, offer: views.Offer) -> views.SignUp:
    """The sign-up form, filled in."""
    usual = forms.preset(offer)
    return views.SignUp(
        first_name=body.first_name,
        address=body.address,
        company=body.company,
        size=str(body.size or ""),
        weekday=usual.weekday if body.weekday is None else str(body.weekday),
        time=body.time or usual.time,
        zone=body.zone,
        region=body.region,
        consent=True,
    )


@router.post(
    "/enrolments/{id}/pause",
    summary="Pause a course",
    responses=_WRITING,
)
async def pause_enrolment(
    request: Request, id: Id, holder: Enroller, body: Annotated[models.Pause, Body()]
) -> models.Enrolment:
    """The learner is told by mail. Pausing what is paused changes until when."""
    house = site.of(request)
    async with house.db.transaction() as session:
        await enrolments.pause(session, id, until=body.until, now=house.clock.now())
        _note(session, holder, "enrolment_paused", f"enrolment:{id}", now=house.clock.now())
        row = await records.enrolment(session, id)
    house.wake()
    return models.Enrolment.model_validate(row)


@router.post(
    "/enrolments/{id}/resume",
    summary="Go on after a pause",
    responses=_WRITING,
)
async def resume_enrolment(request: Request, id: Id, holder: Enroller) -> models.Enrolment:
    """At the learner's next slot; the learner is told by mail."""
    house = site.of(request)
    async with house.db.transaction() as session:
        await enrolments.resume(session, id, now=house.clock.now())
        _note(session, holder, "enrolment_resumed", f"enrolment:{id}", now=house.clock.now())
        row = await records.enrolment(session, id)
    house.wake()
    return models.Enrolment.model_validate(row)


@router.post(
    "/enrolments/{id}/stop",
    summary="End a course for good",
    responses=_WRITING,
)
async def stop_enrolment(
    request: Request, id: Id, holder: Enroller, body: Annotated[models.Stop, Body()]
) -> models.Enrolment:
    """What was not sent yet never will be. Stopping what is over changes nothing."""
    house = site.of(request)
    async with house.db.transaction() as session:
        row = await enrolments.get(session, id, lock=True)
        learner = await enrolments.learner_of(session, row)
        await enrolments.stop(session, row, learner, reason=body.reason, now=house.clock.now())
        _note(session, holder, "enrolment_stopped", f"enrolment:{id}", now=house.clock.now())
        shown = await records.enrolment(session, id)
    return models.Enrolment.model_validate(shown)


@router.get("/courses", summary="List courses", dependencies=[gate.needs(Scope.COURSES_READ)])
async def list_courses(
    request: Request, listing: Annotated[models.Listing, Query()]
) -> models.Page[models.Course]:
    async with site.of(request).db.reading() as session:
        rows = await records.courses(session, _asked(listing))
    return _page(listing, rows, _course)


@router.get(
    "/courses/{slug}",
    summary="Get a course",
    dependencies=[gate.needs(Scope.COURSES_READ)],
    responses=_MISSING,
)
async def get_course(request: Request, slug: Annotated[models.Slug, Path()]) -> models.Course:
    async with site.of(request).db.reading() as session:
        return _course(await records.course(session, slug))


def _course(shown: records.Shown) -> models.Course:
    course = shown.course
    return models.Course(
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        language=course.language,
        version=shown.version,
        published_at=shown.published_at,
        lessons=[
            models.Lesson(
                key=lesson.key,
                number=lesson.number,
                subject=lesson.subject,
                minutes=lesson.minutes,
                module=lesson.module.key,
                activities=list(lesson.activities),
            )
            for lesson in course.lessons
        ],
        activities=[
            models.Activity(key=key, kind=activity.kind, title=activity.title)
            for key, activity in course.activities.items()
        ],
    )


@router.get("/deliveries", summary="List mails owed", dependencies=[gate.needs(Scope.DELIVERIES_READ)])
async def list_deliveries(
    request: Request, listing: Annotated[models.DeliveryListing, Query()]
) -> models.Page[models.Delivery]:
    async with site.of(request).db.reading() as session:
        rows = await records.deliveries(
            session,
            _asked(listing, paging.LARGEST_MAIL),
            course=listing.course,
            state=listing.state,
            kind=listing.kind,
            learner_id=listing.learner_id,
            enrolment_id=listing.enrolment_id,
            since=listing.since,
        )
    return _page(listing, rows, models.Delivery.model_validate)


@router.get(
    "/deliveries/{id}",
    summary="Get a mail owed",
    dependencies=[gate.needs(Scope.DELIVERIES_READ)],
    responses=_MISSING,
)
async def get_delivery(request: Request, id: MailId) -> models.Delivery:
    async with site.of(request).db.reading() as session:
        return models.Delivery.model_validate(await records.delivery(session, id))


@router.get(
    "/submissions", summary="List answers handed in", dependencies=[gate.needs(Scope.SUBMISSIONS_READ)]
)
async def list_submissions(
    request: Request, listing: Annotated[models.SubmissionListing, Query()]
) -> models.Page[models.Submission]:
    async with site.of(request).db.reading() as session:
        rows = await records.submissions(
            session,
            _asked(listing),
            course=listing.course,
            activity=listing.activity,
            enrolment_id=listing.enrolment_id,
            since=listing.since,
        )
    return _page(listing, rows, models.Submission.model_validate)


@router.get(
    "/submissions/{id}",
    summary="Get answers handed in",
    dependencies=[gate.needs(Scope.SUBMISSIONS_READ)],
    responses=_MISSING,
)
async def get_submission(request: Request, id: Id) -> models.Submission:
    async with site.of(request).db.reading() as session:
        return models.Submission.model_validate(await records.submission(session, id))


@router.get("/webhooks", summary="List webhooks", dependencies=[gate.needs(Scope.WEBHOOKS)])
async def list_webhooks(request: Request) -> models.Page[models.Webhook]:
    """All of them: there are fifty at most."""
    async with site.of(request).db.reading() as session:
        rows = await webhooks.every(session)
    return models.Page(data=[models.Webhook.model_validate(row) for row in rows], next_cursor=None)


@router.get(
    "/webhooks/{id}",
    summary="Get a webhook",
    dependencies=[gate.needs(Scope.WEBHOOKS)],
    responses=_MISSING,
)
async def get_webhook(request: Request, id: Id) -> models.Webhook:
    async with site.of(request).db.reading() as session:
        return models.Webhook.model_validate(await webhooks.get(session, id))


@router.post("/webhooks", status_code=201, summary="Add a webhook", responses=_WRITING)
async def add_webhook(
    request: Request,
    body: models.NewWebhook,
    holder: Annotated[gate.Holder, gate.needs(Scope.WEBHOOKS)],
) -> models.MadeWebhook:
    """It is told from now on what happens; its secret is told once, here."""
    house = site.of(request)
    async with house.db.transaction() as session:
        row = await webhooks.add(
            session,
            url=body.url,
            events=body.events,
            plain=bool(house.settings.webhook_networks),
            by=holder.account_id,
            now=house.clock.now(),
        )
    return models.MadeWebhook.model_validate(row)


@router.delete(
    "/webhooks/{id}",
    status_code=204,
    response_class=Response,
    summary="Remove a webhook with its log",
    responses=_MISSING,
)
async def remove_webhook(
    request: Request, id: Id, holder: Annotated[gate.Holder, gate.needs(Scope.WEBHOOKS)]
) -> None:
    house = site.of(request)
    async with house.db.transaction() as session:
        await webhooks.remove(session, id, by=holder.account_id, now=house.clock.now())
