"""What can be wrong in a course whose files are each right by themselves."""

import re
from collections.abc import Iterable, Iterator, Mapping

from engine.core import errors
from engine.core.course import conditions, grammar, markup
from engine.core.course.model import Activity, Course, Lesson
from engine.core.course.yamlfile import Problem

SLOTS = ("learner.first_name", "learner.company", "course.title", "tutor.name")
"""What `{{ … }}` may name in an author's text."""

_IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".gif")


def problems(course: Course, files: Mapping[str, bytes]) -> Iterator[Problem]:
    for lesson in course.lessons:
        yield from _lesson(lesson, course, files)
    for name, document in _letters(course).items():
        line = _line_of(files, "course.yaml", f"{name}:")
        yield from _document(document, course, files, path="course.yaml", offset=line, sources=())
    for key, activity in course.activities.items():
        yield from _activity(key, activity, files)
    yield from _order(course, files)


def _letters(course: Course) -> dict[str, markup.Document]:
    return {
        "description": course.description,
        "welcome": course.welcome.document,
        "farewell": course.farewell.document,
    }


def _line_of(files: Mapping[str, bytes], path: str, start: str) -> int:
    """The line on which a field begins; 1 when it is not found."""
    for number, line in enumerate(files.get(path, b"").decode(errors="replace").splitlines(), 1):
        if line.strip().startswith(start):
            return number
    return 1


def _lesson(lesson: Lesson, course: Course, files: Mapping[str, bytes]) -> Iterator[Problem]:
    path = lesson.path
    text = files[path].decode(errors="replace")
    offset = len(text[: len(text) - len(lesson.body)].splitlines())
    if not markup.words(lesson.document):
        yield Problem(path, offset + 1, "leçon sans texte", "écrivez-la, ou retirez le fichier")
    if lesson.draft:
        yield Problem(
            path, _line_of(files, path, "draft:"), "brouillon", "relisez-la puis retirez draft", "warning"
        )
    if lesson.when:
        yield from _condition(lesson.when, course, path, _line_of(files, path, "when:"))
    if lesson.requires and lesson.requires.activity not in course.activities:
        cause = f"activité « {lesson.requires.activity} » inconnue"
        yield Problem(path, _line_of(files, path, "requires:"), cause, _known("activités", course.activities))
    for slot in _SLOT.findall(lesson.subject):
        if slot not in SLOTS:
            yield _unknown_slot(slot, path, _line_of(files, path, "subject:"))
    sources = tuple(source.id for source in lesson.sources)
    yield from _document(lesson.document, course, files, path=path, offset=offset, sources=sources)


_TAG = re.compile(r"</?([a-zA-Z][\w-]*)(?=[\s/>])")
_SLOT = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def _document(
    document: markup.Document,
    course: Course,
    files: Mapping[str, bytes],
    *,
    path: str,
    offset: int,
    sources: tuple[str, ...],
) -> Iterator[Problem]:
    for block in markup.walk(document.blocks):
        line = offset + block.line
        match block:
            case markup.If():
                yield from _condition(block.condition, course, path, line)
            case markup.KeyFigure() if block.source not in sources:
                cause = f"source « {block.source} » absente de l'en-tête"
                yield Problem(path, line, cause, "ajoutez-la aux « sources » de la leçon")
            case markup.Button():
                yield from _link(block.href, course, path, line)
            case markup.Question() if block.activity not in course.activities:
                cause = f"activité « {block.activity} » inconnue"
                yield Problem(path, line, cause, _known("activités", course.activities))
            case markup.Image():
                yield from _image(block, files, path, line)
            case markup.Heading() if block.level == 1:
                yield Problem(path, line, "titre de niveau 1", "le sujet en tient lieu : écrivez « ## »")
        yield from _inline(markup.inlines(block), course, path, line)


def _inline(inline: markup.Inline, course: Course, path: str, line: int) -> Iterator[Problem]:
    for piece in markup.flatten(inline):
        match piece:
            case markup.Slot() if piece.name not in SLOTS:
                yield _unknown_slot(piece.name, path, line)
            case markup.Link():
                yield from _link(piece.href, course, path, line)
            case markup.Text() if tag := _TAG.search(piece.text):
                name = "élément" if tag[1].startswith("mj-") else "balise HTML"
                yield Problem(path, line, f"{name} « {tag[1]} » inconnu ici", "écrivez-le en Markdown")


def _unknown_slot(name: str, path: str, line: int) -> Problem:
    return Problem(path, line, f"emplacement « {name} » inconnu", f"choisissez parmi {', '.join(SLOTS)}")


def _link(href: str, course: Course, path: str, line: int) -> Iterator[Problem]:
    scheme, _, target = href.partition(":")
    if scheme == "lecon":
        if course.lesson(target) is None:
            keys = [lesson.key for lesson in course.lessons]
            yield Problem(path, line, f"lien vers la leçon « {target} » inconnue", _known("leçons", keys))
    elif scheme == "activite":
        if target not in course.activities:
            cause = f"lien vers l'activité « {target} » inconnue"
            yield Problem(path, line, cause, _known("activités", course.activities))
    elif not re.match(r"^(https?://[^\s/]+|mailto:[^\s@]+@\S+$)", href):
        cause = f"lien « {href[:60]} » que personne ne peut suivre"
        yield Problem(path, line, cause, "écrivez https://…, lecon:CLE ou activite:CLE")


def _image(image: markup.Image, files: Mapping[str, bytes], path: str, line: int) -> Iterator[Problem]:
    if not image.src.startswith("images/") or image.src not in files:
        yield Problem(path, line, f"image « {image.src} » absente", "déposez-la dans images/")
    elif not image.src.lower().endswith(_IMAGE_TYPES):
        yield Problem(path, line, f"image « {image.src} »", "les messageries lisent PNG, JPEG et GIF")
    if not image.alt.strip():
        yield Problem(path, line, "image sans texte de remplacement", "écrivez ![ce que l'on voit](…)")


def _condition(condition: str, course: Course, path: str, line: int) -> Iterator[Problem]:
    try:
        names = conditions.names(condition)
    except errors.Invalid as error:
        yield Problem(path, line, str(error), "exemple : learner.size >= 50")
        return
    for name in sorted(names):
        if cure := _unknown_name(name, course.activities):
            yield Problem(path, line, f"la condition nomme « {name} », inconnu", cure)


def _unknown_name(name: str, activities: Mapping[str, Activity]) -> str | None:
    match name.split("."):
        case ["learner", field]:
            return None if field in conditions.FIELDS else _known("champs", conditions.FIELDS)
        case ["answers" | "score" as kind, key, part]:
            activity = activities.get(key)
            if activity is None:
                return _known("activités", activities)
            parts = grammar.question_keys(activity) if kind == "answers" else grammar.axis_keys(activity)
            return None if part in parts else _known("réponses", sorted(parts))
    return "écrivez learner.CHAMP, answers.ACTIVITE.QUESTION ou score.ACTIVITE.AXE"


def _known(what: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{what} du cours : {listed}" if listed else f"le cours n'a pas de {what}"


def _activity(key: str, activity: Activity, files: Mapping[str, bytes]) -> Iterator[Problem]:
    path = f"activities/{key}.yaml"
    path = path if path in files else f"activities/{key}.yml"
    if not isinstance(activity, grammar.Checkin):
        line = _line_of(files, path, "kind:")
        cause = f"une activité « {activity.kind} » est vérifiée mais pas encore jouée"
        yield Problem(path, line, cause, "seuls les points « checkin » se remplissent", "warning")
    for name, keys in _repeatable(activity):
        for double in sorted({key for key in keys if keys.count(key) > 1}):
            line = _line_of(files, path, f"- key: {double}")
            yield Problem(path, line, f"{name} « {double} » écrite deux fois", "donnez-lui une autre clé")
    if isinstance(activity, grammar.Diagnostic):
        axes = {axis.key for axis in activity.axes}
        for question in activity.questions:
            if question.axis not in axes:
                line = _line_of(files, path, f"axis: {question.axis}")
                yield Problem(path, line, f"axe « {question.axis} » inconnu", _known("axes", sorted(axes)))


def _repeatable(activity: Activity) -> Iterator[tuple[str, list[str]]]:
    match activity:
        case grammar.Diagnostic() | grammar.Quiz():
            yield "question", [question.key for question in activity.questions]
            for question in activity.questions:
                yield "réponse", [choice.key for choice in question.choices]
        case grammar.Charter():
            yield "question", [q.key for section in activity.sections for q in section.questions]


def _order(course: Course, files: Mapping[str, bytes]) -> Iterator[Problem]:
    """Modules come in their order, each in one piece; a gate's activity was met before."""
    places = {module.key: index for index, module in enumerate(course.modules)}
    furthest, met = 0, set[str]()
    for lesson in course.lessons:
        place = places.get(lesson.module.key, furthest)
        if place < furthest:
            line = _line_of(files, lesson.path, "module:")
            yield Problem(lesson.path, line, "leçon d'un module déjà fini", "renumérotez les leçons")
        furthest = max(furthest, place)
        gate = lesson.requires.activity if lesson.requires else None
        if gate in course.activities and gate not in met:
            line = _line_of(files, lesson.path, "requires:")
            cause = f"« {gate} » n'est proposée par aucune leçon précédente"
            yield Problem(lesson.path, line, cause, "mettez-y un « :::bouton activite:… »")
        met |= set(lesson.activities)
    used = {lesson.module.key for lesson in course.lessons}
    for module in course.modules:
        if module.key not in used:
            line = _line_of(files, "course.yaml", f"- key: {module.key}")
            yield Problem(
                "course.yaml", line, f"module « {module.key} » sans leçon", "ajoutez-en une", "warning"
            )
