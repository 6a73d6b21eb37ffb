"""The fault suite's eyes on a running lab: the event stream, readiness, when the floor is right again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp

from bridge.centre.plan import Plan
from bridge.store.rows import FactRow
from bridge.web.api.event_kinds import event_of
from tests.chaos.counts import Streamed
from tests.chaos.lab import ASTERISK_EVENTS, Chaos
from tests.chaos.pictures import InAsterisk, OnFloor, disagreements, in_asterisk, on_floor, shown
from tests.chaos.truth import Fault

LOOK_S = 0.05
READY_WITHIN_S = 60.0
CONVERGED_WITHIN_S = 40.0
QUIET_S = 40.0  # the stream beats every 15 s
AGAIN_S = 0.2
# What a service that is gone, hung or cut off makes of a request.
AWAY = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError)


class Watch:
    """Looks at the lab; changes nothing in it."""

    def __init__(self, chaos: Chaos, session: aiohttp.ClientSession, agents: Sequence[str]) -> None:
        self.chaos = chaos
        self.web = chaos.lab.web  # of the process that serves
        self.agents = agents
        self.streamed: list[Streamed] = []
        self.last = 0
        self._session = session
        self._ari = aiohttp.encode_basic_auth("callbridge", chaos.lab.secrets["ARI_PASSWORD"])

    # ── the event stream ─────────────────────────────────────────────────────

    async def follow(self) -> None:
        """For ever: after each end it comes back with the last id that it has."""
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=QUIET_S)
        while True:
            try:
                async with self._session.get(
                    f"{self.web}/api/v1/events",
                    headers={"Last-Event-ID": str(self.last)},
                    timeout=patience,
                ) as reply:
                    reply.raise_for_status()
                    await self._read(reply)
            except AWAY:
                pass
            await asyncio.sleep(AGAIN_S)

    async def _read(self, reply: aiohttp.ClientResponse) -> None:
        fields: dict[str, str] = {}
        async for raw in reply.content:
            line = raw.decode().rstrip("\r\n")
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
                continue
            # Only what came whole counts: an event that was cut off is asked for again.
            if "id" in fields:
                self.last = int(fields["id"])
                self.streamed.append(Streamed(self.last, fields.get("event", "")))
            fields = {}

    async def told_until(self, last: int, seconds: float = 15.0) -> None:
        until = time.monotonic() + seconds
        while self.last < last and time.monotonic() < until:
            await asyncio.sleep(LOOK_S)

    # ── one look ─────────────────────────────────────────────────────────────

    async def get(self, path: str, seconds: float = 3.0) -> Any:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self._session.get(f"{self.web}{path}", timeout=timeout) as reply:
            reply.raise_for_status()
            return await (reply.json() if "json" in reply.content_type else reply.text())

    async def ari(self, path: str) -> Any:
        timeout = aiohttp.ClientTimeout(total=5)
        headers = {"Authorization": self._ari}  # not the service's token
        async with self._session.get(
            f"{ASTERISK_EVENTS}/ari{path}", headers=headers, timeout=timeout
        ) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def ready(self) -> bool:
        try:
            return bool((await self.get("/readyz"))["status"] == "ready")
        except AWAY:
            return False

    async def in_asterisk(self) -> InAsterisk:
        return in_asterisk(await self.ari("/channels"), await self.ari("/bridges"))

    async def on_floor(self) -> OnFloor:
        agents, metrics = await asyncio.gather(self.get("/api/v1/agents"), self.get("/metrics"))
        return on_floor(agents["items"], metrics)

    async def disagreements(self) -> list[str]:
        try:
            before = await self.in_asterisk()
            floor = await self.on_floor()
            after = await self.in_asterisk()
        except AWAY as error:
            return [f"no answer: {error!r}"]
        return disagreements(before, floor, after, self.agents)

    # ── how a fault is got over ──────────────────────────────────────────────

    async def until_ready(self, fault: Fault, seconds: float = READY_WITHIN_S) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if await self.ready():
                fault.ready_at = time.time()
                return True
            await asyncio.sleep(LOOK_S)
        fault.why = f"not ready within {seconds:.0f} s"
        return False

    async def until_converged(self, fault: Fault, seconds: float = CONVERGED_WITHIN_S) -> None:
        """From its readiness until the floor is Asterisk's, once."""
        if fault.ready_at is None:
            return
        begun = time.time()
        while True:
            at = time.time()
            found = await self.disagreements()
            if not found:
                fault.converged_s = max(0.0, at - fault.ready_at)
                return
            fault.why = shown(found)
            if at - begun > seconds:
                return
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def watch(chaos: Chaos, agents: Sequence[str], last: int) -> AsyncIterator[Watch]:
    """With the stream's client at work from the fact ``last`` on."""
    headers = {"Authorization": f"Bearer {chaos.lab.secrets['API_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        made = Watch(chaos, session, agents)
        made.last = last
        following = asyncio.create_task(made.follow())
        try:
            yield made
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def expected(facts: Sequence[dict[str, Any]]) -> list[Streamed]:
    """What the stream should tell of these facts."""
    found = []
    for fact in facts:
        at = datetime.fromisoformat(fact["at"])
        event = event_of(FactRow(fact["id"], at, fact["call"], fact["type"], fact["body"]), Plan())
        if event is not None:
            found.append(Streamed(fact["id"], event.type))
    return found


def as_json(streamed: Sequence[Streamed]) -> str:
    return json.dumps([[one.id, one.type] for one in streamed])
