"""Each party of a transfer hangs up in the middle of each of its steps, on the real Asterisk.

Nobody is left in silence: whoever is still there hears somebody, or music; and nothing stays behind.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.e2e.hearing import MUSIC
from tests.e2e.parts import eventually
from tests.e2e.test_transfers import ANNA, BORIS, Begin, Talk, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


async def ringing(begin: Begin) -> Talk:
    talk = await begin(BORIS, answer=None)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.phone(BORIS).event("incoming")
    return talk


async def consulting(begin: Begin) -> Talk:
    talk = await begin(BORIS)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.stage(ANNA, "consulting")
    return talk


async def swapped(begin: Begin) -> Talk:
    talk = await consulting(begin)
    await talk.wish(ANNA, "swap")
    await talk.stage(ANNA, "swapped")
    return talk


async def passing(begin: Begin) -> Talk:
    """She is out already, and his phone rings."""
    talk = await begin(BORIS, answer=None)
    await talk.pass_on(ANNA, agent=BORIS)
    await talk.phone(BORIS).event("incoming")
    return talk


Step = Callable[[Begin], Awaitable[Talk]]


async def hangs_up(talk: Talk, who: str) -> None:
    talk.did += f", {who} hangs up"
    await talk.phone(who).do(do="hangup")


async def ends_of_transfers(talk: Talk) -> list[str]:
    return [end for _, _, _, end in await talk.transfers()]


@pytest.mark.parametrize("step", [consulting, pytest.param(swapped, marks=pytest.mark.whole)])
async def test_who_is_consulted(begin: Begin, step: Step) -> None:
    """They talk again."""
    talk = await step(begin)
    await hangs_up(talk, BORIS)
    await talk.stage(ANNA, "")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    assert await ends_of_transfers(talk) == ["hung_up"]


@pytest.mark.parametrize("step", [ringing, pytest.param(consulting, marks=pytest.mark.whole), swapped])
async def test_who_passes_on(begin: Begin, step: Step) -> None:
    """He is out, and the client is with whom he was passed on to, once that one answers."""
    talk = await step(begin)
    await hangs_up(talk, ANNA)
    if step is ringing:
        await talk.hear(client={MUSIC})
        await talk.phone(BORIS).do(do="answer")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await ends_of_transfers(talk) == ["completed"]


@pytest.mark.parametrize(
    "step", [ringing, consulting, swapped, passing], ids=lambda step: getattr(step, "__name__", "")
)
async def test_the_client(begin: Begin, step: Step) -> None:
    """Nothing is left to be passed on: whose phone rings is not rung any more, and who talks is free."""
    talk = await step(begin)
    await talk.ends()
    assert await ends_of_transfers(talk) == ["client_gone"]
    rang = "cancelled" if step in (ringing, passing) else "ended"
    await talk.phone(BORIS).event(rang)
    await talk.phone(ANNA).event("ended")
    for agent in (ANNA, BORIS):
        await free(talk, agent)


async def free(talk: Talk, agent: str) -> None:
    async def look() -> dict[str, Any]:
        return await talk.api.agent(agent)

    await eventually(look, lambda seen: seen["call_id"] is None and seen["state"] in ("ready", "wrap_up"))


async def test_nobody_takes_him_nor_who_passed_him_on(begin: Begin) -> None:
    """Then he is in his queue again, before everybody else, and whoever is free there takes him."""
    talk = await passing(begin)
    await talk.phone(ANNA).event("ended")
    await talk.phone(ANNA).do(do="quit")
    await talk.api.agent_is(ANNA, "logged_out")
    await talk.phone(BORIS).do(do="reject")
    await talk.phone(BORIS).event("incoming", 2)  # he is the one who serves it
    await talk.phone(BORIS).do(do="answer")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    await asyncio.sleep(0)
