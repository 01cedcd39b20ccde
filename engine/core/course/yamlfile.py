"""YAML that remembers its lines, and models checked so that every error names the line it stands on."""

from collections.abc import Iterator
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
        return f"{self.path}:{self.line}: {flag}{self.cause} — {self.cure}"


@dataclass(frozen=True)
class Loaded:
    value: Any
    lines: dict[Path, int]
    """For each key and item, the line it begins on (from 1)."""

    def line(self, path: Path) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, *, path: str, first_line: int = 1) -> tuple[Loaded, list[Problem]]:
    """Read one YAML document. `first_line` is the line of `text`'s first line in its file."""
    problems: list[Problem] = []
    lines: dict[Path, int] = {(): first_line}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        cause = f"YAML illisible ({error.problem})"
        cure = "vérifiez l'alignement, les « : » et les guillemets"
        return Loaded(None, lines), [Problem(path, first_line + line, cause, cure)]
    except yaml.YAMLError as error:  # NUL and other characters that YAML forbids
        cause = f"YAML illisible ({error})".split("\n")[0]
        return Loaded(None, lines), [Problem(path, first_line, cause, "retirez le caractère")]
    value = _value(node, (), lines, problems, path, first_line) if node else None
    return Loaded(value, lines), problems


def _value(
    node: yaml.Node, at: Path, lines: dict[Path, int], problems: list[Problem], path: str, first: int
) -> Any:
    lines.setdefault(at, first + node.start_mark.line)
    match node:
        case yaml.MappingNode():
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                line = first + key_node.start_mark.line
                if key in found:
                    problems.append(
                        Problem(path, line, f"la clé « {key} » est écrite deux fois", "gardez une des deux")
                    )
                lines[(*at, key)] = line
                found[key] = _value(value_node, (*at, key), lines, problems, path, first)
            return found
        case yaml.SequenceNode():
            return [
                _value(item, (*at, index), lines, problems, path, first)
                for index, item in enumerate(node.value)
            ]
    return _scalar(node, lines[at], problems, path)


_CONSTRUCTOR = yaml.SafeLoader("")


def _scalar(node: yaml.Node, line: int, problems: list[Problem], path: str) -> Any:
    try:
        value = _CONSTRUCTOR.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        cause = f"valeur illisible ({error})".split("\n")[0]
        problems.append(Problem(path, line, cause, "mettez-la entre guillemets"))
        return None
    # 08:30 is a number in YAML 1.1; nobody means 510.
    return node.value if isinstance(value, int) and ":" in str(node.value) else value


@dataclass(frozen=True)
class Read(Generic[T]):
    """The model that a file holds (None when it holds none), its lines, and every problem."""

    model: T | None
    loaded: Loaded
    problems: list[Problem]


def read(text: str, adapter: TypeAdapter[T], *, path: str, first_line: int = 1) -> Read[T]:
    """Read one document as a model. `first_line` is the line of `text`'s first line in its file."""
    loaded, problems = load(text, path=path, first_line=first_line)
    if loaded.value is None and problems:
        return Read(None, loaded, problems)
    try:
        return Read(adapter.validate_python(loaded.value), loaded, problems)
    except ValidationError as error:
        return Read(None, loaded, [*problems, *_problems(error, loaded, path)])


def _problems(error: ValidationError, loaded: Loaded, path: str) -> Iterator[Problem]:
    for found in error.errors():
        at: Path = tuple(part for part in found["loc"] if not _is_tag(part, loaded, found["loc"]))
        name = ".".join(str(part) for part in at) or "le fichier"
        cause, cure = _words(found, name)
        yield Problem(path, loaded.line(at), cause, cure)


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
    "int_parsing": ("« {name} » : « {input} » n'est pas un nombre entier", "écrivez un nombre"),
    "greater_than_equal": ("« {name} » : {input} est trop petit", "au moins {ge}"),
    "less_than_equal": ("« {name} » : {input} est trop grand", "au plus {le}"),
    "model_type": ("« {name} » doit être une liste de champs « clé: valeur »", "réécrivez-le ainsi"),
    "model_attributes_type": (
        "« {name} » doit être une liste de champs « clé: valeur »",
        "réécrivez-le ainsi",
    ),
}


def _words(found: Any, name: str) -> tuple[str, str]:
    cause, cure = _WORDS.get(found["type"], ("« {name} » : valeur refusée ({msg})", "corrigez la valeur"))
    context = {key: str(value) for key, value in found.get("ctx", {}).items()}
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
    return text if len(text) <= 40 else text[:39] + "…"
