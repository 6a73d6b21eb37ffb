"""All calls, all agents and the router: decide(fact, now) → orders. Delegates; holds no rule of its own.

Plain mutable data owned by one loop: no locks. A fact goes to one machine; what that machine says to the
others is delivered in order until nobody has anything to say.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from bridge.centre import call_table
from bridge.centre.agent import AgentDesk, AgentEvent, AgentState
from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_acts import give_back
from bridge.centre.call_ends import unplanned
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import (
    AgentDialled,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    AgentWished,
    CallAdopted,
    CallDisposed,
    CallerPresented,
    CallFact,
    CallLost,
    CallMissed,
    CallOffered,
    EndpointChanged,
    Fact,
    FailureReason,
    FeatureDialled,
    LegEnded,
    LinkDown,
    LinkUp,
    MemberMoved,
    MemberRestored,
    OrderFailed,
    OutsideRinging,
    PhoneTaken,
    PlanLoaded,
    PromptEnded,
    RecordingEnded,
    Resumed,
    Timer,
    TimerFired,
    TimerKind,
    TransferWished,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.features import NO_SUCH_CODE, Before, Errand, answer, said_about, wish
from bridge.centre.ids import AgentId, CallId, QueueName, call_of
from bridge.centre.kept import KeptPlace, keep_place, take_place
from bridge.centre.known import leg_knows
from bridge.centre.last_orders import last_orders
from bridge.centre.messages import (
    AgentAsked,
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    AmendWaiting,
    AskAgent,
    AskPosition,
    EnterQueue,
    LeaveQueue,
    Message,
    Offer,
    OfferResult,
    OffersResume,
    Output,
    PositionIs,
    Rejected,
    TurnedAway,
)
from bridge.centre.moves import moved
from bridge.centre.orders import (
    AttachRecording,
    ClearCall,
    HangUp,
    Order,
    Outcome,
    SetDisposition,
    ToDialplan,
)
from bridge.centre.plan import Plan
from bridge.centre.router import Router
from bridge.centre.told import Told

_BIRTHS = (CallOffered, CallerPresented, OutsideRinging, CallMissed)
_RECENT = timedelta(minutes=10)  # longer than what the dialplan writes down of an ended call is kept


@dataclass(slots=True)
class Floor:
    """``strays`` counts facts that no machine knew: late ones, or about calls that are over.

    ``ended`` counts calls by outcome since the start of the process. ``planned`` is the engineer's plan,
    ``plan`` the same with the supervisors' moves. ``places`` numbers callers in the order of their coming.
    """

    planned: Plan = field(default_factory=Plan)
    plan: Plan = field(default_factory=Plan)
    moves: dict[tuple[AgentId, QueueName], int | None] = field(default_factory=dict)
    calls: dict[CallId, Call] = field(default_factory=dict)
    agents: dict[AgentId, AgentDesk] = field(default_factory=dict)
    router: Router = field(default_factory=Router)
    errands: dict[CallId, Errand] = field(default_factory=dict)
    lines: dict[CallId, CallId] = field(default_factory=dict)  # a phone's other line → the call that it is in
    places: int = 0
    kept: dict[str, KeptPlace] = field(default_factory=dict)  # by number
    recent: dict[CallId, datetime] = field(default_factory=dict)  # calls that are over, and since when
    gone: set[CallId] = field(default_factory=set)  # of them, whom no dialplan has back: they have hung up
    told: Told = field(default_factory=lambda: Told(_RECENT))
    overdue: list[Timer] = field(default_factory=list)  # of calls, that fired while nobody could hear them
    strays: int = 0
    ended: Counter[Outcome] = field(default_factory=Counter)

    def decide(self, fact: Fact, now: datetime) -> list[Order]:
        """What is to be done about ``fact``, which happened at ``now`` (aware, UTC)."""
        out = Output()
        self.told.take(fact, now, self.calls)
        self._take(fact, now, out)
        return self._settle(now, out)

    def knows(self, fact: Fact) -> bool:
        """Whether it was told before and tells nothing new: by an event and by what was asked after a gap."""
        if isinstance(fact, CallerPresented) and fact.call in self.gone:
            return True
        if isinstance(fact, LegEnded) and fact.call in self.recent and fact.call not in self.calls:
            return True
        return self.told.knows(fact) or leg_knows(fact, self.calls)

    def give_up(self, id_: CallId | None, now: datetime) -> list[Order]:
        """A call that our own fault has broken: forget it, free its agent, hand its client back."""
        call = self.calls.pop(id_, None) if id_ is not None else None
        if call is None or call.client_leg not in call.legs:
            return []
        out = Output()
        give_back(call, self._moment(now, out))
        return self._settle(now, out)

    def _moment(self, now: datetime, out: Output) -> Moment:
        return Moment(self.plan, now, out, self._next_place, self.router.closed)

    def _next_place(self) -> int:
        self.places += 1
        return self.places

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
                self.planned = plan
                self._load(now, out)
            case MemberMoved(agent=agent, queue=queue, penalty=penalty):
                self.moves[agent, queue] = penalty
                self._load(now, out)
            case MemberRestored(agent=agent, queue=queue):
                self.moves.pop((agent, queue), None)
                self._load(now, out)
            case TimerFired(timer=timer):
                self._timer(fact, timer, now, out)
            case EndpointChanged(endpoint=endpoint):
                at_phone = self.plan.agent_at(endpoint)
                if at_phone is not None:
                    self._agent(at_phone.id, fact, now, out)
            case PhoneTaken(call=call, agent=agent, taken=taken):
                self._agent(agent, AgentBusyOutside(call, agent, busy=taken), now, out)
            case CallDisposed(agent=agent, disposition=disposition):
                desk = self.agents.get(agent)
                if desk is not None and desk.last_call is not None:
                    out.orders.append(SetDisposition(desk.last_call, agent, disposition))
            case AgentLoggedIn() | AgentLoggedOut() | AgentReady() | AgentPaused() | WrapUpEnded():
                self._agent(fact.agent, fact, now, out)
            case WrapUpExtended(agent=agent):
                self._agent(agent, fact, now, out)
            case AgentWished(agent=agent) | TransferWished(agent=agent):
                desk = self.agents.get(agent)
                if desk is not None and desk.call is not None:
                    self._call(desk.call, fact, now, out)
            case RecordingEnded(call=call, recording=recording):
                out.orders.append(AttachRecording(call, recording))
            case FeatureDialled():
                self._feature(fact, now, out)
            case AgentDialled():
                self._dialled(fact, now, out)
            case Resumed():
                for call in tuple(self.calls):
                    self._call(call, fact, now, out)
            case LinkDown():
                self.router.closed = True
            case LinkUp():
                for agent in self.agents:
                    self._agent(agent, fact, now, out)
                overdue, self.overdue = self.overdue, []
                for timer in overdue:
                    self._call(call_of(timer.owner), TimerFired(timer), now, out)
                for call in [call.id for call in self.calls.values() if call.state is CallState.PRESENTED]:
                    self._call(call, fact, now, out)
                out.messages.append(OffersResume())
            case OrderFailed(order="Play", reason=FailureReason.LINK_DOWN) if self.router.closed:
                pass  # said again by the comparison that comes when the link is back
            case _ if fact.call in self.lines:
                self._of_line(fact, self.lines[fact.call], now, out)
            case _ if fact.call in self.errands:
                self._errand(self.errands[fact.call], fact, now, out)
            case _:
                self._call_fact(fact, now, out)

    def _load(self, now: datetime, out: Output) -> None:
        self.plan = moved(self.planned, self.moves)
        for agent in self.plan.agents:
            desk = self.agents.setdefault(agent, AgentDesk(agent, now))
            if agent not in self.router.states and desk.state is not AgentState.LOGGED_OUT:
                out.messages.append(desk.changed())  # he was planned before, and is again
        self.router.load(self.plan, out)
        for call in [call for call in self.calls.values() if not call.fits(self.plan)]:
            unplanned(call, self._moment(now, out))
            self._forget_if_ended(call, now)

    def _timer(self, fact: TimerFired, timer: Timer, now: datetime, out: Output) -> None:
        if timer.kind in (TimerKind.WRAP_UP, TimerKind.REST):
            self._agent(AgentId(timer.owner), fact, now, out)
        elif self.router.closed:
            # Perhaps it was answered, perhaps a digit was pressed: that is told before this counts. And what
            # should be said or done about it now could not be.
            self.overdue.append(timer)
        else:
            self._call(call_of(timer.owner), fact, now, out)

    # ── feature codes ────────────────────────────────────────────────────────

    def _feature(self, event: FeatureDialled, now: datetime, out: Output) -> None:
        """Whose phone it is decides who is meant; a phone that is nobody's is told so."""
        agent = self.plan.agent_at(event.endpoint)
        desk = self.agents.get(agent.id) if agent is not None else None
        if desk is not None:
            # AMI tells it too, in a stream of its own: his phone must not ring while it speaks to him.
            self._agent(desk.id, AgentBusyOutside(event.call, desk.id, busy=True), now, out)
        fact = wish(event, agent, self.plan) if agent is not None else None
        sounds: tuple[str, ...] = NO_SUCH_CODE
        if desk is not None and fact is not None:
            before = Before(desk.state, desk.extended)
            self._take(fact, now, out)
            sounds = said_about(fact, before, desk)
        language = agent.language if agent is not None else self.plan.language
        errand, orders = answer(event, desk.id if desk is not None else None, sounds, language)
        self.errands[event.call] = errand
        out.orders += orders

    def _errand(self, errand: Errand, fact: CallFact, now: datetime, out: Output) -> None:
        match fact:
            case LegEnded() | CallLost() | OrderFailed(reason=FailureReason.GONE):
                del self.errands[errand.call]
                out.orders.append(ClearCall(errand.call))
                if errand.agent is not None:
                    free = AgentBusyOutside(errand.call, errand.agent, busy=False)
                    self._agent(errand.agent, free, now, out)
            case PromptEnded() | OrderFailed() | CallAdopted(playing=False):
                out.orders.append(HangUp(errand.call, errand.leg))
            case _:
                pass  # the other stream's view of the same phone

    # ── other lines of phones ────────────────────────────────────────────────

    def _dialled(self, fact: AgentDialled, now: datetime, out: Output) -> None:
        """On a line of its own: a part of the call in which he is, or none of our affair."""
        agent = self.plan.agent_at(fact.endpoint)
        desk = self.agents.get(agent.id) if agent is not None else None
        call = self.calls.get(desk.call) if desk is not None and desk.call is not None else None
        if call is not None and self._call(call.id, fact, now, out) and fact.leg in call.legs:
            self.lines[fact.call] = call.id
        else:
            out.orders.append(ToDialplan(fact.call, fact.leg))

    def _of_line(self, fact: CallFact, call: CallId, now: datetime, out: Output) -> None:
        if isinstance(fact, LegEnded):
            del self.lines[fact.call]
            out.orders.append(ClearCall(fact.call))
        self._call(call, replace(fact, call=call), now, out)

    def _call_fact(self, fact: CallFact, now: datetime, out: Output) -> None:
        if fact.call not in self.calls:
            if isinstance(fact, CallMissed) and fact.call in self.gone:
                return  # its end was heard after all
            if isinstance(fact, _BIRTHS):
                self.calls[fact.call] = Call(fact.call, since=now, offered_at=now)
                if isinstance(fact, CallOffered | CallerPresented) and fact.number is not None:
                    self.calls[fact.call].kept_place = take_place(self.kept, fact.number, now)
            else:
                self.strays += 1
                out.orders += [] if self.knows(fact) else last_orders(fact)
                return
        if isinstance(fact, CallLost):
            keep_place(self.kept, self.calls[fact.call], now)
        self._call(fact.call, fact, now, out)

    # ── messages ─────────────────────────────────────────────────────────────

    def _deliver(self, message: Message, now: datetime, out: Output) -> None:
        match message:
            case Offer():
                self._offer(message, now, out)
            case OfferResult(agent=agent) | AgentReleased(agent=agent):
                said = Output(out.orders)
                self._agent(agent, message, now, said)
                for one in said.messages:
                    # That he is not free comes first, so that the next choice is explained by what is so now;
                    # that he is comes after, or he could be offered the caller who is just leaving.
                    if isinstance(one, AgentChanged) and one.hindrance is not None:
                        self.router.step(one, now, out)
                    else:
                        out.messages.append(one)
                self.router.step(message, now, out)
            case AgentBusyOutside(agent=agent):
                self._agent(agent, message, now, out)
            case AskAgent():
                self._ask_agent(message, now, out)
            case (
                EnterQueue() | AmendWaiting() | LeaveQueue() | AskPosition() | AgentChanged() | OffersResume()
            ):
                self.router.step(message, now, out)
            case PositionIs(call=call) | TurnedAway(call=call) | AgentAsked(call=call):
                self._call(call, message, now, out)
            case _:
                assert_never(message)

    def _offer(self, offer: Offer, now: datetime, out: Output) -> None:
        """Both must take it. Who refuses has changed since the router looked; its word is on the way."""
        if not self._agent(offer.agent, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.FAILED))
        elif not self._call(offer.call, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.WITHDRAWN))
            out.messages.append(LeaveQueue(offer.call))

    def _ask_agent(self, ask: AskAgent, now: datetime, out: Output) -> None:
        desk = self.agents.get(ask.agent)
        takes = desk is not None and desk.takes(ask) and self._agent(ask.agent, ask, now, out)
        if not self._call(ask.call, AgentAsked(ask.call, ask.agent, takes), now, out) and takes:
            out.messages.append(OfferResult(ask.call, ask.agent, None, OfferEnd.WITHDRAWN))

    # ── the machines ─────────────────────────────────────────────────────────

    def _call(self, id_: CallId, event: CallEvent, now: datetime, out: Output) -> bool:
        call = self.calls.get(id_)
        if call is None:
            self.strays += 1
            return False
        try:
            call_table.step(call, event, self._moment(now, out))
        except Rejected:
            self.strays += 1
            return False
        self._forget_if_ended(call, now)
        return True

    def _forget_if_ended(self, call: Call, now: datetime) -> None:
        if call.state is CallState.ENDED:
            del self.calls[call.id]
            self.recent[call.id] = now
            if call.outcome is not Outcome.FALLBACK:
                self.gone.add(call.id)
            while abs(now - self.recent[(oldest := next(iter(self.recent)))]) > _RECENT:
                del self.recent[oldest]
                self.gone.discard(oldest)
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
