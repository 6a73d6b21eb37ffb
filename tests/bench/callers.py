"""Callers from the trunk for load: runs SIPp beside Asterisk and tells its counts. Standard library only.

It runs in the lab's ``phones`` container. Its callers hang up only when nobody else does within ``longest``.

    argv    JSON: {"server": [host, port], "dialled": number, "rate": a second, "calls": in all,
                   "at_once": most, "longest": s, "sound": bool, "echo": port or 0, "scenario": XML,
                   "invites": bool}
    stdin   its end means quit: SIPp is ended, and what it leaves behind is Asterisk's to end
    stdout  {"event": "counts" | "done", "created", "current", "successful", "failed", "errors"}
            before "done", if "invites" are wanted: {"event": "invited", "number", "at"} for each call, when
            its INVITE had been sent, in s of CLOCK_REALTIME
"""

import csv
import json
import math
import random
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LOOK_S = 0.25
PEOPLE = 5000  # different numbers: each caller is somebody else
RATE = 8000


def emit(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def alaw(sample: int) -> int:
    """One 16-bit sample by ITU-T G.711, A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32635) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    return (sign | exponent << 4 | (magnitude >> max(exponent, 1)) & 0x0F) ^ 0x55


def tone(hertz: int) -> bytes:
    return bytes(alaw(round(8000 * math.sin(2 * math.pi * hertz * i / RATE))) for i in range(RATE))


def counts(folder: Path) -> dict[str, int]:
    """The last whole line of SIPp's statistics."""
    stats = folder / "stat.csv"
    rows = list(csv.DictReader(stats.open(), delimiter=";")) if stats.exists() else []
    last = rows[-1] if rows else {}
    names = {"created": "TotalCallCreated", "current": "CurrentCall"}
    names |= {"successful": "SuccessfulCall(C)", "failed": "FailedCall(C)"}
    return {ours: int(last.get(theirs) or 0) for ours, theirs in names.items()}


def command_of(given: dict[str, Any]) -> list[str]:
    host, port = given["server"]
    command = ["sipp", f"{host}:{port}", "-sf", "caller.xml", "-inf", "people.csv", "-i", "127.0.0.1"]
    command += ["-mp", "45000", "-nostdin", "-cid_str", f"%u-%p-{random.getrandbits(48):x}@%s"]
    command += ["-r", f"{given['rate']:g}", "-m", str(given["calls"]), "-l", str(given["at_once"])]
    command += ["-recv_timeout", str(round(given["longest"] * 1000))]
    command += ["-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log"]
    command += ["-trace_shortmsg", "-shortmessage_file", "short.log"] if given.get("invites") else []
    return [*command, *(["-set", "sound", "1"] if given["sound"] else [])]


def echo_of(port: int) -> list[str]:
    """The agents' ears and mouths: what comes to this port goes back."""
    return ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port + 1), "-mp", str(port), "-rtp_echo"]


def invites(folder: Path, first: int) -> dict[str, float]:
    """From SIPp's list of messages: date, time, seconds, S or R, Call-ID, CSeq, first line.

    By the caller's number. Of an INVITE that was sent again the first counts.
    """
    found: dict[str, float] = {}
    for line in (folder / "short.log").read_text(errors="replace").splitlines():
        _, _, at, way, call, cseq, _ = line.split("\t", 6)
        if way == "S" and cseq == "CSeq:1 INVITE":
            # SIPp counts calls from 1 and takes people in their order; the Call-ID begins with the count.
            found.setdefault(number(first, int(call.partition("-")[0]) - 1), float(at))
    return found


def number(first: int, who: int) -> str:
    return f"+7916{first + who % PEOPLE:07d}"


def main() -> None:
    given = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="callers-") as name:
        folder = Path(name)
        (folder / "caller.xml").write_text(given["scenario"])
        (folder / "tone.alaw").write_bytes(tone(1000))
        first = random.randrange(9_000_000)
        lines = (f"{number(first, i)};{given['dialled']}\n" for i in range(PEOPLE))
        (folder / "people.csv").write_text("SEQUENTIAL\n" + "".join(lines))
        running: list[subprocess.Popen[bytes]] = []
        with (folder / "screen.log").open("wb") as screen:
            try:
                if given["echo"]:
                    quiet = [*echo_of(given["echo"]), "-nostdin"]
                    running.append(subprocess.Popen(quiet, cwd=folder, stdout=screen, stderr=screen))
                sipp = subprocess.Popen(command_of(given), cwd=folder, stdout=screen, stderr=screen)
                running.append(sipp)
                follow(sipp, folder)
            finally:
                for one in running:
                    one.kill()
                    one.wait()
        if given.get("invites"):
            for who, at in invites(folder, first).items():
                emit("invited", number=who, at=at)
        errors = folder / "errors.log"
        emit(
            "done",
            **counts(folder),
            errors=errors.read_text(errors="replace")[-3000:] if errors.exists() else "",
        )


def follow(sipp: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Until SIPp has made all its calls, or nobody wants more."""
    told = 0.0
    while sipp.poll() is None:
        if select.select([sys.stdin], [], [], LOOK_S)[0] and not sys.stdin.read(1):
            return
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            emit("counts", **counts(folder))


if __name__ == "__main__":
    main()
