"""How long a caller will probably wait, from how fast this queue has been served. Owns the measuring only.

While a line stands, agents take its callers one after another: the time between two answers, with people
waiting all along, is the queue's service interval. The n-th caller waits about n of them. It follows the day
(a moving average), so neither the plan's guess nor yesterday is in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_WEIGHT = 0.2  # of the newest interval: about the last ten count
_LONGEST = 3600.0  # seconds; a longer one is a stepped clock, or no service at all


@dataclass(slots=True)
class ServiceRate:
    interval: float | None = None  # seconds
    last: datetime | None = None

    def answered(self, now: datetime, waiting: bool) -> None:
        """Somebody was answered; ``waiting`` callers are left."""
        if self.last is not None:
            passed = (now - self.last).total_seconds()
            if 0.0 <= passed <= _LONGEST:
                known = self.interval if self.interval is not None else passed
                self.interval = known + (passed - known) * _WEIGHT
        self.last = now if waiting else None

    def emptied(self) -> None:
        """Nobody waits: the time until the next answer says nothing about the service."""
        self.last = None

    def expected(self, position: int) -> timedelta | None:
        return None if self.interval is None else timedelta(seconds=self.interval * position)
