"""CSV as we write it: harmless in a spreadsheet, and the same when it is read again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.cells import Delimiter, guarded, rows_as_bytes, unguarded


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "+7916x", "+7|+8 "])
def test_a_formula_is_none_any_more(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Анна", "+79161234567", "+79161234567|+74950000001", "a=1", "'x"])
def test_what_calculates_nothing_stays(text: str) -> None:
    assert guarded(text) == text


@given(st.text(max_size=50))
def test_what_was_meant_comes_back(text: str) -> None:
    if not (text.startswith("'") and text[1:2] in {"=", "+", "-", "@", "\t", "\r"}):
        assert unguarded(guarded(text)) == text


@given(
    st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=4), max_size=5),
    st.sampled_from(list(Delimiter)),
)
def test_rows_are_read_as_they_were_written(rows: list[list[str]], delimiter: Delimiter) -> None:
    raw = rows_as_bytes(rows, delimiter)
    sign = {Delimiter.COMMA: ",", Delimiter.SEMICOLON: ";", Delimiter.TAB: "\t"}[delimiter]
    read = list(csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=sign))
    assert read == [[guarded(cell) for cell in row] for row in rows]
