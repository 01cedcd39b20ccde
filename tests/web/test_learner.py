"""A learner's own pages."""

import re
from datetime import UTC, datetime

import pytest

from engine.tables import Submission
from tests.web.conftest import Visit

BOB = "bob@example.org"
WEDNESDAY = datetime(2027, 3, 24, 12, 0, tzinfo=UTC)  # the day after the first lesson


async def test_my_course_tells_what_came_and_exactly_when_the_next_leaves(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    page = await visit.get(visit.to("m", enrolment))
    assert "1 leçon reçue sur 3" in page
    assert "Reçue le mardi 23\u00a0mars" in page
    assert re.search(r"mardi 30\u00a0mars 2027 à 8\u00a0h\u00a03\d", page)
    assert visit.to("l", enrolment, "debut") in page
    assert visit.to("l", enrolment, "suite") not in page, "what did not come has no link"
    assert "alice@example.org" in page


async def test_a_lesson_on_the_web_is_the_lesson_of_the_mail(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB, company="Menuiserie <Bob>", size="50")
    await visit.live(WEDNESDAY)
    page = await visit.get(visit.to("l", enrolment, "debut"))
    assert "Leçon 1 sur 3" in page
    assert '<span dir="auto">Bob</span>' in page
    assert "Menuiserie &lt;Bob&gt;" in page
    assert "Parlez-en au CSE" in page
    assert "26\u00a0%" in page
    assert "Source\u00a0: Le rapport (Institut, septembre 2026)" in page
    assert 'href="https://example.org/rapport"' in page
    assert 'src="/c/essai/images/chemin.png"' in page
    assert visit.to("a", enrolment, "point") in page
    assert visit.to("l", enrolment, "suite") not in page, "a link to a lesson that did not come is only text"
    assert "la suite" in page


async def test_blocks_for_others_are_left_out(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB, size="10")
    assert "Parlez-en au CSE" not in await visit.get(visit.to("l", enrolment, "debut"))


async def test_done_is_recorded_by_the_button_alone_and_once(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    link = visit.to("a", enrolment, "point")
    assert "Avez-vous noté trois tâches" in await visit.get(link)
    await visit.http.head(link)
    async with visit.site.db.reading() as session:
        assert await session.get(Submission, 1) is None
    for _ in range(2):
        await visit.post(link, 303, step="", go="next", status="done")
    page = await visit.get(link)
    assert "Bravo" in page
    assert "le mercredi 24\u00a0mars 2027" in page
    assert re.search(r"mardi 30\u00a0mars à 8\u00a0h\u00a03\d", page)
    assert "✓ Trois tâches" in await visit.get(visit.to("m", enrolment))


async def test_a_change_of_slot_moves_the_next_lesson_and_says_so(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    my = visit.to("m", enrolment)
    await visit.post(f"{my}/slot", 303, weekday="3", time="17:00", zone="Indian/Reunion")
    page = await visit.get(f"{my}?done=slot")
    assert "vos leçons suivent désormais ce jour" in page
    assert re.search(r"jeudi 1er\u00a0avril 2027 à 17\u00a0h\u00a00\d", page)
    assert "heure de La Réunion" in page


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        ("slot", {"weekday": "6", "time": "08:30", "zone": "Europe/Paris"}, "weekday"),
        ("slot", {"weekday": "1", "time": "08:30", "zone": "Mars/Olympus"}, "zone"),
        ("name", {"first_name": ""}, "first_name"),
        ("name", {"first_name": "B" * 10_000}, "first_name"),
        ("address", {"address": "bob"}, "address"),
        ("pace", {"pace": "3"}, "pace"),
        ("pause", {"weeks": "900"}, "weeks"),
    ],
)
async def test_what_cannot_be_used_is_told_and_nothing_changes(
    visit: Visit, action: str, fields: dict[str, str], field: str
) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    before = (await visit.enrolments())[0]
    page = await visit.post(f"{visit.to('m', enrolment)}/{action}", 422, **fields)
    assert f'href="#{field}"' in page
    after = (await visit.enrolments())[0]
    assert (after.slot, after.pace, after.state) == (before.slot, before.pace, before.state)


async def test_a_pause_holds_everything_until_the_learner_comes_back(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    my = visit.to("m", enrolment)
    await visit.post(f"{my}/pause", 303, weeks="2")
    page = await visit.get(f"{my}?done=pause")
    assert "Votre parcours est en pause" in page
    assert "Il reprend tout seul le" in page
    await visit.post(f"{my}/resume", 303)
    assert "Votre prochaine leçon" in await visit.get(my)
    await visit.post(f"{my}/pause", 303)
    assert "Il reprendra quand vous le direz" in await visit.get(my)


async def test_a_change_that_the_state_forbids_is_a_page_of_ours(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.post(visit.to("u", enrolment), scope="course")
    page = await visit.post(f"{visit.to('m', enrolment)}/pause", 409, weeks="1")
    assert "Ce n’est pas possible maintenant" in page


async def test_only_known_messages_are_ever_shown(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    page = await visit.get(f"{visit.to('m', enrolment)}?done=Votre+banque+vous+demande")
    assert "banque" not in page
    await visit.post(f"{visit.to('m', enrolment)}/explode", 404)


async def test_somebody_else_s_link_opens_only_what_is_theirs(visit: Visit) -> None:
    bob = await visit.confirmed(BOB)
    charlie = await visit.confirmed("charlie@example.org", first_name="Charlie")
    page = await visit.get(visit.to("m", charlie))
    assert BOB not in page
    token = visit.to("m", bob).removeprefix("/m/")
    for purpose in "lakudn":
        await visit.get(f"/{purpose}/{token}", 404)


async def test_links_of_a_course_long_over_say_so(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    await visit.post(visit.to("u", enrolment), scope="course")
    visit.clock.pass_by(days=91)
    assert "Ce lien a expiré" in await visit.get(visit.to("l", enrolment, "debut"), 410)


async def test_gestures_say_what_they_did_and_exactly_when_the_next_lesson_leaves(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    my = visit.to("m", enrolment)
    page = await visit.get(my)
    assert "Me renvoyer la dernière leçon" in page
    assert "Plus vite" not in page, "one lesson a week is the fastest pace"
    sooner = re.search(r"Elle partirait le (jeudi 25\u00a0mars à 8\u00a0h\u00a03\d)", page)
    assert sooner
    await visit.post(f"{my}/sooner", 303)
    page = await visit.get(f"{my}?done=sooner")
    assert re.search(r"La prochaine leçon part le jeudi 25\u00a0mars 2027 à 8\u00a0h\u00a03\d", page)
    assert "à votre demande" in page
    assert "Recevoir la suite plus tôt" not in page
    await visit.post(f"{my}/pace", 303, pace="2")
    page = await visit.get(f"{my}?done=pace")
    assert re.search(r"La prochaine leçon part le mardi 6\u00a0avril 2027", page)
    assert "Plus vite" in page


async def test_the_last_lesson_again_and_why_not_twice(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    my = visit.to("m", enrolment)
    assert "Aucune leçon n’est encore partie" in await visit.post(f"{my}/again", 422)
    await visit.live(WEDNESDAY)
    await visit.post(f"{my}/again", 303)
    assert "votre dernière leçon repart" in await visit.get(f"{my}?done=again")
    (mail,) = await visit.deliveries("again")
    assert mail.lesson_key == "debut"
    page = await visit.post(f"{my}/again", 422)
    assert "Réessayez dans une heure" in page
    assert 'href="#gestures"' in page


async def test_the_mail_s_link_resumes_by_one_button(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    my = visit.to("m", enrolment)
    assert (await visit.http.get(f"{my}/resume")).headers["location"].startswith(my), "nothing to resume"
    await visit.post(f"{my}/pause", 303)
    page = await visit.get(f"{my}/resume")
    assert page.count("<button") == 1
    assert (await visit.enrolments())[0].state == "paused", "looking changes nothing"
    await visit.post(f"{my}/resume", 303)
    page = await visit.get(f"{my}?done=resume")
    assert re.search(
        r"Bon retour\u202f?.*La prochaine leçon part le mardi 30\u00a0mars 2027", page, re.DOTALL
    )


async def test_looking_at_gestures_does_nothing(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.live(WEDNESDAY)
    for action in ("sooner", "again", "catchup"):
        await visit.get(f"{visit.to('m', enrolment)}/{action}", 405)
    assert await visit.deliveries("again") == []
