"""What a foreign system is told of a call: one flat event, from which every format is rendered.

Owns its shape, its lasting name and how it lies in the outbox. What has become of a call is the centre's;
how it looks on the wire is each format's.
"""

import hashlib
from datetime import datetime

import msgspec

from bridge.errors import BadInput


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An agent. ``login`` and ``email`` are empty where nobody has said them."""

    id: str
    name: str
    extension: str
    login: str = ""
    email: str = ""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """``url`` is its address in our API: absolute where our public address is known."""

    id: str
    url: str
    file_name: str
    duration_ms: int | None = None  # None: not measured


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Texts come from telephones and people: anything may be in them. All times are UTC."""

    id: str  # of event_id: the same at every attempt and for every subscription
    type: str  # CallEventKind's value
    at: datetime  # when it happened
    call_id: str
    direction: str  # "in" | "out" | "internal"
    number: str | None = None  # the client's, as signalled; None: withheld
    e164: str | None = None  # "+79161234567"
    name: str = ""  # the caller's, as signalled
    withheld: bool = False
    dialled: str = ""  # the company's number (in), or the number dialled (out), as signalled
    dialled_e164: str | None = None
    trunk: str = ""
    queue: str | None = None
    queue_title: str = ""
    client_id: int | None = None
    client_name: str = ""
    offered_at: datetime
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    agent: Person | None = None  # whom this is about: rings, has answered, was transferred to
    ringing: tuple[Person, ...] = ()  # all agents whose phones ring now
    answered_by: Person | None = None  # who talks, or talked last, with the client
    from_agent: Person | None = None  # transferred: by whom
    target: str = ""  # transferred: to what (agent id, queue name, number); answered outside: the number
    transfer: str = ""  # "" | "blind" | "attended"
    outcome: str | None = None  # Outcome's value; only when it has ended
    cause: int | None = None  # Q.850; ended and ring_ended
    reason: str = ""  # ring_ended: OfferEnd's value
    recording: Recording | None = None
    ticket_id: int | None = None

    def as_json(self) -> bytes:
        """As the outbox keeps it."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(body: bytes) -> "Told":
        """Raises BadInput. What a later version has added is passed over."""
        try:
            return _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f"event of a call: {error}; it was written by another version of Callbridge"
            ) from None


_DECODER = msgspec.json.Decoder(Told)


def event_id(call: str, event: str) -> str:
    """ "evt_" and 128 bits of a hash: whoever is told twice knows it again."""
    digest = hashlib.sha256(f"{call}\0{event}".encode("utf-8", "surrogatepass"))
    return f"evt_{digest.hexdigest()[:32]}"
