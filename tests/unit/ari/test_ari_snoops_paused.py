"""A pause while there is no AMI: snoops cannot be muted, so they are ended."""

from dataclasses import replace

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import RecordingCut, RecordingEnded, RecordingStarted
from bridge.centre.ids import CallId, LegId, recording_id
from bridge.centre.orders import MuteRecording
from bridge.errors import LinkDown
from tests.fakes.ari_calls import offered
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox
from tests.unit.ari.test_ari_snoops import MARK, order


def mute(call: CallId, *, muted: bool = True) -> MuteRecording:
    return MuteRecording(call, LegId(call), recording_id(call, 1), muted)


async def test_paused_they_are_ended(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    for _ in range(2):
        await link.mute_recording(mute(call))
    await inbox.wait(RecordingEnded, recording=recording_id(call, 1))
    assert set(fake.channels) == {call}
    assert [fact.recording for fact in inbox.of(RecordingCut)] == [recording_id(call, 1)] * 2


async def test_that_they_may_be_heard_again_leaves_them_at_work(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await link.mute_recording(mute(call, muted=False))
    assert len(fake.channels) == 3
    assert not inbox.of(RecordingCut)


async def test_of_those_that_were_ended_it_is_told_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    await link.mute_recording(mute(call))
    await link.mute_recording(mute(call, muted=False))
    assert len(inbox.of(RecordingCut)) == 2


async def test_what_is_paused_is_not_begun(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(replace(order(call), muted=True))
    assert set(fake.channels) == {call}
    assert inbox.of(RecordingCut)
    assert not inbox.of(RecordingStarted)


async def test_what_mixmonitor_records_ami_mutes(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    fake.channels[call].variables[MARK] = "0x7f00"
    with pytest.raises(LinkDown, match="AMI"):
        await link.mute_recording(mute(call))
    assert not inbox.of(RecordingCut)


async def test_one_that_cannot_be_ended_is_not_told_as_cut(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await offered(fake, inbox)
    await link.start_recording(order(call))
    fake.failures["channels.hangup"] = (503, "busy")
    with pytest.raises(LinkDown):
        await link.mute_recording(mute(call))
    assert not inbox.of(RecordingCut)
