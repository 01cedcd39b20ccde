"""What every PDF keeps: whole glyphs, tags, the same bytes for the same values, and no reading of files."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import charter as charters
from engine.core import printing
from engine.documents import certificate, charter, pdf, record
from tests.documents import reading
from tests.documents.test_certificate import CERTIFICATE

ROW = record.Row("Alice Bernard", "Le permis IA", date(2027, 1, 5), lessons=2, count=6)
RECORD = record.Record("Fournil du Port", date(2027, 4, 1), (ROW,), "fr")


def test_the_same_values_make_the_same_bytes_on_any_day() -> None:
    assert record.pdf(RECORD) == record.pdf(RECORD)
    assert reading.pdf(record.pdf(RECORD)).created == "2027-04-01 00:00:00+00:00"


def test_it_is_tagged_with_its_title_and_language() -> None:
    found = reading.pdf(record.pdf(RECORD))
    assert (found.title, found.language, found.standard) == ("Registre de formation", "fr", "1")


def test_the_font_has_every_character_that_is_let_through() -> None:
    """typst refuses to write a PDF/UA with a character that its font lacks."""
    whole = " ".join(each for each in map(chr, range(0x20, 0x3000)) if printing.printed(each) == each)
    assert len(whole) > 2000
    styles = [(strong, emphasis) for strong in (False, True) for emphasis in (False, True)]
    line = tuple(charters.Run(whole, strong, emphasis) for strong, emphasis in styles)
    article = charters.Article(
        1, "a", whole, (charters.Paragraph(line), charters.Table((whole,), ((whole,),)))
    )
    written = charters.Written(whole, whole, "fr", (article,), whole)
    charter.pdf(written, now=datetime(2027, 4, 1, tzinfo=UTC), zone="Europe/Paris")
    certificate.pdf(replace(CERTIFICATE, name=whole, text=whole, course=whole, controller=whole))
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typst.compile(
            '#set document(title: "x")\n日'.encode(),
            pdf_standards=pdf.STANDARD,
            font_paths=typst.Fonts(include_system_fonts=False),
            ignore_system_fonts=True,
        )


@pytest.mark.parametrize("text", reading.HOSTILE)
def test_no_text_breaks_it(text: str) -> None:
    found = reading.pdf(record.pdf(replace(RECORD, company=text, rows=(replace(ROW, person=text),) * 3)))
    printed = "".join(printing.printed(text).split())
    assert "".join(found.text.split()).count(printed[:20]) >= 4
    assert "5 janvier 2027" in found.text


def test_what_people_write_is_never_read_as_markup() -> None:
    found = reading.pdf(record.pdf(replace(RECORD, company=reading.MARKUP)))
    assert reading.MARKUP in found.text
    assert "root:" not in found.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=400), st.text(alphabet=st.characters(max_codepoint=0x52F), max_size=400))
def test_any_text_at_all_makes_a_pdf(any_text: str, letters: str) -> None:
    row = replace(ROW, person=any_text, course=letters)
    assert record.pdf(replace(RECORD, company=letters + any_text, rows=(row,))).startswith(b"%PDF")
