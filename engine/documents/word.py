"""The one place that calls docxtpl: an author's Word file with slots becomes a Word file without.

A template is Jinja in Word's clothes: `{{ company }}` in a text, `{%p for article in articles %}` alone in a
paragraph. It runs in a sandbox, and what people wrote is escaped and never read as a template.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from docx.document import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.table import Table
from docx.text.paragraph import Paragraph
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from engine.core import charter, errors, printing

Slots = Mapping[str, frozenset[str]]
"""What a template may name: for a list, the fields of its items; for a text, none."""
_LARGEST = 50_000_000
"""Bytes, unpacked: a small file must not fill the memory."""
_HEADERS, _FOOTERS = DocxTemplate.HEADER_URI, DocxTemplate.FOOTER_URI


@dataclass(frozen=True)
class Body:
    """A value that is more than a line: it stands alone in its paragraph, as `{{p article.body }}`."""

    passages: tuple[charter.Passage, ...]


@dataclass(frozen=True)
class Properties:
    """What Word shows of a file besides its text."""

    title: str
    author: str
    language: str
    at: datetime


def unknown(template: bytes, slots: Slots) -> set[str]:
    """The names in `template` that `slots` does not have. Raises `errors.Invalid` when it is unusable."""
    environment = _environment()
    found: set[str] = set()
    for source in _sources(_opened(template)):
        tree = _parsed(environment, source)
        loops = {
            each.target.name: each.iter.name
            for each in tree.find_all(nodes.For)
            if isinstance(each.target, nodes.Name) and isinstance(each.iter, nodes.Name)
        }
        found |= meta.find_undeclared_variables(tree) - slots.keys()
        for each in tree.find_all(nodes.Getattr):
            if isinstance(each.node, nodes.Name):
                fields = slots.get(loops.get(each.node.name, each.node.name))
                if fields is not None and each.attr not in fields:
                    found.add(f"{each.node.name}.{each.attr}")
    return found


def filled(template: bytes, values: Mapping[str, Any], properties: Properties) -> bytes:
    """`template` with `values`: texts, lists of mappings, and `Body`. Raises `errors.Invalid`."""
    opened = _opened(template)
    written = _written(values, opened)
    document = opened.get_docx()  # asked again after rendering, it would be read afresh
    try:
        opened.render(written, _environment(), autoescape=True)
    except Exception as error:  # an author's template may raise anything: 1/0, a list where a text belongs…
        raise errors.Invalid(f"Le modèle Word ne se laisse pas remplir : {error}.") from error
    if document.element.xpath(".//w:t/*"):
        raise errors.Invalid(
            "Dans le modèle Word, un texte de plusieurs paragraphes se trouve au milieu d'un autre :"
            " écrivez-le seul dans son paragraphe, avec « {{p … }} »."
        )
    _sign(document, properties)
    made = io.BytesIO()
    opened.save(made)
    return made.getvalue()


def _opened(template: bytes) -> DocxTemplate:
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as archive:
            size = sum(each.file_size for each in archive.infolist())
        if size > _LARGEST:
            raise errors.Invalid("Ce modèle Word est trop gros : allégez ses images.")
        opened = DocxTemplate(io.BytesIO(template))
        opened.init_docx()
    except errors.Invalid:
        raise
    except Exception as error:  # zip, XML and python-docx each have errors of their own
        raise errors.Invalid(
            "Ce fichier n'est pas un document Word : enregistrez-le au format « Document Word (.docx) »."
        ) from error
    return opened


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    environment.globals.clear()  # `range` and the like are no slots
    return environment


def _sources(template: DocxTemplate) -> Iterator[str]:
    """The Jinja of the text, then of each header and footer."""
    yield template.patch_xml(template.get_xml())
    for kind in (_HEADERS, _FOOTERS):
        for _, part in template.get_headers_footers(kind):
            yield template.patch_xml(template.get_part_xml(part))


def _parsed(environment: ImmutableSandboxedEnvironment, source: str) -> nodes.Template:
    by_paragraph = re.sub(r"<w:p(?=[ >])", "\n<w:p", source)
    try:
        environment.compile(by_paragraph)  # tells of unknown filters, which parsing alone does not
        return environment.parse(by_paragraph)
    except TemplateSyntaxError as error:
        line = by_paragraph.splitlines()[error.lineno - 1]
        near = " ".join(re.sub(r"<[^>]+>", "", line).split())[:80]
        raise errors.Invalid(
            f"Une balise du modèle Word est mal écrite, près de « {near} » : vérifiez ses accolades, et que"
            f" chaque « for » a son « endfor », chaque « if » son « endif » (Jinja : {error.message})."
        ) from error


def _written(value: Any, template: DocxTemplate) -> Any:
    match value:
        case str():
            return printing.visible(value)
        case Body():
            return _body(value, template)
        case Mapping():
            return {key: _written(each, template) for key, each in value.items()}
        case list() | tuple():
            return [_written(each, template) for each in value]
    return value


def _body(body: Body, template: DocxTemplate) -> Markup:
    """The passages as WordprocessingML, in the styles that the template has."""
    document = template.get_docx()
    made = [element for each in body.passages for element in _elements(each, document)]
    for element in made:
        element.getparent().remove(element)
    return Markup("".join(template.xml_to_string(element) for element in made))  # noqa: S704  # python-docx's


def _elements(passage: charter.Passage, document: Document) -> Iterator[Any]:
    match passage:
        case charter.Paragraph():
            yield _paragraph(document, passage.line)._p
        case charter.Bullets():
            for item in passage.items:
                yield _bullet(document, item)._p
        case charter.Table():
            yield _table(document, passage)._tbl
            yield document.add_paragraph()._p  # else two tables in a row become one


def _paragraph(document: Document, line: charter.Line, *, before: str = "") -> Paragraph:
    paragraph = document.add_paragraph(before)
    for run in line:
        added = paragraph.add_run(printing.visible(run.text))
        added.bold, added.italic = run.strong or None, run.emphasis or None
    return paragraph


def _bullet(document: Document, line: charter.Line) -> Paragraph:
    if "List Bullet" in document.styles:
        paragraph = _paragraph(document, line)
        paragraph.style = document.styles["List Bullet"]
    else:
        paragraph = _paragraph(document, line, before="•\u00a0")
        paragraph.paragraph_format.left_indent = Pt(18)
    return paragraph


def _table(document: Document, passage: charter.Table) -> Table:
    table: Table = document.add_table(rows=1 + len(passage.rows), cols=len(passage.head))
    if "Table Grid" in document.styles:
        table.style = document.styles["Table Grid"]
    else:
        table._tbl.tblPr.find(qn("w:tblW")).addnext(_borders())  # Word minds the order
    for index, (row, texts) in enumerate(zip(table.rows, (passage.head, *passage.rows), strict=True)):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.paragraphs[0].add_run(printing.visible(text)).bold = True if index == 0 else None
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    return table


def _borders() -> Any:
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        line.set(qn("w:val"), "single")
        line.set(qn("w:sz"), "4")
        borders.append(line)
    return borders


def _sign(document: Document, properties: Properties) -> None:
    """Only after rendering: docxtpl reads the properties as Jinja, too."""
    core = document.core_properties
    core.title, core.author = (printing.visible(each)[:255] for each in (properties.title, properties.author))
    core.last_modified_by, core.comments = "", ""
    core.language = properties.language
    core.created = core.modified = properties.at.astimezone(UTC).replace(tzinfo=None)
    for element in document.styles.element.iter(qn("w:lang")):
        element.set(qn("w:val"), {"fr": "fr-FR", "en": "en-GB"}[properties.language])
