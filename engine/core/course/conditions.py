"""Conditions on what a learner is and answered: `learner.size >= 50 and answers.point-1.done`.

A condition is a Jinja expression of comparisons, and/or/not and `in` over names of three kinds:
`learner.<field>`, `answers.<activity>.<question>`, `score.<activity>.<axis>`. Jinja parses it; what it may
hold is so little that it is evaluated here, several times as fast as by a template, and a dot looks up a
fact and nothing else: no attribute of a Python object can be reached.
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

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


Facts = Mapping[str, Any]
_Evaluated = Callable[[Facts], Any]


class _Missing:
    """What was not answered: equal to nothing, neither more nor less than anything."""

    def _never(self, other: object) -> bool:
        return False

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _never
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return False


_PARSER = Environment(autoescape=True)  # nothing is rendered
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda item, among: item in among,
    "notin": lambda item, among: item not in among,
}


def _quiet(condition: str) -> str:
    return _PATH.sub(lambda found: found[0].replace("-", "__"), condition)


@lru_cache(maxsize=1024)
def compile(condition: str) -> Callable[[Facts], bool]:
    """A function of the facts (`learner`, `answers`, `score`: mappings) that tells whether it holds.

    Raises `errors.Invalid` when the condition is not one. What was not answered makes a comparison false.
    """
    tree = _parsed(condition)
    if unknown := {name.partition(".")[0] for name in _names(tree)} - set(ROOTS):
        raise errors.Invalid(f"« {min(unknown)} » inconnu dans une condition")
    evaluated = _evaluated(tree)

    def holds(facts: Facts) -> bool:
        try:
            return bool(evaluated(facts))
        except TypeError:  # "abc" > 3: an answer of another kind does not hold
            return False

    return holds


def _evaluated(node: nodes.Node) -> _Evaluated:
    match node:
        case nodes.Const(value=value):
            return lambda _: value
        case nodes.Name(name=name):
            return lambda facts: facts[name] if name in facts else _Missing()
        case nodes.Getattr():
            return _looked_up(_evaluated(node.node), node.attr.replace("__", "-"))
        case nodes.Not():
            negated = _evaluated(node.node)
            return lambda facts: not negated(facts)
        case nodes.Neg():
            turned = _evaluated(node.node)
            return lambda facts: -turned(facts)
        case nodes.And() | nodes.Or():
            return _joined(_evaluated(node.left), _evaluated(node.right), both=isinstance(node, nodes.And))
        case nodes.List() | nodes.Tuple():
            items = [_evaluated(item) for item in node.items]
            return lambda facts: [item(facts) for item in items]
        case nodes.Compare():
            pairs = [(_COMPARED[operand.op], _evaluated(operand.expr)) for operand in node.ops]
            return _compared(_evaluated(node.expr), pairs)
    raise AssertionError(f"let through by _names: {node}")


def _looked_up(where: _Evaluated, key: str) -> _Evaluated:
    def fact(facts: Facts) -> Any:
        found = where(facts)
        # A dict is known at once, other mappings take a microsecond.
        return found[key] if isinstance(found, dict | Mapping) and key in found else _Missing()

    return fact


def _joined(left: _Evaluated, right: _Evaluated, *, both: bool) -> _Evaluated:
    if both:
        return lambda facts: left(facts) and right(facts)
    return lambda facts: left(facts) or right(facts)


def _compared(first: _Evaluated, pairs: list[tuple[Callable[[Any, Any], Any], _Evaluated]]) -> _Evaluated:
    def hold(facts: Facts) -> bool:
        left = first(facts)
        for compare, other in pairs:
            right = other(facts)
            if not compare(left, right):
                return False
            left = right
        return True

    return hold


def names(condition: str) -> frozenset[str]:
    """The dotted names a condition looks at, such as `answers.diagnostic.backup`.

    Raises `errors.Invalid` for anything that is not a condition.
    """
    return _names(_parsed(condition))


def _parsed(condition: str) -> nodes.Node:
    if len(condition) > _MAX_LENGTH:
        raise errors.Invalid(f"condition de plus de {_MAX_LENGTH} caractères")
    # A parser that goes down too deep raises RecursionError.
    if len(_NESTED.findall(_quiet(condition))) > _MAX_NESTED:
        raise errors.Invalid("condition trop imbriquée")
    try:
        tree = _PARSER.parse("{{ " + _quiet(condition) + " }}")
    except TemplateSyntaxError as error:
        raise errors.Invalid(f"condition illisible ({error.message})") from None
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        raise errors.Invalid("une condition est une seule expression")
    expression = tree.body[0].nodes[0]
    if isinstance(expression, nodes.Tuple | nodes.List | nodes.TemplateData):
        raise errors.Invalid("une condition est une comparaison, pas une liste")
    return expression


def _names(expression: nodes.Node) -> frozenset[str]:
    found: set[str] = set()
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
