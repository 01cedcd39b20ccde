"""Each page shows exactly what its context holds."""

from dataclasses import fields

import pytest
from jinja2 import meta, nodes

from engine import paths
from engine.web import contexts, pages

CONTEXTS = {
    found.template: found
    for found in vars(contexts).values()
    if isinstance(getattr(found, "template", None), str)
}
EVERYWHERE = {"_", "lang", "here", "other_language", "controller", "controller_address", "demo", "asset"}


def _used(name: str) -> set[str]:
    environment = pages.environment()
    path = paths.templates() / "web" / name
    tree = environment.parse(path.read_text())
    own = {node.target for node in tree.find_all(nodes.Import)} | {n.name for n in tree.find_all(nodes.Macro)}
    # What a template sets at its top it may use in its blocks.
    own |= {n.name for set_ in tree.find_all(nodes.Assign) for n in set_.target.find_all(nodes.Name)}
    own |= {set_.target.name for set_ in tree.find_all(nodes.Assign) if isinstance(set_.target, nodes.Name)}
    return meta.find_undeclared_variables(tree) - set(environment.globals) - own


@pytest.mark.parametrize("name", sorted(CONTEXTS))
def test_a_template_uses_exactly_the_fields_of_its_context(name: str) -> None:
    assert _used(name) - EVERYWHERE == {field.name for field in fields(CONTEXTS[name])}


def test_every_template_has_its_context() -> None:
    found = {path.name for path in (paths.templates() / "web").glob("*.html")}
    found -= {"preview.html"}  # the author's own page, on his own machine: engine/preview.py
    assert {name for name in found if not name.startswith("_")} == set(CONTEXTS)
