"""Offers that come to nothing: no answer, busy, rejected, a dead phone; and what becomes of the agent."""

import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.e2e.parts import Api, Lab, Program, caller, eventually, phone
from tests.e2e.scene import number_of, ready, released, stranger, talking

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS = "2001", "2002"
CAUSES, PAUSING = number_of(24), number_of(25)


async def ends(api: Api, number: str) -> list[tuple[str, str]]:
    return [(offer["agent"], offer["end"]) for offer in await api.offers(number)]


async def second_takes_it(
    lab: Lab, api: Api, there: dict[str, Program], number: str, first: list[tuple[str, str]]
) -> dict[str, Any]:
    """The second agent's phone rings after the first one's offer has ended so, and he talks."""
    await there[BORIS].event("incoming", seconds=30)
    await there[BORIS].do(do="answer")
    assert await talking(api, number) == BORIS
    assert await eventually(lambda: ends(api, number), lambda seen: seen[-1:] == [(BORIS, "answered")]) == [
        *first,
        (BORIS, "answered"),
    ]
    await there[BORIS].do(do="hangup")
    call = await api.ended(number)
    assert (call["outcome"], call["agent"]) == ("answered", BORIS)
    await released(api, BORIS)
    return call


async def test_no_answer_goes_on_to_the_next_agent(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [ANNA, BORIS], answer=None) as there,
        caller(routing, CAUSES, number=number, wait=0, talk=60),
    ):
        await there[ANNA].event("incoming")
        assert there[BORIS].count("incoming") == 0
        call = await second_takes_it(routing, centre, there, number, [(ANNA, "no_answer")])
        ended = await there[ANNA].event("ended")
        assert ended["code"] == 487
        (cancelled,) = there[ANNA].events_of("cancelled")
        # A call that he has missed indeed: nobody had taken it elsewhere.
        assert "elsewhere" not in cancelled["reason"].lower()
        assert there[ANNA].count("incoming") == 1
        (leg,) = [leg for leg in call["legs"] if leg["agent"] == ANNA]
        assert leg["ringing_at"] is not None
        assert leg["answered_at"] is None


@pytest.mark.parametrize(("code", "end"), [(486, "busy"), (603, "rejected")])
async def test_refusal_goes_on_to_the_next_agent(routing: Lab, centre: Api, code: int, end: str) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [ANNA, BORIS], answer=None) as there,
        caller(routing, CAUSES, number=number, wait=0, talk=60),
    ):
        await there[ANNA].event("incoming")
        await there[ANNA].do(do="reject", code=code)
        call = await second_takes_it(routing, centre, there, number, [(ANNA, end)])
        (leg,) = [leg for leg in call["legs"] if leg["agent"] == ANNA]
        assert leg["tech_cause"] == code
        assert there[ANNA].count("cancelled") == 0


async def test_dead_phone_goes_on_to_the_next_agent(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [BORIS], answer=None) as there,
        phone(routing, ANNA, answer=None) as hers,
    ):
        await centre.agent_is(ANNA, "ready", 30)
        hers.kill()  # its registration stays
        async with caller(routing, CAUSES, number=number, wait=0, talk=60):
            await there[BORIS].event("incoming", seconds=40)
            (offer, *_) = await centre.offers(number)
            assert offer["agent"] == ANNA, "it was thought to be there, and asked first"
            await there[BORIS].do(do="answer")
            assert await talking(centre, number) == BORIS
            seen = await eventually(
                lambda: ends(centre, number), lambda seen: seen[-1:] == [(BORIS, "answered")]
            )
            assert len(seen) == 2
            assert seen[0] in ((ANNA, "no_answer"), (ANNA, "unreachable"))
            await there[BORIS].do(do="hangup")
            await centre.ended(number)
        await released(centre, BORIS)
    # Whoever registers there again is who he was.
    async with ready(routing, centre, [ANNA]):
        pass


async def test_agent_who_does_not_answer_is_paused(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(ready(routing, centre, [ANNA], answer=None))
        await centre.order_agent(ANNA, "ready")  # whatever she has not answered before is forgotten
        client = await stack.enter_async_context(caller(routing, PAUSING, number=number, wait=0, talk=60))
        await there[ANNA].event("incoming", 2, seconds=30)  # after a rest
        await centre.agent_is(ANNA, "paused", 20)
        assert (await centre.agent(ANNA))["reason"] == "unanswered"
        assert await ends(centre, number) == [(ANNA, "no_answer")] * 2
        assert client.count("ended") == 0, "the caller goes on waiting"
        # Nothing rings any more until she says that she is there.
        assert there[ANNA].count("incoming") == 2
        await centre.order_agent(ANNA, "ready")
        await there[ANNA].event("incoming", 3)
        await there[ANNA].do(do="answer")
        assert await talking(centre, number) == ANNA
        await there[ANNA].do(do="hangup")
        await client.event("done", seconds=30)
        await centre.agent_is(ANNA, "ready")


async def test_phone_that_unregisters_takes_its_agent_away(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(ready(routing, centre, [BORIS], answer=0.1))
        async with phone(routing, ANNA, answer=0.1):
            await centre.agent_is(ANNA, "ready", 30)
            began = time.monotonic()
        await centre.agent_is(ANNA, "logged_out", 30)
        print(f"unavailable {time.monotonic() - began:.2f} s after the phone was told to go")
        agent = await centre.agent(ANNA)
        assert (agent["reason"], agent["reachable"]) == ("phone", False)
        await stack.enter_async_context(caller(routing, CAUSES, number=number, wait=0, talk=60))
        assert await talking(centre, number) == BORIS
        (offer,) = await centre.offers(number)
        judged = {item["agent"]: item for item in offer["candidates"]}
        assert judged[ANNA]["verdict"] == "hindered"
        assert judged[ANNA]["detail"].startswith("unreachable"), judged[ANNA]
        await there[BORIS].do(do="hangup")
        await centre.ended(number)
