"""Orders against the fake: what reaches Asterisk, sent twice, too late, cancelled, or failed half-way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegRinging, PromptEnded
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName, agent_leg_id, prompt_id
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
from bridge.errors import Gone, InternalError, LinkDown, RequestTimeout, Unreachable
from tests.fakes.asterisk import FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox, until

SUPPORT = QueueName("support")


async def offered(fake: FakeAsterisk, inbox: FactInbox) -> CallId:
    return (await inbox.wait(CallOffered, call=await fake.call_in())).call


def ring(call: CallId, offer: int = 1, **changed: Any) -> RingAgent:
    values: dict[str, Any] = {
        "call": call,
        "leg": agent_leg_id(call, offer),
        "originator": LegId(call),
        "agent": AgentId("1001"),
        "endpoint": Endpoint("PJSIP/1001"),
        "caller_number": "+79161234567",
        "caller_name": "Иван",
        "ring": timedelta(seconds=19.5),
    }
    return RingAgent(**(values | changed))


def sent(fake: FakeAsterisk, operation: str) -> list[dict[str, str]]:
    return [one.query for one in fake.requests if one.operation == operation]


def play(call: CallId, *sounds: str, number: int = 1) -> Play:
    return Play(call, LegId(call), prompt_id(call, number), sounds, "ru")


# ── prompts ──────────────────────────────────────────────────────────────────


async def test_prompt_of_two_sounds_ends_once(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(Answer(call, LegId(call)))
    await link.carry_out(play(call, "hello", "vm-goodbye"))
    assert (await inbox.wait(PromptEnded)).played
    assert sent(fake, "channels.playWithId") == [{"media": "sound:hello,sound:vm-goodbye", "lang": "ru"}]
    assert len(inbox.of(PromptEnded)) == 1


async def test_missing_sound_was_not_played(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(play(call, "nosuch"))
    assert not (await inbox.wait(PromptEnded)).played


async def test_prompt_sent_twice_plays_once(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(play(call, "hello"))
    await link.carry_out(play(call, "hello"))
    await inbox.wait(PromptEnded)
    await link.carry_out(play(call, "hello"))
    assert len(sent(fake, "channels.playWithId")) == 1


async def test_prompt_whose_reply_was_lost_is_not_played_twice(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.sound_seconds = 60
    fake.swallows = {"channels.playWithId"}
    link._rest._seconds = 0.1
    with pytest.raises(RequestTimeout):
        await link.carry_out(play(call, "hello"))
    fake.swallows = set()
    link._rest._seconds = 2.0
    await link.carry_out(play(call, "hello"))
    assert len(sent(fake, "channels.playWithId")) == 1


async def test_prompt_that_never_arrived_is_played_at_the_second_attempt(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.failures["channels.playWithId"] = (503, "")
    with pytest.raises(LinkDown):
        await link.carry_out(play(call, "hello"))
    fake.failures.clear()
    await link.carry_out(play(call, "hello"))
    await inbox.wait(PromptEnded)


@pytest.mark.parametrize("sound", ["", "a,sound:b", "../etc/passwd", "a b", "/etc/x", "http://x/y"])
async def test_name_that_is_no_sound(fake: FakeAsterisk, link: AriLink, inbox: FactInbox, sound: str) -> None:
    call = await offered(fake, inbox)
    with pytest.raises(InternalError):
        await link.carry_out(play(call, sound))
    with pytest.raises(InternalError):
        await link.carry_out(play(call))
    assert sent(fake, "channels.playWithId") == []


async def test_stop_prompt(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    stop = StopPrompt(call, LegId(call), prompt_id(call, 1))
    await link.carry_out(stop)
    await inbox.wait(PromptEnded)
    await link.carry_out(stop)


# ── waiting room and conversation ────────────────────────────────────────────


async def test_waiting_room_does_not_wait_for_a_prompt(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    await link.carry_out(play(call, "vm-goodbye", number=2))
    enter = EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT)
    await link.carry_out(enter)
    assert fake.bridges == {f"{call}-wait": [call]}
    assert fake.bridge_types == {f"{call}-wait": "holding"}
    assert fake.channels[call].variables["CHANNEL(musicclass)"] == "jazz"
    await link.carry_out(enter)
    assert sent(fake, "bridges.addChannel") == [{"channel": call, "role": "holding_participant"}]
    await link.carry_out(play(call, "hello", number=3))
    assert fake.channels[call].prompts == [f"{call}-prompt-3"]


async def test_connect(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    await link.carry_out(ring(call))
    leg = agent_leg_id(call, 1)
    await inbox.wait(LegAnswered, leg=leg)
    connect = Connect(call, LegId(call), leg)
    await link.carry_out(connect)
    await inbox.wait(LegJoined, leg=leg)
    await inbox.wait(LegJoined, leg=call)
    assert fake.bridges == {f"{call}-wait": [], f"{call}-talk": [call, leg]}
    await link.carry_out(connect)
    assert len(inbox.of(LegJoined)) == 2


async def test_connect_with_an_agent_who_is_gone_leaves_the_client_where_he_was(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    with pytest.raises(Gone):
        await link.carry_out(Connect(call, LegId(call), agent_leg_id(call, 1)))
    assert fake.channels[call].bridge == f"{call}-wait"


# ── ringing ──────────────────────────────────────────────────────────────────


async def test_ring(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    leg = agent_leg_id(call, 1)
    await inbox.wait(LegRinging, leg=leg)
    assert sent(fake, "channels.create") == [
        {
            "endpoint": "PJSIP/1001",
            "app": "callbridge",
            "appArgs": f"agent,{call}",
            "channelId": leg,
            "originator": call,
        }
    ]
    assert sent(fake, "channels.dial") == [{"timeout": "20"}]
    assert fake.channels[leg].variables == {
        "CALLBRIDGE_CALL": call,
        "CONNECTEDLINE(num,i)": "+79161234567",
        "CONNECTEDLINE(name,i)": "Иван",
        "CONNECTEDLINE(pres,i)": "allowed",
    }
    await link.carry_out(ring(call))  # sent twice: a second dial would kill the first
    assert len(sent(fake, "channels.dial")) == 1
    assert leg in fake.channels


async def test_withheld_caller_is_not_shown(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call, caller_number="", caller_name="Ivan"))
    variables = fake.channels[agent_leg_id(call, 1)].variables
    assert variables["CONNECTEDLINE(pres,i)"] == "prohib"
    assert "Ivan" not in variables.values()


async def test_hostile_name_is_one_printable_line(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call, caller_name='a"\r\nVia: x\x00' + "b" * 500))
    name = fake.channels[agent_leg_id(call, 1)].variables["CONNECTEDLINE(name,i)"]
    assert name.startswith('a" Via: x b')
    assert len(name) == 80


async def test_phone_that_sends_early_media_rings(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.EARLY_MEDIA
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 1))


async def test_busy_phone(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.BUSY
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1), cause=17, tech_cause=486)


async def test_phone_that_is_not_registered(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    with pytest.raises(Unreachable, match="not registered"):
        await link.carry_out(ring(call))
    assert sent(fake, "channels.hangup") == []
    fake.phones["PJSIP/1001"] = Phone.RINGS
    await link.carry_out(ring(call, offer=2))
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 2))


async def test_leg_from_before_this_process_is_not_dialled_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    link._interest._calls.clear()
    await link.carry_out(ring(call))
    assert len(sent(fake, "channels.dial")) == 1
    assert agent_leg_id(call, 1) in fake.channels


async def test_failed_dial_leaves_no_leg(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.failures["channels.dial"] = (503, "")
    call = await offered(fake, inbox)
    with pytest.raises(LinkDown):
        await link.carry_out(ring(call))
    assert list(fake.channels) == [call]
    fake.failures.clear()
    await link.carry_out(ring(call))  # a retryable failure may be tried again
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 1))


async def test_leg_that_never_enters(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.ari.media.REQUEST_SECONDS", 0.05)
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    with pytest.raises(RequestTimeout, match="never entered"):
        await link.carry_out(ring(call))
    assert list(fake.channels) == [call]


async def test_caller_hangs_up_before_the_phone_is_dialled(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: agent_leg_id(call, 1) in fake.channels)
    await fake.hang_up(call)
    with pytest.raises(Gone, match="caller hung up"):
        await ringing
    assert fake.channels == {}
    with pytest.raises(Gone):
        await link.carry_out(ring(call, offer=2))
    assert fake.channels == {}


async def test_ring_taken_back_before_the_phone_is_dialled(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    leg = agent_leg_id(call, 1)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: leg in fake.channels)
    await link.carry_out(CancelRing(call, leg, CancelReason.ANSWERED_ELSEWHERE))
    with pytest.raises(Gone, match="taken back"):
        await ringing
    assert list(fake.channels) == [call]


async def test_clearing_the_call_ends_a_ring_that_is_being_made(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: agent_leg_id(call, 1) in fake.channels)
    await link.carry_out(ClearCall(call))
    with pytest.raises(Gone):
        await ringing
    assert list(fake.channels) == [call]


async def test_cancelled_task_leaves_no_leg(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.delays["channels.dial"] = 60
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: sent(fake, "channels.dial"))
    ringing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ringing
    assert list(fake.channels) == [call]


async def test_leg_that_comes_after_its_creation_was_given_up_is_ended(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    fake.delays["channels.create"] = 0.3
    link._rest._seconds = 0.1
    with pytest.raises(RequestTimeout):
        await link.carry_out(ring(call))
    link._rest._seconds = 2.0
    await until(lambda: len(sent(fake, "channels.hangup")) >= 1)
    stray = agent_leg_id(call, 1)
    fake.delays.clear()
    late = fake._new_channel("Down", number="", name="")
    del fake.channels[late.id]
    late.id = stray
    fake.channels[stray] = late
    await fake._enter(late, ["agent", call])
    await until(lambda: stray not in fake.channels)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (CancelReason.ANSWERED_ELSEWHERE, 26),
        (CancelReason.NO_ANSWER, 19),
        (CancelReason.CALLER_GONE, 16),
    ],
)
async def test_cancel_ring(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, reason: CancelReason, cause: int
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    cancel = CancelRing(call, agent_leg_id(call, 1), reason)
    await link.carry_out(cancel)
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1), cause=cause)
    await link.carry_out(cancel)


async def test_no_ring_without_events(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await fake.stop()
    await until(lambda: not link.state.up)
    with pytest.raises(LinkDown, match="no ring without ARI"):
        await link.carry_out(ring(call))
    await fake.start()


# ── ends ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("given", "used"), [(17, 17), (0, 16), (-1, 16), (999, 16)])
async def test_hang_up(fake: FakeAsterisk, link: AriLink, inbox: FactInbox, given: int, used: int) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(HangUp(call, LegId(call), given))
    await inbox.wait(LegEnded, leg=call, cause=used)
    await link.carry_out(HangUp(call, LegId(call), given))


@pytest.mark.parametrize(("queue", "extension"), [(SUPPORT, "support"), (None, "s")])
async def test_to_fallback(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, queue: QueueName | None, extension: str
) -> None:
    link._departures._seconds = 0.02
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    order = ToFallback(call, LegId(call), queue)
    await link.carry_out(order)
    expected = {"context": "callbridge-fallback", "extension": extension, "priority": "1"}
    assert fake.continued == {call: expected}
    assert fake.bridges == {}
    with pytest.raises(Gone):
        await link.carry_out(order)
    await asyncio.sleep(0.1)
    assert inbox.of(LegEnded) == []  # he lives on, and is not asked for
    assert fake.subscriptions == [f"channel:{call}"]  # from his coming


async def test_clear_call(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    await link.carry_out(ring(call))
    leg = agent_leg_id(call, 1)
    await link.carry_out(Connect(call, LegId(call), leg))
    await link.carry_out(ClearCall(call))
    assert (fake.bridges, list(fake.channels)) == ({}, [call])
    await link.carry_out(ClearCall(call))


async def test_clear_call_after_a_restart_knows_the_legs_that_asterisk_has(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    link._interest._calls.clear()
    assert await link.our_channels() == {call, agent_leg_id(call, 1)}
    await link.carry_out(ClearCall(call))
    assert list(fake.channels) == [call]


@pytest.mark.parametrize(
    "order",
    [
        Answer(CallId("1.1"), LegId("1.1")),
        play(CallId("1.1"), "hello"),
        EnterWaitingRoom(CallId("1.1"), LegId("1.1"), "default", SUPPORT),
        Connect(CallId("1.1"), LegId("1.1"), LegId("1.1-agent-1")),
        ToFallback(CallId("1.1"), LegId("1.1"), None),
    ],
)
async def test_too_late(link: AriLink, order: Any) -> None:
    with pytest.raises(Gone):
        await link.carry_out(order)


async def test_client_whom_the_dialplan_sends_a_second_time_is_served_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ToFallback(call, LegId(call), SUPPORT))
    await link.carry_out(ClearCall(call))
    await fake._enter(fake.channels[call], fake.channels[call].args)
    await until(lambda: len(inbox.of(CallOffered)) == 2)
    await link.carry_out(ring(call))
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 1))
