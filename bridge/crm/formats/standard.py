"""Standard Webhooks 1.0 (standardwebhooks.com): our own events, signed, for who writes his own receiver.

Source: the specification of 2023-12. The headers ``webhook-id`` (the same at every attempt: by it a receiver
knows a repeat), ``webhook-timestamp`` (unix seconds, of the attempt) and ``webhook-signature``: "v1," and the
base64 of the HMAC-SHA256 of "{id}.{timestamp}.{body}". Secrets are "whsec_" and the base64 of 24 to 64 bytes;
while one replaces another, both sign, and a receiver accepts either.

The library ``standardwebhooks`` is not used: of 1.1 all that is needed here are six lines, and it brings an
HTTP client of its own with it. A test holds these lines to the vector that it is published with.

The body is ``{"type", "timestamp", "data"}`` and less than 20 kB: texts are cut, and of a large ring group
not everybody is named.

The reply to ``call.offered`` may steer: ``{"action":"reject","reason":"busy"}``,
``{"action":"dial","number":"…","caller_id":"…"}``, ``{"action":"queue","queue":"…"}``.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

import msgspec

from bridge.crm.formats import Dial, Reject, Reply, State, Steer, Target, ToQueue, kinds
from bridge.crm.formats.options import Option, address, checked
from bridge.crm.formats.words import JSON, read_json, refused, taken, text, word
from bridge.crm.outside import Request, Response
from bridge.crm.told import Told
from bridge.errors import BadInput

OPTIONS: dict[str, Option] = {}
MOST_BYTES = 20_000
PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes of a secret
# How long texts may be, and how many phones of a ring group are named: the first that fits. The last does.
_CUTS = ((200, 100), (100, 30), (40, 0))


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: bytes, id: str, timestamp: int, body: bytes) -> str:
    digest = hmac.new(secret, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Standard:
    name = "standard"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)
        _keys(target)

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        if step:
            return None
        body, timestamp = body_of(told), int(now.timestamp())
        headers = {
            "Content-Type": JSON,
            "webhook-id": told.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signature(key, told.id, timestamp, body) for key in _keys(target)),
        }
        return Request("POST", address(target), headers, body)

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        if not taken(response):
            return refused(response, target)
        steer = _steer(response) if told.type == kinds.OFFERED else None
        return Reply(accepted=True, steer=steer)


def body_of(told: Told) -> bytes:
    for limit, phones in _CUTS:
        whole: dict[str, Any] = msgspec.to_builtins(told)
        kind, at = text(whole.pop("type"), limit), whole.pop("at")
        del whole["id"]
        whole["ringing"] = whole["ringing"][:phones]
        body = msgspec.json.encode({"type": kind, "timestamp": at, "data": _cut(whole, limit)})
        if len(body) < MOST_BYTES:
            break
    return body


def _cut(value: Any, limit: int) -> Any:
    match value:
        case str():
            return text(value, limit)
        case dict():
            return {name: _cut(one, 2_048 if name == "url" else limit) for name, one in value.items()}
        case list() | tuple():
            return [_cut(one, limit) for one in value]
        case _:
            return value


def _keys(target: Target) -> list[bytes]:
    """Raises BadInput. The newest first."""
    keys = []
    for written in target.secret.decode("ascii", "replace").split():
        try:
            key = base64.b64decode(written.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not written.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
            raise BadInput(
                f"standard: a secret is {PREFIX} and the base64 of {_LEAST} to {_MOST} bytes; "
                "leave it out, and one is made up"
            )
        keys.append(key)
    if not keys:
        raise BadInput("standard: there is no secret; leave it out, and one is made up")
    return keys


def _steer(response: Response) -> Steer | None:
    said = read_json(response.body)
    match word(said, "action"):
        case "reject":
            return Reject("busy" if word(said, "reason") == "busy" else "rejected")
        case "dial" if number := word(said, "number"):
            return Dial(number, word(said, "caller_id"))
        case "queue" if queue := word(said, "queue"):
            return ToQueue(queue)
        case _:
            return None
