"""Rows of the dialplan about ended channels: read, and told once."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bridge.ami import EndedRow, Remembered
from bridge.ami.ended import row_of
from bridge.centre.facts import CallerPresented, CallMissed, OutsideAnswered, OutsideEnded
from bridge.centre.ids import AgentId, CallId, Endpoint, QueueName
from tests.unit.ami.ends import (
    ARRIVED,
    BEGIN,
    CALL,
    END,
    LEFT,
    PLACE,
    QUEUED,
    SERVED,
    DatedInbox,
    hangup,
    linked,
)
from tests.unit.ami.fake_ami import event, fake_ami, until

CAME = event("Newchannel", Channel="PJSIP/lab-00000001", ChannelState="4", Uniqueid=CALL, Linkedid=CALL)

# ── rows ─────────────────────────────────────────────────────────────────────


def test_a_call_that_an_agent_of_the_native_queue_took() -> None:
    assert row_of(QUEUED) == EndedRow(
        ended_at=END,
        cause=16,
        begun_at=BEGIN,
        dialled="+74950000002",
        trunk="lab",
        number="+79161234567",
        queue=QueueName("support"),
        endpoint=Endpoint("PJSIP/1001"),
        talked_at=END - timedelta(milliseconds=1504),
    )


def test_a_call_that_nobody_took() -> None:
    row = row_of(LEFT)
    assert row is not None
    assert (row.queue, row.endpoint, row.talked_at) == ("support", None, None)


def test_a_direct_call_whose_agent_did_not_answer() -> None:
    row = row_of(f"call|1795476545.043|19|{ARRIVED}||PJSIP/1001|")
    assert row is not None
    assert (row.queue, row.endpoint, row.talked_at) == (None, None, None)


def test_a_number_that_was_withheld_and_a_leg_of_ours() -> None:
    row = row_of("call|1795476545.043|16|1795476536.368|+74950000002|lab|withheld||support||")
    assert row is not None
    assert row.number is None
    assert row_of("leg|1795476545.043|26") == EndedRow(END, 26)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "call",
        "leg|yesterday|16",
        "leg|1795476545.043|16|more",
        QUEUED.replace("call|", "cdr|"),
        QUEUED.replace("1795476545.043", "99999999999999.043"),
        QUEUED.replace("+79161234567", "x"),
        QUEUED.replace("+79161234567", "7" * 81),
        QUEUED.replace("support", "sup port"),
        QUEUED.replace("1504", "-1"),
        QUEUED.replace("|lab|", "||"),
        QUEUED + "\n",
        QUEUED.replace("1504", "١٥٠٤"),
        QUEUED.replace("1795476545.043", "١٧٩٥٤٧٦٥٤٥.٠٤٣"),
        QUEUED.replace("|allowed|", "|shown|"),
        QUEUED.replace("PJSIP/1001", "PJSIP/1001;rm"),
        QUEUED + "|more",
        "x" * 100_000,
    ],
)
def test_rows_that_the_dialplan_cannot_have_written(value: str) -> None:
    assert row_of(value) is None


def test_a_talk_does_not_begin_before_its_call_when_the_clock_was_set() -> None:
    row = row_of(QUEUED.replace("|1504", "|3600000"))
    assert row is not None
    assert (row.begun_at, row.talked_at) == (BEGIN, BEGIN)
    row = row_of(QUEUED.replace("call|1795476545", "call|1795472945"))
    assert row is not None
    assert row.begun_at == row.talked_at == row.ended_at


# ── told ─────────────────────────────────────────────────────────────────────


async def test_a_call_that_nobody_heard_is_told_whole() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": QUEUED, f"{PLACE}{CALL}-agent-1": "leg|1795476545.043|16"}
        inbox = DatedInbox()
        async with linked(fake, inbox):
            missed = await inbox.wait(CallMissed)
    assert missed == CallMissed(
        call=CALL,
        number="+79161234567",
        name="",
        dialled="+74950000002",
        trunk="lab",
        queue=QueueName("support"),
        agent=AgentId("1001"),
        offered_at=BEGIN,
        answered_at=END - timedelta(milliseconds=1504),
        ended_at=END,
    )
    assert len(inbox.of(CallMissed)) == 1


async def test_known_calls_are_not_missed_but_their_ends_can_be_asked_for() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED, f"{PLACE}{CALL}-agent-1": "leg|1795476545.043|26"}
        inbox = DatedInbox()
        async with linked(fake, inbox, known={CALL}) as ami:
            rows = await ami.ended(5)
    assert {channel: (row.ended_at, row.cause) for channel, row in rows.items()} == {
        CALL: (END, 16),
        f"{CALL}-agent-1": (END, 26),
    }
    assert inbox.of(CallMissed) == []


async def test_an_end_after_the_login_is_in_the_rows_as_well_and_not_missed() -> None:
    async with fake_ami() as fake:
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            assert await ami.ended(5) == {}
            fake.database = {f"{PLACE}{CALL}": SERVED}
            assert list(await ami.ended(5)) == [CALL]
    assert inbox.of(CallMissed) == []


async def test_who_asks_before_the_login_waits_for_it_but_not_for_ever() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.password = "not yet"
        async with linked(fake, DatedInbox()) as ami:
            with capture_logs() as logs:
                assert await ami.ended(0.05) == {}
            assert [log["event"] for log in logs if log["action"] == "ami_ended"]
            asking = asyncio.create_task(ami.ended(5))
            await asyncio.sleep(0.05)
            fake.password = "right"
            assert list(await asking) == [CALL]


async def test_a_list_that_is_cut_off_or_refused() -> None:
    async with fake_ami() as fake:
        fake.cut_lists = True
        async with linked(fake, DatedInbox()) as ami:
            await until(lambda: ami.state.up)
            assert await ami.ended(0.1) == {}
        fake.cut_lists = False
        fake.refusals["DBGetTree"] = "Permission denied"
        with capture_logs() as logs:
            async with linked(fake, DatedInbox()) as ami:
                assert await ami.ended(5) == {}
        assert "write = system,reporting" in next(log["remedy"] for log in logs if log.get("remedy"))


async def test_bad_rows_are_said_and_left_out() -> None:
    async with fake_ami() as fake:
        fake.database = {
            f"{PLACE}{CALL}": SERVED,
            f"{PLACE}1.2": "call|; DROP TABLE",
            f"{PLACE}a/b": "leg|1795476545.043|16",
            "/callbridge-ended/١٧٩٥٤٧٦٥/1.3": SERVED,
            "/callbridge-ended/here": SERVED,
            "/callbridge-ended-not/17954765/1.1": SERVED,
        }
        inbox = DatedInbox()
        with capture_logs() as logs:
            async with linked(fake, inbox) as ami:
                assert list(await ami.ended(5)) == [CALL]
                await inbox.wait(CallMissed)
    said = {log["key"] for log in logs if log["event"] == "row of an ended call cannot be read"}
    assert said == {f"{PLACE}1.2", f"{PLACE}a/b", "/callbridge-ended/١٧٩٥٤٧٦٥/1.3", "/callbridge-ended/here"}
    assert len(inbox.of(CallMissed)) == 1


async def test_what_was_heard_before_a_short_gap_is_not_missed_after_it() -> None:
    async with fake_ami() as fake:
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            await ami.ended(5)
            fake.database = {f"{PLACE}{CALL}": SERVED, f"{PLACE}1795476540.9": SERVED}
            await fake.send(CAME + hangup(CALL))
            await ami.ended(5)
            fake.hang_up()
            missed = await inbox.wait(CallMissed)
            assert missed.call == "1795476540.9"
            await ami.ended(5)
    assert len(inbox.of(CallMissed)) == 1


async def test_a_hangup_of_whom_nothing_else_was_heard_does_not_hide_his_call() -> None:
    """He came before the login, and left before the channels were listed."""
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.after["PJSIPShowContacts"] = hangup(CALL)
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            await inbox.wait(CallMissed, call=CALL)
            await ami.ended(5)
    assert len(inbox.of(CallMissed)) == 1


# ── calls that were announced before ─────────────────────────────────────────


async def test_the_end_of_an_announced_call_is_told_with_its_time_and_its_agent() -> None:
    async with fake_ami() as fake:
        other, third = CallId("1795476500.1"), CallId("1795476500.2")
        fake.database = {f"{PLACE}{CALL}": QUEUED, f"{PLACE}{other}": LEFT}
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete")
        inbox = DatedInbox()
        told = Remembered(presented=frozenset({third}), outside=frozenset({CALL, other}))
        async with linked(fake, inbox, known={CALL, other, third}, remembered=told):
            await until(lambda: len(inbox.of(OutsideEnded)) == 3)
    assert inbox.dated == [
        (OutsideEnded(other, "abandoned"), END),
        (OutsideEnded(third, "cancelled"), None),
        (OutsideAnswered(CALL, AgentId("1001")), END - timedelta(milliseconds=1504)),
        (OutsideEnded(CALL, "completed"), END),
    ]


async def test_the_end_of_a_call_that_was_followed_until_the_gap_has_its_time() -> None:
    async with fake_ami() as fake:
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete")
        inbox = DatedInbox()
        async with linked(fake, inbox, known={CALL}) as ami:
            await ami.ended(5)
            await fake.send(CAME)
            await inbox.wait(CallerPresented, call=CALL)
            fake.database = {f"{PLACE}{CALL}": SERVED}
            fake.hang_up()
            await inbox.wait(OutsideEnded, call=CALL)
    assert inbox.dated[-1][1] == END


async def test_a_call_of_which_only_its_arrival_was_told_is_told_whole() -> None:
    """Of a call that was only announced, its end would keep nothing."""
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": QUEUED}
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete")
        inbox = DatedInbox()
        told = Remembered(presented=frozenset({CALL}))
        async with linked(fake, inbox, known={CALL}, remembered=told):
            missed = await inbox.wait(CallMissed)
    assert (missed.call, missed.queue, missed.agent, missed.ended_at) == (CALL, "support", "1001", END)
    assert inbox.facts == [missed]


async def test_who_talked_with_somebody_who_is_no_agent_any_more_has_not_abandoned() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": QUEUED.replace("PJSIP/1001", "PJSIP/1009")}
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete")
        inbox = DatedInbox()
        async with linked(fake, inbox, known={CALL}, remembered=Remembered(outside=frozenset({CALL}))):
            await inbox.wait(OutsideEnded)
    assert inbox.dated == [(OutsideEnded(CALL, "completed"), END)]


async def test_rows_do_not_date_what_ends_later() -> None:
    """Only what the list of channels shows to be over has ended when its row says so."""
    async with fake_ami() as fake:
        fake.after["CoreShowChannels"] = event("CoreShowChannelsComplete")
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            await ami.ended(5)
            came = {"Channel": "PJSIP/lab-00000001", "ChannelState": "4", "Uniqueid": CALL, "Linkedid": CALL}
            await until(lambda: fake.of("CoreShowChannels"))
            await fake.send(event("Newchannel", **came))
            await inbox.wait(CallerPresented)
            fake.database = {f"{PLACE}{CALL}": SERVED}
            await ami.ended(5)
            await fake.send(hangup(CALL))
            await inbox.wait(OutsideEnded)
    assert inbox.dated[-1] == (OutsideEnded(CALL, "failed"), None)
