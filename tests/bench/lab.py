"""The benchmarks' lab: its ports, and what is written into its Asterisk besides Callbridge's own files.

The native queues stand in custom/ files, written before the lab starts: they are part of its configuration.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.parts import ROOT, Lab

HERE = Path(__file__).resolve().parent
STATE = ROOT / "docker" / "lab-bench"
PROJECT = "callbridge-bench"
SIP_PORT = 25060
WEB_PORT = 28080
HTTP_PORT = 28088
TOOL = [sys.executable, str(ROOT / "docker" / "labtool")]
OWN = ["--project", PROJECT, "--state", str(STATE), "--config", str(HERE / "callbridge.yml")]
OWN += ["--sip-port", str(SIP_PORT), "--rtp-start", "14000", "--rtp-end", "14049"]
OWN += ["--http-port", str(HTTP_PORT), "--web-port", str(WEB_PORT)]

AGENTS = [str(number) for number in range(1001, 1061)]
DISPATCH_AGENTS = AGENTS[:10]
# What a caller dials, by what serves him.
CALLBRIDGE = {"dispatch": "+74950000101", "throughput": "+74950000102", "idle": "+74950000103"}
NATIVE = {"dispatch": "+74950000201", "throughput": "+74950000202", "idle": "+74950000203"}
ONE_CALL = "+74950000002"
FLOOR = "+74950000300"
FLOOR_APP = "bench_floor"

# 500 waiting callers: two threads a caller in Stasis (the dialplan's and the bridge's), and their memory.
THREADS = "4000"
MEMORY = "3g"

# Wide enough for 500 callers. Only 14000-14049 are published: load comes from beside Asterisk.
RTP = """; The benchmarks': see tests/bench/lab.py.
[general]
rtpstart = 14000
rtpend = 24000
strictrtp = yes
icesupport = yes
"""

QUEUE = """
[bench_{name}]
strategy = leastrecent
autofill = yes
ringinuse = no
wrapuptime = 0
; A second is the least: app_queue takes 0 for its default of 5.
retry = 1
timeout = 20
timeoutpriority = app
joinempty = yes
leavewhenempty = no
autopause = no
reportholdtime = no
announce-frequency = 0
announce-holdtime = no
announce-position = no
periodic-announce-frequency = 0
musicclass = default
"""

NATIVE_CALL = """
exten = {number},1,Answer()
{recording} same = n,Queue(bench_{name})
 same = n,Hangup()
"""

# As dialplan/fallback.conf.j2 does: two files, from the moment an agent is there. Who only waits is without:
# this one is set up while he waits already, Callbridge's when an agent is there.
RECORDING = """ same = n,Set(FILE=${ASTSPOOLDIR}/recording/native-${UNIQUEID}-rec-0)
 same = n,MixMonitor(,br(${FILE}-in.wav)t(${FILE}-out.wav))
"""

FLOOR_CALL = """
exten = {number},1,Answer()
 same = n,Stasis({app})
 same = n,Hangup()
"""


def own_files() -> dict[str, str]:
    members = {"dispatch": DISPATCH_AGENTS, "throughput": AGENTS, "idle": ["1061"]}
    queues = "".join(
        QUEUE.format(name=name)
        + "".join(f"member = PJSIP/{agent},0,Agent {agent},PJSIP/{agent}\n" for agent in agents)
        for name, agents in members.items()
    )
    calls = "".join(
        NATIVE_CALL.format(name=name, number=number, recording="" if name == "idle" else RECORDING)
        for name, number in NATIVE.items()
    )
    floor = FLOOR_CALL.format(number=FLOOR, app=FLOOR_APP)
    return {
        "rtp.conf": RTP,
        "custom/queues.conf": queues,
        "custom/extensions.conf": f"[from-trunk]\n{calls}{floor}",
    }


def _tool(*arguments: str) -> str:
    done = subprocess.run([*TOOL, *arguments], stdout=subprocess.PIPE, text=True, check=False, timeout=900)
    if done.returncode != 0:
        sys.exit(f"the bench lab cannot be started; see above. {done.stdout[-2000:]}")
    return done.stdout


def is_up() -> bool:
    done = subprocess.run([*TOOL, "status", *OWN], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def _found() -> dict[str, object]:
    """The addresses of a lab that is up, without starting anything."""
    ours = f"label=com.docker.compose.project={PROJECT}"
    form = '{{.Label "com.docker.compose.service"}} {{.ID}}'
    said = subprocess.run(
        ["docker", "ps", "--filter", ours, "--format", form], check=True, capture_output=True, text=True
    )
    return {
        "secrets": str(STATE / "secrets.env"),
        "config": str(STATE / "callbridge.yml"),
        "web": f"http://127.0.0.1:{WEB_PORT}",
        "ari": f"http://127.0.0.1:{HTTP_PORT}",
        "sip": {"host": "127.0.0.1", "port": SIP_PORT},
        "containers": dict(line.split() for line in said.stdout.splitlines()),
    }


def up() -> Lab:
    for name, text in own_files().items():
        file = STATE / "asterisk" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    addresses = json.loads(_tool("up", *OWN, "--json"))
    limits = ["--pids-limit", THREADS, "--memory", MEMORY, "--memory-swap", MEMORY]
    containers = [addresses["containers"][service] for service in ("asterisk", "phones")]
    subprocess.run(["docker", "update", *limits, *containers], check=True, stdout=subprocess.DEVNULL)
    return Lab.of(addresses)


@contextmanager
def bench_lab() -> Iterator[Lab]:
    """A lab that was up already is measured as it is, old code included, and stays up."""
    if is_up():
        print("the bench lab is up: it is measured as it is", flush=True)
        yield Lab.of(_found())
        return
    try:
        yield up()
    finally:
        _tool("down", *OWN)
