"""Callers and agents with a voice of their own each, so that a recording tells who is in it.

Standard library only. It runs in the lab's ``phones`` container, beside copies of tests/bench/agents.py and
callers.py, and of beat.py, talkers.py and clients.py here. Every voice is a steady tone that stops for GAP_S
at each whole BEAT_S of the clock, everybody's at once: by that a recording's sides can be compared.

    argv    JSON: as clients.py, and "who": "agents" | "clients", "answer": s; "sound" the first of many ports
    stdin   agents: {"USER": [PASSWORD, hertz], …}; {"do": "hangup", "agent"}
            clients: {"do": "call", "number", "hertz"}; {"do": "hangup", "number"}; {"do": "sweep"}
    stdout  as talkers.py and clients.py
"""

import json
import random
import re
import socket
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents import Dialog, Message
from beat import BEAT_S, GAP_S
from callers import tone
from clients import Clients, Visit
from talkers import Talkers

PACKET_S, SAMPLES = 0.02, 160
MOST_BEHIND_S = 0.1
LONGEST_S = 7200.0  # nobody hangs up by himself
PORTS = 400


@dataclass
class Voice:
    """One call's sound: from a port of its own, with numbers that begin anywhere, as with real telephones."""

    hertz: int
    port: int
    wire: socket.socket
    to: int = 0  # where Asterisk takes it
    number: int = field(default_factory=lambda: random.getrandbits(16))
    stamp: int = field(default_factory=lambda: random.getrandbits(32))
    source: int = field(default_factory=lambda: random.getrandbits(32))

    def speak(self, words: bytes, host: str) -> None:
        self.number, self.stamp = self.number + 1 & 0xFFFF, self.stamp + SAMPLES & 0xFFFFFFFF
        head = struct.pack("!BBHII", 0x80, 8, self.number, self.stamp, self.source)
        try:
            self.wire.sendto(head + words, (host, self.to))
        except BlockingIOError:  # as on a full network: it is lost
            return


class Choir:
    """The voices of one program, all in step with the clock. What comes back is not read."""

    def __init__(self, host: str, first_port: int) -> None:
        self.host = host
        self.free = list(range(first_port, first_port + 2 * PORTS, 2))
        self.words: dict[int, bytes] = {}
        self.silence = bytes([0xD5]) * SAMPLES  # A-law
        # Everybody's packets at the same moments: else the sides would be apart before they reach Asterisk.
        self.next = time.time() // PACKET_S * PACKET_S

    def voice(self, hertz: int) -> Voice:
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = self.free.pop(0)
        wire.bind(("127.0.0.1", port))
        wire.setblocking(False)
        self.words.setdefault(hertz, tone(hertz)[:SAMPLES])  # whole periods: hertz is a multiple of 50
        return Voice(hertz, port, wire)

    def end(self, voice: Voice) -> None:
        voice.wire.close()
        self.free.append(voice.port)

    def speak(self, voices: Iterable[Voice]) -> float:
        """One packet each, of the moment at which it was due; in how many seconds the next are."""
        quiet = (self.next + PACKET_S / 2) % BEAT_S < GAP_S
        for voice in voices:
            if voice.to:
                voice.speak(self.silence if quiet else self.words[voice.hertz], self.host)
        self.next += PACKET_S
        behind = time.time() - self.next
        if behind > MOST_BEHIND_S:  # whoever stood still says no more of it all at once
            self.next += behind // PACKET_S * PACKET_S
        return max(-behind, 0.0)


def port_in(data: bytes) -> int:
    """Where sound is wanted, by the SDP in a message; 0 where there is none."""
    found = re.search(rb"\r\nm=audio (\d+)", data)
    return int(found[1]) if found else 0


class VoicedAgents(Talkers):
    def open(self) -> None:
        super().open()
        self.choir = Choir(self.server[0], self.sound)
        self.tones: dict[str, int] = {}
        self.voices: dict[str, Voice] = {}  # by dialog
        self.speak()

    def speak(self) -> None:
        talking = [
            voice
            for call, voice in self.voices.items()
            if (dialog := self.dialogs.get(call)) is not None and dialog.acked and not dialog.ending
        ]
        self.after(self.choir.speak(talking), self.speak)

    def command(self, given: dict[str, object]) -> None:
        if given.get("do") == "hangup":
            for dialog in list(self.dialogs.values()):
                if dialog.agent.user == given["agent"] and dialog.acked:
                    self.hang_up(dialog)
            return
        self.tones = {user: hertz for user, (_, hertz) in given.items()}  # type: ignore[misc]
        super().command({user: password for user, (password, _) in given.items()})  # type: ignore[misc]

    def next_length(self, agent: str) -> float:
        return LONGEST_S

    def receive(self) -> None:
        while True:
            try:
                data = self.wire.recv(65535)
            except BlockingIOError:
                return
            message = Message.of(data)
            if message is None or "call-id" not in message.headers:
                continue
            if message.first.startswith("SIP/2.0"):
                self.on_reply(message)
                continue
            self.on_request(message, 0)
            voice = self.voices.get(message.headers["call-id"])
            if voice is not None and port_in(data):
                voice.to = port_in(data)

    def reply(self, request: Message, status: str, tag: str = "", *, sdp: bool = False) -> bytes:
        dialog = self.dialogs.get(request.headers["call-id"])
        if dialog is not None:
            self.sound = self.voice_of(dialog).port
        return super().reply(request, status, tag, sdp=sdp)

    def voice_of(self, dialog: Dialog) -> Voice:
        call = dialog.invite.headers["call-id"]
        if call not in self.voices:
            for over in self.voices.keys() - self.dialogs.keys():
                self.choir.end(self.voices.pop(over))
            self.voices[call] = self.choir.voice(self.tones[dialog.agent.user])
        return self.voices[call]


class VoicedClients(Clients):
    def open(self) -> None:
        self.choir = Choir(self.server[0], self.sound + 2)  # theirs is bound, and not used
        self.voices: dict[str, Voice] = {}  # by number
        super().open()

    def speak(self) -> None:
        up = {visit.number: visit.port for visit in self.visits.values() if visit.up and not visit.over}
        for number, port in up.items():
            self.voices[number].to = port
        self.after(self.choir.speak([self.voices[number] for number in up]), self.speak)

    def command(self, given: dict[str, object]) -> None:  # type: ignore[override]
        if given["do"] == "call":
            there = {visit.number for visit in self.visits.values()}
            for over in self.voices.keys() - there:
                self.choir.end(self.voices.pop(over))
            self.voices[str(given["number"])] = self.choir.voice(int(given["hertz"]))  # type: ignore[call-overload]
        super().command(given)  # type: ignore[arg-type]

    def send_invite(self, visit: Visit, pause: float, until: float) -> None:
        self.sound = self.voices[visit.number].port
        super().send_invite(visit, pause, until)

    def reply(self, request: Message, status: str, tag: str = "", *, sdp: bool = False) -> bytes:
        visit = self.visits.get(request.headers["call-id"])
        if visit is not None:
            self.sound = self.voices[visit.number].port
        return super().reply(request, status, tag, sdp=sdp)


def main() -> None:
    given = json.loads(sys.argv[1])
    host, port = given["server"]
    if given["who"] == "agents":
        lengths = given["answer"], (LONGEST_S, LONGEST_S)
        program: Talkers | Clients = VoicedAgents((host, port), given["port"], given["sound"], *lengths)
    else:
        nothing = 0.0, (0.0, 0.0)
        program = VoicedClients(
            (host, port), given["port"], given["sound"], *nothing, dialled=given["dialled"]
        )
    program.open()
    program.run()


if __name__ == "__main__":
    main()
