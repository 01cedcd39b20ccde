"""`activities/*.yaml`: what a learner answers."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.core.course.grammar.base import Key, Line, Model, Prose

UNKNOWN = "unknown"
"""The answer « je ne sais pas », in conditions too."""


class Checkin(Model):
    """What did you do this week? Done, later, or not for us; a word and the minutes if one wishes."""

    kind: Literal["checkin"]
    title: Line
    prompt: Prose
    button: Line | None = None


class Option(Model):
    key: Key
    label: Line


class Level(Model):
    """A band of the total score, from `at` per cent up."""

    at: Annotated[int, Field(ge=0, le=100)]
    title: Line
    text: Prose


class Axis(Model):
    key: Key
    title: Line


class Described(Option):
    """An answer that says what one can see in the company."""

    points: Annotated[int, Field(ge=0, le=10)] = 0


class DiagnosticQuestion(Model):
    key: Key
    axis: Key | None = None
    """None: a fact that no score counts, for alerts and conditions."""
    prompt: Line
    choices: Annotated[tuple[Described, ...], Field(min_length=2)]
    unknown: bool = True
    """Whether « je ne sais pas » is offered; it counts 0 and is listed apart."""


class Alert(Model):
    """Something to see to now, whatever the score."""

    key: Key
    title: Line
    text: Prose
    when: Line


Mark = Annotated[int, Field(ge=1, le=3)]


class Priority(Model):
    """Something worth doing next, where `when` holds; the highest gain × ease × risk come first."""

    key: Key
    title: Line
    text: Prose
    when: Line | None = None
    gain: Mark
    """Hours won: 1 few, 3 many."""
    ease: Mark
    risk: Mark
    """Risk that doing it takes away: 1 little, 3 much."""
    lesson: Key | None = None
    """The lesson that helps with it."""


class Diagnostic(Model):
    kind: Literal["diagnostic"]
    title: Line
    intro: str = ""
    repeats: Key | None = None
    """The diagnostic that is taken again: everything but title and intro is that one's."""
    axes: tuple[Axis, ...] = ()
    questions: tuple[DiagnosticQuestion, ...] = ()
    levels: tuple[Level, ...] = ()
    alerts: tuple[Alert, ...] = ()
    priorities: tuple[Priority, ...] = ()
    note: str = ""
    """What the result is and is not, printed beneath it."""

    @model_validator(mode="after")
    def _own_or_repeated(self) -> "Diagnostic":
        if self.repeats is None and not (self.axes and self.questions and self.levels):
            raise ValueError("un diagnostic a des axes, des questions et des niveaux, ou « repeats »")
        return self


class QuizChoice(Option):
    correct: bool = False
    feedback: str = ""


class QuizQuestion(Model):
    """`single`, `multiple`: mark the `correct` choices. `order`: write the choices in the right order.

    `true_false`, `number`: write the `answer`.
    """

    key: Key
    type: Literal["single", "multiple", "true_false", "order", "number"]
    prompt: Line
    choices: tuple[QuizChoice, ...] = ()
    answer: bool | float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0
    unit: str = ""
    feedback: str = ""
    """Said after the answer, right or wrong: why it is so."""


class Quiz(Model):
    kind: Literal["quiz"]
    title: Line
    intro: str = ""
    pass_mark: Annotated[int, Field(ge=0, le=100)] = 70
    """Per cent of the questions."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    comes_back: Annotated[int, Field(ge=0, le=10)] = 2
    """After how many lessons a missed question is asked once more; 0: never."""
    questions: Annotated[tuple[QuizQuestion, ...], Field(min_length=1)]


class Poll(Model):
    """One question on a scale from 1."""

    kind: Literal["poll"]
    title: Line
    prompt: Line
    scale: Annotated[int, Field(ge=3, le=10)] = 5
    low: Line
    high: Line
    compares: Key | None = None
    """An earlier poll with the same scale, shown beside the answer."""


class Fixed(Model):
    """A cell of a matrix that nobody may change."""

    row: Key
    column: Key
    choice: Key
    when: Line | None = None


class CharterQuestion(Model):
    """`text`, `number`, `yes_no`; `choice` and `choices` of `choices`; `table` with `columns`;
    `matrix` of `rows` × `columns`, a choice in each cell."""

    key: Key
    type: Literal["text", "number", "yes_no", "choice", "choices", "table", "matrix"]
    prompt: Line
    help: str = ""
    choices: tuple[Option, ...] = ()
    columns: tuple[Option, ...] = ()
    rows: tuple[Option, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    default: str | bool | int | tuple[str, ...] | tuple[tuple[str, ...], ...] | None = None
    """Proposed until the person says otherwise: text, key of a choice, keys, or rows of a table or matrix."""
    required: bool = False
    when: Line | None = None


class CharterSection(Model):
    key: Key
    title: Line
    intro: str = ""
    questions: Annotated[tuple[CharterQuestion, ...], Field(min_length=1)]


class Part(Model):
    """A piece of an article: a text, or the answer to a question drawn as a list or a table."""

    text: Prose | None = None
    """Markdown; `{{ answers.KEY }}` stands for a text, number or choice of this charter."""
    answer: Key | None = None
    when: Line | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Part":
        if (self.text is None) == (self.answer is None):
            raise ValueError("un passage a « text » ou « answer », l'un des deux")
        return self


class Article(Model):
    key: Key
    title: Line
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    when: Line | None = None


class Charter(Model):
    """Questions by section, and the articles that the answers make."""

    kind: Literal["charter"]
    title: Line
    intro: str = ""
    document: Line
    """The title printed on the charter."""
    company: Key | None = None
    """The question that asks for the company's name; proposed there is what the person told at sign-up."""
    sections: Annotated[tuple[CharterSection, ...], Field(min_length=1)]
    articles: Annotated[tuple[Article, ...], Field(min_length=1)]
    note: str = ""
    """At the foot of each page of the charter."""

    @property
    def questions(self) -> tuple[CharterQuestion, ...]:
        return tuple(question for section in self.sections for question in section.questions)


class Agreement(Model):
    """ "Read and agreed": the charter in force of the learner's company."""

    kind: Literal["agreement"]
    title: Line
    prompt: Prose
    charter: Key
    """The key of the charter, in this course or in the one that the company's head follows."""


Activity = Checkin | Diagnostic | Quiz | Poll | Charter | Agreement
ActivityFile = Annotated[Activity, Field(discriminator="kind")]


def question_keys(activity: Activity) -> frozenset[str]:
    """The questions of an activity, as conditions name them: `answers.<activity>.<question>`."""
    match activity:
        case Diagnostic() | Quiz() | Charter():
            return frozenset(question.key for question in activity.questions)
        case Poll():
            return frozenset({"value"})
        case Checkin():
            return frozenset({"done", "minutes"})
    return frozenset({"agreed"})


def axis_keys(activity: Activity) -> frozenset[str]:
    """The scores of an activity, as conditions name them: `score.<activity>.<axis>`, in per cent."""
    match activity:
        case Diagnostic():
            return frozenset({"total", *(axis.key for axis in activity.axes)})
        case Quiz():
            return frozenset({"total"})
    return frozenset()
