"""Thousands are planned together as each would be by himself, to the last column."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery
from engine.flows import enrolments, outbox, planning
from engine.tables import Course, Delivery, Enrolment, Event, Learner, Submission, Webhook, WebhookDelivery
from engine.tables.base import table
from tests.flows import one_by_one
from tests.people import Town, course, paris

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = paris("2027-03-30 09:20")  # the Tuesday after Easter Monday
COURSE = course(
    also="closing_periods: [{from: 2027-04-12, to: 2027-04-16, label: vacances}]\n",
    asked={"a": "point", "c": "autre", "d": "encore"},
    a="",
    b="requires: {activity: point, reminders: 2, limit: 21, then: end}",
    c="when: learner.size >= 50",
    d="delay: 3",
    e="requires: {activity: autre, reminders: 1, limit: 7, then: continue}",
    f="when: answers.point.done",
)
PEOPLE = 500
_MADE = {"id", "message_id", "key", "spread"}
"""Columns that are drawn by lot or by order of writing, or are kept for what is done in bulk."""


@pytest.mark.parametrize("seed", range(4))
async def test_many_are_planned_as_each_would_be(town: Town, seed: int) -> None:
    town.behind_the_flows = True
    await town.publish(COURSE)
    await _populate(town, random.Random(seed))
    together = await _after(town, planning.plan_due)
    alone = await _after(town, one_by_one.plan_due)
    for name, rows in alone.items():
        assert together[name] == rows, name
    kinds = {row["kind"] for row in alone["delivery"]}
    assert {"welcome", "lesson", "missed", "reminder", "silent", "farewell"} <= kinds
    assert {row["kind"] for row in alone["event"]} >= {"held", "resumed", "stopped", "paused"}
    assert alone["webhook_delivery"]


async def _after(town: Town, plan_due: Callable[..., Awaitable[int]]) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold after planning, which is then undone."""
    async with town.db.reading() as session:
        assert await plan_due(session, now=NOW, limit=PEOPLE) > PEOPLE / 2
        await session.flush()
        return {
            kind.__tablename__: await _rows(session, kind)
            for kind in (Delivery, Enrolment, Event, WebhookDelivery)
        }


async def _rows(session: AsyncSession, kind: Any) -> list[dict[str, Any]]:
    made = _MADE - ({"id"} if kind is Enrolment else set())
    found = await session.execute(select(table(kind)))
    rows = [{name: value for name, value in row.items() if name not in made} for row in found.mappings()]
    return sorted(rows, key=repr)


async def _populate(town: Town, draw: random.Random) -> None:
    async with town.db.transaction() as session:
        place = (await session.scalars(select(Course))).one()
        hook = {"url": "https://hook.example.org", "secret": "whsec_x", "enabled": True, "created_at": NOW}
        events = ["enrolment.completed", "enrolment.stopped"]
        await session.execute(insert(Webhook).values(**hook, events=events))
        for number in range(1, PEOPLE + 1):
            learner, enrolment = _learner(number, draw), _enrolment(number, place, draw)
            await session.execute(insert(Learner).values(learner))
            await session.execute(insert(Enrolment).values(enrolment))
            if draw.random() < 0.15:
                await session.execute(insert(Delivery).values(_before(enrolment, draw)))
            if draw.random() < 0.4:
                await session.execute(insert(Submission).values(_answer(number, draw)))


def _learner(number: int, draw: random.Random) -> dict[str, Any]:
    address = f"person-{number}@example.org"
    return {
        "id": number,
        "address": address,
        "address_key": address,
        "address_hash": f"{number:064}",
        "first_name": draw.choice(["Alice", "Bob", "Charlie"]),
        "region": draw.choice([*[""] * 20, *["FR-57"] * 5, *["FR-974"] * 5, "XX"]),
        "created_at": NOW,
    }


def _enrolment(number: int, place: Course, draw: random.Random) -> dict[str, Any]:
    kind = draw.choice(["welcome", "farewell", *["lesson"] * 8])
    zone = draw.choice([*["Europe/Paris"] * 20, *["Indian/Reunion"] * 10, "Europe/Nowhere"])
    hour = draw.choice(["08:30", "08:30", "09:00", "13:00", "06:00"])
    return {
        "id": number,
        "learner_id": number,
        "course_id": place.id,
        "version_id": draw.choice([*[place.current_version_id] * 30, None]),
        "state": draw.choice([*["active"] * 7, "paused", "completed" if kind == "farewell" else "active"]),
        "company": "",
        "size": draw.choice([0, 50]),
        "slot": f"{draw.choice(['mon', 'tue', 'thu', 'sun'])} {draw.choice([*[hour] * 30, 'noon'])}",
        "zone": zone,
        "pace": draw.choice([*[1] * 20, *[2, 4] * 5, 3]),
        "next_kind": kind,
        "next_key": draw.choice([*"abcdef" * 5, "nowhere"]) if kind == "lesson" else "",
        "route": draw.choice(["", "", "d a f"]) if kind == "lesson" else "",
        "due_at": _due(number, kind, zone, hour, draw),
        "due_reason": draw.choice(["", "lundi de Pâques"]),
        "spread": enrolments.spread(number).seconds // 60 if number % 4 else None,
        "last_day": draw.choice([None, NOW.date() - timedelta(days=7), NOW.date() - timedelta(days=1)]),
        "gate_since": draw.choice([None, NOW - timedelta(days=draw.choice([7, 30]))]),
        "reminders": draw.choice([0, 1, 2]),
        "unanswered": draw.choice([0, 0, 1, 3]),
        "catching_up": draw.choice([0, 0, 2]),
        "paused_until": None,
        "created_at": NOW,
    }


def _due(number: int, kind: str, zone: str, hour: str, draw: random.Random) -> datetime | None:
    """On its hour, a little or much too late, off its hour, not yet, never."""
    if kind == "welcome":
        return NOW - timedelta(microseconds=draw.randrange(10**6))
    known = zone if zone in calendar.zones() else "Europe/Paris"
    day = NOW.date() - timedelta(days=draw.choice([0, 0, 0, 0, 1, 4, 9]))
    at = calendar.to_utc(day, calendar.Slot.parse(f"tue {hour}", known).time, known)
    at += timedelta(minutes=draw.choice([0, 0, 0, 0, 0, -20, 45]))
    return draw.choice([*[at + enrolments.spread(number)] * 20, NOW + timedelta(days=1), None])


def _before(enrolment: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """A mail of last week that has not left."""
    owed = outbox.row(
        kind=draw.choice([delivery.Kind.LESSON, delivery.Kind.REMINDER, delivery.Kind.MISSED]),
        learner_id=enrolment["learner_id"],
        enrolment_id=enrolment["id"],
        now=NOW - timedelta(days=7),
        lesson_key=draw.choice(["a", enrolment["next_key"]]),
    )
    state = draw.choice(["planned", "claimed", "retry", "held", "sent"])
    reason = draw.choice(["paused", "452 full"])
    return {**owed, "state": state, "tries": draw.choice([0, 1]), "reason": reason}


def _answer(number: int, draw: random.Random) -> dict[str, Any]:
    return {
        "enrolment_id": number,
        "activity": draw.choice(["point", "autre"]),
        "round": 1,
        "answers": {"done": draw.random() < 0.5},
        "score": {},
        "lessons": 1,
        "updated_at": NOW,
        "handed_in_at": draw.choice([NOW, None]),
    }
