"""A receiver of Voys' call notifications v2, as strict as their description."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.fakes.receivers.receiver import Receiver

REASONS = {
    "completed",
    "no-answer",
    "busy",
    "answered-elsewhere",
    "rejected",
    "cancelled",
    "failed",
    "abandon",
}
_CALLER = {"number", "name", "account_number", "user_numbers", "user_emails"}
_TARGET = {"account_number", "name", "number", "user_numbers"}
_STATUSES = ("created", "ringing", "in-progress", "warm-transfer", "cold-transfer", "ended")


@dataclass
class VoysReceiver(Receiver):
    over: set[str] = field(default_factory=set)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/", self._event)

    async def _event(self, request: web.Request) -> web.Response:
        said: dict[str, Any] = await request.json()
        status, inbound = said["status"], said["direction"] == "inbound"
        targets = said["destination"].get("targets", [])
        self.transcript.append(
            " ".join([status, *(one["name"] for one in targets), said.get("reason", "")]).strip()
        )
        if (
            status not in _STATUSES
            or said["version"] != "v2"
            or said["direction"] not in ("inbound", "outbound")
        ):
            self.problem(f"{status} {said['version']} {said['direction']}")
        if datetime.fromisoformat(said["timestamp"]).tzinfo is None:
            self.problem(f"timestamp {said['timestamp']}")
        if set(said["caller"]) != _CALLER or any(set(one) != _TARGET for one in targets):
            self.problem(f"caller {sorted(said['caller'])}, targets {targets}")
        if status == "created" and ("targets" in said["destination"] or not inbound):
            self.problem("created: of incoming calls only, and without targets")
        if (status == "ended") != ("reason" in said) or said.get("reason", "completed") not in REASONS:
            self.problem(f"{status}: reason {said.get('reason')!r}")
        if said["call_id"] in self.over:
            self.problem(f"{status} after ended")
        if status == "ended":
            self.over.add(said["call_id"])
        return web.Response()
