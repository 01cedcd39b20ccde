"""From rows of the ledger to the bytes of mails: everything read in bulk, then nothing but filling."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery, errors, fictitious, links, progress, scoring, verp, views, words
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.flows import (
    accounts,
    activities,
    catalog,
    companies,
    desk,
    enrolments,
    known,
    learners,
    leases,
    seats,
    signup,
    summaries,
)
from engine.mail import builds, compile, dress, fill, header, message, proof
from engine.mail import letters as mails
from engine.tables import Account, Consent, Delivery


@dataclass(frozen=True)
class House:
    """What all mails of this installation share."""

    links: links.Links
    dress: dress.Dress
    builds: builds.Builds
    host: str
    """The domain that Message-IDs end with."""
    returns: verp.Returns | None = None
    """Makes the addresses that mails return to; without it that is their sender's."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A mail that may leave, with all that is needed to write it."""

    mail: leases.Begun
    person: leases.Recipient
    pinned: catalog.Pinned
    facts: progress.Facts
    received: int
    """Lessons that came so far."""
    result: views.Handed | None = None
    """For the mail that tells it."""
    inviter: str = ""
    """Who invites, in an invitation."""
    source: str = ""
    """Where the address comes from, in a request to confirm that the person did not ask for."""


@dataclass(frozen=True)
class ToAccount:
    """A mail that may leave to somebody of the studio."""

    mail: leases.Begun
    account: Account
    draft: desk.Desk | None = None
    """The draft that a test is made from."""
    summary: summaries.Summary | None = None
    """For the mail that tells it."""


@dataclass(frozen=True)
class Written:
    """A mail as it travels."""

    sender: str
    recipient: str
    data: bytes


Pins = dict[tuple[int, int | None, str], catalog.Pinned | str]
"""The version that mails are made from, by course, version and lesson, or why there is none."""


async def gather(
    session: AsyncSession, begun: Sequence[leases.Begun], *, pins: Pins | None = None
) -> dict[int, Addressed | ToAccount | str]:
    """For each mail what is needed to write it, or the reason why it cannot be written.

    `pins`: what was looked up lately, for who gathers many times.
    """
    found: dict[int, Addressed | ToAccount | str] = {}
    learners = [mail for mail in begun if not mail.account_id]
    found |= await _to_learners(session, learners, {} if pins is None else pins)
    told: dict[str, summaries.Summary] = {}
    for mail in begun:
        if mail.kind == Kind.SUMMARY and mail.occasion not in told:
            told[mail.occasion] = await summaries.of_week(session, mail.occasion, now=mail.due_at)
        if mail.account_id:
            account = await accounts.get(session, mail.account_id)
            try:
                draft = await _tested(session, mail)
            except errors.NotFound as error:
                found[mail.id] = str(error)
            else:
                found[mail.id] = ToAccount(mail, account, draft, told.get(mail.occasion))
    return found


async def _tested(session: AsyncSession, mail: leases.Begun) -> desk.Desk | None:
    """The draft, as it is now, of the course whose mail somebody asked to see."""
    return await desk.look(session, mail.occasion.partition(".")[0]) if mail.kind == Kind.TEST else None


async def _to_learners(
    session: AsyncSession, begun: Sequence[leases.Begun], pins: Pins
) -> dict[int, Addressed | str]:
    if not begun:
        return {}
    facts = await known.of_recipients(session, [mail.person for mail in begun if mail.person])
    received = await _received(session, [mail for mail in begun if mail.kind == Kind.FAREWELL])
    inviters = await seats.inviters(session, [mail.occasion for mail in begun if mail.kind == Kind.INVITE])
    sources = await _sources(session, [mail for mail in begun if mail.kind == Kind.CONFIRM])
    found: dict[int, Addressed | str] = {}
    for mail in begun:
        to = mail.person
        if to is None:
            found[mail.id] = "no enrolment"
            continue
        which = (to.course_id, to.version_id, mail.lesson_key)
        if which not in pins:
            pins[which] = await _pinned(session, *which)
        pinned = pins[which]
        if isinstance(pinned, str):
            found[mail.id] = pinned
            continue
        place = to.enrolment_id
        result = (
            await activities.handed(session, place, pinned.course, mail.occasion)
            if mail.kind == Kind.RESULT
            else None
        )
        inviter, source = inviters.get(mail.occasion, ""), sources.get(place, "")
        found[mail.id] = Addressed(
            mail, to, pinned, facts[place], received.get(place, 0), result, inviter, source
        )
    return found


async def _pinned(
    session: AsyncSession, course_id: int, version_id: int | None, lesson_key: str
) -> catalog.Pinned | str:
    try:
        return await enrolments.holding(session, course_id, version_id, lesson_key)
    except errors.ParcoursError as error:
        return str(error)


async def _sources(session: AsyncSession, confirms: Sequence[leases.Begun]) -> dict[int, str]:
    """For those whom somebody else brought: where from. Who has asked by the form since knows it himself."""
    if not confirms:
        return {}
    asked = await session.execute(
        select(Consent.enrolment_id, Consent.wording, Consent.source)
        .where(Consent.enrolment_id.in_([mail.enrolment_id for mail in confirms]), Consent.event == "asked")
        .order_by(Consent.id)
    )
    return {place: "" if wording else source for place, wording, source in asked if place is not None}


async def _received(session: AsyncSession, farewells: Sequence[leases.Begun]) -> dict[int, int]:
    if not farewells:
        return {}
    counted = await session.execute(
        select(Delivery.enrolment_id, func.count())
        .where(
            Delivery.enrolment_id.in_([mail.enrolment_id for mail in farewells]),
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .group_by(Delivery.enrolment_id)
    )
    return {row[0]: row[1] for row in counted if row[0] is not None}


def write(to: Addressed | ToAccount, house: House, *, now: datetime) -> Written:
    """The mail for one person. Raises `errors.ParcoursError` when it cannot be made."""
    return _to_account(to, house, now) if isinstance(to, ToAccount) else _to_learner(to, house, now)


def _sender(mail: leases.Begun, house: House, otherwise: str) -> str:
    """The address that the envelope names (MAIL FROM): failures are reported to it."""
    return house.returns.address(mail.id) if house.returns else otherwise


def _to_account(to: ToAccount, house: House, now: datetime) -> Written:
    account = to.account
    envelope = message.Envelope(
        name=account.name,
        address=account.address,
        message_id=f"{to.mail.message_id}@{house.host}",
        date=now,
        leave="",
    )
    if to.draft is not None:
        return _test(to.mail, to.draft, envelope, house)
    fitted = replace(house.dress, language=account.language)
    build = compile.letter(_account_letter(to, house), dress=fitted)
    values = {"account.name": account.name}
    data = fill.fill(build, values, lambda _: False, envelope)
    return Written(_sender(to.mail, house, build.sender), header.ascii_address(account.address), data)


def _test(mail: leases.Begun, of: desk.Desk, envelope: message.Envelope, house: House) -> Written:
    course = desk.check(of.files, slug=of.slug, house=house.dress).sketch
    if course is None:
        raise errors.NotFound("Ce parcours ne se lit pas.")
    learner = fictitious.learner(mail.occasion.split(".")[1])
    leaving = replace(envelope, leave=proof.nowhere(house.dress))
    made = proof.make(course, mail.lesson_key, house.dress, learner, leaving)
    sender = message.sender(dress.fitted(house.dress, course))
    return Written(_sender(mail, house, sender), header.ascii_address(envelope.address), made.source)


def _account_letter(to: ToAccount, house: House) -> mails.Letter:
    match Kind(to.mail.kind):
        case Kind.ACCOUNT:
            path = accounts.choose_path(house.links, to.account, to.mail.occasion)
            return mails.Account(house.links.base_url + path, accounts.CHOOSE_DAYS, not to.account.password)
        case Kind.SUMMARY if to.summary:
            return _summary(to.summary, house, to.account.language)
    raise errors.ParcoursError(f"Un message « {to.mail.kind} » ne va pas à un compte.")


def _summary(told: summaries.Summary, house: House, language: str) -> mails.Summary:
    def said(n: int) -> str:
        return words.number(n, language)

    return mails.Summary(
        first=words.day(told.first, language, year=False),
        last=words.day(told.last, language),
        weeks=tuple(
            mails.Week(
                words.typeset(each.title, language),
                said(each.began),
                said(each.lessons),
                said(each.completed),
                said(each.left),
            )
            for each in told.lines
        ),
        failed=said(told.failed) if told.failed else "",
        held=said(told.held) if told.held else "",
        expected=said(told.expected) if told.expected else "",
        numbers=f"{house.links.base_url}/studio/numbers",
        account=f"{house.links.base_url}/studio/me",
    )


def _to_learner(to: Addressed, house: House, now: datetime) -> Written:
    course, mail = to.pinned.course, to.mail
    link = house.links
    leave = "" if delivery.transactional(Kind(mail.kind)) else link.url("u", to.person.enrolment_id)
    recipient = to.person.new_address if mail.kind == Kind.ADDRESS else to.person.address
    name = "" if mail.kind in (Kind.CONFIRM, Kind.ADDRESS, Kind.INVITE) else to.person.first_name
    envelope = message.Envelope(
        name=name,
        address=recipient,
        message_id=f"{mail.message_id}@{house.host}",
        date=now,
        leave=leave,
    )
    if mail.kind in (Kind.LESSON, Kind.AGAIN):
        build = _lesson_build(to, house)
    else:
        build = compile.letter(_letter(to, house), dress=dress.fitted(house.dress, course))
    review = _review(to)
    values = _values(build, to, house, review)

    def holds(condition: str) -> bool:
        return review is not None if condition == mails.REVIEW else to.facts.hold(condition)

    data = fill.fill(build, values, holds, envelope)
    return Written(_sender(mail, house, build.sender), header.ascii_address(recipient), data)


def _lesson_build(to: Addressed, house: House) -> fill.Build:
    course = to.pinned.course
    lesson = course.lesson(to.mail.lesson_key)
    if lesson is None:
        raise errors.NotFound(f"La leçon « {to.mail.lesson_key} » n'existe plus dans ce parcours.")
    key = (course.slug, to.pinned.hash, lesson.key)
    return house.builds.get(key, lambda: compile.lesson(lesson, course=course, dress=house.dress))


_Review = tuple[str, grammar.QuizQuestion] | None


def _review(to: Addressed) -> _Review:
    """The missed question that comes back with this lesson, and its quiz."""
    course = to.pinned.course
    if not to.facts.attempts:
        return None
    lesson = course.lesson(to.mail.lesson_key) if to.mail.kind == Kind.LESSON else None
    return scoring.review(course.quizzes, to.facts.attempts, lessons=lesson.number) if lesson else None


def _values(build: fill.Build, to: Addressed, house: House, review: _Review) -> dict[str, str]:
    """The slots of a build, for one person."""
    course = to.pinned.course
    texts = dress.slot_values(course, house.dress, to.person.first_name, to.person.company)
    # A block that is left out has its slots filled all the same, with what does no harm.
    key, question = review or ("", None)
    texts["review.prompt"] = words.typeset(question.prompt, course.language) if question else ""
    texts["link.review"] = house.links.url("a", to.person.enrolment_id, key) if key else house.links.base_url
    texts["company.inviter"], texts["consent.source"] = to.inviter, to.source
    return {name: texts[name] if name in texts else _link(name, to, house) for name in build.names} | texts


def _link(name: str, to: Addressed, house: House) -> str:
    enrolment = to.person.enrolment_id
    match name.split(".", 2):
        case ["link", "web"]:
            return house.links.url("l", enrolment, to.mail.lesson_key)
        case ["link", "my"]:
            return house.links.url("m", enrolment)
        case ["link", "leave"]:
            return house.links.url("u", enrolment)
        case ["link", "page", page]:
            return house.links.url(_PAGES[page], enrolment)
        case ["link", "activity", key]:
            return house.links.url("a", enrolment, key)
        case ["link", "lesson", key]:
            return house.links.url("l", enrolment, key)
    raise errors.ParcoursError(f"Rien ne remplit l'emplacement « {name} ».")


_PAGES = {"parcours": "m", "equipe": "e", "documents": "f"}
"""What `page:…` in an author's text leads to: the purpose of its link."""


def _letter(to: Addressed, house: House) -> mails.Letter:
    course, row, link = to.pinned.course, to.person, house.links
    my, leave = link.url("m", row.enrolment_id), link.url("u", row.enrolment_id)
    match Kind(to.mail.kind):
        case Kind.CONFIRM:
            url = link.url("k", row.enrolment_id, to.mail.occasion)
            return mails.Confirm(course.title, url, signup.CONFIRM_DAYS, listed=bool(to.source))
        case Kind.KNOWN:
            return mails.Known(course.title, my)
        case Kind.DATA:
            return mails.Data(course.title, link.url("d", to.person.learner_id, to.mail.occasion))
        case Kind.ADDRESS:
            mark = learners.address_mark(to.person.new_address)
            url = link.url("n", to.person.learner_id, to.mail.occasion, mark)
            return mails.Address(course.title, url, learners.ADDRESS_DAYS)
        case Kind.ENTRY:
            asked, _, key = to.mail.occasion.partition(".")
            activity = course.activities.get(key)
            title = activity.title if activity else course.title
            where = (key, asked) if key else (asked,)
            return mails.Entry(course.title, title, link.url("w", row.enrolment_id, *where))
        case Kind.RESULT:
            return _result(to, link, my)
        case Kind.INVITE:
            url = link.url("i", *seats.link_parts(to.mail.occasion))
            minutes = max(lesson.minutes for lesson in course.lessons)
            return mails.Invite(course.title, len(course.lessons), minutes, url, seats.INVITE_DAYS)
        case Kind.TEAM:
            url = link.url("e", row.enrolment_id, to.mail.occasion)
            return mails.Team(course.title, url, companies.PAGE_DAYS)
        case Kind.WELCOME:
            letter = course.welcome
            first = _moment(row.due_at, row, course)
            return mails.Welcome(course.title, letter.subject, letter.document, first, my, leave)
        case Kind.REMINDER:
            return _reminder(to, link, my, leave)
        case Kind.MISSED:
            return _missed(to, link, my, leave)
        case Kind.SILENT:
            waiting = course.lesson(to.mail.lesson_key)
            subject = waiting.subject if waiting else course.title
            return mails.Silent(course.title, subject, f"{my}/resume", my, leave)
        case Kind.PAUSED:
            until = words.day(_day(row), course.language) if row.paused_until else ""
            return mails.Paused(course.title, until, my, leave)
        case Kind.RESUMED:
            return mails.Resumed(course.title, _moment(row.due_at, row, course), my, leave)
        case Kind.FAREWELL:
            letter = course.farewell
            return mails.Farewell(course.title, letter.subject, letter.document, to.received, my, leave)
    raise errors.ParcoursError(f"Un message « {to.mail.kind} » ne s'écrit pas ainsi.")


def _day(row: leases.Recipient) -> date:
    assert row.paused_until is not None  # the caller looked
    return calendar.local_day(row.paused_until, row.zone)


def _moment(at: datetime | None, row: leases.Recipient, course: model.Course) -> str:
    return words.moment(calendar.local(at, row.zone), course.language) if at else ""


def _reminder(to: Addressed, link: links.Links, my: str, leave: str) -> mails.Reminder:
    course = to.pinned.course
    lesson = course.lesson(to.mail.lesson_key)
    key = lesson.requires.activity if lesson and lesson.requires else ""
    activity = course.activities.get(key)
    if activity is None:
        raise errors.NotFound(f"L'activité « {key} » n'existe plus dans ce parcours.")
    asked_by = next((each for each in course.lessons if key in each.activities), course.lessons[0])
    return mails.Reminder(
        course=course.title,
        lesson=asked_by.subject,
        activity=activity,
        link=link.url("a", to.person.enrolment_id, key),
        my=my,
        leave=leave,
    )


def _missed(to: Addressed, link: links.Links, my: str, leave: str) -> mails.Missed:
    course, key = to.pinned.course, to.mail.occasion
    lesson, activity = course.lesson(to.mail.lesson_key), course.activities.get(key)
    if lesson is None or activity is None:
        raise errors.NotFound(f"L'activité « {key} » n'existe plus dans ce parcours.")
    return mails.Missed(
        course.title, lesson.subject, activity, link.url("a", to.person.enrolment_id, key), my, leave
    )


def _result(to: Addressed, link: links.Links, my: str) -> mails.Result:
    course, handed = to.pinned.course, to.result
    diagnostic = course.activities.get(handed.key) if handed else None
    if handed is None or not isinstance(diagnostic, grammar.Diagnostic):
        raise errors.NotFound("Ces réponses n'existent plus.")
    about = to.facts.learner
    return mails.Result(
        course=course.title,
        title=diagnostic.title,
        diagnosis=scoring.diagnose(handed.key, diagnostic, handed.answers, about),
        earlier=scoring.diagnose(handed.earlier.key, diagnostic, handed.earlier.answers, about)
        if handed.earlier
        else None,
        note=diagnostic.note,
        link=link.url("a", to.person.enrolment_id, handed.key),
        my=my,
    )
