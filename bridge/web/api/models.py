"""Owns what the API says and takes, as pydantic models: the OpenAPI document is made of these."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge.centre.decision import OfferEnd
from bridge.centre.explain import Verdict
from bridge.centre.orders import LegKind, Outcome
from bridge.centre.plan import Strategy
from bridge.centre.record import Doing, TransferEnd, TransferKind
from bridge.store.moves import MAX_PENALTY
from bridge.web.api.fields import Whole, without_null_defaults

T = TypeVar("T")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
Long = Annotated[str, StringConstraints(max_length=20_000)]


class Said(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Taken(BaseModel):
    """What the API takes: what it does not know is a mistake worth telling."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(Taken):
    """Only what is sent is changed."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)


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
    kind: LegKind
    agent: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None = Field(description="Q.850")
    tech_cause: int | None = Field(description="SIP status")


class Segment(Said):
    """What one side of a call's did for a while."""

    leg: str
    agent: str | None = Field(description="null: a number outside.")
    doing: Doing = Field(
        description="`hold`: the client hears music; `held`: he does himself, while he is consulted."
    )
    since: datetime
    until: datetime | None = Field(description="null: it goes on.")


class Spent(Said):
    """One agent's time in one call, in milliseconds; what he did twice is added up."""

    agent: str | None = Field(description="null: a number outside.")
    talk_ms: int = Field(description="With the client alone.")
    hold_ms: int = Field(description="The client heard music.")
    consult_ms: int = Field(description="With a colleague about the client, who heard music.")
    held_ms: int = Field(description="He heard music himself, while he was consulted.")
    conference_ms: int = Field(description="With the client and somebody else.")
    wrap_up_ms: int = Field(description="After his part, once it is over.")


class Transfer(Said):
    number: int = Field(description="1, 2, … within the call.")
    by: str
    kind: TransferKind
    target: str = Field(description="`agent 1003`, `queue sales`, `number +74951112233` or `supervisor`.")
    begun_at: datetime
    ended_at: datetime | None
    end: TransferEnd | None = Field(description="null while it goes on.")
    to: str | None = Field(description="The agent who took the client.")


class Pause(Said):
    """From `begun_at` until `ended_at` nothing of a recording may be heard."""

    number: int = Field(description="1, 2, … within the call.")
    recording: str
    by: str = Field(description="A login, `token crm`, or `agent 1001` for a phone.")
    begun_at: datetime
    confirmed_at: datetime | None = Field(
        description="Since when Asterisk's recorder writes silence; null: not yet, or it was stopped instead."
    )
    ended_at: datetime | None = Field(description="null: it goes on.")
    ended_by: str = Field(description="Empty where the end of the talk ended it.")


class Call(Said):
    id: str
    direction: Literal["in", "internal", "out"]
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
    outcome: Outcome | None = Field(description="null while the call lives.")
    fallback: bool = Field(description="Asterisk's own queue served it, while Callbridge was away.")
    disposition: str = Field(
        default="", description="How it ended, in the agent's word; one of the plan's, or empty."
    )
    legs: list[Leg]
    segments: list[Segment] = Field(description="Who did what since when, in the order of their beginning.")
    spent: list[Spent] = Field(
        default=[], description="Sums of `segments` and wrap-ups; of a call that lives, by now."
    )
    transfers: list[Transfer]
    recording_paused: bool = Field(
        default=False, description="At this moment; by whom and since when is in the agent's call."
    )
    pauses: list[Pause] = Field(default=[], description="Of its recordings.")


class Candidate(Said):
    """One who might have been asked when the offer was made."""

    agent: str
    verdict: Verdict
    detail: str = Field(description="What put him out: a hindrance, a skill's levels, penalties.")
    rank: int | None = Field(description="His turn among those who could be asked; null for who could not.")
    metric: str = Field(description="What the strategy compared.")


class Offer(Said):
    """A call was offered to an agent, and why to this one."""

    leg: str = Field(description="The leg that rang him, unique to this offer.")
    call_id: str
    agent: str
    queue: str
    strategy: Strategy
    at: datetime
    end: OfferEnd | None = Field(description="null while his phone rings.")
    ended_at: datetime | None
    needs: dict[str, int] = Field(description="The skills that the caller needed by then, with their levels.")
    highest_penalty: int | None = Field(description="That was asked by then; null: any.")
    preferred: str | None = Field(description="The agent whom the caller waited for, or had before.")
    candidates: list[Candidate]


class TicketRecording(Said):
    id: str
    state: Literal["pending", "attached", "faulty", "removed"]
    url: str | None = Field(
        description="Where the file is, as WAV or, later, Ogg/Opus; null until it is attached, and once it "
        "is removed."
    )
    duration_ms: int
    channels: int = Field(description="2: left the client, right the agent's side.")
    sha256: str = Field(description="Of the WAV file that it was attached as.")
    removed_at: datetime | None = Field(None, description="Recordings are kept for a limited time.")


class Agent(Said):
    id: str
    name: str
    state: Literal["logged_out", "ready", "ringing", "talking", "wrap_up", "paused"]
    reason: str
    since: datetime
    call_id: str | None
    queues: list[str]
    penalties: dict[str, int] = Field(description="His penalty in each of his queues, after live moves.")
    skills: dict[str, int] = Field(description="Skill and level, by the plan.")
    reachable: bool
    phone: str = Field(description="What Asterisk says of it: `idle`, `not registered`; or nothing.")
    wrap_up_until: datetime | None = Field(description="When his wrap-up ends by itself.")
    may_extend: bool = Field(description="Whether his wrap-up can be extended now.")


class AgentOrder(Taken):
    """What the agent wants; what became of it is in the agent's `state` a moment later."""

    state: Literal["log_in", "ready", "pause", "end_wrap_up", "extend_wrap_up", "dispose", "log_out"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        "", description="Why he pauses; required with `pause`, one of the plan's reasons if it has any."
    )
    disposition: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        "", description="How his last call ended; required with `dispose`, one of the plan's."
    )


class Place(Taken):
    """An agent's place in a queue."""

    penalty: Whole = Field(0, ge=0, le=MAX_PENALTY, description="Lower ones are asked first.")


class Member(Said):
    agent: str
    name: str
    penalty: int = Field(description="Now, after live moves.")
    planned_penalty: int | None = Field(description="By the plan; null if he was moved in.")
    state: str
    reachable: bool


class Queue(Said):
    name: str
    title: str
    department: str
    strategy: Strategy
    weight: int
    needs: dict[str, int] = Field(description="The skills that its callers need, with their levels.")
    service_level_seconds: int
    waiting: int
    longest_since: datetime | None = Field(description="Since when the first of those who wait has waited.")
    logged_in: int
    ready: int = Field(description="Could be offered a call at this moment.")
    expected_wait_seconds: int | None = Field(
        description="Of who would come now; null until the queue's service has been measured."
    )
    members: list[Member]


class Event(Said):
    """One event of the stream. Those with an id can be asked for again by `Last-Event-ID`.

    `agent.…` tells what an agent asked for, from page, API or phone alike; what became of it is in his state.
    `call.…` tells what has become of a call: of holds, consultations and transfers, by whatever means,
    `call.held`, `.resumed`, `.consulting`, `.consulted`, `.consult_ended`, `.transferred`, `.transfer_ended`,
    with `by`, `kind`, `target` and `reason` in the words of a call's `transfers`.
    """

    id: int | None
    type: str
    call_id: str | None = Field(description="null for what is about no call: an agent's state, a live move.")
    at: datetime
    data: dict[str, str | int | float | bool | None]
