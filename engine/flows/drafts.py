"""An author's desk: finding a course on disk, a new one to begin with, and a course lived on paper."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError
from pydantic.json_schema import models_json_schema

from engine import paths
from engine.core import calendar, errors, progress, simulation
from engine.core.course import checks, conditions, grammar, markup, model, reading, starters
from engine.flows import catalog


def locate(name: str) -> Path:
    """A course's folder, from its path or from the slug of a bundled one. Raises `errors.NotFound`."""
    for candidate in (Path(name), paths.courses() / name):
        if (candidate / "course.yaml").is_file():
            return candidate.resolve()
    if Path(name).is_dir():
        return Path(name).resolve()
    raise errors.NotFound(f"{name} : ni un dossier de parcours, ni un parcours livré avec Parcours.")


def read(path: Path) -> model.Course:
    """A course from disk. Raises `errors.Invalid` with every problem."""
    found = reading.read(catalog.read_directory(path), slug=path.name)
    if found.course is None:
        raise errors.Invalid("\n".join(str(problem) for problem in found.errors))
    return found.course


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    start: str
    slot: str
    zone: str
    calendar: str = ""
    pause: str = ""
    """`FROM..TO`, both included."""
    silent: bool = False
    days_after: int = 0
    """Days after its lesson at which an activity is done that `answers` does not name."""
    answers: Mapping[str, Any] | None = None


def simulate(course: model.Course, plan: Plan) -> list[dict[str, str]]:
    """Every mail with its date and the reason for each shift. Raises `errors.Invalid`."""
    return [_row(each, plan.zone) for each in live(course, plan)]


def live(course: model.Course, plan: Plan) -> Iterator[simulation.Expected]:
    """Every mail that one learner would get. Raises `errors.Invalid`."""
    slot = calendar.Slot.parse(plan.slot or course.slot, plan.zone)
    if plan.calendar:
        calendar.check_calendar(plan.calendar)
    rules = course.rules.with_region(plan.calendar)
    begins = _start(plan.start, plan.zone)
    return simulation.run(
        course,
        progress.begin(begins, plan.zone),
        _learner(plan),
        slot,
        rules,
        pause=_pause(plan.pause),
    )


def _row(each: simulation.Expected, zone: str) -> dict[str, str]:
    return {
        "lesson": each.mail.key,
        "kind": each.mail.kind,
        "at_utc": each.due.at.isoformat().replace("+00:00", "Z"),
        "at_local": calendar.local(each.due.at, zone).isoformat(),
        "reason": each.due.reason,
    }


def _start(text: str, zone: str) -> datetime:
    """A start without zone is in the learner's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise errors.Invalid(f"--start: “{text}” is not a moment; write 2027-03-22T10:00.") from None
    if not 1990 <= found.year <= 2100:
        raise errors.Invalid("--start: choose a year between 1990 and 2100.")
    return found if found.tzinfo else calendar.to_utc(found.date(), found.time(), zone)


def _pause(text: str) -> tuple[date, date] | None:
    if not text:
        return None
    first, _, last = text.partition("..")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise errors.Invalid(f"--pause: “{text}” is not FROM..TO, as in 2027-08-02..2027-08-22.") from None
    if days[1] < days[0]:
        raise errors.Invalid("--pause: it ends before it begins.")
    return days


def facts(course: model.Course) -> list[dict[str, str]]:
    """Every source that a course cites, lesson by lesson, for the yearly review."""
    return [
        {
            "lesson": lesson.key,
            "id": source.id,
            "title": source.title,
            "publisher": source.publisher,
            "date": source.date,
            "reliability": source.reliability,
            "url": source.url,
            "review_by": lesson.review_by.isoformat() if lesson.review_by else "",
        }
        for lesson in course.lessons
        for source in lesson.sources
    ]


class _Answered(grammar.Model):
    after: int | None = 0
    """Days after the lesson; null: never."""
    answers: dict[str, Any] = Field(default_factory=dict)


class _Answers(grammar.Model):
    """The file of `--answers`."""

    learner: dict[str, Any] = Field(default_factory=dict)
    activities: dict[str, _Answered | None] = Field(default_factory=dict)


def read_answers(path: Path) -> Mapping[str, Any]:
    """A YAML or JSON file of answers. Raises `errors.Invalid`, `errors.NotFound`."""
    try:
        found = yaml.safe_load(path.read_text())
        return _Answers.model_validate(found or {}).model_dump()
    except OSError as error:
        raise errors.NotFound(f"--answers: {path}: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "the file"
        raise errors.Invalid(f"--answers: {path}: {at}: {first['msg']}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise errors.Invalid(f"--answers: {path}: {' '.join(str(error).split())}.") from None


def _learner(plan: Plan) -> simulation.Learner:
    written = plan.answers or {}
    activities = {key: value or {"after": None} for key, value in written.get("activities", {}).items()}
    return simulation.Learner(
        about={"first_name": "", "company": "", "size": 0, "region": plan.calendar}
        | written.get("learner", {}),
        answers={key: value["answers"] for key, value in activities.items() if value.get("answers")},
        days={key: value.get("after") for key, value in activities.items()},
        days_after=plan.days_after,
        silent=plan.silent,
    )


def scaffold(path: Path) -> list[Path]:
    """Write a small course that passes `check`. Raises `errors.Conflict` rather than overwrite."""
    if path.exists() and any(path.iterdir()):
        raise errors.Conflict(f"{path} : ce dossier n'est pas vide.")
    written = []
    for name, text in starters.COURSE.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        written.append(file)
    return written


def schema() -> dict[str, Any]:
    """The grammar as one JSON Schema, for editors; beside it the names that texts may use."""
    models = (
        grammar.CourseFile,
        grammar.LessonFile,
        grammar.Checkin,
        grammar.Diagnostic,
        grammar.Quiz,
        grammar.Poll,
        grammar.Charter,
        grammar.Agreement,
    )
    places, definitions = models_json_schema(
        [(each, "validation") for each in models], title="The files of a Parcours course"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **definitions,
        "anyOf": list(places.values()),
        "x-slots": list(checks.SLOTS),
        "x-blocks": list(markup.BLOCKS),
        "x-conditions": [
            *(f"learner.{name}" for name in conditions.FIELDS),
            "answers.ACTIVITY.QUESTION",
            "score.ACTIVITY.AXIS",
        ],
    }


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a course's files, byte for byte. Raises `errors.Conflict` rather than overwrite."""
    if path.exists() and any(path.iterdir()):
        raise errors.Conflict(f"{path} : ce dossier n'est pas vide.")
    root = path.resolve()
    for name, data in files.items():
        file = (root / name).resolve()
        if not file.is_relative_to(root):
            raise errors.Invalid(f"{name} : ce chemin sort du dossier du parcours.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
