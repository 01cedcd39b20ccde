"""How a lesson asks: each answer that one link can name is one link away."""

from urllib.parse import parse_qs

import pytest

from engine.core import answers, asking, errors, words
from engine.core.course import grammar
from tests import every

ACTIVITIES = every.COURSE.activities
UNKNOWN = ("Je ne sais pas", "q=liste&a=unknown")


def ask(key: str, language: str = "fr") -> asking.Ask:
    return asking.ask(ACTIVITIES[key], language)


def pairs(found: asking.Ask) -> list[tuple[str, str]]:
    return [(choice.label, choice.query) for choice in found.choices]


def test_a_check_in_is_done_not_yet_or_not_for_us() -> None:
    found = ask("point")
    assert (found.title, found.prompt) == ("Trois tâches", "Avez-vous noté trois tâches\u202f?")
    assert found.button == "Trois tâches notées", "the author's own word"
    expected = [("Trois tâches notées", "a=done"), ("Pas encore", "a=later"), ("Pas pour nous", "a=no")]
    assert pairs(found) == expected


def test_a_poll_names_the_ends_of_its_scale() -> None:
    assert pairs(ask("humeur")) == [
        ("1 sur 5\u00a0: aucune", "a=1"),
        ("2 sur 5", "a=2"),
        ("3 sur 5", "a=3"),
        ("4 sur 5", "a=4"),
        ("5 sur 5\u00a0: entière", "a=5"),
    ]


def test_a_diagnostic_begins_with_its_first_question() -> None:
    found = ask("bilan")
    assert (found.prompt, found.button) == ("Avez-vous une liste\u202f?", "Commencer")
    assert pairs(found)[0] == ("Aucune", "q=liste&a=aucune")
    assert pairs(found)[-1] == UNKNOWN
    assert ask("bilan-final").choices == found.choices


def test_unknown_is_offered_only_where_the_author_lets_it() -> None:
    first = every.diagnostic().questions[0].model_copy(update={"unknown": False})
    sure = every.diagnostic().model_copy(update={"questions": (first,)})
    assert UNKNOWN not in pairs(asking.ask(sure, "fr"))


def test_a_quiz_begins_with_a_choice_where_it_has_one() -> None:
    assert pairs(ask("quiz"))[0] == ("Tout le courriel", "q=seul&a=tout")
    assert pairs(ask("oral")) == [("Vrai", "q=deux&a=true"), ("Faux", "q=deux&a=false")]


@pytest.mark.parametrize("key", ["plusieurs", "somme", "ordre"])
def test_what_no_link_can_name_has_a_button(key: str) -> None:
    question = next(each for each in every.quiz().questions if each.key == key)
    found = asking.ask(every.quiz().model_copy(update={"questions": (question,)}), "fr")
    assert (found.choices, found.button, found.prompt) == ((), "Commencer", "Répondez en quelques minutes.")


def test_a_charter_and_an_agreement_have_a_button() -> None:
    assert (ask("regles").prompt, ask("regles").button, ask("regles").choices) == (
        "Trois parties.",
        "Commencer",
        (),
    )
    assert (ask("accord").button, ask("accord").choices) == ("Lire et approuver", ())
    assert ask("accord").prompt == "J’ai lu nos règles et je les suis."


@pytest.mark.parametrize("key", list(ACTIVITIES))
def test_every_link_names_an_answer_that_its_page_accepts(key: str) -> None:
    for choice in ask(key).choices:
        query = parse_qs(choice.query, strict_parsing=True)
        step = query.get("q", [""])[0]
        name = step or ("status" if isinstance(ACTIVITIES[key], grammar.Checkin) else "value")
        try:
            answers.read(ACTIVITIES[key], step, {name: query["a"]}, language="fr", facts={})
        except errors.Invalid as refused:
            raise AssertionError(choice) from refused


@pytest.mark.parametrize("key", list(ACTIVITIES))
def test_in_english_our_own_words_are_english(key: str) -> None:
    found = ask(key, "en")
    ours = {found.button, *(choice.label for choice in found.choices)}
    assert not ours & set(words.catalogue("en"))


def test_english_puts_no_space_before_a_colon() -> None:
    assert pairs(ask("humeur", "en"))[0] == ("1 out of 5: aucune", "a=1")
    assert ask("bilan", "en").prompt == "Avez-vous une liste ?", "an author's English text is left alone"
