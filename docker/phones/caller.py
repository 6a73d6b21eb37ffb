#!/usr/bin/env python3
"""A caller (or many) from the trunk: runs SIPp with sipp/uac_call.xml and tells what happens as JSON lines.

    {"event": "invited" | "ringing" | "answered" | "digits" | "ended", "call": Call-ID, "wall": seconds, …}
    {"event": "done", "code": SIPp's exit code, "calls": how many went as the scenario says}

SIGTERM, and with --until-eof the end of stdin, hangs up. The standard library only. Sound files are made at
each run. SIPp presses digits by RFC 4733 from a raw socket, for which it must be root or have CAP_NET_RAW;
``--dtmf info`` needs neither.
"""

import argparse
import contextlib
import json
import math
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

SCENARIO = Path(__file__).resolve().parent / "sipp" / "uac_call.xml"
POLL_S = 0.05
PORT_TAKEN = 254  # SIPp's exit code (3.6, tried): it looks for no other port of its own for sound
MOST_TRIES = 5
RATE = 8000
LEVEL = 8000
DELIMITER = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d)[ \t](\d\d:\d\d:\d\d\.\d+)", re.MULTILINE)


def emit(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


def alaw(sample: int) -> int:
    """One 16-bit sample by ITU-T G.711, A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32635) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


def tone(hertz: int) -> bytes:
    """A second of a tone: whole periods, so that it loops without a click."""
    return bytes(alaw(round(LEVEL * math.sin(2 * math.pi * hertz * i / RATE))) for i in range(RATE))


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a BYE for an answered call is made of: SIPp 3.6.1 leaves its calls behind when it has to quit."""

    call: str
    caller: str  # From and To, tags included
    callee: str
    target: str  # the far end's Contact
    here: tuple[str, int]  # where SIPp sent from

    @classmethod
    def of(cls, call: str, answer: str) -> "Dialog | None":
        found = {name: header(answer, name) for name in ("From", "To", "Contact", "Via")}
        here = re.match(r"SIP/2\.0/UDP ([^:;\s]+):(\d+)", found["Via"])
        target = re.search(r"sip:[^>;]+", found["Contact"])
        if here is None or target is None:
            return None
        return cls(call, found["From"], found["To"], target[0], (here[1], int(here[2])))

    def bye(self) -> bytes:
        lines = [
            f"BYE {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.here[0]}:{self.here[1]};branch=z9hG4bK{random.getrandbits(64):x}",
            f"From: {self.caller}",
            f"To: {self.callee}",
            f"Call-ID: {self.call}",
            "CSeq: 9 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def hang_up(dialogs: Iterable[Dialog], server: tuple[str, int]) -> None:
    """End each call, from the port that SIPp has left."""
    for dialog in dialogs:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wire.settimeout(0.5)
            wire.bind(dialog.here)
            bye = dialog.bye()
            for _ in range(4):
                wire.sendto(bye, server)
                with contextlib.suppress(TimeoutError):
                    if b" BYE" in wire.recv(4096):
                        break
        emit("ended", call=dialog.call, wall=time.time(), by="us", code=200)


@dataclass
class Follower:
    """Reads SIPp's growing message trace and tells each call's steps once."""

    trace: Path
    wait: float
    digits: str
    offset: int = 0
    rest: str = ""
    seen: set[tuple[str, str]] = field(default_factory=set)
    due: dict[str, float] = field(default_factory=dict)
    open: dict[str, Dialog] = field(default_factory=dict)

    def follow(self) -> None:
        if self.trace.exists():
            with self.trace.open("rb") as file:
                file.seek(self.offset)
                chunk = file.read()
            self.offset += len(chunk)
            self.rest += chunk.decode(errors="replace")
            for wall, message in self.messages():
                self.step(wall, message)
        for call, wall in list(self.due.items()):
            if wall <= time.time():
                del self.due[call]
                self.tell("digits", call, wall, digits=self.digits)

    def messages(self) -> Iterator[tuple[float, str]]:
        """Those that are there; the newest may grow, so it stays for the next look: ``tell`` tells once."""
        starts = list(DELIMITER.finditer(self.rest))
        for number, start in enumerate(starts):
            end = starts[number + 1].start() if number + 1 < len(starts) else len(self.rest)
            wall = datetime.fromisoformat(f"{start[1]}T{start[2]}").timestamp()
            yield wall, self.rest[start.end() : end]
        if starts:
            self.rest = self.rest[starts[-1].start() :]

    def step(self, wall: float, message: str) -> None:
        call = re.search(r"^Call-ID:\s*(\S+)\r?\n", message, re.MULTILINE | re.IGNORECASE)
        line = re.search(r"^(SIP/2\.0 (\d{3}) .*|[A-Z]+ sip.*SIP/2\.0)\r?$", message, re.MULTILINE)
        method = re.search(r"^CSeq:\s*\d+\s+([A-Z]+)\r?\n", message, re.MULTILINE | re.IGNORECASE)
        if call is None or line is None or method is None:
            return
        status = int(line[2]) if line[2] else 0
        if status == 0 and method[1] != "INVITE" and (call[1], "invited") not in self.seen:
            return  # to a SIPp that had this port before us
        sent = " sent " in message.split("\n", 3)[1]
        match method[1], status:
            case "INVITE", 0:
                self.tell("invited", call[1], wall)
            case "INVITE", 180:
                self.tell("ringing", call[1], wall)
            case "INVITE", 200:
                if self.tell("answered", call[1], wall):
                    if self.digits:
                        self.due[call[1]] = wall + self.wait
                    dialog = Dialog.of(call[1], message)
                    if dialog is not None:
                        self.open[call[1]] = dialog
            case "INVITE", code if code >= 300:
                self.tell("ended", call[1], wall, by="them", code=code)
            case "BYE", 0:
                self.due.pop(call[1], None)
                self.open.pop(call[1], None)
                self.tell("ended", call[1], wall, by="us" if sent else "them", code=200)

    def tell(self, event: str, call: str, wall: float, **fields: object) -> bool:
        if (call, event) in self.seen:
            return False
        self.seen.add((call, event))
        emit(event, call=call, wall=wall, **fields)
        return True


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5060)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--from", dest="number", default="+79161234567")
    parser.add_argument("--name", default="")
    parser.add_argument("--to", default="+74950000001")
    parser.add_argument("--withheld", action="store_true", help="anonymous From and Privacy: id")
    parser.add_argument("--digits", default="", help="pressed --wait seconds after the answer")
    parser.add_argument("--dtmf", choices=("rfc4733", "info"), default="rfc4733")
    parser.add_argument("--tone", type=int, default=1000, metavar="HZ", help="what the caller says")
    parser.add_argument("--wait", type=float, default=1.5, help="seconds from the answer to the digits")
    parser.add_argument("--talk", type=float, default=30, help="then hang up after so many seconds")
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--rate", type=float, default=10, help="calls a second")
    parser.add_argument("--until-eof", action="store_true", help="hang up when stdin ends")
    parser.add_argument("--people", type=Path, help="CSV of number;name;dialled;digits instead of one caller")
    options = parser.parse_args()
    for value in (options.number, options.to, options.digits):
        if not re.fullmatch(r"[+0-9A-Za-z*#]*", value):
            parser.error(f"{value!r} is no telephone number")
    if re.search(r'[;"\\\r\n]', options.name):
        parser.error(f'{options.name!r}: a name must not hold ; " \\ or a line break')
    if options.dtmf == "info" and len(options.digits) > 1:
        parser.error("--dtmf info presses one digit")
    if shutil.which("sipp") is None:
        parser.error("there is no sipp here: apt-get install sip-tester")
    return options


def command_of(options: argparse.Namespace) -> list[str]:
    """With other ports at each call."""
    command = ["sipp", f"{options.server}:{options.port}", "-sf", str(SCENARIO), "-inf", "people.csv"]
    command += ["-i", options.bind, "-mp", str(random.randrange(20000, 29000, 4)), "-nostdin"]
    # process ids repeat in every container: a Call-ID must not
    command += ["-cid_str", f"%u-%p-{random.getrandbits(48):x}@%s"]
    command += ["-m", str(options.calls), "-l", str(options.calls), "-r", f"{options.rate:g}"]
    command += ["-d", str(round(options.wait * 1000)), "-recv_timeout", str(round(options.talk * 1000))]
    longest = options.wait + options.talk + options.calls / options.rate + 90
    command += ["-timeout", f"{longest:.0f}s", "-timeout_error"]
    command += ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
    if options.withheld:
        command += ["-set", "withheld", "1"]
    if options.digits or options.people:
        command += ["-set", "info" if options.dtmf == "info" else "digits", "1"]
    return command


def start(options: argparse.Namespace, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "screen.log").open("wb") as screen:
        return subprocess.Popen(
            command_of(options), cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen
        )


def main() -> int:
    options = read_options()
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with tempfile.TemporaryDirectory(prefix="caller-") as name:
        folder = Path(name)
        (folder / "tone.alaw").write_bytes(tone(options.tone))
        people = f"{options.number};{options.name};{options.to};{options.digits}\n"
        if options.people:
            people = options.people.read_text()
        (folder / "people.csv").write_text(f"SEQUENTIAL\n{people}")
        sipp = start(options, folder)
        if options.until_eof:

            def read_on() -> None:
                sys.stdin.read()
                told.set()

            threading.Thread(target=read_on, daemon=True).start()
        follower = Follower(folder / "messages.log", options.wait, options.digits)
        try:
            tries = 1
            while not told.is_set():
                if sipp.poll() == PORT_TAKEN and tries < MOST_TRIES:
                    sipp = start(options, folder)
                    tries += 1
                elif sipp.poll() is not None:
                    break
                follower.follow()
                time.sleep(POLL_S)
        finally:
            sipp.kill()
            sipp.wait()
            follower.follow()
            hang_up(follower.open.values(), (options.server, options.port))
        screen_text = (folder / "screen.log").read_text(errors="replace")
        successful = re.findall(r"Successful call\s*\|\s*\d+\s*\|\s*(\d+)", screen_text)
        code = 0 if told.is_set() else sipp.returncode
        emit("done", code=code, calls=int(successful[-1]) if successful else 0)
        if code:
            errors = folder / "errors.log"
            sys.stderr.write(errors.read_text(errors="replace") if errors.exists() else screen_text[-2000:])
            sys.stderr.write("\n")
        return code


if __name__ == "__main__":
    sys.exit(main())
