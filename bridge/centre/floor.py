"""All calls, all agents and the router: decide(fact, now) → orders. Delegates; holds no rule of its own.

Plain mutable data owned by one loop: no locks. A fact goes to one machine; what that machine says to the
others is delivered in order until nobody has anything to say.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from bridge.centre import call_table, desk_phones
from bridge.centre.agent import AgentDesk, AgentEvent, AgentState
from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_acts import give_back
from bridge.centre.call_ends import unplanned
from bridge.centre.call_events import ended_in_the_dialplan, recording_ready, tell_crm
from bridge.centre.changes import tell, was
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import (
    AgentDialled,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    AgentWished,
    CallDisposed,
    CallerPresented,
    CallFact,
    CallLost,
    CallMissed,
    CallOffered,
    CallWished,
    ChangeFact,
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
    OutsideDialled,
    OutsideEnded,
    OutsideRinging,
    PhoneTaken,
    PlanLoaded,
    RecordingAttached,
    RecordingEnded,
    RecordingPauseWished,
    Resumed,
    SupervisionWished,
    TicketAlarmed,
    Timer,
    TimerFired,
    TimerKind,
    TransferWished,
    Wish,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.features import Errand
from bridge.centre.ids import AgentId, CallId, QueueName, call_of
from bridge.centre.kept import KeptPlace, keep_place, take_place
from bridge.centre.known import leg_knows
from bridge.centre.last_orders import last_orders
from bridge.centre.messages import (
    AgentAsked,
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    AgentTakesOver,
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
from bridge.centre.orders import AttachRecording, Order, Outcome, SetDisposition
from bridge.centre.plan import Plan
from bridge.centre.router import Router
from bridge.centre.supervision import follow
from bridge.centre.told import Told

_BIRTHS = (CallOffered, CallerPresented, OutsideRinging, OutsideDialled, CallMissed, CallWished)
_GIVEN_BACK = 1_000  # so many calls in the dialplan at a time
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
    given_back: dict[CallId, None] = field(default_factory=dict)  # of whose end CRMs are to be told
    told: Told = field(default_factory=lambda: Told(_RECENT))
    overdue: list[Timer] = field(default_factory=list)  # of calls, that fired while nobody could hear them
    strays: int = 0
    ended: Counter[Outcome] = field(default_factory=Counter)

    def decide(self, fact: Fact, now: datetime) -> list[Order]:
        """What is to be done about ``fact``, which happened at ``now`` (aware, UTC)."""
        out = Output()
        self.told.take(fact, now, self.calls)
        self.take(fact, now, out)
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
        if call is None or (call.client_leg not in call.legs and call.wished_by is None):
            return []
        out = Output()
        give_back(call, self._moment(now, out))
        follow(call, None, self._moment(now, out))
        tell_crm(call, self._moment(now, out), lost=True)
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

    def take(self, fact: Fact, now: datetime, out: Output) -> None:
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
                    self.tell_agent(at_phone.id, fact, now, out)
            case PhoneTaken(call=call, agent=agent, taken=taken):
                self.tell_agent(agent, AgentBusyOutside(call, agent, busy=taken), now, out)
            case CallDisposed(agent=agent, disposition=disposition):
                desk = self.agents.get(agent)
                if desk is not None and desk.last_call is not None:
                    out.orders.append(SetDisposition(desk.last_call, agent, disposition))
            case AgentLoggedIn() | AgentLoggedOut() | AgentReady() | AgentPaused() | WrapUpEnded():
                self.tell_agent(fact.agent, fact, now, out)
            case WrapUpExtended(agent=agent):
                self.tell_agent(agent, fact, now, out)
            case AgentWished(agent=agent, wish=Wish.PAUSE_RECORDING | Wish.RESUME_RECORDING):
                paused = fact.wish is Wish.PAUSE_RECORDING
                for call in [call.id for call in self.calls.values() if call.leg_of(agent) is not None]:
                    self.tell_call(call, RecordingPauseWished(call, paused, f"agent {agent}"), now, out)
            case AgentWished(agent=agent) | TransferWished(agent=agent):
                desk = self.agents.get(agent)
                if desk is not None and desk.call is not None:
                    self.tell_call(desk.call, fact, now, out)
            case RecordingEnded(call=call, recording=recording):
                out.orders.append(AttachRecording(call, recording))
            case RecordingAttached():
                out.orders.append(recording_ready(fact, self._moment(now, out)))
                self._call_fact(fact, now, out)
            case SupervisionWished():
                watched = self._watched_by(fact)
                if watched is not None:
                    self.tell_call(watched, fact, now, out)
            case FeatureDialled():
                desk_phones.code(self, fact, now, out)
            case AgentDialled():
                desk_phones.line(self, fact, now, out)
            case Resumed():
                for call in tuple(self.calls):
                    self.tell_call(call, fact, now, out)
            case LinkDown():
                self.router.closed = True
            case LinkUp():
                for agent in self.agents:
                    self.tell_agent(agent, fact, now, out)
                overdue, self.overdue = self.overdue, []
                for timer in overdue:
                    self.tell_call(call_of(timer.owner), TimerFired(timer), now, out)
                for call in [call.id for call in self.calls.values() if call.state is CallState.PRESENTED]:
                    self.tell_call(call, fact, now, out)
                out.messages.append(OffersResume())
            case OrderFailed(order="Play", reason=FailureReason.LINK_DOWN) if self.router.closed:
                pass  # said again by the comparison that comes when the link is back
            case _ if isinstance(fact, ChangeFact | TicketAlarmed):
                pass  # for others: the floor has decided it, or it is no call's business
            case _ if fact.call in self.lines:
                desk_phones.of_line(self, fact, self.lines[fact.call], now, out)
            case _ if fact.call in self.errands:
                desk_phones.of_errand(self, self.errands[fact.call], fact, now, out)
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
            before = was(call)
            unplanned(call, self._moment(now, out))
            follow(call, None, self._moment(now, out))
            tell(call, before, self._moment(now, out))
            tell_crm(call, self._moment(now, out))
            self._forget_if_ended(call, now)

    def _timer(self, fact: TimerFired, timer: Timer, now: datetime, out: Output) -> None:
        if timer.kind in (TimerKind.WRAP_UP, TimerKind.REST):
            self.tell_agent(AgentId(timer.owner), fact, now, out)
        elif self.router.closed:
            # Perhaps it was answered, perhaps a digit was pressed: that is told before this counts. And what
            # should be said or done about it now could not be.
            self.overdue.append(timer)
        else:
            self.tell_call(call_of(timer.owner), fact, now, out)

    # ── supervisors ──────────────────────────────────────────────────────────

    def _watched_by(self, fact: SupervisionWished) -> CallId | None:
        """The call in which he is beside somebody, or may be rung for it.

        Who has a call of his own, or whose phone is taken by another one, may not.
        """
        who = fact.trainee or fact.supervisor
        watched = self.call_watched_by(who)
        own, desk = self.agents.get(who), self.agents.get(fact.agent)
        free = own is not None and own.reachable and own.call is None and not own.outside
        return watched or (desk.call if free and desk is not None else None)

    def call_watched_by(self, who: AgentId) -> CallId | None:
        calls = (call.id for call in self.calls.values() for one in call.watches.values() if one.who == who)
        return next(calls, None)

    def _call_fact(self, fact: CallFact, now: datetime, out: Output) -> None:
        if fact.call not in self.calls:
            if isinstance(fact, CallMissed) and fact.call in self.gone:
                return  # its end was heard after all
            if isinstance(fact, CallWished) and fact.call in self.recent:
                self.strays += 1  # told twice
                return
            if isinstance(fact, _BIRTHS):
                told = fact.call in self.given_back
                self.given_back.pop(fact.call, None)
                self.calls[fact.call] = Call(fact.call, since=now, offered_at=now, told=told)
                if isinstance(fact, CallOffered | CallerPresented) and fact.number is not None:
                    self.calls[fact.call].kept_place = take_place(self.kept, fact.number, now)
            else:
                self.strays += 1
                out.orders += [] if self.knows(fact) else last_orders(fact)
                if isinstance(fact, OutsideEnded) and fact.call in self.given_back:
                    del self.given_back[fact.call]
                    out.orders.append(ended_in_the_dialplan(fact.call, self._moment(now, out)))
                return
        if isinstance(fact, CallLost):
            keep_place(self.kept, self.calls[fact.call], now)
        self.tell_call(fact.call, fact, now, out)

    # ── messages ─────────────────────────────────────────────────────────────

    def _deliver(self, message: Message, now: datetime, out: Output) -> None:
        match message:
            case Offer():
                self._offer(message, now, out)
            case OfferResult(agent=agent) | AgentReleased(agent=agent):
                said = Output(out.orders)
                self.tell_agent(agent, message, now, said)
                for one in said.messages:
                    # That he is not free comes first, so that the next choice is explained by what is so now;
                    # that he is comes after, or he could be offered the caller who is just leaving.
                    if isinstance(one, AgentChanged) and one.hindrance is not None:
                        self.router.step(one, now, out)
                    else:
                        out.messages.append(one)
                self.router.step(message, now, out)
            case AgentBusyOutside(agent=agent) | AgentTakesOver(agent=agent):
                self.tell_agent(agent, message, now, out)
            case AskAgent():
                self._ask_agent(message, now, out)
            case (
                EnterQueue() | AmendWaiting() | LeaveQueue() | AskPosition() | AgentChanged() | OffersResume()
            ):
                self.router.step(message, now, out)
            case PositionIs(call=call) | TurnedAway(call=call) | AgentAsked(call=call):
                self.tell_call(call, message, now, out)
            case _:
                assert_never(message)

    def _offer(self, offer: Offer, now: datetime, out: Output) -> None:
        """Both must take it. Who refuses has changed since the router looked; its word is on the way."""
        if not self.tell_agent(offer.agent, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.FAILED))
        elif not self.tell_call(offer.call, offer, now, out):
            out.messages.append(OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.WITHDRAWN))
            out.messages.append(LeaveQueue(offer.call))

    def _ask_agent(self, ask: AskAgent, now: datetime, out: Output) -> None:
        desk = self.agents.get(ask.agent)
        takes = desk is not None and desk.takes(ask) and self.tell_agent(ask.agent, ask, now, out)
        if not self.tell_call(ask.call, AgentAsked(ask.call, ask.agent, takes), now, out) and takes:
            out.messages.append(OfferResult(ask.call, ask.agent, None, OfferEnd.WITHDRAWN))

    # ── the machines ─────────────────────────────────────────────────────────

    def tell_call(self, id_: CallId, event: CallEvent, now: datetime, out: Output) -> bool:
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
            # Given back, counted as such, and then followed in the dialplan.
            told_again = call.id in self.recent and call.id not in self.gone
            self.recent[call.id] = now
            if call.outcome is not Outcome.FALLBACK:
                self.gone.add(call.id)
            elif call.told and not call.told_over:
                self.given_back[call.id] = None
                if len(self.given_back) > _GIVEN_BACK:
                    del self.given_back[next(iter(self.given_back))]
            while abs(now - self.recent[(oldest := next(iter(self.recent)))]) > _RECENT:
                del self.recent[oldest]
                self.gone.discard(oldest)
            if call.outcome is not None and not told_again:
                self.ended[call.outcome] += 1

    def tell_agent(self, id_: AgentId, event: AgentEvent, now: datetime, out: Output) -> bool:
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
