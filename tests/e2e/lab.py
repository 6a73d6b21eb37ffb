"""The labs of the end-to-end tests: each a project, a state folder and ports of its own, beside a demo's."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.parts import ROOT, Lab

TOOL = [sys.executable, str(ROOT / "docker" / "labtool")]


@dataclass(frozen=True)
class Place:
    """One lab: what it is called, what it is set up by, and where it listens."""

    project: str
    state: str
    config: Path
    sip: int
    rtp: tuple[int, int]
    http: int
    web: int

    @property
    def options(self) -> list[str]:
        given = {
            "project": self.project,
            "state": ROOT / "docker" / self.state,
            "config": self.config,
            "sip-port": self.sip,
            "rtp-start": self.rtp[0],
            "rtp-end": self.rtp[1],
            "http-port": self.http,
            "web-port": self.web,
        }
        return [word for name, value in given.items() for word in (f"--{name}", str(value))]


WHOLE = Place(
    "callbridge-test", "lab-test", ROOT / "docker" / "callbridge.yml", 15060, (12000, 12199), 18088, 18080
)
# A hundred callers at once: two ports for each of them, and for the agents whom they are given to.
ROUTING = Place(
    "callbridge-test-routing",
    "lab-test-routing",
    ROOT / "tests" / "e2e" / "routing.yml",
    16060,
    (13000, 13299),
    19088,
    19080,
)


def _tool(*arguments: str) -> Any:
    done = subprocess.run([*TOOL, *arguments], stdout=subprocess.PIPE, text=True, check=False, timeout=900)
    assert done.returncode == 0, f"the lab cannot be started; see above. {done.stdout[-2000:]}"
    return done.stdout


def up(place: Place = WHOLE) -> Lab:
    return Lab.of(json.loads(_tool("up", *place.options, "--json")))


def down(place: Place = WHOLE) -> None:
    _tool("down", *place.options)
