"""A company's training record, read back."""

from dataclasses import replace
from datetime import date

from engine.documents import record
from tests.documents import reading

ALICE = record.Row(
    "Alice", "Le permis IA de l'équipe", date(2027, 1, 5), 6, 6, date(2027, 2, 18), (2, date(2027, 3, 1))
)
BOB = record.Row("Bob", "Le permis IA de l'équipe", date(2027, 1, 7), 2, 6)
RECORD = record.Record("Fournil du Port", date(2027, 4, 1), (ALICE, BOB), "fr")


def test_a_line_tells_who_followed_what_and_when() -> None:
    found = reading.pdf(record.pdf(RECORD))
    assert "Fournil du Port Registre de formation État au 1er avril 2027" in found.text
    line = "Le permis IA de l’équipe"
    assert f"Alice {line} 5 janvier 2027 6 sur 6 18 février 2027 version 2, le 1er mars 2027" in found.text
    assert f"Bob {line} 7 janvier 2027 2 sur 6 – –" in found.text


def test_a_long_record_repeats_its_head_on_each_page() -> None:
    found = reading.pdf(record.pdf(replace(RECORD, rows=(ALICE, BOB) * 120)))
    assert found.pages > 3
    assert found.text.count("Leçons reçues") == found.pages
    assert found.text.count("Alice") == 120


def test_an_empty_one_says_so_and_an_english_one_is_english() -> None:
    assert "Personne n’a encore commencé." in reading.pdf(record.pdf(replace(RECORD, rows=()))).text
    found = reading.pdf(record.pdf(replace(RECORD, language="en")))
    assert "5 January 2027 6 of 6 18 February 2027 version 2, on 1 March 2027" in found.text
