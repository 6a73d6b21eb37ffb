"""Callbridge is killed, and comes back, in the middle of a transfer, and while a supervisor listens."""

import pytest

from tests.e2e.hearing import MUSIC
from tests.e2e.test_hung_up import consulting, passing
from tests.e2e.test_supervision import PLAIN, TABLE, supervise
from tests.e2e.test_transfers import ANNA, BORIS, SUPERVISOR, Begin, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


async def test_in_a_consultation(begin: Begin) -> None:
    """It goes on as if nothing had been, and can be completed."""
    talk = await consulting(begin)
    async with talk.lab.away():
        talk.did = "Callbridge is away"
        await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await talk.wish(ANNA, "complete")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("attended", f"agent {BORIS}", ANNA, "completed")]


async def test_while_the_phone_of_who_takes_him_rings(begin: Begin) -> None:
    """He answers while Callbridge is away, and has the client once it is back."""
    talk = await passing(begin)
    await talk.phone(ANNA).event("ended")
    async with talk.lab.away():
        await talk.phone(BORIS).do(do="answer")
        await talk.phone(BORIS).event("answered")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    await talk.recorded(ANNA, BORIS)
    assert await talk.transfers() == [("blind", f"agent {BORIS}", ANNA, "completed")]


async def test_while_a_supervisor_listens(begin: Begin) -> None:
    """He hears them all the time, and nobody him; afterwards he talks with both, on the same leg."""
    talk = await begin(SUPERVISOR)
    await supervise(talk, "listen")
    await talk.phone(SUPERVISOR).event("media")
    await talk.hear(**TABLE["listen"])
    async with talk.lab.away():
        talk.did = "Callbridge is away"
        await talk.hear(**TABLE["listen"])
    await talk.hear(**TABLE["listen"])
    await supervise(talk, "barge")
    await talk.hear(windows=3, **TABLE["barge"])
    assert talk.phone(SUPERVISOR).count("incoming") == 1
    await talk.phone(SUPERVISOR).do(do="hangup")
    await talk.hear(**PLAIN)
    await talk.ends()


@pytest.mark.whole
async def test_right_after_a_take_over_was_ordered(begin: Begin) -> None:
    """The client is the supervisor's, once, and recorded, whatever of it was done before the end."""
    talk = await begin(SUPERVISOR)
    await supervise(talk, "listen")
    await talk.phone(SUPERVISOR).event("media")
    await talk.hear(**TABLE["listen"])
    await supervise(talk, "take_over")
    async with talk.lab.away():
        pass
    await talk.talks(SUPERVISOR)
    await talk.phone(ANNA).event("ended")
    await talk.hear(**TABLE["take_over"])
    assert talk.phone(SUPERVISOR).count("incoming") == 1
    await talk.ends()
    await talk.recorded(ANNA, SUPERVISOR)
    assert await talk.transfers() == [("take_over", f"agent {SUPERVISOR}", SUPERVISOR, "completed")]


@pytest.mark.whole
async def test_while_a_supervisor_talks_with_both(begin: Begin) -> None:
    """All three hear each other all the time."""
    talk = await begin(SUPERVISOR)
    await supervise(talk, "barge")
    await talk.phone(SUPERVISOR).event("media")
    await talk.hear(windows=3, **TABLE["barge"])
    async with talk.lab.away():
        talk.did = "Callbridge is away"
        await talk.hear(windows=3, **TABLE["barge"])
    talk.did = "Callbridge is back"
    await talk.hear(windows=3, **TABLE["barge"])
    assert talk.phone(SUPERVISOR).count("incoming") == 1
    await supervise(talk, "leave")
    await talk.phone(SUPERVISOR).event("ended")
    await talk.hear(**PLAIN)
    await talk.ends()
    await talk.recorded(ANNA)
