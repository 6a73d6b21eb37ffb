"""All calls, all agents and the router: decide(fact, now) → orders. Delegates; holds no rule of its own.

Plain mutable data owned by one loop: no locks. A fact goes to one machine; what that machine says to the
others is delivered in order until nobody has anything to say.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from bridge.centre import call_table
from bridge.centre.agent import AgentDesk, AgentEvent
from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_ends import give_back
from bridge.centre.facts import (
    AgentFact,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    CallerPresented,
    CallFact,
    CallOffered,
    Cause,
    EndpointChanged,
    Fact,
    FailureReason,
    LegAnswered,
    LegRinging,
    OrderFailed,
    OutsideRinging,
    PlanLoaded,
    RecordingEnded,
    Timer,
    TimerFired,
    TimerKind,
    WrapUpEnded,
)
from bridge.centre.ids import AgentId, CallId, call_of, is_agent_leg
from bridge.centre.messages import (
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    EnterQueue,
    LeaveQueue,
    Message,
    Offer,
    OfferEnd,
    OfferResult,
    Output,
    Rejected,
)
from bridge.centre.orders import AttachRecording, HangUp, Order, Outcome
from bridge.centre.plan import Plan
from bridge.centre.router import Router

_BIRTHS = (CallOffered, CallerPresented, OutsideRinging)


@dataclass(slots=True)
class Floor:
    """``strays`` counts facts that no machine knew: late ones, or about calls that are over.

    ``ended`` counts calls by outcome since the start of the process.
    """

    plan: Plan = field(default_factory=Plan)
    calls: dict[CallId, Call] = field(default_factory=dict)
    agents: dict[AgentId, AgentDesk] = field(default_factory=dict)
    router: Router = field(default_factory=Router)
    strays: int = 0
    ended: Counter[Outcome] = field(default_factory=Counter)

    def decide(self, fact: Fact, now: datetime) -> list[Order]:
        """What is to be done about ``fact``, which happened at ``now`` (aware, UTC)."""
        out = Output()
        self._take(fact, now, out)
        return self._settle(now, out)

    def give_up(self, id_: CallId | None, now: datetime) -> list[Order]:
        """A call that our own fault has broken: forget it, free its agent, hand its client back."""
        call = self.calls.pop(id_, None) if id_ is not None else None
        if call is None or call.client_leg not in call.legs:
            return []
        out = Output()
        give_back(call, Moment(self.plan, now, out))
        return self._settle(now, out)

    def _settle(self, now: datetime, out: Output) -> list[Order]:
        """Deliver messages until nobody has anything to say."""
        pending: deque[Message] = deque(out.messages)
        out.messages.clear()
        while pending:
            self._deliver(pending.popleft(), now, out)
            pending.extend(out.messages)
            out.messages.clear()
        return out.orders

    # ── facts ────────────────────────────────────────────────────────────────

    def _take(self, fact: Fact, now: datetime, out: Output) -> None:
        match fact:
            case PlanLoaded(plan=plan):
                self._load(plan, now, out)
            case TimerFired(timer=timer):
                self._timer(fact, timer, now, out)
            case EndpointChanged(endpoint=endpoint):
                agent = self.plan.agent_at(endpoint)
                if agent is not None:
                    self._agent(agent.id, fact, now, out)
            case AgentLoggedIn() | AgentLoggedOut() | AgentReady() | AgentPaused() | WrapUpEnded():
                self._agent_fact(fact, now, out)
            case RecordingEnded(call=call, recording=recording):
                out.orders.append(AttachRecording(call, recording))
            case _:
                self._call_fact(fact, now, out)

    def _load(self, plan: Plan, now: datetime, out: Output) -> None:
        self.plan = plan
        for agent in plan.agents:
            self.agents.setdefault(agent, AgentDesk(agent, now))
        self.router.load(plan, out)
        for call in [call for call in self.calls.values() if not call.fits(plan)]:
            # What he waited for is not planned any more: the dialplan still has somewhere for him.
            give_back(call, Moment(plan, now, out))
            self._forget_if_ended(call)

    def _timer(self, fact: TimerFired, timer: Timer, now: datetime, out: Output) -> None:
        match timer.kind:
            case TimerKind.WRAP_UP | TimerKind.REST:
                self._agent(AgentId(timer.owner), fact, now, out)
            case TimerKind.MENU | TimerKind.MAX_WAIT | TimerKind.RING:
                self._call(call_of(timer.owner), fact, now, out)
            case _:
                assert_never(timer.kind)

    def _agent_fact(self, fact: AgentFact, now: datetime, out: Output) -> None:
        self._agent(fact.agent, fact, now, out)

    def _call_fact(self, fact: CallFact, now: datetime, out: Output) -> None:
        if fact.call not in self.calls:
            if isinstance(fact, _BIRTHS):
                self.calls[fact.call] = Call(fact.call, since=now, offered_at=now)
            else:
                self.strays += 1
                out.orders += _last_orders(fact)
                return
        self._call(fact.call, fact, now, out)

    # ── messages ─────────────────────────────────────────────────────────────

    def _deliver(self, message: Message, now: datetime, out: Output) -> None:
        match message:
            case Offer():
                self._offer(message, now, out)
            case OfferResult(agent=agent):
                self._agent(agent, message, now, out)
                self.router.step(message, out)
            case AgentReleased(agent=agent) | AgentBusyOutside(agent=agent):
                self._agent(agent, message, now, out)
            case EnterQueue() | LeaveQueue() | AgentChanged():
                self.router.step(message, out)
            case _:
                assert_never(message)

    def _offer(self, offer: Offer, now: datetime, out: Output) -> None:
        """Both must take it. Who refuses has changed since the router looked; its word is on the way."""
        if not self._agent(offer.agent, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.FAILED))
        elif not self._call(offer.call, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.WITHDRAWN))

    # ── the machines ─────────────────────────────────────────────────────────

    def _call(self, id_: CallId, event: CallEvent, now: datetime, out: Output) -> bool:
        call = self.calls.get(id_)
        if call is None:
            self.strays += 1
            return False
        try:
            call_table.step(call, event, Moment(self.plan, now, out))
        except Rejected:
            self.strays += 1
            return False
        self._forget_if_ended(call)
        return True

    def _forget_if_ended(self, call: Call) -> None:
        if call.state is CallState.ENDED:
            del self.calls[call.id]
            if call.outcome is not None:
                self.ended[call.outcome] += 1

    def _agent(self, id_: AgentId, event: AgentEvent, now: datetime, out: Output) -> bool:
        desk = self.agents.get(id_)
        if desk is None:
            self.strays += 1
            return False
        try:
            desk.step(event, self.plan, now, out)
        except Rejected:
            self.strays += 1
            return False
        return True

    @property
    def waiting(self) -> Mapping[str, int]:
        return {name: len(line) for name, line in self.router.lines.items()}


def _last_orders(fact: CallFact) -> list[Order]:
    """What is still to be done about a call that is forgotten: nobody else would end what lives of it."""
    match fact:
        case LegRinging(call=call, leg=leg) | LegAnswered(call=call, leg=leg) if is_agent_leg(leg):
            return [HangUp(call, leg)]
        case OrderFailed(call=call, order="ToFallback", reason=reason, leg=leg) if leg is not None:
            # A client whom not even the dialplan could take back must not stay in silence.
            return [] if reason is FailureReason.GONE else [HangUp(call, leg, Cause.TEMPORARY_FAILURE)]
        case _:
            return []
