"""Word templates as authors make them."""

import io
from collections.abc import Callable
from typing import Any

import docx


def template(write: Callable[[Any], Any]) -> bytes:
    """A Word file of an author's."""
    document, made = docx.Document(), io.BytesIO()
    write(document)
    document.save(made)
    return made.getvalue()


def lines(*texts: str) -> bytes:
    return template(lambda document: [document.add_paragraph(text) for text in texts])


ARTICLES = ("{%p for article in articles %}", "{{ article.title }}", "{{p article.body }}", "{%p endfor %}")
