"""A supervisor's leg beside an agent's: the ear, the rooms, and what a switch asks of Asterisk."""

from dataclasses import replace

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import DigitReceived, LegAnswered
from bridge.centre.ids import (
    CallId,
    LegId,
    agent_leg_id,
    consultation_id,
    conversation_id,
    ear_id,
    watch_room_id,
    watcher_leg_id,
)
from bridge.centre.orders import ClearCall, EndWatch, HangUp, Join, RingAgent, Watch
from bridge.centre.wish_facts import Supervise
from bridge.errors import Gone
from tests.fakes.ari_calls import connected, ring
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox, until

LISTEN, WHISPER, BARGE = Supervise.LISTEN, Supervise.WHISPER, Supervise.BARGE


def watch(call: CallId, how: Supervise, *, later: bool = False, number: int = 1) -> Watch:
    room = conversation_id(call) if how is BARGE else None
    return Watch(call, watcher_leg_id(call, 1), number, agent_leg_id(call, 1), how, room, later)


def ear(call: CallId, number: int = 1) -> LegId:
    return ear_id(watch_room_id(call, number), agent_leg_id(call, 1))


async def answered(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> CallId:
    """An agent and a client talk; the supervisor has taken up his phone."""
    call = await connected(fake, link, inbox)
    plain = ring(call, offer=1)
    assert isinstance(plain, RingAgent)
    leg = watcher_leg_id(call, 1)
    await link.carry_out(
        RingAgent(call, leg, plain.originator, plain.agent, plain.endpoint, "1", "", plain.ring)
    )
    await inbox.wait(LegAnswered, leg=leg)
    return call


def asked(fake: FakeAsterisk, since: int) -> list[str]:
    return [one.operation for one in fake.requests[since:] if one.operation != "events.userEvent"]


def inside(fake: FakeAsterisk, room: str) -> set[str]:
    return set(fake.bridges[room])


async def test_he_is_muted_before_he_hears_anything(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await answered(fake, link, inbox)
    since = len(fake.requests)
    await link.carry_out(watch(call, LISTEN))
    assert asked(fake, since)[0] == "channels.mute"
    assert inside(fake, watch_room_id(call, 1)) == {watcher_leg_id(call, 1), ear(call)}
    assert inside(fake, conversation_id(call)) == {call, agent_leg_id(call, 1)}
    (snoop,) = [one for one in fake.requests if one.operation == "channels.snoopChannelWithId"]
    assert (snoop.query["spy"], snoop.query["whisper"]) == ("both", "out")


async def test_a_switch_is_one_or_two_requests(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(watch(call, LISTEN))
    for how, requests in (
        (WHISPER, ["channels.unmute"]),
        (BARGE, ["bridges.addChannel"]),
        (LISTEN, ["channels.mute", "bridges.addChannel"]),
        (LISTEN, []),
        (BARGE, ["bridges.addChannel", "channels.unmute"]),
        (WHISPER, ["bridges.addChannel"]),
    ):
        since = len(fake.requests)
        await link.carry_out(watch(call, how))
        assert asked(fake, since) == requests, how
    assert inside(fake, watch_room_id(call, 1)) == {watcher_leg_id(call, 1), ear(call)}


async def test_his_digits_are_for_us_wherever_he_sits(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await answered(fake, link, inbox)
    for how, digit in ((LISTEN, "5"), (BARGE, "4")):
        await link.carry_out(watch(call, how))
        await fake.press(watcher_leg_id(call, 1), digit)
        await inbox.wait(DigitReceived, digit=digit)
    await fake.press(agent_leg_id(call, 1), "7")  # a card number is between the two
    await fake.press(watcher_leg_id(call, 1), "6")
    await inbox.wait(DigitReceived, digit="6")
    assert [fact.digit for fact in inbox.of(DigitReceived)] == ["5", "4", "6"]


async def test_its_end_takes_the_ear_away_and_nothing_else(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(watch(call, WHISPER))
    end = EndWatch(call, watcher_leg_id(call, 1), 1, agent_leg_id(call, 1))
    for _ in range(2):  # also when it is gone
        await link.carry_out(end)
    await until(lambda: ear(call) not in fake.channels)
    assert watcher_leg_id(call, 1) in fake.channels
    assert inside(fake, conversation_id(call)) == {call, agent_leg_id(call, 1)}


async def test_a_new_ear_for_another_voice(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(watch(call, WHISPER))
    await link.carry_out(EndWatch(call, watcher_leg_id(call, 1), 1, agent_leg_id(call, 1)))
    await link.carry_out(watch(call, WHISPER, later=True, number=2))
    assert inside(fake, watch_room_id(call, 2)) == {watcher_leg_id(call, 1), ear(call, 2)}


async def test_he_barges_into_a_consultation_before_those_who_consult_are_there(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(watch(call, LISTEN))
    room = consultation_id(call, 1)
    await link.carry_out(replace(watch(call, BARGE), room=room))
    assert inside(fake, room) == {watcher_leg_id(call, 1)}
    await link.carry_out(Join(call, agent_leg_id(call, 1), room))
    assert inside(fake, room) == {watcher_leg_id(call, 1), agent_leg_id(call, 1)}


async def test_whom_he_watches_is_gone(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(HangUp(call, agent_leg_id(call, 1)))
    await until(lambda: agent_leg_id(call, 1) not in fake.channels)
    with pytest.raises(Gone):
        await link.carry_out(watch(call, LISTEN))


async def test_nothing_is_left_of_a_call_that_is_cleared(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await answered(fake, link, inbox)
    await link.carry_out(watch(call, LISTEN))
    await fake.hang_up(call)
    await link.carry_out(ClearCall(call))
    await until(lambda: not fake.bridges and watcher_leg_id(call, 1) not in fake.channels)
