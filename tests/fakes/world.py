"""A pure stand-in for everything around the floor: carries out orders and gives facts back, stream by stream.

Each stream keeps its own order, as Asterisk's do; between streams the test decides. Owns no rule of the
centre: only what Asterisk, the store and people do.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.floor import Floor
from bridge.centre.ids import (
    AgentId,
    CallId,
    Endpoint,
    LegId,
    TicketId,
    call_of,
    is_dialled_leg,
    watch_room_id,
    wished_call_id,
)
from bridge.centre.plan import Plan
from tests.fakes.callers import told_of
from tests.fakes.clock import START as START
from tests.fakes.legs import Leg as Leg
from tests.fakes.recorders import Recorders
from tests.fakes.small_plan import ANNA as ANNA
from tests.fakes.small_plan import BORIS as BORIS
from tests.fakes.small_plan import RING as RING
from tests.fakes.small_plan import SALES as SALES
from tests.fakes.small_plan import SUPPORT as SUPPORT
from tests.fakes.small_plan import VERA as VERA
from tests.fakes.small_plan import plan as plan

T = TypeVar("T")


@dataclass
class World(Recorders):
    floor: Floor = field(default_factory=Floor)
    now: datetime = START
    bridges: dict[str, set[LegId]] = field(default_factory=dict)
    alone: dict[LegId, type] = field(default_factory=dict)  # Hold: hears music, RingBack: that it rings
    muted: set[LegId] = field(default_factory=set)
    ears: dict[LegId, o.Watch] = field(default_factory=dict)  # by who listens
    audit: list[tuple[str, str, str]] = field(default_factory=list)  # by, action, about
    timers: dict[f.Timer, datetime] = field(default_factory=dict)
    ari: deque[f.Fact] = field(default_factory=deque)
    store: deque[f.Fact] = field(default_factory=deque)
    saved: dict[CallId, o.CallRecord] = field(default_factory=dict)
    tickets: dict[CallId, TicketId] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    offers: dict[LegId, o.SaveOffer] = field(default_factory=dict)
    offer_ends: dict[LegId, OfferEnd] = field(default_factory=dict)
    dispositions: dict[CallId, str] = field(default_factory=dict)
    cards: dict[AgentId, o.OpenCard] = field(default_factory=dict)
    orders: list[o.Order] = field(default_factory=list)
    log: list[tuple[datetime, f.Fact]] = field(default_factory=list)
    fail_next: dict[str, f.FailureReason] = field(default_factory=dict)  # an order's class name → how
    missing: set[str] = field(default_factory=set)  # sounds that Asterisk does not have
    next_call: int = 0

    def start(self, the_plan: Plan | None = None) -> "World":
        self.tell(f.PlanLoaded(the_plan or plan()))
        return self

    # ── the floor's side ─────────────────────────────────────────────────────

    def tell(self, fact: f.Fact) -> None:
        if self.floor.knows(fact):
            return
        self.log.append((self.now, fact))
        for order in self.floor.decide(fact, self.now):
            self.orders.append(order)
            self.carry_out(order)

    def pump(self, *streams: str) -> None:
        """Deliver everything that is on its way, stream by stream, until all is quiet."""
        names = streams or ("ari", "ami", "store")
        while any(getattr(self, name) for name in names):
            for name in names:
                if getattr(self, name):
                    self.tell(getattr(self, name).popleft())

    def pass_time(self, seconds: float) -> None:
        end = self.now + timedelta(seconds=seconds)
        while True:
            self.pump()
            due = [(at, timer) for timer, at in self.timers.items() if at <= end]
            if not due:
                break
            self.now, timer = min(due, key=lambda pair: (pair[0], pair[1].owner))
            del self.timers[timer]
            self.tell(f.TimerFired(timer))
        self.now = end
        self.pump()

    def carry_out(self, order: o.Order) -> None:
        reason = self.fail_next.pop(type(order).__name__, None)
        if reason is not None and isinstance(
            order, o.RingAgent | o.MakeLeg | o.RingNumber | o.Play | o.LookUpClient
        ):
            leg = getattr(order, "leg", None)
            stream = self.store if isinstance(order, o.LookUpClient) else self.ari
            stream.append(f.OrderFailed(order.call, type(order).__name__, reason, "", leg))
            if isinstance(order, o.RingNumber):
                self.end_leg(order.leg)  # that was made, and cannot be dialled
            return
        match order:
            case o.MakeLeg(leg=leg) | o.RingNumber(leg=leg) if self.conflicts(leg):
                refused = f.FailureReason.REFUSED
                self.ari.append(f.OrderFailed(order.call, type(order).__name__, refused, "409", leg))
            case o.MakeLeg(leg=leg):
                self.legs[leg] = Leg(order.call, None, "made", number=order.endpoint)
                self.ari.append(f.LegMade(order.call, leg))
            case o.RingAgent(leg=leg):
                self.legs[leg] = Leg(order.call, order.agent, "ringing")
                self.ari.append(f.LegRinging(order.call, leg))
            case o.CancelRing(leg=leg) | o.HangUp(leg=leg):
                self.end_leg(leg, 26 if isinstance(order, o.CancelRing) else 16)
            case o.RingNumber(leg=leg):
                self.legs[leg] = Leg(order.call, None, "ringing", number=order.endpoint)
                self.ari.append(f.LegRinging(order.call, leg))
            case o.EnterWaitingRoom(leg=leg):
                self.move(leg, f"{order.call}-wait")
            case o.LeaveWaitingRoom(leg=leg):
                self.alone.pop(leg, None)
                self.bridges.get(f"{order.call}-wait", set()).discard(leg)
            case o.Connect(client=client, agent=agent):
                for leg in (client, agent):
                    if self.legs[leg].state == "up":
                        self.move(leg, f"{order.call}-talk")
                        self.ari.append(f.LegJoined(order.call, leg))
            case o.Join(leg=leg, room=room):
                if self.legs[leg].state == "up":
                    self.move(leg, room)
                    if room == f"{order.call}-talk":
                        self.ari.append(f.LegJoined(order.call, leg))
            case o.Hold(leg=leg) | o.RingBack(leg=leg):
                if self.legs[leg].state == "up":
                    self.move(leg, None)
                    self.alone[leg] = type(order)
            case o.Mute(leg=leg, muted=muted):
                (self.muted.add if muted else self.muted.discard)(leg)
            case o.Watch(leg=leg, room=room):
                if self.legs[leg].state == "up":
                    self.move(leg, room or watch_room_id(order.call, order.number))
                    if room == f"{order.call}-talk":
                        self.ari.append(f.LegJoined(order.call, leg))
                    (self.muted.add if order.how is f.Supervise.LISTEN else self.muted.discard)(leg)
                    self.ears[leg] = order
            case o.EndWatch(leg=leg):
                self.ears.pop(leg, None)
            case o.NoteAudit():
                self.audit.append((order.by, order.action, order.about))
            case o.ToDialplan(leg=leg):
                if self.legs[leg].state == "up":
                    self.legs[leg].state = "fallback"
            case o.ToFallback(leg=leg):
                if self.legs[leg].state != "gone":
                    self.legs[leg].state = "fallback"
                    for members in self.bridges.values():
                        members.discard(leg)
            case o.ClearCall(call=call):
                for bridge in [one for one in self.bridges if call_of(one) == call or one == f"{call}-wait"]:
                    del self.bridges[bridge]
            case o.Play(prompt=prompt):
                if self.legs[order.leg].state == "up":
                    self.ari.append(f.PromptEnded(order.call, prompt, not self.missing & {*order.sounds}))
            case o.StartRecording() | o.MuteRecording() | o.StopRecording():
                self.carry_out_recording(order)
            case o.LookUpClient(number=number):
                self.store.extend(told_of(order.call, number))
            case o.SaveCall(record=record):
                self.saved[order.call] = record
            case o.OpenTicket():
                ticket = self.tickets.setdefault(order.call, TicketId(len(self.tickets) + 1))
                self.store.append(f.TicketOpened(order.call, ticket))
            case o.AttachRecording(recording=recording):
                self.attached.append(recording)
            case o.OpenCard(agent=agent):
                self.cards[agent] = order
            case o.CloseCard(agent=agent):
                if agent in self.cards and self.cards[agent].call == order.call:
                    del self.cards[agent]
            case o.SaveOffer(leg=leg):
                self.offers[leg] = order
            case o.EndOffer(leg=leg, end=end):
                self.offer_ends[leg] = end
            case o.SetDisposition():
                self.dispositions[order.call] = order.disposition
            case o.StartTimer(timer=timer, after=after):
                self.timers[timer] = self.now + after
            case o.StopTimer(timer=timer):
                self.timers.pop(timer, None)
            case o.Tell(fact=fact):
                self.tell(fact)
            case o.Answer() | o.StopPrompt() | o.SaveWrapUp() | o.TellCrm():
                pass

    # ── Asterisk's side ──────────────────────────────────────────────────────

    def call_in(self, dialled: str = "200", number: str | None = "+79161234567") -> CallId:
        self.next_call += 1
        call = CallId(f"call.{self.next_call}")
        self.legs[LegId(call)] = Leg(call, None, "up")
        self.ami.append(f.CallerPresented(call, number, "", dialled, "lab"))
        self.ari.append(f.CallOffered(call, LegId(call), number, "", dialled, "lab"))
        return call

    def wish(self, agent: AgentId, number: str = "+74951112233") -> CallId:
        """From his screen."""
        self.next_call += 1
        call = wished_call_id(1_764_000_000_000, self.next_call)
        self.tell(f.CallWished(call, agent, number))
        return call

    def conflicts(self, leg: LegId) -> bool:
        """No channel is made whose id is the beginning of a living one's."""
        return leg not in self.living and any(one.startswith(leg) for one in self.living)

    def phone(self, agent: AgentId, reachable: bool = True) -> None:
        self.ami.append(f.EndpointChanged(Endpoint(f"PJSIP/{agent}"), reachable))

    def ringing_leg(self, agent: AgentId) -> LegId | None:
        return next(
            (i for i, leg in self.legs.items() if leg.agent == agent and leg.state == "ringing"), None
        )

    def dial_code(self, endpoint: Endpoint, feature: f.Feature, argument: str = "") -> CallId:
        self.next_call += 1
        call = CallId(f"code.{self.next_call}")
        self.legs[LegId(call)] = Leg(call, None, "up", number=endpoint)
        agent = AgentId(endpoint.rpartition("/")[2])
        self.ami.append(f.PhoneTaken(call, agent, True))
        self.ari.append(f.FeatureDialled(call, LegId(call), endpoint, feature, argument))
        return call

    def answer_outside(self) -> None:
        for id_, leg in self.legs.items():
            if leg.number and leg.state == "ringing":
                leg.state = "up"
                self.ari.append(f.LegAnswered(leg.call, id_))

    def step_clock(self, by: timedelta) -> None:
        """The wall clock is set; timers run by another one."""
        self.now += by
        self.timers = {timer: at + by for timer, at in self.timers.items()}

    def answer(self, agent: AgentId) -> None:
        leg = self.ringing_leg(agent)
        if leg is not None:
            self.legs[leg].state = "up"
            self.ari.append(f.LegAnswered(self.legs[leg].call, leg))

    def end_leg(self, leg: LegId, cause: int = 16) -> None:
        if leg not in self.legs or self.legs[leg].state == "gone":
            return
        if self.legs[leg].state == "fallback":
            self.legs[leg].state = "gone"
            self.tell_end(leg)
            return
        self.leave(leg)
        self.legs[leg].state = "gone"
        self.ears.pop(leg, None)
        self.ari.append(f.LegEnded(self.legs[leg].call, leg, cause))
        if leg in self.recording:
            self.end_recording(leg)
        self.tell_end(leg)

    def tell_end(self, leg: LegId) -> None:
        one = self.legs[leg]
        if is_dialled_leg(leg):
            return  # of what we made AMI tells nothing
        if one.number and LegId(one.call) == leg:
            self.ami.append(f.PhoneTaken(one.call, AgentId(one.number.rpartition("/")[2]), False))
        elif one.agent is None and not one.number:
            # AMI tells the end of every channel that it presented, also of those in our application.
            self.ami.append(f.OutsideEnded(self.legs[leg].call, "completed"))

    def hang_up_client(self, call: CallId) -> None:
        self.end_leg(LegId(call))

    def hang_up_agent(self, agent: AgentId) -> None:
        for id_, leg in list(self.legs.items()):
            if leg.agent == agent and leg.state != "gone":
                self.end_leg(id_, 21 if leg.state == "ringing" else 16)

    def move(self, leg: LegId, bridge: str | None) -> None:
        if self.legs[leg].state == "gone":
            return
        self.leave(leg, bridge)
        self.alone.pop(leg, None)
        if bridge is not None:
            self.bridges.setdefault(bridge, set()).add(leg)

    def leave(self, leg: LegId, to: str | None = None) -> None:
        for room, members in self.bridges.items():
            if leg in members and room.endswith("-talk") and room != to:
                self.ari.append(f.LegLeft(call_of(room), leg))
            members.discard(leg)

    def whom_it_hears(self, leg: LegId) -> set[LegId]:
        """By whatever way: in its bridge, by its ear on somebody, or by the ear that is on it."""
        heard = self.with_whom(leg) - self.muted
        ear = self.ears.get(leg)
        if ear is not None and ear.room is None:
            heard |= (self.with_whom(ear.target) - self.muted) | ({ear.target} - self.muted)
        whispering = {
            one for one, at in self.ears.items() if at.target == leg and at.how is f.Supervise.WHISPER
        }
        return (heard | whispering) - {leg}

    def with_whom(self, leg: LegId) -> set[LegId]:
        """Whom it hears, and who hears it."""
        found = next((members for members in self.bridges.values() if leg in members), set())
        return found - {leg}

    # ── for tests that tell a story ──────────────────────────────────────────

    @property
    def rung(self) -> list[AgentId]:
        """Whose phones ring, in the order in which they were rung."""
        return [leg.agent for leg in self.legs.values() if leg.agent is not None and leg.state == "ringing"]

    def arrive(self, *agents: AgentId) -> None:
        for agent in agents:
            self.phone(agent)
            self.pump()

    def caller(self, dialled: str = "1", number: str | None = "+15550100") -> CallId:
        call = self.call_in(dialled, number)
        self.pump()
        return call

    def talk(self, agent: AgentId) -> None:
        self.answer(agent)
        self.pump()

    def refuse(self, agent: AgentId, cause: int = Cause.NO_ANSWER) -> None:
        leg = self.ringing_leg(agent)
        assert leg is not None
        self.end_leg(leg, cause)
        self.pump()

    def rung_for(self, agent: AgentId) -> CallId | None:
        leg = self.ringing_leg(agent)
        return None if leg is None else self.legs[leg].call

    def serve(self, agent: AgentId) -> CallId:
        """He answers what rings at his phone, and hangs up."""
        call = self.rung_for(agent)
        assert call is not None
        self.talk(agent)
        self.hang_up(agent)
        return call

    def answer_and_die(self, agent: AgentId) -> None:
        """The answer comes, and his leg's end before the media have met."""
        self.answer(agent)
        self.tell(self.ari.popleft())
        self.ari.clear()
        self.hang_up_agent(agent)
        self.pump()

    def hang_up(self, who: str) -> None:
        """An agent, or a call's client."""
        self.hang_up_agent(AgentId(who))
        self.hang_up_client(CallId(who))
        self.pump()

    def press(self, call: CallId, digit: str) -> None:
        self.tell(f.DigitReceived(call, LegId(call), digit))
        self.pump()

    def of(self, kind: type[T]) -> list[T]:
        return [order for order in self.orders if isinstance(order, kind)]

    def said(self, call: CallId) -> list[tuple[str, ...]]:
        return [order.sounds for order in self.of(o.Play) if order.call == call]

    @property
    def living(self) -> dict[LegId, Leg]:
        return {id_: leg for id_, leg in self.legs.items() if leg.state not in ("gone", "fallback")}


def world_of(the_plan: Plan, *free: AgentId) -> World:
    """With these agents' phones there, one after another."""
    world = World().start(the_plan)
    world.arrive(*free)
    return world
