"""Orders against the fake: what reaches Asterisk, sent twice, too late, cancelled, or failed half-way."""

import asyncio
from typing import Any

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegRinging, PromptEnded
from bridge.centre.ids import CallId, LegId, QueueName, agent_leg_id, prompt_id
from bridge.centre.orders import (
    Answer,
    ClearCall,
    Connect,
    EnterWaitingRoom,
    HangUp,
    LeaveWaitingRoom,
    StopPrompt,
    ToFallback,
)
from bridge.errors import Gone, InternalError, LinkDown, RequestTimeout
from tests.fakes.ari_calls import SUPPORT, connected, offered, play, ring, sent
from tests.fakes.asterisk import FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox, until

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
    assert fake.channels[call].music == "jazz"
    await link.carry_out(enter)
    assert sent(fake, "channels.startMoh") == [{"mohClass": "jazz"}]  # again would begin it anew


async def test_music_goes_on_after_each_prompt(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
    for number in (1, 2):
        await link.carry_out(play(call, "hello", number=number))
    await until(lambda: not fake.channels[call].prompts)
    assert fake.channels[call].music == "jazz"
    await link.carry_out(LeaveWaitingRoom(call, LegId(call)))
    await link.carry_out(play(call, "hello", number=3))
    await until(lambda: not fake.channels[call].prompts)
    assert fake.channels[call].music is None


async def test_music_goes_on_also_after_a_prompt_whose_reply_was_lost(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
    fake.swallows = {"channels.playWithId"}
    link._rest._seconds = 0.1
    with pytest.raises(RequestTimeout):
        await link.carry_out(play(call, "hello"))
    await until(lambda: not fake.channels[call].prompts)
    assert fake.channels[call].music == "jazz"


async def test_music_that_could_not_be_started_is_asked_for_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    enter = EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT)
    fake.failures["channels.startMoh"] = (503, "")
    with pytest.raises(LinkDown):
        await link.carry_out(enter)
    fake.failures.clear()
    await link.carry_out(enter)
    assert fake.channels[call].music == "jazz"


async def test_another_class_of_music(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    for music in ("jazz", "default"):
        await link.carry_out(EnterWaitingRoom(call, LegId(call), music, SUPPORT))
        assert fake.channels[call].music == music


async def test_client_whose_agent_was_lost_waits_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    enter = EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT)
    await link.carry_out(enter)
    for number in (1, 2):
        leg = agent_leg_id(call, number)
        await link.carry_out(ring(call, offer=number))
        await link.carry_out(Connect(call, LegId(call), leg))
        assert fake.bridges == {f"{call}-talk": [call, leg]}
        assert fake.channels[call].music is None
        await fake.hang_up(leg)
        await link.carry_out(enter)
        assert (fake.bridges, fake.channels[call].music) == ({f"{call}-talk": []}, "jazz")
    assert (
        len(sent(fake, "bridges.createWithId")) == 2
    )  # the second one is refused; an id that was used is not used again (#211)


async def test_client_from_before_this_process_hears_no_music_in_his_conversation(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
    await link.carry_out(ring(call))
    link._interest._calls.clear()
    assert await link.our_channels() == {call, agent_leg_id(call, 1)}
    await link.carry_out(Connect(call, LegId(call), agent_leg_id(call, 1)))
    assert fake.channels[call].music is None


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
    assert fake.bridges == {f"{call}-talk": [call, leg]}
    assert fake.channels[call].music is None
    await link.carry_out(connect)
    assert len(inbox.of(LegJoined)) == 2


async def test_connect_with_an_agent_who_is_gone_leaves_the_client_alone(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    with pytest.raises(Gone):
        await link.carry_out(Connect(call, LegId(call), agent_leg_id(call, 1)))
    assert fake.channels[call].bridge is None
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    assert fake.channels[call].music == "default"


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
    assert (fake.bridges, fake.channels[call].music) == ({}, None)
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


async def test_prompt_that_cannot_be_stopped_this_instant_is_stopped_the_next(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    fake.failures["playbacks.stop"] = (500, '{"message":"Could not stop playback"}')
    stopping = asyncio.create_task(link.carry_out(StopPrompt(call, LegId(call), prompt_id(call, 1))))
    await until(lambda: len(sent(fake, "playbacks.stop")) >= 2)
    fake.failures.clear()
    await stopping
    await inbox.wait(PromptEnded)


async def test_bridge_is_not_destroyed_while_a_channel_is_leaving_it(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    clearing = asyncio.create_task(link.carry_out(ClearCall(call)))
    await until(lambda: len([one for one in fake.requests if one.operation == "bridges.get"]) >= 3)
    assert sent(fake, "bridges.destroy") == []
    await fake.hang_up(call)
    await clearing
    assert fake.bridges == {}


async def test_bridge_that_both_have_left_is_destroyed_without_a_question(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    for leg in (agent_leg_id(call, 1), LegId(call)):
        await fake.hang_up(leg)
        await inbox.wait(LegEnded, leg=leg)
    await link.carry_out(ClearCall(call))
    assert fake.bridges == {}
    assert sent(fake, "bridges.get") == []


async def test_bridge_with_somebody_in_it_is_asked_for_first(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """Also a channel that is none of ours, which a transfer has put there."""
    call = await connected(fake, link, inbox)
    stranger = await fake.call_in()
    fake.bridges[f"{call}-talk"].append(stranger)
    fake.channels[stranger].bridge = f"{call}-talk"
    shown = {"channel": fake._shown(fake.channels[stranger]), "bridge": fake._bridge(f"{call}-talk")}
    await fake.emit("ChannelEnteredBridge", **shown)
    for leg in (agent_leg_id(call, 1), LegId(call)):
        await fake.hang_up(leg)
        await inbox.wait(LegEnded, leg=leg)
    clearing = asyncio.create_task(link.carry_out(ClearCall(call)))
    await until(lambda: sent(fake, "bridges.get"))
    assert sent(fake, "bridges.destroy") == []
    await fake.hang_up(stranger)
    await clearing
    assert fake.bridges == {}


async def test_call_that_never_had_a_bridge_is_not_asked_for_one(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "default", SUPPORT))
    await fake.hang_up(call)
    await inbox.wait(LegEnded, leg=call)
    before = len(fake.requests)
    await link.carry_out(ClearCall(call))
    assert len(fake.requests) == before


async def test_bridge_that_is_left_over_from_an_unknown_call_is_destroyed(
    fake: FakeAsterisk, link: AriLink
) -> None:
    fake.bridges["old.1-talk"], fake.bridge_types["old.1-talk"] = [], "mixing"
    await link.carry_out(ClearCall(CallId("old.1")))
    assert fake.bridges == {}
