"""A filled skeleton reads as plain Jinja and the standard library would have written it."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from engine.core import delivery, errors
from engine.core.course import markup
from engine.mail import dress, encode, fill, header, letters, message, render, skeleton

DRESS = dress.Dress(
    "fr", "https://exemple.fr", "Association Exemple", "Parcours <p@exemple.fr>", slug="essai"
)
HEADERS = message.standing(delivery.Kind.LESSON, DRESS)
ENVELOPE = message.Envelope(
    "Alice", "alice@exemple.fr", "abc@exemple.fr", datetime(2027, 3, 30, tzinfo=UTC), "https://exemple.fr/u/a"
)
NAMES = ("learner.first_name", "learner.company", "link.my", "link.activity.point-1")
CONDITIONS = ("learner.size >= 50", 'learner.region == "FR-57"')

hostile = st.sampled_from(
    [
        ".",
        "..",
        ".\r\n.",
        "=",
        "=3D",
        "a\r\nBcc: charlie@exemple.fr",
        "<script>alert('&amp;\")</script>",
        "{{ 7 * 7 }}",
        "😀" * 40,
        "\u202eזאת עברית",
        "x" * 10_000,
        "é" * 5_000,
        "From ",
        " ",
        "",
        "\u2028\x00",
        "--=_parcours--",
    ]
)
typed = st.text(max_size=200) | hostile
links = st.from_regex(r"https?://[a-z.]{1,80}/[!#-;=?-~]{0,200}", fullmatch=True)
values = st.fixed_dictionaries({name: links if name.startswith("link.") else typed for name in NAMES})
literals = st.text(st.characters(exclude_characters="\ue000\ue001", exclude_categories=["Cs"]), max_size=120)
slots = st.sampled_from(NAMES).map(skeleton.slot)
flat = st.lists(literals | slots | st.just("\n") | st.just("."), max_size=8).map("".join)
blocks = st.tuples(st.sampled_from(CONDITIONS), flat).map(
    lambda drawn: skeleton.opening(drawn[0]) + drawn[1] + skeleton.closing()
)
marked = st.lists(flat | blocks, max_size=6).map("".join)
held = st.sets(st.sampled_from(CONDITIONS))


def as_jinja(text: str) -> str:
    """The same template for Jinja."""
    said = {"slot": "{{{{ values[{!r}] }}}}", "if": "{{% if {!r} in held %}}", "end": "{{% endif %}}"}
    return "".join(
        f"{{{{ literals[{index}] | safe }}}}" if kind == "text" else said[kind].format(content)
        for index, (kind, content) in enumerate(skeleton.tokens(text))
    )


def rendered(text: str, values: dict[str, str], held: set[str], *, escaped: bool) -> str:
    environment = Environment(autoescape=escaped, keep_trailing_newline=True)
    spoken = [encode.clean(content) for _, content in skeleton.tokens(text)]
    said = {name: encode.one_line(value) for name, value in values.items()}
    return environment.from_string(as_jinja(text)).render(literals=spoken, values=said, held=held)


def reference(parts: fill.Parts, values: dict[str, str], held: set[str]) -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    plain = rendered(parts.text.rstrip() + "\n", values, held, escaped=False)
    html = rendered(parts.html.rstrip() + "\n", values, held, escaped=True)
    mail.set_content(plain, cte="base64")
    mail.add_alternative(html, subtype="html", cte="base64")
    return message_from_bytes(mail.as_bytes(), policy=policy.default)


def assert_same(parts: fill.Parts, values: dict[str, str], held: set[str]) -> None:
    data = fill.fill(fill.build(parts, HEADERS, sender="b@example.org"), values, held.__contains__, ENVELOPE)
    assert_bytes(data)
    mail, expected = message_from_bytes(data, policy=policy.default), reference(parts, values, held)
    assert not mail.defects
    assert mail.get_content_type() == expected.get_content_type()
    for ours, theirs in zip(mail.iter_parts(), expected.iter_parts(), strict=True):
        assert ours.get_content_type() == theirs.get_content_type()
        assert ours.get_content_charset() == theirs.get_content_charset()
        assert not ours.defects
        assert ours.get_content().replace("\r\n", "\n") == theirs.get_content().replace("\r\n", "\n")


def assert_bytes(data: bytes) -> None:
    """RFC 5321 §4.5.2, RFC 5322 §2.1.1, RFC 2045 §6.7."""
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert b"\x00" not in data
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    fields, _, body = data.partition(b"\r\n\r\n")
    assert b"Bcc" not in fields
    assert all(len(line) <= 998 for line in fields.split(b"\r\n"))
    assert Relaxed.canonicalize_body(body) == body  # RFC 6376 §3.4.4, by dkimpy
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")


@given(text=marked, html=marked, values=values, held=held)
@settings(max_examples=300, deadline=None)
def test_any_skeleton_reads_like_the_reference(
    text: str, html: str, values: dict[str, str], held: set[str]
) -> None:
    assert_same(fill.Parts("Leçon", text, html), values, held)


def lesson() -> fill.Parts:
    """All that a lesson can hold, with every kind of slot."""
    source = """Bonjour {{ learner.first_name }}, de {{ learner.company }} : [la suite](activite:point-1).

:::si learner.size >= 50
Le CSE de {{ learner.company }}.

:::bouton activite:point-1
C'est fait
:::
:::

:::si learner.region == "FR-57"
- [ ] Vendredi saint
:::
"""
    document = markup.parse(source)
    assert not document.oddities
    web = skeleton.slot("link.my")
    return render.parts(
        letters.Lesson("Essai", "Pour {{ learner.first_name }}", "M", 1, 2, 3, document, web, web, web), DRESS
    )


LESSON = lesson()


@given(values=values, held=held)
@example(values=dict.fromkeys(NAMES, "https://exemple.fr/?a=1&b='2'"), held=set(CONDITIONS))
@example(values=dict.fromkeys(NAMES, "https://exemple.fr/" + "x" * 56), held=set())
@example(values=dict.fromkeys(NAMES, "https://exemple.fr/" + "x" * 57), held=set())
@settings(deadline=None)
def test_a_lesson_reads_like_the_reference(values: dict[str, str], held: set[str]) -> None:
    if header._CONTROL.search(values["learner.first_name"]):  # it stands in the subject
        with pytest.raises(header.Unsendable):
            assert_same(LESSON, values, held)
        return
    assert_same(LESSON, values, held)


@given(first_name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80))
def test_a_slot_in_the_subject(first_name: str) -> None:
    build = fill.build(
        fill.Parts(f"Pour {skeleton.slot('learner.first_name')} !", "", ""), HEADERS, sender="b@example.org"
    )
    data = fill.fill(build, {"learner.first_name": first_name}, lambda condition: False, ENVELOPE)
    assert str(message_from_bytes(data, policy=policy.default)["Subject"]) == f"Pour {first_name} !"


def test_each_condition_is_asked_once() -> None:
    block = skeleton.opening("learner.size >= 50") + "Le CSE" + skeleton.closing()
    asked: list[str] = []
    fill.fill(
        fill.build(fill.Parts("Leçon", block * 2, block), HEADERS, sender="b@example.org"),
        {},
        asked.append,  # type: ignore[arg-type]
        ENVELOPE,
    )
    assert asked == ["learner.size >= 50"]


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "",
        "https://exemple.fr/ a",
        'https://exemple.fr/"',
        "//exemple.fr",
        "https://é.fr",
    ],
)
def test_a_link_is_a_web_address(link: str) -> None:
    for parts in (fill.Parts("", skeleton.slot("link.my"), ""), fill.Parts("", "", skeleton.slot("link.my"))):
        with pytest.raises(errors.ParcoursError):
            fill.fill(
                fill.build(parts, HEADERS, sender="b@example.org"),
                {"link.my": link},
                lambda condition: False,
                ENVELOPE,
            )


def test_a_slot_without_a_value_is_named() -> None:
    build = fill.build(fill.Parts("", skeleton.slot("learner.company"), ""), HEADERS, sender="b@example.org")
    with pytest.raises(errors.ParcoursError, match=r"learner\.company"):
        fill.fill(build, {}, lambda condition: False, ENVELOPE)


@pytest.mark.parametrize(
    "broken",
    [
        "\ue000",
        "a \ue001",
        skeleton.opening("a") + skeleton.opening("b") + skeleton.closing() + skeleton.closing(),
        skeleton.opening("a"),
        skeleton.closing(),
        "\ue000if zz\ue001",
    ],
)
def test_a_broken_mark_is_refused(broken: str) -> None:
    with pytest.raises(errors.ParcoursError):
        fill.build(fill.Parts("Leçon", broken, ""), HEADERS, sender="b@example.org")
