"""The adapter as a whole against the fake server: lists at login, facts, recordings."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.ami import AmiLink
from bridge.ami.listener import Timing
from bridge.centre.facts import (
    CallerPresented,
    EndpointChanged,
    OutsideEnded,
    RecordingEnded,
    RecordingStarted,
)
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, recording_id
from bridge.centre.orders import StartRecording
from bridge.centre.plan import Agent, Plan
from bridge.errors import BadInput, Gone, LinkDown
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import PATIENT, FakeAmi, ami_link, event, fake_ami, running, until

PLAN = Plan(agents={AgentId("1001"): Agent(AgentId("1001"), "Anna", Endpoint("PJSIP/1001"))})
CALL = CallId("1700000000.7")
ORDER = StartRecording(CALL, LegId(CALL), recording_id(CALL, 1))


def link(fake: FakeAmi, inbox: FactInbox, timing: Timing = PATIENT) -> AmiLink:
    return ami_link(fake, inbox, PLAN, trunk="trunk1", timing=timing)


def channel(name: str, **headers: str) -> bytes:
    return event(
        name,
        Channel="PJSIP/trunk1-00000001",
        ChannelState="4",
        CallerIDNum="+79161234567",
        Uniqueid=CALL,
        Linkedid=CALL,
        **headers,
    )


async def test_initial_states_come_in_the_stream() -> None:
    async with fake_ami() as fake:
        fake.after["DeviceStateList"] = event(
            "DeviceStateChange", Device="PJSIP/1001", State="NOT_INUSE"
        ) + event("DeviceStateListComplete")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await inbox.wait(EndpointChanged, endpoint="PJSIP/1001", reachable=True)
            assert ami.state.up
            await until(lambda: fake.of("CoreShowChannels"))


async def test_lists_that_are_refused_do_not_end_the_session() -> None:
    async with fake_ami() as fake:
        fake.refusals = {"DeviceStateList": "Permission denied", "CoreShowChannels": "Permission denied"}
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: fake.of("CoreShowChannels"))
            await fake.send(channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)


async def test_lists_that_an_asterisk_that_starts_cannot_give_yet() -> None:
    async with fake_ami() as fake:
        fake.refusals["DeviceStateList"] = (
            "Invalid/unknown command: DeviceStateList. Use Action: ListCommands"
        )
        fake.after["DeviceStateList"] = b""
        inbox = FactInbox()
        ami = link(fake, inbox)
        with capture_logs() as logs:
            async with running(ami.run):
                await until(lambda: len(fake.of("DeviceStateList")) > 2)
                assert not fake.of("CoreShowChannels")
                del fake.refusals["DeviceStateList"]
                fake.after["DeviceStateList"] = event("DeviceStateListComplete")
                await inbox.wait(EndpointChanged, endpoint="PJSIP/1001", reachable=False)
                await until(lambda: fake.of("CoreShowChannels"))

    assert not [log for log in logs if log["log_level"] == "error"]


async def test_a_list_that_asterisk_never_gives_is_said_with_its_module() -> None:
    async with fake_ami() as fake:
        fake.refusals["DeviceStateList"] = (
            "Invalid/unknown command: DeviceStateList. Use Action: ListCommands"
        )
        ami = link(fake, FactInbox())
        with capture_logs() as logs:
            async with running(ami.run):
                await until(lambda: fake.of("CoreShowChannels"))

    (said,) = [log for log in logs if log["log_level"] == "error"]
    assert said["list"] == "DeviceStateList"
    assert "res_manager_devicestate.so" in said["remedy"]


async def test_that_nobody_has_registered_is_no_error() -> None:
    async with fake_ami() as fake:
        fake.refusals["PJSIPShowContacts"] = "No Contacts found"
        ami = link(fake, FactInbox())
        with capture_logs() as logs:
            async with running(ami.run):
                await until(lambda: fake.of("CoreShowChannels"))

        assert len(fake.of("PJSIPShowContacts")) == 1
    assert not [log for log in logs if log["log_level"] == "error"]


async def test_why_a_phone_is_away_and_that_it_is_back() -> None:
    def contact(status: str) -> bytes:
        return event("ContactStatus", EndpointName="1001", ContactStatus=status)

    async with fake_ami() as fake:
        fake.after["PJSIPShowContacts"] = event("ContactList", Endpoint="1001", Status="Unreachable")
        fake.after["DeviceStateList"] = event("DeviceStateChange", Device="PJSIP/1001", State="UNAVAILABLE")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            away = await inbox.wait(EndpointChanged)
            assert (away.reachable, away.detail) == (False, "registered, but does not answer")
            await fake.send(contact("Reachable") + contact("Reachable"))
            await until(lambda: len(inbox.of(EndpointChanged)) == 3)
            assert {fact.reachable for fact in inbox.of(EndpointChanged)[1:]} == {True}


async def test_an_event_without_its_headers_is_skipped() -> None:
    async with fake_ami() as fake:
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await fake.send(event("Hangup", Channel="x") + channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)


async def test_a_call_that_ended_while_asterisk_restarted() -> None:
    async with fake_ami() as fake:
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete", ListItems="0")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: fake.of("CoreShowChannels"))
            await fake.send(channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)
            assert not inbox.of(OutsideEnded)
            fake.hang_up()
            await inbox.wait(OutsideEnded, call=CALL)


async def test_a_recording_from_order_to_end() -> None:
    async with fake_ami() as fake:
        fake.after["MixMonitor"] = channel("MixMonitorStart")
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)
            await inbox.wait(RecordingStarted, recording=ORDER.recording)
            await ami.start_recording(ORDER)
            await fake.send(channel("Hangup", Cause="16"))
            await inbox.wait(RecordingEnded, recording=ORDER.recording)

        (sent,) = fake.of("MixMonitor")
        assert sent["channel"] == CALL
        assert sent["options"] == (
            f"r(../recording/{CALL}-rec-1-in.wav)t(../recording/{CALL}-rec-1-out.wav)i(CALLBRIDGE_RECORDING_1)"
        )
        assert "file" not in sent


async def test_a_recording_that_runs_already_is_not_started_over() -> None:
    """A second MixMonitor would empty the files: a restarted process must see that one runs."""
    async with fake_ami() as fake:
        fake.replies["Getvar"] = {"Variable": "CALLBRIDGE_RECORDING_1", "Value": "0x7f"}
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)
            await inbox.wait(RecordingStarted, recording=ORDER.recording)
            await fake.send(channel("Hangup", Cause="16"))
            await inbox.wait(RecordingEnded, recording=ORDER.recording)

        assert not fake.of("MixMonitor")


async def test_a_channel_that_is_gone() -> None:
    async with fake_ami() as fake:
        fake.refusals["MixMonitor"] = "No such channel"
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(Gone):
                await ami.start_recording(ORDER)
            await fake.send(channel("MixMonitorStart") + channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)

        assert not inbox.of(RecordingStarted)


async def test_no_reply_may_mean_that_it_started() -> None:
    """And the connection leads nowhere: what was sent must not arrive when another recorder is at work."""
    async with fake_ami() as fake:
        fake.silent.add("MixMonitor")
        inbox = FactInbox()
        ami = link(fake, inbox, Timing(reply=0.2, first_retry=0.01))
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown, match="no reply"):
                await ami.start_recording(ORDER)
            assert not ami.state.up
            fake.replies["Getvar"] = {"Variable": "CALLBRIDGE_RECORDING_1", "Value": "0x7f"}
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)
            await inbox.wait(RecordingStarted, recording=ORDER.recording)
            await fake.send(channel("Hangup", Cause="16"))
            await inbox.wait(RecordingEnded, recording=ORDER.recording)

        assert len(fake.of("MixMonitor")) == 1


async def test_what_snoops_record_is_left_to_them() -> None:
    async with fake_ami() as fake:
        fake.replies["Getvar"] = {"Variable": "CALLBRIDGE_RECORDING_1", "Value": "snoop"}
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)
            await fake.send(channel("Hangup", Cause="16") + channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)

        assert not fake.of("MixMonitor")
        assert not inbox.of(RecordingEnded)


async def test_what_may_not_have_started_is_asked_for_and_started_again() -> None:
    async with fake_ami() as fake:
        fake.silent.add("MixMonitor")
        ami = link(fake, FactInbox(), Timing(reply=0.2, first_retry=0.01))
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(LinkDown):
                await ami.start_recording(ORDER)
            fake.silent.clear()
            await until(lambda: ami.state.up)
            await ami.start_recording(ORDER)

        assert len(fake.of("Getvar")) == 2
        assert len(fake.of("MixMonitor")) == 2


async def test_a_channel_seen_from_its_beginning_is_not_asked_about_its_first_recording() -> None:
    async with fake_ami() as fake:
        inbox = FactInbox()
        ami = link(fake, inbox)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await fake.send(channel("Newchannel"))
            await inbox.wait(CallerPresented, call=CALL)
            await ami.start_recording(ORDER)
            assert not fake.of("Getvar")
            assert len(fake.of("MixMonitor")) == 1
            await ami.start_recording(ORDER)  # its beginning was not heard of
            assert len(fake.of("Getvar")) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "a)S(x", "a,b", "1\r\nAction: Originate", "", "-rf"])
async def test_a_name_that_is_no_name(name: str) -> None:
    async with fake_ami() as fake:
        ami = link(fake, FactInbox())
        async with running(ami.run):
            await until(lambda: ami.state.up)
            call = CallId(name)
            with pytest.raises(BadInput):
                await ami.start_recording(StartRecording(call, LegId(call), recording_id(call, 1)))

        assert not fake.of("Getvar")


async def test_not_connected() -> None:
    async with fake_ami() as fake:
        with pytest.raises(LinkDown):
            await link(fake, FactInbox()).start_recording(ORDER)


async def test_on_up_is_called_after_every_login() -> None:
    ups = 0

    async def on_up() -> None:
        nonlocal ups
        ups += 1

    async with fake_ami() as fake:
        inbox = FactInbox()
        ami = AmiLink(
            host="127.0.0.1",
            port=fake.port,
            username="u",
            secret="right",
            inbox=inbox,
            plan=Plan,
            trunks=frozenset,
            on_up=on_up,
            timing=PATIENT,
        )
        async with running(ami.run):
            await until(lambda: ups == 1)
            fake.hang_up()
            await until(lambda: ups == 2)
            await asyncio.sleep(0)
