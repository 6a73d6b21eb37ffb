"""Owns what the API says and takes, as pydantic models: the OpenAPI document is made of these."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

Status = Literal["open", "in_progress", "done"]
Priority = Literal["normal", "medium", "urgent", "critical"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
Long = Annotated[str, StringConstraints(max_length=20_000)]


class Said(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Taken(BaseModel):
    """What the API takes: what it does not know is a mistake worth telling."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listed(Said, Generic[T]):
    items: list[T]
    next: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class ProblemFault(Said):
    parameter: str | None = Field(None, description="A query parameter's name.")
    pointer: str | None = Field(None, description="A JSON pointer into the body, as a URI fragment.")
    detail: str


class ProblemBody(Said):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemFault] | None = None


class Leg(Said):
    id: str
    kind: Literal["client", "agent"]
    agent: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None = Field(description="Q.850")
    tech_cause: int | None = Field(description="SIP status")


class Call(Said):
    id: str
    direction: Literal["in", "internal"]
    number: str | None = Field(description="As signalled; null when withheld.")
    e164: str | None
    name: str
    withheld: bool
    dialled: str
    trunk: str
    verdict: Literal["known", "several", "unknown", "withheld"] | None
    client: int | None
    queue: str | None
    agent: str | None
    offered_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: Literal["answered", "abandoned", "ivr", "fallback", "failed"] | None = Field(
        description="null while the call lives."
    )
    legs: list[Leg]


class TicketRecording(Said):
    id: str
    state: Literal["pending", "attached", "faulty"]
    url: str | None = Field(description="Where the WAV file is; null until it is attached.")
    duration_ms: int
    channels: int = Field(description="2: left the client, right the agent's side.")
    sha256: str


class Recording(TicketRecording):
    call_id: str
    ticket: int | None
    bytes: int
    sample_rate: int
    fault: str
    created_at: datetime
    attached_at: datetime | None


class Ticket(Said):
    id: int
    call_id: str | None
    client: int | None
    subject: str
    status: Status
    priority: Priority
    department: str
    assignee: str | None
    solution: str
    created_at: datetime
    updated_at: datetime
    recordings: list[TicketRecording] = Field(
        description="None of them for a signed-in agent who may not see the ticket's call."
    )


class TicketChange(Taken):
    """Only what is sent is changed."""

    status: Status | None = None
    priority: Priority | None = None
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None = (
        None
    )
    assignee: str | None = Field(None, description="An agent's id; null takes it from everybody.")
    solution: Long | None = None
    client: int | None = Field(None, description="A client's id; null for nobody.")


class Number(Said):
    e164: str
    as_dialled: str
    label: str


class NewNumber(Taken):
    number: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="As people write it; without a country code it is read in the centre's region."
    )
    label: Annotated[str, StringConstraints(max_length=100)] = ""


class Client(Said):
    id: int
    name: str
    company: str
    language: str
    tier: str
    notes: str
    numbers: list[Number]
    created_at: datetime
    updated_at: datetime


class NewClient(Taken):
    name: Name
    company: Short = ""
    language: Annotated[str, StringConstraints(max_length=35)] = ""
    tier: Annotated[str, StringConstraints(max_length=100)] = ""
    notes: Long = ""
    numbers: list[NewNumber] = Field([], max_length=50)


class ClientChange(Taken):
    """Only what is sent is changed; `numbers` replaces all of them."""

    name: Name | None = None
    company: Short | None = None
    language: Annotated[str, StringConstraints(max_length=35)] | None = None
    tier: Annotated[str, StringConstraints(max_length=100)] | None = None
    notes: Long | None = None
    numbers: list[NewNumber] | None = Field(None, max_length=50)


class Agent(Said):
    id: str
    name: str
    state: Literal["logged_out", "ready", "ringing", "talking", "wrap_up", "paused"]
    reason: str
    since: datetime
    call_id: str | None
    queues: list[str]
    reachable: bool


class AgentOrder(Taken):
    """What the agent wants; what became of it is in the agent's `state` a moment later."""

    state: Literal["log_in", "ready", "pause", "end_wrap_up", "log_out"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        "", description="Why he pauses; required with `pause`."
    )


class Member(Said):
    agent: str
    name: str
    penalty: int
    state: str
    reachable: bool


class Queue(Said):
    name: str
    title: str
    department: str
    strategy: str
    waiting: int
    members: list[Member]


class Event(Said):
    """One event of the stream. Those with an id can be asked for again by `Last-Event-ID`."""

    id: int | None
    type: str
    call_id: str
    at: datetime
    data: dict[str, str | int | float | bool | None]
