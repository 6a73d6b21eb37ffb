"""Which caller an agent gets: by skills, who served him last, his tier, his queue's weight, his wait."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest

from tests.e2e.parts import Api, Lab, Program, caller, eventually
from tests.e2e.scene import number_of, ready, served, stranger, talking

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS, VERA, EMILY = "2001", "2002", "2003", "2004"
COMMON, ENGLISH, STICKY, TIERS, LIGHT, HEAVY, WIDENING = map(number_of, range(10, 17))
GOLD, SILVER = "+79161234567", "+79262345678"  # docker/clients.csv


async def enters(stack: AsyncExitStack, lab: Lab, dialled: str, number: str) -> Program:
    """A caller who stays until an agent hangs up."""
    client = await stack.enter_async_context(caller(lab, dialled, number=number, wait=0, talk=120))
    await client.event("answered", seconds=30)
    return client


async def goes_free(there: dict[str, Program], agent: str) -> None:
    """He ends his call; another one may come at once."""
    ends = there[agent].count("ended")
    await there[agent].do(do="hangup")
    await there[agent].event("ended", ends + 1)


async def test_common_queue_gives_each_agent_the_first_whom_he_can_serve(routing: Lab, centre: Api) -> None:
    first, second, third = stranger(), stranger(), stranger()
    async with (
        ready(routing, centre, [ANNA, EMILY], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        # Emily, who alone speaks English, talks; Anna is free.
        await enters(stack, routing, ENGLISH, first)
        assert await talking(centre, first) == EMILY
        await enters(stack, routing, ENGLISH, second)
        await centre.waits(second, "common")
        assert await centre.offers(second) == []
        # The third one came last and needs nothing: past the second, at once, to Anna.
        await enters(stack, routing, COMMON, third)
        assert await talking(centre, third) == ANNA
        (offer,) = await centre.offers(third)
        assert (offer["needs"], offer["agent"]) == ({}, ANNA)
        assert await centre.offers(second) == []
        await goes_free(there, ANNA)  # free again, and still nobody for her
        await centre.agent_is(ANNA, "ready")
        assert await centre.offers(second) == []
        await goes_free(there, EMILY)
        assert await talking(centre, second) == EMILY
        (offer,) = await centre.offers(second)
        assert offer["needs"] == {"english": 2}
        judged = {item["agent"]: item for item in offer["candidates"]}
        assert (judged[ANNA]["verdict"], judged[ANNA]["detail"]) == ("skill", "english 0 < 2")
        assert there[ANNA].count("incoming") == 1
        await goes_free(there, EMILY)
        await centre.ended(second)


async def test_client_comes_back_to_who_served_him_last(routing: Lab, centre: Api) -> None:
    client, other = GOLD, stranger()
    async with ready(routing, centre, [BORIS], answer=0.1) as there:
        assert await served(routing, centre, there, STICKY, number=client) == BORIS
        # Anna comes before him in this queue, and would be the next one for anybody else.
        async with ready(routing, centre, [ANNA], answer=0.1) as more, AsyncExitStack() as stack:
            there |= more
            assert await served(routing, centre, there, STICKY, number=client) == BORIS
            (offer,) = await centre.offers(client)
            assert offer["preferred"] == BORIS
            assert {item["agent"]: item["verdict"] for item in offer["candidates"]}[ANNA] == "not_preferred"
            assert there[ANNA].count("incoming") == 0

            # He is busy (Anna was not there for a moment): the client is held for him, then anybody's.
            await centre.order_agent(ANNA, "pause", reason="lunch")
            await centre.agent_is(ANNA, "paused")
            await enters(stack, routing, STICKY, other)
            assert await talking(centre, other) == BORIS
            await centre.order_agent(ANNA, "ready")
            await centre.agent_is(ANNA, "ready")
            again = await enters(stack, routing, STICKY, client)
            assert await talking(centre, client) == ANNA
            call = await centre.call_from(client)
            assert call is not None
            (offer,) = await centre.offers(client)
            waited = datetime.fromisoformat(offer["at"]) - datetime.fromisoformat(call["queued_at"])
            assert waited >= timedelta(seconds=3.9), "the hold of 4 s was not kept"
            await goes_free(there, ANNA)
            await again.event("done")
            await goes_free(there, BORIS)
            await centre.ended(other)


async def test_held_client_gets_who_served_him_last_within_the_hold(routing: Lab, centre: Api) -> None:
    client, other = SILVER, stranger()
    async with (
        ready(routing, centre, [BORIS], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        assert await served(routing, centre, there, STICKY, number=client) == BORIS
        await enters(stack, routing, STICKY, other)
        assert await talking(centre, other) == BORIS
        async with ready(routing, centre, [VERA], answer=0.1) as more:
            there |= more
            await enters(stack, routing, STICKY, client)
            await centre.waits(client, "sticky")
            await goes_free(there, BORIS)
            assert await talking(centre, client) == BORIS
            assert more[VERA].count("incoming") == 0
            await goes_free(there, BORIS)
            await centre.ended(client)


async def test_gold_client_who_came_later_is_served_first(routing: Lab, centre: Api) -> None:
    busy, plain, silver, gold = stranger(), stranger(), SILVER, GOLD
    async with (
        ready(routing, centre, [ANNA], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        await enters(stack, routing, TIERS, busy)
        assert await talking(centre, busy) == ANNA
        for number in (plain, silver, gold):
            await enters(stack, routing, TIERS, number)
            await centre.waits(number, "tiers")
            if number != plain:
                await eventually(lambda number=number: verdict(centre, number), lambda seen: seen == "known")
        for number in (gold, silver, plain):
            await goes_free(there, ANNA)
            assert await talking(centre, number) == ANNA
        await goes_free(there, ANNA)
        calls = [await centre.ended(number) for number in (gold, silver, plain)]
        assert [call["outcome"] for call in calls] == ["answered"] * 3
        queued = [call["queued_at"] for call in calls]
        assert queued == sorted(queued, reverse=True)


async def verdict(api: Api, number: str) -> str | None:
    call = await api.call_from(number)
    return call["verdict"] if call is not None else None


async def test_agent_of_two_queues_serves_the_heavier_one_first(routing: Lab, centre: Api) -> None:
    busy, light, heavy = stranger(), stranger(), stranger()
    async with (
        ready(routing, centre, [ANNA], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        await enters(stack, routing, LIGHT, busy)
        assert await talking(centre, busy) == ANNA
        await enters(stack, routing, LIGHT, light)
        await centre.waits(light, "light")
        await enters(stack, routing, HEAVY, heavy)
        await centre.waits(heavy, "heavy")
        await goes_free(there, ANNA)
        assert await talking(centre, heavy) == ANNA
        assert await centre.offers(light) == []
        await goes_free(there, ANNA)
        assert await talking(centre, light) == ANNA
        await goes_free(there, ANNA)
        await centre.ended(light)


async def test_penalties_widen_with_the_wait(routing: Lab, centre: Api) -> None:
    number = stranger()
    # Anna, whose penalty is 0, is not there. The second ring goes unanswered by a refusal.
    async with (
        ready(routing, centre, [BORIS, VERA], answer=None) as there,
        AsyncExitStack() as stack,
    ):
        await enters(stack, routing, WIDENING, number)
        await there[BORIS].event("incoming")
        assert there[VERA].count("incoming") == 0
        await there[BORIS].do(do="reject", code=603)
        await there[VERA].event("incoming")
        await there[VERA].do(do="answer")
        assert await talking(centre, number) == VERA
        call = await centre.call_from(number)
        assert call is not None
        offers = await centre.offers(number)
        assert [(offer["agent"], offer["highest_penalty"]) for offer in offers[:2]] == [
            (BORIS, 5),
            (VERA, None),
        ]
        queued = datetime.fromisoformat(call["queued_at"])
        waits = [datetime.fromisoformat(offer["at"]) - queued for offer in offers[:2]]
        assert waits[0] >= timedelta(seconds=1.9)
        assert waits[1] >= timedelta(seconds=3.9)
        judged = {item["agent"]: item for item in offers[0]["candidates"]}
        assert (judged[VERA]["verdict"], judged[VERA]["detail"]) == ("penalty", "10 > 5")
        await goes_free(there, VERA)
        await centre.ended(number)
