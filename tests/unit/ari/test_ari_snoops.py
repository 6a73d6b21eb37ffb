"""Recording without AMI: both sides, in step, once; and nothing stays behind when it cannot be done."""

import asyncio
from collections.abc import Callable

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import RecordingEnded, RecordingStarted
from bridge.centre.ids import CallId, LegId, recording_id
from bridge.centre.orders import StartRecording, StopRecording
from bridge.errors import Gone, LinkDown, Refused, RequestTimeout
from tests.fakes.ari_calls import offered, sent
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox, until
from tests.fakes.links import running

MARK = "CALLBRIDGE_RECORDING_1"


def order(call: CallId) -> StartRecording:
    return StartRecording(call, LegId(call), recording_id(call, 1))


async def test_both_sides_are_recorded_until_he_hangs_up(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await inbox.wait(RecordingStarted, recording=recording_id(call, 1))
    assert [one["spy"] for one in sent(fake, "channels.snoopChannelWithId")] == ["in", "out"]
    assert set(fake.recordings) == {f"{call}-rec-1-snoop-in", f"{call}-rec-1-snoop-out"}
    assert fake.channels[call].variables[MARK] == "snoop"
    await fake.hang_up(call)
    await inbox.wait(RecordingEnded, recording=recording_id(call, 1))
    assert len(inbox.of(RecordingEnded)) == 1
    assert not fake.channels


async def test_told_twice_it_is_recorded_once(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await link.start_recording(order(call))
    assert len(sent(fake, "channels.record")) == 2


async def test_what_mixmonitor_records_is_left_to_it(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.channels[call].variables[MARK] = "0x7f00"
    with pytest.raises(LinkDown, match="MixMonitor"):
        await link.start_recording(order(call))
    assert not sent(fake, "channels.snoopChannelWithId")


async def test_a_caller_who_is_gone(link: AriLink) -> None:
    with pytest.raises(Gone):
        await link.start_recording(order(CallId("1795000000.99")))


async def test_without_a_socket_nobody_would_hear_the_end(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await fake.stop()
    await until(lambda: not link.state.up)
    with pytest.raises(LinkDown):
        await link.start_recording(order(call))


async def test_a_link_that_is_lost_meanwhile_is_no_end_of_the_call(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """It is to be tried again: the call may go on for long."""
    call = await offered(fake, inbox)
    fake.mute_arrivals = True
    recording = asyncio.create_task(link.start_recording(order(call)))
    await until(lambda: len(fake.channels) == 3)
    await fake.drop_sockets()
    with pytest.raises(LinkDown):
        await recording


async def test_a_snoop_that_cannot_be_recorded_is_ended(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.failures["channels.record"] = (500, "no")
    with pytest.raises(Refused):
        await link.start_recording(order(call))
    assert set(fake.channels) == {call}
    assert MARK not in fake.channels[call].variables


async def test_a_reply_that_was_lost_is_made_good_by_the_next_attempt(
    fake: FakeAsterisk, make_link: Callable[..., AriLink], inbox: FactInbox
) -> None:
    link = make_link(request_seconds=0.2)
    async with running(link):
        call = await offered(fake, inbox)
        fake.swallows.add("channels.snoopChannelWithId")
        with pytest.raises(RequestTimeout):
            await link.start_recording(order(call))
        fake.swallows.clear()
        await until(lambda: set(fake.channels) == {call})
        await link.start_recording(order(call))
        assert len(fake.channels) == 3


# ── stopped ──────────────────────────────────────────────────────────────────


def stop(call: CallId) -> StopRecording:
    return StopRecording(call, LegId(call), recording_id(call, 1))


async def test_stopped_both_snoops_end_and_he_stays(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await link.stop_recording(stop(call))
    await inbox.wait(RecordingEnded, recording=recording_id(call, 1))
    assert set(fake.channels) == {call}
    for again in (link.stop_recording(stop(call)), link.start_recording(order(call))):
        await again
    assert set(fake.channels) == {call}


async def test_the_next_recording_of_the_call_begins(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await link.stop_recording(stop(call))
    await link.start_recording(StartRecording(call, LegId(call), recording_id(call, 2)))
    assert set(fake.channels) == {call, f"{call}-rec-2-snoop-in", f"{call}-rec-2-snoop-out"}


async def test_what_mixmonitor_records_only_ami_can_stop(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    fake.channels[call].variables[MARK] = "0x7f00"
    with pytest.raises(LinkDown, match="MixMonitor"):
        await link.stop_recording(stop(call))


async def test_nothing_is_recorded_or_nobody_is_there(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    for one in (call, CallId("1795000000.99")):
        await link.stop_recording(stop(one))
    assert not sent(fake, "channels.hangup")


async def test_a_snoop_that_will_not_end_is_tried_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    fake.failures["channels.hangup"] = (500, "no")
    with pytest.raises(Refused):
        await link.stop_recording(stop(call))
    fake.failures.clear()
    await link.stop_recording(stop(call))
    assert set(fake.channels) == {call}
