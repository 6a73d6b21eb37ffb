"""What goes into columns: times in UTC, clean text, folded words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from bridge.errors import InternalError
from bridge.store.client_values import words_of
from bridge.store.engine import read_url
from bridge.store.tables import UtcDateTime, clean

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SQLITE, POSTGRESQL = sqlite.dialect(), postgresql.dialect()  # type: ignore[no-untyped-call]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_a_time_comes_back_aware_and_equal(at: datetime) -> None:
    for dialect in (SQLITE, POSTGRESQL):
        kind = UtcDateTime()
        back = kind.process_result_value(kind.process_bind_param(at, dialect), dialect)
        assert back == at
        assert back is not None
        assert back.tzinfo is UTC


def test_a_time_without_a_zone_is_our_own_fault() -> None:
    with pytest.raises(InternalError, match="zone"):
        UtcDateTime().process_bind_param(datetime(2025, 1, 1), SQLITE)  # noqa: DTZ001


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=50))
def test_clean_text_fits_every_database_and_is_stable(text: str) -> None:
    once = clean(text)
    once.encode()
    assert "\0" not in once
    assert clean(once) == once


@given(st.text(max_size=200))
def test_words_are_folded_and_bounded(text: str) -> None:
    words = words_of(text)
    assert all(0 < len(word) <= 60 for word in words)
    assert len(words) <= 40


def test_words_fold_case_accents_and_yo() -> None:
    assert words_of("Пётр ЁЛКИН-Šmíd_2 straße") == {"петр", "елкин", "smid", "2", "strasse"}


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////var/x.db", "sqlite+aiosqlite"),
        ("postgres://u@h/d", "postgresql+asyncpg"),
        ("postgresql://u:p@h:5433/d", "postgresql+asyncpg"),
    ],
)
def test_urls_get_the_driver_that_we_have(url: str, driver: str) -> None:
    assert read_url(url).drivername == driver
