"""Writes that come close together share a transaction: one costs more than what is done in it.

Who comes alone waits for nobody. Those who come while a transaction is under way make the next one; if that
fails, each is tried alone, so that one's fault is not the others'.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.errors import CallbridgeError
from bridge.store import Store, SyncUnit

T = TypeVar("T")
_MOST = 50


@dataclass(frozen=True, slots=True)
class _Wish:
    do: Callable[[SyncUnit], Any]
    done: "asyncio.Future[Any]"


class Together:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._wishes: list[_Wish] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, do: Callable[[SyncUnit], T]) -> T:
        """As ``Store.write``; who is cancelled meanwhile may have written all the same."""
        wish = _Wish(do, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="callbacks write")
        result: T = await wish.done
        return result

    async def flushed(self) -> None:
        """Returns when nothing is under way any more."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._wishes:
                wishes, self._wishes = self._wishes[:_MOST], self._wishes[_MOST:]
                await self._carry_out(wishes)
        finally:
            self._writer = None

    async def _carry_out(self, wishes: list[_Wish]) -> None:
        try:
            results = await self._store.write(lambda unit: [wish.do(unit) for wish in wishes])
        except Exception as error:
            if len(wishes) == 1 or (isinstance(error, CallbridgeError) and error.retryable):
                for wish in wishes:
                    _fail(wish, error)
                return
            for wish in wishes:
                await self._carry_out([wish])
            return
        except asyncio.CancelledError:
            for wish in wishes:
                wish.done.cancel()
            raise
        for wish, result in zip(wishes, results, strict=True):
            if not wish.done.done():
                wish.done.set_result(result)


def _fail(wish: _Wish, error: Exception) -> None:
    if not wish.done.done():
        wish.done.set_exception(error)
