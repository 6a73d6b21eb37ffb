"""One call's data: the client's whole visit, its legs, a transfer under way, and what is known of the client.

Owns what a call *is*; ``call_steps`` and ``call_ends`` hold what happens to it, ``call_table`` when it may.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bridge.centre.decision import OfferEnd
from bridge.centre.facts import ClientRef, Fact, Supervise, TimerKind, Verdict
from bridge.centre.ids import AgentId, CallId, ConversationId, LegId, PromptId, QueueName
from bridge.centre.ivr import MenuPosition
from bridge.centre.messages import Message, Output
from bridge.centre.plan import Destination, Needs, Plan, Target, ToNumber, ToVoicemail
from bridge.centre.record import (
    CallRecord,
    LegKind,
    LegRecord,
    Outcome,
    PauseRecord,
    Segment,
    TransferRecord,
)
from bridge.centre.records_orders import CallEventKind

CallEvent = Fact | Message


class CallState(Enum):
    PRESENTED = "presented"  # AMI saw the channel; it is not in our application (yet, or ever)
    CONSENT = "consent"  # he is told that he will be recorded; nobody can talk with him yet
    MENU = "menu"
    WAITING = "waiting"  # in a queue, whether or not a phone rings for him
    DIALLING = "dialling"  # an agent's phone rings for a call that he wished, then the number outside
    CONNECTING = "connecting"  # an agent answered; the media are being joined
    TALKING = "talking"
    CONSULTING = "consulting"  # an agent speaks, or will, with whom he passes the client on to
    PASSING = "passing"  # who passed him on is out; somebody's phone rings for him
    FORWARDING = "forwarding"  # an outside number is rung for him
    VOICEMAIL = "voicemail"  # he is asked to leave a message, or leaves one
    LEAVING = "leaving"  # a last announcement, then hang-up
    CLEARING = "clearing"  # over; legs that still live are being ended
    OUTSIDE = "outside"  # a call that never touched our application, known from AMI alone
    ENDED = "ended"


class Seat(Enum):
    """Where an answered leg's sound goes. Those who sit in one place hear each other."""

    TALK = "talk"  # the call's Conversation
    CONSULT = "consult"  # the present transfer's
    HELD = "held"  # alone, with music
    RING_BACK = "ring_back"  # alone, hearing that a phone rings


@dataclass(slots=True)
class Leg:
    id: LegId
    kind: LegKind
    agent: AgentId | None
    created_at: datetime
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    tech_cause: int | None = None
    seat: Seat | None = None  # None: rings, or is where no agent is
    holds: bool = False  # his phone does
    muted: bool = False
    released: bool = False  # its agent's part is over
    ring_end: OfferEnd | None = None  # of a phone that stopped ringing without an answer
    told: CallEventKind | None = None  # what CRMs were told of it last
    number: str = ""  # outside, as it was dialled

    @property
    def alive(self) -> bool:
        return self.ended_at is None

    def record(self) -> LegRecord:
        return LegRecord(
            self.id,
            self.kind,
            self.agent,
            self.created_at,
            self.ringing_at,
            self.answered_at,
            self.ended_at,
            self.cause,
            self.tech_cause,
        )


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer that is out. Ringall has several at a time. History knows it by ``first_leg``.

    ``queue`` is None for who is rung by name in a transfer: that is nobody's choice to explain.
    """

    agent: AgentId
    leg: LegId
    queue: QueueName | None
    first_leg: LegId


@dataclass(slots=True)
class Consent:
    """An announcement that is being said, and where he goes then."""

    sounds: tuple[str, ...]
    bound_for: Destination
    queue: QueueName | None  # whose announcement it is; None: the dialled number's
    place: int | None = None  # in the order of coming, of when it began; None: he has one, or needs none
    said: int = 0  # of the sounds


@dataclass(frozen=True, slots=True)
class Announcement:
    """One that is over. ``heard`` is False when any of its sounds could not be played."""

    sounds: tuple[str, ...]
    heard: bool


@dataclass(slots=True)
class Waiting:
    """What a caller brings to a queue, and what he has heard there."""

    place: int  # in the order of coming: his for the whole call
    needs: Needs = ()
    priority: int = 0  # by the way he came; his tier's is added
    level: int = 0  # of the queue's widening
    since: datetime | None = None  # in this queue
    preferred: AgentId | None = None  # he waits for this one alone
    held: bool = False  # it has been seen to that he waits for one: only once in a queue
    asking: bool = False  # not with the router yet: who served him last is being looked up
    position_said: int | None = None
    timers: set[TimerKind] = field(default_factory=set)  # that run because he waits


class Stage(Enum):
    """How far a transfer has come."""

    RINGING = "ringing"  # the target's phone rings; who passes on waits for it
    CONSULTING = "consulting"  # the two talk, the client hears music
    SWAPPED = "swapped"  # who passes on talks with the client, the target hears music
    ALONE = "alone"  # who passes on is out: the target's phone rings for the client
    RETURNING = "returning"  # nobody took him: the phone of who passed him on rings


@dataclass(slots=True)
class Transfer:
    """One under way. ``queue`` and ``waiting`` are where the client was before it."""

    by: AgentId
    leg: LegId  # of who passes on
    target: Target
    stage: Stage
    queue: QueueName | None
    waiting: Waiting | None
    line: LegId | None = None  # the other line of his phone, when it speaks with the target by that one
    other: LegId | None = None  # the target's leg, once it is rung (an outside number) or has answered
    asks: tuple[AgentId, ...] = ()  # whom else to ask, in order


@dataclass(slots=True)
class Watch:
    """A supervisor beside one of the call's agents, or a trainee whom he has let in."""

    leg: LegId
    number: int  # of the call's watches
    supervisor: AgentId  # who answers for it
    agent: AgentId  # with whom he is; who takes the client over from him, later
    by: str  # who asked for it, for the audit log
    how: Supervise
    trainee: AgentId | None = None
    answered: bool = False  # until then his phone rings
    target: LegId | None = None  # whom he has been brought to; None: nobody, he hears music
    room: ConversationId | None = None  # where he has been brought to the target himself
    source: LegId | None = None  # whom the target heard alone when it was
    placed: bool = False  # all of this has been ordered

    @property
    def who(self) -> AgentId:
        """Whose phone it is."""
        return self.trainee or self.supervisor


@dataclass(slots=True)
class Call:
    id: CallId
    since: datetime  # of the present state
    offered_at: datetime
    state: CallState = CallState.PRESENTED
    number: str | None = None
    name: str = ""
    dialled: str = ""
    trunk: str = ""
    withheld: bool = False
    direction: str = "in"
    fallback: bool = False  # Asterisk's own queue served him
    afterwards: bool = False  # nobody of us heard it: read from what the dialplan wrote down
    language: str = "en"
    verdict: Verdict | None = None
    e164: str | None = None
    clients: tuple[ClientRef, ...] = ()
    queue: QueueName | None = None
    agent: AgentId | None = None  # whose client he is: who talks, or talked last
    partner: LegId | None = None  # of him, or of the outside number
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    unserved: Outcome | None = None  # how the last queue ended for him that did not serve him
    legs: dict[LegId, Leg] = field(default_factory=dict)
    tier: str = ""
    last_agent: AgentId | None = None  # who talked with this number last
    last_at: datetime | None = None
    waiting: Waiting | None = None
    kept_place: int | None = None  # from a call that Asterisk's own end cut off
    hops: int = 0  # destinations that he has been sent to
    offers_made: int = 0
    offers: dict[LegId, OpenOffer] = field(default_factory=dict)
    forwards: int = 0
    forward: ToNumber | None = None  # the outside number, and where to when it does not answer
    voicemail: ToVoicemail | None = None
    menu: MenuPosition | None = None
    prompts: int = 0
    prompt: PromptId | None = None
    said: tuple[str, ...] = ()  # last
    recordings: int = 0
    stopped: int = 0  # of these, so many: the last one that has been stopped in the middle of the call
    off_record: bool = False  # the queue that he came to last does not record him
    consent: Consent | None = None  # while he is told
    announced: list[Announcement] = field(default_factory=list)
    joined: set[LegId] = field(default_factory=set)
    looked_up: bool = False
    look_ups_out: int = 0  # asked for and not answered yet, external directories included
    unanswered: tuple[str, ...] = ()  # external directories that said nothing of use, by their titles
    cleared: bool = False  # its last leg is gone
    outside_ringing: set[AgentId] = field(default_factory=set)
    outside_leg: LegId | None = None  # the client's channel, when an agent called him
    wished_by: AgentId | None = None  # the agent who had this call made
    about: CallId | None = None  # somebody asks about that call's client: all of it is kept and shown there
    transfer: Transfer | None = None
    transfers: list[TransferRecord] = field(default_factory=list)  # the last one is ``transfer``'s
    segments: list[Segment] = field(default_factory=list)
    watches: dict[LegId, Watch] = field(default_factory=dict)  # by the leg of who watches: none of ``legs``
    watches_made: int = 0
    heard: frozenset[LegId] | None = None  # whom the client heard last, since his recorder was begun
    anew_at: datetime | None = None  # when his recorder was last told to begin anew
    pauses: list[PauseRecord] = field(default_factory=list)  # of its recordings; only the last may be open
    cut: bool = False  # its last recording is over, because it could not be muted
    hung_up: bool = False  # AMI has told that the client's channel is gone
    told: bool = False  # CRMs know of it
    told_transfer: int = 0  # the last one that they know of
    told_over: bool = False  # and they know of its end

    @property
    def client_leg(self) -> LegId:
        """The client's first channel carries the call's own id."""
        return LegId(self.id)

    @property
    def recorded_leg(self) -> LegId:
        """The client's channel, which his recorder is on."""
        return self.outside_leg or self.client_leg

    @property
    def listener(self) -> LegId:
        """To whom something is said: the client; until one whom an agent calls is there, that agent."""
        client = self.legs.get(self.client_leg)
        there = client is not None and client.answered_at is not None
        return self.client_leg if there or self.wished_by is None else self.partner or self.client_leg

    @property
    def undialled(self) -> LegId | None:
        """The client's leg before it is dialled, which it is when the agent who wished the call answers."""
        return self.client_leg if self.state is CallState.DIALLING and self.partner is None else None

    @property
    def talking_leg(self) -> Leg | None:
        """The other side's answered, living leg, agent or outside number; of several, the partner's."""
        answered = [
            leg for leg in self.alive_legs if leg.kind is not LegKind.CLIENT and leg.answered_at is not None
        ]
        return next((leg for leg in answered if leg.id == self.partner), next(iter(answered), None))

    @property
    def seated(self) -> tuple[Leg, ...]:
        """Living legs of the client and of those who are in it with him, heard or on hold."""
        return tuple(leg for leg in self.alive_legs if leg.seat is not None)

    @property
    def is_recorded(self) -> bool:
        """Whether a recording runs, or will as soon as its order is carried out."""
        return self.recordings > self.stopped

    @property
    def paused(self) -> PauseRecord | None:
        """The pause that goes on."""
        last = self.pauses[-1] if self.pauses else None
        return last if last is not None and last.ended_at is None else None

    def leg_of(self, agent: AgentId) -> Leg | None:
        """That agent's living, answered leg."""
        found = (leg for leg in self.alive_legs if leg.agent == agent and leg.answered_at is not None)
        return next(found, None)

    @property
    def rung(self) -> Leg | None:
        """The outside number's leg while it is rung, or talks."""
        return next((leg for leg in self.alive_legs if leg.kind is LegKind.OUTSIDE), None)

    @property
    def alive_legs(self) -> tuple[Leg, ...]:
        return tuple(leg for leg in self.legs.values() if leg.alive)

    @property
    def ringing(self) -> tuple[AgentId, ...]:
        """Whose phones ring for him."""
        return tuple(
            offer.agent for offer in self.offers.values() if self.legs[offer.leg].ringing_at is not None
        )

    def fits(self, plan: Plan) -> bool:
        """Whether what this call is in the middle of is still planned."""
        if self.state is CallState.MENU and self.menu is not None:
            return self.menu.menu in plan.menus
        if self.state is CallState.CONSENT and self.consent is not None:
            return plan.knows(self.consent.bound_for)
        if self.state is CallState.WAITING:
            return self.queue in plan.queues
        if self.state is CallState.CONSULTING and self.transfer is not None:
            return self.transfer.stage is not Stage.RINGING or plan.leads(self.transfer.target)
        return True

    def enter(self, state: CallState, now: datetime) -> None:
        if state is not self.state:
            self.state, self.since = state, now

    def record(self) -> CallRecord:
        return CallRecord(
            id=self.id,
            number=self.number,
            e164=self.e164,
            name=self.name,
            withheld=self.withheld,
            dialled=self.dialled,
            trunk=self.trunk,
            direction=self.direction,
            offered_at=self.offered_at,
            verdict=self.verdict,
            client=self.clients[0].id if self.verdict is Verdict.KNOWN else None,
            queue=self.queue,
            agent=self.agent,
            queued_at=self.queued_at,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            outcome=self.outcome,
            legs=tuple(leg.record() for leg in self.legs.values()),
            fallback=self.fallback,
            afterwards=self.afterwards,
            segments=tuple(self.segments),
            transfers=tuple(self.transfers),
            pauses=tuple(self.pauses),
        )


@dataclass(frozen=True, slots=True)
class Moment:
    """What a step may know besides the call: the plan and the time; and where it puts what it decides.

    ``next_place`` gives the next number in the order of coming, floor-wide. ``deaf``: ARI is away.
    """

    plan: Plan
    now: datetime
    out: Output
    next_place: Callable[[], int]
    deaf: bool = False
