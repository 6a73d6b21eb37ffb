"""Asterisk's own queues follow the floor: what is sent, what is not, and what is said when it cannot be."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.ami import AmiLink, NativeMember
from bridge.ami.listener import Timing
from bridge.ami.native_queues import Pace
from bridge.centre.facts import CallerPresented
from bridge.centre.ids import CallId, Endpoint, QueueName
from bridge.centre.plan import Plan
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import PATIENT, event, fake_ami, running, until
from tests.unit.ami.fake_queues import FakeMember, FakeQueues, static
from tests.unit.ami.members import (
    ANNA,
    BORIS,
    SALES,
    SUPPORT,
    VERA,
    Floor,
    compared,
    kept,
    paused,
    ready,
    sent,
)

# ── all of them ──────────────────────────────────────────────────────────────


async def test_after_the_login_only_the_difference_is_sent() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA), VERA: ready(VERA, 3)}, SALES: {BORIS: ready(BORIS)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(
            support={ANNA: static("Anna"), BORIS: static("Boris", 2)},
            sales={BORIS: static("Boris"), VERA: FakeMember("Вера", dynamic=True)},
        )
        async with kept(fake, floor) as ami:
            await until(lambda: VERA in fake.queues.queues["support"] and fake.of("QueueRemove"))
            await compared(ami, floor)

        assert [(action["action"], action["queue"], action["interface"]) for action in sent(fake)] == [
            ("QueueAdd", "support", VERA),
            ("QueuePause", "support", BORIS),
            ("QueueRemove", "sales", VERA),
        ]
        assert len(fake.of("QueueStatus")) == 1


async def test_a_live_move_there_and_back() -> None:
    floor = Floor()
    home = {SUPPORT: {ANNA: ready(ANNA)}, SALES: {BORIS: ready(BORIS)}}
    floor.wanted = home
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna")}, sales={BORIS: static("Boris")})
        support, sales = fake.queues.queues["support"], fake.queues.queues["sales"]
        async with kept(fake, floor) as ami:
            await until(lambda: fake.of("QueueStatus"))
            floor.wanted = {SUPPORT: {}, SALES: {BORIS: ready(BORIS), ANNA: paused(ANNA, "lunch", 1)}}
            await compared(ami, floor)
            assert support[ANNA].reason == "not in this queue now"
            assert sales[ANNA] == FakeMember("Anna", 1, True, "lunch", dynamic=True)
            floor.wanted = home
            await compared(ami, floor)
            assert support == {ANNA: static("Anna")}
            assert sales == {BORIS: static("Boris")}

        assert len(fake.of("QueueStatus")) == 1


async def test_only_agents_phones_are_touched() -> None:
    floor = Floor(ANNA)
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA)}}
    guard = Endpoint("Local/guard@night")
    async with fake_ami() as fake:
        fake.queues = FakeQueues(
            support={ANNA: static("Anna"), guard: FakeMember("Guard", dynamic=True), BORIS: static("Boris")},
            own={ANNA: static("Anna")},
        )
        async with kept(fake, floor) as ami:
            await until(lambda: fake.of("QueueStatus"))
            await compared(ami, floor)

        assert sent(fake) == []


async def test_an_agent_whom_we_added_leaves_also_when_the_plan_has_lost_him() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        async with kept(fake, floor) as ami:
            await until(lambda: fake.queues.queues["support"])
            floor.plan = Plan()
            floor.wanted = {SUPPORT: {}}
            await compared(ami, floor)

        assert fake.queues.queues["support"] == {}


async def test_without_anything_wanted_asterisk_is_left_alone() -> None:
    floor = Floor()
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna")})
        async with kept(fake, floor) as ami:
            await until(lambda: ami.state.up)
            await compared(ami, floor)
            assert not fake.of("QueueStatus")
            floor.wanted = {SUPPORT: {}}
            ami.queues_changed()
            await until(lambda: fake.queues.queues["support"][ANNA].paused)


async def test_a_link_without_queues_takes_the_call_all_the_same() -> None:
    async with fake_ami() as fake:
        ami = AmiLink(
            host="127.0.0.1",
            port=fake.port,
            username="u",
            secret="right",
            inbox=FactInbox(),
            plan=Plan,
            trunks=frozenset,
            timing=PATIENT,
        )
        async with running(ami.run):
            await until(lambda: fake.of("CoreShowChannels"))
            ami.queues_changed()
        assert not fake.of("QueueStatus")


async def test_many_changes_are_sent_one_at_a_time_and_the_events_go_on() -> None:
    floor = Floor()
    floor.wanted = {QueueName(f"q{number}"): {VERA: ready(VERA)} for number in range(300)}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(**{queue: {} for queue in floor.wanted})
        fake.silent = {"QueueAdd"}
        inbox = FactInbox()
        async with kept(fake, floor, inbox=inbox) as ami:
            await until(lambda: fake.of("QueueAdd"))
            for _ in range(100):
                ami.queues_changed()
            await fake.send(
                event(
                    "Newchannel",
                    Channel="PJSIP/trunk1-00000001",
                    ChannelState="4",
                    Uniqueid="1.1",
                    Linkedid="1.1",
                )
            )
            await inbox.wait(CallerPresented, call=CallId("1.1"))
            assert len(fake.of("QueueAdd")) == 1


async def test_between_two_comparisons_there_is_a_rest() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna")})
        async with kept(fake, floor, Pace(rest=3600)) as ami:
            await until(lambda: fake.of("QueueStatus"))
            asked = floor.asked
            for _ in range(50):
                ami.queues_changed()
                await asyncio.sleep(0)
            assert floor.asked == asked


# ── Asterisk changes by itself ───────────────────────────────────────────────


async def test_after_asterisk_restarted_everything_is_learnt_again() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: paused(ANNA, "lunch"), VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna")})
        async with kept(fake, floor):
            await until(lambda: VERA in fake.queues.queues["support"])
            fake.queues = FakeQueues(support={ANNA: static("Anna")})
            fake.hang_up()
            await until(lambda: VERA in fake.queues.queues["support"])
            assert fake.queues.queues["support"][ANNA].reason == "lunch"


async def test_a_reload_is_looked_into() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA, 1)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna", 1)})
        async with kept(fake, floor):
            await until(lambda: fake.of("QueueStatus"))
            fake.queues.queues["support"][ANNA].penalty = 0
            await fake.send(event("Reload", Module="app_queue", Status="0"))
            await until(lambda: fake.queues.queues["support"][ANNA].penalty == 1)


async def test_drift_is_repaired_after_a_while() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        async with kept(fake, floor, Pace(rest=0.0, learn=0.05)):
            await until(lambda: VERA in fake.queues.queues["support"])
            del fake.queues.queues["support"][VERA]
            await until(lambda: VERA in fake.queues.queues["support"])


async def test_a_dynamic_member_whom_queues_conf_got_meanwhile_is_paused() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        async with kept(fake, floor) as ami:
            await until(lambda: VERA in fake.queues.queues["support"])
            fake.queues.queues["support"][VERA].dynamic = False
            floor.wanted = {SUPPORT: {}}
            await compared(ami, floor)

        assert fake.queues.queues["support"][VERA].reason == "not in this queue now"


# ── what goes wrong ──────────────────────────────────────────────────────────


async def test_a_queue_that_was_not_rendered_is_said_once() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA)}}
    async with fake_ami() as fake:
        with capture_logs() as logs:
            async with kept(fake, floor) as ami:
                await until(lambda: fake.of("QueueStatus"))
                for _ in range(3):
                    await compared(ami, floor)
                fake.queues = FakeQueues(support={})
                await fake.send(event("Reload", Module="app_queue"))
                await until(lambda: ANNA in fake.queues.queues["support"])

    (said,) = [log for log in logs if log["event"] == "Asterisk does not have this queue"]
    assert (said["queue"], said["log_level"]) == ("support", "warning")
    assert "render" in said["remedy"]


async def test_a_missing_permission_is_said_once_with_its_remedy() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA), VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        fake.refusals["QueueAdd"] = "Permission denied"
        with capture_logs() as logs:
            async with kept(fake, floor, Pace(rest=0.0, learn=0.02)):
                await until(lambda: len(fake.of("QueueAdd")) > 2)
                assert len(fake.of("QueueStatus")) >= len(fake.of("QueueAdd"))

    (said,) = [log for log in logs if log.get("action") == "native_queues"]
    assert "write = system,reporting,agent" in said["detail"]


async def test_a_refused_action_waits_for_the_next_list() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA, 4), VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={ANNA: static("Anna")})
        fake.refusals["QueuePenalty"] = "Invalid interface, queuename or penalty"
        with capture_logs() as logs:
            async with kept(fake, floor) as ami:
                await until(lambda: VERA in fake.queues.queues["support"])
                for _ in range(3):
                    await compared(ami, floor)
                assert len(fake.of("QueuePenalty")) == 1
                del fake.refusals["QueuePenalty"]
                await fake.send(event("Reload", Module="app_queue"))
                await until(lambda: fake.queues.queues["support"][ANNA].penalty == 4)

    (said,) = [log for log in logs if log["event"] == "Asterisk's queue not changed"]
    assert (said["queue"], said["endpoint"]) == ("support", ANNA)


async def test_no_reply_ends_the_round_and_a_new_list_tells_what_came_of_it() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: ready(ANNA), BORIS: ready(BORIS), VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        fake.silent = {"QueueAdd"}
        with capture_logs() as logs:
            async with kept(fake, floor, timing=Timing(reply=0.05)):
                await until(lambda: len(fake.of("QueueAdd")) > 1)
                assert {action["interface"] for action in sent(fake)} == {ANNA}
                fake.silent = set()
                await until(lambda: len(fake.queues.queues["support"]) == 3)

    (first, *_) = [log for log in logs if log.get("action") == "native_queues"]
    assert "no reply" in first["detail"]


async def test_a_name_with_a_line_end_sends_no_action_of_its_own() -> None:
    evil = Endpoint("PJSIP/1\r\nAction: Originate")
    floor = Floor()
    floor.wanted = {
        SUPPORT: {
            evil: NativeMember("x", 0, paused=False, reason=""),
            VERA: NativeMember("Вера\r\nAction: Originate", 0, paused=True, reason="a\r\nAction: Originate"),
        }
    }
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        with capture_logs() as logs:
            async with kept(fake, floor):
                await until(lambda: VERA in fake.queues.queues["support"])

        assert list(fake.queues.queues["support"]) == [VERA]
        assert fake.queues.queues["support"][VERA].name == "Вера Action: Originate"
        assert fake.queues.queues["support"][VERA].reason == "a Action: Originate"
        assert not fake.of("Originate")
    assert (
        "a line end" in next(log for log in logs if log["event"] == "Asterisk's queue not changed")["detail"]
    )


async def test_a_list_that_asterisk_cannot_give_yet() -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        fake.refusals["QueueStatus"] = "Invalid/unknown command: QueueStatus."
        with capture_logs() as logs:
            async with kept(fake, floor):
                await until(lambda: len(fake.of("QueueStatus")) > 2)
                fake.refusals.clear()
                await until(lambda: VERA in fake.queues.queues["support"])

    (said,) = [log for log in logs if log["event"] == "Asterisk tells nothing of its queues"]
    assert "app_queue.so" in said["detail"]


@pytest.mark.parametrize("silent", [True, False], ids=["no reply", "no end"])
async def test_a_list_that_does_not_come(silent: bool) -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        fake.silent = {"QueueStatus"} if silent else set()
        fake.cut_lists = True
        with capture_logs() as logs:
            async with kept(fake, floor, Pace(rest=0, again=0.01, list=0.05), Timing(reply=0.05)):
                await until(lambda: len(fake.of("QueueStatus")) > 2)
                assert not fake.of("QueueAdd")
                fake.silent, fake.cut_lists = set(), False
                await until(lambda: VERA in fake.queues.queues["support"])

    (said,) = [log for log in logs if log["event"] == "Asterisk tells nothing of its queues"]
    assert "within 0.05 s" in said["detail"]


async def test_a_lost_connection_ends_the_wait_for_its_list() -> None:
    """Otherwise the new session would be served only when the old one's time is over."""
    floor = Floor()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        fake.cut_lists = True
        async with kept(fake, floor, Pace(rest=0, list=3600)):
            await until(lambda: fake.of("QueueStatus"))
            fake.cut_lists = False
            fake.hang_up()
            await until(lambda: VERA in fake.queues.queues["support"])


class FaultyAtFirst(Floor):
    def __call__(self) -> dict[QueueName, dict[Endpoint, NativeMember]]:
        wanted = super().__call__()
        if self.asked == 1:
            raise RuntimeError("ours")
        return wanted


async def test_a_fault_of_ours_ends_nothing() -> None:
    floor = FaultyAtFirst()
    floor.wanted = {SUPPORT: {VERA: ready(VERA)}}
    async with fake_ami() as fake:
        fake.queues = FakeQueues(support={})
        with capture_logs() as logs:
            async with kept(fake, floor) as ami:
                await until(lambda: any("could not be compared" in log["event"] for log in logs))
                assert ami.state.up
                ami.queues_changed()
                await until(lambda: VERA in fake.queues.queues["support"])
