"""The fault suite's lab: its ports, what its Asterisk has of its own, and what is done to its containers.

Everything goes through Docker's engine: who may use that needs no more rights.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.lab import Place
from tests.e2e.parts import ROOT, Lab, eventually

HERE = Path(__file__).resolve().parent
PLACE = Place("callbridge-chaos", "lab-chaos", HERE / "callbridge.yml", 27360, (17300, 17309), 29388, 29380)
TOOL = [sys.executable, str(HERE / "labtool.py")]
DIALLED = "+74950000401"
QUEUE = "chaos"
AGENTS = [str(number) for number in range(1001, 1121)]
DATA = "/var/lib/callbridge"
SPOOL = "/var/spool/asterisk/recording"
QUEUE_LOG = "/var/log/asterisk/queue_log"
TOOLS = "callbridge-chaos-tools"
APP = "callbridge-chaos-app"
FORMER = "callbridge-chaos-former"
ASTERISK_EVENTS = f"http://127.0.0.1:{PLACE.http}"

# Only some of them are published: load comes from beside Asterisk.
RTP = """; The fault suite's: see tests/chaos/lab.py.
[general]
rtpstart = 14000
rtpend = 24000
strictrtp = yes
icesupport = yes
"""
# Which calls the native queues saw is Asterisk's word, not ours.
LOGGER = """; The fault suite's: see tests/chaos/lab.py.
[general]
dateformat = %F %T.%3q
queue_log = yes

[logfiles]
console = notice,warning,error
security.log = security
"""


def _tool(*arguments: str, as_built: bool = False, former: str | None = None) -> str:
    wanted = {"CALLBRIDGE_CHAOS_AS_BUILT": "1" if as_built else "", "CALLBRIDGE_CHAOS_FORMER": former or ""}
    environment = {**os.environ, **wanted}
    command = [*TOOL, *arguments, *PLACE.options]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, timeout=900, env=environment
    )
    assert done.returncode == 0, f"the lab cannot be started; see above. {done.stdout[-2000:]}"
    return done.stdout


def up(*, as_built: bool = False, former: str | None = None) -> "Chaos":
    """``former``: another version, a git revision, of which an image is made for ``beside``."""
    for name, text in {"rtp.conf": RTP, "logger.conf": LOGGER}.items():
        file = ROOT / "docker" / PLACE.state / "asterisk" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Chaos(Lab.of(json.loads(_tool("up", "--json", as_built=as_built, former=former))))


def found() -> "Chaos | None":
    """The lab that is up, as it is, without starting anything."""
    ours = f"label=com.docker.compose.project={PLACE.project}"
    form = '{{.Label "com.docker.compose.service"}} {{.ID}}'
    command = ["docker", "ps", "-a", "--filter", ours, "--format", form]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    containers = dict(line.split() for line in said.splitlines())
    if containers.keys() < {"asterisk", "callbridge", "keeper", "phones"}:
        return None
    state = ROOT / "docker" / PLACE.state
    sip = {"host": "127.0.0.1", "port": PLACE.sip}
    files = {"secrets": str(state / "secrets.env"), "config": str(state / "callbridge.yml")}
    addresses = {**files, "web": f"http://127.0.0.1:{PLACE.web}", "ari": ASTERISK_EVENTS}
    return Chaos(Lab.of({**addresses, "sip": sip, "containers": containers}))


def down() -> None:
    _tool("down")


@dataclass(frozen=True)
class Chaos:
    """The lab, and a hand on each of its containers."""

    lab: Lab

    @property
    def app(self) -> str:
        return self.lab.containers["callbridge"]

    @property
    def asterisk(self) -> str:
        return self.lab.containers["asterisk"]

    # ── processes ────────────────────────────────────────────────────────────

    async def kill(self) -> None:
        """As if the power had gone: nothing is closed, nothing is written."""
        await self.lab.docker("kill", "--signal", "KILL", self.app)

    async def start(self) -> None:
        await self.lab.docker("start", self.app)

    async def stop(self) -> None:
        await self.lab.docker("stop", "--time", "30", self.app)

    @asynccontextmanager
    async def beside(self, image: str, *options: str) -> AsyncIterator[str]:
        """A second service beside the first, on the same data; its web address. At its end it is stopped."""
        ((network, _),) = (await self._inspect(self.app, "NetworkSettings"))["Networks"].items()
        config = await self._inspect(self.app, "Config")
        command = ["run", "--detach", "--init", "--network", network, "--volumes-from", self.app]
        command += ["--user", config["User"], "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
        command += ["--security-opt", "no-new-privileges:true", image, *config["Cmd"], *options]
        container = (await self.lab.docker(*command)).strip()
        try:
            address = (await self._inspect(container, "NetworkSettings"))["Networks"][network]["IPAddress"]
            yield f"http://{address}:8080"
            await self.lab.docker("stop", "--time", "30", container)
        finally:
            await self.lab.docker("rm", "--force", container)

    async def _inspect(self, container: str, part: str) -> Any:
        return json.loads(await self.lab.docker("inspect", "-f", f"{{{{json .{part}}}}}", container))

    async def signal(self, container: str, name: str) -> None:
        """To the container's one program, which its init has started; not to the init."""
        script = f"kill -{name} $(cat /proc/1/task/1/children)"
        await self.lab.docker("exec", container, "sh", "-c", script)

    async def is_running(self, container: str) -> bool:
        return (await self.lab.docker("inspect", "-f", "{{.State.Running}}", container)).strip() == "true"

    # ── the network between the two ──────────────────────────────────────────

    async def firewall(self, script: str) -> str:
        """A shell script where Callbridge's network is, with the right to change its filters."""
        where = ["--network", f"container:{self.app}", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN"]
        where += ["--cap-add", "NET_RAW", "--user", "0"]
        return await self.lab.docker("run", "--rm", *where, TOOLS, "sh", "-ec", script)

    async def cut(self, *ports: int) -> None:
        """Packets vanish in both directions: nothing is refused, nobody is told."""
        await self.firewall("".join(_rules("-I", port) for port in ports))

    async def mend(self, *ports: int) -> None:
        await self.firewall("".join(_rules("-D", port) for port in ports))

    # ── the keeper: the volumes, from a container that stays ─────────────────

    async def keeper(self, script: str, *, user: str = "0") -> str:
        return await self.lab.docker(
            "exec", "--user", user, self.lab.containers["keeper"], "sh", "-ec", script
        )

    async def python(self, program: str, *arguments: str) -> str:
        """With the rights of who owns the data: what it makes there, the service can use."""
        keeper, owner = self.lab.containers["keeper"], await self._owner()
        return await self.lab.docker("exec", "--user", owner, keeper, "python3", "-c", program, *arguments)

    async def _owner(self) -> str:
        return (await self.lab.docker("inspect", "-f", "{{.Config.User}}", self.app)).strip()

    async def to_phones(self, files: Mapping[str, Path]) -> str:
        """Put programs beside Asterisk; gives the folder."""
        phones = self.lab.containers["phones"]
        await self.lab.docker("exec", phones, "mkdir", "-p", "/tmp/chaos")
        for name, file in files.items():
            await self.lab.docker("cp", "--quiet", str(file), f"{phones}:/tmp/chaos/{name}")
        return "/tmp/chaos"

    async def clock(self, offset: str) -> None:
        """Of a service that was started ``with_own_clock``: seconds, like "+3600"."""
        write = f"echo {offset} >/chaos/next && chmod 644 /chaos/next"
        await self.keeper(f"{write} && mv /chaos/next /chaos/clock")  # never seen half written

    async def own_clock(self, wanted: bool) -> None:
        """Of the next start of the service."""
        await (self.clock("+0") if wanted else self.keeper("rm -f /chaos/clock"))

    async def logged(self, *words: str, seconds: float = 30.0) -> None:
        """Until the service has logged one of these words since its latest start."""
        form = "{{.State.StartedAt}}"
        since = (await self.lab.docker("inspect", "-f", form, self.app)).strip()
        process = await asyncio.create_subprocess_exec(
            *("docker", "logs", "--follow", "--since", since, self.app),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                async for line in process.stdout:
                    if any(word in line.decode(errors="replace") for word in words):
                        return
        finally:
            process.kill()
            await process.wait()

    async def log(self, container: str, since: float) -> bytes:
        """All that it has said since then."""
        process = await asyncio.create_subprocess_exec(
            *("docker", "logs", "--since", f"{since:.3f}", container),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await process.communicate())[0]

    async def asterisk_is_up(self) -> None:
        async def booted() -> bool:
            try:
                return "fully booted" in await self.lab.asterisk("core waitfullybooted")
            except AssertionError:
                return False

        await eventually(booted, seconds=60)

    async def queued(self) -> dict[str, str]:
        """Number → queued_at, as stored, of calls that live."""
        found: dict[str, str] = json.loads(await self.python(READ_QUEUED, f"{DATA}/callbridge.db"))
        return found

    async def spool(self) -> list[str]:
        """Recordings that nobody has fetched, and what was left half fetched."""
        script = f"find {SPOOL} {DATA}/recordings/.incoming -type f 2>/dev/null || true"
        return sorted((await self.keeper(script)).split())

    async def native_log(self) -> list[str]:
        script = f"cat {QUEUE_LOG} 2>/dev/null || true"
        return (await self.lab.docker("exec", self.asterisk, "sh", "-c", script)).splitlines()

    async def books(self, since: int = 0) -> dict[str, Any]:
        """What the service has written down: rows of its tables, facts from ``since`` on."""
        found: dict[str, Any] = json.loads(await self.python(READ_BOOKS, f"{DATA}/callbridge.db", str(since)))
        return found


# In the keeper, beside the service: it only looks, and waits for nobody.
READ_BOOKS = """
import json, sqlite3, sys
file, since = sys.argv[1], int(sys.argv[2])
base = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
base.row_factory = sqlite3.Row
base.execute("BEGIN")  # one moment for all of them
def rows(statement, *values):
    return [dict(row) for row in base.execute(statement, values)]
facts = rows('SELECT id, run, seq, at, call, type, body FROM facts WHERE id > ? ORDER BY id', since)
for fact in facts:
    fact["body"] = json.loads(fact["body"])
print(json.dumps({
    "calls": rows("SELECT id, number, queue, agent, queued_at, answered_at, ended_at, outcome FROM calls"),
    "tickets": rows("SELECT id, call_id FROM tickets"),
    "recordings": rows("SELECT id, call_id, ticket_id, state, bytes, duration_ms, fault FROM recordings"),
    "outbox": rows("SELECT call_id, event, event_id, state, tries, last_error FROM outbox ORDER BY seq"),
    "facts": facts,
}))
"""

READ_QUEUED = """
import json, sqlite3, sys
base = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=5)
rows = base.execute("SELECT number, queued_at FROM calls WHERE ended_at IS NULL AND queued_at IS NOT NULL")
print(json.dumps(dict(rows.fetchall())))
"""


def _rules(what: str, port: int) -> str:
    return (
        f"iptables {what} OUTPUT -p tcp --dport {port} -j DROP\n"
        f"iptables {what} INPUT -p tcp --sport {port} -j DROP\n"
    )
