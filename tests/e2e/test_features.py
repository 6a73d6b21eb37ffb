"""Feature codes from a real phone: what becomes of the agent, what he hears, and who may not dial them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.parts import Api, Lab, Program, caller, eventually
from tests.e2e.scene import number_of, prompt, ready, served, stranger
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

ANNA, EMILY = "2001", "2004"
LINEAR, WRAPPING = number_of(1), number_of(26)
HEARD = 0.4  # with packets lost: 0.53 has been seen; of noise, 0.25
ANSWERS = (
    "agent-logged-in",
    "agent-logged-out",
    "agent-ready",
    "agent-paused",
    "pause-break",
    "pause-lunch",
    "wrap-up-ended",
    "wrap-up-extended",
    "disposition-kept",
    "not-possible-now",
    "no-such-code",
)


class Desk:
    """An agent with nothing but a phone."""

    def __init__(self, lab: Lab, program: Program, answers: dict[str, Sound]) -> None:
        self.lab, self.program, self.answers = lab, program, answers

    async def dial(self, code: str, *answers: str) -> None:
        """He hears these spoken answers, one after another, rather than any other; then it is hung up.

        They are compared with each other, as packets that a busy machine loses make all of them less clear;
        and each in what follows the one before it, as some share a word.
        """
        ends, records = self.program.count("ended"), self.program.count("recorded")
        await self.program.do(do="call", uri=f"sip:{code}@{self.lab.host}:{self.lab.sip_port}")
        ended = await self.program.event("ended", ends + 1, seconds=40)
        assert ended["code"] == 200, ended
        recorded = await self.program.event("recorded", records + 1)
        heard = Sound.read(Path(recorded["file"]).read_bytes())
        for number, answer in enumerate(answers):
            likeness = {
                name: heard.holds(sound)
                for name, sound in self.answers.items()
                if name not in answers[number + 1 :]
            }
            assert max(likeness, key=lambda name: likeness[name]) == answer, f"{code}: {likeness}"
            assert likeness[answer] > HEARD, f"{code}: {likeness}"
            heard = heard.after(self.answers[answer])


@asynccontextmanager
async def desk(
    lab: Lab, api: Api, agent: str, folder: Path, language: str = "ru"
) -> AsyncIterator[tuple[Desk, dict[str, Program]]]:
    answers = {name: await prompt(lab, f"callbridge/{name}", language) for name in ANSWERS}
    async with ready(lab, api, [agent], answer=0.1, record=folder / "heard.wav") as there:
        yield Desk(lab, there[agent], answers), there


async def test_out_and_in_pause_and_ready_by_phone(routing: Lab, centre: Api, tmp_path: Path) -> None:
    async with desk(routing, centre, ANNA, tmp_path) as (anna, there):
        await anna.dial("*61", "agent-logged-out")
        await centre.agent_is(ANNA, "logged_out")
        async with caller(routing, LINEAR, number=(number := stranger()), wait=0, talk=60) as client:
            await centre.waits(number, "linear")
            await anna.dial("*63", "agent-paused", "pause-break")
            await centre.agent_is(ANNA, "paused")
            assert (await centre.agent(ANNA))["reason"] == "break"
            await anna.dial("*632", "agent-paused", "pause-lunch")
            assert (await centre.agent(ANNA))["reason"] == "lunch"
            # All that time somebody has waited for her, and her phone was left in peace.
            assert there[ANNA].count("incoming") == 0
            assert await centre.offers(number) == []
            await anna.dial("*62", "agent-ready")
            await there[ANNA].event("incoming", seconds=30)
            await eventually(lambda: centre.agent(ANNA), lambda seen: seen["state"] == "talking")
            await there[ANNA].do(do="hangup")
            await client.event("done", seconds=30)
        await centre.agent_is(ANNA, "ready")
        await anna.dial("*61", "agent-logged-out")
        await centre.agent_is(ANNA, "logged_out")
        await anna.dial("*60", "agent-logged-in")
        await centre.agent_is(ANNA, "ready")
        # No wrap-up to end or to extend, and no reason by that digit: he is told, and nothing changes.
        await anna.dial("*64", "not-possible-now")
        await anna.dial("*65", "not-possible-now")
        await centre.agent_is(ANNA, "ready")


async def test_wrap_up_and_disposition_by_phone(routing: Lab, centre: Api, tmp_path: Path) -> None:
    async with desk(routing, centre, ANNA, tmp_path) as (anna, there):
        number = stranger()
        assert await served(routing, centre, there, WRAPPING, number=number) == ANNA
        await centre.agent_is(ANNA, "wrap_up")
        before = await centre.agent(ANNA)
        assert before["may_extend"]
        await anna.dial("*65", "wrap-up-extended")
        after = await centre.agent(ANNA)
        assert (after["state"], after["may_extend"]) == ("wrap_up", False)
        assert after["wrap_up_until"] > before["wrap_up_until"]
        # Once only.
        await anna.dial("*65", "not-possible-now")
        assert (await centre.agent(ANNA))["wrap_up_until"] == after["wrap_up_until"]

        await anna.dial("*662", "disposition-kept")
        call = await centre.ended(number)

        async def disposition() -> list[str]:
            return [item["disposition"] for item in await centre.all("/tickets", call_id=call["id"])]

        await eventually(disposition, lambda seen: seen == ["follow_up"])
        await anna.dial("*64", "wrap-up-ended")
        await centre.agent_is(ANNA, "ready")


async def test_answers_are_in_the_agents_language(routing: Lab, centre: Api, tmp_path: Path) -> None:
    async with desk(routing, centre, EMILY, tmp_path, "en") as (emily, _):
        await emily.dial("*631", "agent-paused", "pause-break")
        await centre.agent_is(EMILY, "paused")
        await emily.dial("*62", "agent-ready")
        await centre.agent_is(EMILY, "ready")


@pytest.mark.parametrize("number", ["+79031112233", ANNA])
@pytest.mark.parametrize("code", ["*61", "*632"])
async def test_code_from_the_trunk_changes_nothing(routing: Lab, centre: Api, number: str, code: str) -> None:
    async with ready(routing, centre, [ANNA]) as there:
        since = (await centre.agent(ANNA))["since"]
        async with caller(routing, code, number=number, talk=5) as client:
            ended = await client.event("ended")
            await client.event("done")
        # A stranger has no such number to dial; who says that he is the agent must prove it.
        assert ended["code"] == (401 if number == ANNA else 404), client.events
        assert client.count("answered") == 0
        agent = await centre.agent(ANNA)
        assert (agent["state"], agent["since"]) == ("ready", since)
        assert there[ANNA].count("incoming") == 0
