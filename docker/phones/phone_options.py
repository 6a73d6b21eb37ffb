"""What a phone is told on its command line. Standard library only; the phone itself is in phone.py."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    user: str
    password: str
    server: str
    port: int
    local_port: int
    bind: str
    auto_answer: float | None
    tone: int
    record: Path | None
    duration: float | None
    unattended: bool
    transport: str
    trunk: bool
    auto_hangup: float | None
    lines: int


def read_options(about: str) -> Options:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", default=os.environ.get("SIP_PASSWORD", ""), help="or $SIP_PASSWORD")
    parser.add_argument("--server", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5060)
    parser.add_argument("--local-port", type=int, default=0)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--auto-answer", default="none", help="seconds of ringing, or none")
    parser.add_argument("--auto-hangup", type=float, help="seconds of talk, then hang up")
    parser.add_argument(
        "--tone", type=int, default=0, metavar="HZ", help="say this tone, below 4000, during a call"
    )
    parser.add_argument("--record", type=Path, help="write what the phone hears to this WAV file")
    parser.add_argument("--duration", type=float, help="quit after so many seconds")
    parser.add_argument("--trunk", action="store_true", help="a stranger who calls by the trunk")
    parser.add_argument("--lines", type=int, default=1, help="so many calls at once before it is busy")
    parser.add_argument("--unattended", action="store_true", help="do not read commands from stdin")
    given = vars(parser.parse_args())
    wait = given.pop("auto_answer")
    return Options(auto_answer=None if wait == "none" else float(wait), **given)
