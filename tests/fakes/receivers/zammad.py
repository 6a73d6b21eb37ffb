"""Zammad's generic CTI, with its own rules: Integration::CtiController, Cti::Driver::Base and Cti::Log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.receivers.receiver import Receiver

TOKEN = "c7b4-zammad"
CAUSES = {"normalClearing", "busy", "cancel", "noAnswer", "congestion", "notFound", "forwarded"}


@dataclass
class Zammad(Receiver):
    """``phones`` and ``logins`` are its agents'; ``blocked`` numbers are rejected, as its settings say."""

    phones: dict[str, str] = field(default_factory=dict)  # number in the profile → agent
    logins: Sequence[str] = ()
    blocked: Sequence[str] = ()
    caller_id: str = ""  # for outgoing calls
    configured: bool = True
    hides_errors: bool = False  # newer ones: to all but administrators
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    popped: list[tuple[str, str]] = field(default_factory=list)  # agent, from

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/api/v1/cti/{token}", self._event)

    async def _event(self, request: web.Request) -> web.Response:
        if not self.configured:
            return _error(422, "Feature not configured, please contact your admin!")
        if request.match_info["token"] != TOKEN:
            return _error(401, "Invalid token, please contact your admin!")
        said: dict[str, Any] = await request.json()
        if said.get("direction") not in ("in", "out"):
            self.problem(f"direction {said.get('direction')!r}")
            return _error(422, "Invalid direction!")
        self._look_over(said)
        if error := self._keep(said):
            self.problem(error)
            return _error(
                500, "Error ID x: Please contact your administrator." if self.hides_errors else error
            )
        if said["event"] == "newCall" and said["direction"] == "in" and said["from"] in self.blocked:
            return web.json_response({"action": "reject", "reason": "busy"})
        if said["event"] == "newCall" and said["direction"] == "out" and self.caller_id:
            return web.json_response({"action": "dial", "caller_id": self.caller_id, "number": said["to"]})
        self._pop(said)
        return web.json_response({})

    def _look_over(self, said: dict[str, Any]) -> None:
        for name in ("from", "to"):
            number = str(said.get(name, ""))
            if number.startswith(("0", "+")) or not (number.isdigit() or number == "anonymous"):
                self.problem(f"{name} is {number!r}: no full international digits")
        if len(said.get("callId", "")) not in range(1, 251):
            self.problem(f"callId {said.get('callId')!r}")
        if said["event"] == "newCall" and not isinstance(said.get("user", []), list):
            self.problem("newCall: user is no list")
        if said["event"] == "answer" and not isinstance(said.get("user", ""), str):
            self.problem("answer: user is no string, and downcase fails")
        if said["event"] == "hangup" and said.get("cause") not in CAUSES:
            self.problem(f"cause {said.get('cause')!r}")

    def _keep(self, said: dict[str, Any]) -> str:
        call, event = said["callId"], said["event"]
        log = self.calls.get(call)
        self.transcript.append(f"{event} {call} {said.get('cause', '')}".strip())
        if event == "newCall":
            if log is not None:
                return f"call_id {call} already exists!"
            self.calls[call] = {"state": "newCall", "done": said["direction"] != "in"}
            return ""
        if log is None:
            return f"No such call_id {call}"
        if event == "answer" and log["state"] != "hangup":
            log |= {"state": "answer", "done": True}
        if event == "hangup":
            missed = (
                log["state"] == "newCall" and said["direction"] == "in" and said.get("cause") != "forwarded"
            )
            log |= {"state": "hangup", "done": not missed, "cause": said.get("cause")}
        return ""

    def _pop(self, said: dict[str, Any]) -> None:
        """On answer + in, for the agent of answeringNumber, or else of user as his log-in."""
        if said["event"] != "answer" or said["direction"] != "in":
            return
        agent = self.phones.get(said.get("answeringNumber", ""))
        if agent is None and said.get("user", "").lower() in self.logins:
            agent = said["user"].lower()
        if agent is None and "user" not in said and "answeringNumber" in said:
            return  # a number outside: nobody's here
        if agent is None:
            self.problem(f"nobody's screen pops: {said.get('answeringNumber')!r}, {said.get('user')!r}")
        else:
            self.popped.append((agent, said["from"]))


def _error(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
