import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from engine.mail import encode

# Anything a keyboard, a paste from a word processor or an attacker can bring.
texts = st.text(max_size=400) | st.text(alphabet=" .=\t\r\nFrom é😀\u202f\u200f", max_size=400)


def assert_rules(encoded: bytes) -> None:
    assert encoded.isascii()
    assert b"\r" not in encoded.replace(b"\r\n", b"")
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert encoded == b"" or encoded.endswith(b"\r\n")
    assert b"  " not in encoded  # RFC 6376 §3.4.4
    assert b"\t" not in encoded
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From ", b"--"))
        assert not line.endswith(b" ")
        assert b"=_" not in line


def decoded(encoded: bytes) -> str:
    return quopri.decodestring(encoded).decode("utf-8").replace("\r\n", "\n")


@given(texts)
@example("." * 200)
@example("=" * 100)
@example("From here\nFrom there")
@example("x" * 75)
@example("x" * 76)
@example("x" * 75 + ".")
@example("x" * 73 + "é ")
@example("\t")
@example("a  b   c \t d    ")
@example("x" * 74 + "   y")
def test_text_comes_back_and_obeys_the_rules(source: str) -> None:
    encoded = encode.text(source)
    assert_rules(encoded.replace(b"\r\n--", b"\r\nx-").removeprefix(b"--"))
    assert decoded(encoded) == encode.clean(source)


@given(texts)
@example("." * 10_000)
@example("é" * 10_000)
@example("x" * 75)
@example("x" * 76)
@example("x" * 151)
@example("Marie  Anne")
@example("Marie ")
def test_a_value_stays_on_its_line(source: str) -> None:
    encoded = encode.value(source)
    assert_rules(encoded.replace(b"\r\n--", b"\r\nx-").removeprefix(b"--"))
    assert encoded == b"" or encoded.endswith(encode.SOFT_BREAK)
    assert decoded(encoded) == encode.one_line(source)
    assert "\n" not in decoded(encoded)


@given(st.lists(texts, max_size=6))
def test_pieces_join_in_any_order(sources: list[str]) -> None:
    joined = b"".join(encode.text(source) for source in sources)
    assert decoded(joined) == "".join(encode.clean(source) for source in sources)


def test_what_no_reader_shows_is_gone() -> None:
    assert decoded(encode.text("a\x00b\u2028c\x85d\ud800e\r\nf\rg")) == "a b c d e\nf\ng"
