"""The loop, its timers and its desk."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import uvloop

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.change_facts import ClientHeld
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, LegId
from bridge.engine.desk import EngineDesk
from bridge.engine.dispatch import Dispatch, Handlers
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.logged import logged
from bridge.engine.loop import Engine
from bridge.engine.ports import StampedFact
from bridge.engine.timers import Timers
from tests.fakes.fact_log import Log
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import ANNA, BORIS, START, plan
from tests.unit.centre.talk_scene import talking


def both_loops(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Their handles are not the same: `callbridge run` has uvloop's."""

    def under(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        run(test())

    return pytest.mark.parametrize("run", [asyncio.run, uvloop.run])(under)


class Rig:
    def __init__(self) -> None:
        self.log = Log()
        self.journal = MemoryJournal()
        self.sent: list[o.CallOrder] = []
        self.inbox = BoundedInbox()
        self.dispatch = Dispatch(Handlers(dict.fromkeys(o.Lane, self.carry_out)), self.inbox.put_now)
        self.timers = Timers(self.inbox.put_now)
        self.history = History(self.log, self.journal, run="run")
        self.engine = Engine(
            floor=Floor(),
            inbox=self.inbox,
            dispatch=self.dispatch,
            timers=self.timers,
            history=self.history,
            journal=self.journal,
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
    assert rig.log.facts == [logged("run", stamped) for stamped in told]
    assert [stamped.fact for stamped in told] == facts
    assert [stamped.seq for stamped in told] == [1, 2]
    await rig.dispatch.drain(1)
    assert {type(order) for order in rig.sent} >= {o.Answer, o.EnterWaitingRoom, o.LookUpClient, o.OpenTicket}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@both_loops
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


@both_loops
async def test_a_process_that_stood_still_reads_before_its_timers_fire() -> None:
    said: list[object] = []
    timers = Timers(said.append)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, lambda: said.append(ours.recv(9)))
        timer = f.Timer(f.TimerKind.RING, "call.1-agent-1")
        timers.carry_out(o.StartTimer(timer, timedelta(seconds=0.05)))
        theirs.send(b"answered")
        time.sleep(1.2)  # noqa: ASYNC251 (as SIGSTOP does)
        await until(lambda: len(said) == 2)
        asyncio.get_running_loop().remove_reader(ours)
    assert said == [b"answered", f.TimerFired(timer)]
    assert len(timers) == 0


@both_loops
async def test_a_timer_that_waits_for_what_is_not_read_yet_can_be_stopped() -> None:
    fired: list[f.TimerFired] = []
    timers = Timers(fired.append)
    timer = f.Timer(f.TimerKind.RING, "call.1-agent-1")
    timers.carry_out(o.StartTimer(timer, timedelta(0)))
    time.sleep(1.2)  # noqa: ASYNC251
    await asyncio.sleep(0)
    timers.carry_out(o.StopTimer(timer))
    await asyncio.sleep(0.7)
    assert fired == []


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


async def test_the_desk_tells_which_call_is_steered_while_a_phone_rings_too() -> None:
    rig = Rig()
    desk = EngineDesk(rig.engine, lambda: ())
    direct = CallId("call.1")
    for fact in (
        f.PlanLoaded(plan()),
        f.OutsideRinging(direct, ANNA, "+7916", "", "1001"),
        f.OutsideAnswered(direct, ANNA),
    ):
        rig.engine.take(fact)
    (talks,) = desk.floor().calls
    rig.engine.take(f.OutsideRinging(direct, BORIS, "+7916", "", "1002"))
    (passed_on,) = desk.floor().calls
    assert [(one.state, one.steered) for one in (talks, passed_on)] == [
        ("outside", False),
        ("ringing", False),
    ]
    assert [party.agent for party in passed_on.parties] == [ANNA]
    own = CallId("call.2")
    rig.engine.take(f.CallOffered(own, LegId(own), "+7917", "", "200", "lab"))
    assert {call.call: call.steered for call in desk.floor().calls} == {direct: False, own: True}
    desk.close()
    await rig.dispatch.drain(1)
    rig.timers.close()


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


async def test_what_follows_from_a_fact_is_told_behind_it_and_at_its_time() -> None:
    rig = Rig()
    told: list[StampedFact] = []
    world, call = talking()
    rig.engine.floor = world.floor
    rig.engine.watch(told.append)
    earlier = START - timedelta(seconds=3)
    rig.engine.take(f.AgentWished(ANNA, f.Wish.HOLD), earlier)
    assert told == [
        StampedFact(1, earlier, f.AgentWished(ANNA, f.Wish.HOLD)),
        StampedFact(2, earlier, ClientHeld(call, ANNA)),
    ]
    await rig.dispatch.drain(1)
    assert not any(isinstance(order, o.Tell) for order in rig.sent)
