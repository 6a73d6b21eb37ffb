"""Which encoding a file is in, and where it breaks it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm import encodings
from bridge.crm.encodings import Guess, guess


def of(raw: bytes) -> Guess:
    return guess(io.BufferedReader(io.BytesIO(raw)))  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_each_is_known(encoding: str) -> None:
    assert of("имя;телефон\nАнна;1\n".encode(encoding)) == Guess(encoding)


def test_plain_ascii_is_utf_8() -> None:
    assert of(b"name;number\n") == Guess("utf-8")


def test_a_damaged_byte_is_named_by_line_and_place() -> None:
    head = "имя\nАнна\n".encode()
    assert of(head + b"a\xffb\n\xfe\n") == Guess("utf-8", {3: len(head) + 1, 4: len(head) + 4})


def test_a_character_that_is_cut_off_at_the_end() -> None:
    raw = "имя\nАнна".encode()
    assert of(raw[:-1]) == Guess("utf-8", {2: len(raw) - 2})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), st.integers(1, 9))
def test_where_blocks_end_does_not_matter(text: str, block: int) -> None:
    raw = text.encode()
    whole = of(raw)
    before, encodings._BLOCK = encodings._BLOCK, block
    try:
        assert of(raw) == whole
    finally:
        encodings._BLOCK = before
    if not text.encode().startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        assert whole == Guess("utf-8")
