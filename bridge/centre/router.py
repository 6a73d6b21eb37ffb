"""Who is offered what. Owns the waiting lines and what the strategies count; holds no call and no agent.

It hears of callers and agents by messages and says Offer, PositionIs and TurnedAway. What always holds when
a step is done, unless it is closed: no caller who may be offered an agent has a free one who may serve him.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from bridge.centre.decision import AWAY, Hindrance, OfferEnd, Standing
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.members import Members
from bridge.centre.messages import (
    AgentChanged,
    AgentReleased,
    AmendWaiting,
    AskPosition,
    EnterQueue,
    LeaveQueue,
    Offer,
    OfferResult,
    OffersResume,
    Output,
    PositionIs,
    RouterEvent,
    TurnedAway,
    TurnedAwayWhy,
)
from bridge.centre.plan import Plan, Strategy
from bridge.centre.served_queue import ServedQueue, queues_of_agents
from bridge.centre.strategies import draw_for, joined
from bridge.centre.waiting import Kind, Rank, Waiting


@dataclass(slots=True)
class Router:
    queues: dict[QueueName, ServedQueue] = field(default_factory=dict)
    queue_of: dict[CallId, QueueName] = field(default_factory=dict)
    queues_of_agent: dict[AgentId, tuple[QueueName, ...]] = field(default_factory=dict)
    states: dict[AgentId, Standing] = field(default_factory=dict)  # of each agent, whatever his queues
    held: dict[AgentId, dict[CallId, QueueName]] = field(default_factory=dict)  # who waits for him alone
    offers: int = 0
    turns: int = 0  # in which agents became idle
    closed: bool = False  # nothing can ring: nobody is offered

    # ── the plan ─────────────────────────────────────────────────────────────

    def load(self, plan: Plan, out: Output) -> None:
        """Take a new plan; counts and places of what stays are kept."""
        left: list[tuple[AgentId, QueueName]] = []
        known = self.states
        self.states = {
            agent.id: known.get(agent.id, Standing(agent.id, 0, 0, {}))._replace(skills=agent.skills)
            for agent in plan.agents.values()
        }
        for queue in plan.queues.values():
            served = self.queues.setdefault(queue.name, ServedQueue(queue))
            served.plan = queue
            before = set(served.members.standings)
            served.members.load(queue, plan.agents, self.states)
            left += [(agent, queue.name) for agent in before - set(served.members.standings)]
            served.place_anew()
        for name in [name for name in self.queues if name not in plan.queues]:
            # Who waits in it is told by the floor where to go; until he leaves, his place is kept.
            self.queues[name].members = Members()
            if not self.queues[name].line:
                del self.queues[name]
        self.queues_of_agent = queues_of_agents(plan.queues)
        for agent in [agent for agent in self.held if agent not in self.states]:
            self._let_go(agent, out)
        for agent, name in sorted(left):
            self._let_go(agent, out, name)
        for queue in plan.queues.values():
            self._turn_away_if_empty(self.queues[queue.name], out)
        self._match_all(out)

    # ── messages ─────────────────────────────────────────────────────────────

    def step(self, event: RouterEvent, now: datetime, out: Output) -> None:
        match event:
            case AgentChanged():
                self._agent_changed(event, out)
            case EnterQueue():
                self._enter(event, out)
            case LeaveQueue(call=call):
                self._leave(call)
            case OfferResult():
                self._offer_ended(event, now, out)
            case AgentReleased(agent=agent, queue=queue, talked=talked):
                if queue is not None and queue in self.queues:
                    self.queues[queue].members.count(agent, 0, talked)
            case AmendWaiting():
                self._amend(event, out)
            case AskPosition(call=call):
                self._tell_position(call, out)
            case OffersResume():
                self.closed = False
                self._match_all(out)
            case _:
                assert_never(event)

    def _enter(self, event: EnterQueue, out: Output) -> None:
        self._leave(event.call)
        served = self.queues.get(event.queue)
        if served is None:
            out.messages.append(TurnedAway(event.call, event.queue, TurnedAwayWhy.EMPTY))
            return
        queue = served.plan
        wanted = self.states.get(event.preferred) if event.preferred is not None else None
        if not event.again and (wanted is None or wanted.hindrance is not None or self.closed):
            if queue.max_waiting is not None and len(served.line) >= queue.max_waiting:
                out.messages.append(TurnedAway(event.call, event.queue, TurnedAwayWhy.FULL))
                return
            if served.members.is_empty(queue.refuse_when):
                out.messages.append(TurnedAway(event.call, event.queue, TurnedAwayWhy.EMPTY))
                return
        needs = joined(queue.needs, event.needs) if queue.needs or event.needs else ()
        kind = served.kind_of(needs, event.level)
        caller = Waiting(
            event.call, event.place, event.priority, needs, event.level, kind, event.preferred, event.needs
        )
        self.queue_of[event.call] = event.queue
        served.line.enter(caller)
        self._seat(served, caller, out)

    def _seat(self, served: ServedQueue, caller: Waiting, out: Output) -> None:
        """Where a caller waits who is not being offered: for one agent alone, or with all of his kind."""
        preferred = caller.preferred
        if preferred is not None:
            state = self.states.get(preferred)
            if state is not None and state.hindrance is None and not self.closed:
                self._offer(served, caller, (preferred,), out)
                return
            if state is not None and state.hindrance not in AWAY:
                self.held.setdefault(preferred, {})[caller.call] = served.plan.name
                return
            caller.preferred = None
        if served.members.is_empty(served.plan.leave_when):
            self._leave(caller.call)
            out.messages.append(TurnedAway(caller.call, served.plan.name, TurnedAwayWhy.EMPTY))
        elif served.line.open(caller):
            self._match(served, caller.kind, out)

    def _leave(self, call: CallId) -> None:
        name = self.queue_of.pop(call, None)
        if name is None:
            return
        served = self.queues[name]
        caller = served.line.leave(call)
        if caller is not None:
            self._unhold(caller)
        if not served.line:
            served.rate.emptied()

    def _unhold(self, caller: Waiting) -> None:
        if caller.preferred is not None and caller.preferred in self.held:
            waiting = self.held[caller.preferred]
            waiting.pop(caller.call, None)
            if not waiting:
                del self.held[caller.preferred]

    def _amend(self, event: AmendWaiting, out: Output) -> None:
        name = self.queue_of.get(event.call)
        if name is None:
            return
        served = self.queues[name]
        caller = served.line.leave(event.call)
        if caller is None:
            return
        self._unhold(caller)
        caller.priority, caller.level, caller.preferred = event.priority, event.level, event.preferred
        caller.kind = served.kind_of(caller.needs, event.level)
        served.line.enter(caller)
        if not caller.ringing:
            self._seat(served, caller, out)
        elif served.members.strategy is Strategy.RINGALL and caller.preferred is None:
            served.line.gather(caller)
            self._join(served, caller, out)

    def _tell_position(self, call: CallId, out: Output) -> None:
        name = self.queue_of.get(call)
        if name is not None:
            served = self.queues[name]
            position = served.line.position(served.line.callers[call])
            out.messages.append(PositionIs(call, name, position, served.rate.expected(position)))

    # ── offers ───────────────────────────────────────────────────────────────

    def _offer_ended(self, result: OfferResult, now: datetime, out: Output) -> None:
        name = self.queue_of.get(result.call)
        if result.end is OfferEnd.ANSWERED:
            if result.queue in self.queues:
                self.queues[result.queue].members.count(result.agent, 1, timedelta(0))
            if name is not None:
                served = self.queues[name]
                standing = served.members.standings.get(result.agent)
                served.rate.answered(now, standing is not None and served.stands_for(standing))
                self._leave(result.call)
            return
        if name is None:
            return
        served = self.queues[name]
        caller = served.line.callers[result.call]
        caller.ringing = tuple(agent for agent in caller.ringing if agent != result.agent)
        if caller.preferred == result.agent:
            caller.preferred = None  # he had his chance
        if result.end is OfferEnd.WITHDRAWN:
            return  # he is leaving: his own word follows
        if not caller.ringing:
            served.line.finish(caller)
            self._seat(served, caller, out)

    def _match(self, served: ServedQueue, kind: Kind, out: Output) -> None:
        """Offer until the head of this kind finds nobody free any more."""
        while not self.closed and (caller := served.line.head(kind)) is not None:
            chosen = served.members.choose(*kind, draw_for(served.members.strategy, caller.call, self.offers))
            if not chosen:
                return
            self._offer(served, caller, chosen, out)

    def _join(self, served: ServedQueue, caller: Waiting, out: Output) -> None:
        """Ringall: who has come to be able to ring beside the others."""
        chosen = () if self.closed else served.joining(caller, 0)
        if chosen:
            self._offer(served, caller, chosen, out)

    def _match_all(self, out: Output) -> None:
        """Of those who find somebody free always the heaviest queue's first one, until there is none.

        Ringall: or who finds somebody who may join those that ring for him. Who waits for one agent alone can
        find him free only when it was closed until now.
        """
        while not self.closed:
            best: tuple[int, Rank] | None = None
            found: tuple[ServedQueue, tuple[AgentId, ...]] | None = None
            for served in self.queues.values():
                for rank in (*(bucket[0] for bucket in served.line.buckets.values()), *served.line.joinable):
                    candidate = (-served.plan.weight, rank)
                    if best is None or candidate < best:
                        caller = served.line.callers[rank[2]]
                        draw = draw_for(served.members.strategy, caller.call, self.offers)
                        highest = caller.ringing_penalty if caller.ringing else caller.kind[1]
                        chosen = served.members.choose(caller.kind[0], highest, draw)
                        if chosen:
                            best, found = candidate, (served, chosen)
            for agent, call, served in self._held_for_who_is_free():
                candidate = (-served.plan.weight, served.line.callers[call].rank)
                if best is None or candidate < best:
                    best, found = candidate, (served, (agent,))
            if best is None or found is None:
                return
            served, chosen = found
            caller = served.line.callers[best[1][2]]
            self._unhold(caller)
            self._offer(served, caller, chosen, out)

    def _held_for_who_is_free(self) -> Iterator[tuple[AgentId, CallId, ServedQueue]]:
        for agent, waiting in self.held.items():
            if self.states[agent].hindrance is None:
                for call, name in waiting.items():
                    yield agent, call, self.queues[name]

    def _offer(
        self,
        served: ServedQueue,
        caller: Waiting,
        chosen: tuple[AgentId, ...],
        out: Output,
        *,
        fresh: bool = False,
    ) -> None:
        """``fresh``: the chosen one has become free in this same step, so no pool knows him yet."""
        members = served.members
        standings = tuple(members.standings.values())
        if chosen[0] not in members.standings:
            standings += (self.states[chosen[0]],)  # asked for by name
        decision = served.decision(caller, chosen, standings, self.offers)
        self.offers += 1
        last = members.standings.get(chosen[-1])
        if last is not None:
            members.turn = last.position
            caller.ringing_penalty = last.penalty
        caller.ringing += chosen
        served.line.close(caller)
        if members.strategy is Strategy.RINGALL and caller.preferred is None:
            served.line.gather(caller)
        for agent in chosen:
            state = self.states[agent]
            ringing = Standing(agent, 0, 0, state.skills, Hindrance.RINGING, "", state.idle, state.idle_since)
            self._set_state(ringing, taken=fresh)
            out.messages.append(Offer(caller.call, agent, served.plan.name, decision))

    # ── agents ───────────────────────────────────────────────────────────────

    def _agent_changed(self, event: AgentChanged, out: Output) -> None:
        agent = event.agent
        state = self.states.get(agent)
        if state is None:
            return  # he is not planned any more
        idle = state.idle
        if event.idle_since != state.idle_since:
            self.turns += 1
            idle = self.turns
        new = Standing(agent, 0, 0, state.skills, event.hindrance, event.reason, idle, event.idle_since)
        if event.hindrance is None:
            self._become_free(new, out)
            return
        self._set_state(new)
        if event.hindrance in AWAY:
            self._let_go(agent, out)
            for name in self.queues_of_agent.get(agent, ()):
                self._turn_away_if_empty(self.queues[name], out)

    def _become_free(self, new: Standing, out: Output) -> None:
        """Of all callers whom he may serve, the heaviest queue's first one; if there is none, he waits."""
        found = None if self.closed else self._caller_for(new.agent)
        self._set_state(new, taken=found is not None)
        if found is not None:
            served, caller = found
            if caller.preferred == new.agent:
                self._unhold(caller)
            self._offer(served, caller, (new.agent,), out, fresh=True)

    def _set_state(self, new: Standing, *, taken: bool = False) -> None:
        """``taken``: he is offered a caller in this same step, so nobody needs to find him."""
        agent, hindrance, reason, idle, since = new.agent, new.hindrance, new.reason, new.idle, new.idle_since
        self.states[agent] = new
        for name in self.queues_of_agent.get(agent, ()):
            members = self.queues[name].members
            old = members.standings[agent]
            now = Standing(
                agent,
                old.position,
                old.penalty,
                old.skills,
                hindrance,
                reason,
                idle,
                since,
                old.calls,
                old.talked,
            )
            if taken or (hindrance is not None and old.hindrance is not None):
                members.note(now)
            else:
                members.put(now)

    def _caller_for(self, agent: AgentId) -> tuple[ServedQueue, Waiting] | None:
        best: Rank | None = None
        found: ServedQueue | None = None
        for call, name in self.held.get(agent, {}).items():
            served = self.queues[name]
            rank = served.line.callers[call].rank
            if found is None or best is None or (-served.plan.weight, rank) < (-found.plan.weight, best):
                best, found = rank, served
        for name in self.queues_of_agent.get(agent, ()):  # the heaviest first
            served = self.queues[name]
            if not served.line.callers:
                continue
            if found is not None and served.plan.weight < found.plan.weight:
                break
            known = best if found is not None and served.plan.weight == found.plan.weight else None
            rank_here = served.first_for(served.members.standings[agent], known)
            if rank_here is not None and rank_here != known:
                best, found = rank_here, served
        return None if best is None or found is None else (found, found.line.callers[best[2]])

    def _let_go(self, agent: AgentId, out: Output, queue: QueueName | None = None) -> None:
        """He went away, or left this queue: nobody waits for him any more."""
        waiting = {
            call: name for call, name in self.held.get(agent, {}).items() if queue is None or name == queue
        }
        for call, name in waiting.items():
            served = self.queues[name]
            self._unhold(served.line.callers[call])
            caller = served.line.callers[call]
            caller.preferred = None
            self._seat(served, caller, out)

    def _turn_away_if_empty(self, served: ServedQueue, out: Output) -> None:
        if served.line and served.members.is_empty(served.plan.leave_when):
            for call in tuple(served.line):
                caller = served.line.callers[call]
                if not caller.ringing and caller.preferred is None:
                    self._leave(call)
                    out.messages.append(TurnedAway(call, served.plan.name, TurnedAwayWhy.EMPTY))

    @property
    def free(self) -> set[AgentId]:
        return {agent for agent, state in self.states.items() if state.hindrance is None}

    @property
    def waiting(self) -> Mapping[QueueName, int]:
        return {name: len(served.line) for name, served in self.queues.items()}
