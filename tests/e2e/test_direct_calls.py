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
from tests.e2e.parts import Api, Lab, outsider, phone
from tests.e2e.scene import echo_outside, recorded, stranger, talking
from tests.e2e.test_transfers import Talk, halves

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

ANNA, BORIS = "2001", "2002"
DIRECT = "+74951009001"  # nothing of Callbridge's configuration

Begin = Callable[[], Awaitable[Talk]]


@asynccontextmanager
async def extension(lab: Lab, dialled: str, rings: str, context: str) -> AsyncIterator[None]:
    """A line of the engineer's own."""
    await lab.asterisk(f"dialplan add extension {dialled},1,Dial,{rings} into {context}")
    try:
        yield
    finally:
        await lab.asterisk(f"dialplan remove extension {dialled}@{context}")


@pytest.fixture
async def begin(routing: Lab, centre: Api, tmp_path: Path) -> AsyncIterator[Begin]:
    """Anna talks with a client who has dialled her extension; Boris's phone is there."""
    async with AsyncExitStack() as stack:

        async def started() -> Talk:
            number = stranger()
            ears: dict[str, Ear] = {}
            for agent, hz in ((ANNA, TONES[1]), (BORIS, TONES[2])):
                file = tmp_path / f"{agent}.wav"
                program = await stack.enter_async_context(
                    phone(routing, agent, tone=hz, answer=0.3, record=file, lines=2)
                )
                ears[agent] = Ear(agent, program, hz, file)
                await centre.agent_is(agent, "ready", 30)
            file = tmp_path / "client.wav"
            client = await stack.enter_async_context(outsider(routing, number, tone=TONES[0], record=file))
            ears["client"] = Ear("client", client, TONES[0], file)
            await client.do(do="call", uri=f"sip:{DIRECT}@{routing.host}:{routing.sip_port}")
            assert await talking(centre, number) == ANNA
            call = await centre.call_from(number)
            assert call is not None
            assert call["queue"] is None
            return Talk(routing, centre, number, call["id"], ears)

        async with extension(routing, DIRECT, f"PJSIP/{ANNA}", "from-trunk"):
            yield started


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


async def test_called_from_a_desk_phone_and_passed_on(routing: Lab, centre: Api, tmp_path: Path) -> None:
    """The far end sends back what it hears, so whoever has it is on both sides of the recording."""
    number = stranger()
    tones = {ANNA: TONES[1], BORIS: TONES[2]}
    async with (
        extension(routing, number, f"PJSIP/{number}@lab", "from-agents"),
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
