"""A process is killed, another one goes on: checkpoints, the facts after them, timers, the store's orders."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.change_facts import ClientHeld
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, LegId, RecordingId, TicketId
from bridge.engine.checkpoint import BadCheckpoint, CheckpointWriter, read_checkpoint
from bridge.engine.dispatch import Dispatch, Handlers
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.loop import Engine
from bridge.engine.ports import LoggedFact, StampedFact
from bridge.engine.recovery import Recovered, recover
from bridge.engine.timers import Timers
from bridge.store import FileJournal
from tests.fakes.world import ANNA, BORIS, START, World, plan

CHECKPOINTS = Path(__file__).parent / "checkpoints"


class NoLog:
    """A database that takes nothing: everything is left to the next process."""

    async def append(self, facts: list[LoggedFact]) -> None:
        raise NotImplementedError


class Process:
    """The engine's parts on a real journal, with nothing around them."""

    def __init__(self, directory: Path, now: datetime = START) -> None:
        self.now = now
        self.journal = FileJournal.open(directory)
        self.recovered = recover(self.journal.segments())
        self.sent: list[o.CallOrder] = []
        self.inbox = BoundedInbox()
        self.timers = Timers(self.inbox.put_now)
        self.history = History(NoLog(), self.journal, run=str(now))  # type: ignore[arg-type]
        self.history.begin(self.journal.start)
        self.engine = Engine(
            floor=self.recovered.floor,
            inbox=self.inbox,
            dispatch=Dispatch(Handlers(dict.fromkeys(o.Lane, self.carry_out)), self.inbox.put_now),
            timers=self.timers,
            history=self.history,
            journal=self.journal,
            clock=lambda: self.now,
        )
        self.timers.hold(self.recovered.timers)
        self.engine.start(self.recovered.untold)

    async def carry_out(self, order: o.CallOrder) -> None:
        self.sent.append(order)

    async def kill(self) -> None:
        """As far as anybody can see: nothing more is written."""
        await self.engine.dispatch.drain(1)
        self.timers.close()
        self.journal.close()


def comparable(floor: Floor) -> Floor:
    return replace(floor, ended=Counter())


def busy(process: Process) -> None:
    """One talks, one's phone rings, one waits, one is in the menu, one agent wraps up."""
    take = process.engine.take
    take(f.PlanLoaded(plan()))
    for agent in (ANNA, BORIS):
        take(f.EndpointChanged(plan().agents[agent].endpoint, True))
    for number, dialled in enumerate(("200", "200", "200", "100"), 1):
        call = CallId(f"call.{number}")
        take(f.CallOffered(call, LegId(call), f"+7916000000{number}", "", dialled, "lab"))
        take(f.ClientIdentified(call, f.Verdict.UNKNOWN, f"+7916000000{number}"))
    for number, agent_leg in (("1", "call.1-agent-1"), ("2", "call.2-agent-1")):
        call = CallId(f"call.{number}")
        take(f.LegRinging(call, LegId(agent_leg)))
    take(f.LegAnswered(CallId("call.1"), LegId("call.1-agent-1")))
    take(f.LegJoined(CallId("call.1"), LegId("call.1")))
    take(f.LegJoined(CallId("call.1"), LegId("call.1-agent-1")))


async def test_the_floor_of_a_killed_process_goes_on_in_the_next_one(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    floor, due = first.engine.floor, first.timers.due(START)
    await first.kill()
    second = Process(tmp_path, START + timedelta(seconds=3))
    assert comparable(second.engine.floor) == comparable(floor)
    assert {timer: round((at - START).total_seconds()) for timer, at in second.recovered.timers.items()} == {
        timer: round((at - START).total_seconds()) for timer, at in due.items()
    }
    assert second.recovered.unknown == 0
    await second.kill()


async def test_what_was_ordered_of_the_store_is_ordered_again_of_a_call_the_latest(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    await first.kill()
    orders = recover(FileJournal.open(tmp_path).segments()).latest_orders()
    saved = Counter(order.call for order in orders if isinstance(order, o.SaveCall))
    assert saved
    assert max(saved.values()) == 1
    assert {order.call for order in orders if isinstance(order, o.OpenTicket)} == {
        f"call.{number}" for number in range(1, 5)
    }
    talking = next(order for order in orders if isinstance(order, o.SaveCall) and order.call == "call.1")
    assert talking.record.agent == ANNA
    assert {order.lane for order in orders} == {o.Lane.RECORDS}


async def test_what_was_told_to_be_done_is_not_ordered_again(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    engine, open_, done = first.engine, CallId("call.2"), CallId("call.1")
    recordings = [RecordingId(f"{done}-rec-{number}") for number in (1, 2)]
    for recording in recordings:
        engine.take(f.RecordingEnded(done, recording))
    engine.take(f.TicketOpened(done, TicketId(1)))
    engine.take(f.CallDisposed(ANNA, "resolved"))
    engine.take(f.RecordingAttached(done, recordings[0], TicketId(1)))
    await first.kill()
    orders = recover(FileJournal.open(tmp_path).segments()).latest_orders()
    tickets = {order.call for order in orders if isinstance(order, o.OpenTicket)}
    assert open_ in tickets
    assert done not in tickets
    assert [order.recording for order in orders if isinstance(order, o.AttachRecording)] == recordings[1:]
    # Of this nothing tells that it was done.
    assert [order for order in orders if isinstance(order, o.SetDisposition)] == [
        o.SetDisposition(done, ANNA, "resolved", again=True)
    ]


async def test_timers_fire_when_they_would_have_and_not_before_the_link_is_up(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    ring = f.Timer(f.TimerKind.RING, "call.2-agent-1")
    assert ring in first.timers.due(START)
    await first.kill()
    second = Process(tmp_path, START + timedelta(hours=1))
    assert len(second.timers) == 0
    assert ring in second.timers.due(second.now), "until then a checkpoint has them"
    second.timers.go_on(second.now)
    while not len(second.inbox):
        await asyncio.sleep(0)
    assert second.inbox.undecided() == (f.TimerFired(ring),)
    await second.kill()


async def test_a_timer_that_is_stopped_before_the_link_is_up_never_fires(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    await first.kill()
    second = Process(tmp_path, START + timedelta(hours=1))
    second.engine.take(f.LegAnswered(CallId("call.2"), LegId("call.2-agent-1")))
    second.timers.go_on(second.now)
    assert len(second.timers) == 0
    await second.kill()


async def test_a_fact_that_happened_earlier_lets_its_timers_run_since_then(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    first.now = START + timedelta(seconds=60)
    first.engine.take(f.LegEnded(CallId("call.1"), LegId("call.1")), START + timedelta(seconds=56))
    wrap_up = f.Timer(f.TimerKind.WRAP_UP, ANNA)
    assert first.engine.floor.agents[ANNA].until == START + timedelta(seconds=66)
    due = first.timers.due(first.now)[wrap_up] - first.now
    assert timedelta(seconds=5) < due <= timedelta(seconds=6)
    await first.kill()


@pytest.mark.parametrize("killed_before", [False, True])
async def test_what_a_fact_has_changed_is_told_once_however_late_the_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_before: bool
) -> None:
    first = Process(tmp_path)
    busy(first)
    if killed_before:  # anything that follows from the fact was noted
        note = first.history.note

        def noted(stamped: StampedFact) -> None:
            if not isinstance(stamped.fact, f.ChangeFact):
                note(stamped)

        monkeypatch.setattr(first.history, "note", noted)
    first.engine.take(f.AgentWished(ANNA, f.Wish.HOLD), START + timedelta(seconds=1))
    await first.kill()
    for later in (2, 3):
        await Process(tmp_path, START + timedelta(seconds=later)).kill()
    segments = FileJournal.open(tmp_path).segments()
    kept = [one for segment in segments for one in segment.facts() if one.type == ClientHeld.__name__]
    assert [(one.at, one.body) for one in kept] == [
        (START + timedelta(seconds=1), {"call": "call.1", "agent": ANNA})
    ]


async def test_facts_that_the_disk_did_not_take_are_made_good_by_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Process(tmp_path)
    busy(first)
    monkeypatch.setattr("bridge.engine.loop._RETRY_SECONDS", 0.0)
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        first.engine.take(f.AgentPaused(BORIS, "lunch"))
        assert first.journal.broken
    for _ in range(200):
        first.engine.take(f.AgentLoggedIn(ANNA))
        if not first.journal.broken:
            break
        await asyncio.sleep(0.02)
    assert not first.journal.broken
    floor = first.engine.floor
    await first.kill()
    assert comparable(recover(FileJournal.open(tmp_path).segments()).floor) == comparable(floor)


async def test_an_orderly_stop_leaves_one_checkpoint_and_what_the_store_lacks(tmp_path: Path) -> None:
    first = Process(tmp_path)
    busy(first)
    await first.engine.dispatch.drain(1)
    ring = f.Timer(f.TimerKind.RING, "call.2-agent-1")
    first.timers.carry_out(o.StopTimer(ring))  # as one that fires is not running any more
    first.inbox.put_now(f.TimerFired(ring))
    floor = first.engine.floor
    first.engine.stop(everything_done=True)
    first.journal.close()
    journal = FileJournal.open(tmp_path)
    recovered = recover(journal.segments())
    assert comparable(recovered.floor) == comparable(floor)
    assert recovered.timers[ring] <= START, "a timer that had fired and was not decided yet fires at once"
    assert journal.segments()[0].facts(), "the database has had nothing of it"
    journal.close()


# ── the checkpoint's form is a promise ───────────────────────────────────────


def in_the_middle() -> World:
    world = World().start()
    world.arrive(ANNA, BORIS)
    world.caller("200", "+79161234567")
    world.talk(ANNA)
    for number in ("+79160000001", "+79160000002"):
        world.caller("200", number)
    for dialled in ("100", "400"):
        world.ari.clear()
        world.call_in(dialled, "+79160000003")
        world.tell(world.ari.popleft())
    return world


@pytest.mark.parametrize("file", sorted(CHECKPOINTS.glob("*.json")), ids=lambda file: file.stem)
def test_checkpoints_of_earlier_versions_can_be_read(file: Path) -> None:
    checkpoint = read_checkpoint(file.read_bytes())
    states = {id_: call.state for id_, call in checkpoint.floor.calls.items()}
    assert states == {
        "call.1": CallState.TALKING,
        "call.2": CallState.WAITING,
        "call.3": CallState.WAITING,
        "call.4": CallState.MENU,
        "call.5": CallState.FORWARDING,
    }
    assert list(checkpoint.floor.router.queues["support"].line) == ["call.2", "call.3"]  # type: ignore[index]
    checkpoint.floor.decide(f.LegEnded(CallId("call.1"), LegId("call.1")), START)
    assert checkpoint.floor.agents[ANNA].state.value == "wrap_up"


def test_what_a_later_version_adds_is_passed_over_and_what_an_earlier_one_lacks_has_its_default() -> None:
    world = in_the_middle()
    written = json.loads(CheckpointWriter().write(world.floor, world.timers))
    for call in written["memory"]["calls"]:
        call["of_tomorrow"] = {"more": [1]}
        del call["fallback"], call["said"], call["kept_place"]
    written["memory"]["of_tomorrow"] = 1
    floor = read_checkpoint(json.dumps(written).encode()).floor
    assert floor.calls.keys() == world.floor.calls.keys()
    assert floor.calls[CallId("call.4")].said == ()


def test_who_is_told_and_who_is_not_recorded_are_the_same_afterwards() -> None:
    world = World().start(replace(plan(), number_consents={"200": ("a1", "b2")}))
    world.arrive(ANNA)
    talks = world.caller("200", "+79161234567")
    world.talk(ANNA)
    world.floor.calls[talks].stopped, world.floor.calls[talks].off_record = 1, True
    comes = world.call_in("200", "+79160000001")
    world.tell(world.ari.popleft())
    calls = read_checkpoint(CheckpointWriter().write(world.floor, world.timers)).floor.calls
    for call in (talks, comes):
        assert calls[call] == world.floor.calls[call]
    assert calls[comes].consent is not None
    assert [one.heard for one in calls[talks].announced] == [True]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"format":2,"memory":{},"planned":{},"timers":[]}']
)
def test_a_checkpoint_that_cannot_be_read_is_told(text: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        read_checkpoint(text)


def test_without_a_journal_the_floor_is_empty() -> None:
    assert recover([]) == Recovered()
