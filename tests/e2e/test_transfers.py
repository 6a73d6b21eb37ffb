"""Clients passed on by phone and by API, on the real Asterisk: who hears whom, and what is left."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hearing import MUSIC, TONES, Ear, hears, picture
from tests.e2e.parts import Api, Lab, Program, eventually, outsider, phone
from tests.e2e.scene import moment, recorded, stranger, talking
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

SUPPORT, SALES = "+74950000002", "+74950000003"
ANNA, BORIS, CLARA = "1001", "1002", "1003"
SALES_AGENT, SUPERVISOR = "1006", "1010"


@dataclass
class Talk:
    """A client and the phones of several agents, of whom the first one has him."""

    lab: Lab
    api: Api
    number: str
    call: str
    ears: dict[str, Ear]
    did: str = "they talk"  # what was done last, for the table that is printed

    def phone(self, who: str) -> Program:
        return self.ears[who].program

    async def hear(self, windows: int = 2, **expected: set[str]) -> None:
        """By name ("client", "a1001", …): whom each hears, in one of so many windows at the latest."""
        wanted = {name.removeprefix("a"): frozenset(heard) for name, heard in expected.items()}
        ears = [self.ears[name] for name in wanted]
        found: dict[str, frozenset[str]] = {}
        # A machine that stands still for a moment loses packets, which sounds like music, or like somebody
        # who is there at times; what is wrong is wrong in the next window as well.
        for _ in range(windows):
            heard = await hears(ears)
            known = frozenset(self.ears) | {MUSIC}
            found = {name: some & known for name, some in heard.items()}
            if found == wanted:
                break
        table = f"\n{self.did}\n{picture(wanted, found)}"
        print(table)
        assert found == wanted, table

    async def wish(self, agent: str, wish: str) -> dict[str, Any]:
        self.did = f"{agent}: {wish}"
        return await self.api.order("POST", f"/agents/{agent}/call", {"do": wish})

    async def pass_on(self, by: str, *, attended: bool = False, **to: object) -> None:
        self.did = f"{by}: {'consult' if attended else 'pass on'} {to}"
        await self.api.order("POST", f"/agents/{by}/transfer", {**to, "attended": attended})

    async def stage(self, agent: str, stage: str) -> None:
        async def look() -> str:
            return (await self.api.get(f"/agents/{agent}/call"))["stage"]

        await eventually(look, lambda seen: seen == stage)

    async def talks(self, agent: str) -> None:
        """Until he has the client."""

        async def look() -> str | None:
            call = await self.api.call_from(self.number)
            return None if call is None else call["agent"]

        await eventually(look, lambda seen: seen == agent)
        await self.api.agent_is(agent, "talking")

    async def dial(self, who: str, dialled: str, line: int = 2) -> None:
        self.did = f"{who}: dials {dialled}"
        uri = f"sip:{dialled}@{self.lab.host}:{self.lab.sip_port}"
        await self.phone(who).do(do="call", uri=uri, line=line)

    async def code(self, who: str, code: str) -> None:
        """On his other line, the phone holding the first one by itself as phones do; until it is answered."""
        phone = self.phone(who)
        ended, held, unheld = (phone.count(event) for event in ("ended", "held", "unheld"))
        await phone.do(do="hold")
        await phone.event("held", held + 1)
        await self.dial(who, code)
        await phone.event("ended", ended + 1)
        await phone.do(do="unhold")
        await phone.event("unheld", unheld + 1)

    async def ends(self, *, by: str = "client") -> dict[str, Any]:
        """One call, one ticket, one recording that is attached; nothing is left (the fixture looks)."""
        await self.phone(by).do(do="hangup")
        call = await self.api.ended(self.number)
        assert call["id"] == self.call

        async def look() -> list[list[str]]:
            tickets = await self.api.all("/tickets", call_id=self.call)
            found = [await self.api.get(f"/tickets/{ticket['id']}") for ticket in tickets]
            return [[one["state"] for one in ticket["recordings"]] for ticket in found]

        await eventually(look, lambda seen: seen == [["attached"]], 40)
        return call

    async def transfers(self) -> list[tuple[str, ...]]:
        found = (await self.api.get(f"/calls/{self.call}"))["transfers"]
        return [tuple(one[name] for name in ("kind", "target", "by", "end")) for one in found]

    async def recorded(self, *agents: str) -> None:
        """In the one recording: the client all the time, and these agents on the other side, one by one."""
        sound = await recorded(self.api, {"id": self.call})
        heard = [
            [agent for agent in agents if sound.level(1, self.ears[agent].hz, *at) > -26]
            for at in halves(sound)
        ]
        assert heard == [[agents[0]], [agents[-1]]], heard
        assert min(sound.level(0, self.ears["client"].hz, *at) for at in halves(sound)) > -26


def halves(sound: Sound) -> tuple[tuple[float, float], tuple[float, float]]:
    """Its first second, and its last: between them somebody else may be heard, or music."""
    return (0.0, 1.0), (sound.seconds - 1.0, sound.seconds)


Begin = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def begin(lab: Lab, api: Api, tmp_path: Path) -> AsyncIterator[Begin]:
    async with AsyncExitStack() as stack:

        async def started(
            *others: str, answer: float | None = 0.2, first: str = ANNA, dialled: str = SUPPORT
        ) -> Talk:
            return await stack.enter_async_context(_talk(lab, api, tmp_path, first, dialled, others, answer))

        yield started


@asynccontextmanager
async def _talk(
    lab: Lab, api: Api, folder: Path, first: str, dialled: str, others: tuple[str, ...], answer: float | None
) -> AsyncIterator[Talk]:
    number = stranger()
    async with AsyncExitStack() as stack:
        ears: dict[str, Ear] = {}

        async def joins(agent: str, seconds: float | None) -> None:
            file = folder / f"{agent}.wav"
            hz = TONES[1 + len(ears)]
            program = await stack.enter_async_context(
                phone(lab, agent, tone=hz, answer=seconds, record=file, lines=2)
            )
            ears[agent] = Ear(agent, program, hz, file)
            await api.agent_is(agent, "ready", 30)

        await joins(first, 0.2)
        file = folder / "client.wav"
        client = await stack.enter_async_context(outsider(lab, number, tone=TONES[0], record=file))
        ears["client"] = Ear("client", client, TONES[0], file)
        await client.do(do="call", uri=f"sip:{dialled}@{lab.host}:{lab.sip_port}")
        assert await talking(api, number) == first
        for agent in others:
            await joins(agent, answer)
        call = await api.call_from(number)
        assert call is not None
        await asyncio.sleep(1)  # they talk
        yield Talk(lab, api, number, call["id"], ears)


# ── by page and API ──────────────────────────────────────────────────────────


@pytest.mark.whole  # the matrix has it too
async def test_blind_to_an_agent(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.pass_on(ANNA, agent=BORIS)
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.phone(ANNA).event("ended")
    call = await talk.ends()
    assert call["agent"] == BORIS


async def test_attended_with_swap_and_completed(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.wish(ANNA, "swap")
    await talk.hear(client={ANNA}, a1001={"client"}, a1002={MUSIC})
    await talk.wish(ANNA, "swap")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.wish(ANNA, "complete")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()


async def test_conference_of_three(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.stage(ANNA, "consulting")
    await talk.wish(ANNA, "conference")
    await talk.hear(client={ANNA, BORIS}, a1001={"client", BORIS}, a1002={"client", ANNA})
    await talk.wish(ANNA, "mute")
    await talk.hear(client={BORIS}, a1001={"client", BORIS}, a1002={"client"})
    await talk.wish(ANNA, "unmute")
    await talk.phone(ANNA).do(do="hangup")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()


async def test_hold_and_mute(begin: Begin) -> None:
    talk = await begin()
    await talk.wish(ANNA, "hold")
    begun = time.time()
    await talk.hear(client={MUSIC}, a1001=set())
    assert [one["doing"] for one in (await talk.api.get(f"/agents/{ANNA}/call"))["parties"]] == ["hold"]
    await talk.wish(ANNA, "resume")
    held = time.time() - begun
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.wish(ANNA, "mute")
    await talk.hear(client=set(), a1001={"client"})
    await talk.wish(ANNA, "unmute")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends(by=ANNA)
    segments = (await talk.api.get(f"/calls/{talk.call}"))["segments"]
    (hold,) = [moment(one["until"]) - moment(one["since"]) for one in segments if one["doing"] == "hold"]
    assert abs(hold - held) < 1


async def test_given_up_and_blonde_that_nobody_answers(begin: Begin) -> None:
    talk = await begin(BORIS, answer=None)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.phone(BORIS).event("incoming")
    await talk.hear(client={MUSIC})
    await talk.wish(ANNA, "give_up")
    await talk.phone(BORIS).event("cancelled")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.phone(BORIS).event("incoming", 2)
    await talk.wish(ANNA, "complete")
    await talk.phone(BORIS).do(do="reject")
    await talk.phone(ANNA).event("answered", 2)
    await talk.talks(ANNA)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()


# ── by the phone itself ──────────────────────────────────────────────────────


@pytest.mark.whole  # the matrix has it too
async def test_refer_to_an_agent(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.phone(ANNA).do(do="refer", to=f"sip:{BORIS}@{talk.lab.host}:{talk.lab.sip_port}")
    assert (await talk.phone(ANNA).event("refer_answered"))["code"] == 202
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    assert (await talk.phone(ANNA).event("ended"))["code"] == 200
    await talk.ends()


async def test_refer_to_nonsense_the_call_goes_on(begin: Begin) -> None:
    talk = await begin()
    for nonsense in ("9999", "abc", "*60"):
        known = talk.phone(ANNA).count("refer_status")
        await talk.phone(ANNA).do(do="refer", to=f"sip:{nonsense}@{talk.lab.host}:{talk.lab.sip_port}")

        async def told(known: int = known) -> list[int]:
            return [one["code"] for one in talk.phone(ANNA).events_of("refer_status")[known:] if one["final"]]

        assert await eventually(told) == [404]
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()


async def test_refer_to_himself_rings_him(begin: Begin) -> None:
    talk = await begin()
    await talk.phone(ANNA).do(do="refer", to=f"sip:{ANNA}@{talk.lab.host}:{talk.lab.sip_port}")
    await talk.phone(ANNA).event("answered", 2)
    await talk.talks(ANNA)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()


@pytest.mark.whole  # the matrix has it too
async def test_refer_with_replaces_after_a_consultation(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, BORIS)
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.phone(ANNA).event("ended", 2)
    call = await talk.ends()
    assert call["agent"] == BORIS


@pytest.mark.whole  # the matrix has it too
async def test_refer_with_replaces_while_it_still_rings(begin: Begin) -> None:
    talk = await begin(BORIS, answer=None)
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, BORIS)
    await talk.phone(BORIS).event("incoming")
    await talk.phone(ANNA).event("ringing")
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)
    await talk.phone(ANNA).event("ended", 2)
    await talk.hear(client={MUSIC})
    await talk.phone(BORIS).do(do="answer")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()


async def test_who_hangs_up_the_consultation_has_his_client_back(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, BORIS)
    await talk.stage(ANNA, "consulting")
    await talk.phone(ANNA).do(do="hangup", line=2)
    await talk.stage(ANNA, "")
    await talk.phone(ANNA).do(do="unhold")
    await talk.phone(ANNA).event("unheld")
    await talk.hear(client={ANNA}, a1001={"client"})
    await asyncio.gather(*(talk.api.agent_is(agent, state) for agent, state in ((BORIS, "ready"),)))
    await talk.ends()


async def test_refer_to_the_companys_own_number_is_its_queue(begin: Begin) -> None:
    """And no loop by way of the trunk. She is the one who serves it."""
    talk = await begin()
    await talk.phone(ANNA).do(do="refer", to=f"sip:{SUPPORT}@{talk.lab.host}:{talk.lab.sip_port}")
    await talk.phone(ANNA).event("answered", 2)
    await talk.talks(ANNA)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    assert await talk.transfers() == [("blind", "queue support", ANNA, "completed")]
