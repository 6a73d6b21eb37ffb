"""Timers: an order starts one, a fact says that it fired. Starting one that runs replaces it.

They run by the loop's clock, which nobody can set; when they fire by the wall clock is known as well, so that
another process can let them fire when this one would have.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bridge.centre.facts import Timer, TimerFired
from bridge.centre.orders import StartTimer, StopTimer, TimerOrder

# So late does no timer fire in a process that runs: it stood still, and what came meanwhile is not read yet.
_STOOD_STILL_SECONDS = 1.0
_TO_READ_SECONDS = 0.5


class Timers:
    def __init__(self, fire: Callable[[TimerFired], None]) -> None:
        self._fire = fire
        self._running: dict[Timer, asyncio.TimerHandle] = {}
        self._held: dict[Timer, datetime] = {}  # an earlier process's

    def __len__(self) -> int:
        return len(self._running)

    def carry_out(self, order: TimerOrder, late: timedelta = timedelta(0)) -> None:
        """``late``: how long ago the time began to run."""
        self._held.pop(order.timer, None)
        running = self._running.pop(order.timer, None)
        if running is not None:
            running.cancel()
        if isinstance(order, StartTimer):
            self._start(order.timer, max(order.after - late, timedelta(0)))

    def hold(self, due: Mapping[Timer, datetime]) -> None:
        """Those of an earlier process: until ``go_on`` none fires, and no earlier one is forgotten."""
        self._held |= due

    def go_on(self, now: datetime) -> None:
        held, self._held = self._held, {}
        for timer, at in held.items():
            self._start(timer, max(at - now, timedelta(0)))

    def due(self, now: datetime) -> dict[Timer, datetime]:
        """When each fires by the wall clock."""
        passed = asyncio.get_running_loop().time()
        running = self._running.items()
        return self._held | {
            timer: now + timedelta(seconds=handle.when() - passed) for timer, handle in running
        }

    def _start(self, timer: Timer, after: timedelta) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + after.total_seconds()
        self._running[timer] = loop.call_at(at, self._due, timer, at)

    def _due(self, timer: Timer, at: float) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - at > _STOOD_STILL_SECONDS:
            # Once: a machine that is always so late must not keep it for ever.
            self._running[timer] = loop.call_later(_TO_READ_SECONDS, self._fired, timer)
        else:
            self._fired(timer)

    def _fired(self, timer: Timer) -> None:
        del self._running[timer]
        self._fire(TimerFired(timer))

    def close(self) -> None:
        for timer in list(self._running):
            self.carry_out(StopTimer(timer))
