"""YAML that remembers its lines, and models checked so that every error names the line it stands on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Literal, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

Path = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend in an author's file. An error stops publishing, a warning does not."""

    path: str
    line: int
    cause: str
    cure: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        flag = "" if self.level == "error" else "avertissement : "
        return _BREAKS.sub(" ", f"{self.path}:{self.line}: {flag}{self.cause} — {self.cure}")


# What an author wrote is cited: it must not break the line, nor move the cursor of a terminal.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Loaded:
    value: Any
    lines: dict[Path, int]
    """For each key and item, the line it begins on (from 1)."""
    texts: dict[Path, int]
    """For each plain value, the line its own first line stands on: below its key when written after `|`."""

    def line(self, path: Path) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, *, path: str, first_line: int = 1) -> tuple[Loaded, list[Problem]]:
    """Read one YAML document. `first_line` is the line of `text`'s first line in its file."""
    walk = _Walk(path, first_line)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = walk.value(node, ()) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        walk.problem(mark.line if mark else 0, f"YAML illisible ({error.problem})", _YAML_CURE)
    except yaml.reader.ReaderError as error:  # a character that YAML forbids
        line = text.count("\n", 0, error.position)
        walk.problem(line, f"YAML illisible (caractère U+{error.character:04X})", "retirez le caractère")
    except RecursionError:
        walk.problem(0, "YAML imbriqué trop profondément", _YAML_CURE)
    else:
        return Loaded(value, walk.lines, walk.texts), walk.problems
    return Loaded(None, walk.lines, walk.texts), walk.problems


_YAML_CURE = "vérifiez l'alignement, les « : » et les guillemets"
# What PyYAML's own constructors raise for values such as `!!int ''`, `!!bool peut-être`, `2026-13-01`.
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError)


class _Walk:
    """One document on its way from nodes to values."""

    def __init__(self, path: str, first_line: int) -> None:
        self.lines: dict[Path, int] = {(): first_line}
        self.texts: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._path, self._first = path, first_line
        self._seen: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def problem(self, line: int, cause: str, cure: str) -> None:
        """`line` is counted from 0 in the document, as PyYAML does."""
        self.problems.append(Problem(self._path, self._first + line, cause, cure))

    def value(self, node: yaml.Node, at: Path) -> Any:
        line = node.start_mark.line
        self.lines.setdefault(at, self._first + line)
        if id(node) in self._seen:  # an alias: may hold itself, or grow without end
            self.problem(self.lines[at] - self._first, "renvoi YAML (« & », « * »)", "répétez la valeur")
            return None
        self._seen.add(id(node))
        match node:
            case yaml.MappingNode():
                return self._mapping(node, at)
            case yaml.SequenceNode():
                return [self.value(item, (*at, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode():
                self.texts[at] = self._first + line + (node.style in ("|", ">"))
                return self._scalar(node)
        return None

    def _mapping(self, node: yaml.MappingNode, at: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line
            if key in found:
                self.problem(line, f"la clé « {_short(key)} » est écrite deux fois", "gardez une des deux")
            self.lines[(*at, key)] = self._first + line
            found[key] = self.value(value_node, (*at, key))
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            value = self._constructor.construct_object(node)
        except _UNREADABLE:
            cause = f"valeur « {_short(node.value)} » illisible"
            self.problem(node.start_mark.line, cause, "mettez-la entre guillemets")
            return None
        # 08:30 is a number in YAML 1.1; nobody means 510.
        return node.value if isinstance(value, int) and ":" in str(node.value) else value


@dataclass(frozen=True)
class Read(Generic[T]):
    """The model that a file holds (None when it holds none), its lines, and every problem."""

    model: T | None
    loaded: Loaded
    problems: list[Problem]
    usable: T | None = None
    """The model, or what is right in it with `spare` in place of the rest: to look for more problems."""


def read(
    text: str,
    adapter: TypeAdapter[T],
    *,
    path: str,
    first_line: int = 1,
    spare: Mapping[str, Any] | None = None,
) -> Read[T]:
    """Read one document as a model. `first_line` is the line of `text`'s first line in its file.

    `spare` holds fields that stand in for missing and wrong ones in `usable`.
    """
    loaded, problems = load(text, path=path, first_line=first_line)
    if loaded.value is None and problems:
        return Read(None, loaded, problems, _usable(adapter, {}, spare, set()))
    try:
        model = adapter.validate_python(loaded.value)
    except ValidationError as error:
        wrong = {part for found in error.errors() for part in found["loc"][:1]}
        told = {problem.line for problem in problems}
        problems += [found for found in _problems(error, loaded, path) if found.line not in told]
        return Read(None, loaded, problems, _usable(adapter, loaded.value, spare, wrong))
    return Read(model, loaded, problems, model)


def _usable(
    adapter: TypeAdapter[T], value: object, spare: Mapping[str, Any] | None, wrong: set[str | int]
) -> T | None:
    written = value if isinstance(value, dict) else {}
    try:
        return adapter.validate_python(
            {**(spare or {}), **{name: part for name, part in written.items() if name not in wrong}}
        )
    except ValidationError:
        return None


def _problems(error: ValidationError, loaded: Loaded, path: str) -> Iterator[Problem]:
    errors = error.errors()
    for found in errors:
        if found["type"] == "too_short" and any(_inside(each["loc"], found["loc"]) for each in errors):
            continue  # too short only because what is in it is wrong
        at: Path = tuple(part for part in found["loc"] if not _is_tag(part, loaded, found["loc"]))
        name = ".".join(str(part) for part in at) or "le fichier"
        cause, cure = _words(found, name)
        yield Problem(path, loaded.line(at), cause, cure)


def _inside(location: tuple[str | int, ...], outer: tuple[str | int, ...]) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


def _is_tag(part: str | int, loaded: Loaded, location: tuple[str | int, ...]) -> bool:
    """Discriminated unions put the name of the variant first in the location."""
    return part == location[0] and isinstance(loaded.value, dict) and loaded.value.get("kind") == part


_WORDS = {
    "extra_forbidden": ("champ inconnu « {name} »", "retirez-le ou corrigez son nom"),
    "missing": ("il manque « {name} »", "ajoutez-le"),
    "string_too_long": ("« {name} » dépasse {max_length} caractères", "raccourcissez-le"),
    "string_too_short": ("« {name} » est vide", "écrivez-le"),
    "string_type": ("« {name} » doit être du texte", "mettez-le entre guillemets"),
    "literal_error": ("« {name} » : valeur « {input} » inconnue", "choisissez parmi {expected}"),
    "union_tag_invalid": ("« kind » : valeur inconnue", "choisissez parmi {expected_tags}"),
    "union_tag_not_found": ("il manque « kind »", "ajoutez par exemple « kind: checkin »"),
    "string_pattern_mismatch": (
        "« {name} » : « {input} » n'a pas la forme voulue",
        "forme attendue : {pattern}",
    ),
    "too_short": ("« {name} » est vide ou trop court", "ajoutez au moins {min_length} élément(s)"),
    **dict.fromkeys(
        ("int_parsing", "int_type", "int_from_float"),
        ("« {name} » : « {input} » n'est pas un nombre entier", "écrivez un nombre"),
    ),
    **dict.fromkeys(
        ("bool_parsing", "bool_type"),
        ("« {name} » : « {input} » n'est ni vrai ni faux", "écrivez true ou false"),
    ),
    **dict.fromkeys(
        ("date_parsing", "date_type", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        ("« {name} » : « {input} » n'est pas une date", "écrivez par exemple 2027-03-02"),
    ),
    "tuple_type": ("« {name} » doit être une liste", "écrivez-la entre crochets, ou avec des tirets"),
    "greater_than_equal": ("« {name} » : {input} est trop petit", "au moins {ge}"),
    "less_than_equal": ("« {name} » : {input} est trop grand", "au plus {le}"),
    "value_error": ("« {name} » : {error}", "corrigez-le"),
    "model_type": ("« {name} » doit être une liste de champs « clé: valeur »", "réécrivez-le ainsi"),
    "model_attributes_type": (
        "« {name} » doit être une liste de champs « clé: valeur »",
        "réécrivez-le ainsi",
    ),
}


def _words(found: Any, name: str) -> tuple[str, str]:
    cause, cure = _WORDS.get(found["type"], ("« {name} » : valeur refusée ({msg})", "corrigez la valeur"))
    context = {key: str(value) for key, value in found.get("ctx", {}).items()}
    context["expected"] = context.get("expected", "").replace(" or ", " ou ")
    context["pattern"] = _shape(context.get("pattern", ""))
    context |= {"name": name, "msg": found["msg"], "input": _short(found["input"])}
    return cause.format_map(context), cure.format_map(context)


def _shape(pattern: str) -> str:
    if pattern.startswith("^https"):
        return "https://…"
    if pattern.startswith("^(mon"):
        return "« tue 08:30 »"
    return "lettres minuscules, chiffres et tirets, comme « point-1 »"


def _short(value: object) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"
