"""Each strategy on real phones: who is asked when, who never is, and that exactly one talks."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.e2e.parts import Api, Lab, Program, caller, eventually
from tests.e2e.scene import (
    AGENT_HZ,
    CLIENT_HZ,
    number_of,
    one_after_another,
    ready,
    released,
    served,
    stranger,
    talking,
)
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS, VERA = THREE = ("2001", "2002", "2003")
LINEAR, LEASTRECENT, FEWESTCALLS, RRMEMORY, LEASTTALK, RANDOM, WRANDOM, RINGALL = map(number_of, range(1, 9))


@pytest.mark.whole
async def test_linear_always_begins_with_the_first(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, THREE, answer=0.1) as there:
        assert await one_after_another(routing, centre, there, LINEAR, 3) == [ANNA, ANNA, ANNA]
        await centre.order_agent(ANNA, "pause", reason="lunch")
        await centre.agent_is(ANNA, "paused")
        assert await one_after_another(routing, centre, there, LINEAR, 2) == [BORIS, BORIS]
        await centre.order_agent(ANNA, "ready")
        await centre.agent_is(ANNA, "ready")
        assert await served(routing, centre, there, LINEAR) == ANNA


@pytest.mark.whole
async def test_leastrecent_asks_who_has_been_idle_longest(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, THREE, answer=0.1) as there, AsyncExitStack() as stack:
        order: list[str] = []
        clients: list[Program] = []
        for _ in range(3):  # each keeps the one who got it, so all three have one
            number = stranger()
            client = caller(routing, LEASTRECENT, number=number, wait=0, talk=120)
            clients.append(await stack.enter_async_context(client))
            order.append(await talking(centre, number))
        assert sorted(order) == list(THREE)
        # They become free in another order than that in which they were asked, and are asked in that one.
        freed = [order[1], order[2], order[0]]
        for agent in freed:
            await there[agent].do(do="hangup")
            await released(centre, agent)
        for client in clients:
            await client.event("done", seconds=30)
        assert await one_after_another(routing, centre, there, LEASTRECENT, 4) == [*freed, freed[0]]


@pytest.mark.whole
async def test_fewestcalls_asks_who_has_had_fewest(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, THREE, answer=0.1) as there:
        await centre.order_agent(VERA, "pause", reason="lunch")
        await centre.agent_is(VERA, "paused")
        assert await one_after_another(routing, centre, there, FEWESTCALLS, 4) == [ANNA, BORIS, ANNA, BORIS]
        await centre.order_agent(VERA, "ready")
        await centre.agent_is(VERA, "ready")
        # She has two to catch up, then it is the first one's turn.
        assert await one_after_another(routing, centre, there, FEWESTCALLS, 3) == [VERA, VERA, ANNA]


@pytest.mark.whole
async def test_rrmemory_goes_round_from_who_was_asked_last(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, THREE, answer=0.1) as there:
        assert await one_after_another(routing, centre, there, RRMEMORY, 4) == [ANNA, BORIS, VERA, ANNA]
        # Who is away is passed over, and the round goes on from where it is.
        await centre.order_agent(BORIS, "pause", reason="lunch")
        await centre.agent_is(BORIS, "paused")
        assert await one_after_another(routing, centre, there, RRMEMORY, 2) == [VERA, ANNA]
        await centre.order_agent(BORIS, "ready")
        await centre.agent_is(BORIS, "ready")
        assert await one_after_another(routing, centre, there, RRMEMORY, 2) == [BORIS, VERA]


@pytest.mark.whole
async def test_leasttalk_asks_who_talks_least_on_average(routing: Lab, centre: Api) -> None:
    async with ready(routing, centre, THREE, answer=0.1) as there:
        talks = [
            (4, ANNA),  # nobody has talked: the first one
            (0.5, BORIS),
            (2, VERA),
            (6, BORIS),  # he has the lowest average, and by this one of about 3 s
            (0.5, VERA),  # hers is about 1.2 s by this
            (0, VERA),
        ]
        for seconds, agent in talks:
            assert await served(routing, centre, there, LEASTTALK, seconds) == agent


@pytest.mark.parametrize(
    ("dialled", "calls"), [(RANDOM, 5), pytest.param(WRANDOM, 5, marks=pytest.mark.whole)]
)
async def test_chance_draws_among_the_members_only(
    routing: Lab, centre: Api, dialled: str, calls: int
) -> None:
    others = ("2004", "2005")
    async with ready(routing, centre, (*THREE, *others), answer=0.1) as there:
        for _ in range(calls):
            number = stranger()
            agent = await served(routing, centre, there, dialled, number=number)
            (offer,) = await centre.offers(number)
            assert (offer["agent"], offer["end"]) == (agent, "answered")
            judged = {item["agent"]: item for item in offer["candidates"]}
            assert sorted(judged) == list(THREE)
            for other, item in judged.items():
                drawn = other == agent
                assert item["verdict"] == ("chosen" if drawn else "next"), item
                assert item["metric"].endswith("not drawn") is not drawn, item
                assert item["metric"].endswith("drawn"), item
        assert sum(there[agent].count("incoming") for agent in THREE) == calls
        assert [there[agent].count("incoming") for agent in others] == [0, 0]


async def test_ringall_of_two_who_answer_at_once_one_talks(routing: Lab, centre: Api) -> None:
    five = ("2001", "2002", "2003", "2004", "2005")
    known = {ticket["id"] for ticket in await centre.all("/tickets")}
    number = stranger()
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(ready(routing, centre, five, answer=None, tone=AGENT_HZ))
        client = await stack.enter_async_context(
            caller(routing, RINGALL, number=number, tone=CLIENT_HZ, talk=90)
        )
        for program in there.values():
            await program.event("incoming", seconds=30)
        states = [(await centre.agent(agent))["state"] for agent in five]
        assert states == ["ringing"] * 5
        await asyncio.gather(there["2002"].do(do="answer"), there["2004"].do(do="answer"))
        winner = await talking(centre, number)
        assert winner in ("2002", "2004")
        losers = [agent for agent in five if agent != winner]
        for agent in losers:
            ended = await there[agent].event("ended")
            cancelled = there[agent].events_of("cancelled")
            if cancelled:
                # RFC 3326: a phone shows no missed call for this one.
                assert "completed elsewhere" in cancelled[0]["reason"].lower(), cancelled
                assert cancelled[0]["cause"] in (26, 200), cancelled
                # His answer may cross the CANCEL (RFC 3261, 9.1): then he is hung up.
                assert ended["code"] == 487 or agent in ("2002", "2004"), ended
            else:
                # Only who had answered in the same instant is hung up instead.
                assert agent in ("2002", "2004"), there[agent].events
            await centre.agent_is(agent, "ready")
        assert there[winner].count("ended") == 0
        assert client.count("ended") == 0
        await asyncio.sleep(2)  # the talk itself
        await there[winner].do(do="hangup")
        await client.event("done", seconds=30)

    async def tickets() -> list[dict]:
        new = [await centre.get(f"/tickets/{t['id']}") for t in await centre.tickets_since(known)]
        return [t for t in new if [r["state"] for r in t["recordings"]] == ["attached"]]

    (ticket,) = await eventually(tickets, seconds=30)
    assert len(await centre.tickets_since(known)) == 1
    (recording,) = ticket["recordings"]
    sound = Sound.read(await centre.file(recording["url"]))
    assert sound.level(0, CLIENT_HZ) > -30
    assert sound.level(1, AGENT_HZ) > -30
    offers = await centre.offers(number)
    assert sorted(offer["agent"] for offer in offers) == list(five)
    assert {offer["agent"]: offer["end"] for offer in offers} == {
        **dict.fromkeys(losers, "answered_elsewhere"),
        winner: "answered",
    }
