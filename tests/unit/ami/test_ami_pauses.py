"""A recorder is muted: only its event proves it, and one that cannot be muted is stopped."""

from dataclasses import replace

import pytest

from bridge.ami import recorder
from bridge.ami.listener import Timing
from bridge.centre.facts import (
    CallerPresented,
    RecordingCut,
    RecordingEnded,
    RecordingPaused,
    RecordingStarted,
)
from bridge.centre.orders import MuteRecording
from bridge.errors import Gone, LinkDown
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import fake_ami, running, until
from tests.unit.ami.test_ami_link import CALL, ORDER, channel, link

MUTE = MuteRecording(CALL, ORDER.leg, ORDER.recording, muted=True)
UNMUTE = replace(MUTE, muted=False)
MARK = {"Variable": "CALLBRIDGE_RECORDING_1", "Value": "0x7f"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_CONFIRMS", 0.1)


async def test_it_is_muted_by_its_id_and_confirmed_by_its_event() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.mute_recording(MUTE)
            await inbox.wait(RecordingPaused, call=CALL, recording=ORDER.recording)
            await ami.mute_recording(UNMUTE)
        sent = [
            (one["channel"], one["mixmonitorid"], one["direction"], one["state"])
            for one in fake.of("MixMonitorMute")
        ]
        assert sent == [(CALL, "0x7f", "both", "1"), (CALL, "0x7f", "both", "0")]
        assert len(inbox.of(RecordingPaused)) == 1
        assert not inbox.of(RecordingCut)
        assert not fake.of("StopMixMonitor")


@pytest.mark.parametrize("order", [MUTE, UNMUTE])
async def test_a_reply_without_the_event_proves_nothing(order: MuteRecording) -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.mutes = False
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.mute_recording(order)
            await inbox.wait(RecordingCut, call=CALL, recording=ORDER.recording)
            await inbox.wait(RecordingEnded, recording=ORDER.recording)
        assert [one["mixmonitorid"] for one in fake.of("StopMixMonitor")] == ["0x7f"]
        assert not inbox.of(RecordingPaused)


@pytest.mark.parametrize(
    ("direction", "state"), [("read", "1"), ("both", "0")], ids=["one side", "the other way"]
)
async def test_another_event_of_the_channel_proves_nothing_either(direction: str, state: str) -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.mutes = False
        fake.after["MixMonitorMute"] = channel("MixMonitorMute", Direction=direction, State=state)
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.mute_recording(MUTE)
            await inbox.wait(RecordingCut)
        assert not inbox.of(RecordingPaused)


async def test_what_somebody_else_mutes_is_no_pause_of_ours() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)
            await fake.send(channel("MixMonitorMute", Direction="both", State="1") + channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)
        assert not inbox.of(RecordingPaused)


@pytest.mark.parametrize("order", [MUTE, UNMUTE])
async def test_refused_it_is_stopped(order: MuteRecording) -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.refusals["MixMonitorMute"] = "Cannot set mute flag"
        fake.refusals["StopMixMonitor"] = "Could not stop monitoring channel"  # it had been stopped before
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.mute_recording(order)
            await inbox.wait(RecordingCut, recording=ORDER.recording)
        assert len(fake.of("StopMixMonitor")) == 1


async def test_where_nothing_records_there_is_nothing_to_mute() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = {**MARK, "Value": ""}
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.mute_recording(MUTE)
            await inbox.wait(RecordingCut, recording=ORDER.recording)
        assert not fake.of("MixMonitorMute")


async def test_what_snoops_record_is_aris() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = {**MARK, "Value": "snoop"}
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            for work in (ami.mute_recording(MUTE), ami.start_recording(replace(ORDER, muted=True))):
                with pytest.raises(LinkDown, match="snoops"):
                    await work
        assert not inbox.of(RecordingCut)
        assert not fake.of("MixMonitor")


async def test_begun_while_paused_it_is_muted_at_once() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        fake.after["MixMonitor"] = channel("MixMonitorStart")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            for anew in (False, True):
                await ami.start_recording(replace(ORDER, anew=anew, muted=True))
            assert inbox.of(RecordingStarted)
        mutes = ["StopMixMonitor", "MixMonitor", "MixMonitorMute"]
        names = [one["action"] for one in fake.actions if one["action"] in mutes]
        assert names == ["MixMonitorMute", "StopMixMonitor", "MixMonitor", "MixMonitorMute"]
        assert {one["state"] for one in fake.of("MixMonitorMute")} == {"1"}
        assert not inbox.of(RecordingEnded)
        assert not inbox.of(RecordingCut)


async def test_begun_anew_and_not_muted_it_is_stopped() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.refusals["MixMonitorMute"] = "Permission denied"
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        fake.after["MixMonitor"] = channel("MixMonitorStart")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(replace(ORDER, anew=True, muted=True))
            await inbox.wait(RecordingCut, recording=ORDER.recording)
            await inbox.wait(RecordingEnded, recording=ORDER.recording)
        assert [one["action"] for one in fake.actions][-1] == "StopMixMonitor"


async def test_a_lost_reply_is_tried_again_on_another_connection() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.silent.add("MixMonitorMute")
        inbox = FactInbox()
        ami = link(fake, inbox, Timing(reply=0.2, first_retry=0.01))
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown):
                await ami.mute_recording(MUTE)
            fake.silent.clear()
            await until(lambda: ami.state.up)
            await ami.mute_recording(MUTE)
            await inbox.wait(RecordingPaused)
        assert fake.logins == 2
        assert not inbox.of(RecordingCut)


async def test_he_has_hung_up() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.refusals["MixMonitorMute"] = "No such channel"
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(Gone):
                await ami.mute_recording(MUTE)
        assert not inbox.of(RecordingCut)
