"""What a caller hears and lives through while he waits: greeting, music, prompts, empty queues, levels."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.parts import Api, Lab, caller
from tests.e2e.scene import (
    CLEAR,
    calls,
    ends_with,
    goes,
    heard_by,
    number_of,
    prompt,
    ready,
    released,
    stranger,
    talking,
)

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS = "2001", "2002"
SPOKEN, DESERTED, LOWERED = map(number_of, range(30, 33))


async def test_greeting_then_music_then_announcement_then_music_again(
    routing: Lab, centre: Api, tmp_path: Path
) -> None:
    number = stranger()
    async with calls(routing, SPOKEN, number, tmp_path / "heard.wav") as client:
        await centre.waits(number, "spoken")
        await asyncio.sleep(23)  # the announcement comes after 12 s, takes 6, and comes again after 24
        heard = await goes(client)
    greeting = await prompt(routing, "callbridge/please-wait")
    announcement = await prompt(routing, "callbridge/all-busy")
    assert heard.holds(greeting) > CLEAR
    afterwards = heard.after(greeting)
    assert afterwards.holds(announcement) > CLEAR
    assert afterwards.holds(greeting) < 0.5, "it is played once"
    music = afterwards.after(announcement)
    assert music.seconds > 4
    assert music.loud_seconds > 2
    assert music.holds(announcement) < 0.5
    assert (await centre.ended(number))["outcome"] == "abandoned"


async def test_expected_wait_is_said_once_it_has_been_measured(
    routing: Lab, centre: Api, tmp_path: Path
) -> None:
    one, two, three = stranger(), stranger(), stranger()
    async with ready(routing, centre, [ANNA], answer=0.1) as there, AsyncExitStack() as stack:
        await stack.enter_async_context(caller(routing, SPOKEN, number=one, wait=0, talk=120))
        assert await talking(centre, one) == ANNA
        await stack.enter_async_context(caller(routing, SPOKEN, number=two, wait=0, talk=120))
        await centre.waits(two, "spoken")
        third = await stack.enter_async_context(calls(routing, SPOKEN, three, tmp_path / "heard.wav"))
        await centre.waits(three, "spoken")
        # Two answers in a row while others wait: the time between them is the measure.
        for number in (one, two, three):
            assert await talking(centre, number) == ANNA
            await there[ANNA].do(do="hangup")
        await heard_by(third)
        await released(centre, ANNA)
        # She talks again, and who comes now is told.
        four, five = stranger(), stranger()
        await stack.enter_async_context(caller(routing, SPOKEN, number=four, wait=0, talk=120))
        assert await talking(centre, four) == ANNA
        async with calls(routing, SPOKEN, five, tmp_path / "told.wav") as client:
            await centre.waits(five, "spoken")
            await asyncio.sleep(12)  # the greeting, then what is said after ten seconds
            told = await goes(client)
        await ends_with(centre, there, ANNA, four)
    assert told.holds(await prompt(routing, "callbridge/expected-wait-under-a-minute")) > CLEAR
    assert (await centre.ended(five))["outcome"] == "abandoned"


async def test_who_waits_leaves_when_the_last_agent_goes_into_a_pause(
    routing: Lab, centre: Api, tmp_path: Path
) -> None:
    served, waiting = stranger(), stranger()
    async with (
        ready(routing, centre, [ANNA, BORIS], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        await stack.enter_async_context(caller(routing, DESERTED, number=served, wait=0, talk=120))
        assert await talking(centre, served) == ANNA
        await stack.enter_async_context(calls(routing, DESERTED, waiting, tmp_path / "heard.wav"))
        await centre.waits(waiting, "deserted")
        await centre.order_agent(ANNA, "pause", reason="lunch")  # from the end of this talk on
        await there[ANNA].do(do="hangup")
        call = await ends_with(centre, there, BORIS, waiting)
        assert call["queue"] == "group"
        assert there[ANNA].count("incoming") == 1, "she was not asked once more"
    assert (await centre.ended(served))["agent"] == ANNA


async def test_levels_that_are_needed_fall_with_the_wait(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [ANNA], answer=0.1) as there,  # she has none of the skill
        caller(routing, LOWERED, number=number, wait=0, talk=90),
    ):
        call = await ends_with(centre, there, ANNA, number)
    (offer,) = await centre.offers(number)
    asked, queued = (datetime.fromisoformat(at) for at in (offer["at"], call["queued_at"]))
    assert offer["needs"] == {}, "two levels less than the two that are needed"
    # By the wall clock; the step's timer runs by another one, and may be a little ahead of it.
    assert asked - queued > timedelta(seconds=2.5)
