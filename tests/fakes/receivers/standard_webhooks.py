"""A receiver by Standard Webhooks 1.0: signature, tolerance of the timestamp, each id once, 20 kB."""

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from tests.fakes.receivers.receiver import Receiver

_TOLERANCE = 300  # seconds
_MAX = 20_000


@dataclass
class StandardWebhooks(Receiver):
    """``secrets`` as they are given out: "whsec_" + base64. ``now``: its clock, None the machine's.
    ``steer`` is what it answers to the first event of a call, after so many seconds of ``pause``."""

    secrets: tuple[str, ...] = ()
    now: datetime | None = None
    tolerance: float = _TOLERANCE
    seen: set[str] = field(default_factory=set)
    repeats: int = 0
    steer: dict[str, str] | None = None
    pause: float = 0
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # what was told of each

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/", self._event)

    async def _event(self, request: web.Request) -> web.Response:
        body = await request.read()
        identity, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not identity or "." in identity or not stamp.isdigit():
            return self._refused(f"webhook-id {identity!r}, webhook-timestamp {stamp!r}")
        now = self.now or datetime.now(UTC)
        if abs(now.timestamp() - int(stamp)) > self.tolerance:
            return self._refused(f"timestamp {stamp}: {now.timestamp() - int(stamp):.0f} s off")
        given = {
            word for word in request.headers.get("webhook-signature", "").split(" ") if word.startswith("v1,")
        }
        if not given & {self._signature(secret, identity, stamp, body) for secret in self.secrets}:
            return self._refused("signature")
        if len(body) >= _MAX:
            self.problem(f"{len(body)} bytes")
        said: dict[str, Any] = msgspec.json.decode(body)
        if set(said) != {"type", "timestamp", "data"} or not isinstance(said["data"], dict):
            self.problem(f"body with {sorted(said)}")
        elif datetime.fromisoformat(said["timestamp"]).tzinfo is None:
            self.problem(f"timestamp {said['timestamp']!r} without a zone")
        if identity in self.seen:  # accepted, but done once
            self.repeats += 1
        else:
            self.seen.add(identity)
            self.transcript.append(said["type"])
            self.calls.setdefault(said["data"].get("call_id", ""), []).append(said)
        if said["type"] == "call.offered" and self.steer is not None:
            await asyncio.sleep(self.pause)
            return web.json_response(self.steer)
        return web.Response(status=204)

    def _refused(self, what: str) -> web.Response:
        self.problem(what)
        return web.Response(status=400)

    @staticmethod
    def _signature(secret: str, identity: str, stamp: str, body: bytes) -> str:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()
