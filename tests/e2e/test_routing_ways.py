"""Ways into and out of a queue: a named agent, overflow, voicemail, a number outside, keys, announcements."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.parts import Api, Lab, caller, eventually
from tests.e2e.scene import (
    CLEAR,
    CLIENT_HZ,
    calls,
    echo_outside,
    ends_with,
    goes,
    heard_by,
    number_of,
    prompt,
    ready,
    stranger,
    talking,
)
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS = "2001", "2002"
LINEAR = number_of(1)
DIRECT, PATIENCE, SMALL, EMPTY, BREAKOUT, FORWARDED, ANNOUNCED = map(number_of, range(17, 24))


# ── a named agent ────────────────────────────────────────────────────────────


async def test_direct_number_rings_its_agent_and_then_the_group(routing: Lab, centre: Api) -> None:
    first, second = stranger(), stranger()
    async with (
        ready(routing, centre, [ANNA, BORIS], answer=0.1) as there,
        AsyncExitStack() as stack,
    ):
        await stack.enter_async_context(caller(routing, DIRECT, number=first, wait=0, talk=90))
        assert await talking(centre, first) == ANNA  # who is no member of the group
        (offer,) = await centre.offers(first)
        assert (offer["preferred"], offer["queue"]) == (ANNA, "group")
        # She talks: the next one is held for her, then the group has him.
        await stack.enter_async_context(caller(routing, DIRECT, number=second, wait=0, talk=90))
        await centre.waits(second, "group")
        assert await talking(centre, second) == BORIS
        assert [offer["agent"] for offer in await centre.offers(second)] == [BORIS]
        assert there[ANNA].count("incoming") == 1
        for agent, number in ((ANNA, first), (BORIS, second)):
            await ends_with(centre, there, agent, number)


# ── overflow ─────────────────────────────────────────────────────────────────


async def test_who_has_waited_long_enough_goes_to_another_queue(routing: Lab, centre: Api) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [BORIS], answer=0.1) as there,
        caller(routing, PATIENCE, number=number, wait=0, talk=90),
    ):
        call = await ends_with(centre, there, BORIS, number)
        assert call["queue"] == "group"
        assert [offer["queue"] for offer in await centre.offers(number)] == ["group"]


async def test_full_queue_sends_to_voicemail(routing: Lab, centre: Api, tmp_path: Path) -> None:
    known = {ticket["id"] for ticket in await centre.all("/tickets")}
    waiting, number = stranger(), stranger()

    async def spool() -> str:
        find = "find /var/spool/asterisk/recording -type f"
        return await routing.docker("exec", routing.containers["asterisk"], *find.split())

    async with caller(routing, SMALL, number=waiting, wait=0, talk=90) as first:
        await centre.waits(waiting, "small")
        async with calls(routing, SMALL, number, tmp_path / "heard.wav") as client:
            await eventually(spool, seconds=30)  # the recorder runs
            await asyncio.sleep(2)  # the message itself
            await client.do(do="dtmf", digits="#")
            await client.event("ended", seconds=30)
            heard = await heard_by(client)
        assert first.count("ended") == 0, "the one who was there first goes on waiting"
    assert heard.holds(await prompt(routing, "callbridge/leave-message")) > CLEAR
    assert heard.holds(await prompt(routing, "callbridge/message-taken")) > CLEAR
    call = await centre.ended(number)
    assert (call["outcome"], call["agent"]) == ("voicemail", None)

    async def message() -> list[dict[str, Any]]:
        new = [await centre.get(f"/tickets/{ticket['id']}") for ticket in await centre.tickets_since(known)]
        mine = [ticket for ticket in new if ticket["call_id"] == call["id"]]
        return [ticket for ticket in mine if [r["state"] for r in ticket["recordings"]] == ["attached"]]

    (ticket,) = await eventually(message, seconds=30)
    (recording,) = ticket["recordings"]
    sound = Sound.read(await centre.file(recording["url"]))
    assert sound.level(0, CLIENT_HZ) > -30
    assert sound.seconds > 1
    # What was said to him before the tone is not part of his message.
    assert sound.holds(await prompt(routing, "callbridge/leave-message")) < 0.5
    assert (await centre.ended(waiting))["outcome"] == "abandoned"


async def test_empty_queue_takes_nobody_in(routing: Lab, centre: Api, tmp_path: Path) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [ANNA]) as there,  # logged in, but no member
        calls(routing, EMPTY, number, tmp_path / "heard.wav") as client,
    ):
        await client.event("ended", seconds=40)
        heard = await heard_by(client)
        assert there[ANNA].count("incoming") == 0
    assert heard.holds(await prompt(routing, "callbridge/no-agents")) > CLEAR
    assert (await centre.ended(number))["outcome"] == "turned_away"
    assert await centre.offers(number) == []


async def test_key_leads_out_of_the_queue(routing: Lab, centre: Api, tmp_path: Path) -> None:
    number = stranger()
    async with (
        ready(routing, centre, [BORIS], answer=0.1) as there,
        calls(routing, BREAKOUT, number, tmp_path / "heard.wav") as client,
    ):
        await client.event("media")
        await centre.waits(number, "breakout")
        await client.do(do="dtmf", digits="75")  # 7 leads nowhere
        call = await ends_with(centre, there, BORIS, number)
        assert call["queue"] == "group"


# ── a number outside ─────────────────────────────────────────────────────────


async def test_overflow_to_a_number_outside(routing: Lab, centre: Api, tmp_path: Path) -> None:
    number = stranger()
    async with (
        echo_outside(routing),  # its one call has ended afterwards: it was hung up as well
        calls(routing, FORWARDED, number, tmp_path / "heard.wav") as client,
    ):

        async def outside() -> list[dict[str, Any]]:
            call = await centre.call_from(number)
            legs = (await centre.get(f"/calls/{call['id']}"))["legs"] if call is not None else []
            return [leg for leg in legs if leg["kind"] == "outside" and leg["answered_at"]]

        await eventually(outside, seconds=30)
        await asyncio.sleep(2)  # the talk itself
        heard = await goes(client)
    # The far end sends back what it hears: his own voice, which nobody else would.
    assert heard.level(0, CLIENT_HZ) > -20
    call = await centre.ended(number)
    assert (call["outcome"], call["agent"]) == ("forwarded", None)


async def test_nobody_answers_outside(routing: Lab, centre: Api, tmp_path: Path) -> None:
    number = stranger()
    async with calls(routing, FORWARDED, number, tmp_path / "heard.wav") as client:
        await client.event("ended", seconds=60)
        heard = await heard_by(client)
    assert heard.holds(await prompt(routing, "callbridge/no-agents")) > CLEAR
    assert heard.level(0, CLIENT_HZ) < -30  # no echo: he was connected to nobody
    call = await centre.ended(number)
    assert call["outcome"] not in ("forwarded", "answered"), call


# ── announcements ────────────────────────────────────────────────────────────


async def test_position_is_said_to_each_who_waits(routing: Lab, centre: Api, tmp_path: Path) -> None:
    one, two = stranger(), stranger()
    async with calls(routing, ANNOUNCED, one, tmp_path / "first.wav") as first:
        await centre.waits(one, "announced")
        async with calls(routing, ANNOUNCED, two, tmp_path / "second.wav") as second:
            await centre.waits(two, "announced")
            await asyncio.sleep(6)  # what is said begins after a second, and takes about three
            seconds = await goes(second)
        firsts = await goes(first)
    next_one = await prompt(routing, "callbridge/you-are-next")
    position = await prompt(routing, "callbridge/your-position")
    two_ = await prompt(routing, "digits/2")
    assert firsts.holds(next_one) > CLEAR
    assert firsts.holds(position) < 0.5
    assert seconds.holds(position) > CLEAR
    assert seconds.holds(two_) > CLEAR
    assert seconds.holds(next_one) < 0.5
    assert [(await centre.ended(number))["outcome"] for number in (one, two)] == ["abandoned"] * 2
