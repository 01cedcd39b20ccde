"""From a mail with all that is needed to the bytes of it: filling, and nothing read any more."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from engine.core import calendar, delivery, errors, fictitious, links, scoring, words
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.flows import accounts, companies, desk, learners, leases, seats, signup, summaries
from engine.flows.letters import Addressed, House, ToAccount
from engine.mail import compile, dress, fill, header, message, proof, skeleton
from engine.mail import letters as mails


@dataclass(frozen=True)
class Written:
    """A mail as it travels."""

    sender: str
    recipient: str
    data: bytes


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
    mail = to.mail
    asked = delivery.transactional(Kind(mail.kind))
    leave = "" if asked else house.links.url("u", to.person.enrolment_id)
    recipient = to.person.new_address if mail.kind == Kind.ADDRESS else to.person.address
    name = "" if mail.kind in (Kind.CONFIRM, Kind.ADDRESS, Kind.INVITE) else to.person.first_name
    envelope = message.Envelope(
        name=name,
        address=recipient,
        message_id=f"{mail.message_id}@{house.host}",
        date=now,
        leave=leave,
    )
    lesson = mail.kind in (Kind.LESSON, Kind.AGAIN)
    build = _lesson_build(to, house) if lesson else _letter_build(to, house)
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


def _letter_build(to: Addressed, house: House) -> fill.Build:
    course, letter = to.pinned.course, _letter(to)

    def make() -> fill.Build:
        return compile.letter(letter, dress=dress.fitted(house.dress, course))

    return house.builds.get((course.slug, to.pinned.hash, letter), make) if _shared(letter) else make()


def _shared(letter: mails.Letter) -> bool:
    """Whether it reads the same for many, but for what is filled in."""
    return not isinstance(letter, mails.Result | mails.Paused | mails.Resumed)


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
    if _FIRST in build.names:
        texts[_FIRST] = words.typeset(_moment(to.person.due_at, to.person, course), course.language)
    return {name: texts[name] if name in texts else _link(name, to, house) for name in build.names} | texts


def _link(name: str, to: Addressed, house: House) -> str:
    enrolment = to.person.enrolment_id
    match name.split(".", 2):
        case ["link", "web"]:
            return house.links.url("l", enrolment, to.mail.lesson_key)
        case ["link", "my"]:
            return house.links.url("m", enrolment)
        case ["link", "go"]:
            return _way(to, house.links)
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


_MY, _LEAVE, _GO = skeleton.slot("link.my"), skeleton.slot("link.leave"), skeleton.slot("link.go")
_FIRST = "learner.first_lesson"


def _letter(to: Addressed) -> mails.Letter:
    """What it says; where it leads to differs from person to person and is filled in."""
    course, row = to.pinned.course, to.person
    match Kind(to.mail.kind):
        case Kind.CONFIRM:
            return mails.Confirm(course.title, _GO, signup.CONFIRM_DAYS, listed=bool(to.source))
        case Kind.KNOWN:
            return mails.Known(course.title, _MY)
        case Kind.DATA:
            return mails.Data(course.title, _GO)
        case Kind.ADDRESS:
            return mails.Address(course.title, _GO, learners.ADDRESS_DAYS)
        case Kind.ENTRY:
            activity = course.activities.get(to.mail.occasion.partition(".")[2])
            return mails.Entry(course.title, activity.title if activity else course.title, _GO)
        case Kind.RESULT:
            return _result(to)
        case Kind.INVITE:
            minutes = max(lesson.minutes for lesson in course.lessons)
            return mails.Invite(course.title, len(course.lessons), minutes, _GO, seats.INVITE_DAYS)
        case Kind.TEAM:
            return mails.Team(course.title, _GO, companies.PAGE_DAYS)
        case Kind.WELCOME:
            letter, first = course.welcome, skeleton.slot(_FIRST) if row.due_at else ""
            return mails.Welcome(course.title, letter.subject, letter.document, first, _MY, _LEAVE)
        case Kind.REMINDER:
            return _reminder(to)
        case Kind.MISSED:
            return _missed(to)
        case Kind.SILENT:
            waiting = course.lesson(to.mail.lesson_key)
            subject = waiting.subject if waiting else course.title
            return mails.Silent(course.title, subject, _GO, _MY, _LEAVE)
        case Kind.PAUSED:
            until = words.day(_day(row), course.language) if row.paused_until else ""
            return mails.Paused(course.title, until, _MY, _LEAVE)
        case Kind.RESUMED:
            return mails.Resumed(course.title, _moment(row.due_at, row, course), _MY, _LEAVE)
        case Kind.FAREWELL:
            letter = course.farewell
            return mails.Farewell(course.title, letter.subject, letter.document, to.received, _MY, _LEAVE)
    raise errors.ParcoursError(f"Un message « {to.mail.kind} » ne s'écrit pas ainsi.")


def _way(to: Addressed, link: links.Links) -> str:
    """Where the button of a mail leads, when that is neither a lesson nor the learner's page."""
    enrolment, learner, occasion = to.person.enrolment_id, to.person.learner_id, to.mail.occasion
    match Kind(to.mail.kind):
        case Kind.CONFIRM:
            return link.url("k", enrolment, occasion)
        case Kind.DATA:
            return link.url("d", learner, occasion)
        case Kind.ADDRESS:
            return link.url("n", learner, occasion, learners.address_mark(to.person.new_address))
        case Kind.ENTRY:
            asked, _, key = occasion.partition(".")
            return link.url("w", enrolment, *((key, asked) if key else (asked,)))
        case Kind.INVITE:
            return link.url("i", *seats.link_parts(occasion))
        case Kind.TEAM:
            return link.url("e", enrolment, occasion)
        case Kind.SILENT:
            return f"{link.url('m', enrolment)}/resume"
    raise errors.ParcoursError(f"Un message « {to.mail.kind} » n'a pas de bouton.")


def _day(row: leases.Recipient) -> date:
    assert row.paused_until is not None  # the caller looked
    return calendar.local_day(row.paused_until, row.zone)


def _moment(at: datetime | None, row: leases.Recipient, course: model.Course) -> str:
    return words.moment(calendar.local(at, row.zone), course.language) if at else ""


def _reminder(to: Addressed) -> mails.Reminder:
    course = to.pinned.course
    lesson = course.lesson(to.mail.lesson_key)
    key = lesson.requires.activity if lesson and lesson.requires else ""
    activity = course.activities.get(key)
    if activity is None:
        raise errors.NotFound(f"L'activité « {key} » n'existe plus dans ce parcours.")
    asked_by = next((each for each in course.lessons if key in each.activities), course.lessons[0])
    return mails.Reminder(course.title, asked_by.subject, activity, _to_activity(key), _MY, _LEAVE)


def _missed(to: Addressed) -> mails.Missed:
    course, key = to.pinned.course, to.mail.occasion
    lesson, activity = course.lesson(to.mail.lesson_key), course.activities.get(key)
    if lesson is None or activity is None:
        raise errors.NotFound(f"L'activité « {key} » n'existe plus dans ce parcours.")
    return mails.Missed(course.title, lesson.subject, activity, _to_activity(key), _MY, _LEAVE)


def _to_activity(key: str) -> str:
    return skeleton.slot(f"link.activity.{key}")


def _result(to: Addressed) -> mails.Result:
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
        link=_to_activity(handed.key),
        my=_MY,
    )
