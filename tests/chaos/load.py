"""The load: agents who talk, callers who wait, new ones who come; and what each of them saw.

Who hangs up is decided here, by the seed: most talks the agent ends, some the caller; a few give up.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.bench.lab import HERE as BENCH
from tests.bench.parts import AGENTS_PORT, ECHO_PORT, Inside
from tests.chaos.lab import AGENTS, DIALLED, HERE, PLACE, Chaos
from tests.chaos.truth import Truth
from tests.e2e.parts import eventually

CLIENTS_PORT, SOUND_PORT = 41000, 42000
PROGRAMS = {
    "agents.py": BENCH / "agents.py",
    "callers.py": BENCH / "callers.py",
    "talkers.py": HERE / "phones" / "talkers.py",
    "clients.py": HERE / "phones" / "clients.py",
}
ANSWER_S = 1.0
RAMP = 12.0  # calls a second, until all agents talk and so many wait as should
CALLER_ENDS = 0.25  # of the talks
GIVES_UP = 0.04  # of the callers, unless an agent is quicker
SPREAD = 0.4  # of the talks' lengths around their mean
LAST_TALK_S = (2.5, 5.0)
DRAIN_S = 60.0


@dataclass(frozen=True)
class Size:
    """So many talk and so many wait, while so many come a second: agents' talks are as long as that takes."""

    talking: int = 100
    waiting: int = 50
    rate: float = 2.0

    @property
    def talk(self) -> tuple[float, float]:
        # Callers who hang up make some of them shorter, by two fifths; and a queue must not grow for ever.
        mean = 0.97 * (self.talking / self.rate - ANSWER_S) / (1 - 0.4 * CALLER_ENDS)
        return mean * (1 - SPREAD), mean * (1 + SPREAD)


class Told(Inside):
    """A program beside Asterisk; what it tells is heard as it comes."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, hear: Callable[[Any], None]) -> None:
        self._hear = hear
        super().__init__(process, name)

    @classmethod
    async def begin(
        cls, python: Sequence[str], given: dict[str, object], hear: Callable[[Any], None]
    ) -> Self:
        process = await asyncio.create_subprocess_exec(
            *("docker", *python, json.dumps(given)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches us alone: we end it in order
        )
        return cls(process, Path(python[-1]).name, hear)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            self.events.append(event)
            self._hear(event)
            self._news.set()


class Load:
    def __init__(self, size: Size, seed: str, first_number: int) -> None:
        self.size = size
        self.truth = Truth()
        self._chance = random.Random(seed)
        self._next = first_number
        self._later: set[asyncio.TimerHandle] = set()
        self._orders: set[asyncio.Task[None]] = set()
        self._coming: asyncio.Task[None] | None = None
        self._all_end = False
        self.agents: Told
        self.clients: Told

    # ── hearing ──────────────────────────────────────────────────────────────

    def hear_client(self, event: dict[str, Any]) -> None:
        self.truth.hear_client(event)
        if event["event"] == "answered" and self._chance.random() < GIVES_UP:
            patience = self._chance.uniform(3, self.size.waiting / self.size.rate + 15)
            self._after(patience, lambda: self._give_up(event["number"]))

    def hear_agent(self, event: dict[str, Any]) -> None:
        self.truth.hear_agent(event)
        if event["event"] == "talking" and self._chance.random() < CALLER_ENDS:
            talk = self._chance.uniform(1.0, self.size.talk[1])
            self._after(talk, lambda: self._order(do="hangup", number=event["number"]))

    def _give_up(self, number: str) -> None:
        if not any(talk.number == number for talk in self.truth.talks):
            self._order(do="hangup", number=number)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        if self._all_end:
            return  # by then the phones' programs have ended as well
        self._later.add(asyncio.get_running_loop().call_later(seconds, do))

    def _order(self, **command: object) -> None:
        task = asyncio.create_task(self.clients.do(**command))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)

    # ── doing ────────────────────────────────────────────────────────────────

    def call(self) -> None:
        self._next += 1
        self._order(do="call", number=f"+7{self._next:010d}")

    async def ramp(self) -> None:
        """Until everybody talks who should, and about as many wait as should."""
        size = self.size
        # A fifth more: some are served and some give up until all are there.
        for _ in range(size.talking + round(1.2 * size.waiting)):
            self.call()
            await asyncio.sleep(1 / min(RAMP, size.rate * 8))
        self._coming = asyncio.create_task(self._come())

        async def state() -> tuple[int, int]:
            return self.truth.talking(), self.truth.waiting()

        def steady(seen: tuple[int, int]) -> bool:
            return seen[0] >= size.talking * 0.9 and seen[1] >= size.waiting * 0.7

        await eventually(state, steady, 60)

    async def _come(self) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(self.size.rate))
            self.call()

    async def start_again(self) -> None:
        """Asterisk has forgotten all calls: so do the phones, and the load is built up anew."""
        await self.clients.do(do="sweep")
        await self.agents.do(do="talk", talk=self.size.talk, within=0.5)
        for _ in range(self.size.talking + self.size.waiting):
            self.call()

    async def no_more(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)

    async def drain(self) -> None:
        """Nobody new comes; who is there is served, and all talks end. Who is left then is hung up by us."""
        await self.no_more()
        self._all_end = True
        for handle in self._later:
            handle.cancel()
        await self.agents.do(do="talk", talk=LAST_TALK_S, within=LAST_TALK_S[1])

        async def left() -> int:
            return self.truth.there()

        try:
            await eventually(left, lambda count: count == 0, DRAIN_S)
        except AssertionError:
            await self.clients.do(do="sweep")
            await eventually(left, lambda count: count == 0, 40)


@asynccontextmanager
async def load(chaos: Chaos, size: Size, seed: str, first_number: int) -> AsyncIterator[Load]:
    """Registered agents and no calls yet; in the end nobody is left."""
    made = Load(size, seed, first_number)
    folder = await chaos.to_phones(PROGRAMS)
    python = ["exec", "-i", chaos.lab.containers["phones"], "python3"]
    server = ["127.0.0.1", PLACE.sip]
    given: dict[str, object] = {"server": server, "port": AGENTS_PORT, "sound": ECHO_PORT, "seed": seed}
    given |= {"answer": ANSWER_S, "talk": size.talk}
    callers = {"server": server, "port": CLIENTS_PORT, "sound": SOUND_PORT, "dialled": DIALLED}
    echo = await _echo(chaos)
    made.agents = await Told.begin([*python, f"{folder}/talkers.py"], given, made.hear_agent)
    made.clients = await Told.begin([*python, f"{folder}/clients.py"], dict(callers), made.hear_client)
    try:
        who = AGENTS[: size.talking]
        await made.agents.do(**{agent: chaos.lab.password(agent) for agent in who})
        await made.agents.event("registered", len(who))
        yield made
    finally:
        await made.no_more()
        for program in (made.clients, made.agents, echo):
            await program.end()


async def _echo(chaos: Chaos) -> Inside:
    """The agents' ears and mouths: what they hear they say. It ends when its stdin does."""
    sipp = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(ECHO_PORT + 1), "-mp", str(ECHO_PORT)]
    script = f"{' '.join([*sipp, '-rtp_echo', '-nostdin'])} >/dev/null 2>&1 & read -r _; kill $!"
    process = await asyncio.create_subprocess_exec(
        *("docker", "exec", "-i", chaos.lab.containers["phones"], "sh", "-c", script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return Inside(process, "echo")
