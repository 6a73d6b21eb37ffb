"""Whether a peer that fails again and again is asked at all. Owns the decision, not the asking.

Closed: it is asked. After failures in a row it is open for a while: nobody waits for it. Then one is let
through to try it, and its result closes the circuit again, or opens it for longer.
"""

from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 3  # in a row
FIRST_SECONDS, LONGEST_SECONDS = 15.0, 300.0


@dataclass(slots=True)
class Circuit:
    clock: Callable[[], float]
    failures: int = 0
    open_until: float | None = None  # None while it is closed
    trying: bool = False  # one is let through

    def may_ask(self) -> bool:
        """True is a promise to tell ``succeeded`` or ``failed`` afterwards."""
        if self.open_until is None:
            return True
        if self.trying or self.clock() < self.open_until:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        self.failures, self.open_until, self.trying = 0, None, False

    def failed(self) -> bool:
        """Whether this one has opened it, or opened it again."""
        if self.open_until is not None and not self.trying:
            return False  # asked before it was opened
        self.failures += 1
        if self.failures < FAILURES:
            return False
        seconds = FIRST_SECONDS * 2.0 ** min(self.failures - FAILURES, 30)
        self.open_until = self.clock() + min(LONGEST_SECONDS, seconds)
        self.trying = False
        return True
