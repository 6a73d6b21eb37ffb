"""Cursors and ids from outside: what was given out comes back, anything else is BadInput."""

import base64
import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInput
from bridge.store import keys

TIMES = st.datetimes(timezones=st.just(UTC))


@given(st.integers(1, 2**31 - 1))
def test_an_id_cursor_comes_back(value: int) -> None:
    assert keys.read_id_cursor("tickets", keys.id_cursor("tickets", value)) == value


@given(TIMES, st.text(alphabet="0123456789.-abc", max_size=60))
def test_a_time_cursor_comes_back(at: datetime, value: str) -> None:
    assert keys.read_time_cursor("calls", keys.time_cursor("calls", at, value)) == (at, value)


ENCODED = st.binary(max_size=120).map(lambda raw: base64.urlsafe_b64encode(raw).decode())


@given(st.one_of(st.text(max_size=600), ENCODED))
def test_no_hostile_cursor_gets_further_than_bad_input(cursor: str) -> None:
    for read in (keys.read_id_cursor, keys.read_time_cursor):
        with contextlib.suppress(BadInput):
            read("calls", cursor)


@pytest.mark.parametrize(
    "body",
    [
        b'["calls",1]',
        b'["tickets",0]',
        b'["tickets",-5]',
        b'["tickets",99999999999999999999999999]',
        b'["tickets",true]',
        b'["tickets",1.5]',
        b'["tickets","1"]',
        b'["tickets"]',
        b'["tickets",1,2]',
        b'{"tickets":1}',
        b"[" * 200,
        b"null",
        b"",
    ],
)
def test_another_lists_cursor_and_broken_ones_are_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="first page without a cursor"):
        keys.read_id_cursor("tickets", base64.urlsafe_b64encode(body).decode().rstrip("="))


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2025-01-01", "0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"]
)
def test_a_time_of_no_use_is_refused(at: str) -> None:
    body = base64.urlsafe_b64encode(f'["calls","{at}","x"]'.encode()).decode()
    try:
        when, _ = keys.read_time_cursor("calls", body) or (None, "")
    except BadInput:
        return
    assert when is not None
    assert when.tzinfo is not None


@pytest.mark.parametrize("limit", [0, -1, 501, 10**30])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(BadInput, match="limit"):
        keys.limit_of(limit)


def test_a_page_knows_whether_there_is_another() -> None:
    full = keys.page_of([1, 2, 3], 2, str, lambda item: f"c{item}")
    last = keys.page_of([3], 2, str, lambda item: f"c{item}")
    assert (full.items, full.cursor) == (("1", "2"), "c2")
    assert (last.items, last.cursor) == (("3",), None)
