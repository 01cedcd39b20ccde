"""What can be wrong in a course whose files are each right by themselves."""

import re
from collections.abc import Iterator, Mapping

from engine.core.course import grammar, markup
from engine.core.course.checks import activities
from engine.core.course.checks.written import Written, condition, known
from engine.core.course.model import Course, Lesson
from engine.core.course.yamlfile import Problem

__all__ = ["SLOTS", "Written", "problems"]

SLOTS = ("learner.first_name", "learner.company", "course.title", "tutor.name")
"""What `{{ … }}` may name in an author's text."""

PAGES = ("parcours", "equipe", "documents")
"""What `page:…` in a link may lead to: the learner's course, team, and documents."""

_IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".gif")


def problems(course: Course, written: Written) -> Iterator[Problem]:
    for lesson in course.lessons:
        yield from _lesson(lesson, course, written)
    for at, document in _letters(course).items():
        offset = written.places["course.yaml"].texts.get(at, 1) - 1 if "course.yaml" in written.places else 0
        yield from _document(document, course, written, path="course.yaml", offset=offset, sources=())
    for name, letter in (("welcome", course.welcome), ("farewell", course.farewell)):
        yield from _fixed(letter.subject, "course.yaml", written.line("course.yaml", name, "subject"))
    for index, key in enumerate(course.certificate.requires if course.certificate else ()):
        if key not in written.keys("activities/"):
            line = written.line("course.yaml", "certificate", "requires", index)
            cause = f"activité « {key} » inconnue"
            yield Problem("course.yaml", line, cause, known("activités", course.activities))
    for key, activity in course.activities.items():
        yield from activities.problems(key, activity, course.activities, written)
    for key in course.templates:
        if not isinstance(course.activities.get(key), grammar.Charter):
            cause = f"modèle Word sans charte « {key} »"
            charters = [key for key, each in course.activities.items() if isinstance(each, grammar.Charter)]
            yield Problem(f"documents/{key}.docx", 1, cause, known("chartes", charters))
    if len(course.lessons) == len(written.keys("lessons/")):
        yield from _order(course, written)


def _letters(course: Course) -> dict[tuple[str, ...], markup.Document]:
    return {
        ("description",): course.description,
        ("welcome", "text"): course.welcome.document,
        ("farewell", "text"): course.farewell.document,
    }


def _lesson(lesson: Lesson, course: Course, written: Written) -> Iterator[Problem]:
    path = lesson.path
    offset = written.files[path].count(b"\n") - lesson.body.count("\n")
    if not markup.words(lesson.document):
        yield Problem(path, offset + 1, "leçon sans texte", "écrivez-la, ou retirez le fichier")
    if lesson.draft:
        line = written.line(path, "draft")
        yield Problem(path, line, "brouillon", "relisez-la, puis retirez « draft: true »", "warning")
    if lesson.when:
        yield from condition(lesson.when, course.activities, written, path, written.line(path, "when"))
    if lesson.requires and lesson.requires.activity not in written.keys("activities/"):
        cause = f"activité « {lesson.requires.activity} » inconnue"
        line = written.line(path, "requires", "activity")
        yield Problem(path, line, cause, known("activités", course.activities))
    yield from _fixed(lesson.subject, path, written.line(path, "subject"))
    sources = tuple(source.id for source in lesson.sources)
    yield from _document(lesson.document, course, written, path=path, offset=offset, sources=sources)


def _fixed(text: str, path: str, line: int) -> Iterator[Problem]:
    """What is wrong in a subject: a line with slots and nothing else."""
    for slot in _SLOT.findall(text):
        if slot not in SLOTS:
            yield _unknown_slot(slot, path, line)
    if re.search(r"\{\{|\}\}|\{%", _SLOT.sub("", text)):
        yield Problem(path, line, "accolades sans emplacement", "écrivez « {{ learner.first_name }} »")


_TAG = re.compile(r"</?([a-zA-Z][\w-]*)(?=[\s/>])")
_SLOT = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def _document(
    document: markup.Document,
    course: Course,
    written: Written,
    *,
    path: str,
    offset: int,
    sources: tuple[str, ...],
) -> Iterator[Problem]:
    for block in markup.walk(document.blocks):
        line = offset + block.line
        match block:
            case markup.If():
                yield from condition(block.condition, course.activities, written, path, line)
            case markup.KeyFigure() if block.source not in sources:
                cause = f"source « {block.source} » absente de l'en-tête"
                yield Problem(path, line, cause, "ajoutez-la aux « sources » de la leçon")
            case markup.Button():
                yield from _link(block.href, course, written, path, line)
            case markup.Question() if block.activity and block.activity not in written.keys("activities/"):
                cause = f"activité « {block.activity} » inconnue"
                yield Problem(path, line, cause, known("activités", course.activities))
            case markup.Image():
                yield from _image(block, written.files, path, line)
            case markup.Heading() if block.level == 1:
                yield Problem(path, line, "titre de niveau 1", "le sujet en tient lieu : écrivez « ## »")
        for text in _captions(block):
            if "{{" in text:
                cause = f"« {text[:40]} » est écrit tel quel, sans remplir les emplacements"
                yield Problem(path, line, cause, "mettez l'emplacement dans le texte")
            yield from _tags(text, path, line)
        yield from _inline(markup.inlines(block), course, written, path, offset)


def _captions(block: markup.Block) -> tuple[str, ...]:
    """The words of a block that are no running text."""
    match block:
        case markup.Callout():
            return (block.title,)
        case markup.KeyFigure():
            return (block.value,)
        case markup.Image():
            return (block.alt, block.title)
    return ()


def _inline(
    inline: markup.Inline, course: Course, written: Written, path: str, offset: int
) -> Iterator[Problem]:
    for piece in markup.flatten(inline):
        match piece:
            case markup.Slot() if piece.name not in SLOTS:
                yield _unknown_slot(piece.name, path, offset + piece.line)
            case markup.Link():
                yield from _link(piece.href, course, written, path, offset + piece.line)
            case markup.Text():
                yield from _tags(piece.text, path, offset + piece.line)


def _tags(text: str, path: str, line: int) -> Iterator[Problem]:
    for tag in _TAG.findall(text):
        name = "élément" if tag.startswith("mj-") else "balise HTML"
        yield Problem(path, line, f"{name} « {tag} » inconnu ici", "écrivez-le en Markdown")


def _unknown_slot(name: str, path: str, line: int) -> Problem:
    return Problem(path, line, f"emplacement « {name} » inconnu", f"choisissez parmi {', '.join(SLOTS)}")


def _link(href: str, course: Course, written: Written, path: str, line: int) -> Iterator[Problem]:
    scheme, _, target = href.partition(":")
    if scheme == "lecon":
        if target not in written.keys("lessons/"):
            keys = [lesson.key for lesson in course.lessons]
            yield Problem(path, line, f"lien vers la leçon « {target} » inconnue", known("leçons", keys))
    elif scheme == "page":
        if target not in PAGES:
            yield Problem(path, line, f"page « {target} » inconnue", known("pages", PAGES))
    elif scheme == "activite":
        if target not in written.keys("activities/"):
            cause = f"lien vers l'activité « {target} » inconnue"
            yield Problem(path, line, cause, known("activités", course.activities))
    elif href and not _ADDRESS.match(href):
        cause = f"lien « {href[:60]} » que personne ne peut suivre"
        yield Problem(path, line, cause, "écrivez https://…, lecon:CLE, activite:CLE ou page:NOM")


# Braces: a slot in an address is not filled.
_ADDRESS = re.compile(r"^(https?://[^\s/{}]+(?!.*(\{\{|%7B%7B))|mailto:[^\s@]+@\S+$)", re.IGNORECASE)


def _image(image: markup.Image, files: Mapping[str, bytes], path: str, line: int) -> Iterator[Problem]:
    if not image.src.startswith("images/") or image.src not in files:
        yield Problem(path, line, f"image « {image.src} » absente", "déposez-la dans images/")
    elif not image.src.lower().endswith(_IMAGE_TYPES):
        yield Problem(path, line, f"image « {image.src} »", "les messageries lisent PNG, JPEG et GIF")
    if not image.alt.strip():
        yield Problem(path, line, "image sans texte de remplacement", "écrivez ![ce que l'on voit](…)")


def _order(course: Course, written: Written) -> Iterator[Problem]:
    """Modules come in their order, each in one piece; a gate's activity was met before."""
    places = {module.key: index for index, module in enumerate(course.modules)}
    furthest, met = 0, set[str]()
    for lesson in course.lessons:
        place = places.get(lesson.module.key, furthest)
        if place < furthest:
            line = written.line(lesson.path, "module")
            yield Problem(lesson.path, line, "leçon d'un module déjà fini", "renumérotez les leçons")
        furthest = max(furthest, place)
        gate = lesson.requires.activity if lesson.requires else None
        if gate in written.keys("activities/") and gate not in met:
            line = written.line(lesson.path, "requires", "activity")
            cause = f"« {gate} » n'est proposée par aucune leçon précédente"
            yield Problem(lesson.path, line, cause, "mettez-y un « :::bouton activite:… »")
        met |= set(lesson.activities)
    used = {lesson.module.key for lesson in course.lessons}
    if grammar.UNREAD in used | set(places):
        return
    seen = set[str]()
    for index, module in enumerate(course.modules):
        line = written.line("course.yaml", "modules", index)
        if module.key in seen:
            cause = f"module « {module.key} » écrit deux fois"
            yield Problem("course.yaml", line, cause, "donnez-lui une autre clé")
        elif module.key not in used:
            cause = f"module « {module.key} » sans leçon"
            yield Problem("course.yaml", line, cause, "ajoutez-en une", "warning")
        seen.add(module.key)
