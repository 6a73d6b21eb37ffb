"""What the routing tests have in common: strangers who call one after another, and who served them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.parts import Api, Lab, Program, caller, eventually, outsider, phones
from tests.e2e.sound import Sound

_SCENARIOS = "/opt/phones/sipp"
ASTERISK_SOUNDS = "/usr/share/asterisk/sounds"
CLIENT_HZ, AGENT_HZ = 1000, 440
CLEAR = 0.6  # of a prompt that is heard; what is not stays below 0.5

_numbers = itertools.count(int(time.time()) * 10)


def number_of(name: int) -> str:
    """The company's number that ends so, as in routing.yml."""
    return f"+749510000{name:02}"


def stranger() -> str:
    """A number that nobody has called from, not even in an earlier run against a kept lab."""
    return f"+7903{next(_numbers) % 10**7:07}"


def moment(at: str) -> float:
    """The API's, as Unix seconds."""
    return datetime.fromisoformat(at).timestamp()


@asynccontextmanager
async def ready(
    lab: Lab, api: Api, agents: Iterable[str], **options: Any
) -> AsyncIterator[dict[str, Program]]:
    """These agents' phones, and nobody else's, all of them ready."""
    names = list(agents)
    async with phones(lab, names, **options) as there:
        await asyncio.gather(*(api.agent_is(agent, "ready", 30) for agent in names))
        yield there
        for agent, program in there.items():
            assert not program.events_of("error"), f"{agent}: {program.events_of('error')}"


async def talking(api: Api, number: str, seconds: float = 30) -> str:
    """Who talks with that number, as soon as somebody does. Hung up before, it would go to the next one."""

    async def look() -> dict[str, Any] | None:
        return await api.call_from(number)

    def good(seen: dict[str, Any] | None) -> bool:
        return seen is not None and seen["answered_at"] is not None and seen["outcome"] is None

    call = await eventually(look, good, seconds)
    assert call is not None
    return str(call["agent"])


async def released(api: Api, agent: str) -> None:
    """Until he is free again, or in his wrap-up."""
    await eventually(lambda: api.agent(agent), lambda seen: seen["call_id"] is None)


async def served(
    lab: Lab,
    api: Api,
    there: Mapping[str, Program],
    dialled: str,
    talk: float = 0,
    number: str | None = None,
) -> str:
    """One call, a stranger's if no number is given, until the agent hangs up: who talked with him."""
    number = number or stranger()
    async with caller(lab, dialled, number=number, wait=0, talk=90) as client:
        agent = await talking(api, number)
        await asyncio.sleep(talk)  # the talk itself
        await there[agent].do(do="hangup")
        await client.event("done", seconds=30)
    assert client.events[-1]["calls"] == 1, client.events
    call = await api.ended(number)
    assert (call["outcome"], call["agent"]) == ("answered", agent), call
    await released(api, agent)
    return agent


async def one_after_another(
    lab: Lab, api: Api, there: Mapping[str, Program], dialled: str, count: int
) -> list[str]:
    return [await served(lab, api, there, dialled) for _ in range(count)]


async def prompt(lab: Lab, name: str, language: str = "ru") -> Sound:
    """One of Asterisk's own files: what must be heard when it is played."""
    path = f"{ASTERISK_SOUNDS}/{language}/{name}.wav"
    process = await asyncio.create_subprocess_exec(
        "docker", "exec", lab.containers["asterisk"], "cat", path, stdout=asyncio.subprocess.PIPE
    )
    data, _ = await process.communicate()
    assert process.returncode == 0, path
    return Sound.read(data)


# ── a caller with a phone of his own, and what he hears ──


@asynccontextmanager
async def calls(lab: Lab, dialled: str, number: str, heard: Path, **options: Any) -> AsyncIterator[Program]:
    """An outsider whose call is up."""
    async with outsider(lab, number, tone=CLIENT_HZ, record=heard, **options) as client:
        await client.do(do="call", uri=f"sip:{dialled}@{lab.host}:{lab.sip_port}")
        await client.event("answered", seconds=30)
        yield client


async def goes(client: Program) -> Sound:
    """He hangs up; what he has heard."""
    await client.do(do="hangup")
    return await heard_by(client)


async def heard_by(client: Program) -> Sound:
    recorded = await client.event("recorded", seconds=40)
    return Sound.read(Path(recorded["file"]).read_bytes())


async def ends_with(api: Api, there: dict[str, Program], agent: str, number: str) -> dict[str, Any]:
    """That agent talks with him, and hangs up."""
    assert await talking(api, number) == agent
    await there[agent].do(do="hangup")
    call = await api.ended(number)
    assert (call["outcome"], call["agent"]) == ("answered", agent), call
    await released(api, agent)
    return call


async def since(program: Program, moment: float) -> float:
    """Where in its first recording that moment (CLOCK_MONOTONIC) is, in seconds."""
    return moment - float((await program.event("media"))["mono"])


# ── what is left of a call ──


async def live(api: Api, number: str, state: str | None = None, seconds: float = 20) -> dict[str, Any]:
    """That number's call, which has not ended; with ``state``, once an agent is in it so."""

    async def look() -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        return await api.call_from(number), (await api.get("/agents"))["items"]

    def good(seen: tuple[dict[str, Any] | None, list[dict[str, Any]]]) -> bool:
        call, agents = seen
        if call is None or call["outcome"] is not None:
            return False
        return state is None or state in [one["state"] for one in agents if one["call_id"] == call["id"]]

    call, _ = await eventually(look, good, seconds)
    assert call is not None
    return call


async def ticket_of(api: Api, call: dict[str, Any], recordings: int = 1) -> dict[str, Any]:
    """The one ticket of that call, once it has so many recordings, all attached."""

    async def look() -> list[dict[str, Any]]:
        tickets = await api.all("/tickets", call_id=call["id"])
        return [await api.get(f"/tickets/{ticket['id']}") for ticket in tickets]

    def good(tickets: list[dict[str, Any]]) -> bool:
        return [[one["state"] for one in ticket["recordings"]] for ticket in tickets] == [
            ["attached"] * recordings
        ]

    (ticket,) = await eventually(look, good, 40)
    return ticket


async def recorded(api: Api, call: dict[str, Any]) -> Sound:
    """The one recording of that call, left the client, right the agent."""
    (recording,) = (await ticket_of(api, call))["recordings"]
    assert recording["channels"] == 2
    sound = Sound.read(await api.file(recording["url"]))
    assert abs(sound.seconds * 1000 - recording["duration_ms"]) < 50
    return sound


async def conversations(lab: Lab) -> list[int]:
    """How many talk in each of them, in Asterisk."""
    lines = (await lab.asterisk("bridge show all")).splitlines()[1:]
    rows = [line.split()[-4:] for line in lines]  # how many, type, technology, duration
    return [int(row[0]) for row in rows if "holding" not in row[2]]


async def channels(lab: Lab) -> set[str]:
    """All that Asterisk has, by their names."""
    lines = (await lab.asterisk("core show channels concise")).splitlines()
    return {line.split("!", 1)[0] for line in lines if "!" in line}


# ── somebody else on the same Asterisk ──


@dataclass(frozen=True)
class Application:
    """One that is not Callbridge's."""

    session: aiohttp.ClientSession

    async def order(self, method: str, path: str, **params: str) -> Any:
        async with self.session.request(method, path, params=params) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.status == 200 else None


@asynccontextmanager
async def another_application(lab: Lab, name: str = "theirs") -> AsyncIterator[Application]:
    headers = {"Authorization": aiohttp.encode_basic_auth("callbridge", lab.secrets["ARI_PASSWORD"])}
    async with (
        aiohttp.ClientSession(f"{lab.ari}/ari/", headers=headers) as session,
        session.ws_connect("events", params={"app": name}),
    ):
        yield Application(session)


# ── a number outside ──


@asynccontextmanager
async def echo_outside(lab: Lab) -> AsyncIterator[None]:
    """Whatever number is called by the trunk answers, once, and sends back what it hears, until it ends."""
    async with _outside(lab, f"{_SCENARIOS}/uas_agent.xml", "-mp", "47000", "-rtp_echo"):
        yield


@asynccontextmanager
async def nobody_outside(lab: Lab, status: str) -> AsyncIterator[None]:
    """Whatever number is called by the trunk rings, once, and then says this: "486 Busy Here"."""
    make = f"sed 's/@STATUS@/{status}/' {_SCENARIOS}/uas_refuse.xml >/tmp/refuse.xml"
    await lab.docker("exec", lab.containers["phones"], "sh", "-c", make)
    async with _outside(lab, "/tmp/refuse.xml"):
        yield


@asynccontextmanager
async def rings_outside(lab: Lab) -> AsyncIterator[None]:
    """Whatever number is called by the trunk rings, once, until it is called off."""
    async with _outside(lab, f"{_SCENARIOS}/uas_rings.xml"):
        yield


@asynccontextmanager
async def _outside(lab: Lab, scenario: str, *options: str) -> AsyncIterator[None]:
    far_end = f"sipp -sf {scenario} -i 127.0.0.1 -p 5070"
    command = [*far_end.split(), *options, "-d", "300", "-m", "1", "-timeout", "60s", "-nostdin"]
    phones = lab.containers["phones"]

    async def listening() -> bool:
        return "127.0.0.1:5070" in _sockets(await lab.docker("exec", phones, "cat", "/proc/net/udp"))

    await eventually(listening, lambda there: not there, 60)  # of a test that failed before its call came
    await lab.docker("exec", "-d", phones, *command)
    await eventually(listening)
    yield
    await eventually(listening, lambda there: not there)


def _sockets(table: str) -> set[str]:
    """Local addresses of /proc/net/udp: 0100007F:13CE."""
    found = set()
    for line in table.splitlines()[1:]:
        address, port = line.split()[1].split(":")
        octets = [str(int(address[i : i + 2], 16)) for i in (6, 4, 2, 0)]
        found.add(f"{'.'.join(octets)}:{int(port, 16)}")
    return found
