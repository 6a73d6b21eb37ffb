"""How long to wait before the next attempt. Owns the numbers, not the waiting."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Doubles from ``first`` to ``ceiling`` seconds; jitter takes up to half of it away.

    The jitter keeps many clients of one restarted peer from coming back in step.
    """

    first: float = 0.25
    ceiling: float = 10.0
    jitter: Callable[[], float] = field(default=random.random)
    _attempts: int = field(default=0, init=False)

    def next_delay(self) -> float:
        # The exponent is bounded: a link that is down for days must not overflow a float.
        whole = min(self.ceiling, self.first * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return whole * (1.0 - self.jitter() / 2)

    def reset(self) -> None:
        self._attempts = 0
