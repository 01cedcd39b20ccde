"""Activities in words: how a lesson asks for one, each answer one link away, and what was answered."""

from dataclasses import dataclass
from typing import Any

from engine.core import words
from engine.core.course import grammar


@dataclass(frozen=True)
class Choice:
    label: str
    query: str
    """What to add to the activity's address so that its page opens with this answer chosen."""


@dataclass(frozen=True)
class Ask:
    """An activity as a lesson presents it, in the typography of its language."""

    title: str
    prompt: str
    """What it is about; of one that begins with a question that has choices, that question."""
    choices: tuple[Choice, ...]
    """Empty: only the button leads there."""
    button: str


def ask(activity: grammar.Activity, language: str) -> Ask:
    say = words.gettext(language)

    def typeset(text: str) -> str:
        return words.typeset(text, language)

    def made(prompt: str, button: str, *choices: Choice) -> Ask:
        return Ask(typeset(activity.title), typeset(prompt), choices, button)

    match activity:
        case grammar.Checkin():
            done = typeset(activity.button) if activity.button else say("C'est fait")
            others = (Choice(say("Pas encore"), "a=later"), Choice(say("Pas pour nous"), "a=no"))
            return made(activity.prompt, done, Choice(done, "a=done"), *others)
        case grammar.Poll():
            marks = (Choice(mark_words(activity, mark, language), f"a={mark}") for mark in scale(activity))
            return made(activity.prompt, say("Répondre"), *marks)
        case grammar.Diagnostic() | grammar.Quiz():
            first = activity.questions[0]
            found = _choices(first, say, typeset)
            prompt = first.prompt if found else activity.intro or say("Répondez en quelques minutes.")
            return made(prompt, say("Commencer"), *found)
        case grammar.Charter():
            return made(activity.intro or say("Répondez en quelques minutes."), say("Commencer"))
        case grammar.Agreement():
            return made(activity.prompt, say("Lire et approuver"))


def scale(poll: grammar.Poll) -> range:
    return range(1, poll.scale + 1)


def mark_words(poll: grammar.Poll, mark: int, language: str) -> str:
    """« 1 sur 5 : pas du tout », « 2 sur 5 » … « 5 sur 5 : tout à fait »"""
    said = words.gettext(language)("{mark} sur {most}").format(mark=mark, most=poll.scale)
    end = {1: poll.low, poll.scale: poll.high}.get(mark)
    return (
        words.typeset(f"{said} : {end}" if language == "fr" else f"{said}: {end}", language) if end else said
    )


def _choices(
    question: grammar.DiagnosticQuestion | grammar.QuizQuestion, say: words.Say, typeset: words.Say
) -> tuple[Choice, ...]:
    """The answers that one link can name."""

    def choice(label: str, answer: str) -> Choice:
        return Choice(label, f"q={question.key}&a={answer}")

    if isinstance(question, grammar.DiagnosticQuestion):
        known = tuple(choice(typeset(each.label), each.key) for each in question.choices)
        unknown = (choice(say("Je ne sais pas"), grammar.UNKNOWN),) if question.unknown else ()
        return known + unknown
    if question.type == "single":
        return tuple(choice(typeset(each.label), each.key) for each in question.choices)
    if question.type == "true_false":
        return (choice(say("Vrai"), "true"), choice(say("Faux"), "false"))
    return ()


def answer_words(
    question: grammar.DiagnosticQuestion | grammar.QuizQuestion, given: Any, language: str
) -> str:
    """An answer as a person reads it; "" when there is none."""
    say = words.gettext(language)
    if given is None:
        return ""
    if given == grammar.UNKNOWN:
        return say("Je ne sais pas")
    if isinstance(given, bool):
        return say("Vrai") if given else say("Faux")
    labels = {choice.key: words.typeset(choice.label, language) for choice in question.choices}
    if isinstance(given, list):
        joint = " → " if isinstance(question, grammar.QuizQuestion) and question.type == "order" else " ; "
        # Answers that are sentences lose their full stop in the row.
        return words.typeset(joint.join(labels.get(str(key), "").rstrip(".") for key in given), language)
    if isinstance(given, int | float):
        unit = _unit(question)
        return number_words(given, language) + (f"\u00a0{unit}" if unit else "")
    return labels.get(given, str(given))


def _unit(question: grammar.DiagnosticQuestion | grammar.QuizQuestion) -> str:
    return question.unit if isinstance(question, grammar.QuizQuestion) else ""


def number_words(value: float, language: str) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language == "fr" else text
