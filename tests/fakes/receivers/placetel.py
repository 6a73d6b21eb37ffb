"""A receiver of Placetel's notifications: no request without its signature, no event without its fields."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.receivers.receiver import Receiver

SECRET = b"12345"
_NEEDED = {
    "IncomingCall": {"from", "to", "call_id", "direction"},
    "OutgoingCall": {"from", "to", "call_id", "direction", "peer"},
    "CallAccepted": {"from", "to", "call_id", "direction", "peer"},
    "HungUp": {"from", "to", "call_id", "direction", "type", "duration"},
}
_TYPES = {
    "in": {"voicemail", "missed", "blocked", "accepted"},
    "out": {"voicemail", "missed", "blocked", "accepted", "busy", "canceled", "unavailable", "congestion"},
}


@dataclass
class PlacetelReceiver(Receiver):
    answer: str = ""
    over: set[str] = field(default_factory=set)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/", self._event)

    async def _event(self, request: web.Request) -> web.Response:
        body = await request.read()
        expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("X-PLACETEL-SIGNATURE", "")):
            self.problem("signature")
            return web.Response(status=401)
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        event, direction = form.get("event", ""), form.get("direction", "")
        if event not in _NEEDED or not _NEEDED[event] <= form.keys():
            self.problem(f"{event}: {sorted(form)}")
            return web.Response(status=400)
        if not re.fullmatch("[0-9a-f]{64}", form["call_id"]):
            self.problem(f"call_id {form['call_id']!r}")
        if event in ("IncomingCall", "CallAccepted") and direction != "in":
            self.problem(f"{event} {direction}")
        if form["call_id"] in self.over:
            self.problem(f"{event} after HungUp")
        if event == "HungUp":
            self.over.add(form["call_id"])
            if form["type"] not in _TYPES[direction]:
                self.problem(f"type {form['type']} {direction}")
            if (form["duration"] == "0") != (form["type"] != "accepted"):
                self.problem(f"{form['duration']} seconds of a call that was {form['type']}")
        words = [event, form.get("peer", ""), form.get("type", ""), form.get("duration", "")]
        self.transcript.append(" ".join(filter(None, words)))
        return web.Response(text=self.answer, content_type="application/xml")
