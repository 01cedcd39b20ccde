"""The pages of numbers and the calendar of a course: what they show, to whom, and never of whom."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.async_api import Browser
from sqlalchemy import update

from engine.core.accounts import Role
from engine.tables import AccountSession
from tests.web import course
from tests.web.conftest import NOW, Visit
from tests.web.studio.conftest import Desk
from tests.web.test_browser import faults

NUMBERS, ONE = "/studio/numbers", f"/studio/numbers/{course.SLUG}"
CALENDAR = f"/studio/courses/{course.SLUG}/calendar"
ALONE = f"{CALENDAR}/one"


async def counted(visit: Visit) -> None:
    await visit.site.counter.count()
    while await visit.site.counter.step():
        pass


async def two_days(visit: Visit) -> None:
    """The first lesson comes; who is signed in to the studio stays so."""
    await visit.live(NOW + timedelta(days=2))
    async with visit.site.db.transaction() as session:
        await session.execute(update(AccountSession).values(seen_at=visit.clock.now()))


async def followed(visit: Visit, people: int = 6) -> None:
    """Some people follow the course for two days; one leaves, and one more is asked to confirm."""
    numbers = [await visit.confirmed(f"somebody{n}@example.org") for n in range(people)]
    await two_days(visit)
    await visit.post(visit.to("u", numbers[0]), scope="course")
    await visit.sign_up("late@example.org")
    await counted(visit)


def cells(page: str, row: str) -> list[str]:
    """The figures of the table row that begins with `row`."""
    (found,) = re.findall(rf"<tr>\s*<th[^>]*>(?:<[^>]*>|\s|\d\.)*{row}.*?</tr>", page, re.DOTALL)
    return [
        re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r'class="number[^"]*">(.*?)</td>', found)
    ]


async def test_before_anything_is_counted_the_pages_say_when(owner: Desk) -> None:
    for page in (NUMBERS, ONE, CALENDAR):
        assert "Rien n’est encore compté" in await owner.get(page)


async def test_a_course_that_nobody_follows_shows_its_form(visit: Visit, owner: Desk) -> None:
    await counted(visit)
    assert f'href="/c/{course.SLUG}"' in await owner.get(ONE)
    assert f'href="{ALONE}"' in await owner.get(CALENDAR)
    assert "Rien n’attend" in await owner.get(NUMBERS)


async def test_the_numbers_of_a_course(visit: Visit, owner: Desk) -> None:
    await followed(visit)
    page = await owner.get(ONE)
    #            received, going on, gate, paused, without a date, left, otherwise
    assert cells(page, "Par où commencer") == ["6", "5", "0", "0", "0", "1", "0"]
    assert cells(page, "La suite") == ["0"] * 7
    #            at the end, on the way, stopped, share
    assert cells(page, "Mars 2027") == ["0", "5", "1", "0\u00a0%"]
    #            sent, failed, cancelled: the reminder to who left
    assert cells(page, "mardi 23\u00a0mars 2027") == ["6", "0", "0"]
    assert cells(page, "mercredi 24\u00a0mars 2027") == ["0", "0", "1"]
    overview = await owner.get(NUMBERS)
    #            at the end, on the way, paused, stopped, not confirmed
    assert cells(overview, "L’essai en trois leçons") == ["0", "5", "0", "1", "1"]


async def test_an_average_takes_five_people(visit: Visit, owner: Desk) -> None:
    numbers = [await visit.confirmed(f"somebody{n}@example.org") for n in range(5)]
    await two_days(visit)
    for n, enrolment in enumerate(numbers):
        await counted(visit)
        assert "Pas encore de moyenne" in await owner.get(ONE)
        form = {"status": "done" if n else "no", "stamp": visit.stamp()}
        await visit.post(visit.to("a", enrolment, "point"), 303, **form)
    await counted(visit)
    visit.clock.pass_by(minutes=1)
    await counted(visit)
    page = await owner.get(ONE)
    assert "Pas encore de moyenne" not in page
    assert "80\u00a0%" in page


async def test_the_calendar_tells_how_many_receive_what_on_which_day(visit: Visit, owner: Desk) -> None:
    await followed(visit)
    page = await owner.get(CALENDAR)
    # This week and the next ones, then the sum: five people, whose second lesson leaves on Tuesday 30.
    assert cells(page, "La suite") == ["5", "", "", "5"]
    assert cells(page, "Fin du parcours") == ["", "", "5", "5"]
    days = re.findall(r'<h3>(.*?) <span class="date-sum">(\d+)</span>', page)
    assert days == [
        ("Mardi 30\u00a0mars", "5"),
        ("Mardi 6\u00a0avril", "5"),
        ("Mardi 13\u00a0avril", "5"),
    ]


async def test_one_person_is_simulated_as_asked(owner: Desk) -> None:
    plain = await owner.get(ALONE)
    assert "mardi 23\u00a0mars 2027 à 8\u00a0h\u00a030" in plain
    moved = await owner.get(f"{ALONE}?start=2027-03-22&weekday=0&time=17:00&zone=Indian/Reunion&does=never")
    assert "lundi 22\u00a0mars 2027 à 17\u00a0h" in moved
    assert "Lundi de Pâques" in moved
    assert "mardi 30\u00a0mars 2027 à 17\u00a0h" in moved
    assert "Heure de La Réunion" in moved
    assert "Rappel" in moved
    english = await owner.get(f"{ALONE}?start=2027-03-22&weekday=0&time=17:00&lang=en")
    assert "Easter Monday" in english


@pytest.mark.parametrize(
    "typed",
    [
        "start=tomorrow",
        "start=2027-02-30",
        "start=1815-06-18",
        "weekday=7&time=08:30",
        "time=25:00",
        "zone=Europe/Nowhere",
        "region=XX",
        "does=everything",
        "start=%3Cscript%3E&zone=%00",
    ],
)
async def test_what_cannot_be_simulated_is_told_and_kept(owner: Desk, typed: str) -> None:
    page = await owner.get(f"{ALONE}?{typed}", 422)
    assert 'id="problems"' in page
    assert "<script>" not in page


async def test_a_course_that_is_not_there(owner: Desk) -> None:
    for page in (ONE, CALENDAR, ALONE):
        await owner.get(page.replace(course.SLUG, "nowhere"), 404)


@pytest.mark.parametrize("role", list(Role))
async def test_no_page_names_anybody(visit: Visit, desks: Callable[[Role], Desk], role: Role) -> None:
    await followed(visit)
    for page in (NUMBERS, ONE, CALENDAR, ALONE):
        shown = await desks(role).get(page)
        assert "somebody" not in shown
        assert course.FORM["first_name"] not in shown
        assert " style=" not in shown


async def test_the_pages_speak_english(visit: Visit, owner: Desk) -> None:
    await followed(visit)
    assert "Where people stand, and where they stop" in await owner.get(f"{ONE}?lang=en")
    assert "Week of Monday 29\u00a0March 2027" in await owner.get(f"{CALENDAR}?lang=en")


async def test_the_weekly_summary_is_asked_for_and_stopped_on_one_s_own_page(owner: Desk) -> None:
    await owner.post("/studio/me", do="weekly")
    assert "Il vous arrive chaque lundi" in await owner.get("/studio/me")
    await owner.post("/studio/me", do="not-weekly")
    assert "Il vous arrive chaque lundi" not in await owner.get("/studio/me")


async def test_the_pages_pass_axe_and_fit_a_phone(visit: Visit, owner: Desk, browser: Browser) -> None:
    await followed(visit)
    await owner.get(NUMBERS)  # still signed in
    token = owner.http.cookies["studio"]
    assert await faults(visit, browser, [NUMBERS, ONE, CALENDAR, ALONE], {"studio": token}) == []
