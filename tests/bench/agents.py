"""Agents' telephones for load: one process, one socket, one clock. Standard library only.

It runs beside Asterisk, in the lab's ``phones`` container. Each agent registers, rings, answers after
``answer`` seconds, talks for a time between ``talk`` and hangs up. What is measured is read here, because
both ends of it are here: our BYE leaves, the next INVITE comes. The INVITE's time is the kernel's, so a busy
process does not lengthen it. Sound is somebody else's: the SDP names a port that echoes.

    argv    JSON: {"server": [host, port], "port": ours, "sound": port, "answer": s, "talk": [s, s]}
    stdin   a JSON line {"USER": "PASSWORD", …}; {"do": "reset"} forgets the last BYEs; its end means quit
    stdout  {"event": "registered" | "unregistered" | "gap" | "rings" | "answered" | "reset" | "done", …}
            times in ns of CLOCK_REALTIME; "rings" has "number", who calls, and "at", just before our 180
"""

import hashlib
import heapq
import json
import os
import random
import re
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SO_TIMESTAMPNS = 35  # Linux; the socket module has no name for it
TIMESPEC = struct.Struct("@qq")
RETRY_S = 0.5
TRIES = 8
GOODBYE_S = 3.0
REGISTER_EVERY_S = 120.0
PARAMETER = re.compile(r'(\w+)="?([^",]+)"?')


def emit(event: str, **fields: object) -> None:
    os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@dataclass
class Message:
    first: str
    headers: dict[str, str]  # by lower-case name; Asterisk repeats none that is needed here

    @classmethod
    def of(cls, data: bytes) -> "Message | None":
        head = data.decode("utf-8", "replace").partition("\r\n\r\n")[0]
        first, *lines = head.split("\r\n")
        if not first:
            return None
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        return cls(first, headers)


def number_of(invite: Message) -> str:
    """Who calls, as Asterisk says it to the agent's phone."""
    found = re.search(r"sip:([^@;>]+)@", invite.headers["from"])
    return found[1] if found else ""


@dataclass
class Dialog:
    agent: "Agent"
    invite: Message
    tag: str
    answer: bytes = b""  # the last that we said to the INVITE
    acked: bool = False
    ending: bool = False


@dataclass
class Agent:
    user: str
    password: str
    sequence: int = 0
    registered: bool = False
    hung_up_at: int | None = None  # not yet followed by the next INVITE


@dataclass
class Phones:
    server: tuple[str, int]
    port: int
    sound: int
    answer_s: float
    talk_s: tuple[float, float]
    agents: dict[str, Agent] = field(default_factory=dict)
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    serial: int = 0
    answered: int = 0
    quitting: bool = False

    def open(self) -> None:
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.wire.bind(("127.0.0.1", self.port))
        self.wire.setblocking(False)

    # ── the loop ─────────────────────────────────────────────────────────────

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.serial, do))

    def run(self) -> None:
        commands = [sys.stdin]
        rest = b""
        until = float("inf")
        while time.monotonic() < until and not self.finished():
            wait = self.timers[0][0] - time.monotonic() if self.timers else 1.0
            ready, _, _ = select.select([self.wire, *commands], [], [], min(max(wait, 0.0), 0.5))
            if self.wire in ready:
                self.receive()
            while self.timers and self.timers[0][0] <= time.monotonic():
                heapq.heappop(self.timers)[2]()
            if any(one is not self.wire for one in ready):
                chunk = os.read(0, 65536)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.command(json.loads(line))
                if not chunk:
                    commands, until = [], time.monotonic() + GOODBYE_S
                    self.quit()
        emit("done", answered=self.answered)

    def finished(self) -> bool:
        return self.quitting and not self.dialogs and not any(one.registered for one in self.agents.values())

    def command(self, given: dict[str, str]) -> None:
        if given.get("do") == "reset":
            for agent in self.agents.values():
                agent.hung_up_at = None
            emit("reset", answered=self.answered)
            return
        self.agents = {user: Agent(user, password) for user, password in given.items()}
        for agent in self.agents.values():
            self.register(agent)

    def quit(self) -> None:
        self.quitting = True
        for agent in self.agents.values():
            self.register(agent)
        for dialog in list(self.dialogs.values()):
            if dialog.acked:
                self.hang_up(dialog)
            elif not dialog.answer.startswith(b"SIP/2.0 200"):
                self.reply(dialog.invite, "480 Temporarily Unavailable", dialog.tag)
                self.forget(dialog)

    def receive(self) -> None:
        while True:
            try:
                data, extra, _, _ = self.wire.recvmsg(65535, 128)
            except BlockingIOError:
                return
            at = time.time_ns()
            for level, kind, value in extra:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = TIMESPEC.unpack(value[: TIMESPEC.size])
                    at = seconds * 1_000_000_000 + nanoseconds
            message = Message.of(data)
            if message is None or "call-id" not in message.headers:
                continue
            if message.first.startswith("SIP/2.0"):
                self.on_reply(message)
            else:
                self.on_request(message, at)

    def send(self, *lines: str, body: str = "") -> bytes:
        kind = ["Content-Type: application/sdp"] if body else []
        text = "\r\n".join([*lines, *kind, f"Content-Length: {len(body)}", "", body])
        data = text.encode()
        self.wire.sendto(data, self.server)
        return data

    # ── requests to us ───────────────────────────────────────────────────────

    def on_request(self, message: Message, at: int) -> None:
        method = message.first.split(" ", 1)[0]
        dialog = self.dialogs.get(message.headers["call-id"])
        if method == "INVITE" and dialog is None:
            self.ring(message, at)
        elif method == "INVITE" and dialog is not None:
            self.again(dialog, message)
        elif method == "ACK":
            if dialog is not None and not dialog.acked:
                dialog.acked = True
                self.answered += 1
                emit("answered", agent=dialog.agent.user)
                self.after(random.uniform(*self.talk_s), lambda: self.hang_up(dialog))
        elif method == "CANCEL" and dialog is not None:
            self.reply(message, "200 OK", dialog.tag)
            self.reply(dialog.invite, "487 Request Terminated", dialog.tag)
            self.forget(dialog)
        elif method == "BYE":
            self.reply(message, "200 OK")
            if dialog is not None:
                self.forget(dialog)
        else:
            self.reply(message, "200 OK")

    def ring(self, invite: Message, at: int) -> None:
        found = re.match(r"INVITE sip:([^@;>]+)@", invite.first)
        agent = self.agents.get(found[1]) if found else None
        if agent is None or self.quitting:
            self.reply(invite, "480 Temporarily Unavailable", "none")
            return
        if agent.hung_up_at is not None:
            emit("gap", agent=agent.user, bye=agent.hung_up_at, invite=at)
            agent.hung_up_at = None
        dialog = Dialog(agent, invite, f"{random.getrandbits(48):x}")
        self.dialogs[invite.headers["call-id"]] = dialog
        rings_at = time.time_ns()
        dialog.answer = self.reply(invite, "180 Ringing", dialog.tag)
        emit("rings", agent=agent.user, number=number_of(invite), at=rings_at)
        self.after(self.answer_s, lambda: self.answer(dialog))

    def answer(self, dialog: Dialog, tries: int = TRIES) -> None:
        alive = self.dialogs.get(dialog.invite.headers["call-id"]) is dialog
        if alive and not dialog.acked and not dialog.ending and tries:
            dialog.answer = self.reply(dialog.invite, "200 OK", dialog.tag, sdp=True)
            self.after(RETRY_S, lambda: self.answer(dialog, tries - 1))

    def again(self, dialog: Dialog, message: Message) -> None:
        """The same INVITE once more, or a new one inside the call (a change of the connected line)."""
        if message.headers["cseq"] == dialog.invite.headers["cseq"]:
            self.wire.sendto(dialog.answer, self.server)
        else:
            self.reply(message, "200 OK", dialog.tag, sdp=True)

    def reply(self, request: Message, status: str, tag: str = "", *, sdp: bool = False) -> bytes:
        to = request.headers["to"]
        body = ""
        if sdp:
            lines = ["v=0", "o=agent 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
            lines += [f"m=audio {self.sound} RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=sendrecv"]
            body = "\r\n".join([*lines, ""])
        return self.send(
            f"SIP/2.0 {status}",
            f"Via: {request.headers['via']}",
            f"From: {request.headers['from']}",
            f"To: {to}" if "tag=" in to or not tag else f"To: {to};tag={tag}",
            f"Call-ID: {request.headers['call-id']}",
            f"CSeq: {request.headers['cseq']}",
            f"Contact: <sip:agent@127.0.0.1:{self.port}>",
            body=body,
        )

    # ── requests of ours ─────────────────────────────────────────────────────

    def hang_up(self, dialog: Dialog, tries: int = TRIES) -> None:
        call = dialog.invite.headers["call-id"]
        if self.dialogs.get(call) is not dialog or not tries:
            self.dialogs.pop(call, None)
            return
        if not dialog.ending:
            dialog.ending = True
            dialog.agent.hung_up_at = time.time_ns()
        contact = re.search(r"sip:[^>;]+", dialog.invite.headers["contact"])
        assert contact is not None
        self.send(
            f"BYE {contact[0]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{dialog.tag}bye;rport",
            f"From: {dialog.invite.headers['to']};tag={dialog.tag}",
            f"To: {dialog.invite.headers['from']}",
            f"Call-ID: {call}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
        )
        self.after(RETRY_S, lambda: self.hang_up(dialog, tries - 1))

    def forget(self, dialog: Dialog) -> None:
        self.dialogs.pop(dialog.invite.headers["call-id"], None)

    def on_reply(self, message: Message) -> None:
        status = int(message.first.split(" ", 2)[1])
        method = message.headers.get("cseq", "").rpartition(" ")[2]
        if method == "BYE" and status >= 200:
            self.dialogs.pop(message.headers["call-id"], None)
        elif method == "REGISTER":
            found = re.search(r"sip:([^@>]+)@", message.headers["to"])
            agent = self.agents.get(found[1]) if found else None
            if agent is None:
                return
            if status == 401:
                self.register(agent, challenge=message.headers.get("www-authenticate", ""))
            elif status == 200 and agent.registered is self.quitting:
                agent.registered = not self.quitting
                emit("registered" if agent.registered else "unregistered", agent=agent.user)

    def register(self, agent: Agent, *, challenge: str = "") -> None:
        """Also again, unasked, before it runs out; the answer to a challenge is the second half of one."""
        agent.sequence += 1
        expires = 0 if self.quitting else 300
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        me = f"<sip:{agent.user}@{self.server[0]}:{self.server[1]}>"
        lines = [
            f"REGISTER {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{random.getrandbits(48):x};rport",
            f"From: {me};tag={agent.user}{self.port}",
            f"To: {me}",
            f"Call-ID: bench-{agent.user}-{os.getpid()}@127.0.0.1",
            f"CSeq: {agent.sequence} REGISTER",
            f"Contact: <sip:{agent.user}@127.0.0.1:{self.port}>",
            f"Expires: {expires}",
            "Max-Forwards: 70",
        ]
        if challenge:
            lines.append(f"Authorization: {proof(agent, uri, dict(PARAMETER.findall(challenge)))}")
        elif not self.quitting:
            self.after(REGISTER_EVERY_S, lambda: None if self.quitting else self.register(agent))
        self.send(*lines)


def proof(agent: Agent, uri: str, asked: dict[str, str]) -> str:
    """RFC 2617, as far as Asterisk asks for it."""
    secret = md5(f"{agent.user}:{asked['realm']}:{agent.password}")
    what, count, ours = md5(f"REGISTER:{uri}"), "00000001", f"{random.getrandbits(64):x}"
    qop = "auth" if "qop" in asked else ""
    middle = f"{count}:{ours}:{qop}:" if qop else ""
    response = md5(f"{secret}:{asked['nonce']}:{middle}{what}")
    words = {"username": agent.user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": uri}
    words |= {"response": response} | ({"opaque": asked["opaque"]} if "opaque" in asked else {})
    text = ", ".join(f'{name}="{value}"' for name, value in words.items())
    return f"Digest {text}, algorithm=MD5" + (f', qop={qop}, nc={count}, cnonce="{ours}"' if qop else "")


def main() -> None:
    given = json.loads(sys.argv[1])
    host, port = given["server"]
    low, high = given["talk"]
    phones = Phones((host, port), given["port"], given["sound"], given["answer"], (low, high))
    phones.open()
    phones.run()


if __name__ == "__main__":
    main()
