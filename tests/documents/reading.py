"""Documents opened again, as a reader's program would; and words that try to break them."""

import io
from dataclasses import dataclass
from typing import Any

import docx
import pypdf
from docx.document import Document

MARKUP = '#read("/etc/passwd") *b* $x^2$ <b>gras</b> \\ {{ 7 * 7 }} {% if %} & "'
HOSTILE = (
    "",
    "W" * 5000,
    "mot " * 1250,
    MARKUP,
    "<script>alert(1)</script>",
    "😀👨\u200d👩\u200d👧 ☎\ufe0f 🏳\ufe0f\u200d🌈",
    "שלום עולם مرحبا بالعالم \u202egnissap",
    "日本語 ไทย ქართული हिन्दी",
    "a\x00b\x07c\x1b[31m\ud800\ufffe\ue000\u0378",
    "z" + "\u0301" * 200,
    "une ligne\r\nune autre\tet \u2028 encore",
)


@dataclass(frozen=True)
class Pdf:
    text: str
    """Of all pages, each run of blanks as one space."""
    pages: int
    title: str
    language: str
    standard: str
    """The part of PDF/UA it says it keeps."""
    links: tuple[str, ...]
    created: str
    lowest: float
    """Of all lines of text, in points above the lower edge of the page."""


def pdf(data: bytes) -> Pdf:
    reader = pypdf.PdfReader(io.BytesIO(data), strict=True)
    root: Any = reader.root_object
    assert reader.metadata is not None
    assert root["/MarkInfo"]["/Marked"]
    told = root["/Metadata"].get_object().get_data().decode()
    return Pdf(
        text=" ".join(" ".join(page.extract_text() for page in reader.pages).replace("\u200b", "").split()),
        pages=len(reader.pages),
        title=str(reader.metadata.title),
        language=str(root["/Lang"]),
        standard=told.partition("<pdfuaid:part>")[2][:1],
        links=tuple(
            note["/A"]["/URI"]
            for page in reader.pages
            for note in (each.get_object() for each in page.get("/Annots", ()))
            if "/A" in note
        ),
        created=str(reader.metadata.creation_date),
        lowest=min(_heights(reader)),
    )


def _heights(reader: pypdf.PdfReader) -> list[float]:
    found: list[float] = []

    def note(text: str, page: list[float], line: list[float], *_: object) -> None:
        if text.strip():
            found.append(line[4] * page[1] + line[5] * page[3] + page[5])

    for page in reader.pages:
        page.extract_text(visitor_text=note)
    return found


def word(data: bytes) -> Document:
    return docx.Document(io.BytesIO(data))


def paragraphs(document: Document) -> list[tuple[str, str]]:
    """Style and text of each, outside tables."""
    return [(each.style.name or "", each.text) for each in document.paragraphs if each.style is not None]


def tables(document: Document) -> list[list[list[str]]]:
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
