"""What our orders do, and which facts come back: the fake and the real Asterisk must agree."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bridge.ari import AriLink, models
from bridge.ari.socket import ApplicationTaken, check_version
from bridge.ari.translate import WANTED_EVENTS
from bridge.centre.facts import (
    CallOffered,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRinging,
    PromptEnded,
)
from bridge.centre.ids import AgentId, Endpoint, LegId, QueueName, agent_leg_id, prompt_id
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    ClearCall,
    Connect,
    EnterWaitingRoom,
    HangUp,
    Play,
    RingAgent,
    StopPrompt,
    ToFallback,
)
from bridge.errors import Gone, Refused, Unreachable
from tests.contract.asterisk_container import phone
from tests.contract.conftest import Side
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running

SUPPORT = QueueName("support")


def ring(offered: CallOffered, endpoint: str, offer: int = 1, seconds: float = 20) -> RingAgent:
    return RingAgent(
        call=offered.call,
        leg=agent_leg_id(offered.call, offer),
        originator=offered.leg,
        agent=AgentId("1001"),
        endpoint=Endpoint(endpoint),
        caller_number="+79161234567",
        caller_name="Иван",
        ring=timedelta(seconds=seconds),
    )


def play(offered: CallOffered, *sounds: str, number: int = 1) -> Play:
    return Play(offered.call, offered.leg, prompt_id(offered.call, number), sounds, "en")


async def test_ping_and_version(side: Side) -> None:
    ping = await side.rest.get(models.AsteriskPing, "asterisk.ping")
    info = await side.rest.get(models.AsteriskInfo, "asterisk.getInfo")
    assert ping.ping == "pong"
    assert info.system is not None
    check_version(info.system.version)


async def test_event_that_is_sent_to_an_application_by_itself(side: Side) -> None:
    """Only where events come is a link up; an application that nobody has is told as such."""
    with pytest.raises(Gone):
        await side.rest.call("events.userEvent", "pulse", query={"application": "nobodys"})
    link = ari_link(side.url, side.username, side.password, FactInbox())
    async with running(link):
        assert link.state.up


async def test_wrong_password(side: Side) -> None:
    link = ari_link(side.url, side.username, "wrong", FactInbox())
    with pytest.raises(Refused) as caught:
        await link.info()
    assert caught.value.status == 401
    await link.close()


async def test_the_link_comes_up_with_its_filter(side: Side, link: AriLink) -> None:
    assert link.state.up, link.state.detail
    application = await side.rest.get(models.Application, "applications.get", "callbridge")
    assert application.name == "callbridge"
    assert {one["type"] for one in application.events_allowed} <= set(WANTED_EVENTS)


async def test_second_process_takes_the_application(side: Side) -> None:
    async with running(ari_link(side.url, side.username, side.password, FactInbox())) as first:
        second = ari_link(side.url, side.username, side.password, FactInbox())
        async with running(second):
            with pytest.raises(ApplicationTaken):
                await first
            assert second.state.up


async def test_client_is_offered(offered: CallOffered, link: AriLink) -> None:
    assert (offered.number, offered.dialled, offered.trunk) == ("+79161234567", "+74950000001", "trunk")
    assert offered.leg == offered.call
    assert offered.leg in await link.our_channels()
    assert [one.state for one in await link.channels() if one.id == offered.leg] == ["Ring"]


async def test_withheld_client(side: Side, link: AriLink, inbox: FactInbox) -> None:
    await side.call_in("withheld")
    offered = await inbox.wait(CallOffered)
    assert (offered.number, offered.name) == (None, "")


async def test_malformed_arguments_are_sent_back(side: Side, link: AriLink, inbox: FactInbox) -> None:
    await side.call_in("malformed")
    await side.call_in()
    await inbox.wait(CallOffered)
    assert len(inbox.of(CallOffered)) == 1


async def test_prompt_of_two_sounds_ends_once(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    await link.carry_out(Answer(offered.call, offered.leg))
    await link.carry_out(Answer(offered.call, offered.leg))
    await link.carry_out(play(offered, "hello", "vm-goodbye"))
    await link.carry_out(play(offered, "hello", "vm-goodbye"))
    ended = await inbox.wait(PromptEnded)
    assert (ended.prompt, ended.played) == (prompt_id(offered.call, 1), True)
    await link.carry_out(play(offered, "hello", number=2))
    await inbox.wait(PromptEnded, prompt=prompt_id(offered.call, 2))
    assert len(inbox.of(PromptEnded)) == 2


async def test_missing_sound_was_not_played(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    await link.carry_out(Answer(offered.call, offered.leg))
    await link.carry_out(play(offered, "no-such-sound"))
    assert not (await inbox.wait(PromptEnded)).played


async def test_stopped_prompt_ends(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    await link.carry_out(Answer(offered.call, offered.leg))
    await link.carry_out(play(offered, *["hello"] * 20))
    stop = StopPrompt(offered.call, offered.leg, prompt_id(offered.call, 1))
    await link.carry_out(stop)
    await inbox.wait(PromptEnded)
    await link.carry_out(stop)


async def test_digit(side: Side, link: AriLink, inbox: FactInbox) -> None:
    await side.call_in(caller_does="dtmf")
    offered = await inbox.wait(CallOffered)
    await link.carry_out(Answer(offered.call, offered.leg))
    await inbox.wait(DigitReceived, digit="5", leg=offered.leg)


async def test_phone_that_never_registered(offered: CallOffered, link: AriLink) -> None:
    with pytest.raises(Unreachable):
        await link.carry_out(ring(offered, "PJSIP/1001"))
    assert [one.id for one in await link.channels() if "agent" in one.id] == []


async def test_phone_rings_and_another_answered(
    offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    order = ring(offered, phone("rings"))
    await link.carry_out(order)
    await inbox.wait(LegRinging, leg=order.leg)
    await link.carry_out(order)
    await link.carry_out(CancelRing(offered.call, order.leg, CancelReason.ANSWERED_ELSEWHERE))
    assert (await inbox.wait(LegEnded, leg=order.leg)).cause == 26
    await link.carry_out(CancelRing(offered.call, order.leg, CancelReason.ANSWERED_ELSEWHERE))
    assert len(inbox.of(LegRinging)) == 1


async def test_phone_is_busy(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    order = ring(offered, phone("busy"))
    await link.carry_out(order)
    ended = await inbox.wait(LegEnded, leg=order.leg)
    assert (ended.cause, ended.tech_cause) == (17, 486)


async def test_nobody_answers_in_time(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    order = ring(offered, phone("rings"), seconds=1)
    await link.carry_out(order)
    assert (await inbox.wait(LegEnded, leg=order.leg)).cause == 19


async def no_bridge_is_left(link: AriLink) -> None:
    """Asterisk answers a destroy at once and dissolves the bridge in its bridge manager's thread."""
    async with asyncio.timeout(10):
        while await link.bridges():
            await asyncio.sleep(0.02)


async def test_whole_call(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    call, client = offered.call, offered.leg
    await link.carry_out(Answer(call, client))
    await link.carry_out(play(offered, *["hello"] * 20))
    enter = EnterWaitingRoom(call, client, "default", SUPPORT)
    await link.carry_out(enter)  # although a prompt plays
    await link.carry_out(enter)
    await link.carry_out(play(offered, *["hello"] * 20, number=2))
    order = ring(offered, phone("answers"))
    await link.carry_out(order)
    await inbox.wait(LegAnswered, leg=order.leg)
    await link.carry_out(Connect(call, client, order.leg))
    await inbox.wait(LegJoined, leg=client)
    await inbox.wait(LegJoined, leg=order.leg)
    await link.carry_out(Connect(call, client, order.leg))
    (talk,) = [one for one in await link.bridges() if one.id == f"{call}-talk"]
    assert set(talk.channels) == {client, order.leg}
    assert talk.bridge_type == "mixing"
    await link.carry_out(HangUp(call, order.leg))
    await inbox.wait(LegEnded, leg=order.leg)
    await link.carry_out(HangUp(call, client))
    await inbox.wait(LegEnded, leg=client)
    await link.carry_out(ClearCall(call))
    await link.carry_out(ClearCall(call))
    await no_bridge_is_left(link)
    assert [one.id for one in await link.channels() if one.id.startswith(call)] == []
    assert _story(inbox, order.leg) == [LegRinging, LegAnswered, LegJoined, LegLeft, LegEnded]
    assert _story(inbox, client) == [CallOffered, LegJoined, LegLeft, LegEnded]


async def test_back_to_the_dialplan(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    call, client = offered.call, offered.leg
    await link.carry_out(Answer(call, client))
    await link.carry_out(EnterWaitingRoom(call, client, "default", SUPPORT))
    await link.carry_out(play(offered, *["hello"] * 20))
    await link.carry_out(ToFallback(call, client, SUPPORT))
    async with asyncio.timeout(10):  # Asterisk accepts the request before the channel has left
        while client in await link.our_channels():
            await asyncio.sleep(0.02)
    with pytest.raises(Gone):
        await link.carry_out(play(offered, "hello", number=2))
    assert client in {one.id for one in await link.channels()}
    await no_bridge_is_left(link)
    await link.carry_out(ClearCall(call))
    assert inbox.of(LegEnded) == []  # he lives on


async def test_client_hangs_up_while_the_phone_rings(
    side: Side, offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    order = ring(offered, phone("rings"))
    await link.carry_out(order)
    await inbox.wait(LegRinging)
    await side.rest.call("channels.hangup", offered.leg)
    await inbox.wait(LegEnded, leg=offered.leg)
    await link.carry_out(CancelRing(offered.call, order.leg, CancelReason.CALLER_GONE))
    await inbox.wait(LegEnded, leg=order.leg)
    with pytest.raises(Gone):
        await link.carry_out(ring(offered, phone("rings"), offer=2))
    await link.carry_out(ClearCall(offered.call))
    assert [one.id for one in await link.channels() if one.id.startswith(offered.call)] == []


@pytest.mark.parametrize("late", [Answer, HangUp])
async def test_too_late(link: AriLink, late: Any) -> None:
    order = late(LegId("contract-1.1"), LegId("contract-1.1"))
    if late is HangUp:
        await link.carry_out(order)  # what it asks for is so already
    else:
        with pytest.raises(Gone):
            await link.carry_out(order)


async def test_recordings(link: AriLink) -> None:
    assert await link.list_recordings() == ()
    await link.delete_recording("no-such-recording")
    with pytest.raises(Gone):
        async for _ in link.fetch_recording("no-such-recording"):
            pass


def _story(inbox: FactInbox, leg: LegId) -> list[type]:
    return [type(fact) for fact in inbox.facts if getattr(fact, "leg", None) == leg]
