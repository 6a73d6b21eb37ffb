"""A recording that is stopped in the middle of its call: for good, whoever is told what again."""

from dataclasses import replace

import pytest

from bridge.ami.listener import Timing
from bridge.centre.facts import CallerPresented, RecordingEnded
from bridge.centre.ids import LegId, recording_id
from bridge.centre.orders import StopRecording
from bridge.errors import LinkDown, Refused
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import fake_ami, running, until
from tests.unit.ami.test_ami_link import CALL, ORDER, channel, link

STOP = StopRecording(CALL, LegId(CALL), ORDER.recording)
MARK, NEXT = "CALLBRIDGE_RECORDING_1", "CALLBRIDGE_RECORDING_2"


async def test_it_ends_by_its_id_and_its_end_is_told() -> None:
    async with fake_ami() as fake:
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await fake.send(channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)
            fake.after["MixMonitor"] = channel("MixMonitorStart")
            await ami.start_recording(ORDER)
            fake.variables[MARK] = "0x7f"
            await ami.stop_recording(STOP)
            await inbox.wait(RecordingEnded, recording=ORDER.recording)
        (sent,) = fake.of("StopMixMonitor")
        assert (sent["channel"], sent["mixmonitorid"]) == (CALL, "0x7f")


async def test_one_that_a_process_before_this_one_began() -> None:
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
            await inbox.wait(RecordingEnded, recording=ORDER.recording)


async def test_what_does_not_run_is_stopped() -> None:
    async with fake_ami() as fake:
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
        assert len(fake.of("Getvar")) == 1
        assert not fake.of("StopMixMonitor")


async def test_nobody_begins_it_again() -> None:
    """Its files would be emptied."""
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        ami = link(fake, inbox := FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
            await inbox.wait(RecordingEnded, recording=ORDER.recording)
            await ami.start_recording(ORDER)
        assert not fake.of("MixMonitor")


async def test_the_next_one_of_the_call_begins_and_is_not_taken_for_it() -> None:
    """Asterisk may give it the id that the one before had: it is an address."""
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
            await ami.start_recording(replace(ORDER, recording=recording_id(CALL, 2)))
            fake.variables[NEXT] = "0x7f"
            await ami.stop_recording(STOP)  # told again by a process that has been restarted
        (sent,) = fake.of("MixMonitor")
        assert "-rec-2-in.wav" in sent["options"]
        assert len(fake.of("StopMixMonitor")) == 1


async def test_already_stopped_by_an_attempt_whose_reply_was_lost() -> None:
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        fake.silent.add("StopMixMonitor")
        ami = link(fake, FactInbox(), Timing(reply=0.2, first_retry=0.01))
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown):
                await ami.stop_recording(STOP)
            fake.silent.clear()
            fake.refusals["StopMixMonitor"] = "Could not stop monitoring channel"
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
        assert len(fake.of("StopMixMonitor")) == 2


@pytest.mark.parametrize("action", ["Getvar", "StopMixMonitor"])
async def test_he_has_hung_up(action: str) -> None:
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        fake.refusals[action] = "No such channel"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.stop_recording(STOP)
        assert len(fake.of(action)) == 1


async def test_an_asterisk_that_lets_nobody_stop_it_is_no_success() -> None:
    async with fake_ami() as fake:
        fake.variables[MARK] = "0x7f"
        fake.refusals["StopMixMonitor"] = "Permission denied"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(Refused):
                await ami.stop_recording(STOP)


async def test_what_snoops_record_is_left_to_ari() -> None:
    async with fake_ami() as fake:
        fake.variables[MARK] = "snoop"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown, match="snoops"):
                await ami.stop_recording(STOP)
        assert not fake.of("StopMixMonitor")
