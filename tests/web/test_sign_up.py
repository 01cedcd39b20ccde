"""Asking for a course: the form, what comes back, and what is kept."""

import re

import pytest
from sqlalchemy import select

from engine.tables import Consent
from tests.web import course
from tests.web.conftest import Visit

FORM = f"/c/{course.SLUG}"
ALICE, BOB = "alice@example.org", "bob@example.org"


async def test_the_form_proposes_the_slot_of_the_course_on_working_days_only(visit: Visit) -> None:
    page = await visit.get(FORM)
    weekdays = re.search(r'<select id="weekday".*?</select>', page, re.S)
    assert weekdays
    assert '<option value="1" selected>Mardi' in weekdays[0]
    assert "Samedi" not in weekdays[0]
    assert '<option value="08:30" selected>8\u00a0h\u00a030' in page
    assert "Association Parcours, 12 rue des Tilleuls, 13001 Marseille" in page


async def test_a_form_of_ours_owes_one_mail_and_keeps_the_proof(visit: Visit) -> None:
    shown = await visit.get(FORM)
    stamp = re.search(r'name="stamp" value="([^"]+)"', shown)
    assert stamp
    visit.clock.pass_by(seconds=30)
    page = await visit.sign_up(BOB, stamp=stamp[1])
    assert "Regardez votre boîte" in page
    assert BOB not in page
    (mail,) = await visit.deliveries("confirm")
    (enrolment,) = await visit.enrolments()
    assert (mail.enrolment_id, enrolment.state, enrolment.slot) == (enrolment.id, "pending", "tue 08:30")
    async with visit.site.db.reading() as session:
        kept = (await session.scalars(select(Consent))).one()
    assert kept.wording in shown.replace("&#39;", "'")
    assert (kept.event, kept.source) == ("asked", FORM)


async def test_the_answer_never_tells_whether_an_address_is_known(visit: Visit) -> None:
    first = await visit.sign_up(BOB)
    await visit.confirmed(ALICE)
    assert await visit.sign_up(BOB) == first
    assert await visit.sign_up(ALICE) == first


async def test_a_form_on_another_site_comes_back_filled_in_with_one_button(visit: Visit) -> None:
    page = await visit.post(FORM, first_name="Bob", address=BOB, company="Menuiserie Bob", consent="on")
    assert not await visit.enrolments()
    assert f'value="{BOB}"' in page
    assert 'value="Menuiserie Bob"' in page
    assert page.count('type="submit"') == 1
    assert 'type="checkbox"' not in page, "sending accepts the wording shown"
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
    fields |= dict(re.findall(r'<select id="(\w+)"(?:(?!</select>).)*?value="([^"]*)" selected', page, re.S))
    visit.clock.pass_by(seconds=5)
    assert "Regardez votre boîte" in await visit.post(FORM, **fields)
    assert len(await visit.enrolments()) == 1


async def test_a_box_that_nobody_ticked_stays_unticked(visit: Visit) -> None:
    page = await visit.post(FORM, first_name="Bob", address=BOB)
    assert re.search(r'name="consent" type="checkbox" value="yes" required>', page)


@pytest.mark.parametrize("age", [{"seconds": 1}, {"hours": 25}])
async def test_too_fast_or_too_late_is_asked_again_and_nothing_is_lost(
    visit: Visit, age: dict[str, float]
) -> None:
    stamp = visit.site.links.stamp(visit.clock.now())
    visit.clock.pass_by(**age)
    page = await visit.sign_up(BOB, stamp=stamp)
    assert "Encore un geste" in page
    assert f'value="{BOB}"' in page
    assert "checked" in page, "it was our own wording: the tick stays"
    assert not await visit.enrolments()


async def test_a_robot_that_fills_the_trap_gets_the_form_back(visit: Visit) -> None:
    assert "Encore un geste" in await visit.sign_up(BOB, website="http://spam.example")
    assert not await visit.enrolments()


async def test_a_typo_is_asked_about_and_either_answer_goes_through(visit: Visit) -> None:
    page = await visit.sign_up("bob@gmial.com", company="Chez Bob & fils")
    assert "Vouliez-vous dire bob@gmail.com" in page
    assert not await visit.enrolments()
    forms = re.findall(r"<form.*?</form>", page, re.S)
    assert len(forms) == 2
    for form, address in zip(forms, ("bob@gmail.com", "bob@gmial.com"), strict=True):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert (fields["address"], fields["company"]) == (address, "Chez Bob &amp; fils")
        assert "Regardez votre boîte" in await visit.post(FORM, **fields)
    assert len(await visit.enrolments()) == 2


async def test_errors_stand_beside_their_fields_and_on_top(visit: Visit) -> None:
    page = await visit.sign_up("bob", first_name="", consent="", company="Chez Bob", status="422")
    for field in ("first_name", "address"):
        assert re.search(rf'<input id="{field}"[^>]* aria-describedby="[^"]*{field}-error"[^>]*>', page)
        assert f'id="{field}-error"' in page
        assert f'href="#{field}"' in page
    assert page.count('aria-invalid="true"') == 3
    assert 'value="Chez Bob"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "bob@example.org\r\nBcc: charlie@example.org"),
        ("address", "b" * 10_000 + "@example.org"),
        ("address", "bob\x00@example.org"),
        ("first_name", "B" * 10_000),
        ("first_name", "Bob\r\nSubject: x"),
        ("first_name", "\x00"),
        ("company", "x\u2028y"),
        ("company", "x\x00y"),
        ("size", "12"),
        ("weekday", "6"),
        ("time", "25:00"),
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("region", "FR-XX"),
    ],
)
async def test_hostile_input_is_refused_with_words_and_keeps_the_rest(
    visit: Visit, field: str, value: str
) -> None:
    typed = {"address": BOB, "first_name": "Bob", field: value}
    page = await visit.sign_up(**typed, status="422")
    assert f'id="{field}-error"' in page
    assert "\x00" not in page
    assert "b" * 1000 not in page.lower(), "what no honest person types is cut"
    assert not await visit.deliveries("confirm")


@pytest.mark.parametrize("name", ["محمد", "Zoë 🚀", "<script>alert(1)</script>", "O'Brien", '"Bob"'])
async def test_unusual_names_are_welcome_and_harmless(visit: Visit, name: str) -> None:
    await visit.sign_up(BOB, first_name=name)
    page = await visit.sign_up("bob", first_name=name, status="422")
    assert "<script>alert" not in page
    assert len(await visit.enrolments()) == 1


async def test_bytes_that_are_no_text_do_not_crash(visit: Visit) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await visit.http.post(FORM, content=b"first_name=%ff%fe&address=%80", headers=headers)
    assert answer.status_code == 200
    broken = {"content-type": "multipart/form-data; boundary=x"}
    answer = await visit.http.post(FORM, content=b"--y\r\nnonsense", headers=broken)
    assert answer.status_code == 400
    assert "Nous n’avons pas compris" in answer.text


async def test_too_many_from_one_place_is_told_and_nothing_typed_is_lost(visit: Visit) -> None:
    for number in range(60):
        await visit.sign_up(f"bob{number}@example{number}.org")
    page = await visit.sign_up("charlie@example.org", company="Chez Charlie", status="429")
    assert 'value="Chez Charlie"' in page
    visit.clock.pass_by(hours=1, minutes=1)
    assert "Regardez votre boîte" in await visit.sign_up("charlie@example.org")


async def test_the_frame_stays_in_the_frame(visit: Visit) -> None:
    page = await visit.get(f"/embed/{course.SLUG}")
    assert f'action="/embed/{course.SLUG}"' in page
    assert "masthead" not in page
    typed = {**course.FORM, "address": BOB, "stamp": visit.stamp()}
    answer = (await visit.http.post(f"/embed/{course.SLUG}", data=typed)).text
    assert "Regardez votre boîte" in answer
    assert "masthead" not in answer


async def test_english_when_the_address_asks_for_it(visit: Visit) -> None:
    page = await visit.get(f"{FORM}?lang=en")
    assert '<html lang="en"' in page
    assert "Send my registration" in page
    assert f'action="{FORM}?lang=en"' in page
    typed = {**course.FORM, "address": "x", "stamp": visit.stamp()}
    refused = (await visit.http.post(f"{FORM}?lang=en", data=typed)).text
    assert "does not seem complete" in refused


async def test_an_unknown_course_is_a_page_of_ours(visit: Visit) -> None:
    assert "Cette page n’existe pas" in await visit.get("/c/inconnu", 404)
    assert "Cette page n’existe pas" in await visit.post("/c/inconnu", 404, address=BOB)


async def test_pictures_of_a_course_are_served_and_nothing_else(visit: Visit) -> None:
    page = await visit.get(FORM)
    assert f'src="{FORM}/images/chemin.png"' in page
    picture = await visit.http.get(f"{FORM}/images/chemin.png")
    assert (picture.content, picture.headers["content-type"]) == (course.PIXEL, "image/png")
    await visit.get(f"{FORM}/images/autre.png", 404)
    await visit.get(f"{FORM}/images/..%2Fcourse.yaml", 404)
