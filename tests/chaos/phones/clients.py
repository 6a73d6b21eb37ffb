"""Callers from the trunk, each with a number of his own, who tell what became of each call.

Standard library only. It runs in the lab's ``phones`` container, beside copies of tests/bench/agents.py (the
loop and the messages) and tests/bench/callers.py (the tone). One socket for all calls, one for all sound.

    argv    JSON: {"server": [host, port], "port": ours, "sound": port, "dialled": number}
    stdin   {"do": "call" | "hangup", "number"}; {"do": "sweep"} hangs up all; its end means quit
    stdout  {"event": "invited" | "answered" | "ended" | "refused", "number", "dialog", "at": s}
            "ended" has "by": "us" | "them" | "sweep" | "lost" (Asterisk knows nothing of it any more)
            "refused" has "status", 408 for no answer at all; times are of CLOCK_REALTIME
"""

import json
import random
import re
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

from agents import Message, Phones, emit
from callers import tone

PACKET_S = 0.04
SAMPLES = round(8000 * PACKET_S)
TURNS = 4  # packets leave in so many batches, not all at once
INVITE_S = 32.0
LATEST_S = 4.0


@dataclass
class Visit:
    number: str
    dialog: str
    tag: str
    branch: str
    heard: bool = False  # Asterisk has answered something
    up: bool = False
    over: bool = False
    by: str = ""  # who ended it, once somebody did
    remote: str = ""  # the To header, with Asterisk's tag
    target: str = ""
    port: int = 0  # where Asterisk takes his sound
    ssrc: int = field(default_factory=lambda: random.getrandbits(32))
    sent: int = 0
    requests: int = 1


@dataclass
class Clients(Phones):
    dialled: str = ""
    visits: dict[str, Visit] = field(default_factory=dict)  # by dialog
    turn: int = 0

    def open(self) -> None:
        super().open()
        self.mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.mouth.bind(("127.0.0.1", self.sound))
        self.mouth.setblocking(False)
        self.words = tone(1000)[:SAMPLES]
        self.after(0.0, self.speak)

    def speak(self) -> None:
        """What comes back is not read: the kernel drops it."""
        self.turn += 1
        self.after(PACKET_S / TURNS, self.speak)
        for visit in self.visits.values():
            if visit.up and visit.port and visit.ssrc % TURNS == self.turn % TURNS:
                head = (0x80, 8, visit.sent & 0xFFFF, visit.sent * SAMPLES & 0xFFFFFFFF, visit.ssrc)
                visit.sent += 1
                try:
                    self.mouth.sendto(struct.pack("!BBHII", *head) + self.words, (self.server[0], visit.port))
                except BlockingIOError:
                    continue

    # ── what is asked of them ────────────────────────────────────────────────

    def command(self, given: dict[str, str]) -> None:
        match given["do"]:
            case "call":
                self.invite(given["number"])
            case "hangup":
                for visit in self.visits.values():
                    if visit.number == given["number"]:
                        self.leave(visit, "us")
            case "sweep":
                for visit in self.visits.values():
                    self.leave(visit, "sweep")

    def finished(self) -> bool:
        return self.quitting and not self.visits

    def quit(self) -> None:
        self.quitting = True
        for visit in self.visits.values():
            self.leave(visit, "sweep")

    def tell(self, event: str, visit: Visit, **more: object) -> None:
        emit(event, number=visit.number, dialog=visit.dialog, at=time.time(), **more)

    # ── requests of theirs ───────────────────────────────────────────────────

    def head(self, visit: Visit, method: str, number: int, branch: str) -> list[str]:
        uri = visit.target or f"sip:{self.dialled}@{self.server[0]}:{self.server[1]}"
        return [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{branch};rport",
            f"From: <sip:{visit.number}@127.0.0.1:{self.port}>;tag={visit.tag}",
            f"To: {visit.remote or f'<{uri}>'}",
            f"Call-ID: {visit.dialog}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:trunk@127.0.0.1:{self.port}>",
            "Max-Forwards: 70",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE",
        ]

    def invite(self, number: str) -> None:
        mark = f"{random.getrandbits(64):x}"
        visit = Visit(number, f"{mark}@chaos", mark[:8], f"{mark}i")
        self.visits[visit.dialog] = visit
        self.tell("invited", visit)
        self.send_invite(visit, 0.5, time.monotonic() + INVITE_S)

    def send_invite(self, visit: Visit, pause: float, until: float) -> None:
        if visit.heard or visit.over:
            return
        if time.monotonic() > until:
            self.tell("refused", visit, status=408)
            self.forget_visit(visit)
            return
        self.send(*self.head(visit, "INVITE", 1, visit.branch), body=self.offer())
        self.after(pause, lambda: self.send_invite(visit, min(pause * 2, LATEST_S), until))

    def offer(self) -> str:
        lines = ["v=0", "o=trunk 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        lines += [f"m=audio {self.sound} RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=sendrecv"]
        return "\r\n".join([*lines, ""])

    def leave(self, visit: Visit, by: str) -> None:
        if visit.over:
            return
        visit.over, visit.by = True, by
        self.tell("ended", visit, by=by)
        if visit.up:
            visit.requests += 1
            self.send_until(visit, "BYE", visit.requests, f"{visit.branch}b", 8)
        elif visit.heard:
            self.send_until(visit, "CANCEL", 1, visit.branch, 8)
        else:
            self.after(INVITE_S, lambda: self.forget_visit(visit))

    def send_until(self, visit: Visit, method: str, number: int, branch: str, tries: int) -> None:
        """Again and again, until the answer has made somebody forget the visit."""
        if self.visits.get(visit.dialog) is not visit:
            return
        if not tries:
            self.forget_visit(visit)
            return
        self.send(*self.head(visit, method, number, branch))
        self.after(0.5, lambda: self.send_until(visit, method, number, branch, tries - 1))

    def forget_visit(self, visit: Visit) -> None:
        visit.over = True
        self.visits.pop(visit.dialog, None)

    # ── answers to them, and requests to them ────────────────────────────────

    def on_reply(self, message: Message) -> None:
        visit = self.visits.get(message.headers["call-id"])
        if visit is None:
            return
        status = int(message.first.split(" ", 2)[1])
        method = message.headers["cseq"].rpartition(" ")[2]
        if method == "INVITE":
            visit.heard = True
            if 200 <= status < 300:
                self.on_answer(visit, message)
            elif status >= 300:
                visit.remote = message.headers["to"]
                self.send(*self.head(visit, "ACK", 1, visit.branch))
                if not visit.over:
                    self.tell("refused", visit, status=status)
                self.forget_visit(visit)
        elif method == "BYE" and status >= 200:
            if status == 481 and visit.by != "them":
                self.tell("ended", visit, by="lost")
            self.forget_visit(visit)

    def on_answer(self, visit: Visit, message: Message) -> None:
        contact = re.search(r"sip:[^>;]+", message.headers.get("contact", ""))
        visit.remote = message.headers["to"]
        visit.target = contact[0] if contact else visit.target
        self.send(*self.head(visit, "ACK", 1, f"{visit.branch}a"))
        if visit.up:
            return
        visit.up = True
        if visit.over:  # he had hung up already
            visit.requests += 1
            self.send_until(visit, "BYE", visit.requests, f"{visit.branch}b", 8)
            return
        self.tell("answered", visit)

    def receive(self) -> None:
        """As the agents', and the port that Asterisk's answer names: the one thing that is in its body."""
        while True:
            try:
                data = self.wire.recv(65535)
            except BlockingIOError:
                return
            message = Message.of(data)
            if message is None or "call-id" not in message.headers:
                continue
            visit = self.visits.get(message.headers["call-id"])
            port = re.search(rb"\r\nm=audio (\d+)", data)
            if visit is not None and port is not None:
                visit.port = int(port[1])
            if message.first.startswith("SIP/2.0"):
                self.on_reply(message)
            else:
                self.on_request(message, 0)

    def on_request(self, message: Message, at: int) -> None:
        method = message.first.split(" ", 1)[0]
        visit = self.visits.get(message.headers["call-id"])
        if method == "ACK":
            return
        if visit is None:
            self.reply(message, "200 OK" if method == "BYE" else "481 Call/Transaction Does Not Exist", "x")
            return
        offers = message.headers.get("content-length", "0") != "0"
        self.reply(message, "200 OK", visit.tag, sdp=method == "INVITE" or (method == "UPDATE" and offers))
        if method == "BYE":
            if not visit.over:
                visit.by = "them"
                self.tell("ended", visit, by="them", reason=message.headers.get("reason", ""))
            self.forget_visit(visit)


def main() -> None:
    given = json.loads(sys.argv[1])
    host, port = given["server"]
    nothing = 0.0, (0.0, 0.0)  # they answer nobody
    clients = Clients((host, port), given["port"], given["sound"], *nothing, dialled=given["dialled"])
    clients.open()
    clients.run()


if __name__ == "__main__":
    main()
