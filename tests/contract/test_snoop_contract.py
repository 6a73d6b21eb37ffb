"""Recording without AMI: the fake and the real Asterisk must agree."""

from bridge.ari import AriLink
from bridge.centre.causes import Cause
from bridge.centre.facts import CallOffered, LegEnded, RecordingEnded, RecordingStarted
from bridge.centre.ids import recording_id
from bridge.centre.orders import Answer, HangUp, StartRecording
from tests.fakes.inbox import FactInbox


async def test_snoops_record_both_sides_and_end_with_him(
    offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    recording = recording_id(offered.call, 1)
    order = StartRecording(offered.call, offered.leg, recording)
    await link.carry_out(Answer(offered.call, offered.leg))
    await link.start_recording(order)
    await inbox.wait(RecordingStarted, recording=recording)
    await link.start_recording(order)
    await link.carry_out(HangUp(offered.call, offered.leg, Cause.NORMAL_CLEARING))
    await inbox.wait(LegEnded, leg=offered.leg)
    await inbox.wait(RecordingEnded, recording=recording)
    names = [f"{recording}-snoop-in", f"{recording}-snoop-out"]
    assert set(names) <= set(await link.list_recordings())
    assert not [one for one in await link.channels() if one.id in names]
    for name in names:
        await link.delete_recording(name)
    assert len(inbox.of(RecordingEnded)) == 1
