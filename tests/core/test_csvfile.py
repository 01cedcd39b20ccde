"""Any CSV is read as it was meant, and nothing that we write is executed."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import csvfile, errors

_PEOPLE = "Adresse;Prénom\nélodie@example.org;Élodie\nbob@example.org;Bob\n"


def read(data: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in csvfile.rows(data, csvfile.read_form(data))]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("latin-1", "latin-1"),
    ],
)
def test_encodings_are_told_apart(encoding: str, named: str) -> None:
    data = _PEOPLE.encode(encoding)
    form = csvfile.read_form(data)
    assert form.encoding == named
    assert form.header == ("Adresse", "Prénom")
    assert read(data)[0] == ("élodie@example.org", "Élodie")


def test_windows_is_not_latin() -> None:
    data = "adresse;entreprise\na@example.org;L’œil à 5 €\n".encode("cp1252")
    assert csvfile.read_form(data).encoding == "cp1252"
    assert read(data) == [("a@example.org", "L’œil à 5 €")]


@pytest.mark.parametrize("separator", csvfile.SEPARATORS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_ends_of_lines(separator: str, end: str) -> None:
    rows = [["adresse", "entreprise"], ["a@example.org", "A; B, C"], ["b@example.org", 'Dite "B"']]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    assert read(text.getvalue().encode()) == [tuple(row) for row in rows[1:]]


def test_excel_may_name_its_separator() -> None:
    data = b"sep=,\r\nadresse,nom;prenom\r\na@example.org,x;y\r\n"
    assert csvfile.read_form(data).separator == ","
    assert [row.line for row in csvfile.rows(data, csvfile.read_form(data))] == [3]


def test_a_list_without_titles_has_none() -> None:
    form = csvfile.read_form(b"alice@example.org,Alice\nbob@example.org,Bob\n")
    assert form.header == ()
    assert len(read(b"alice@example.org,Alice\nbob@example.org,Bob\n")) == 2


def test_rows_go_by_the_line_where_they_begin() -> None:
    data = b'adresse;note\n\na@example.org;"une\nnote"\n;\nb@example.org;x\n'
    form = csvfile.read_form(data)
    assert [row.line for row in csvfile.rows(data, form)] == [3, 6]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "vide"),
        (b"\n\n", "vide"),
        (b"adresse;nom\n", "ligne de titres"),
        (b"PK\x03\x04 and so on", "classeur"),
        (b"\xd0\xcf\x11\xe0 and so on", "classeur"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "pas un fichier CSV"),
        (b"adresse;nom\n" + b"x" * csvfile.MAX_BYTES, "20 Mo"),
        (b'adresse;nom\na@example.org;"never\n' + b"b@example.org;x\n" * 30, ": 2$"),
        (b'adresse;nom\na@example.org;"' + b"x" * 200_000, ": 2$"),
    ],
)
def test_what_is_no_list_is_refused_in_words(data: bytes, told: str) -> None:
    with pytest.raises(errors.Invalid, match=told):
        csvfile.count(data, csvfile.read_form(data))


def test_too_many_rows_are_refused() -> None:
    data = b"adresse\n" + b"a@example.org\n" * (csvfile.MAX_ROWS + 1)
    with pytest.raises(errors.Invalid, match="100 000"):
        csvfile.count(data, csvfile.read_form(data))
    fits = data[: -len(b"a@example.org\n")]
    assert csvfile.count(fits, csvfile.read_form(fits)) == csvfile.MAX_ROWS


_CELL = st.text(st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=12)


@given(
    st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=30),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(csvfile.SEPARATORS),
)
def test_whatever_a_program_writes_is_read(
    rows: list[tuple[str, str, str]], encoding: str, separator: str
) -> None:
    text = io.StringIO()
    titles = ("adresse", "prénom", "entreprise")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([titles, *[("x", *row[1:]) for row in rows]])
    data = text.getvalue().encode(encoding)
    found = read(data)
    kept = [
        tuple(cell.removeprefix("'") if _guarded(cell) else cell for cell in ("x", *row[1:])) for row in rows
    ]
    assert found == kept


def _guarded(cell: str) -> bool:
    return cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+33 4 91", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x")', "＝1"]
)
def test_no_cell_is_a_formula(cell: str) -> None:
    written = csvfile.written([["avant", cell]])
    (row,) = csv.reader(io.StringIO(written, newline=""), delimiter=";")
    assert row == ["avant", f"'{cell}"]


@given(st.lists(st.lists(st.text(max_size=10), min_size=2, max_size=4), min_size=1, max_size=10))
def test_no_cell_that_we_write_begins_a_formula(rows: list[list[str]]) -> None:
    for row in csv.reader(io.StringIO(csvfile.written(rows), newline=""), delimiter=";"):
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and cell for cell in row)


def test_what_we_wrote_we_read() -> None:
    table = [["adresse", "entreprise"], ["a@example.org", "=SUM(A1)"], ["b@example.org", "'quoted'"]]
    data = (csvfile.BOM + csvfile.written(table)).encode()
    assert read(data) == [tuple(row) for row in table[1:]]
