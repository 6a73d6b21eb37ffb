"""What the routing tests have in common: strangers who call one after another, and who served them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.parts import Api, Lab, Program, caller, eventually, outsider, phones
from tests.e2e.sound import Sound

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
async def calls(lab: Lab, dialled: str, number: str, heard: Path) -> AsyncIterator[Program]:
    """An outsider whose call is up."""
    async with outsider(lab, number, tone=CLIENT_HZ, record=heard) as client:
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
