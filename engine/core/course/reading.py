"""From an author's files to a `Course`, or to every problem at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pydantic import TypeAdapter

from engine.core import calendar
from engine.core.course import checks, grammar, markup, yamlfile
from engine.core.course.model import Activity, Course, Lesson, Letter
from engine.core.course.yamlfile import Problem

_COURSE: TypeAdapter[grammar.CourseFile] = TypeAdapter(grammar.CourseFile)
_LESSON: TypeAdapter[grammar.LessonFile] = TypeAdapter(grammar.LessonFile)
_ACTIVITY: TypeAdapter[Activity] = TypeAdapter(grammar.ActivityFile)
LESSON_PATH = re.compile(r"^lessons/([0-9]{1,4})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md$")
ACTIVITY_PATH = re.compile(r"^activities/([a-z0-9]+(?:-[a-z0-9]+)*)\.ya?ml$")
_TEMPLATE_PATH = re.compile(r"^documents/([a-z0-9]+(?:-[a-z0-9]+)*)\.docx$")
# No letter, no space: what a text mail, a header or YAML cannot carry.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """What came of reading: a course when there is no error, and the problems in order of place."""

    course: Course | None
    problems: tuple[Problem, ...]
    sketch: Course | None = None
    """The course as far as it could be read, to show an author what he is writing; never to be published."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "error")


@dataclass
class _Reader:
    files: Mapping[str, bytes]
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, yamlfile.Loaded] = field(default_factory=dict)
    """By file, where its fields stand."""

    def text(self, path: str) -> str | None:
        try:
            text = self.files[path].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.files[path][: error.start].count(b"\n") + 1
            self.error(path, line, "le fichier n'est pas en UTF-8", "enregistrez-le en UTF-8")
            return None
        for found in CONTROL.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            self.error(path, line, f"caractère interdit (U+{ord(found[0]):04X})", "effacez-le")
        return CONTROL.sub("\ufffd", text)

    def error(self, path: str, line: int, cause: str, cure: str) -> None:
        self.problems.append(Problem(path, line, cause, cure))

    def document(self, text: str, *, path: str, first_line: int, language: str) -> markup.Document:
        document = markup.parse(text, language=language)
        for oddity in document.oddities:
            self.error(path, first_line + oddity.line - 1, oddity.cause, oddity.cure)
        return document


def read(files: Mapping[str, bytes], *, slug: str) -> Reading:
    """Read a course's files (path inside the course → bytes). Never raises for what an author wrote."""
    reader = _Reader(files)
    course = _course(reader, slug)
    reader.problems += checks.problems(course, checks.Written(files, reader.places))
    problems = tuple(sorted(set(reader.problems)))
    failed = any(problem.level == "error" for problem in problems)
    return Reading(None if failed else course, problems, course)


def _course(reader: _Reader, slug: str) -> Course:
    """The course as far as it can be read: what is wrong has something else in its place."""
    if not re.fullmatch(grammar.KEY, slug):
        reader.error("course.yaml", 1, f"dossier « {slug} »", "nommez-le en minuscules, chiffres et tirets")
    header, loaded = _header(reader)
    modules = {module.key: module for module in header.modules}
    language = header.language
    areas = {area.key: area for area in header.areas}
    lessons = _lessons(reader, modules, areas, language)
    activities = _activities(reader)

    def document(text: str, *at: str) -> markup.Document:
        first = loaded.texts.get(at, 1)
        return reader.document(text, path="course.yaml", first_line=first, language=language)

    def letter(name: str, written: grammar.Letter) -> Letter:
        return Letter(written.subject, document(written.text, name, "text"))

    return Course(
        slug=slug,
        title=header.title,
        language=language,
        summary=header.summary,
        description=document(header.description, "description"),
        sender=header.sender,
        tutor=header.tutor,
        slot=header.slot,
        rules=_rules(reader, header, loaded),
        cohorts=tuple(sorted(header.cohorts)),
        modules=header.modules,
        areas=header.areas,
        areas_note=header.areas_note,
        team=header.team,
        certificate=header.certificate,
        welcome=letter("welcome", header.welcome),
        farewell=letter("farewell", header.farewell),
        lessons=lessons,
        activities=activities,
        templates={
            found[1]: data for path, data in reader.files.items() if (found := _TEMPLATE_PATH.match(path))
        },
        images={path: data for path, data in reader.files.items() if path.startswith("images/")},
    )


_SPARE_LETTER = {"subject": "…", "text": "…"}
_SPARE_LESSON = {"subject": "…", "module": grammar.UNREAD}
_SPARE_COURSE = {
    **dict.fromkeys(("title", "summary", "description"), "…"),
    "slot": "mon 08:00",
    "modules": [{"key": grammar.UNREAD, "title": "…"}],
    "welcome": _SPARE_LETTER,
    "farewell": _SPARE_LETTER,
}


def _header(reader: _Reader) -> tuple[grammar.CourseFile, yamlfile.Loaded]:
    nothing = _COURSE.validate_python(_SPARE_COURSE), yamlfile.Loaded(None, {}, {})
    if "course.yaml" not in reader.files:
        reader.error("course.yaml", 1, "fichier absent", "créez-le (« parcours course new » en donne un)")
        return nothing
    text = reader.text("course.yaml")
    if text is None:
        return nothing
    found = yamlfile.read(text, _COURSE, path="course.yaml", spare=_SPARE_COURSE)
    reader.problems += found.problems
    reader.places["course.yaml"] = found.loaded
    return found.usable or nothing[0], found.loaded


def _rules(reader: _Reader, header: grammar.CourseFile, loaded: yamlfile.Loaded) -> calendar.Rules:
    if header.calendar not in calendar.calendars():
        cause = f"« calendar » : calendrier « {header.calendar[:40]} » inconnu"
        cure = "écrivez un code comme FR, FR-6AE, FR-57, FR-974 ou BE"
        reader.error("course.yaml", loaded.line(("calendar",)), cause, cure)
    if not calendar.SLOT.fullmatch(header.slot):
        cause = f"« slot » : « {header.slot} » n'est pas un créneau"
        reader.error("course.yaml", loaded.line(("slot",)), cause, "écrivez par exemple « tue 08:30 »")
    rules = calendar.Rules(
        calendar=header.calendar,
        working_days=frozenset(calendar.Weekday[name.upper()] for name in header.working_days),
        closings=tuple(calendar.Closing(p.first, p.last, p.label) for p in header.closing_periods),
        closed_days=header.closed_days,
        min_gap_days=header.min_gap_days,
        too_late_days=header.too_late_days,
        pace=header.pace,
    )
    _closings(reader, rules, loaded)
    return rules


def _closings(reader: _Reader, rules: calendar.Rules, loaded: yamlfile.Loaded) -> None:
    """Each period ends after it begins, and together they leave an open day near enough to be found."""
    most = calendar.LONGEST_CLOSING.days
    told: date | None = None
    for index, period in sorted(enumerate(rules.closings), key=lambda each: each[1].first):
        line = loaded.line(("closing_periods", index))
        if period.last < period.first:
            reader.error("course.yaml", line, "une fermeture finit avant de commencer", "échangez from et to")
        elif rules.calendar in calendar.calendars() and (told is None or period.first > told):
            days = calendar.days_closed(period.first, rules)
            if days > most:
                cause = f"plus de {most} jours d'affilée sans jour ouvert : aucune date pour une leçon"
                reader.error("course.yaml", line, cause, "raccourcissez la fermeture, ou rouvrez un jour")
                told = period.first + timedelta(days=days - 1)


def _lessons(
    reader: _Reader, modules: Mapping[str, grammar.Module], areas: Mapping[str, grammar.Area], language: str
) -> tuple[Lesson, ...]:
    paths = []
    for path in reader.files:
        if found := LESSON_PATH.match(path):
            paths.append((int(found[1]), path, found[2]))
        elif path.startswith("lessons/"):
            reader.error(path, 1, "nom de fichier inattendu", "nommez-le comme « 03-besoins.md »")
    if not paths:
        reader.error("course.yaml", 1, "aucune leçon", "ajoutez lessons/01-….md")
    lessons: list[Lesson] = []
    numbers: dict[int, str] = {}
    keys: dict[str, str] = {}
    for number, path, key in sorted(paths):
        for seen, what in ((numbers.setdefault(number, path), "numéro"), (keys.setdefault(key, path), "clé")):
            if seen != path:
                reader.error(path, 1, f"même {what} que {seen}", "renommez l'un des deux fichiers")
        lesson = _lesson(reader, path, key, len(lessons) + 1, modules, areas, language)
        if lesson is not None:
            lessons.append(lesson)
    return tuple(lessons)


def _lesson(
    reader: _Reader,
    path: str,
    key: str,
    number: int,
    modules: Mapping[str, grammar.Module],
    areas: Mapping[str, grammar.Area],
    language: str,
) -> Lesson | None:
    text = reader.text(path)
    if text is None:
        return None
    matter = FRONT_MATTER.match(text)
    if matter is None:
        reader.error(path, 1, "pas d'en-tête", "commencez par « --- », les champs, puis « --- »")
        return None
    found = yamlfile.read(matter[1], _LESSON, path=path, first_line=2, spare=_SPARE_LESSON)
    header, loaded = found.usable, found.loaded
    reader.problems += found.problems
    reader.places[path] = loaded
    body, first_line = text[matter.end() :], matter[0].count("\n") + 1
    document = reader.document(body, path=path, first_line=first_line, language=language)
    if header is None:
        return None
    if header.key not in (None, key):
        reader.error(
            path, loaded.line(("key",)), f"clé « {header.key} » ≠ nom du fichier", f"écrivez « {key} »"
        )
    if header.module not in modules and not {header.module, *modules} & {grammar.UNREAD}:
        line, names = loaded.line(("module",)), ", ".join(modules)
        reader.error(path, line, f"module « {header.module} » inconnu", f"choisissez parmi {names}")
    module = modules.get(header.module, grammar.Module(key=header.module, title=header.module))
    if header.area and header.area not in areas:
        line = loaded.line(("area",))
        reader.error(path, line, f"volet « {header.area} » inconnu", f"choisissez parmi {', '.join(areas)}")
    return Lesson(
        key=key,
        number=number,
        path=path,
        subject=header.subject,
        module=module,
        area=areas.get(header.area or ""),
        minutes=header.minutes,
        delay=header.delay,
        when=header.when,
        requires=header.requires,
        sources=header.sources,
        review_by=header.review_by,
        draft=header.draft,
        body=body,
        document=document,
    )


def _activities(reader: _Reader) -> dict[str, Activity]:
    activities: dict[str, Activity] = {}
    for path in sorted(reader.files):
        if not path.startswith("activities/"):
            continue
        found = ACTIVITY_PATH.match(path)
        if found is None:
            reader.error(path, 1, "nom de fichier inattendu", "nommez-le comme « point-1.yaml »")
            continue
        text = reader.text(path)
        if text is None:
            continue
        read = yamlfile.read(text, _ACTIVITY, path=path)
        reader.problems += read.problems
        reader.places[path] = read.loaded
        if found[1] in activities:
            reader.error(path, 1, "même clé qu'une autre activité", "renommez l'un des deux fichiers")
        if read.model is not None:
            activities[found[1]] = read.model
    return {key: _resolved(activity, activities) for key, activity in activities.items()}


def _resolved(activity: Activity, activities: Mapping[str, Activity]) -> Activity:
    """A diagnostic that repeats another has that one's questions."""
    if not isinstance(activity, grammar.Diagnostic) or activity.repeats is None:
        return activity
    first = activities.get(activity.repeats)
    if not isinstance(first, grammar.Diagnostic) or first.repeats is not None:
        return activity
    own = {"title": activity.title, "intro": activity.intro, "repeats": activity.repeats}
    return first.model_copy(update=own)
