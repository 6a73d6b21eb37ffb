"""What the engine asks of its adapters, and what it offers them. No adapter imports another: they meet here.

Ports are Protocols: an adapter fits by its shape. Every coroutine that carries out an order returns when
the peer accepted it and raises an error of ``bridge.errors`` otherwise (``Gone`` for the normal race).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from bridge.centre.facts import ClientIdentified, Fact, RecordingAttached
from bridge.centre.ids import AgentId, CallId, LegId, PromptId, RecordingId
from bridge.centre.orders import (
    AttachRecording,
    CloseCard,
    LookUpClient,
    MediaOrder,
    MuteRecording,
    OpenCard,
    RecordsOrder,
    StartRecording,
    StopRecording,
)
from bridge.centre.record import PauseRecord, TransferRecord

# ── offered to adapters ──────────────────────────────────────────────────────


class Inbox(Protocol):
    """The one way in. Bounded: ``put`` waits when it is full, and nothing is ever dropped.

    ``at``: when it happened, None for now.
    """

    async def put(self, fact: Fact, at: datetime | None = None) -> None: ...


# ── asked of adapters ────────────────────────────────────────────────────────

SNOOPED = "snoop"


def recording_mark(recording: RecordingId) -> str:
    """A variable of the recorded channel: MixMonitor's id, or SNOOPED; unset before it is recorded.

    A second MixMonitor on the same files would empty them, so it stays when the recording has been stopped.
    What snoops record has names of its own: NAME-in and NAME-out are NAME-snoop-in and NAME-snoop-out, and
    the two end together, but need not begin so.
    """
    return f"CALLBRIDGE_RECORDING_{recording.rpartition('-')[2]}"


class Media(Protocol):
    """ari/: channels, prompts, bridges."""

    async def carry_out(self, order: MediaOrder) -> None: ...


@dataclass(frozen=True, slots=True)
class Survey:
    """What Asterisk has."""

    legs: Mapping[LegId, str]  # channels in our application, and their states: "Down", "Ringing", "Up" …
    bridges: Mapping[str, frozenset[str]]  # all, with their members
    channels: frozenset[str]  # ids of all channels that Asterisk has, ours or not
    calls: frozenset[str]  # and the calls (linkedid) to which they belong
    arrivals: Mapping[LegId, Fact]  # how those of ``legs`` came that the dialplan sent to us; in their order
    playing: frozenset[PromptId]  # of the prompts asked about, those that play or wait to
    started_at: datetime | None  # when Asterisk was started


class Recorder(Protocol):
    """ami/: MixMonitor; ari/: snoops, while AMI is away. Either may be told to start the same one again."""

    async def start_recording(self, order: StartRecording) -> None: ...

    async def stop_recording(self, order: StopRecording) -> None:
        """Nothing that runs, or a channel that is gone, is no fault. Raises LinkDown for the other's."""

    async def mute_recording(self, order: MuteRecording) -> None:
        """RecordingCut comes for what could not be muted; it is recorded no more then."""
        ...


class RecordingFiles(Protocol):
    """ari/: the files that the recorder left on Asterisk. Names are without extension."""

    async def list_recordings(self) -> Sequence[str]: ...

    def fetch_recording(self, name: str) -> AsyncIterator[bytes]:
        """The WAV file's bytes in chunks; raises Gone when there is none."""
        ...

    async def delete_recording(self, name: str) -> None: ...


class Directory(Protocol):
    """crm/: who is calling."""

    async def look_up(self, order: LookUpClient) -> ClientIdentified: ...


class Records(Protocol):
    """crm/: calls, their tickets, offers and recordings in the store, and what CRMs are told of them."""

    async def keep(self, orders: Sequence[RecordsOrder]) -> Sequence[Fact]:
        """All of them, in their order, or none. TicketOpened: by this very news of a call."""
        ...

    async def attach_recording(self, order: AttachRecording) -> RecordingAttached | None:
        """None when the files are not complete: the reconciler goes on trying."""
        ...


class Screen(Protocol):
    """web/: cards on agents' screens."""

    async def open_card(self, order: OpenCard) -> None: ...

    async def close_card(self, order: CloseCard) -> None: ...


@dataclass(frozen=True, slots=True)
class StampedFact:
    """A fact as the log keeps it. ``seq`` counts from 1 within one run of the process."""

    seq: int
    at: datetime  # aware, UTC
    fact: Fact


@dataclass(frozen=True, slots=True)
class LoggedFact:
    """A stamped fact in JSON's own types: what the journal and the log keep, and other versions can read.

    ``run`` names one run of the process; within it ``seq`` counts from 1. ``type`` is the fact's class name.
    """

    run: str
    seq: int
    at: datetime  # aware, UTC
    call: str | None
    type: str
    body: Mapping[str, Any]


class FactLog(Protocol):
    """store/: the append-only history."""

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        """In their order; the same ones again change nothing. Raises RemoteError."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class JournalPlace:
    """A place between two facts of the journal. ``offset`` counts bytes within the segment."""

    segment: int
    offset: int


class Journal(Protocol):
    """store/: facts on the local disk, each before it has any effect; a killed process loses none.

    A sequence of segments; each begins with a checkpoint, opaque here, and holds the facts after it. Bounded.
    What cannot be kept (a full disk, the bound) is said by the result, never raised: calls go on.
    """

    def append(self, fact: LoggedFact) -> JournalPlace | None:
        """The place before it; None when it could not be kept."""
        ...

    @property
    def end(self) -> JournalPlace: ...

    @property
    def since_checkpoint(self) -> int:
        """How many facts the current segment holds."""
        ...

    @property
    def broken(self) -> bool:
        """Facts are missing since the last checkpoint: only a new one makes that good."""
        ...

    def checkpoint(self, memory: bytes) -> bool:
        """Begin a new segment with ``memory``; False when that could not be kept."""
        ...

    def read(self, place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        """At most so many facts from ``place`` on, across segments, and the place behind them."""
        ...

    def release(self, needed: JournalPlace) -> None:
        """Nobody needs what is before ``needed`` any more: older whole segments go."""
        ...


# ── the floor, as people see it ──────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class WaitingCaller:
    call: CallId
    queue: str
    number: str | None
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LiveParty:
    """Somebody on the agent's side of a call."""

    agent: AgentId | None  # None: a number outside
    doing: str  # Doing value: "talk" | "hold" | "consult" | "held" | "conference"
    since: datetime
    muted: bool = False


@dataclass(frozen=True, slots=True)
class LiveWatch:
    """Somebody beside an agent who talks. ``supervisor`` answers for it; ``who`` is he, or a trainee."""

    who: AgentId
    supervisor: AgentId
    agent: AgentId
    how: str  # Supervise value: "listen" | "whisper" | "barge"
    answered: bool  # until then his phone rings


@dataclass(frozen=True, slots=True)
class LiveCall:
    """``stage`` is of the transfer under way, Stage value: "ringing" | "consulting" | …; "" for none."""

    call: CallId
    number: str | None
    name: str
    dialled: str
    state: str  # CallState value: "offered" | "menu" | "waiting" | "ringing" | "talking" | "outside"
    queue: str | None
    agent: AgentId | None
    since: datetime
    parties: tuple[LiveParty, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()  # in their order
    stage: str = ""
    watches: tuple[LiveWatch, ...] = ()
    recorded: bool = False  # the talk, at this moment; whether or not it is paused
    pauses: tuple[PauseRecord, ...] = ()  # of its recordings; only the last may be open
    cut: bool = False  # while it is paused nothing is recorded, for it could not be muted
    steered: bool = True  # False: known from AMI alone, whatever ``state`` says while somebody rings

    @property
    def paused(self) -> PauseRecord | None:
        """The pause that goes on."""
        return next((one for one in self.pauses if one.ended_at is None), None)


@dataclass(frozen=True, slots=True)
class LiveAgent:
    agent: AgentId
    name: str
    state: str  # AgentState value: "logged_out" | "ready" | "ringing" | "talking" | "wrap_up" | "paused"
    reason: str  # pause reason, or why logged out
    since: datetime
    call: CallId | None
    queues: tuple[str, ...]
    reachable: bool
    penalties: Mapping[str, int] = field(default_factory=dict)  # queue → his penalty there, after live moves
    phone: str = ""  # what Asterisk says of it: "idle", "not registered"
    until: datetime | None = None  # when his wrap-up ends by itself
    may_extend: bool = False  # his wrap-up


@dataclass(frozen=True, slots=True)
class LiveQueue:
    """``expected_wait`` of who would come now; None until this queue's service has been measured."""

    name: str
    waiting: int
    longest_since: datetime | None
    logged_in: int
    ready: int  # could be offered a call at this moment
    expected_wait: timedelta | None


@dataclass(frozen=True, slots=True)
class FloorView:
    waiting: tuple[WaitingCaller, ...] = ()
    calls: tuple[LiveCall, ...] = ()
    agents: tuple[LiveAgent, ...] = ()
    queues: tuple[LiveQueue, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkState:
    """What the process leans on, as doctors and health checks see it."""

    name: str  # "ari" | "ami" | "store" | "journal" | "mailbox" | "mail"
    up: bool
    detail: str = ""


class Desk(Protocol):
    """What web/ may ask of the running engine."""

    def floor(self) -> FloorView: ...

    def links(self) -> Sequence[LinkState]: ...

    def on_floor_change(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call ``notify`` soon after the floor changed (coalesced); returns its unsubscribe."""
        ...

    def on_fact(self, notify: Callable[[StampedFact], None]) -> Callable[[], None]:
        """Call ``notify`` for every fact, in order, after it was decided; returns its unsubscribe."""
        ...

    async def submit(self, fact: Fact) -> None:
        """Agents' own facts from the web and the API (ready, pause, …)."""
        ...
