"""What is written is true: commands that the docs name exist, and each command is in the docs."""

import re
from collections.abc import Iterator

import pytest
import typer

from engine import cli
from tests.cli.command import ROOT, parcours

DOCS = (
    *("README.md", "courses/README.md", "deploy/README.md"),
    *("deploy/SCALING.md", "deploy/BENCHMARKS.md", "deploy/SECURITY.md"),
)
_COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?parcours ([a-z]+(?: [a-z]+)?)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


def _code(text: str) -> Iterator[str]:
    """Lines of fenced blocks, and spans of code."""
    for block in _FENCED.findall(text):
        yield from block.splitlines()[1:-1]
    yield from _INLINE.findall(_FENCED.sub("", text))


def _commands(app: typer.Typer, before: str = "") -> Iterator[str]:
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        yield f"{before}{name}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from _commands(group.typer_instance, f"{group.name} ")


def _read(path: str) -> str:
    return (ROOT / path).read_text()


@pytest.mark.parametrize("path", DOCS)
def test_every_command_a_document_names_exists(path: str) -> None:
    known = set(_commands(cli.main_app))
    groups = {name.split()[0] for name in known if " " in name}
    named = {found[1] for code in _code(_read(path)) if (found := _COMMAND.match(code.strip()))}
    assert named, "the document names no command"
    wrong = {name for name in named if name not in known and name.split()[0] not in known - groups}
    assert wrong - groups == set()


def test_every_command_is_in_a_document() -> None:
    text = "\n".join(map(_read, DOCS))
    missing = [name for name in _commands(cli.main_app) if f"parcours {name}" not in text]
    assert missing == []


def test_every_command_has_help() -> None:
    for name in _commands(cli.main_app):
        done = parcours(*name.split(), "--help")
        assert done.code == 0
        assert "Usage" in done.out


@pytest.mark.parametrize("path", [*DOCS, "CHANGELOG.md", "engine/DECISIONS.md"])
def test_links_between_documents_lead_somewhere(path: str) -> None:
    folder = (ROOT / path).parent
    prose = _INLINE.sub("", _FENCED.sub("", _read(path)))
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", prose)
    assert [target for target in targets if not (folder / target).exists()] == []
