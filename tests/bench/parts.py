"""What the benchmarks share: agents and callers inside the lab, processor time, figures, printing."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.lab import FLOOR_APP, HERE, SIP_PORT
from tests.e2e.parts import ROOT, Lab, Program, api_of, eventually

APP_PYTHON = "/opt/callbridge/venv/bin/python"
AGENTS_PORT = 40000
ECHO_PORT = 46000
END_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")

Figures = dict[str, float]


# ── programs inside the lab ──────────────────────────────────────────────────


class Inside(Program):
    """A script of ours in a container of the lab. It ends when its stdin does, also if we are killed."""

    @classmethod
    async def run(cls, python: Sequence[str], script: str, given: Mapping[str, object]) -> "Inside":
        process = await asyncio.create_subprocess_exec(
            *("docker", *python, "-c", (HERE / script).read_text(), json.dumps(given)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches us alone: we end it in order
        )
        return cls(process, script)

    async def line(self, text: str) -> None:
        """Not by ``do``: what is secret belongs in no event and in no argument."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader


def _python_of_phones(lab: Lab) -> list[str]:
    return ["exec", "-i", lab.containers["phones"], "python3"]


async def python_beside(lab: Lab) -> list[str]:
    """A container of its own: Callbridge's libraries, the lab's network; gone when its program ends."""
    form = "{{.Image}} {{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"
    image, network = (await lab.docker("inspect", "-f", form, lab.containers["callbridge"])).split()
    return ["run", "--rm", "-i", "--network", network, "--entrypoint", APP_PYTHON, image]


@asynccontextmanager
async def without_callbridge(lab: Lab) -> AsyncIterator[None]:
    """What Asterisk does alone is measured alone: Callbridge would follow those calls over AMI."""
    app = lab.containers["callbridge"]
    await lab.docker("stop", app)
    try:
        yield
    finally:
        await lab.docker("start", app)
        await ready(lab)


async def ready(lab: Lab) -> None:
    async def status() -> int:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{lab.web}/readyz") as reply:
                return reply.status
        except (aiohttp.ClientError, OSError):
            return 0

    await eventually(status, lambda found: found == 200, 60)


@asynccontextmanager
async def agents(
    lab: Lab, who: Sequence[str], *, answer: float, talk: tuple[float, float]
) -> AsyncIterator[Inside]:
    """Registered agents who answer, talk and hang up by themselves."""
    given = {"server": ["127.0.0.1", SIP_PORT], "port": AGENTS_PORT, "sound": ECHO_PORT}
    python = _python_of_phones(lab)
    program = await Inside.run(python, "agents.py", {**given, "answer": answer, "talk": talk})
    try:
        await program.do(**{agent: lab.password(agent) for agent in who})
        await program.event("registered", len(who))
        yield program
    finally:
        await program.end()


@asynccontextmanager
async def ari_floor(lab: Lab, who: Sequence[str]) -> AsyncIterator[None]:
    """The crude application that shows what ARI itself takes; for these agents."""
    given = {"url": "http://asterisk:8088", "username": "callbridge", "app": FLOOR_APP, "agents": who}
    program = await Inside.run(await python_beside(lab), "floor.py", given)
    try:
        await program.line(lab.secrets["ARI_PASSWORD"])
        await program.event("up")
        yield
    finally:
        await program.end()


@asynccontextmanager
async def callers(
    lab: Lab,
    dialled: str,
    *,
    rate: float,
    calls: int = 1_000_000,
    at_once: int,
    longest: float = 600.0,
    sound: bool = True,
    invites: bool = False,
) -> AsyncIterator[Inside]:
    """Callers from the trunk, so many at once. Who is still there at the end is hung up by Asterisk."""
    given: dict[str, object] = {"server": ["127.0.0.1", SIP_PORT], "dialled": dialled, "rate": rate}
    given |= {"calls": calls, "at_once": at_once, "longest": longest, "sound": sound, "invites": invites}
    given |= {"echo": ECHO_PORT if sound else 0, "scenario": (HERE / "caller.xml").read_text()}
    program = await Inside.run(_python_of_phones(lab), "callers.py", given)
    try:
        yield program
    finally:
        await program.end()
        await nobody_is_left(lab)


async def channels(lab: Lab) -> int:
    return int((await lab.asterisk("core show channels count")).split()[0])


async def nobody_is_left(lab: Lab) -> None:
    """End what is left of a side, so that the next one begins with an idle Asterisk."""

    async def left() -> int:
        await lab.asterisk("channel request hangup all")
        await asyncio.sleep(0.2)
        return await channels(lab)

    await eventually(left, lambda count: count == 0, 60)


async def queue_sees(lab: Lab, queue: str, free: int) -> None:
    """Asterisk's own queue learns of registered phones by device states: wait until it knows all of them."""

    async def known() -> int:
        return (await lab.asterisk(f"queue show {queue}")).count("(Not in use)")

    await eventually(known, lambda count: count >= free, 30)


async def counted(lab: Lab) -> dict[str, float]:
    """Callbridge's own counters, by the first words of their lines."""
    headers = {"Authorization": f"Bearer {lab.secrets['API_TOKEN']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{lab.web}/metrics") as reply,
    ):
        lines = [line.rpartition(" ") for line in (await reply.text()).splitlines() if line[:1] != "#"]
    return {name: float(value) for name, _, value in lines}


async def callbridge_sees(lab: Lab, who: Sequence[str]) -> None:
    async with api_of(lab) as api:

        async def ready_ones() -> int:
            listed = (await api.get("/agents"))["items"]
            return sum(item["id"] in who and item["state"] == "ready" for item in listed)

        await eventually(ready_ones, lambda count: count == len(who), 60)


async def packets_sent(lab: Lab) -> int:
    """UDP datagrams sent so far beside Asterisk: sound above all, its own and the callers'."""
    text = await lab.docker("exec", lab.containers["asterisk"], "cat", "/proc/net/snmp")
    names, values = (line.split() for line in text.splitlines() if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])


# ── processor time ───────────────────────────────────────────────────────────


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


@dataclass(frozen=True)
class Processor:
    """User and system time of a container's own processes, seen from the host."""

    pid: int  # the container's first; its family is what it started, not what docker exec did

    @classmethod
    async def of(cls, lab: Lab, service: str) -> "Processor":
        return cls(int(await lab.docker("inspect", "-f", "{{.State.Pid}}", lab.containers[service])))

    def seconds(self) -> float:
        used = 0
        for pid in _family(self.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICKS


# ── figures ──────────────────────────────────────────────────────────────────


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def keep(figures: Mapping[str, float]) -> None:
    """By name into build/bench.json, beside what is there."""
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    known = json.loads(target.read_text()) if target.exists() else {}
    rounded = {name: round(value, 3) for name, value in figures.items()}
    target.write_text(json.dumps({**known, **rounded}, indent=2, sort_keys=True) + "\n")


Row = tuple[str, Callable[[Figures], str]]


def show(figures: Figures, rows: Sequence[Row]) -> None:
    """The rows whose figures are there."""
    for title, text in rows:
        try:
            print(f"{title:62} {text(figures)}")
        except KeyError:
            continue
