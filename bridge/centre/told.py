"""Facts that come again though nothing new has happened, because what they tell of is asked for again.

A recorder that runs already says that it runs; an order of the store that may have been carried out is
carried out once more. Owns which of them were told: the log tells everything once.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.centre.facts import Fact, RecordingAttached, RecordingStarted, TicketOpened
from bridge.centre.ids import CallId

_FEW = 1_000  # of so few it is not looked whose call is over


def _key(fact: Fact) -> str | None:
    """Its call, and what of it is told."""
    match fact:
        case RecordingStarted(call=call, recording=what) | RecordingAttached(call=call, recording=what):
            return f"{call} {type(fact).__name__} {what}"
        case TicketOpened(call=call):
            return f"{call} {type(fact).__name__}"
        case _:
            return None


@dataclass(slots=True)
class Told:
    """Of a call that is over it is kept for ``kept``."""

    kept: timedelta
    since: dict[str, datetime] = field(default_factory=dict)
    _looked_over_at: int = field(default=_FEW, compare=False)  # when there are so many

    def knows(self, fact: Fact) -> bool:
        key = _key(fact)
        return key is not None and key in self.since

    def take(self, fact: Fact, now: datetime, calls: Container[CallId]) -> None:
        """``calls``: those that live."""
        key = _key(fact)
        if key is None:
            return
        self.since[key] = now
        if len(self.since) >= self._looked_over_at:
            self.since = {
                key: at
                for key, at in self.since.items()
                if CallId(key.partition(" ")[0]) in calls or abs(now - at) <= self.kept
            }
            self._looked_over_at = max(_FEW, 2 * len(self.since))
