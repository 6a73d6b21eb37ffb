"""The places of callers whom Asterisk's own end cut off: who calls again within a while has his again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.centre.call import Call

_KEPT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class KeptPlace:
    place: int
    at: datetime


def keep_place(kept: dict[str, KeptPlace], call: Call, now: datetime) -> None:
    """By number; old ones go."""
    for number in [number for number, one in kept.items() if now - one.at >= _KEPT]:
        del kept[number]
    has_place = call.waiting or call.consent
    if call.number is not None and has_place is not None and has_place.place is not None:
        kept[call.number] = KeptPlace(has_place.place, now)


def take_place(kept: dict[str, KeptPlace], number: str, now: datetime) -> int | None:
    """Once."""
    found = kept.pop(number, None)
    return found.place if found is not None and now - found.at < _KEPT else None
