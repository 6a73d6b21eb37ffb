"""A client whom the engineer's own dialplan brings to an agent's phone: our application never has him.

AMI alone tells of it, through all that the phones do: one call, one ticket, and one recording, with everybody
who talked with the client.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.hearing import MUSIC, TONES, Ear
from tests.e2e.parts import Api, Lab, eventually, outsider, phone
from tests.e2e.scene import echo_outside, moment, recorded, stranger, talking
from tests.e2e.test_transfers import Talk, halves

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

ANNA, BORIS = "2001", "2002"
DIRECT = "+74951009001"  # nothing of Callbridge's configuration

Begin = Callable[..., Awaitable[Talk]]


@asynccontextmanager
async def extension(lab: Lab, dialled: str, context: str, *steps: str) -> AsyncIterator[None]:
    """One of the engineer's own."""
    try:
        for number, step in enumerate(steps, 1):
            await lab.asterisk(f"dialplan add extension {dialled},{number},{step} into {context}")
        yield
    finally:
        await lab.asterisk(f"dialplan remove extension {dialled}@{context}")


@pytest.fixture
async def begin(routing: Lab, centre: Api, tmp_path: Path) -> AsyncIterator[Begin]:
    """A client dials an extension that does ``steps``; ``first`` talks with him: None for nobody yet."""
    async with AsyncExitStack() as stack:

        async def started(
            *steps: str, anna: float | None = 0.3, boris: float | None = 0.3, first: str | None = ANNA
        ) -> Talk:
            number = stranger()
            ears: dict[str, Ear] = {}
            for agent, hz, answer in ((ANNA, TONES[1], anna), (BORIS, TONES[2], boris)):
                file = tmp_path / f"{agent}.wav"
                program = await stack.enter_async_context(
                    phone(routing, agent, tone=hz, answer=answer, record=file, lines=2)
                )
                ears[agent] = Ear(agent, program, hz, file)
                await centre.agent_is(agent, "ready", 30)
            file = tmp_path / "client.wav"
            client = await stack.enter_async_context(outsider(routing, number, tone=TONES[0], record=file))
            ears["client"] = Ear("client", client, TONES[0], file)
            steps = steps or (f"Dial,PJSIP/{ANNA}",)
            await stack.enter_async_context(extension(routing, DIRECT, "from-trunk", *steps))
            await client.do(do="call", uri=f"sip:{DIRECT}@{routing.host}:{routing.sip_port}")
            if first is not None:
                assert await talking(centre, number) == first
            call = await eventually(lambda: centre.call_from(number))
            assert call is not None
            assert call["queue"] is None
            return Talk(routing, centre, number, call["id"], ears)

        yield started


async def boris_alone(talk: Talk) -> None:
    """He has the client, and nobody else ever had: one call, one ticket, one recording."""
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a2002={"client"})
    call = await talk.ends()
    assert (call["outcome"], call["agent"]) == ("answered", BORIS)
    await talk.recorded(BORIS)
    kept = await talk.api.get(f"/calls/{talk.call}")
    assert [one["agent"] for one in kept["segments"]] == [BORIS]
    assert kept["transfers"] == []
    calls = (await talk.api.get("/calls", limit=100))["items"]
    assert [one["id"] for one in calls if one["number"] == talk.number] == [talk.call]
    assert BORIS not in [
        one["number"] for one in calls if moment(one["offered_at"]) >= moment(kept["offered_at"])
    ]


@pytest.mark.whole
async def test_passed_on_unseen(begin: Begin) -> None:
    talk = await begin()
    await talk.hear(client={ANNA}, a2001={"client"})
    await talk.phone(ANNA).do(do="refer", to=f"sip:{BORIS}@{talk.lab.host}:{talk.lab.sip_port}")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a2002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("blind", f"agent {BORIS}", ANNA, "completed")]


async def test_passed_on_after_a_consultation(begin: Begin) -> None:
    talk = await begin()
    await talk.hear(client={ANNA}, a2001={"client"})
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, BORIS)
    await talk.hear(client={MUSIC}, a2001={BORIS}, a2002={ANNA})
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a2002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("attended", f"agent {BORIS}", ANNA, "completed")]


@pytest.mark.whole
async def test_passed_on_while_it_still_rings(begin: Begin) -> None:
    talk = await begin(boris=None)
    await talk.hear(client={ANNA}, a2001={"client"})
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, BORIS)
    await talk.phone(BORIS).event("incoming")
    await talk.phone(ANNA).event("ringing")
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)
    await talk.phone(ANNA).event("ended", 2)
    await asyncio.sleep(1)
    await talk.phone(BORIS).do(do="answer")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a2002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("blonde", f"agent {BORIS}", ANNA, "completed")]


@pytest.mark.whole
async def test_one_of_a_group_answers(begin: Begin) -> None:
    talk = await begin(f"Dial,PJSIP/{ANNA}&PJSIP/{BORIS}", anna=None, first=BORIS)
    await talk.phone(ANNA).event("cancelled")
    await boris_alone(talk)


@pytest.mark.whole
async def test_picked_up_by_another_phone(begin: Begin) -> None:
    talk = await begin(anna=None, boris=None, first=None)
    await talk.phone(ANNA).event("incoming")
    async with extension(talk.lab, f"*8{ANNA}", "from-agents", f"PickupChan,PJSIP/{ANNA},p"):
        await talk.dial(BORIS, f"*8{ANNA}", line=1)
        await talk.phone(BORIS).event("answered")
        await talk.phone(ANNA).event("cancelled")
        await boris_alone(talk)


@pytest.mark.whole
async def test_forwarded_when_nobody_answers(begin: Begin) -> None:
    """By a Local channel, as a dialplan does: Asterisk takes it out of the way once he has answered."""
    talk = await begin(
        f"Dial,PJSIP/{ANNA},2", f"Dial,Local/{BORIS}@from-agents", anna=None, boris=1, first=BORIS
    )
    await talk.phone(ANNA).event("cancelled")
    await boris_alone(talk)


@pytest.mark.whole
async def test_forwarded_at_once(begin: Begin) -> None:
    talk = await begin(f"Dial,Local/{BORIS}@from-agents", first=BORIS)
    assert talk.phone(ANNA).count("incoming") == 0
    await boris_alone(talk)


async def test_called_from_a_desk_phone_and_passed_on(routing: Lab, centre: Api, tmp_path: Path) -> None:
    """The far end sends back what it hears, so whoever has it is on both sides of the recording."""
    number = stranger()
    tones = {ANNA: TONES[1], BORIS: TONES[2]}
    async with (
        extension(routing, number, "from-agents", f"Dial,PJSIP/{number}@lab"),
        echo_outside(routing),
        phone(routing, ANNA, tone=tones[ANNA]) as anna,
        phone(routing, BORIS, tone=tones[BORIS], answer=0.3) as boris,
    ):
        for agent in tones:
            await centre.agent_is(agent, "ready", 30)
        await anna.do(do="call", uri=f"sip:{number}@{routing.host}:{routing.sip_port}")
        assert await talking(centre, number) == ANNA
        await asyncio.sleep(2)
        await anna.do(do="refer", to=f"sip:{BORIS}@{routing.host}:{routing.sip_port}")
        await boris.event("answered")
        await centre.agent_is(BORIS, "talking")
        await asyncio.sleep(2)
        await boris.do(do="hangup")
        call = await centre.ended(number)
    assert (call["direction"], call["agent"]) == ("out", BORIS)
    sound = await recorded(centre, call)
    first, last = halves(sound)
    for side in (0, 1):
        assert sound.level(side, tones[ANNA], *first) > -26
        assert sound.level(side, tones[BORIS], *last) > -26
