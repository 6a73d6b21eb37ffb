"""Clients passed on by feature codes, dialled on another line of the agent's phone, on the real Asterisk."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hearing import MUSIC
from tests.e2e.parts import eventually
from tests.e2e.scene import echo_outside, prompt
from tests.e2e.sound import Sound
from tests.e2e.test_features import HEARD
from tests.e2e.test_transfers import ANNA, BORIS, SALES_AGENT, SUPERVISOR, Begin, Talk, begin

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


@pytest.mark.whole
async def test_blind_by_code_to_a_queue(begin: Begin) -> None:
    talk = await begin(SALES_AGENT)
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, "*70703")
    await talk.talks(SALES_AGENT)
    await talk.hear(client={SALES_AGENT}, a1006={"client"})
    await says(talk, "done")
    await talk.ends()
    await talk.recorded(ANNA, SALES_AGENT)
    assert await talk.transfers() == [("blind", "queue sales", ANNA, "completed")]


@pytest.mark.whole
async def test_to_the_supervisor_by_code_and_given_up(begin: Begin) -> None:
    talk = await begin(SUPERVISOR)
    await talk.code(ANNA, "*71700")
    await says(talk, "done")
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC}, a1001={SUPERVISOR}, a1010={ANNA})
    await talk.code(ANNA, "*73")
    await says(talk, "done")
    await talk.phone(SUPERVISOR).event("ended")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    assert await talk.transfers() == [("attended", "supervisor", ANNA, "given_up")]


@pytest.mark.whole
async def test_blind_by_code_to_a_number_outside(begin: Begin) -> None:
    talk = await begin()
    async with echo_outside(talk.lab):
        await talk.phone(ANNA).do(do="hold")
        await talk.phone(ANNA).event("held")
        await talk.dial(ANNA, "*7074951112233")

        async def answered() -> list[dict[str, Any]]:
            legs = (await talk.api.get(f"/calls/{talk.call}"))["legs"]
            return [leg for leg in legs if leg["kind"] == "outside" and leg["answered_at"]]

        await eventually(answered)
        await talk.hear(client={"client"})  # himself: it sends back what it hears
        await says(talk, "done")
        await talk.ends()
    assert await talk.transfers() == [("blind", "number +74951112233", ANNA, "completed")]


@pytest.mark.whole
async def test_codes_that_do_not_fit_change_nothing(begin: Begin) -> None:
    talk = await begin()
    for code, answer in (
        ("*72", "not-possible-now"),  # there is no consultation
        ("*73", "not-possible-now"),
        ("*74", "not-possible-now"),
        ("*75", "not-possible-now"),
        ("*719999", "no-such-code"),
    ):
        await talk.code(ANNA, code)
        await says(talk, answer)
        await talk.hear(client={ANNA}, a1001={"client"})
    await talk.ends()
    await talk.recorded(ANNA)
    assert await talk.transfers() == []


async def says(talk: Talk, answer: str) -> None:
    """On Anna's other line, the last time: this answer rather than another one."""

    async def look() -> list[dict[str, Any]]:
        return [one for one in talk.phone(ANNA).events_of("recorded") if one["line"] == 2]

    dialled = [one for one in talk.phone(ANNA).events_of("calling") if one["line"] == 2]
    recorded = (await eventually(look, lambda seen: len(seen) == len(dialled)))[-1]
    heard = Sound.read(Path(recorded["file"]).read_bytes())
    answers = {
        name: heard.holds(await prompt(talk.lab, f"callbridge/{name}"))
        for name in ("done", "not-possible-now", "no-such-code")
    }
    assert max(answers, key=lambda name: answers[name]) == answer, answers
    assert answers[answer] > HEARD, answers
