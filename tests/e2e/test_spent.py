"""Each agent's time in a call, by what he did, and his wrap-up: against the clocks of who does it."""

import asyncio
import time

import pytest

from tests.e2e.parts import eventually
from tests.e2e.test_transfers import ANNA, BORIS, Begin, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

WRAP_UP_S = 5.0  # as the lab's queues have it


async def test_each_ones_time_and_wrap_up_are_kept(begin: Begin) -> None:
    """By the clocks of who does it, ±1 s: one wrap-up ends by itself, the other is ended by hand."""
    talk = await begin(BORIS)
    talked = talk.phone(ANNA).events_of("answered")[0]["wall"]
    await talk.wish(ANNA, "hold")
    held = time.time()
    await asyncio.sleep(2)
    await talk.wish(ANNA, "resume")
    resumed = time.time()
    await asyncio.sleep(2)
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    consults = time.time()
    await talk.stage(ANNA, "consulting")
    consulted = talk.phone(BORIS).events_of("answered")[0]["wall"]
    await asyncio.sleep(3)
    await talk.wish(ANNA, "complete")
    out = (await talk.phone(ANNA).event("ended"))["wall"]
    await asyncio.sleep(2)
    await talk.ends()
    over = (await talk.phone(BORIS).event("ended"))["wall"]
    await asyncio.sleep(2)
    await talk.api.order("POST", f"/agents/{BORIS}/state", {"state": "end_wrap_up"})
    ready = time.time()
    await talk.api.agent_is(ANNA, "ready")

    async def look() -> dict[str, dict[str, float]]:
        kept = (await talk.api.get(f"/calls/{talk.call}"))["spent"]
        return {
            one["agent"]: {
                name.removesuffix("_ms"): ms / 1000 for name, ms in one.items() if name.endswith("_ms") and ms
            }
            for one in kept
        }

    found = await eventually(look, lambda seen: all("wrap_up" in one for one in seen.values()))
    wanted = {
        ANNA: {
            "talk": held - talked + consults - resumed,
            "hold": resumed - held + consulted - consults,  # he rings: nobody has the client
            "consult": out - consulted,
            "wrap_up": WRAP_UP_S,
        },
        BORIS: {"consult": out - consulted, "talk": over - out, "wrap_up": ready - over},
    }
    print(f"\nexpected {wanted}\nfound    {found}")
    for agent, times in wanted.items():
        assert found[agent] == pytest.approx(times, abs=1), agent
