"""The result of a diagnostic, on paper: where the company stands, what to do next, and what was answered."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.core import charter, scoring, typography, words
from engine.core.course import markup
from engine.documents import pdf as pdfs


@dataclass(frozen=True)
class Answer:
    axis: str
    """The title of its axis; "" for a question that no score counts."""
    question: str
    answer: str
    """In words."""


@dataclass(frozen=True)
class Report:
    """All texts of the author as they stand in the course's files."""

    title: str
    course: str
    first_name: str
    company: str
    on: date
    """The day it was answered."""
    language: str
    diagnosis: scoring.Diagnosis
    note: str
    answers: tuple[Answer, ...] = ()
    """Those of one axis stand together."""
    earlier: tuple[date, scoring.Diagnosis] | None = None
    """The result to compare with, and its day."""


def pdf(report: Report) -> bytes:
    draw = _Drawing(report)
    title = draw.typeset(report.title)
    return pdfs.made("report", draw.data(), title=title, language=report.language, on=report.on)


class _Drawing:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._say = words.gettext(report.language)
        self.typeset = typography.french if report.language == "fr" else str

    def data(self) -> dict[str, Any]:
        report, say = self._report, self._say
        return {
            "course": self.typeset(report.course),
            "who": [report.first_name, report.company, self._date(report.on)],
            "total": {"label": say("Total"), "percent": self._percent(report.diagnosis.total)},
            "level": self._headed(report.diagnosis.level.title, report.diagnosis.level.text),
            "before": self._before(),
            "axes": self._axes(),
            "alerts": {
                "heading": say("À voir tout de suite"),
                "items": [self._headed(each.title, each.text) for each in report.diagnosis.alerts],
            },
            "priorities": {
                "heading": say("Vos priorités"),
                "items": [self._headed(each.title, each.text) for each in report.diagnosis.priorities],
            },
            "unknown": {
                "heading": say("À vérifier"),
                "text": say("Vous avez répondu « je ne sais pas » à ces questions."),
                "items": [self.typeset(each) for each in report.diagnosis.unknown],
            },
            "answers": {"heading": say("Vos réponses"), "groups": list(self._groups())},
            "note": self._passages(report.note),
            "page": say("page {number} sur {count}"),
        }

    def _before(self) -> str:
        if self._report.earlier is None:
            return ""
        on, diagnosis = self._report.earlier
        said = self._say("Le {date}, votre total était de {percent}.")
        return said.format(date=self._date(on), percent=self._percent(diagnosis.total))

    def _axes(self) -> dict[str, Any]:
        head = [self._say("Axe"), self._date(self._report.on)]
        before: dict[str, int] = {}
        if self._report.earlier is not None:
            on, diagnosis = self._report.earlier
            head.append(self._date(on))
            before = {axis.key: axis.percent for axis in diagnosis.axes}
        return {
            "head": head,
            "rows": [
                {
                    "title": self.typeset(axis.title),
                    "marks": [self._mark(axis.percent)]
                    + ([self._mark(before.get(axis.key))] if self._report.earlier else []),
                }
                for axis in self._report.diagnosis.axes
            ],
        }

    def _mark(self, percent: int | None) -> dict[str, Any]:
        return {"value": percent or 0, "text": "–" if percent is None else self._percent(percent)}

    def _groups(self) -> Iterator[dict[str, Any]]:
        for axis, answers in itertools.groupby(self._report.answers, key=lambda each: each.axis):
            yield {
                "title": self.typeset(axis) if axis else self._say("Hors score"),
                "answers": [[self.typeset(each.question), self.typeset(each.answer)] for each in answers],
            }

    def _headed(self, title: str, text: str) -> dict[str, Any]:
        return {"title": self.typeset(title), "text": self._passages(text)}

    def _passages(self, text: str) -> list[dict[str, Any]]:
        values = {
            "learner.first_name": self._report.first_name,
            "learner.company": self._report.company,
        }
        document = markup.parse(text, language=self._report.language)
        return pdfs.passages(charter.passages(document, lambda name: values.get(name, "")))

    def _percent(self, value: int) -> str:
        return words.percent(value, self._report.language)

    def _date(self, value: date) -> str:
        return words.dated(value, self._report.language)
