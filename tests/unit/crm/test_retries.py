"""When it is tried again, and how long a receiver may make us wait."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.crm.retries import DELAYS, next_try, slow_until

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_ten_tries_within_some_three_days() -> None:
    for chance in (0.0, 0.5, 1.0):
        at, tries = NOW, 0
        while True:
            tries += 1
            following = next_try(tries, at, lambda by=chance: by)
            if following is None:
                break
            assert abs((following - at) / DELAYS[tries - 1] - 1) <= 0.1 + 1e-9
            at = following
        assert tries == 10
        assert timedelta(days=2.8) < at - NOW < timedelta(days=3.5)


@pytest.mark.parametrize(
    ("status", "written", "seconds"),
    [
        (429, "7", 7),
        (503, " 120 ", 120),
        (502, "", 30),
        (504, "0", 1),
        (429, "999999999999999", 3600),
        (429, "-5", 30),
        (429, "soon", 30),
        (429, "٣", 30),
        (429, "Sun, 29 Nov 2026 12:01:00 GMT", 60),
        (429, "Sun, 29 Nov 2020 12:01:00 GMT", 1),
        (429, "Sun, 99 Nov 2026 99:01:00 GMT", 30),
        (500, "7", None),
        (200, "7", None),
    ],
)
def test_retry_after_in_both_forms_and_within_bounds(status: int, written: str, seconds: int | None) -> None:
    until = slow_until(status, {"retry-after": written}, NOW)
    assert until == (None if seconds is None else NOW + timedelta(seconds=seconds))
    if status == 429:
        assert slow_until(status, {}, NOW) == NOW + timedelta(seconds=30)
