"""A recorder that is begun anew because somebody else takes the client: one recording, and one end."""

import asyncio
from dataclasses import replace

import pytest

from bridge.ami.listener import Timing
from bridge.centre.facts import CallerPresented, RecordingEnded, RecordingStarted
from bridge.errors import Gone, LinkDown
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import fake_ami, running, until
from tests.unit.ami.test_ami_link import CALL, ORDER, channel, link

SENT = "CHANNEL(rtcp,txcount)"
ANEW = replace(ORDER, anew=True)
MARK = {"Variable": "CALLBRIDGE_RECORDING_1", "Value": "0x7f"}
BEHIND = f"ar(../recording/{CALL}-rec-1-in.wav)t(../recording/{CALL}-rec-1-out.wav)i(CALLBRIDGE_RECORDING_1)"


async def test_it_goes_on_behind_what_it_has_written_and_ends_once() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        fake.after["MixMonitor"] = channel("MixMonitorStart")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)  # it runs already
            for _ in range(2):
                await ami.start_recording(ANEW)
            await fake.send(channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)
            assert not inbox.of(RecordingEnded)
            await fake.send(channel("Hangup", Cause="16"))
            await inbox.wait(RecordingEnded, recording=ORDER.recording)
        assert [one["mixmonitorid"] for one in fake.of("StopMixMonitor")] == ["0x7f"] * 2
        assert [one["options"] for one in fake.of("MixMonitor")] == [BEHIND] * 2
        assert len(inbox.of(RecordingEnded)) == 1
        assert inbox.of(RecordingStarted)


async def test_afterwards_a_stop_is_an_end_again() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.after["StopMixMonitor"] = channel("MixMonitorStop")
        fake.after["MixMonitor"] = channel("MixMonitorStart")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ANEW)
            await fake.send(channel("MixMonitorStop"))
            await inbox.wait(RecordingEnded, recording=ORDER.recording)


@pytest.mark.parametrize("value", ["", "snoop"])
async def test_what_mixmonitor_does_not_record_is_left_alone(value: str) -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = {**MARK, "Value": value}
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ANEW)
        assert not fake.of("StopMixMonitor")
        assert not fake.of("MixMonitor")


async def test_one_that_has_stopped_is_begun_all_the_same() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.refusals["StopMixMonitor"] = "Could not stop monitoring channel"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ANEW)
        assert len(fake.of("MixMonitor")) == 1


async def test_a_reply_that_is_lost_between_is_tried_again() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = MARK
        fake.silent.add("MixMonitor")
        ami = link(fake, FactInbox(), Timing(reply=0.2, first_retry=0.01))
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown):
                await ami.start_recording(ANEW)
            fake.silent.clear()
            await until(lambda: ami.state.up)
            await ami.start_recording(ANEW)
        assert [one["options"] for one in fake.of("MixMonitor")] == [BEHIND] * 2


async def test_he_has_hung_up() -> None:
    async with fake_ami() as fake:
        fake.refusals["Getvar"] = "No such channel"
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(Gone):
                await ami.start_recording(ANEW)


async def test_not_before_a_packet_has_gone_to_the_client() -> None:
    async with fake_ami() as fake:
        fake.variables |= {MARK["Variable"]: MARK["Value"], SENT: "5"}
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            anew = asyncio.create_task(ami.start_recording(replace(ANEW, just_answered=True)))
            await until(lambda: sum(one["variable"] == SENT for one in fake.of("Getvar")) > 3)
            assert fake.of("StopMixMonitor")
            assert not fake.of("MixMonitor")
            fake.variables[SENT] = "6"
            await anew
        assert len(fake.of("MixMonitor")) == 1
