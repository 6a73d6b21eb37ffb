"""Agents moved live: at once, past a restart, and in the native queue that serves while nobody else does."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.e2e.parts import Api, Lab, caller, eventually
from tests.e2e.scene import number_of, ready, stranger, talking

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

ANNA, BORIS, VERA = "2001", "2002", "2003"
MOVED = number_of(27)


@pytest.fixture(autouse=True)
async def unmoved(centre: Api) -> AsyncIterator[None]:
    """Moves outlive a process, so also a test."""
    await restore(centre)
    yield
    await restore(centre)


async def restore(api: Api) -> None:
    for agent in (ANNA, BORIS, VERA):
        await api.order("POST", f"/agents/{agent}/queues/moved/restore")


async def members(api: Api) -> dict[str, tuple[int, int | None]]:
    """Penalties of those who serve the queue: now, and by the plan."""
    queue = await api.get("/queues/moved")
    return {item["agent"]: (item["penalty"], item["planned_penalty"]) for item in queue["members"]}


async def test_moved_agent_serves_at_once_and_after_a_restart(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, [BORIS], answer=0.1) as there:
        number = stranger()
        async with caller(routing, MOVED, number=number, wait=0, talk=90) as client:
            await centre.waits(number, "moved")
            assert (await centre.agent(BORIS))["state"] == "ready"
            assert await centre.offers(number) == []
            moved = await centre.order("PUT", f"/agents/{BORIS}/queues/moved", {"penalty": 3})
            assert moved["penalties"]["moved"] == 3
            assert await talking(centre, number) == BORIS
            await there[BORIS].do(do="hangup")
            await client.event("done", seconds=30)
        assert await members(centre) == {ANNA: (0, 0), BORIS: (3, None)}

        await routing.restart_callbridge()
        assert await members(centre) == {ANNA: (0, 0), BORIS: (3, None)}
        await centre.agent_is(BORIS, "ready", 30)
        number = stranger()
        async with caller(routing, MOVED, number=number, wait=0, talk=90) as client:
            assert await talking(centre, number) == BORIS
            await there[BORIS].do(do="hangup")
            await client.event("done", seconds=30)

        await centre.order("POST", f"/agents/{BORIS}/queues/moved/restore")
        assert await members(centre) == {ANNA: (0, 0)}
        number = stranger()
        async with caller(routing, MOVED, number=number, wait=0, talk=2) as client:
            await client.event("done", seconds=30)
        assert (await centre.ended(number))["outcome"] == "abandoned"
        assert await centre.offers(number) == []


async def test_agent_taken_out_is_not_asked_until_he_is_back(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with ready(routing, centre, [ANNA], answer=0.1) as there:
        await centre.order("DELETE", f"/agents/{ANNA}/queues/moved")
        assert await members(centre) == {}
        async with caller(routing, MOVED, number=number, wait=0, talk=90) as client:
            await centre.waits(number, "moved")
            assert await centre.offers(number) == []
            assert there[ANNA].count("incoming") == 0
            await centre.order("POST", f"/agents/{ANNA}/queues/moved/restore")
            assert await talking(centre, number) == ANNA
            await there[ANNA].do(do="hangup")
            await client.event("done", seconds=30)
        assert await members(centre) == {ANNA: (0, 0)}


async def native(lab: Lab) -> dict[str, tuple[int, bool]]:
    """Asterisk's own queue: each member's penalty, and whether he is paused."""
    shown = await lab.asterisk("queue show moved")
    found = {}
    for line in shown.splitlines():
        member = re.match(r"\s+.*PJSIP/(\d+)", line)
        if member:
            penalty = re.search(r"penalty (\d+)", line)
            found[member[1]] = (int(penalty[1]) if penalty else 0, "(paused" in line)
    return found


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_native_queue_has_the_members_of_the_last_moment(routing: Lab, centre: Api, end: str) -> None:
    service = routing.containers["callbridge"]
    async with ready(routing, centre, [ANNA, BORIS, VERA], answer=0.1, talk=0.5) as there:
        await centre.order("PUT", f"/agents/{BORIS}/queues/moved", {"penalty": 2})
        await centre.order("PUT", f"/agents/{VERA}/queues/moved", {"penalty": 1})
        await centre.order_agent(VERA, "pause", reason="lunch")
        await centre.agent_is(VERA, "paused")
        await centre.order("DELETE", f"/agents/{ANNA}/queues/moved")
        # A planned member cannot be removed from Asterisk's list: he is paused there, so he is not rung.
        wanted = {ANNA: (0, True), BORIS: (2, False), VERA: (1, True)}
        await eventually(lambda: native(routing), lambda seen: seen == wanted)
        await routing.docker(end, service)
        try:
            assert await native(routing) == wanted
            async with caller(routing, MOVED, number=stranger(), wait=0, talk=60) as client:
                await there[BORIS].event("answered", seconds=40)
                await client.event("done", seconds=40)
            assert [there[agent].count("incoming") for agent in (ANNA, BORIS, VERA)] == [0, 1, 0]
        finally:
            await routing.docker("start", service)
            await eventually(routing.is_ready, seconds=60)
        assert await members(centre) == {BORIS: (2, None), VERA: (1, None)}
        await restore(centre)
        await centre.order_agent(VERA, "ready")
        await eventually(lambda: native(routing), lambda seen: seen == {ANNA: (0, False)})
