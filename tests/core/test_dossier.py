"""A dossier is as it was written, or it is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import dossier, errors

KEY = b"a suppression key"
CONTENT = {"Adresse": "bob@example.org", "Accords": [{"Texte": "J'accepte « oui »", "Quand": "2027"}]}


def test_what_was_sealed_opens_whatever_its_blanks_and_order() -> None:
    text = dossier.sealed(CONTENT, KEY)
    assert dossier.opened(text, KEY) == CONTENT
    found = json.loads(text)
    turned = {**found, "dossier": dict(reversed(found["dossier"].items()))}
    assert dossier.opened(json.dumps(turned), KEY) == CONTENT


def test_a_changed_word_or_another_key_is_refused() -> None:
    text = dossier.sealed(CONTENT, KEY)
    for wrong, key in ((text.replace("oui", "non"), KEY), (text, b"another")):
        with pytest.raises(errors.Invalid, match="changed"):
            dossier.opened(wrong, key)


_VALUES = st.recursive(st.none() | st.text(), lambda each: st.dictionaries(st.text(), each))


@given(st.text() | _VALUES.map(json.dumps))
def test_anything_else_is_no_dossier(text: str) -> None:
    with pytest.raises(errors.Invalid):
        dossier.opened(text, KEY)
