"""Live calls, and what agents and supervisors do in them at random.

Holds, mutes, transfers of each kind, conferences, supervision, pauses of the recording. Owns what each player
of ``at_random`` does, and when.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from tests.bench.lab import HERE as BENCH
from tests.bench.parts import AGENTS_PORT
from tests.chaos.lab import DIALLED, HERE, PLACE, QUEUE, Chaos
from tests.chaos.load import CLIENTS_PORT, Told
from tests.e2e.parts import Api, api_of, eventually

PROGRAMS = {
    "agents.py": BENCH / "agents.py",
    "callers.py": BENCH / "callers.py",
    **{name: HERE / "phones" / name for name in ("beat.py", "talkers.py", "clients.py", "voices.py")},
}
AGENTS_SOUND, CLIENTS_SOUND = 42000, 44000
SUPERVISORS = ("1117", "1118", "1119", "1120")
SPARE = 8  # agents more than calls: somebody must be free to be passed on to
ANSWER_S = 0.7
TALK_S = (25.0, 80.0)
BETWEEN_S = (0.5, 3.5)
WHOLE_BETWEEN_S = (20.0, 40.0)  # in a call of an hour: with each thing done its file loses a moment
REFUSED = (404, 409, 422)  # of a wish that does not fit what the call is in the middle of
NOTICED_S = 0.5


@dataclass
class Live:
    """One call, and what of it the service does not write down."""

    number: str
    hertz: int
    chance: random.Random
    call: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)  # the caller's phone's
    to_end: bool = False  # it has been ordered
    unsure: list[tuple[float, float]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return any(event["event"] in ("ended", "refused") for event in self.events)


@dataclass(frozen=True)
class Manner:
    """How many calls at once, and how many of these last from the beginning to the end."""

    calls: int
    whole: int
    seed: str


@dataclass
class Floor:
    chaos: Chaos
    api: Api
    manner: Manner
    until: float = 0.0
    lives: list[Live] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    talks: dict[str, str] = field(default_factory=dict)  # number → the agent who answered him last
    agents: Told = field(init=False)
    clients: Told = field(init=False)

    def __post_init__(self) -> None:
        staff = [str(1001 + number) for number in range(self.manner.calls + SPARE)]
        self.tones = {agent: 600 + 50 * place for place, agent in enumerate([*staff, *SUPERVISORS])}
        above = max(self.tones.values()) + 50
        self._hertz = [above + 50 * place for place in range(self.manner.calls + 2)]
        self._supervisors = list(SUPERVISORS)
        self._numbers = iter(range(int(time.time()) % 10**8 * 100, 10**10))

    # ── hearing and asking ───────────────────────────────────────────────────

    def hear_client(self, event: dict[str, Any]) -> None:
        for live in self.lives:
            if live.number == event.get("number"):
                live.events.append(event)

    def hear_agent(self, event: dict[str, Any]) -> None:
        if event["event"] == "talking":
            self.talks.setdefault(event["number"], event["agent"])

    async def wish(self, path: str, **body: object) -> bool:
        url = f"{self.api.lab.web}/api/v1/agents/{path}"
        async with self.api.session.post(url, json=body) as reply:
            self.answers[reply.status] += 1
            if reply.status not in (200, 202, *REFUSED):
                self.wrong.append(f"POST {path} {body}: {reply.status} {(await reply.text())[:200]}")
            return reply.status in (200, 202)

    async def holder(self, live: Live) -> str | None:
        """Who has the client now, if it is a plain talk."""
        call = await self.api.get(f"/calls/{live.call}")
        if call["agent"] is None or call["outcome"] is not None or live.over:
            return None
        async with self.api.session.get(f"{self.api.lab.web}/api/v1/agents/{call['agent']}/call") as reply:
            plain = reply.status == 200 and not (await reply.json())["stage"]
        return str(call["agent"]) if plain else None

    async def free(self, live: Live) -> str | None:
        agents = (await self.api.get("/agents"))["items"]
        found = [one["id"] for one in agents if one["state"] == "ready" and one["id"] not in SUPERVISORS]
        return live.chance.choice(found) if found else None

    # ── what is done in a call ───────────────────────────────────────────────

    async def hold(self, live: Live, agent: str) -> None:
        if await self.wish(f"{agent}/call", do="hold"):
            await asyncio.sleep(live.chance.uniform(1, 4))
            await self.wish(f"{agent}/call", do="resume")

    async def mute(self, live: Live, agent: str) -> None:
        begun = time.time()
        if await self.wish(f"{agent}/call", do="mute"):
            await asyncio.sleep(live.chance.uniform(1, 3))
            await self.wish(f"{agent}/call", do="unmute")
            live.unsure.append((begun, time.time()))

    async def pause(self, live: Live, agent: str) -> None:
        if await self.wish(f"{agent}/call", do="pause_recording"):
            await asyncio.sleep(live.chance.uniform(1, 5))
            if not await self.wish(f"{agent}/call", do="resume_recording") and not live.over:
                holder = await self.holder(live)  # passed on meanwhile
                if holder is not None:
                    await self.wish(f"{holder}/call", do="resume_recording")

    async def blind(self, live: Live, agent: str) -> None:
        target = await self.free(live)
        to: dict[str, object] = {"queue": QUEUE} if target is None or live.chance.random() < 0.3 else {}
        await self.wish(f"{agent}/transfer", attended=False, **(to or {"agent": target}))
        await asyncio.sleep(2 * ANSWER_S)

    async def attended(self, live: Live, agent: str) -> None:
        target = await self.free(live)
        if target is None or not await self.wish(f"{agent}/transfer", attended=True, agent=target):
            return
        await asyncio.sleep(ANSWER_S + live.chance.uniform(0.5, 3))
        end = live.chance.choice(["complete", "swap", "give_up", "conference"])
        if not await self.wish(f"{agent}/call", do=end):
            return  # he did not take it in time, or is gone already
        await asyncio.sleep(live.chance.uniform(1, 3))
        if end == "swap":
            await self.wish(f"{agent}/call", do="swap")
            await asyncio.sleep(live.chance.uniform(0.5, 2))
            await self.wish(f"{agent}/call", do="complete")
        elif end == "conference":
            leaver = live.chance.choice([agent, target])
            await self.agents.do(do="hangup", agent=leaver)
            await asyncio.sleep(NOTICED_S)

    async def blonde(self, live: Live, agent: str) -> None:
        target = await self.free(live)
        if target is not None and await self.wish(f"{agent}/transfer", attended=True, agent=target):
            await asyncio.sleep(live.chance.uniform(0.1, ANSWER_S))
            await self.wish(f"{agent}/call", do="complete")
            await asyncio.sleep(2 * ANSWER_S)

    async def watch(self, live: Live, agent: str) -> None:
        """Beside whatever else is done: it goes on through transfers."""
        if not self._supervisors:
            return
        supervisor = self._supervisors.pop()
        about = f"{agent}/supervision"
        try:
            for _ in range(live.chance.randint(1, 4)):
                begun, do = time.time(), live.chance.choice(["listen", "whisper", "barge"])
                if not await self.wish(about, do=do, supervisor=supervisor):
                    break
                await asyncio.sleep(live.chance.uniform(1, 4))
                if do == "barge":
                    live.unsure.append((begun, time.time() + NOTICED_S))
                    await self.wish(about, do="listen", supervisor=supervisor)
            await self.wish(about, do="leave", supervisor=supervisor)
        finally:
            await asyncio.sleep(2 * ANSWER_S)
            self._supervisors.append(supervisor)

    # ── a call, and all of them ──────────────────────────────────────────────

    async def play(self, player: int) -> None:
        turn = 0
        while time.monotonic() < self.until:
            turn += 1
            number = f"+7{next(self._numbers):010d}"
            chance = random.Random(f"{self.manner.seed} {player} {turn}")
            live = Live(number, self._hertz.pop(0), chance)
            self.lives.append(live)
            try:
                await self.one_call(live, whole=player < self.manner.whole)
            except AssertionError as error:
                self.wrong.append(f"{live.number} {live.call}: {str(error)[:300]}")
            finally:
                live.to_end = True
                await self.clients.do(do="hangup", number=number)
                await asyncio.sleep(1.0)
                self._hertz.append(live.hertz)

    async def one_call(self, live: Live, *, whole: bool) -> None:
        await self.clients.do(do="call", number=live.number, hertz=live.hertz)

        async def answered() -> str | None:
            return self.talks.get(live.number)

        await eventually(answered, seconds=40)
        live.call = (await eventually(lambda: self.api.call_from(live.number)) or {})["id"]
        watching: set[asyncio.Task[None]] = set()
        long = inf if whole else live.chance.uniform(*TALK_S)
        end = min(time.monotonic() + long, self.until)
        acts: Sequence[Callable[[Live, str], Awaitable[None]]] = (
            *(self.hold, self.mute, self.pause, self.pause),
            *(self.blind, self.attended, self.attended, self.blonde, self.watch),
        )
        while time.monotonic() < end and not live.over:
            await asyncio.sleep(live.chance.uniform(*(WHOLE_BETWEEN_S if whole else BETWEEN_S)))
            agent = await self.holder(live)
            if agent is None:
                continue
            act = live.chance.choice(acts)
            self.done[act.__name__] += 1
            if act in (self.watch, self.pause):
                watching.add(asyncio.ensure_future(act(live, agent)))
            else:
                await act(live, agent)
        if live.over:
            self.wrong.append(f"{live.number} {live.call}: ended before its time: {live.events[-1]}")
        await asyncio.gather(*watching)
        await self.end(live)

    async def end(self, live: Live) -> None:
        agent = await self.holder(live) if live.chance.random() < 0.5 else None
        live.to_end = True
        if agent is None:
            await self.clients.do(do="hangup", number=live.number)
        else:
            await self.agents.do(do="hangup", agent=agent)

        async def over() -> bool:
            return live.over

        await eventually(over, seconds=10)


@asynccontextmanager
async def floor(chaos: Chaos, manner: Manner) -> AsyncIterator[Floor]:
    async with api_of(chaos.lab) as api:
        made = Floor(chaos, api, manner)
        folder = await chaos.to_phones(PROGRAMS)
        python = ["exec", "-i", chaos.lab.containers["phones"], "python3", f"{folder}/voices.py"]
        given: dict[str, object] = {"server": ["127.0.0.1", PLACE.sip], "dialled": DIALLED}
        agents = {**given, "who": "agents", "port": AGENTS_PORT, "sound": AGENTS_SOUND, "answer": ANSWER_S}
        clients = {**given, "who": "clients", "port": CLIENTS_PORT, "sound": CLIENTS_SOUND}
        made.agents = await Told.begin(python, agents, made.hear_agent)
        made.clients = await Told.begin(python, clients, made.hear_client)
        try:
            who = {agent: [chaos.lab.password(agent), hertz] for agent, hertz in made.tones.items()}
            await made.agents.do(**who)
            await made.agents.event("registered", len(who))
            yield made
        finally:
            await made.clients.end()
            await made.agents.end()
