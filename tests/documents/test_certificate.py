"""The attestation, read back."""

from dataclasses import replace
from datetime import date

import pytest

from engine.core import printing
from engine.documents import certificate
from tests.documents import reading

URL = "https://parcours.exemple.test/v/K7QF-2M9X"
CERTIFICATE = certificate.Certificate(
    title="Attestation de suivi",
    text="Douze semaines pour décider où l'IA a sa place.",
    name="Alice Martin",
    course="L'IA dans la PME",
    lessons=12,
    began=date(2027, 1, 5),
    completed=date(2027, 3, 30),
    issued=date(2027, 4, 1),
    code="K7QF-2M9X",
    verify_url=URL,
    controller="CCI de l'Exemple\n1 rue de l'Exemple\n75000 Paris",
    language="fr",
)


def test_it_says_who_followed_what_and_what_it_is_not() -> None:
    found = reading.pdf(certificate.pdf(CERTIFICATE))
    assert (found.pages, found.title, found.standard) == (1, "Attestation de suivi", "1")
    assert found.links == (URL,)
    for said in (
        "Alice Martin",
        "qui a suivi le parcours L’IA dans la PME",
        "12 leçons, du 5 janvier 2027 au 30 mars 2027",
        "Douze semaines pour décider où l’IA a sa place.",
        "Délivrée le 1er avril 2027 par",
        "1 rue de l'Exemple",
        "Code K7QF-2M9X",
        URL,
        "Cette attestation certifie le suivi du parcours ; elle n’est pas un diplôme.",
    ):
        assert said.replace("\u202f", " ") in found.text.replace("\u202f", " ")


def test_in_english() -> None:
    found = reading.pdf(certificate.pdf(replace(CERTIFICATE, language="en", lessons=1)))
    assert "one lesson, from 5 January 2027 to 30 March 2027" in found.text
    assert "it is not a diploma" in found.text


@pytest.mark.parametrize("name", ["Zoë Œuvrard", "Σωκράτης Παπαδόπουλος", "Ірина Ґалаґан", "Nguyễn Thị Hồng"])
def test_names_of_three_scripts_print_right(name: str) -> None:
    assert printing.printable(name)
    assert name in reading.pdf(certificate.pdf(replace(CERTIFICATE, name=name))).text


@pytest.mark.parametrize("length", [30, 90, 200])
def test_long_names_and_texts_stay_on_one_page(length: int) -> None:
    name = ("Alexandrine-Bénédicte de " * 9)[:length].strip()
    long = replace(
        CERTIFICATE, name=name, text="Une phrase qui dure. " * (length // 6), course="Parcours " * 20
    )
    found = reading.pdf(certificate.pdf(long))
    assert found.pages == 1
    assert name in found.text


@pytest.mark.parametrize("text", reading.HOSTILE)
def test_hostile_words_neither_break_nor_act(text: str) -> None:
    odd = replace(CERTIFICATE, name=text, text=text, course=text, controller=text)
    found = reading.pdf(certificate.pdf(odd))
    assert "root:" not in found.text
    assert "Code K7QF-2M9X" in found.text
