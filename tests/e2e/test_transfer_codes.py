"""Clients passed on by feature codes, dialled on another line of the agent's phone, on the real Asterisk."""

import pytest

from tests.e2e.hearing import MUSIC
from tests.e2e.test_transfers import ANNA, BORIS, Begin, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


async def test_attended_by_codes(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.code(ANNA, f"*71{BORIS}")
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.phone(ANNA).do(do="hold")
    await talk.dial(ANNA, "*72")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("attended", f"agent {BORIS}", ANNA, "completed")]


async def test_swapped_given_up_and_together_by_codes(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.code(ANNA, f"*71{BORIS}")
    await talk.stage(ANNA, "consulting")
    await talk.code(ANNA, "*74")
    await talk.hear(client={ANNA}, a1001={"client"}, a1002={MUSIC})
    await talk.code(ANNA, "*74")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.code(ANNA, "*73")
    await talk.phone(BORIS).event("ended")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.api.agent_is(BORIS, "ready")
    await talk.code(ANNA, f"*71{BORIS}")
    await talk.stage(ANNA, "consulting")
    await talk.code(ANNA, "*75")
    await talk.hear(client={ANNA, BORIS}, a1001={"client", BORIS}, a1002={"client", ANNA})
    await talk.phone(BORIS).do(do="hangup")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()


async def test_blind_by_code(begin: Begin) -> None:
    talk = await begin(BORIS)
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, f"*70{BORIS}")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    assert await talk.transfers() == [("blind", f"agent {BORIS}", ANNA, "completed")]
