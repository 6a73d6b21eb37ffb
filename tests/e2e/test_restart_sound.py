"""A talk goes on while Callbridge is killed and started: nobody hears a gap, and it is recorded whole."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.parts import FRANK_PHONE, Api, Lab, Program, outsider
from tests.e2e.scene import (
    AGENT_HZ,
    CLIENT_HZ,
    channels,
    conversations,
    goes,
    prompt,
    ready,
    recorded,
    stranger,
    talking,
)
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, SUPPORT, ECHO = "1001", "+74950000002", "+74950000009"
TRIES = 4
LONGEST_GAP = 0.040 + 0.002  # s, and what it is measured to
RECORDED_GAP = 0.5  # s
NEAR = 0.15  # s; what two recordings of one moment may be apart
SHARED = 1 / 3  # of a gap, at the least, is missing in the echo too; a phone's jitter buffer hides some

Meanwhile = Callable[[Program, Program], Awaitable[None]]
Gap = tuple[float, float]  # its begin by CLOCK_MONOTONIC, and its length


@dataclass(frozen=True)
class Talk:
    """What two heard while they talked, and what each phone heard of an echo at the same time.

    Phones, machine and Asterisk treat the echo as they treat the talk, but no restart concerns it: it is the
    dialplan's. So a moment that is missing in either echo was not lost by Callbridge.
    """

    number: str
    seconds: float
    heard: dict[str, list[Gap]]  # direction → gaps
    echoes: list[Gap]
    stood_still: list[Gap]  # when either phone's process was not let run
    meanwhile: tuple[float, float]  # when what was tried began and ended

    def raw(self, meanwhile: bool) -> float:
        """The longest gap, whoever made it, while it was tried, or before and after."""
        begin, end = self.meanwhile
        gaps = [gap for heard in self.heard.values() for gap in heard]
        return longest([gap for gap in gaps if (begin <= gap[0] <= end) is meanwhile])

    def own(self, gaps: list[Gap]) -> list[Gap]:
        """Those that no echo shares, in phones that ran."""
        others = [*self.echoes, *self.stood_still]
        return [
            (begin, length)
            for begin, length in gaps
            if not any(
                begin - NEAR < other + long and other < begin + length + NEAR and long >= length * SHARED
                for other, long in others
            )
        ]

    def show(self, title: str) -> None:
        print(f"\n{title:<24}{'longest gap, ms':>17}{'that no echo shares, ms':>25}")
        for name, gaps in (
            *self.heard.items(),
            ("control: the echoes", self.echoes),
            ("phones stood still", self.stood_still),
        ):
            own = f"{longest(self.own(gaps)) * 1000:.0f}" if name in self.heard else ""
            print(f"{name:<24}{longest(gaps) * 1000:>17.0f}{own:>25}")


def longest(gaps: list[Gap]) -> float:
    return max((length for _, length in gaps), default=0.0)


async def talk(lab: Lab, api: Api, folder: Path, meanwhile: Meanwhile) -> Talk:
    """A stranger and Anna, each saying one tone, while that happens, and a few seconds before and after."""
    number = stranger()
    folder.mkdir()
    async with (
        ready(lab, api, [ANNA], record=folder / "agent.wav", script=FRANK_PHONE) as there,
        outsider(lab, number, tone=CLIENT_HZ, record=folder / "client.wav", script=FRANK_PHONE) as client,
    ):
        anna = there[ANNA]
        for program in (anna, client):
            uris = {"uri": f"sip:{ECHO}@{lab.host}:{lab.sip_port}", "as": f"sip:{stranger()}@{lab.host}"}
            await program.do(do="echo", **uris)
            await program.event("echo_answered")
        await asyncio.sleep((await prompt(lab, "callbridge/echo-test")).seconds + 1)  # then it is an echo
        await client.do(do="call", uri=f"sip:{SUPPORT}@{lab.host}:{lab.sip_port}")
        answered = await anna.event("answered", seconds=30)
        assert await talking(api, number) == ANNA
        await asyncio.sleep(3)
        tried = time.monotonic()
        await meanwhile(client, anna)
        tried_until = time.monotonic()
        await asyncio.sleep(3)
        end = time.monotonic()
        await goes(client)
        ended = await client.event("ended")
        await anna.event("ended")
        # How a phone begins and ends is its own affair.
        span = answered["mono"] + 1.0, end - 0.5
        heard = {
            "client hears agent": await gaps_of(client, AGENT_HZ, span),
            "agent hears client": await gaps_of(anna, CLIENT_HZ, span),
        }
        echoes = [
            *await gaps_of(client, CLIENT_HZ, span, "echo_"),
            *await gaps_of(anna, AGENT_HZ, span, "echo_"),
        ]
        still = [
            (event["mono"] - event["seconds"], event["seconds"])
            for program in (client, anna)
            for event in program.events_of("stood_still")
            if event["mono"] > span[0]
        ]
    seconds = ended["wall"] - answered["wall"]
    return Talk(number, seconds, heard, echoes, still, (tried, tried_until))


async def gaps_of(program: Program, hertz: int, span: tuple[float, float], kind: str = "") -> list[Gap]:
    sound = Sound.read(Path((await program.event(f"{kind}recorded"))["file"]).read_bytes())
    zero = float((await program.event(f"{kind}media"))["mono"])
    part = sound.part(span[0] - zero, span[1] - zero)
    return [(span[0] + begin, length) for begin, length in part.gaps(hertz)]


@dataclass
class Restart:
    """Callbridge goes and comes back while they talk; what is there before it goes, and afterwards."""

    lab: Lab
    api: Api
    how: str
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, _: Program, __: Program) -> None:
        await self.look()
        async with self.lab.away(self.how):
            pass
        await self.look()

    async def look(self) -> None:
        agent = await self.api.agent(ANNA)
        there = {name: agent[name] for name in ("state", "since", "call_id")}
        there["channels"] = await channels(self.lab)
        there["conversations"] = await conversations(self.lab)
        self.seen.append(there)


async def gaps_recorded(api: Api, call: dict[str, Any], seconds: float) -> dict[str, float]:
    whole = await recorded(api, call)
    assert abs(whole.seconds - seconds) < 1
    sound = whole.part(0.5, whole.seconds - 0.5)
    gaps = {"client": sound.longest_gap(CLIENT_HZ, 0), "agent": sound.longest_gap(AGENT_HZ, 1)}
    print("recorded:", {name: f"{gap * 1000:.0f} ms" for name, gap in gaps.items()})
    return gaps


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_talk_goes_on_without_a_gap(lab: Lab, api: Api, tmp_path: Path, how: str) -> None:
    """A gap that no echo shares fails at once. One that the echoes share is tried again: it is the machine's
    only if the machine makes such gaps at other moments too."""
    such_gaps_otherwise = False
    for attempt in range(TRIES):
        restart = Restart(lab, api, how)
        tried = await talk(lab, api, tmp_path / str(attempt), restart)
        tried.show(f"over the {how}")
        for direction, gaps in tried.heard.items():
            assert longest(tried.own(gaps)) <= LONGEST_GAP, (direction, tried)
        await is_the_same(api, tried, restart)
        if tried.raw(meanwhile=True) <= LONGEST_GAP:
            return
        such_gaps_otherwise |= tried.raw(meanwhile=False) > LONGEST_GAP
    assert such_gaps_otherwise, f"{TRIES} times, everybody who talked by way of Asterisk was interrupted"


async def is_the_same(api: Api, tried: Talk, restart: Restart) -> None:
    """The same call, agent and channels as before; nobody counts anew; and one recording of all of it."""
    before, after = restart.seen
    assert before["state"] == "talking"
    assert before["conversations"] == [2]
    assert after == before
    call = await api.ended(tried.number)
    assert call["id"] == before["call_id"]
    assert (call["outcome"], call["agent"], call["queue"]) == ("answered", ANNA, "support")
    answered, ended = (datetime.fromisoformat(call[name]) for name in ("answered_at", "ended_at"))
    assert abs((ended - answered) - timedelta(seconds=tried.seconds)) < timedelta(seconds=1)
    # What a restart would cut out is longer by far; a busy machine's recorder loses some too.
    assert max((await gaps_recorded(api, call, tried.seconds)).values()) < RECORDED_GAP


async def test_silence_for_a_moment_would_be_heard(lab: Lab, api: Api, tmp_path: Path) -> None:
    """The proof can fail: where one says nothing for a moment is a gap, in what is recorded as well."""

    async def meanwhile(_: Program, anna: Program) -> None:
        await asyncio.sleep(2)
        await anna.do(do="silence", seconds=0.1)
        await asyncio.sleep(2)

    tried = await talk(lab, api, tmp_path / "silent", meanwhile)
    tried.show("silent for 100 ms")
    assert longest(tried.own(tried.heard["client hears agent"])) > LONGEST_GAP
    kept = await gaps_recorded(api, await api.ended(tried.number), tried.seconds)
    assert kept["agent"] > LONGEST_GAP


async def test_phone_that_stood_still_is_known_by_its_echo(lab: Lab, api: Api, tmp_path: Path) -> None:
    """What a machine that is too busy makes of the talk is not taken for Callbridge's."""

    async def meanwhile(_: Program, anna: Program) -> None:
        await asyncio.sleep(2)
        async with anna.frozen():
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)

    tried = await talk(lab, api, tmp_path / "frozen", meanwhile)
    tried.show("frozen for 200 ms")
    gaps = tried.heard["client hears agent"]
    assert longest(gaps) > LONGEST_GAP >= longest(tried.own(gaps))
