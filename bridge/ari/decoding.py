"""One message of the event socket, from bytes to a typed event. Knows nothing of what events mean.

Tolerant where Asterisk may grow (unknown fields, unknown event types), strict where we rely on it.
"""

import msgspec

from bridge.ari import models
from bridge.errors import BadInput


class MalformedEvent(BadInput):
    """A message that is no event: not JSON, or a known type without a field that it must have."""


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event of a type that this version of models.py does not have."""

    type: str


_event: msgspec.json.Decoder[models.AnyEvent] = msgspec.json.Decoder(models.AnyEvent)
_envelope = msgspec.json.Decoder(UnknownEvent)


def decode_event(message: bytes | str) -> models.AnyEvent | UnknownEvent:
    try:
        return _event.decode(message)
    except msgspec.MsgspecError as error:
        problem = error
    # Rare, so it is decoded a second time only here: was it only the type that is new to us? The message
    # itself is not quoted: it may hold a caller's number.
    try:
        envelope = _envelope.decode(message)
    except msgspec.MsgspecError:
        raise MalformedEvent(str(problem)) from problem
    if envelope.type in models.EVENT_TYPES:
        raise MalformedEvent(str(problem)) from problem
    return envelope
