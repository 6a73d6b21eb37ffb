"""Carries the comparison with Asterisk out, each time the link to it is up. What follows is ``adopt``'s."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from bridge.centre.facts import LinkUp
from bridge.centre.ids import LegId, PromptId
from bridge.engine.adopt import RINGS_WITHIN, Reconciled, ask, reconcile, unrung
from bridge.engine.loop import Engine, utc_now
from bridge.engine.ports import Survey
from bridge.errors import RemoteError

log = structlog.get_logger(__name__)


class Adoption:
    """``ends``: when channels ended that nobody of us heard end."""

    def __init__(
        self,
        engine: Engine,
        *,
        survey: Callable[[Mapping[PromptId, LegId]], Awaitable[Survey]],
        states: Callable[[], Awaitable[Mapping[LegId, str]]],
        ends: Callable[[], Awaitable[Mapping[str, datetime]]],
    ) -> None:
        self._engine = engine
        self._survey = survey
        self._states = states
        self._ends = ends
        self._done = asyncio.Event()
        self._second_look: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """What happened meanwhile is told, what is nobody's is ended. Raises RemoteError."""
        self._engine.dispatch.try_again()
        asked = ask(self._engine.floor)
        survey, ends = await asyncio.gather(self._survey(asked.prompts), self._ends())
        found = reconcile(self._engine.floor, asked, survey, ends, utc_now())
        await self._carry_out(found)
        self._done.set()
        await self.close()
        if found.silent:
            # Beside everything else: until ``run`` returns no event is told.
            self._second_look = asyncio.create_task(self._look_again(found.silent), name="second look")

    async def told(self) -> None:
        """The events that came meanwhile are told as well: offers go on, and an earlier process's timers."""
        await self._engine.inbox.put_and_wait(LinkUp())
        self._engine.timers.go_on(utc_now())

    async def done_once(self, seconds: float) -> None:
        """Returns when the calls that live are ours, or when that takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._done.wait()
        self._done.set()

    async def close(self) -> None:
        if self._second_look is not None:
            self._second_look.cancel()
            await asyncio.gather(self._second_look, return_exceptions=True)
            self._second_look = None

    async def _look_again(self, silent: Collection[LegId]) -> None:
        await asyncio.sleep(RINGS_WITHIN.total_seconds())
        try:
            states = await self._states()
        except RemoteError as error:
            log.info("the next comparison will tell", action="adopt.silent", error=str(error))
            return
        await self._carry_out(unrung(self._engine.floor, silent, states))

    async def _carry_out(self, found: Reconciled) -> None:
        for told in found.facts:
            if self._done.is_set():
                await self._engine.inbox.put(told.fact, told.at)
            else:
                # Nothing is decided yet: before all that others have told meanwhile.
                self._engine.take(told.fact, told.at)
        for order in found.orders:
            self._engine.dispatch.send(order)
