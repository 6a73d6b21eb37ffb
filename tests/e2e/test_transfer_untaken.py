"""Clients whom nobody takes, and transfers given up, on the real Asterisk: each is back with who had him.

With ``-s`` each row is printed, as in test_transfer_matrix.py.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import cycle
from typing import Any

import pytest

from tests.e2e.parts import eventually
from tests.e2e.scene import echo_outside, nobody_outside, rings_outside
from tests.e2e.test_transfer_matrix import PLACES, WAYS, consults, rings, told, whole
from tests.e2e.test_transfers import ANNA, BORIS, SUPERVISOR, Begin, Talk, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("kind", "way", "code", "end"),
    [
        whole(*kind_and_way, *answer, is_whole=row % 2 == 0)
        for row, (kind_and_way, answer) in enumerate(
            zip(WAYS, cycle([(486, "busy"), (603, "rejected")]), strict=False)
        )
    ],
)
async def test_nobody_takes_him(begin: Begin, kind: str, way: str, code: int, end: str) -> None:
    talk = await begin(BORIS, answer=None)
    begun = time.monotonic()

    async def refuses() -> None:
        await rings(talk, "agent")
        # Who passes on is out before: with REFER and Replaces it takes Asterisk half a second (22.10).
        await asyncio.sleep(1.2 if kind == "blonde" else 0.3 if kind == "blind" else 0)
        await talk.phone(BORIS).do(do="reject", code=code)

    refusing = asyncio.create_task(refuses())
    if kind == "attended" and way == "page":
        await talk.pass_on(ANNA, attended=True, agent=BORIS)
        await talk.stage(ANNA, "")
    elif kind == "attended":
        await consults(talk, "agent")
        await talk.phone(ANNA).event("ended")  # the line on which she dialled
        await talk.phone(ANNA).do(do="unhold")
        await talk.phone(ANNA).event("unheld")
    else:
        await WAYS[kind, way](talk, "agent")
        await talk.phone(ANNA).event("incoming", 2)
        await talk.phone(ANNA).event("answered", 2)
    await refusing
    await talk.talks(ANNA)
    seconds = time.monotonic() - begun

    async def known() -> Any:
        return (await talk.api.get(f"/agents/{ANNA}/call"))["transfers"][-1]["end"]

    await eventually(known, lambda seen: seen == end)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    call = await told(talk, f"{kind} by {way} to agent", seconds)
    (transfer,) = call["transfers"]
    assert (transfer["kind"], transfer["end"], transfer["to"]) == (kind, end, None)
    assert call["agent"] == ANNA


STATUS = {"busy": "486 Busy Here", "rejected": "603 Decline", "no_answer": "480 Temporarily Unavailable"}


@pytest.mark.parametrize(
    ("kind", "way", "target", "end"),
    [
        ("attended", "page", "supervisor", "busy"),
        ("blind", "page", "number", "busy"),
        whole("blind", "page", "supervisor", "rejected", is_whole=True),
        whole("blind", "phone", "supervisor", "busy", is_whole=True),
        whole("attended", "page", "number", "rejected", is_whole=True),
        whole("blind", "phone", "number", "rejected", is_whole=True),
        whole("blind", "page", "number", "no_answer", is_whole=True),
    ],
)
async def test_nobody_takes_him_there(begin: Begin, kind: str, way: str, target: str, end: str) -> None:
    talk = await begin(*([SUPERVISOR] if target == "supervisor" else []), answer=None)
    async with AsyncExitStack() as stack:
        if target == "number":
            await stack.enter_async_context(nobody_outside(talk.lab, STATUS[end]))
        begun = time.monotonic()
        if kind == "attended":
            await talk.pass_on(ANNA, attended=True, **PLACES[target][1])
        else:
            await WAYS[kind, way](talk, target)
        if target == "supervisor":
            await rings(talk, target)
            await asyncio.sleep(0.3)
            await talk.phone(SUPERVISOR).do(do="reject", code=int(STATUS[end][:3]))
        if kind == "blind":  # she is out, and is rung again
            await talk.phone(ANNA).event("answered", 2)
        await ended(talk, end)
        await talk.talks(ANNA)
        seconds = time.monotonic() - begun
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    call = await told(talk, f"{kind} by {way} to {target}", seconds)
    assert (call["transfers"][0]["target"], call["agent"]) == (PLACES[target][3], ANNA)


@pytest.mark.parametrize(
    ("way", "target"),
    [whole(way, target, is_whole=target != "agent") for way in ("page", "phone") for target in PLACES],
)
async def test_given_up(begin: Begin, way: str, target: str) -> None:
    taker = PLACES[target][0]
    talk = await begin(*([taker] if taker else []))
    async with AsyncExitStack() as stack:
        if not taker:
            await stack.enter_async_context(echo_outside(talk.lab))
        begun = time.monotonic()
        if way == "page":
            await talk.pass_on(ANNA, attended=True, **PLACES[target][1])
            await talk.stage(ANNA, "consulting")
            await talk.wish(ANNA, "give_up")
        else:
            await consults(talk, target)
            await talk.stage(ANNA, "consulting")
            await talk.phone(ANNA).do(do="hangup", line=2)
            await talk.stage(ANNA, "")
            await talk.phone(ANNA).do(do="unhold")
            await talk.phone(ANNA).event("unheld")
        await talk.stage(ANNA, "")
        seconds = time.monotonic() - begun
        if taker:
            await talk.phone(taker).event("ended")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    call = await told(talk, f"attended by {way} to {target}", seconds)
    (transfer,) = call["transfers"]
    wanted = ("attended", PLACES[target][3], "given_up", None)
    assert tuple(transfer[name] for name in ("kind", "target", "end", "to")) == wanted
    assert call["agent"] == ANNA


@pytest.mark.whole
@pytest.mark.parametrize(
    ("kind", "way", "target"),
    [
        ("blind", "page", "agent"),
        ("attended", "page", "agent"),
        ("attended", "phone", "agent"),
        ("blind", "page", "supervisor"),
        ("attended", "page", "supervisor"),
        ("blind", "page", "number"),
        ("attended", "page", "number"),
    ],
)
async def test_nobody_answers_for_so_long(begin: Begin, kind: str, way: str, target: str) -> None:
    taker = PLACES[target][0]
    talk = await begin(*([taker] if taker else []), answer=None)
    async with AsyncExitStack() as stack:
        if not taker:
            await stack.enter_async_context(rings_outside(talk.lab))
        begun = time.monotonic()
        if kind == "blind":
            await WAYS[kind, way](talk, target)
            await talk.phone(ANNA).event("answered", 2, seconds=60)
        elif way == "page":
            await talk.pass_on(ANNA, attended=True, **PLACES[target][1])
            await ended(talk, "no_answer")
        else:
            await consults(talk, target)
            await talk.phone(ANNA).event("ended", seconds=60)  # the line on which she dialled
            await talk.phone(ANNA).do(do="unhold")
            await talk.phone(ANNA).event("unheld")
        await talk.talks(ANNA)
        seconds = time.monotonic() - begun
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    call = await told(talk, f"{kind} by {way} to {target}", seconds)
    (transfer,) = call["transfers"]
    wanted = (kind, PLACES[target][3], "no_answer", None)
    assert tuple(transfer[name] for name in ("kind", "target", "end", "to")) == wanted
    assert call["agent"] == ANNA


async def ended(talk: Talk, end: str) -> None:
    """Until its only transfer has that end."""

    async def look() -> list[str]:
        return [one["end"] for one in (await talk.api.get(f"/calls/{talk.call}"))["transfers"]]

    await eventually(look, lambda seen: seen == [end], 60)
