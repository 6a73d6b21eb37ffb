"""When something that could not be told is tried again, and how long a receiver may ask us to wait. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# Between the tries, as the operational part of Standard Webhooks 1.0 has them: ten tries within three days.
DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
_JITTER = 0.2  # of a delay: many events of one outage must not come back in step
_BUSY = timedelta(seconds=30)  # a receiver that is busy and does not say for how long
_LONGEST = timedelta(hours=1)
_SHORTEST = timedelta(seconds=1)

SLOW_DOWN = frozenset({429, 502, 503, 504})
GONE = 410


def next_try(
    tries: int, now: datetime, random: Callable[[], float], delays: tuple[timedelta, ...] = DELAYS
) -> datetime | None:
    """After ``tries`` tries without success; None when there is none left. ``random`` is from 0 to 1."""
    if tries > len(delays):
        return None
    delay = delays[tries - 1]
    return now + delay * (1 + _JITTER * (random() - 0.5))


def slow_until(status: int, headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Until when a receiver must be left alone, by its reply; None: it need not."""
    if status not in SLOW_DOWN:
        return None
    wait = _retry_after(headers.get("retry-after", ""), now)
    return now + min(max(wait if wait is not None else _BUSY, _SHORTEST), _LONGEST)


def _retry_after(written: str, now: datetime) -> timedelta | None:
    """RFC 9110, 10.2.3: seconds, or a date. None for what is neither."""
    written = written.strip()
    if written.isascii() and written.isdigit():
        return timedelta(seconds=min(int(written[:10]), 10**9))
    try:
        until = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return until - now if until.tzinfo is not None else None
