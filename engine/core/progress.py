"""Where a learner stands in a course, and what happens next: the rules that planner and simulation share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import dropwhile
from typing import Any

from engine.core import calendar, errors, scoring
from engine.core.course import conditions, grammar, model


class State(StrEnum):
    PENDING = "pending"  # signed up, address not confirmed
    WAITING = "waiting"  # confirmed, the course has not begun for them
    ACTIVE = "active"  # receives lessons
    PAUSED = "paused"  # asked us to hold; keeps their place
    COMPLETED = "completed"  # last lesson sent
    STOPPED = "stopped"  # left, or undeliverable; final


OPEN = (State.PENDING, State.WAITING, State.ACTIVE, State.PAUSED)
"""At most one of these per learner and course."""

TRANSITIONS = {
    (State.PENDING, "confirm"): State.WAITING,
    (State.WAITING, "begin"): State.ACTIVE,
    (State.ACTIVE, "pause"): State.PAUSED,
    (State.PAUSED, "resume"): State.ACTIVE,
    (State.ACTIVE, "finish"): State.COMPLETED,
    # A completed course may still owe its farewell: leaving then cancels it.
    **{(state, "stop"): State.STOPPED for state in (*OPEN, State.COMPLETED)},
}


SILENT_LESSONS = 3
REMINDER_DAYS = 3  # from a lesson to the reminder of its activity: the middle of the week


def advance(state: str, event: str) -> State:
    """The state after `event`; raises `errors.NotAllowed` when the rules know no such step."""
    try:
        return TRANSITIONS[State(state), event]
    except (KeyError, ValueError):
        raise errors.NotAllowed(f"Un parcours « {state} » ne permet pas cela.") from None


@dataclass(frozen=True)
class Position:
    """What is owed next, and when it is looked at again."""

    kind: str
    """`welcome`, `lesson`, `farewell`, or empty when nothing is owed any more."""
    key: str = ""
    due: calendar.Due | None = None
    """Without the spread. None: nothing happens until the learner acts."""
    last_day: date | None = None
    """Local day of the last lesson."""
    gate_since: datetime | None = None
    """When the next lesson would have left, had its activity been handed in."""
    reminders: int = 0
    unanswered: int = 0
    """Lessons that led to an activity, since the learner last answered, came back or asked for something."""
    catching_up: int = 0
    """How many lessons after the next one follow on the next open day instead of at a slot."""
    route: tuple[str, ...] = ()
    """Keys of all lessons to come, `key` the first, where that is not the order of the course."""


@dataclass(frozen=True)
class Facts:
    """What conditions and gates may ask about a learner."""

    learner: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    score: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    handed_in: frozenset[str] = frozenset()
    attempts: Mapping[str, Sequence[scoring.Attempt]] = field(default_factory=dict)
    """All rounds handed in, in order, by activity."""

    def hold(self, condition: str) -> bool:
        names = {"learner": self.learner, "answers": self.answers, "score": self.score}
        return conditions.compile(condition)(names)


@dataclass(frozen=True)
class Mail:
    kind: str
    key: str = ""
    """The lesson it is or is about."""
    occasion: str = ""
    """Tells two mails of one kind about one lesson apart: the reminder's number, the activity missed."""


@dataclass(frozen=True)
class Reminder:
    """Leaves between two lessons, unless the activity is handed in by then or the learner moves the next."""

    activity: str
    due: calendar.Due


@dataclass(frozen=True)
class Step:
    """What leaves at a due time, and where that leaves the learner."""

    mail: Mail | None
    position: Position
    ends: bool = False
    """A gate stayed shut and its course says to end there."""
    pauses: bool = False
    """The learner was silent for too long: the course waits for a word."""
    reminder: Reminder | None = None


def begin(moment: datetime, zone: str) -> Position:
    """Where an enrolment starts that becomes active at `moment`: the welcome leaves at once."""
    return Position("welcome", due=calendar.Due(moment, calendar.local_day(moment, zone)))


def needs_facts(course: model.Course, position: Position) -> bool:
    """Whether `step` will ask what the learner answered."""
    lesson = course.lesson(position.key) if position.kind == "lesson" else None
    return bool(lesson and (lesson.when or lesson.requires or position.unanswered >= SILENT_LESSONS))


def silent(course: model.Course, position: Position, facts: Facts) -> bool:
    """Whether the last three lessons that led to an activity met no answer: the next one is not sent.

    Lessons of before the learner last answered, came back or chose are not counted; neither is one whose
    activity was handed in before it came.
    """
    if position.unanswered < SILENT_LESSONS:
        return False
    last = asked(course, position.key, facts)[-SILENT_LESSONS:]
    return bool(last) and not any(facts.handed_in & set(each.activities) for each in last)


def asked(course: model.Course, key: str, facts: Facts) -> list[model.Lesson]:
    """The lessons before `key` that were for this learner and led to an activity."""
    lesson = course.lesson(key)
    before = course.lessons[: lesson.number - 1] if lesson else ()
    return [each for each in before if each.activities and (each.when is None or facts.hold(each.when))]


def step(
    course: model.Course, position: Position, facts: Facts, slot: calendar.Slot, rules: calendar.Rules
) -> Step:
    """What happens at `position.due`. The caller has seen to lateness, pauses and the lesson before."""
    due = position.due
    if due is None:
        raise errors.NotAllowed("Rien n'est dû.")
    match position.kind:
        case "welcome":
            first = calendar.first_slot(due.at, slot, rules)
            return Step(Mail("welcome"), Position("lesson", course.lessons[0].key, first))
        case "lesson":
            return _lesson_step(course, position, due, facts, slot, rules)
        case "farewell":
            return Step(Mail("farewell"), Position("", last_day=position.last_day))
    raise errors.NotAllowed("Rien n'est dû.")


def _lesson_step(
    course: model.Course,
    position: Position,
    due: calendar.Due,
    facts: Facts,
    slot: calendar.Slot,
    rules: calendar.Rules,
) -> Step:
    rest = _from_first_that_holds(course, position, facts)
    if not rest:  # no lesson is left for this learner; a lesson that is not sent takes no week
        return Step(Mail("farewell"), Position("", last_day=position.last_day))
    lesson = rest[0]
    if lesson.key != position.key:  # the lesson before it was left out, and so was its gate
        position = replace(position, route=course.route(rest), gate_since=None, reminders=0)
    if silent(course, position, facts):
        waiting = replace(position, key=lesson.key, due=None, unanswered=0, catching_up=0)
        return Step(Mail("silent", lesson.key), waiting, pauses=True)
    if lesson.requires and lesson.requires.activity not in facts.handed_in:
        shut = _shut(lesson, lesson.requires, position, due, slot, rules)
        if shut is not None:
            return shut
    after = _after(course, rest, position, due.day, slot, rules)
    reminder = None if position.unanswered else _reminder(course, lesson, due.day, after, slot, rules)
    return Step(Mail("lesson", lesson.key), after, reminder=reminder)


def _from_first_that_holds(
    course: model.Course, position: Position, facts: Facts
) -> tuple[model.Lesson, ...]:
    rest = course.rest(position.key, position.route)
    if not rest:
        raise errors.NotFound(f"La leçon « {position.key} » n'existe pas dans ce parcours.")
    return tuple(dropwhile(lambda lesson: lesson.when is not None and not facts.hold(lesson.when), rest))


def _after(
    course: model.Course,
    rest: Sequence[model.Lesson],
    position: Position,
    day: date,
    slot: calendar.Slot,
    rules: calendar.Rules,
) -> Position:
    """Where the first of `rest`, sent on `day`, leaves the learner."""
    lesson, *to_come = rest
    if not to_come:
        weekly = replace(rules, pace=1)
        return Position("farewell", due=calendar.next_slot(day, slot, weekly), last_day=day)
    following = to_come[0]
    hurried = position.catching_up > 0
    due = spaced(following, day, slot, rules)
    if hurried:
        due = replace(calendar.next_open_day(day, slot, rules), reason="rattrapage")
    return Position(
        "lesson",
        following.key,
        due,
        last_day=day,
        unanswered=position.unanswered + bool(lesson.activities),
        catching_up=position.catching_up - hurried,
        route=course.route(to_come),
    )


def _reminder(
    course: model.Course,
    lesson: model.Lesson,
    day: date,
    after: Position,
    slot: calendar.Slot,
    rules: calendar.Rules,
) -> Reminder | None:
    """For the first activity that this lesson alone leads to and that no gate reminds of.

    None when the next mail leaves before it, or on the same day.
    """
    known = {key for each in course.lessons[: lesson.number - 1] for key in each.activities}
    known |= {each.requires.activity for each in course.lessons if each.requires}
    missed = next((key for key in lesson.activities if key not in known), None)
    if missed is None:
        return None
    due = calendar.after_delay(day, REMINDER_DAYS, slot, rules)
    return Reminder(missed, due) if after.due and due.day < after.due.day else None


def spaced(lesson: model.Lesson, last: date, slot: calendar.Slot, rules: calendar.Rules) -> calendar.Due:
    """When `lesson` leaves after one of local day `last`."""
    if lesson.delay:
        return calendar.after_delay(last, lesson.delay, slot, rules)
    return calendar.next_slot(last, slot, rules)


def _shut(
    lesson: model.Lesson,
    gate: grammar.Requires,
    position: Position,
    due: calendar.Due,
    slot: calendar.Slot,
    rules: calendar.Rules,
) -> Step | None:
    """What a shut gate does at a due time; None when its limit is over and the course goes on."""
    since = position.gate_since or due.at
    limit = gate_limit(gate, since, slot, rules)
    waiting = replace(position, key=lesson.key, gate_since=since)
    if due.at >= limit.at:
        match gate.then:
            case "continue":
                return None
            case "end":
                return Step(None, replace(waiting, kind="", due=None), ends=True)
        return Step(None, replace(waiting, due=None))
    if position.reminders >= gate.reminders:
        return Step(None, replace(waiting, due=limit))
    count = position.reminders + 1
    again = calendar.next_slot(due.day, slot, replace(rules, pace=1))
    soonest = again if count < gate.reminders and again.at < limit.at else limit
    return Step(Mail("reminder", lesson.key, str(count)), replace(waiting, due=soonest, reminders=count))


def gate_limit(
    gate: grammar.Requires, since: datetime, slot: calendar.Slot, rules: calendar.Rules
) -> calendar.Due:
    """When a gate that found nothing at `since` has waited long enough."""
    return calendar.after_delay(calendar.local_day(since, slot.zone), gate.limit, slot, rules)


def next_chance(
    course: model.Course,
    position: Position,
    slot: calendar.Slot,
    rules: calendar.Rules,
    *,
    now: datetime,
) -> calendar.Due:
    """When what is owed next leaves, reckoned anew: after resuming, an answer, or a change of slot or pace.

    As after the last lesson, when that is still an hour ahead; else the first slot from now.
    """
    if position.kind == "lesson" and position.last_day is not None and position.gate_since is None:
        lesson = course.lesson(position.key)
        if lesson is not None:
            due = spaced(lesson, position.last_day, slot, rules)
            if due.at >= now + calendar.NOTICE:
                return due
    soon = calendar.first_slot(now, slot, rules)
    if position.last_day and (soon.day - position.last_day).days < rules.min_gap_days:
        return calendar.next_slot(position.last_day, slot, replace(rules, pace=1))
    return soon


def resumption(day: date, position: Position, slot: calendar.Slot, rules: calendar.Rules) -> calendar.Due:
    """The first slot on or after `day`, the day a pause is over."""
    before = calendar.to_utc(day, slot.time, slot.zone) - calendar.NOTICE - timedelta(minutes=1)
    due = calendar.first_slot(before, slot, rules)
    if position.last_day and (due.day - position.last_day).days < rules.min_gap_days:
        return calendar.next_slot(position.last_day, slot, replace(rules, pace=1))
    return due


def hastened(
    position: Position, slot: calendar.Slot, rules: calendar.Rules, *, now: datetime
) -> calendar.Due:
    """The next open day, for who does not want to wait; as planned when that is sooner."""
    today = calendar.local_day(now, slot.zone)
    due = calendar.next_open_day(max(today, position.last_day or today), slot, rules)
    if position.due and position.due.at <= due.at:
        return position.due
    return replace(due, reason="à votre demande")


def missed(
    course: model.Course, position: Position, slot: calendar.Slot, rules: calendar.Rules, *, now: datetime
) -> int:
    """How many lessons would have left by now, each in its time after the last one, had nothing held them."""
    lesson = course.lesson(position.key)
    if position.kind != "lesson" or lesson is None or position.last_day is None:
        return 0
    day, count = position.last_day, 0
    for each in course.rest(position.key, position.route):
        due = spaced(each, day, slot, rules)
        if due.at > now:
            break
        day, count = due.day, count + 1
    return count
