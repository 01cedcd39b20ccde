"""A course's files under an author's hands: adding, naming, ordering. What is not named stays byte for byte.

Files go in and come out as path → bytes. A lesson's key is its identity; its number is its place and follows.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import yaml

from engine.core import errors
from engine.core.course import starters
from engine.core.course.reading import ACTIVITY_PATH, CONTROL, FRONT_MATTER, LESSON_PATH

Files = Mapping[str, bytes]
COURSE = "course.yaml"
_KEY_LENGTH = 40


def in_order(files: Collection[str]) -> list[str]:
    """The paths of the lessons, in the order of the course."""
    return sorted(filter(LESSON_PATH.match, files), key=lambda path: (_number(path), path))


def lessons(files: Collection[str]) -> dict[str, str]:
    """The path of each lesson by its key, in the order of the course."""
    found: dict[str, str] = {}
    for path in in_order(files):
        found.setdefault(lesson_key(path), path)
    return found


def lesson_key(path: str) -> str:
    """The key in a lesson's path; "" when it is none."""
    found = LESSON_PATH.match(path)
    return found[2] if found else ""


def _number(path: str) -> int:
    found = LESSON_PATH.match(path)
    return int(found[1]) if found else 0


def activity_key(path: str) -> str:
    """The key in an activity's path; "" when it is none."""
    found = ACTIVITY_PATH.match(path)
    return found[1] if found else ""


def add_lesson(files: Files, title: str, module: str = "", *, used: Collection[str] = ()) -> dict[str, bytes]:
    """A new lesson at the end of `module`, or of the course. Its key is none of `used`.

    Raises `errors.Invalid`.
    """
    subject = _line(title)
    places = lessons(files)
    key = key_of(subject, {*places, *used})
    modules = module_keys(files)
    chosen = module if module in modules else (modules or ["debut"])[-1]
    text = _said(starters.LESSON, _header(starters.LESSON), "module", chosen)
    text = _said(text, _header(text), "subject", subject)
    order = in_order(files)
    after = set(modules[: modules.index(chosen) + 1]) if chosen in modules else set()
    at = 1 + max((index for index, path in enumerate(order) if _module(files[path]) in after), default=-1)
    path = f"lessons/0-{key}.md"
    order.insert(at if after else len(order), path)
    return _numbered({**files, path: text.encode()}, order)


def restore_lesson(files: Files, path: str, data: bytes) -> dict[str, bytes]:
    """A lesson that was taken away, back at its number or as near to it as can be."""
    found = LESSON_PATH.match(path)
    if found is None or found[2] in lessons(files):
        raise errors.Invalid(f"{path} : ce n'est pas le fichier d'une leçon absente.")
    order = in_order(files)
    order.insert(max(0, int(found[1]) - 1), path := f"lessons/0-{found[2]}.md")
    return _numbered({**files, path: data}, order)


def retitle(files: Files, key: str, title: str) -> dict[str, bytes]:
    """The lesson under a new subject. Raises `errors.Invalid`, `errors.NotFound`."""
    path = _place(files, key)
    text = _text(files[path])
    return {**files, path: _said(text, _header(text), "subject", _line(title)).encode()}


def delete_lesson(files: Files, key: str) -> dict[str, bytes]:
    """Without that lesson. Raises `errors.NotFound`."""
    gone = _place(files, key)
    order = [path for path in in_order(files) if path != gone]
    return _numbered({path: data for path, data in files.items() if path != gone}, order)


def step(files: Files, key: str, by: int) -> dict[str, bytes]:
    """A lesson one step up (-1) or down (1): past its neighbour or, at the edge of its module, into the next.

    So a course whose modules come in their order keeps it. At either end of the course nothing changes.
    Raises `errors.NotFound`; `errors.Invalid` when the header of the lesson cannot be read.
    """
    path = _place(files, key)
    order, modules = in_order(files), module_keys(files)
    at, mine = order.index(path), _module(files[path])
    neighbour = order[at + by] if 0 <= at + by < len(order) else ""
    theirs = _module(files[neighbour]) if neighbour else ""
    if neighbour and (theirs == mine or not {mine, theirs} <= {*modules}):
        order[at], order[at + by] = neighbour, path
        return _numbered(files, order)
    into = modules.index(mine) + by if mine in modules else -1
    if not 0 <= into < len(modules):
        return dict(files)
    text = _text(files[path])
    return {**files, path: _said(text, _header(text), "module", modules[into]).encode()}


def add_activity(files: Files, kind: str, title: str) -> tuple[dict[str, bytes], str]:
    """A new activity from the model of its kind, and its path. Raises `errors.Invalid`."""
    if kind not in starters.ACTIVITIES:
        raise errors.Invalid({"kind": "Choisissez le genre de l'activité."})
    used = {activity_key(path) for path in files}
    path = f"activities/{key_of(_line(title), used)}.yaml"
    text = said(starters.ACTIVITIES[kind], "title", _line(title))
    return {**files, path: text.encode()}, path


def new_course(title: str) -> dict[str, bytes]:
    """A small course that passes `check`, under this title. Raises `errors.Invalid`."""
    files = {path: text.encode() for path, text in starters.COURSE.items()}
    return files | {COURSE: said(starters.COURSE[COURSE], "title", _line(title)).encode()}


def module_keys(files: Files) -> list[str]:
    """The modules in their order; nothing where course.yaml cannot be read."""
    try:
        root = yaml.compose(_text(files.get(COURSE, b"")), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, errors.Invalid, RecursionError):
        return []
    modules = _field(root, "modules")
    items = modules.value if isinstance(modules, yaml.SequenceNode) else []
    keys = [_field(item, "key") for item in items]
    return [str(key.value) for key in keys if isinstance(key, yaml.ScalarNode)]


def field(header: bytes, name: str) -> str:
    """What a course.yaml says in one of its first-level fields; "" where that cannot be read."""
    try:
        node = _field(yaml.compose(_text(header), Loader=yaml.SafeLoader), name)
    except (yaml.YAMLError, errors.Invalid, RecursionError):
        return ""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def said(text: str, name: str, value: str) -> str:
    """A YAML text with one of its first-level fields saying `value`; all else as it stands.

    Raises `errors.Invalid` when the YAML cannot be read.
    """
    return _said(text, (0, len(text)), name, value)


def key_of(title: str, used: Collection[str]) -> str:
    """A key for what is called `title`, none of `used`: « Écrire ses règles » → `ecrire-ses-regles`."""
    plain = unicodedata.normalize("NFKD", title.replace("œ", "oe").replace("Œ", "oe"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)).lower())
    base = _short("-".join(words), _KEY_LENGTH) or "sans-titre"
    tried, number = base, 1
    while tried in used:
        number += 1
        tried = f"{_short(base, _KEY_LENGTH - 5)}-{number}"
    return tried


def _short(key: str, longest: int) -> str:
    """As many whole words of a key as fit."""
    if len(key) <= longest:
        return key
    return (key[: longest + 1].rpartition("-")[0] or key[:longest]).strip("-")


def _line(title: str) -> str:
    line = " ".join(CONTROL.sub(" ", title).encode(errors="ignore").decode().split())
    if not line or len(line) > 70:
        raise errors.Invalid({"title": "Écrivez un titre de 70 caractères au plus."})
    return line


def _place(files: Files, key: str) -> str:
    try:
        return lessons(files)[key]
    except KeyError:
        raise errors.NotFound(f"Il n'y a pas de leçon « {key} » dans ce brouillon.") from None


def _numbered(files: Files, order: Sequence[str]) -> dict[str, bytes]:
    """The lessons under the numbers of this order, all other files as they are."""
    width = max(2, len(str(len(order))))
    names = {path: f"lessons/{at:0{width}}-{lesson_key(path)}.md" for at, path in enumerate(order, 1)}
    return {names.get(path, path): data for path, data in files.items()}


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise errors.Invalid("Ce fichier n'est pas en UTF-8.") from None


def _header(text: str) -> tuple[int, int]:
    """From where to where a lesson's fields stand. Raises `errors.Invalid`."""
    found = FRONT_MATTER.match(text.removeprefix("\ufeff"))
    if found is None:
        raise errors.Invalid("L'en-tête de cette leçon ne se lit pas : corrigez-le d'abord.")
    shift = len(text) - len(text.removeprefix("\ufeff"))
    return found.start(1) + shift, found.end(1) + shift


def _module(data: bytes) -> str:
    """The module that a lesson names; "" when that cannot be read."""
    try:
        text = _text(data)
        first, last = _header(text)
        node = _field(yaml.compose(text[first:last], Loader=yaml.SafeLoader), "module")
    except (yaml.YAMLError, errors.Invalid, RecursionError):
        return ""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _said(text: str, between: tuple[int, int], name: str, value: str) -> str:
    first, last = between
    old = text[first:last]
    try:
        new = _written(old, yaml.compose(old, Loader=yaml.SafeLoader), name, value)
        if yaml.safe_load(new)[name] == value:
            return text[:first] + new + text[last:]
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        pass
    raise errors.Invalid("Ces champs ne se lisent pas : corrigez-les d'abord.")


def _written(text: str, node: yaml.Node | None, name: str, value: str) -> str:
    flow = isinstance(node, yaml.MappingNode) and node.flow_style
    style = '"' if flow else None
    shown = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_style=style)
    shown = shown.removesuffix("...\n").strip()
    old = _field(node, name)
    if old is None:
        return f"{name}: {shown}\n{text}"
    # A text written after `|` ends where the next line begins: it takes its own end of line along.
    after = "\n" if text[: old.end_mark.index].endswith("\n") else ""
    before = text[: old.start_mark.index]
    return before + ("" if before.endswith(" ") else " ") + shown + after + text[old.end_mark.index :]


def _field(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)
