"""What agents have said of themselves, and their wrap-up, when Callbridge is killed and started again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.parts import Api, Lab, caller, eventually
from tests.e2e.scene import ends_with, number_of, ready, served, stranger, talking

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS, CLARA, DORA = "2001", "2002", "2003", "2005"
LINEAR, WRAPPING = number_of(1), number_of(26)


async def said(api: Api, *agents: str) -> list[dict[str, Any]]:
    names = ("id", "state", "reason", "since", "call_id", "reachable")
    found = [await api.agent(agent) for agent in agents]
    return [{name: agent[name] for name in names} for agent in found]


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_wrap_up_ends_when_it_would_have_ended(routing: Lab, centre: Api, how: str) -> None:
    async with ready(routing, centre, [ANNA]) as there:
        assert await served(routing, centre, there, WRAPPING) == ANNA
        await centre.agent_is(ANNA, "wrap_up")
        before = await centre.agent(ANNA)
        async with routing.away(how):
            pass
        after = await centre.agent(ANNA)
        assert (after["state"], after["since"]) == ("wrap_up", before["since"])
        until, planned = (datetime.fromisoformat(agent["wrap_up_until"]) for agent in (after, before))
        assert abs(until - planned) <= timedelta(seconds=1)
        # It can be extended as before, and ended.
        assert after["may_extend"] == before["may_extend"]
        await centre.order_agent(ANNA, "extend_wrap_up")
        extended = await eventually(lambda: centre.agent(ANNA), lambda seen: not seen["may_extend"])
        assert datetime.fromisoformat(extended["wrap_up_until"]) - planned == timedelta(seconds=60)
        async with routing.away(how):
            pass
        again = await centre.agent(ANNA)
        assert (again["state"], again["may_extend"]) == ("wrap_up", False), "extended once is extended once"
        await centre.order_agent(ANNA, "end_wrap_up")
        await centre.agent_is(ANNA, "ready")


async def test_wrap_up_that_ended_meanwhile_is_over(lab: Lab, api: Api) -> None:
    async with ready(lab, api, ["1001"]) as there:
        assert await served(lab, api, there, "+74950000002") == "1001"
        await api.agent_is("1001", "wrap_up")
        until = datetime.fromisoformat((await api.agent("1001"))["wrap_up_until"])
        async with lab.away():
            await asyncio.sleep((until - datetime.now(until.tzinfo)).total_seconds() + 1)
        await api.agent_is("1001", "ready", 2)


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_pause_and_log_out_survive(routing: Lab, centre: Api, how: str) -> None:
    number = stranger()
    everybody = (ANNA, BORIS, CLARA, DORA)
    async with ready(routing, centre, everybody, answer=0.1) as there:
        await centre.order_agent(ANNA, "pause", reason="lunch")
        await centre.agent_is(ANNA, "paused")
        await centre.order_agent(BORIS, "log_out")
        await centre.agent_is(BORIS, "logged_out")
        # One who has said that he is there after he had gone is there.
        await centre.order_agent(CLARA, "log_out")
        await centre.agent_is(CLARA, "logged_out")
        await centre.order_agent(CLARA, "ready")
        await centre.agent_is(CLARA, "ready")
        before = await said(centre, *everybody)
        assert [agent["state"] for agent in before] == ["paused", "logged_out", "ready", "ready"]
        async with routing.away(how):
            pass
        assert await eventually(lambda: said(centre, *everybody), lambda seen: seen == before) == before
        async with caller(routing, LINEAR, number=number, wait=0, talk=60):
            await ends_with(centre, there, CLARA, number)
        assert there[ANNA].count("incoming") == there[BORIS].count("incoming") == 0
        for agent in (ANNA, BORIS):
            await centre.order_agent(agent, "ready")
            await centre.agent_is(agent, "ready")


async def test_pause_that_begins_after_the_talk_is_not_forgotten(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [ANNA], answer=0.1) as there,
        caller(routing, LINEAR, number=number, wait=0, talk=60),
    ):
        assert await talking(centre, number) == ANNA
        await centre.order_agent(ANNA, "pause", reason="lunch")
        async with routing.away():
            pass
        await ends_with(centre, there, ANNA, number)
        await centre.agent_is(ANNA, "paused")
        assert (await centre.agent(ANNA))["reason"] == "lunch"
        await centre.order_agent(ANNA, "ready")
        await centre.agent_is(ANNA, "ready")
