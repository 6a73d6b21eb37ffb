"""Timers: an order starts one, a fact says that it fired. Starting one that runs replaces it."""

import asyncio
from collections.abc import Callable

from bridge.centre.facts import Timer, TimerFired
from bridge.centre.orders import StartTimer, StopTimer, TimerOrder


class Timers:
    def __init__(self, fire: Callable[[TimerFired], None]) -> None:
        self._fire = fire
        self._running: dict[Timer, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._running)

    def carry_out(self, order: TimerOrder) -> None:
        running = self._running.pop(order.timer, None)
        if running is not None:
            running.cancel()
        if isinstance(order, StartTimer):
            loop = asyncio.get_running_loop()
            self._running[order.timer] = loop.call_later(
                order.after.total_seconds(), self._fired, order.timer
            )

    def _fired(self, timer: Timer) -> None:
        del self._running[timer]
        self._fire(TimerFired(timer))

    def close(self) -> None:
        for timer in list(self._running):
            self.carry_out(StopTimer(timer))
