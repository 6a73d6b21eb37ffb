"""What a wire format is: pure, it turns an event into requests and understands the peer's replies.

One file a format. None of them does I/O, reads a clock or raises on what a peer has said. When something is
sent, in which order and how often, is the delivery's.

One event may need several requests. The delivery asks for step 0; when that is accepted, for step 1, and so
on, until there is None. A step that was not accepted is asked for again later with the same number, and may
then have another ``now`` and another state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from bridge.crm.outside import Request, Response
from bridge.crm.told import Told


@dataclass(frozen=True, slots=True)
class Target:
    """What of a subscription a format may know."""

    url: str
    secret: bytes = field(repr=False, default=b"")
    options: Mapping[str, str] = field(default_factory=dict)
    public_url: str = ""  # our own address, for what calls back


@dataclass(frozen=True, slots=True)
class Upload(Request):
    """Its body is the delivery's to make: multipart/form-data with this recording in ``form_field``."""

    recording: str = ""
    form_field: str = "file"
    file_name: str = ""


State = Mapping[str, str]
"""What a peer has said about one call so far (Bitrix24's CALL_ID, sipgate's onAnswer): per subscription and
call. Begins empty; a recording may need it long after the call has ended."""


@dataclass(frozen=True, slots=True)
class Reject:
    reason: Literal["busy", "rejected"]


@dataclass(frozen=True, slots=True)
class Dial:
    """``number`` and ``caller_id`` as the peer wrote them, at most 128 characters; whether it may be dialled
    is ours to say. ``caller_id`` empty: as always."""

    number: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class ToQueue:
    queue: str


Steer = Reject | Dial | ToQueue
"""What a peer wishes to happen to the call."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a response means. ``reason`` is for people, and holds no secret."""

    accepted: bool
    reason: str = ""  # why not; or, accepted, what of it was not obeyed
    permanent: bool = False  # not accepted, and never will be
    state: State | None = None  # the whole state from now on; None: as it was. Also when not accepted
    steer: Steer | None = None
    again: bool = (
        False  # the same step once more at once: its request will be another one (a new token first)
    )
    secret: bytes | None = field(repr=False, default=None)  # the subscription's secret from now on


class Format(Protocol):
    name: str

    def check(self, target: Target) -> None:
        """Raises BadInput, naming the option and what is allowed."""

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        """None: nothing, or nothing more, is to be sent for this event. Never raises for a checked target."""

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        """Any response at all, also of 4xx and 5xx. Never raises."""
