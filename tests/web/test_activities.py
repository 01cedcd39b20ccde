"""The pages of activities: shown by GET, changed by POST alone; whatever is typed, nothing is lost."""

import re
from datetime import timedelta
from html import escape
from typing import Any

import pytest

from engine import paths
from engine.core import answers
from engine.flows import catalog
from engine.web import guard
from tests import every
from tests.web.conftest import Visit
from tests.web.playing import BILAN, RIGHT, WEDNESDAY, Player, begin, fields

STEPS = [(key, step) for key, activity in every.COURSE.activities.items() for step in answers.steps(activity)]


@pytest.fixture
async def alice(visit: Visit) -> Player:
    return await begin(visit)


def title(page: str) -> str:
    (found,) = re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found).strip()


# Showing.


async def test_showing_records_nothing(alice: Player) -> None:
    for key, step in STEPS:
        for query in (
            "",
            f"q={step}",
            f"q={step}&a=oui",
            "q=fin",
            "a=done",
            "q=fin&go=hand_in&step=",
            "lang=en",
        ):
            if step or "q=" not in query or query.startswith("q=&"):
                await alice.page(key, query)
                head = await alice.visit.http.head(alice.link(key, query))
                assert head.status_code == 200
    assert await alice.rounds() == []
    assert await alice.visit.deliveries("result") == []


@pytest.mark.parametrize("key", list(every.COURSE.activities))
async def test_what_others_ask_over_the_address_is_only_shown(alice: Player, key: str) -> None:
    """PUT and DELETE do not exist; HEAD is a GET."""
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await alice.visit.http.request(method, alice.link(key), data={"step": "", "go": "hand_in"})
        assert answer.status_code == 405
    assert await alice.rounds() == []


async def test_a_link_s_choice_is_preselected_and_no_more(alice: Player) -> None:
    for key, query, name, value in (
        ("bilan", "q=liste&a=orale", "liste", "orale"),
        ("bilan", "q=liste&a=unknown", "liste", "unknown"),
        ("quiz", "q=seul&a=cas", "seul", "cas"),
        ("oral", "q=deux&a=true", "deux", "true"),
        ("humeur", "a=4", "value", "4"),
        ("point", "a=no", "status", "no"),
    ):
        assert fields(await alice.page(key, query))[name] == [value]
    assert await alice.rounds() == []
    await alice.send("bilan", "liste", liste="ecrite")
    assert fields(await alice.page("bilan", "q=liste&a=orale"))["liste"] == ["orale"]
    assert await alice.answers("bilan") == {"liste": "ecrite"}, "only preselected"
    assert fields(await alice.page("bilan", "q=liste"))["liste"] == ["ecrite"]


async def test_a_question_that_is_not_there(alice: Player) -> None:
    for query in ("q=absente", "q=%3Cscript%3E", f"q={'x' * 5000}", "q=%00"):
        assert "script>" not in (await alice.page("bilan", query, 404)).replace("</script>", "")
    await alice.page("absente", status=404)


async def test_a_lesson_on_the_web_asks_as_its_mail_does(alice: Player) -> None:
    await alice.visit.live(WEDNESDAY)
    page = await alice.visit.get(alice.visit.to("l", alice.enrolment, "regarder"))
    for key, query in (("bilan", "q=liste&a=orale"), ("bilan", "q=liste&a=unknown"), ("humeur", "a=4")):
        assert f'href="{escape(alice.link(key, query))}"' in page


# From the first question to the result.


async def test_a_diagnostic_question_by_question_to_its_result(alice: Player) -> None:
    first = await alice.page("bilan")
    assert "4 questions" in first
    assert f'href="{alice.link("bilan")}?q=liste"' in first
    where = "liste"
    for step, given in BILAN.items():
        assert where == step
        page = await alice.page("bilan", f"q={step}")
        assert f"Question {list(BILAN).index(step) + 1} sur 4" in page
        answer = await alice.visit.http.post(
            alice.link("bilan"), data={"step": step, "go": "next", step: given}
        )
        assert answer.status_code == 303
        where = answer.headers["location"].partition("?q=")[2]
    assert where == "fin"
    everything = await alice.page("bilan", "q=fin")
    assert "Tout est là" in everything
    for said in ("Aucune", "Je ne sais pas", "Chacun", "Oui"):
        assert f'"answered-answer">{said}' in everything
    await alice.send("bilan", go="hand_in")
    result = await alice.page("bilan")
    for said in (
        "Où en êtes-vous",
        ">50</span>",
        "En route",
        "Un robot",
        "Lister",
        "Avez-vous essayé",
        "Le soin",
    ):
        assert said in result
    assert "hand_in" not in result


async def test_a_person_who_stops_goes_on_where_he_was(alice: Player) -> None:
    await alice.send("bilan", "liste", liste="ecrite")
    await alice.send("bilan", "relecture", relecture="chacun")
    page = await alice.page("bilan")
    assert "Il vous reste des questions" in page
    assert f'href="{alice.link("bilan")}?q=essai">Reprendre' in page
    assert "hand_in" not in page


async def test_a_second_diagnostic_shows_the_first(alice: Player) -> None:
    await alice.bilan()
    await alice.bilan("bilan-final", liste="ecrite", essai="oui")
    page = await alice.page("bilan-final")
    assert ">100</span>" in page
    assert "La première fois, vous étiez à 50." in page
    assert "avant\u00a0:" in page


async def test_a_quiz_tells_what_was_right_and_keeps_the_answers_while_one_may_try_again(
    alice: Player,
) -> None:
    await alice.quiz(vrai="false", seul="tout")
    page = await alice.page("quiz")
    assert "60\u00a0% de bonnes réponses\u202f; il en faut 60\u00a0%." in page
    assert title(page) == "Réussi\u202f: bravo\u202f!".replace("\u202f:", "\u00a0:")
    assert page.count('"is-wrong"') == 2
    assert "Il sortirait de chez vous." in page, "what the author says of the answer given"
    assert "Il vous reste 2 essais." in page
    await alice.send("quiz", "seul", go="again")
    await alice.quiz(vrai="false", seul="tout", somme="1")
    page = await alice.page("quiz")
    assert "Presque" in title(page)
    assert "La bonne réponse" not in page, "one may still try"
    await alice.send("quiz", "seul", go="again")
    await alice.quiz(vrai="false", seul="tout", somme="1")
    page = await alice.page("quiz")
    assert page.count("La bonne réponse") == 3
    assert "réessayer à partir du" in page
    assert "2,5\u00a0h" in page
    assert "Réessayer" not in page
    await alice.send("quiz", "seul", go="again", expected=409)


async def test_one_attempt_is_said_as_one(alice: Player) -> None:
    page = await alice.page("oral")
    assert "Vous avez un essai." in page
    assert "Une question." in page


async def test_a_missed_question_comes_back_and_one_is_told_how_it_went(alice: Player) -> None:
    await alice.visit.live(WEDNESDAY)
    await alice.quiz(vrai="false", somme="1")
    await alice.visit.live(WEDNESDAY + timedelta(days=14))
    for step, given, sign in (("vrai", "false", "✗"), ("somme", "2,5", "✓")):
        page = await alice.page("quiz")
        assert "Cette question vous avait échappé" in page
        assert "data-save>" not in page, "the answer is given by the button"
        assert fields(page)["step"] == [step]
        assert fields(page).get(step, [""]) == [""], "the wrong answer is not proposed again"
        assert fields(await alice.page("quiz", f"q={step}&a=true")).get("vrai") in (None, ["true"])
        assert 'role="alert"' in await alice.send("quiz", step, go="answer_again", expected=422)
        answer = await alice.visit.http.post(
            alice.link("quiz"), data={"step": step, "go": "answer_again", step: given}
        )
        told = await alice.visit.get(answer.headers["location"])
        assert f"<strong>{sign}" in told.partition("<h1>")[0]
        assert ("La bonne réponse" in told.partition("<h1>")[0]) is (sign == "✗")
    assert "60\u00a0% de bonnes réponses" in await alice.page("quiz"), "it changes no score"
    await alice.send("quiz", "somme", go="answer_again", somme="9")
    assert len(await alice.rounds("quiz")) == 3, "twice is once"


async def test_a_check_in_done_later_or_not_for_us(alice: Player) -> None:
    await alice.send("point", status="later", text="lundi")
    page = await alice.page("point")
    assert "pas encore" in page
    assert fields(page)["text"] == ["lundi"]
    await alice.send("point", status="no")
    assert "Bravo" in await alice.page("point")
    (row,) = await alice.rounds("point")
    assert row.handed_in_at
    assert row.answers["done"] is False


async def test_a_poll_beside_the_earlier_one(alice: Player) -> None:
    await alice.send("humeur", value="2")
    assert "2 sur 5" in await alice.page("humeur")
    await alice.send("humeur-apres", value="4")
    page = await alice.page("humeur-apres")
    assert "4 sur 5" in page
    assert "La première fois\u00a0: 2 sur 5." in page


async def test_a_charter_from_its_parts_to_its_versions(alice: Player) -> None:
    assert "Partie 1 sur 3" in await alice.page("regles", "q=qui")
    await alice.send("regles", "qui", entreprise="Atelier", decideur="Alice\nou Bob", robot="false")
    page = await alice.page("regles", "q=quoi")
    assert "Chez Atelier" in page, "the page shows what the answers make so far"
    assert '<span class="grid-fixed">Jamais</span>' in page
    page = await alice.send("regles", go="hand_in", expected=422)
    assert page.count('class="is-missing"') == 1
    marked = page.partition('class="is-missing"')[2]
    assert "Il manque une réponse ici." in marked.partition("</li>")[0]
    assert "Tout est là" not in page
    assert f"{alice.link('regles')}?q=suite" in marked.partition("</li>")[0], "the part where it is missing"
    await alice.send("regles", "suite", mois="12", relus=["devis"], ton="vous")
    await alice.send("regles", go="hand_in")
    page = await alice.page("regles")
    assert "version 1, du lundi 22\u00a0mars 2027" in page
    assert "Les devis" in page
    await alice.send("regles", go="again")
    assert fields(await alice.page("regles", "q=qui"))["decideur"] == ["Alice\nou Bob"]
    await alice.send("regles", go="hand_in")
    assert "version 2" in await alice.page("regles")


async def test_read_and_agreed(alice: Player) -> None:
    assert "pas encore adoptée" in await alice.page("accord")
    await alice.send("regles", "qui", decideur="Alice", robot="false")
    await alice.send("regles", "suite", relus=["devis"])
    assert "pas encore adoptée" in await alice.page("accord"), "a draft is nobody's rule"
    await alice.send("regles", go="hand_in")
    assert "<strong>Alice</strong> décide." in await alice.page("accord")
    await alice.send("accord", go="hand_in")
    assert "vous avez approuvé la version 1" in await alice.page("accord")


async def test_the_page_after_an_answer_tells_the_next_lesson(alice: Player) -> None:
    await alice.visit.live(WEDNESDAY)
    await alice.send("point", status="done")
    assert re.search(
        r"La prochaine leçon part le.*mardi 30\u00a0mars à 8\u00a0h\u00a03",
        await alice.page("point"),
        re.DOTALL,
    )


# What cannot be used.


@pytest.mark.parametrize(("key", "step"), STEPS)
async def test_an_empty_form_is_told_on_the_same_page(alice: Player, key: str, step: str) -> None:
    """Every screen, sent as by a browser that has nothing ticked or written."""
    answer = await alice.visit.http.post(alice.link(key), data={"step": step, "go": "next"})
    assert answer.status_code in (303, 422)
    if answer.status_code == 422:
        assert 'role="alert"' in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert await alice.rounds(key) == []
    await alice.page(key)


@pytest.mark.parametrize("key", list(every.COURSE.activities))
async def test_handing_in_nothing_is_told(alice: Player, key: str) -> None:
    page = await alice.send(key, go="hand_in", expected=422)
    assert ("pas encore adoptée" if key == "accord" else 'role="alert"') in page
    assert await alice.rounds(key) == []


WORD = {"text": "gardez ceci"}
RANKS = {"ordre-lire": "1", "ordre-corriger": "1", "ordre-envoyer": "3"}
SUITE = {"mois": "-3", "ton": "tu"}
CELLS = {"outils-0-nom": "x" * 301, "outils-5-usage": "au loin", "donnees-public-choisi": "non"}
# screen, what is typed, and of that what the page can show again
OUT_OF_RANGE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("bilan", "liste", {"liste": "0"}, {}),
    ("bilan", "robot", {"robot": "unknown"}, {}),
    ("humeur", "", {"value": "9"}, {}),
    ("humeur", "", {"value": ["9", "3"]}, {}),
    ("point", "", {"status": "perhaps", **WORD}, WORD),
    (
        "point",
        "",
        {"status": "done", "minutes": "99999", **WORD},
        {"status": "done", "minutes": "99999", **WORD},
    ),
    ("point", "", {"status": "no", "minutes": "dix", **WORD}, {"status": "no", "minutes": "dix", **WORD}),
    ("quiz", "plusieurs", {"plusieurs": ["devis", "or"]}, {"plusieurs": "devis"}),
    ("quiz", "somme", {"somme": "beaucoup"}, {"somme": "beaucoup"}),
    ("quiz", "ordre", RANKS, RANKS),
    ("regles", "suite", {**SUITE, "relus": ["pages", "devis"]}, SUITE),
    ("regles", "quoi", CELLS, CELLS),
]


@pytest.mark.parametrize(("key", "step", "typed", "back"), OUT_OF_RANGE)
async def test_what_is_out_of_range_is_told_and_what_was_typed_is_still_there(
    alice: Player, key: str, step: str, typed: dict[str, Any], back: dict[str, Any]
) -> None:
    page = await alice.send(key, step, expected=422, **typed)
    assert 'class="error"' in page
    assert 'aria-invalid="true"' in page
    assert await alice.rounds(key) == []
    assert {name: fields(page)[name] for name in back} == {name: [value] for name, value in back.items()}


HOSTILE = "<script>alert(1)</script></textarea>\"'&amp;{{ 4321*2 }}"


async def test_html_in_every_field_is_text(alice: Player) -> None:
    await alice.send("point", status="later", text=HOSTILE, minutes="5")
    await alice.send("regles", "qui", entreprise=HOSTILE, decideur=HOSTILE, robot="true", nom=HOSTILE)
    cells: dict[str, Any] = {"outils-0-nom": HOSTILE, "outils-0-usage": HOSTILE}
    await alice.send("regles", "quoi", **cells)
    pages = [
        await alice.page("point"),
        *[await alice.page("regles", f"q={step}") for step in ("qui", "quoi", "fin")],
    ]
    pages.append(await alice.send("point", expected=422, status="perhaps", text=HOSTILE, minutes=HOSTILE))
    pages.append(await alice.send("regles", "suite", expected=422, mois=HOSTILE, ton=HOSTILE, relus=HOSTILE))
    await alice.send("regles", "suite", relus=["devis"])
    await alice.send("regles", go="hand_in")
    pages.append(await alice.page("regles"))
    preview = await alice.visit.http.post(
        alice.link("regles"), data={"step": "qui", "go": "save", "decideur": HOSTILE}
    )
    for page in [*pages, preview.text]:
        assert "<script>alert" not in page
        assert "8642" not in page
    assert fields(pages[0])["text"] == [HOSTILE]
    assert fields(pages[2])["outils-0-nom"] == [HOSTILE]
    assert escape(HOSTILE, quote=False).partition('"')[0] in pages[-1]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("é" * 5_000, "é" * 5_000),
        ("a\x00b", "ab"),
        ("\u202eינעל", "\u202eינעל"),
        ("👩‍👩‍👧 " + "😀" * 1_000, "👩‍👩‍👧 " + "😀" * 1_000),
        ("une\r\nligne", "une\nligne"),
        ("\n\nplus bas", "plus bas"),
    ],
)
async def test_what_people_write_is_kept_to_the_letter(alice: Player, typed: str, kept: str) -> None:
    await alice.send("point", status="later", text=typed)
    assert (await alice.answers("point"))["text"] == kept
    assert fields(await alice.page("point"))["text"] == [kept]


async def test_a_text_that_is_too_long_comes_back_whole(alice: Player) -> None:
    page = await alice.send("point", expected=422, status="done", text="é" * 5_001)
    assert "Ce texte est trop long" in page
    assert fields(page)["text"] == ["é" * 5_001]
    assert fields(page)["status"] == ["done"]
    assert await alice.rounds() == []


async def test_a_long_section_fits_through_the_door(alice: Player) -> None:
    """Three long texts, each within what a text may be."""
    long = "é" * 5_000
    await alice.send("regles", "qui", entreprise=long, decideur=long, nom=long, robot="true")
    assert (await alice.answers("regles"))["nom"] == long
    body = f"step=qui&nom={'x' * guard.BODY_LIMIT}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await alice.visit.http.post(alice.link("regles"), content=body, headers=headers)
    assert answer.status_code == 413


async def test_bytes_that_are_no_text_are_no_crash(alice: Player) -> None:
    bodies = [
        ("application/x-www-form-urlencoded", b"step=&go=next&status=%ff%fe&text=%ED%A0%80"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00"),
        ("application/json", b'{"step": ""}'),
        ("multipart/form-data; boundary=x", b"not a form"),
        ("text/plain", b""),
    ]
    for charset in ("utf-7", "unicode_escape"):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="status"\r\n\r\nperhaps\r\n'
            b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\\ud800+2AA-\r\n--x--\r\n'
        )
        bodies.append((f"multipart/form-data; boundary=x; charset={charset}", body))
    for kind, body in bodies:
        answer = await alice.visit.http.post(
            alice.link("point"), content=body, headers={"content-type": kind}
        )
        assert answer.status_code in (400, 422), (kind, answer.status_code)
        assert "<h1" in answer.text
    assert await alice.rounds() == []


async def test_a_forged_link_opens_nothing(alice: Player) -> None:
    await alice.send("bilan", "liste", liste="ecrite")
    token = alice.link("bilan").removeprefix("/a/")
    enrolment, key, signature = token.split(".")
    for forged in (
        f"{int(enrolment) + 1}.{key}.{signature}",
        f"{enrolment}.regles.{signature}",
        f"{enrolment}.{key}.{signature[:-1]}",
        f"{enrolment}.{key}",
        "x",
        alice.visit.to("l", alice.enrolment, "bilan").removeprefix("/l/"),
    ):
        for call in (
            alice.visit.get(f"/a/{forged}", 404),
            alice.visit.post(f"/a/{forged}", 404, step="", go="hand_in"),
        ):
            assert "Ce lien n’est pas complet" in await call
        await alice.visit.post(f"/a/{forged}/entry", 404)
    assert len(await alice.rounds()) == 1
    assert await alice.visit.deliveries("entry") == []


async def test_links_of_a_course_long_over_say_so(alice: Player) -> None:
    await alice.visit.post(alice.visit.to("u", alice.enrolment), scope="course")
    alice.visit.clock.pass_by(days=91)
    assert "Ce lien a expiré" in await alice.page("bilan", status=410)
    await alice.send("humeur", value="3", expected=410)
    assert await alice.rounds() == []


# Two tabs, twice, and the script's own requests.


async def test_what_was_handed_in_elsewhere_is_shown_not_changed(alice: Player) -> None:
    await alice.bilan()
    before = await alice.answers("bilan")
    await alice.send("bilan", "liste", liste="ecrite")
    await alice.send("bilan", go="hand_in")
    assert await alice.answers("bilan") == before
    assert ">50</span>" in await alice.page("bilan", "q=liste")


async def test_the_script_saves_without_moving(alice: Player) -> None:
    link = alice.link("bilan")
    answer = await alice.visit.http.post(link, data={"step": "liste", "go": "save", "liste": "ecrite"})
    assert (answer.status_code, answer.text) == (204, "")
    assert await alice.answers("bilan") == {"liste": "ecrite"}
    answer = await alice.visit.http.post(link, data={"step": "essai", "go": "save"})
    assert answer.status_code == 422
    assert await alice.answers("bilan") == {"liste": "ecrite"}
    answer = await alice.visit.http.post(
        alice.link("point"), data={"step": "", "go": "save", "status": "done"}
    )
    assert answer.status_code == 204
    (row,) = await alice.rounds("point")
    assert row.handed_in_at is None, "only the button hands in"


async def test_the_script_gets_the_charter_anew(alice: Player) -> None:
    data = {"step": "qui", "go": "save", "decideur": "Bob", "robot": "false"}
    answer = await alice.visit.http.post(alice.link("regles"), data=data)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div class="charter"')
    assert "<strong>Bob</strong> décide." in answer.text


async def test_the_script_is_not_told_saved_when_it_was_not(alice: Player) -> None:
    await alice.send("humeur", value="3")
    answer = await alice.visit.http.post(alice.link("humeur"), data={"step": "", "go": "save", "value": "1"})
    assert answer.status_code == 409
    assert await alice.answers("humeur") == {"value": 3}


# Languages.


async def test_an_english_course_speaks_english(visit: Visit) -> None:
    files = catalog.read_directory(paths.courses() / "demo-en")
    alice = await begin(visit, files=files, slug="demo-en")
    page = await alice.page("check-up", "q=tasks&a=unknown")
    for said in ('<html lang="en"', "Question 1 of 5", "I do not know", "Your work"):
        assert said in page
    assert fields(page)["tasks"] == ["unknown"]
    page = await alice.send("check-up", "tasks", expected=422)
    assert "Choose an answer." in page
    await alice.send("quiz-care", "quote", quote="1,306.00")
    assert (await alice.answers("quiz-care"))["quote"] == 1306
    page = await alice.page("house-rules", "q=checks")
    assert "What is always checked by a person" in page
    assert "[to be completed]" in page
    await alice.send("confidence", value="4")
    assert "4 out of 5" in await alice.page("confidence")


async def test_a_french_course_may_be_read_in_an_english_frame(alice: Player) -> None:
    page = await alice.page("bilan", "q=liste&lang=en")
    assert '<html lang="en"' in page
    assert "Avez-vous une liste" in page
    answer = await alice.visit.http.post(
        alice.link("bilan", "lang=en"), data={"step": "liste", "go": "next", "liste": "ecrite"}
    )
    assert answer.headers["location"].endswith("?q=essai&lang=en")


async def test_right_answers_are_named_for_every_type(alice: Player) -> None:
    await alice.quiz()
    page = await alice.page("quiz")
    assert "100\u00a0% de bonnes réponses" in page
    for said in (
        "Le cas, sans les noms",
        "Vrai",
        "Les devis\u202f; Les dates",
        "2,5\u00a0h",
        "Lire → Corriger → Envoyer",
    ):
        assert said in page
    assert "Réessayer" not in page
    assert set(RIGHT) == {question.key for question in every.quiz().questions}
