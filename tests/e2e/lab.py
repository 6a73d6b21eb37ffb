"""The lab of the end-to-end tests: a project, a state folder and ports of its own, beside a demo's."""

import json
import subprocess
import sys
from typing import Any

from tests.e2e.parts import ROOT, Lab

TOOL = [sys.executable, str(ROOT / "docker" / "labtool")]
OWN = ["--project", "callbridge-test", "--state", str(ROOT / "docker" / "lab-test")]
PORTS = [
    "--sip-port",
    "15060",
    "--rtp-start",
    "12000",
    "--rtp-end",
    "12199",
    "--http-port",
    "18088",
    "--web-port",
    "18080",
]


def _tool(*arguments: str) -> Any:
    done = subprocess.run([*TOOL, *arguments], stdout=subprocess.PIPE, text=True, check=False, timeout=900)
    assert done.returncode == 0, f"the lab cannot be started; see above. {done.stdout[-2000:]}"
    return done.stdout


def up() -> Lab:
    return Lab.of(json.loads(_tool("up", *OWN, *PORTS, "--json")))


def down() -> None:
    _tool("down", *OWN, *PORTS)
