"""The running engine as the web sees it: the floor as people read it, facts, and agents' own facts."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bridge.centre.agent import AgentDesk, AgentState
from bridge.centre.call import Call, CallState
from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId
from bridge.centre.pauses import talk_is_recorded
from bridge.centre.served_queue import ServedQueue
from bridge.engine.loop import Engine
from bridge.engine.ports import (
    FloorView,
    LinkState,
    LiveAgent,
    LiveCall,
    LiveParty,
    LiveQueue,
    LiveWatch,
    StampedFact,
    WaitingCaller,
)

_COALESCE_SECONDS = 0.1  # people cannot read faster; a burst makes one picture


class EngineDesk:
    """Implements ``ports.Desk``."""

    def __init__(self, engine: Engine, links: Callable[[], Sequence[LinkState]]) -> None:
        self._engine = engine
        self._links = links
        self._notified: list[Callable[[], None]] = []
        self._pending: asyncio.TimerHandle | None = None
        engine.watch(self._changed)

    def links(self) -> Sequence[LinkState]:
        return self._links()

    def floor(self) -> FloorView:
        floor = self._engine.floor
        hidden = CallState.PRESENTED
        calls = [call for call in floor.calls.values() if call.state is not hidden and not call.cleared]
        return FloorView(
            waiting=tuple(
                WaitingCaller(call.id, call.queue, call.number, call.name, call.queued_at)
                for call in sorted(calls, key=lambda call: call.queued_at or call.offered_at)
                if call.state is CallState.WAITING and call.queue and call.queued_at
            ),
            calls=tuple(_live_call(call) for call in calls),
            agents=tuple(
                self._live_agent(agent) for agent in floor.agents.values() if agent.id in floor.plan.agents
            ),
            queues=tuple(
                self._live_queue(served)
                for name, served in floor.router.queues.items()
                if name in floor.plan.queues
            ),
        )

    def _live_agent(self, desk: AgentDesk) -> LiveAgent:
        floor = self._engine.floor
        state, call, since = desk.state.value, desk.call, desk.since
        if desk.outside and call is None:
            call = min(desk.outside)
            outside = floor.calls.get(call)
            if desk.state is not AgentState.LOGGED_OUT:
                state = "talking" if outside is not None and _talks(outside, desk.id) else "ringing"
                since = _there_since(outside, desk.id) or since
        queues = floor.router.queues_of_agent.get(desk.id, ())
        penalties: dict[str, int] = {
            queue: floor.router.queues[queue].members.standings[desk.id].penalty for queue in queues
        }
        planned = floor.plan.queues.get(desk.queue) if desk.queue is not None else None
        extension = planned.wrap_up_extension if planned is not None else timedelta(0)
        return LiveAgent(
            agent=desk.id,
            name=floor.plan.agents[desk.id].name,
            state=state,
            reason=desk.reason,
            since=since,
            call=call,
            queues=tuple(queues),
            reachable=desk.reachable and not desk.silent,
            penalties=penalties,
            phone="does not answer" if desk.silent else desk.phone,
            until=desk.until,
            may_extend=desk.until is not None and not desk.extended and extension > timedelta(0),
        )

    def _live_queue(self, served: ServedQueue) -> LiveQueue:
        first = served.line.first
        call = self._engine.floor.calls.get(first.call) if first is not None else None
        return LiveQueue(
            name=served.plan.name,
            waiting=len(served.line),
            longest_since=call.queued_at if call is not None else None,
            logged_in=served.members.logged_in,
            ready=served.members.ready,
            expected_wait=served.rate.expected(len(served.line) + 1),
        )

    def on_fact(self, notify: Callable[[StampedFact], None]) -> Callable[[], None]:
        return self._engine.watch(notify)

    def on_floor_change(self, notify: Callable[[], None]) -> Callable[[], None]:
        self._notified.append(notify)
        return lambda: self._notified.remove(notify)

    async def submit(self, fact: Fact) -> None:
        await self._engine.inbox.put_and_wait(fact)

    def _changed(self, _: StampedFact) -> None:
        if self._pending is None and self._notified:
            self._pending = asyncio.get_running_loop().call_later(_COALESCE_SECONDS, self._notify)

    def _notify(self) -> None:
        self._pending = None
        for notify in tuple(self._notified):
            notify()

    def close(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None


def _live_call(call: Call) -> LiveCall:
    ringing = bool(call.ringing or call.outside_ringing)
    state = "ringing" if ringing else call.state.value
    offered = next(iter(call.offers.values()), None)
    agent: AgentId | None = offered.agent if offered is not None else call.agent
    parties = (
        LiveParty(one.agent, one.doing.value, one.since, call.legs[one.leg].muted)
        for one in call.segments
        if one.until is None and one.leg in call.legs
    )
    watches = (
        LiveWatch(one.who, one.supervisor, one.agent, one.how.value, one.answered)
        for one in call.watches.values()
    )
    return LiveCall(
        call.id,
        call.number,
        call.name,
        call.dialled,
        state,
        call.queue,
        agent,
        call.since,
        tuple(parties),
        tuple(call.transfers),
        call.transfer.stage.value if call.transfer is not None else "",
        tuple(watches),
        talk_is_recorded(call),
        tuple(call.pauses),
        call.cut,
        steered=call.state is not CallState.OUTSIDE,
    )


def _talks(call: Call, agent: AgentId) -> bool:
    """In a call that was not offered to him: his own, or one in which he is beside somebody."""
    return call.agent == agent or any(one.who == agent and one.answered for one in call.watches.values())


def _there_since(call: Call | None, agent: AgentId) -> datetime | None:
    """Since when his phone rings, or he talks; None of who is only beside somebody."""
    legs = call.alive_legs if call is not None else ()
    leg = next((one for one in legs if one.agent == agent), None)
    return None if leg is None else leg.answered_at or leg.ringing_at or leg.created_at
