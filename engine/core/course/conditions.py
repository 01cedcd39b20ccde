"""Conditions on what a learner is and answered: `learner.size >= 50 and answers.point-1.done`.

A condition is a Jinja expression of comparisons, and/or/not and `in` over names of three kinds:
`learner.<field>`, `answers.<activity>.<question>`, `score.<activity>.<axis>`.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.core import errors

ROOTS = ("learner", "answers", "score")
FIELDS = ("first_name", "company", "size", "region")
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.List,
    nodes.Tuple,
)
_MAX_LENGTH = 300
_MAX_NESTED = 40
_NESTED = re.compile(r"[(\[{-]|\bnot\b")
# Keys hold hyphens (`point-1`), which Jinja would read as a subtraction.
_PATH = re.compile(r"\b(answers|score)((?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+)")


class _Missing(ChainableUndefined):
    """What was not answered: equal to nothing, neither more nor less than anything."""

    def _never(self, other: object) -> bool:
        return False

    __eq__ = __ne__ = _never  # two missing answers are not the same answer
    __lt__ = __le__ = __gt__ = __ge__ = _never  # type: ignore[assignment]  # Undefined raises here
    __hash__ = ChainableUndefined.__hash__

    def __contains__(self, item: object) -> bool:
        return False


class _Environment(ImmutableSandboxedEnvironment):
    """A dot looks up a fact and nothing else: no attribute of a Python object can be reached."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        key = attribute.replace("__", "-")
        if isinstance(obj, Mapping) and key in obj:
            return obj[key]
        return self.undefined(name=key)


_ENVIRONMENT = _Environment(undefined=_Missing)
_ENVIRONMENT.globals.clear()


def _quiet(condition: str) -> str:
    return _PATH.sub(lambda found: found[0].replace("-", "__"), condition)


@lru_cache(maxsize=1024)
def compile(condition: str) -> Callable[[Mapping[str, Any]], bool]:
    """A function of the facts (`learner`, `answers`, `score`: mappings) that tells whether it holds.

    Raises `errors.Invalid` when the condition is not one. What was not answered makes a comparison false.
    """
    if unknown := {name.partition(".")[0] for name in names(condition)} - set(ROOTS):
        raise errors.Invalid(f"« {min(unknown)} » inconnu dans une condition")
    expression = _ENVIRONMENT.compile_expression(_quiet(condition), undefined_to_none=False)

    def holds(facts: Mapping[str, Any]) -> bool:
        try:
            return bool(expression(**facts))
        except (TypeError, UndefinedError):  # "abc" > 3: an answer of another kind does not hold
            return False

    return holds


def names(condition: str) -> frozenset[str]:
    """The dotted names a condition looks at, such as `answers.diagnostic.backup`.

    Raises `errors.Invalid` for anything that is not a condition.
    """
    if len(condition) > _MAX_LENGTH:
        raise errors.Invalid(f"condition de plus de {_MAX_LENGTH} caractères")
    # A parser and a compiler that go down too deep raise RecursionError, each at a depth of its own.
    if len(_NESTED.findall(_quiet(condition))) > _MAX_NESTED:
        raise errors.Invalid("condition trop imbriquée")
    try:
        tree = _ENVIRONMENT.parse("{{ " + _quiet(condition) + " }}")
    except TemplateSyntaxError as error:
        raise errors.Invalid(f"condition illisible ({error.message})") from None
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        raise errors.Invalid("une condition est une seule expression")
    found: set[str] = set()
    expression = tree.body[0].nodes[0]
    if isinstance(expression, nodes.Tuple | nodes.List | nodes.TemplateData):
        raise errors.Invalid("une condition est une comparaison, pas une liste")
    _collect(expression, found)
    return frozenset(name.replace("__", "-") for name in found)


def _collect(node: nodes.Node, found: set[str]) -> None:
    if not isinstance(node, _ALLOWED):
        raise errors.Invalid("seuls les comparaisons, and, or, not et in sont permis")
    if isinstance(node, nodes.Getattr | nodes.Name):
        found.add(_dotted(node))
        return
    for child in node.iter_child_nodes():
        _collect(child, found)


def _dotted(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_dotted(node.node)}.{node.attr}"
    raise errors.Invalid("seuls les noms comme learner.size sont permis")
