"""A server that sipgate.io pushes to: it subscribes in its reply to newCall, and expects nothing else."""

from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.receivers.receiver import Receiver
from tests.fakes.receivers.zammad import CAUSES


@dataclass
class SipgateServer(Receiver):
    """``wants`` are the events that it subscribes to; ``action`` is put into its <Response>."""

    wants: tuple[str, ...] = ("answer", "hangup")
    action: str = ""
    calls: dict[str, set[str]] = field(default_factory=dict)  # callId → what it was told
    origins: dict[str, str] = field(default_factory=dict)  # callId → origCallId

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/", self._new_call)
        router.add_post("/answer", self._answer)
        router.add_post("/hangup", self._hangup)

    async def _new_call(self, request: web.Request) -> web.Response:
        form = await request.post()
        if request.content_type != "application/x-www-form-urlencoded":
            self.problem(f"content type {request.content_type}")
        call = str(form.get("callId", ""))
        if form.get("event") != "newCall":
            self.problem(f"{form.get('event')} at the address of newCall: unsolicited")
            return web.Response(status=400)
        if call in self.calls:
            self.problem(f"newCall of {call} twice")
        if "user" in form or "userId" in form:
            self.problem("newCall: user[] is always a list")
        for name in ("from", "to"):
            if not (str(form.get(name, "")).isdigit() or form.get(name) == "anonymous"):
                self.problem(f"{name} is {form.get(name)!r}")
        self.calls[call] = {"newCall"}
        self.origins[call] = str(form.get("origCallId", ""))
        self.transcript.append(f"newCall {call} {','.join(map(str, form.getall('user[]', [])))}".strip())
        names = {"answer": "onAnswer", "hangup": "onHangup"}
        urls = "".join(f' {names[one]}="{self.url}/{one}"' for one in self.wants)
        xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Response{urls}>{self.action}</Response>'
        return web.Response(text=xml, content_type="application/xml")

    async def _answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        if "answeringNumber" not in form:
            self.problem("answer without answeringNumber")
        if ("user" in form) != ("userId" in form):
            self.problem("answer: user and userId come together, or neither, of a number outside")
        return self._later("answer", str(form.get("callId")), str(form.get("answeringNumber")))

    async def _hangup(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("cause") not in CAUSES:
            self.problem(f"cause {form.get('cause')!r}")
        return self._later("hangup", str(form.get("callId")), str(form.get("cause")))

    def _later(self, event: str, call: str, what: str) -> web.Response:
        self.transcript.append(f"{event} {call} {what}")
        told = self.calls.get(call)
        if told is None:
            self.problem(f"{event} of {call}, which it does not know")
        elif event not in self.wants:
            self.problem(f"{event} of {call} was not asked for")
        elif event in told or "hangup" in told:
            self.problem(f"{event} of {call} after {sorted(told)}")
        else:
            told.add(event)
        return web.Response(text="<Response><Reject/></Response>", content_type="application/xml")
