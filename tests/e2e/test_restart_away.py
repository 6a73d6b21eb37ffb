"""What begins or ends while Callbridge is away, and what was never its affair."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.parts import FRANK_PHONE, Api, Lab, Program, caller, eventually, phone
from tests.e2e.scene import (
    AGENT_HZ,
    CLIENT_HZ,
    another_application,
    calls,
    channels,
    goes,
    live,
    ready,
    recorded,
    released,
    since,
    stranger,
    talking,
    ticket_of,
)
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, BORIS, OLIVIA, ELENA = "1001", "1002", "1003", "1004"
SUPPORT, ECHO = "+74950000002", "+74950000009"
LONGEST_GAP = 0.042  # s


def is_at(told: str, happened: dict[str, Any]) -> bool:
    """Within a second of a phone's event, which has the same wall clock."""
    off = datetime.fromisoformat(told).timestamp() - happened["wall"]
    print(f"{happened['event']}: told {off:+.2f} s off")
    return abs(off) <= 1


# ── ended meanwhile ──


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_talk_that_ended_meanwhile_is_closed_with_its_time(
    lab: Lab, api: Api, tmp_path: Path, how: str
) -> None:
    number = stranger()
    async with (
        ready(lab, api, [ANNA]) as there,
        calls(lab, SUPPORT, number, tmp_path / "heard.wav") as client,
    ):
        assert await talking(api, number) == ANNA
        before = await live(api, number, "talking")
        await asyncio.sleep(2)  # of talk
        async with lab.away(how):
            await goes(client)
            hung_up = await client.event("ended")
            await asyncio.sleep(4)  # the restart is well after it
        call = await api.ended(number)
        assert call["id"] == before["id"]
        assert (call["outcome"], call["agent"], call["queue"]) == ("answered", ANNA, "support")
        assert call["answered_at"] == before["answered_at"]
        assert is_at(call["ended_at"], hung_up)
        await there[ANNA].event("ended")
        await released(api, ANNA)
        assert (await api.agent(ANNA))["state"] in ("wrap_up", "ready")
        whole = await recorded(api, call)
        answered = await there[ANNA].event("answered")
        assert abs(whole.seconds - (hung_up["wall"] - answered["wall"])) < 1
        assert whole.level(0, CLIENT_HZ) > -30
        assert whole.level(1, AGENT_HZ) > -30


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_caller_who_gave_up_meanwhile_is_abandoned_with_his_time(
    lab: Lab, api: Api, tmp_path: Path, how: str
) -> None:
    number = stranger()
    async with calls(lab, SUPPORT, number, tmp_path / "heard.wav") as client:
        await api.waits(number, "support")
        before = await live(api, number)
        async with lab.away(how):
            await goes(client)
            hung_up = await client.event("ended")
            await asyncio.sleep(4)  # the restart is well after it
        call = await api.ended(number)
        assert (call["id"], call["outcome"], call["queue"]) == (before["id"], "abandoned", "support")
        assert call["queued_at"] == before["queued_at"]
        assert is_at(call["ended_at"], hung_up)
        await ticket_of(api, call, recordings=0)


async def test_phone_stops_ringing_for_a_caller_who_gave_up_meanwhile(
    lab: Lab, api: Api, tmp_path: Path
) -> None:
    number = stranger()
    async with (
        ready(lab, api, [ANNA], answer=None) as there,
        calls(lab, SUPPORT, number, tmp_path / "heard.wav") as client,
    ):
        await there[ANNA].event("incoming")
        await live(api, number, "ringing")
        async with lab.away():
            await goes(client)
            hung_up = await client.event("ended")
            await asyncio.sleep(2)
        call = await api.ended(number)
        assert call["outcome"] == "abandoned"
        assert is_at(call["ended_at"], hung_up)
        await there[ANNA].event("ended")
        await released(api, ANNA)
        assert there[ANNA].count("incoming") == 1


# ── begun meanwhile: the native queue ──


async def is_kept(
    api: Api, number: str, called: dict[str, Any], answered: dict[str, Any], ended: dict[str, Any]
) -> dict[str, Any]:
    """That call is in the store as if it had been ours, and says that it was not."""
    call = await api.ended(number, 40)
    assert (call["outcome"], call["agent"], call["queue"]) == ("answered", ANNA, "support")
    assert (call["direction"], call["dialled"]) == ("in", SUPPORT)
    assert call.get("fallback", True) is True
    assert is_at(call["offered_at"], called)
    assert is_at(call["answered_at"], answered)
    assert is_at(call["ended_at"], ended)
    assert call["offered_at"] <= call["queued_at"] <= call["answered_at"]
    whole = await recorded(api, call)
    assert abs(whole.seconds - (ended["wall"] - answered["wall"])) < 1
    assert whole.level(0, CLIENT_HZ) > -30
    assert whole.level(1, AGENT_HZ) > -30
    assert whole.level(0, AGENT_HZ) < -55
    assert whole.level(1, CLIENT_HZ) < -55
    return call


async def test_call_of_the_native_queue_goes_on_when_callbridge_is_back(
    lab: Lab, api: Api, tmp_path: Path
) -> None:
    number = stranger()
    async with (
        ready(lab, api, [ANNA], record=tmp_path / "agent.wav", script=FRANK_PHONE) as there,
        AsyncExitStack() as stack,
    ):
        anna = there[ANNA]
        async with lab.away():
            client = await stack.enter_async_context(
                calls(lab, SUPPORT, number, tmp_path / "client.wav", script=FRANK_PHONE)
            )
            answered = await anna.event("answered", seconds=30)
            before = await channels(lab)
            await asyncio.sleep(2)
        await asyncio.sleep(3)  # of talk, with Callbridge there again
        assert await channels(lab) == before
        await api.agent_is(ANNA, "talking")
        # Nobody else is sent to her.
        async with caller(lab, SUPPORT, number=stranger(), wait=0, talk=2) as other:
            await other.event("done", seconds=30)
        assert (anna.count("incoming"), anna.count("ended")) == (1, 0)
        end = time.monotonic()
        heard = await goes(client)
        ended = await client.event("ended")
        hers = Sound.read(Path((await anna.event("recorded"))["file"]).read_bytes())
        gaps = {}
        for program, sound, hertz in ((client, heard, AGENT_HZ), (anna, hers, CLIENT_HZ)):
            begin = await since(program, answered["mono"] + 1.0)
            gaps[program.name] = sound.part(begin, await since(program, end - 0.5)).longest_gap(hertz)
        print({name: f"{gap * 1000:.0f} ms" for name, gap in gaps.items()})
        assert max(gaps.values()) <= LONGEST_GAP, gaps
        await is_kept(api, number, await client.event("calling"), answered, ended)
        await released(api, ANNA)


async def test_call_that_the_native_queue_served_alone_is_kept(lab: Lab, api: Api, tmp_path: Path) -> None:
    number = stranger()
    async with ready(lab, api, [ANNA]) as there:
        async with lab.away():
            async with calls(lab, SUPPORT, number, tmp_path / "client.wav") as client:
                answered = await there[ANNA].event("answered", seconds=30)
                await asyncio.sleep(4)  # of talk
                await goes(client)
                called, ended = await client.event("calling"), await client.event("ended")
                await there[ANNA].event("ended")
            await asyncio.sleep(3)  # the restart is well after it
        call = await is_kept(api, number, called, answered, ended)

        async def looked_up() -> Any:
            return await api.get(f"/calls/{call['id']}")

        call = await eventually(looked_up, lambda seen: seen["verdict"])  # the number is, a moment later
        await api.agent_is(ANNA, "ready")
        # What was taken over once is not taken over again.
        async with lab.away():
            pass
        (again,) = [one for one in await api.all("/calls") if one["number"] == number]
        assert again == call
        await ticket_of(api, call)


async def test_caller_who_gave_up_in_the_native_queue_is_kept(lab: Lab, api: Api, tmp_path: Path) -> None:
    number = stranger()
    async with lab.away():
        async with calls(lab, SUPPORT, number, tmp_path / "client.wav") as client:
            await asyncio.sleep(8)  # the greeting, and music
            await goes(client)
            ended = await client.event("ended")
        await asyncio.sleep(3)  # the restart is well after it
    call = await api.ended(number, 40)
    assert (call["outcome"], call["agent"], call["queue"]) == ("abandoned", None, "support")
    assert call.get("fallback", True) is True
    assert is_at(call["ended_at"], ended)
    await ticket_of(api, call, recordings=0)


# ── what is not ours ──


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_what_is_not_ours_is_never_touched(lab: Lab, api: Api, tmp_path: Path, how: str) -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        boris = await enter(phone(lab, BORIS, answer=None, record=tmp_path / "boris.wav"))
        olivia = await enter(phone(lab, OLIVIA))
        elena = await enter(phone(lab, ELENA))
        # The echo test, which is the dialplan's; one agent who has called another; and a third one in an
        # application of somebody else's, whose ids happen to look like ours.
        hears_himself = await enter(calls(lab, ECHO, stranger(), tmp_path / "echo.wav"))
        await boris.do(do="call", uri=f"sip:{OLIVIA}@{lab.host}:{lab.sip_port}")
        await boris.event("answered")
        theirs = await enter(another_application(lab))
        await theirs.order(
            "POST", "channels", endpoint=f"PJSIP/{ELENA}", app="theirs", channelId="1.1-agent-1"
        )
        await elena.event("answered")
        await theirs.order("POST", "bridges", bridgeId="1.1-talk", type="mixing")
        await eventually(
            lambda: theirs.order("GET", "channels/1.1-agent-1"), lambda seen: seen["state"] == "Up"
        )
        await theirs.order("POST", "bridges/1.1-talk/addChannel", channel="1.1-agent-1")
        there = await channels(lab)
        assert len(there) == 4
        async with lab.away(how):
            await asyncio.sleep(1)
        await asyncio.sleep(2)
        assert await channels(lab) == there
        assert (await theirs.order("GET", "bridges/1.1-talk"))["channels"] == ["1.1-agent-1"]
        talkers: list[Program] = [hears_himself, boris, olivia, elena]
        assert [program.count("ended") for program in talkers] == [0] * 4
        end = time.monotonic()
        echo = await goes(hears_himself)
        await theirs.order("DELETE", "bridges/1.1-talk")
        await theirs.order("DELETE", "channels/1.1-agent-1")
        heard = await goes(boris)
        # Both still hear what they should, to the end.
        for program, sound, hertz in ((hears_himself, echo, CLIENT_HZ), (boris, heard, AGENT_HZ)):
            late = await since(program, end)
            assert sound.part(late - 1.5, late - 0.5).level(0, hertz) > -30
        for agent in (BORIS, OLIVIA, ELENA):
            await released(api, agent)
