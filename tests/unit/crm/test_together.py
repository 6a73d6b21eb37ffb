"""Writes that share a transaction: each has its own result, and its own fault."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.crm.together import Together
from bridge.errors import BadInput, LinkDown


class Store:
    """Counts transactions; one that fails has done nothing."""

    def __init__(self) -> None:
        self.transactions: list[Any] = []
        self.down = False

    async def write(self, do: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        if self.down:
            raise LinkDown("the database is away")
        result = do(None)
        self.transactions.append(result)
        return result


@pytest.fixture
def store() -> Store:
    return Store()


async def test_who_comes_meanwhile_shares_the_next_one(store: Store) -> None:
    together = Together(store)  # type: ignore[arg-type]
    first = asyncio.create_task(together.write(lambda _: "first"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(together.write(lambda _, n=n: n)) for n in range(5)]
    assert await first == "first"
    assert await asyncio.gather(*others) == [0, 1, 2, 3, 4]
    assert len(store.transactions) <= 3
    await together.flushed()
    assert together._writer is None


async def test_ones_fault_is_not_the_others(store: Store) -> None:
    together = Together(store)  # type: ignore[arg-type]

    def wrong(_: object) -> None:
        raise BadInput("no")

    found = await asyncio.gather(
        together.write(lambda _: 1),
        together.write(wrong),
        together.write(lambda _: 3),
        return_exceptions=True,
    )
    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], BadInput)


async def test_while_the_database_is_away_all_are_told_so_and_later_all_is_well(store: Store) -> None:
    together = Together(store)  # type: ignore[arg-type]
    store.down = True
    found = await asyncio.gather(*(together.write(lambda _: 1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, LinkDown) for one in found)
    store.down = False
    assert await together.write(lambda _: 2) == 2


async def test_who_is_cancelled_holds_up_nobody(store: Store) -> None:
    together = Together(store)  # type: ignore[arg-type]
    one = asyncio.create_task(together.write(lambda _: 1))
    other = asyncio.create_task(together.write(lambda _: 2))
    await asyncio.sleep(0)
    one.cancel()
    assert await other == 2
