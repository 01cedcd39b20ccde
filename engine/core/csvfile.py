"""Spreadsheets as CSV: bytes from whatever program to rows, and rows to bytes that no program executes."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.core import errors

MAX_BYTES = 20_000_000
MAX_ROWS = 100_000
SEPARATORS = (";", ",", "\t")
BOM = codecs.BOM_UTF8.decode()
"""What a file written for Excel begins with, or it takes it for the local code page."""

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SAMPLE = 20
_LINES_IN_A_CELL = 10
# Excel, LibreOffice and Google take a cell that begins so for a formula; the wide ones count in some locales.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Form:
    """How a file is written."""

    encoding: str
    """A name of Python's."""
    separator: str
    header: tuple[str, ...]
    """The titles of the columns; empty when the first line is a row already."""
    before: int
    """Lines that stand before the first row."""
    width: int
    """Columns of the widest of the first rows."""


@dataclass(frozen=True)
class Row:
    line: int
    """In the file, from 1; a row that takes several lines goes by its first."""
    cells: tuple[str, ...]


def read_form(data: bytes) -> Form:
    """How `data` is written. Raises `errors.Invalid` (field file) for what is no CSV, or holds no row."""
    encoding = _encoding(data)
    named = next(_lines(data, encoding), "").strip().casefold()
    told = named[4:] if named.startswith("sep=") and len(named) == 5 else ""
    before = 1 if told else 0
    separator = told or _separator(data, encoding)
    rough = Form(encoding, separator, (), before, 0)
    first = list(islice(rows(data, rough), _SAMPLE))
    if not first:
        raise errors.Invalid({"file": "Ce fichier est vide : choisissez-en un autre."})
    width = max(len(row.cells) for row in first)
    if any("@" in cell for cell in first[0].cells):
        return Form(encoding, separator, (), before, width)
    if len(first) == 1:
        raise errors.Invalid({"file": "Ce fichier n'a qu'une ligne de titres : il y manque les personnes."})
    header = tuple(cell.strip() for cell in first[0].cells)
    return Form(encoding, separator, header, first[1].line - 1, width)


def rows(data: bytes, form: Form) -> Iterator[Row]:
    """The rows of a file, empty ones left out, one at a time.

    Raises `errors.Invalid` (field file; `line`: which one) at a quotation mark that is never closed.
    """
    lines = _lines(data, form.encoding)
    for _ in range(form.before):
        next(lines, None)
    reader = csv.reader(lines, delimiter=form.separator)
    begins = form.before + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise _unclosed(begins) from None
        if cells is None:
            return
        if any(cell.count("\n") > _LINES_IN_A_CELL for cell in cells):
            raise _unclosed(begins)
        if any(cell.strip() for cell in cells):
            yield Row(begins, tuple(map(_plain, cells)))
        begins = form.before + reader.line_num + 1


def count(data: bytes, form: Form) -> int:
    """How many rows there are. Raises `errors.Invalid` (field file) when they are too many."""
    found = sum(1 for _ in islice(rows(data, form), MAX_ROWS + 1))
    if found > MAX_ROWS:
        problem = "Ce fichier a plus de 100 000 lignes : partagez-le en plusieurs."
        raise errors.Invalid({"file": problem})
    return found


def _unclosed(line: int) -> errors.Invalid:
    problem = "Un guillemet ouvert n'est jamais fermé. À corriger dans le fichier :"
    return errors.Invalid({"file": problem, "line": str(line)})


def _lines(data: bytes, encoding: str) -> Iterator[str]:
    """The lines with their ends, decoded as they are asked for: the text is never held whole."""
    return iter(io.TextIOWrapper(io.BytesIO(data), encoding, newline=""))


def _encoding(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise errors.Invalid({"file": "Ce fichier dépasse 20 Mo : partagez-le en plusieurs."})
    if data.startswith(_WORKBOOKS):
        problem = (
            "C'est un classeur, pas un fichier CSV : dans votre tableur, choisissez « Enregistrer sous », "
            "puis « CSV »."
        )
        raise errors.Invalid({"file": problem})
    if data.startswith(codecs.BOM_UTF8):
        candidates: Sequence[str] = ("utf-8-sig",)
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ("utf-16",)
    elif b"\0" in data:
        # Latin text in UTF-16 has a zero in every second byte.
        candidates = ("utf-16-le",) if data[1:200:2].count(0) > data[:200:2].count(0) else ("utf-16-be",)
    elif any(0x80 <= byte <= 0x9F for byte in set(data)):
        # Control characters in Latin-1, which nobody types; “, œ and € in Windows-1252.
        candidates = ("utf-8", "cp1252", "latin-1")
    else:
        candidates = ("utf-8", "latin-1")
    for name in candidates:
        if _decodes(data, name):
            return name
    raise errors.Invalid(
        {"file": "Ce fichier n'est pas un fichier CSV : exportez la liste en CSV depuis votre tableur."}
    )


def _decodes(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), 65_536):
            if "\0" in decoder.decode(data[start : start + 65_536]):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(data: bytes, encoding: str) -> str:
    """The one by which the first rows fall into equally many cells, two or more."""
    return max(SEPARATORS, key=lambda each: _fits(data, encoding, each))


def _fits(data: bytes, encoding: str, separator: str) -> tuple[float, int, int]:
    first: list[Sequence[str]] = []
    try:
        for cells in csv.reader(_lines(data, encoding), delimiter=separator):
            first += [cells] if cells else []
            if len(first) == _SAMPLE:
                break
    except csv.Error:
        return 0.0, 0, 0
    widths = Counter(map(len, first))
    width, often = widths.most_common(1)[0] if widths else (0, 0)
    # With the wrong separator quotation marks stay inside the cells.
    stray = sum('"' in cell for cells in first for cell in cells)
    return (often / len(first) if width > 1 else 0.0), -stray, width


def _plain(cell: str) -> str:
    """A cell without the apostrophe that `safe` put before it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows as text, whatever it begins with."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def written(table: Iterable[Sequence[object]]) -> str:
    """Rows as CSV for a spreadsheet; a whole file begins with `BOM`."""
    text = io.StringIO()
    csv.writer(text, delimiter=SEPARATORS[0], lineterminator="\r\n").writerows(
        [safe("" if cell is None else str(cell)) for cell in row] for row in table
    )
    return text.getvalue()
