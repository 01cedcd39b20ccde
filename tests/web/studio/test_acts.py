"""Acts on one person: each form of the page does what it says, and keeps its reason."""

import json
import re

import pytest
from sqlalchemy import select

from engine.tables import Audit, Enrolment, Event, Learner
from tests.web import course
from tests.web.conftest import NOW, Visit
from tests.web.studio.conftest import Desk

URL = "/studio/people/1/actions"
WHY = "au téléphone"


@pytest.fixture
async def alice(visit: Visit) -> int:
    """The enrolment of a learner who has received the first lesson."""
    enrolment = await visit.confirmed("alice@example.org")
    await visit.live(NOW.replace(day=26))
    return enrolment


async def row(visit: Visit) -> Enrolment:
    return (await visit.enrolments())[0]


async def told(visit: Visit) -> list[tuple[str, str]]:
    async with visit.site.db.reading() as session:
        found = await session.scalars(
            select(Event).where(Event.kind.startswith("operator")).order_by(Event.id)
        )
        return [(event.kind, event.text) for event in found]


def offered(page: str) -> set[str]:
    return set(re.findall(r'name="do" value="(\w+)"', page))


async def test_the_page_offers_what_the_state_allows(visit: Visit, alice: int, owner: Desk) -> None:
    assert {"pause", "move", "again", "stop", "address", "export", "erase"} <= offered(await owner.get(URL))
    await owner.post(URL, 303, do="pause", enrolment=str(alice), reason=WHY, until="2027-05-03")
    assert {"resume", "pause"} <= offered(await owner.get(URL))
    await owner.post(URL, 303, do="stop", enrolment=str(alice), reason=WHY, scope="course")
    assert offered(await owner.get(URL)) & {"pause", "resume", "move", "again", "stop"} == set()


async def test_each_act_is_done_and_kept_with_its_reason(visit: Visit, alice: int, owner: Desk) -> None:
    about = {"enrolment": str(alice), "reason": WHY}
    page = await owner.get(URL)
    (lesson, *_) = re.findall(r'id="lesson-move-\d+"[^>]*><option value="(.*?)"', page)
    await owner.post(URL, 303, do="move", lesson=lesson, **about)
    assert (await row(visit)).next_key == lesson
    (first, *_) = re.findall(r'id="again-again-\d+"[^>]*><option value="(.*?)"', page)
    await owner.post(URL, 303, do="again", again=first, **about)
    assert len(await visit.deliveries("again")) == 1
    await owner.post(URL, 303, do="pause", until="", **about)
    await owner.post(URL, 303, do="resume", **about)
    await owner.post(URL, 303, do="address", address="neuve@example.org", reason=WHY)
    assert len(await visit.deliveries("address")) == 1
    await owner.post(URL, 303, do="stop", scope="all", **about)
    assert (await row(visit)).state == "stopped"
    kinds = ["moved", "resent", "paused", "resumed", "address", "stopped"]
    assert await told(visit) == [(f"operator_{kind}", WHY) for kind in kinds]


async def test_without_a_reason_nothing_happens_and_the_form_stays_open(
    visit: Visit, alice: int, owner: Desk
) -> None:
    answer = await owner.post(URL, 422, do="stop", enrolment=str(alice), reason=" ")
    assert "Dites pourquoi" in answer.text
    assert len(re.findall(r'<details class="act" open>', answer.text)) == 1
    assert (await row(visit)).state == "active"
    assert await told(visit) == []


async def test_exporting_gives_a_file(alice: int, owner: Desk) -> None:
    answer = await owner.post(URL, 200, do="export", reason=WHY)
    assert "attachment" in answer.headers["content-disposition"]
    assert json.loads(answer.content)["Vous"]["Adresse"] == "alice@example.org"


async def test_erasing_asks_to_be_sure(visit: Visit, alice: int, owner: Desk) -> None:
    await owner.post(URL, 422, do="erase", reason=WHY)
    await owner.post(URL, 303, do="erase", reason=WHY, sure="yes")
    async with visit.site.db.reading() as session:
        assert (await session.get_one(Learner, 1)).address == ""
        noted = await session.scalar(select(Audit).where(Audit.action == "operator_erased"))
    assert noted is not None
    assert (noted.target, noted.text) == ("learner:1", WHY)
    await owner.get(URL, 404)


async def test_a_form_about_somebody_elses_course_is_refused(visit: Visit, alice: int, owner: Desk) -> None:
    other = await visit.confirmed("bob@example.org")
    await owner.post(URL, 404, do="stop", enrolment=str(other), reason=WHY)
    await owner.post(URL, 404, do="stop", enrolment="x", reason=WHY)
    await owner.post(URL, 404, do="dance", enrolment=str(alice), reason=WHY)
    assert {found.state for found in await visit.enrolments()} <= {"active", "waiting"}


async def test_one_person_is_enrolled_by_hand(visit: Visit, owner: Desk) -> None:
    typed = {
        "address": "nina@example.org",
        "first_name": "Nina",
        "course": course.SLUG,
        "source": "bulletin papier",
        "reason": WHY,
    }
    wrong = await owner.post("/studio/people/new", 422, **{**typed, "address": "nowhere", "source": ""})
    assert "Nina" in wrong.text
    answer = await owner.post("/studio/people/new", 303, **typed)
    assert answer.headers["location"] == "/studio/people/1/actions?done=asked"
    assert (await row(visit)).state == "pending"
    assert len(await visit.deliveries("confirm")) == 1
    again = await owner.post("/studio/people/new", 422, **typed)
    assert "déjà inscrite" in again.text
    await owner.post(
        "/studio/people/new", 404, **{**typed, "address": "b@example.org", "course": "nulle-part"}
    )
