"""Whose turn it is to write: a unit alone, or any number of jobs."""

import asyncio

import pytest

from bridge.errors import InternalError
from bridge.store.turns import Turns


async def turns_of(turns: Turns, log: list[str], name: str, gate: asyncio.Event) -> None:
    async with turns.alone() if name.startswith("unit") else turns.shared():
        log.append(f"{name} in")
        await gate.wait()
        log.append(f"{name} out")


async def ticks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_jobs_beside_each_other_and_units_alone_in_the_order_in_which_they_came() -> None:
    turns, log = Turns(), list[str]()
    gates = {name: asyncio.Event() for name in ("job 1", "job 2", "unit 1", "job 3", "unit 2")}
    tasks = []
    for name, gate in gates.items():
        tasks.append(asyncio.create_task(turns_of(turns, log, name, gate)))
        await ticks()
    assert log == ["job 1 in", "job 2 in"]
    gates["job 2"].set()
    await ticks()
    assert log[2:] == ["job 2 out"], "a unit waits for all jobs before it"
    gates["job 1"].set()
    await ticks()
    assert log[3:] == ["job 1 out", "unit 1 in"]
    gates["unit 1"].set()
    await ticks()
    assert log[5:] == ["unit 1 out", "job 3 in"], "the job that came after the unit comes after it"
    for gate in gates.values():
        gate.set()
    await asyncio.gather(*tasks)
    assert log[7:] == ["job 3 out", "unit 2 in", "unit 2 out"]


async def test_who_is_cancelled_while_he_waits_holds_nobody_up() -> None:
    turns, log, gate = Turns(), list[str](), asyncio.Event()
    job = asyncio.create_task(turns_of(turns, log, "job 1", gate))
    await ticks()
    unit = asyncio.create_task(turns_of(turns, log, "unit 1", gate))
    await ticks()
    unit.cancel()
    await ticks()
    async with asyncio.timeout(1), turns.shared():
        pass
    gate.set()
    await job
    async with asyncio.timeout(1), turns.alone():
        pass
    assert log == ["job 1 in", "job 1 out"]


@pytest.mark.parametrize("kind", ["alone", "shared"])
async def test_a_unit_inside_a_unit_is_told_so(kind: str) -> None:
    turns = Turns()
    async with turns.alone():
        with pytest.raises(InternalError, match="inside a unit"):
            async with getattr(turns, kind)():
                pass
    async with turns.shared():
        pass
