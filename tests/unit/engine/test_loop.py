"""The loop, its timers, its history and its reconciliation."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, Endpoint, LegId
from bridge.engine.adopt import Found, Reconciled, reconcile
from bridge.engine.desk import EngineDesk
from bridge.engine.dispatch import Dispatch
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.loop import Engine
from bridge.engine.ports import StampedFact
from bridge.engine.timers import Timers
from bridge.errors import InternalError, LinkDown
from tests.fakes.world import ANNA, START, World, plan


class Log:
    """A fact log that can be away for a while."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.facts: list[StampedFact] = []

    async def append(self, facts: Sequence[StampedFact]) -> None:
        if self.failures:
            self.failures -= 1
            raise LinkDown("database is away")
        self.facts += facts


class Rig:
    def __init__(self, log: Log | None = None) -> None:
        self.log = log or Log()
        self.sent: list[o.CallOrder] = []
        self.inbox = BoundedInbox()
        self.dispatch = Dispatch(dict.fromkeys(o.Lane, self.carry_out), self.inbox.put_now)
        self.timers = Timers(self.inbox.put_now)
        self.history = History(self.log)
        self.engine = Engine(
            floor=Floor(),
            inbox=self.inbox,
            dispatch=self.dispatch,
            timers=self.timers,
            history=self.history,
            clock=lambda: START,
        )

    async def carry_out(self, order: o.CallOrder) -> None:
        self.sent.append(order)


async def until(condition, seconds: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_facts_are_decided_logged_and_told_in_order() -> None:
    rig = Rig()
    told: list[StampedFact] = []
    rig.engine.watch(told.append)
    tasks = [asyncio.create_task(rig.engine.run()), asyncio.create_task(rig.history.run())]
    call = CallId("call.1")
    facts = [f.PlanLoaded(plan()), f.CallOffered(call, LegId(call), "+7916", "", "200", "lab")]
    for fact in facts:
        await rig.inbox.put_and_wait(fact)
    await rig.history.flushed()
    assert [stamped.fact for stamped in rig.log.facts] == facts
    assert [stamped.seq for stamped in told] == [1, 2]
    await rig.dispatch.drain(1)
    assert {type(order) for order in rig.sent} >= {o.Answer, o.EnterWaitingRoom, o.LookUpClient, o.OpenTicket}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_history_is_kept_while_the_database_is_away() -> None:
    log = Log(failures=2)
    history = History(log)
    task = asyncio.create_task(history.run())
    facts = [StampedFact(seq, START, f.AgentReady(ANNA)) for seq in range(1, 1202)]
    for fact in facts:
        history.note(fact)
    await asyncio.wait_for(history.flushed(), 5)
    assert log.facts == facts
    assert len(history) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def patient() -> AsyncIterator[History]:
    """A history that would gather for longer than any test waits."""
    history = History(Log(), gather_seconds=3600)
    task = asyncio.create_task(history.run())
    yield history
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def agents_ready(first: int, last: int) -> list[StampedFact]:
    return [StampedFact(seq, START, f.AgentReady(ANNA)) for seq in range(first, last + 1)]


async def test_facts_that_come_within_a_moment_are_written_together() -> None:
    batches: list[Sequence[StampedFact]] = []

    class Batches(Log):
        async def append(self, facts: Sequence[StampedFact]) -> None:
            batches.append(facts)

    history = History(Batches(), gather_seconds=0.05)
    task = asyncio.create_task(history.run())
    for fact in agents_ready(1, 3):
        history.note(fact)
        await asyncio.sleep(0)
    await until(lambda: batches)
    assert [fact.seq for fact in batches[0]] == [1, 2, 3]
    history.note(agents_ready(4, 4)[0])
    await until(lambda: len(batches) == 2)
    assert len(history) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_waits_for_the_facts_does_not_wait_for_others(patient: History) -> None:
    for fact in agents_ready(1, 3):
        patient.note(fact)
        await asyncio.sleep(0)
    await asyncio.wait_for(patient.flushed(), 5)
    assert len(patient) == 0
    # And once nobody waits any more, they are gathered again.
    patient.note(agents_ready(4, 4)[0])
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(patient) == 1
    await asyncio.wait_for(asyncio.gather(patient.flushed(), patient.flushed()), 5)
    assert len(patient) == 0


async def test_a_burst_is_written_at_once(patient: History) -> None:
    for fact in agents_ready(1, 499):
        patient.note(fact)
        await asyncio.sleep(0)
    assert len(patient) == 499
    patient.note(agents_ready(500, 500)[0])
    await until(lambda: len(patient) == 0)


async def test_a_started_timer_fires_once_and_a_stopped_one_never() -> None:
    fired: list[f.TimerFired] = []
    timers = Timers(fired.append)
    kept, stopped = f.Timer(f.TimerKind.REST, "1001"), f.Timer(f.TimerKind.REST, "1002")
    timers.carry_out(o.StartTimer(kept, timedelta(hours=1)))
    timers.carry_out(o.StartTimer(kept, timedelta(0)))
    timers.carry_out(o.StartTimer(stopped, timedelta(0)))
    timers.carry_out(o.StopTimer(stopped))
    await until(lambda: fired)
    assert fired == [f.TimerFired(kept)]
    assert len(timers) == 0


async def test_a_fault_of_ours_ends_one_call_safely(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.engine.take(f.PlanLoaded(plan()))
    call, other = CallId("call.1"), CallId("call.2")
    for id_ in (call, other):
        rig.engine.take(f.CallOffered(id_, LegId(id_), "+7916", "", "200", "lab"))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(
        __import__("bridge.centre.call_table", fromlist=["TABLE"]).TABLE,
        (rig.engine.floor.calls[call].state, f.DigitReceived),
        broken,
    )
    rig.engine.take(f.DigitReceived(call, LegId(call), "1"))
    assert rig.engine.floor.calls.keys() == {other}
    assert rig.engine.faults == 1
    await rig.dispatch.drain(1)
    assert any(isinstance(order, o.ToFallback) and order.call == call for order in rig.sent)
    assert len(rig.engine.floor.router.queues["support"].line) == 1  # type: ignore[index]


async def test_a_fact_that_the_log_refuses_does_not_hold_up_the_others() -> None:
    class Picky(Log):
        async def append(self, facts: Sequence[StampedFact]) -> None:
            if any(stamped.seq == 2 for stamped in facts):
                raise InternalError("not writable")
            await super().append(facts)

    log = Picky()
    history = History(log)
    task = asyncio.create_task(history.run())
    for seq in (1, 2, 3):
        history.note(StampedFact(seq, START, f.AgentReady(ANNA)))
    await asyncio.wait_for(history.flushed(), 5)
    assert [stamped.seq for stamped in log.facts] == [1, 3]
    assert history.refused == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


LATER = START + timedelta(minutes=1)


def reconciled(
    world: World, legs: dict[str, str], bridges: dict[str, frozenset[str]] | None = None
) -> Reconciled:
    found = Found(LATER, {LegId(leg): state for leg, state in legs.items()}, bridges or {})
    return reconcile(world.floor, found)


def test_what_ended_while_the_link_was_down_is_told() -> None:
    world = World().start()
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    told = reconciled(world, {}).facts
    assert told == (f.LegEnded(call, LegId(f"{call}-agent-1")), f.LegEnded(call, LegId(call)))
    world.end_leg(LegId(f"{call}-agent-1"))
    world.ari.clear()
    for fact in told:
        world.tell(fact)
    world.pump()
    assert world.floor.calls == {}


def test_leg_that_is_younger_than_the_list_is_not_missed() -> None:
    world = World(now=LATER + timedelta(seconds=1)).start()
    world.call_in("200")
    world.pump()
    assert reconciled(world, {}).facts == ()


def test_answer_and_conversation_that_nobody_told_are_taken_up() -> None:
    world = World().start()
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    agent = LegId(f"{call}-agent-1")
    bridges = {f"{call}-talk": frozenset({call, agent})}
    told = reconciled(world, {call: "Up", agent: "Up"}, bridges).facts
    assert f.LegAnswered(call, agent) in told
    for fact in told:
        world.tell(fact)
    assert world.floor.calls[call].state is CallState.TALKING
    assert [order.leg for order in world.orders if isinstance(order, o.StartRecording)] == [LegId(call)]


def test_menu_whose_prompt_ended_unheard_goes_on() -> None:
    world = World().start()
    call = world.call_in("100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.ari.clear()
    for fact in reconciled(world, {call: "Up"}).facts:
        world.tell(fact)
    assert f.Timer(f.TimerKind.MENU, call) in world.timers


def test_a_phone_that_hung_up_in_the_middle_of_a_code_is_forgotten() -> None:
    world = World().start()
    errand = world.dial_code(Endpoint("PJSIP/1001"), f.Feature.READY)
    world.tell(world.ari.popleft())
    assert reconciled(world, {errand: "Up"}).facts == ()
    for fact in reconciled(world, {}).facts:
        world.tell(fact)
    assert world.floor.errands == {}


def test_an_outside_number_that_answered_unheard_is_connected() -> None:
    world = World().start()
    call = world.call_in("400")
    world.tell(world.ari.popleft())
    world.ari.clear()
    outside = LegId(f"{call}-out-1")
    for fact in reconciled(world, {call: "Up", outside: "Up"}).facts:
        world.tell(fact)
    assert o.Connect(call, LegId(call), outside) in world.orders


def test_what_nobody_knows_is_ended_or_given_back_and_the_living_is_left_alone() -> None:
    world = World().start()
    call = world.call_in("200")
    world.pump()
    living = {call: "Up", "old.1-agent-2": "Up", "old.2": "Up"}
    bridges = {name: frozenset[str]() for name in (f"{call}-talk", "old.2-talk", "somebody-elses")}
    found = reconciled(world, living, bridges)
    assert found.facts == ()
    assert found.orders == (
        o.HangUp(CallId("old.1"), LegId("old.1-agent-2")),
        o.ToFallback(CallId("old.2"), LegId("old.2"), None),
        o.ClearCall(CallId("old.2")),
    )


async def test_the_desk_shows_the_floor_and_tells_of_changes_once() -> None:
    rig = Rig()
    desk = EngineDesk(rig.engine, lambda: ())
    changes: list[int] = []
    forget = desk.on_floor_change(lambda: changes.append(1))
    rig.engine.take(f.PlanLoaded(plan()))
    call = CallId("call.1")
    rig.engine.take(f.CallOffered(call, LegId(call), "+7916", "Иван", "200", "lab"))
    view = desk.floor()
    assert [(w.call, w.queue, w.number) for w in view.waiting] == [(call, "support", "+7916")]
    assert {agent.agent: agent.state for agent in view.agents}[ANNA] == "logged_out"
    await until(lambda: changes)
    assert changes == [1]
    forget()
    desk.close()
    await rig.dispatch.drain(1)
    rig.timers.close()
