"""What is written is true: commands that the docs name exist, and each command is in the docs."""

import re
from collections.abc import Iterator

import pytest
import typer

from engine import cli
from tests.cli.command import ROOT, parcours

DOCS = ("README.md", "courses/README.md", "deploy/README.md")
_COMMAND = re.compile(r"`?(?:\.venv/bin/)?parcours ((?:course|learner|db|settings) [a-z]+|[a-z]+)")


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
    text = "\n".join(re.findall(r"`[^`]+`|^(?:    |\$ |\.venv|parcours).*$", _read(path), re.MULTILINE))
    named = {found[1] for found in _COMMAND.finditer(text)}
    groups = {name.split()[0] for name in known}
    assert {name for name in named if name not in known and name not in groups} == set()


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
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", _read(path))
    assert [target for target in targets if not (folder / target).exists()] == []
