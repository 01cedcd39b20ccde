"""A course lived on paper: what one learner would receive, and when, by the rules the planner follows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from typing import Any

from engine.core import calendar, progress
from engine.core.course import model

_MOST_MAILS = 2_000


@dataclass(frozen=True)
class Learner:
    """How a fictitious learner behaves."""

    about: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By activity and question; a check-in that is not named is answered by being done."""
    days: Mapping[str, int | None] = field(default_factory=dict)
    """Days after the lesson at which an activity is done; None: never."""
    days_after: int = 0
    """The same for an activity that is not named: 0 is the same day."""
    silent: bool = False
    """Does nothing, ever."""

    def done(self, activity: str, day: date) -> date | None:
        """The day on which an activity met on `day` is done."""
        after = None if self.silent else self.days.get(activity, self.days_after)
        return None if after is None else day + timedelta(days=after)


@dataclass(frozen=True)
class Expected:
    """A mail that would leave."""

    mail: progress.Mail
    due: calendar.Due


def run(
    course: model.Course,
    position: progress.Position,
    learner: Learner,
    slot: calendar.Slot,
    rules: calendar.Rules,
    *,
    done: Mapping[str, date] | None = None,
    pause: tuple[date, date] | None = None,
) -> Iterator[Expected]:
    """Every mail from `position` on, in order.

    `done`: the activities handed in before, with their days; `pause`: its first and last day.
    """
    days: dict[str, date] = dict(done or {})
    for _ in range(_MOST_MAILS):
        position = _moved(course, position, days, slot, rules, pause)
        if position.due is None or not position.kind:
            return
        step = progress.step(course, position, _facts(learner, days, position.due.day), slot, rules)
        if step.mail:
            yield Expected(step.mail, position.due)
            days |= _will_do(course, step.mail, learner, position.due.day, days)
            if step.reminder and _missed(step.reminder, position.due.day, days, pause):
                yield Expected(
                    progress.Mail("missed", step.mail.key, step.reminder.activity), step.reminder.due
                )
        position = step.position


def _facts(learner: Learner, days: Mapping[str, date], today: date) -> progress.Facts:
    """What is known on `today`, at the hour of the slot: what was done that same day comes too late."""
    known = frozenset(activity for activity, day in days.items() if day < today)
    answers = {activity: learner.answers.get(activity, {"done": True}) for activity in known}
    return progress.Facts(learner=learner.about, answers=answers, handed_in=known)


def _will_do(
    course: model.Course, mail: progress.Mail, learner: Learner, day: date, days: Mapping[str, date]
) -> dict[str, date]:
    lesson = course.lesson(mail.key) if mail.kind == "lesson" else None
    coming = {activity: learner.done(activity, day) for activity in (lesson.activities if lesson else ())}
    return {activity: when for activity, when in coming.items() if when and activity not in days}


def _missed(
    reminder: progress.Reminder, day: date, days: Mapping[str, date], pause: tuple[date, date] | None
) -> bool:
    """Whether a reminder of what was asked on `day` still leaves."""
    done = days.get(reminder.activity)
    paused = pause is not None and day <= pause[0] <= reminder.due.day
    return not paused and (done is None or done >= reminder.due.day)


def _moved(
    course: model.Course,
    position: progress.Position,
    days: Mapping[str, date],
    slot: calendar.Slot,
    rules: calendar.Rules,
    pause: tuple[date, date] | None,
) -> progress.Position:
    """`position` as an answer or a pause moves it."""
    last, due = position.last_day, position.due
    if last and due and any(last <= day < due.day for day in days.values()):
        position = replace(position, unanswered=0)
    lesson = course.lesson(position.key)
    answered = days.get(lesson.requires.activity) if lesson and lesson.requires else None
    if answered and position.gate_since and (position.due is None or answered < position.due.day):
        evening = calendar.to_utc(answered, time(23), slot.zone)  # nothing leaves any more that day
        due = progress.next_chance(course, position, slot, rules, now=max(evening, position.gate_since))
        position = replace(position, due=due, gate_since=None)
    if pause and position.due and pause[0] <= position.due.day <= pause[1]:
        back = pause[1] + timedelta(days=1)
        due = progress.resumption(back, position, slot, rules)
        reason = " ; ".join(filter(None, (f"pause jusqu'au {pause[1]:%d/%m/%Y}", due.reason)))
        position = replace(position, due=replace(due, reason=reason), unanswered=0, catching_up=0)
    return position
