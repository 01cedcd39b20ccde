"""Activities lived on both databases: saved as one goes, handed in once, and what that opens."""

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import errors, links, views
from engine.demo import answers as diligent
from engine.flows import activities, known, leases, letters, privacy, writing
from engine.mail import builds
from engine.tables import Submission
from tests import every, ledger, people
from tests.people import ALICE, BOB, DRESS, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

BILAN = {"liste": "aucune", "essai": "unknown", "relecture": "chacun", "robot": "oui"}
RIGHT: dict[str, Any] = {
    "seul": "cas",
    "vrai": "true",
    "plusieurs": ["devis", "dates"],
    "somme": "2,5",
    "ordre": {"ordre-lire": "1", "ordre-corriger": "2", "ordre-envoyer": "3"},
}
HOUSE = letters.House(
    links.Links(DRESS.base_url, [b"key"], lasting=b"for ever"), DRESS, builds.Builds(), "parcours.example.org"
)


async def begun(town: Town, files: dict[str, bytes] = every.FILES) -> int:
    """Alice has the first lesson of the course with everything in it."""
    await town.publish(files)
    enrolment = await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    return enrolment


async def save(town: Town, enrolment: int, key: str, step: str = "", **typed: Any) -> None:
    form = {name: value if isinstance(value, list) else [value] for name, value in typed.items()}
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.save(session, place, step, form, now=town.now)


async def answer(town: Town, enrolment: int, key: str, answers: dict[str, Any]) -> None:
    """Answer question by question; one answer may be several fields."""
    for step, given in answers.items():
        await save(town, enrolment, key, step, **(given if isinstance(given, dict) else {step: given}))


async def hand_in(town: Town, enrolment: int, key: str) -> None:
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.hand_in(session, place, now=town.now)


async def again(town: Town, enrolment: int, key: str) -> None:
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.again(session, place, now=town.now)


async def answer_again(town: Town, enrolment: int, key: str, question: str, given: str) -> None:
    async with town.db.transaction() as session:
        typed = {question: [given]}
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.answer_again(session, place, question, typed, now=town.now)


async def take(town: Town, enrolment: int, **wrong: Any) -> None:
    """One attempt at the quiz, right but for what is `wrong`."""
    if await rounds(town, enrolment, "quiz"):
        await again(town, enrolment, "quiz")
    await answer(town, enrolment, "quiz", RIGHT | wrong)
    await hand_in(town, enrolment, "quiz")


async def page(town: Town, enrolment: int, key: str) -> views.Played:
    async with town.db.reading() as session:
        return await activities.open(session, enrolment, key, now=town.now)


async def facts(town: Town, enrolment: int) -> Any:
    async with town.db.reading() as session:
        return await known.of(session, await town.row(enrolment))


async def rounds(town: Town, enrolment: int, key: str) -> list[Submission]:
    async with town.db.reading() as session:
        found = select(Submission).where(Submission.enrolment_id == enrolment, Submission.activity == key)
        return list(await session.scalars(found.order_by(Submission.round)))


# Saving and handing in.


async def test_each_answer_is_kept_and_none_counts_before_handing_in(town: Town) -> None:
    alice = await begun(town)
    assert not (await page(town, alice, "bilan")).touched
    for number, (step, given) in enumerate(BILAN.items(), 1):
        await save(town, alice, "bilan", step, **{step: given})
        shown = await page(town, alice, "bilan")
        assert len(shown.answers) == number
        assert (shown.touched, shown.handed_in_at) == (True, None)
    assert shown.answers == BILAN
    assert (await facts(town, alice)).handed_in == frozenset()
    await save(town, alice, "bilan", "liste", liste="ecrite")
    assert (await page(town, alice, "bilan")).answers == BILAN | {"liste": "ecrite"}, "a change of mind"
    assert len(await rounds(town, alice, "bilan")) == 1


async def test_two_tabs_each_keep_what_was_answered_there(town: Town) -> None:
    alice = await begun(town)
    await asyncio.gather(
        *(save(town, alice, "bilan", step, **{step: given}) for step, given in BILAN.items())
    )
    (row,) = await rounds(town, alice, "bilan")
    assert row.answers == BILAN


async def test_what_another_tab_saved_meanwhile_is_not_lost(town: Town) -> None:
    """A posted page is looked up and saved in one transaction: what was looked up may be old by then."""
    alice = await begun(town)
    await save(town, alice, "bilan", "liste", liste="aucune")

    async def post(step: str, given: str) -> None:
        async with town.db.transaction() as session:
            await activities.open(session, alice, "bilan", now=town.now)
            await asyncio.sleep(0.05)
            place = await activities.take(session, alice, "bilan", now=town.now)
            await activities.save(session, place, step, {step: [given]}, now=town.now)

    await asyncio.gather(*(post(step, given) for step, given in BILAN.items()))
    assert (await page(town, alice, "bilan")).answers == BILAN


async def test_what_is_missing_is_named_and_nothing_is_lost(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "bilan", "essai", essai="oui")
    for _ in range(2):
        with pytest.raises(errors.Invalid) as refused:
            await hand_in(town, alice, "bilan")
    assert list(refused.value.problems) == ["liste", "relecture", "robot"]
    assert (await page(town, alice, "bilan")).answers == {"essai": "oui"}
    assert await town.mails(alice, "result") == []


@pytest.mark.parametrize("key", ["bilan", "quiz", "humeur", "point", "regles"])
async def test_nothing_at_all_cannot_be_handed_in(town: Town, key: str) -> None:
    alice = await begun(town)
    with pytest.raises(errors.Invalid):
        await hand_in(town, alice, key)
    assert await rounds(town, alice, key) == []
    assert (await facts(town, alice)).handed_in == frozenset()


async def test_an_answer_that_cannot_be_used_changes_nothing(town: Town) -> None:
    alice = await begun(town)
    with pytest.raises(errors.Invalid):
        await save(town, alice, "bilan", "liste", liste="peut-être")
    assert await rounds(town, alice, "bilan") == []
    with pytest.raises(errors.NotFound):
        await save(town, alice, "bilan", "absente", absente="oui")
    with pytest.raises(errors.NotFound):
        await save(town, alice, "absente", "", value="1")


async def test_twice_is_once(town: Town) -> None:
    alice = await begun(town)
    await answer(town, alice, "bilan", BILAN)
    await asyncio.gather(*(hand_in(town, alice, "bilan") for _ in range(3)))
    before = await rounds(town, alice, "bilan")
    town.clock.pass_by(minutes=5)
    await hand_in(town, alice, "bilan")
    after = await rounds(town, alice, "bilan")
    assert [row.handed_in_at for row in after] == [row.handed_in_at for row in before]
    assert len(await town.events(alice, "handed_in")) == 1
    assert len(await town.mails(alice, "result")) == 1


async def test_what_was_handed_in_changes_no_more(town: Town) -> None:
    alice = await begun(town)
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    with pytest.raises(errors.Conflict):
        await save(town, alice, "bilan", "liste", liste="ecrite")
    with pytest.raises(errors.NotAllowed):
        await again(town, alice, "bilan")
    assert (await page(town, alice, "bilan")).answers == BILAN


async def test_answers_are_of_one_person(town: Town) -> None:
    alice = await begun(town)
    bob = await town.enrol(BOB)
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    shown = await page(town, bob, "bilan")
    assert (shown.answers, shown.touched, shown.handed_in_at) == ({}, False, None)
    assert (await facts(town, bob)).answers == {}
    assert await town.mails(bob, "result") == []


async def test_a_check_in_that_waits_can_be_done_later(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "point", status="later", text="la semaine prochaine")
    assert (await facts(town, alice)).handed_in == frozenset()
    await save(town, alice, "point", status="done", minutes="20")
    await hand_in(town, alice, "point")
    told = (await facts(town, alice)).answers["point"]
    assert (told["done"], told["minutes"]) == (True, 20)


async def test_read_and_agreed_is_an_answer(town: Town) -> None:
    alice = await begun(town)
    with pytest.raises(errors.Invalid):  # nothing is adopted yet
        await hand_in(town, alice, "accord")
    assert await rounds(town, alice, "accord") == []
    await save(town, alice, "regles", "qui", entreprise="Atelier", decideur="Alice", robot="false")
    await save(town, alice, "regles", "suite", relus=["pages"], mois="12")
    await hand_in(town, alice, "regles")
    await hand_in(town, alice, "accord")
    assert (await facts(town, alice)).hold("answers.accord.agreed")


# Quizzes.


async def test_a_quiz_has_three_attempts_and_the_best_counts(town: Town) -> None:
    alice = await begun(town)
    seen = [(await page(town, alice, "quiz")).attempts_left]
    for wrong in (
        {"vrai": "false", "seul": "tout"},
        {"vrai": "false"},
        {"somme": "1", "seul": "tout", "vrai": "false"},
    ):
        await take(town, alice, **wrong)
        seen.append((await page(town, alice, "quiz")).attempts_left)
    assert seen == [3, 2, 1, 0]
    with pytest.raises(errors.NotAllowed):
        await again(town, alice, "quiz")
    assert (await page(town, alice, "quiz")).next_attempt_at == town.now + timedelta(days=7)
    found = await facts(town, alice)
    assert [row.score["total"] for row in await rounds(town, alice, "quiz")] == [60, 80, 40]
    assert found.score["quiz"] == {"total": 80}
    assert found.answers["quiz"]["somme"] == 1, "of the answers the latest"
    assert await town.mails(alice, "result") == []


async def test_what_was_never_begun_cannot_begin_again(town: Town) -> None:
    alice = await begun(town)
    for key in ("quiz", "regles", "bilan"):
        with pytest.raises(errors.NotAllowed):
            await again(town, alice, key)
        assert await rounds(town, alice, key) == []


async def test_beginning_again_twice_is_once(town: Town) -> None:
    alice = await begun(town)
    await take(town, alice, vrai="false")
    await asyncio.gather(again(town, alice, "quiz"), again(town, alice, "quiz"))
    assert [row.round for row in await rounds(town, alice, "quiz")] == [1, 2]
    assert (await page(town, alice, "quiz")).answers == {}


async def test_a_missed_question_comes_back_and_goes_away_once_right(town: Town) -> None:
    alice = await begun(town)
    await take(town, alice, vrai="false", somme="1")
    back = []
    for day in ("2027-03-24", "2027-03-30", "2027-04-06"):
        await town.live(f"{day} 12:00")
        back.append((await page(town, alice, "quiz")).comes_back)
    assert back == [None, None, "vrai"]
    with pytest.raises(errors.Conflict):
        await answer_again(town, alice, "quiz", "somme", "2,5")
    with pytest.raises(errors.Invalid):
        await answer_again(town, alice, "quiz", "vrai", "peut-être")
    await answer_again(town, alice, "quiz", "vrai", "true")
    shown = await page(town, alice, "quiz")
    assert shown.comes_back == "somme", "one at a time"
    await answer_again(town, alice, "quiz", "somme", "9")
    shown = await page(town, alice, "quiz")
    assert shown.comes_back is None
    assert shown.attempts_left == 3, "it costs no attempt"
    await town.live("2027-04-30 00:00")
    found = await facts(town, alice)
    assert found.score["quiz"] == {"total": 60}, "it changes no score"
    assert found.hold("answers.quiz.vrai")
    assert len(await town.events(alice, "answered_again")) == 2


async def test_a_question_is_asked_again_once(town: Town) -> None:
    alice = await begun(town)
    await take(town, alice, vrai="false")
    await town.live("2027-04-06 12:00")
    told = await asyncio.gather(
        *(answer_again(town, alice, "quiz", "vrai", "true") for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in told) == ["Conflict", "Conflict", "NoneType"]
    assert len(await rounds(town, alice, "quiz")) == 2


async def test_an_attempt_begun_before_and_handed_in_after_has_the_last_word(town: Town) -> None:
    alice = await begun(town, every.changed("quiz", "comes_back: 2", "comes_back: 1"))
    await take(town, alice, vrai="false")
    await again(town, alice, "quiz")
    await answer(town, alice, "quiz", RIGHT | {"vrai": "false"})
    await town.live("2027-03-30 12:00")
    await answer_again(town, alice, "quiz", "vrai", "true")
    town.clock.pass_by(minutes=1)
    await hand_in(town, alice, "quiz")
    assert not (await facts(town, alice)).hold("answers.quiz.vrai")
    await town.live("2027-04-06 12:00")
    assert (await page(town, alice, "quiz")).comes_back == "vrai"


# Charters.


async def test_a_charter_grows_by_sections_and_is_adopted_with_what_was_proposed(town: Town) -> None:
    alice = await begun(town)
    shown = await page(town, alice, "regles")
    assert (shown.answers["entreprise"], shown.answers["mois"]) == ("Atelier Aubert", 6)
    await save(town, alice, "regles", "qui", entreprise="Atelier", decideur="Alice", robot="false")
    with pytest.raises(errors.Invalid) as refused:
        await hand_in(town, alice, "regles")
    assert list(refused.value.problems) == ["relus"]
    await save(town, alice, "regles", "suite", relus=["pages"], mois="12")
    await hand_in(town, alice, "regles")
    (row,) = await rounds(town, alice, "regles")
    assert row.answers["entreprise"] == "Atelier"
    assert (row.answers["mois"], row.answers["relus"]) == (12, ["pages"])
    assert row.answers["donnees"]["client/gratuit"] == "non", "proposed, never refused: adopted"


async def test_a_new_version_leaves_the_old_one_as_it_is(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "regles", "qui", decideur="Alice")
    await save(town, alice, "regles", "suite", relus=["pages"], mois="12")
    await hand_in(town, alice, "regles")
    adopted = (await rounds(town, alice, "regles"))[0].answers
    town.clock.pass_by(days=30)
    for _ in range(2):
        await again(town, alice, "regles")
    shown = await page(town, alice, "regles")
    assert (shown.round, shown.handed_in_at, shown.answers["decideur"]) == (2, None, "Alice")
    assert (await facts(town, alice)).answers["regles"]["decideur"] == "Alice"
    await save(town, alice, "regles", "qui", decideur="Charlie")
    assert (await facts(town, alice)).answers["regles"]["decideur"] == "Alice", "a draft is nobody's rule"
    await hand_in(town, alice, "regles")
    first, second = await rounds(town, alice, "regles")
    assert first.answers == adopted
    assert second.answers["decideur"] == "Charlie"
    assert first.handed_in_at
    assert second.handed_in_at == first.handed_in_at + timedelta(days=30)
    assert (await facts(town, alice)).answers["regles"]["decideur"] == "Charlie"


async def test_what_is_not_asked_for_the_moment_is_not_forgotten(town: Town) -> None:
    alice = await begun(town)
    screen = diligent.fields(every.charter(), "suite") | {"signale": "false"}
    await save(town, alice, "regles", "qui", decideur="Alice", robot="true")
    await save(town, alice, "regles", "suite", **screen)
    await save(town, alice, "regles", "qui", decideur="Alice", robot="false")
    await save(town, alice, "regles", "suite", **{k: v for k, v in screen.items() if k != "signale"})
    await save(town, alice, "regles", "qui", decideur="Alice", robot="true")
    assert (await page(town, alice, "regles")).answers["signale"] is False


# A course that changes under way.


async def test_answers_to_questions_that_changed_do_no_harm(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-30 12:00")
    await take(town, alice, vrai="false")
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    await save(town, alice, "regles", "qui", decideur="Alice")
    await save(town, alice, "regles", "quoi", **{"outils-0-nom": "Word"})
    changes = {
        "type: true_false": "type: number",
        "answer: true": "answer: 3",
        "key: cas": "key: autre",
        "key: chacun": "key: tous",
        "key: essai\n": "key: test\n",
        "bilan.essai": "bilan.test",
        "key: decideur, type: text": "key: decideur, type: yes_no",
        "answers.decideur": "learner.company",
    }
    files = dict(every.FILES)
    for path in ("activities/quiz.yaml", "activities/bilan.yaml", "activities/regles.yaml"):
        for old, new in changes.items():
            files[path] = files[path].replace(old.encode(), new.encode())
    await town.publish(files, others="move")
    quiz, bilan, regles = [await page(town, alice, key) for key in ("quiz", "bilan", "regles")]
    assert set(quiz.answers) == {"plusieurs", "somme", "ordre"}
    assert set(bilan.answers) == {"liste", "robot"}
    assert "decideur" not in regles.answers
    assert regles.answers["outils"] == [["Word", ""]]
    await town.live("2027-04-13 12:00")
    assert (await page(town, alice, "quiz")).comes_back == "seul", "what cannot be right any more comes back"
    assert len(await town.sent(alice, "result")) == 1


async def test_a_charter_in_force_survives_a_change_of_its_questions(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "regles", "qui", decideur="Alice")
    await save(town, alice, "regles", "quoi", **{"outils-0-nom": "Word"})
    await save(town, alice, "regles", "suite", relus=["pages"])
    await hand_in(town, alice, "regles")
    old = "type: table\n        prompt: Quels outils ?"
    rows = "rows: [{key: word, label: Word}]\n        choices: [{key: oui, label: Permis}]"
    new = f"type: matrix\n        prompt: Quels outils ?\n        {rows}"
    await town.publish(every.changed("regles", old, new), others="move")
    about = (await page(town, alice, "accord")).charter
    assert about
    assert "Alice" in repr(about.articles)
    assert "Word" in repr(about.articles), "the row of the new question"


# What an answer opens.


def gated(then: str = "wait") -> dict[str, bytes]:
    gate = f"requires: {{activity: bilan, reminders: 1, limit: 21, then: {then}}}"
    files = people.course(a="", b=gate, c="")
    asked = files["lessons/01-a.md"] + b"\n:::question bilan\n:::\n"
    return files | {"lessons/01-a.md": asked, "activities/bilan.yaml": every.FILES["activities/bilan.yaml"]}


async def test_handing_in_opens_the_gate_at_the_next_slot_and_says_when(town: Town) -> None:
    await town.publish(gated())
    alice = await town.enrol(ALICE)
    await town.live("2027-04-07 12:00")
    assert await town.sent(alice, "lesson", "reminder") == [
        "lesson a tue 2027-03-23 08:30",
        "reminder b tue 2027-03-30 08:30",
    ]
    await answer(town, alice, "bilan", BILAN)
    assert (await page(town, alice, "bilan")).next_at is None, "it waits"
    await hand_in(town, alice, "bilan")
    shown = await page(town, alice, "bilan")
    assert shown.next_at == (await town.row(alice)).due_at
    await town.live("2027-04-14 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-04-13 08:30",
    ]
    assert (await town.mail(alice, "lesson", "b")).due_at == shown.next_at


async def test_half_the_answers_open_no_gate(town: Town) -> None:
    await town.publish(gated())
    alice = await town.enrol(ALICE)
    await town.live("2027-03-25 12:00")
    await answer(town, alice, "bilan", {"liste": "ecrite"})
    await town.live("2027-04-30 00:00")
    assert await town.sent(alice, "lesson") == ["lesson a tue 2027-03-23 08:30"]


STEERED = {
    "answers.bilan.liste == 'unknown'": False,
    "answers.bilan.essai == 'unknown'": True,
    "score.bilan.total >= 50": True,
    "score.bilan.temps > 0": False,
    "score.quiz.total >= 60": True,
    "not answers.quiz.vrai": True,
    "'devis' in answers.quiz.plusieurs": True,
    "answers.humeur.value >= 4": False,
    "answers.point.done": True,
    "answers.regles.robot": False,
    "answers.accord.agreed": True,
    "answers.oral.deux": False,  # never handed in
    "not answers.oral.deux": True,
}


async def test_answers_and_scores_steer_the_lessons_to_come(town: Town) -> None:
    keys = {f"k{number:02}": condition for number, condition in enumerate(STEERED)}
    files = people.course(a="", **{key: f'when: "{condition}"' for key, condition in keys.items()})  # type: ignore[arg-type]  # names of lessons
    files |= {path: data for path, data in every.FILES.items() if path.startswith("activities/")}
    await town.publish(files)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    await take(town, alice, vrai="false")
    await save(town, alice, "humeur", value="3")
    await hand_in(town, alice, "humeur")
    await save(town, alice, "point", status="done")
    await hand_in(town, alice, "point")
    await save(town, alice, "regles", "qui", decideur="Alice", robot="false")
    await save(town, alice, "regles", "suite", relus=["pages"])
    await hand_in(town, alice, "regles")
    await hand_in(town, alice, "accord")
    await save(town, alice, "oral", "deux", deux="true")
    await town.live("2027-07-30 00:00")
    came = [told.split()[1] for told in await town.sent(alice, "lesson")]
    assert came == ["a", *(key for key, condition in keys.items() if STEERED[condition])]


# The mails.


async def written(town: Town) -> list[tuple[str, Any]]:
    """The mails that leave now, as their readers get them: recipient and message."""
    async with town.db.transaction() as session:
        leased = await leases.lease(session, worker="town", limit=50, now=town.now)
        mails = await ledger.begin(session, leased, worker="town", now=town.now)
        found = await letters.gather(session, mails)
        outcomes = [(mail, town.answer(mail)) for mail in mails]
        await ledger.record(session, outcomes, worker="town", now=town.now, in_doubt="send")
    out = []
    for each in found.values():
        assert isinstance(each, letters.Addressed)
        mail = writing.write(each, HOUSE, now=town.now)
        out.append((mail.recipient, message_from_bytes(mail.data, policy=policy.default)))
    return out


def text(message: Any) -> str:
    plain, _ = message.iter_parts()
    return str(plain.get_content())


async def test_the_result_is_mailed_to_the_learner(town: Town) -> None:
    alice = await begun(town)
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    ((recipient, mail),) = await written(town)
    assert recipient == "alice@example.org"
    assert "50 sur 100" in mail["Subject"]
    for said in ("Un robot", "Lister", "Avez-vous essayé", HOUSE.links.url("a", alice, "bilan")):
        assert said in text(mail)
    assert "La première fois" not in text(mail)
    assert mail["List-Unsubscribe"] is None, "somebody waits for it"


async def test_the_second_result_tells_the_first(town: Town) -> None:
    alice = await begun(town)
    for key, given in (("bilan", BILAN), ("bilan-final", BILAN | {"liste": "ecrite", "essai": "oui"})):
        await answer(town, alice, key, given)
        await hand_in(town, alice, key)
        ((_, mail),) = await written(town)
    assert "100 sur 100" in mail["Subject"]
    assert "La première fois, vous étiez à 50." in text(mail)
    assert (await page(town, alice, "bilan-final")).earlier
    assert (await page(town, alice, "bilan")).earlier is None


async def test_an_early_second_result_has_nothing_to_compare(town: Town) -> None:
    alice = await begun(town)
    await answer(town, alice, "bilan", BILAN)
    assert (await page(town, alice, "bilan-final")).earlier is None, "a draft is no result"
    await answer(town, alice, "bilan-final", BILAN)
    await hand_in(town, alice, "bilan-final")
    ((_, mail),) = await written(town)
    assert "La première fois" not in text(mail)


async def test_a_poll_is_compared_with_the_earlier_one(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "humeur", value="2")
    await hand_in(town, alice, "humeur")
    earlier = (await page(town, alice, "humeur-apres")).earlier
    assert earlier
    assert earlier.answers == {"value": 2}


async def ask_entry(town: Town, enrolment: int, key: str = "bilan") -> None:
    async with town.db.transaction() as session:
        await activities.ask_entry(session, enrolment, key, now=town.now)


async def test_a_link_for_another_device_goes_to_the_learner_at_most_once_an_hour(town: Town) -> None:
    alice = await begun(town)
    await asyncio.gather(*(ask_entry(town, alice) for _ in range(3)))
    ((recipient, mail),) = await written(town)
    assert recipient == "alice@example.org"
    assert HOUSE.links.url("w", alice, "bilan", links.stamp_of(town.now)) in text(mail)
    town.clock.pass_by(minutes=59)
    await ask_entry(town, alice, "quiz")
    assert await written(town) == []
    town.clock.pass_by(minutes=2)
    await ask_entry(town, alice, "quiz")
    assert len(await written(town)) == 1


async def test_that_link_lives_for_a_day(town: Town) -> None:
    activities.check_entry(town.now, now=town.now + timedelta(days=1))
    with pytest.raises(errors.ExpiredLink):
        activities.check_entry(town.now, now=town.now + timedelta(days=1, seconds=1))


# When it is over.


async def test_links_work_for_90_days_after_the_course_and_then_no_more(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-31 00:00")
    await save(
        town, alice, "humeur-apres", value="3"
    )  # a sign of life: after three silent lessons one pauses
    await town.live("2027-05-01 00:00")
    row = await town.row(alice)
    assert row.state == "completed"
    assert row.ended_at
    town.clock.moment = row.ended_at + timedelta(days=90)
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    assert len(await town.mails(alice, "result")) == 1
    town.clock.pass_by(seconds=1)
    for late in (
        page(town, alice, "bilan"),
        save(town, alice, "humeur", value="3"),
        hand_in(town, alice, "accord"),
        again(town, alice, "regles"),
        answer_again(town, alice, "quiz", "vrai", "true"),
        ask_entry(town, alice),
    ):
        with pytest.raises(errors.ExpiredLink):
            await late
    assert await rounds(town, alice, "humeur") == []


async def test_what_was_erased_is_not_there(town: Town) -> None:
    alice = await begun(town)
    await save(town, alice, "point", status="later", text="un secret")
    async with town.db.transaction() as session:
        await privacy.erase(session, (await town.row(alice)).learner_id, now=town.now)
    with pytest.raises(errors.NotFound):
        await page(town, alice, "point")
    with pytest.raises(errors.NotFound):
        await ask_entry(town, alice, "point")
    assert "un secret" not in repr([row.answers for row in await rounds(town, alice, "point")])


async def test_somebody_who_left_may_still_answer_and_nothing_more_leaves(town: Town) -> None:
    await town.publish(gated())
    alice = await town.enrol(ALICE)
    await town.live("2027-03-31 12:00")
    await town.change(alice, state="stopped", ended_at=town.now, next_kind="", next_key="", due_at=None)
    await answer(town, alice, "bilan", BILAN)
    await hand_in(town, alice, "bilan")
    await town.live("2027-05-31 00:00")
    assert len(await town.sent(alice, "lesson")) == 1
    assert len(await town.sent(alice, "result")) == 1, "that is an answer to what he did"
