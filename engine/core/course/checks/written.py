"""The files behind a course, where their fields stand, and what several checks ask of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.core import errors
from engine.core.course import conditions, grammar, yamlfile
from engine.core.course.model import Activity
from engine.core.course.yamlfile import Problem


@dataclass(frozen=True)
class Written:
    files: Mapping[str, bytes]
    places: Mapping[str, yamlfile.Loaded]

    def line(self, path: str, *at: str | int) -> int:
        return self.places[path].line(at) if path in self.places else 1

    def keys(self, folder: str) -> frozenset[str]:
        """Of lessons or activities, the unreadable ones too: links to these are not dead."""
        names = (path.removeprefix(folder) for path in self.files if path.startswith(folder))
        return frozenset(re.sub(r"^[0-9]+-(?=.*\.md$)|\.(md|ya?ml)$", "", name) for name in names)


def condition(
    text: str, activities: Mapping[str, Activity], written: Written, path: str, line: int
) -> Iterator[Problem]:
    try:
        names = conditions.names(text)
    except errors.Invalid as error:
        yield Problem(path, line, str(error), "exemple : learner.size >= 50")
        return
    for name in sorted(names):
        if cure := _unknown_name(name, activities, written.keys("activities/")):
            yield Problem(path, line, f"la condition nomme « {name} », inconnu", cure)


def _unknown_name(name: str, activities: Mapping[str, Activity], written: frozenset[str]) -> str | None:
    match name.split("."):
        case ["learner", field]:
            return None if field in conditions.FIELDS else known("champs", conditions.FIELDS)
        case ["answers" | "score" as kind, key, part]:
            activity = activities.get(key)
            if activity is None:
                return None if key in written else known("activités", activities)
            parts = grammar.question_keys(activity) if kind == "answers" else grammar.axis_keys(activity)
            return None if part in parts else known("réponses", sorted(parts))
    return "écrivez learner.CHAMP, answers.ACTIVITE.QUESTION ou score.ACTIVITE.AXE"


def known(what: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{what} du cours : {listed}" if listed else f"le cours n'a pas de {what}"
