"""French first, English beside: every text of pages and mails has its translation."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from babel.messages.extract import extract

from engine import paths
from engine.core import intake, typography, words
from engine.web import company, data, forms, learner, studio
from engine.web.studio import api


def _in_templates() -> Iterator[tuple[str, str]]:
    for path in sorted(paths.templates().rglob("*")):
        if path.suffix in (".html", ".mjml", ".txt"):
            with path.open("rb") as file:
                for _, text, _, _ in extract("jinja2.ext:babel_extract", file, {"_": None}, [], {}):
                    yield path.name, str(text)


_OF_PUBLISHING = ("PROBLEMS", "WHAT", "ORIGINS")


def _in_lists() -> Iterator[tuple[str, str]]:
    for texts in (forms.ZONES, forms.REGIONS, forms.SIZES, learner.SAID, company.SAID, data.MEANINGS):
        yield from (("a list", text) for text in texts.values())
    for module in pkgutil.iter_modules(studio.__path__, f"{studio.__name__}."):
        for name in (*("SAID", "KINDS", "STATES", "THEN", "VIEWS", "LEARNERS", "SLOTS"), *_OF_PUBLISHING):
            said = getattr(importlib.import_module(module.name), name, {})
            yield from ((module.name, text) for text in said.values())
    yield from (("the palette", label) for label in studio.editor.BLOCKS)
    yield from (("intake", text) for text in intake.PROBLEMS.values())
    yield from (("the menu", nav.label) for nav in studio.access.MENU)
    yield from (
        ("the API", text) for words in (api.SCOPES, api.EVENTS, api.STATES) for text in words.values()
    )
    yield from (("roles", text) for texts in studio.accounts.ROLES.values() for text in texts)


def _problems_of_fields() -> Iterator[tuple[str, str]]:
    """The constants that `errors.Invalid({field: …})` and `problems[field] = …` hold."""
    engine = Path(words.__file__).parents[1]
    for path in (
        engine / "core" / "consent.py",
        engine / "core" / "accounts.py",
        engine / "core" / "certificates.py",
        engine / "core" / "course" / "editing.py",
        engine / "core" / "csvfile.py",
        engine / "core" / "intake.py",
        engine / "core" / "typed.py",
        engine / "core" / "webhooks.py",
        *(engine / "web" / "studio").glob("*.py"),
        *(engine / "flows").glob("*.py"),
        engine / "web/learner.py",
        engine / "core/answers.py",
    ):
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "errors.Invalid" and node.args:
                values = node.args[0].values if isinstance(node.args[0], ast.Dict) else []
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("problem"):
                values = [node.value]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                    yield path.name, value.value


def _labels_of_my_data() -> Iterator[tuple[str, str]]:
    tree = ast.parse((Path(words.__file__).parents[1] / "flows" / "privacy.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for each in (*node.keys, *node.values):
                if isinstance(each, ast.Constant) and not str(each.value).islower():
                    yield "privacy.py", str(each.value)
            # What an event of consent is called.
            if any(isinstance(key, ast.Constant) and key.value == "given" for key in node.keys):
                yield from (("privacy.py", ast.literal_eval(value)) for value in node.values)


def _in_activities() -> Iterator[tuple[str, str]]:
    """What `say("…")` holds where activities are put into words."""
    engine = Path(words.__file__).parents[1]
    for path in (engine / "core" / "asking.py", engine / "web" / "screens.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("say", "gettext(language)")):
                yield from (
                    (path.name, each.value)
                    for each in node.args
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )


def _said() -> set[tuple[str, str]]:
    return {*_in_templates(), *_in_lists(), *_problems_of_fields(), *_labels_of_my_data(), *_in_activities()}


def test_every_text_has_its_english() -> None:
    english = words.catalogue("en")
    found = _said()
    assert len(found) > 200
    assert not {(where, text) for where, text in found if text not in english}


def test_translations_keep_their_places_for_values() -> None:
    def places(text: str) -> set[str]:
        return {part.split("}")[0] for part in text.split("{")[1:]}

    catalogue = words.catalogue("en")
    assert not {source for source, english in catalogue.items() if places(source) != places(english)}


def test_nothing_is_translated_that_nobody_says() -> None:
    said = {text for _, text in _said()}
    for name in ("web.po", "activities.po"):
        own = words.read(paths.templates() / "locale" / "en" / name, "en")
        assert not set(own) - said


def test_french_comes_with_its_typography_and_english_does_not() -> None:
    assert words.gettext("fr")("Encore un geste ?") == "Encore un geste\u202f?"
    assert words.gettext("fr-CA")("l'heure") == "l’heure"
    assert words.gettext("en")("Une semaine") == "One week"
    assert words.gettext("en")("Ce texte n'existe pas") == "Ce texte n'existe pas"
    assert typography.french(words.gettext("fr")("À quel rythme ?")) == words.gettext("fr")("À quel rythme ?")


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        (
            datetime(2027, 3, 30, 8, 30),  # noqa: DTZ001  # a local time, as it stands on the wall
            "mardi 30\u00a0mars 2027 à 8\u00a0h\u00a030",
            "Tuesday 30\u00a0March 2027 at 8:30\u00a0am",
        ),
        (
            datetime(2027, 8, 1, 17, 5),  # noqa: DTZ001
            "dimanche 1er\u00a0août 2027 à 17\u00a0h\u00a005",
            "Sunday 1\u00a0August 2027 at 5:05\u00a0pm",
        ),
    ],
)
def test_moments_are_said_as_people_say_them(moment: datetime, french: str, english: str) -> None:
    assert words.moment(moment, "fr") == french
    assert words.moment(moment, "en") == english


def test_small_words_of_time() -> None:
    assert words.clock(time(9), "fr") == "9\u00a0h"
    assert words.day(date(2027, 12, 21), "fr", year=False) == "mardi 21\u00a0décembre"
    assert words.weekday(0, "fr") == "lundi"
    assert words.zone_time("Indian/Reunion", "fr") == "heure de La Réunion"
    assert words.zone_time("Europe/Athens", "fr") == "heure d’Athènes"
    assert words.zone_time("Europe/Paris", "en") == "Paris time"
