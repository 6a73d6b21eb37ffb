"""An agent calls a number from his screen, on the real Asterisk: who rings first, who hears whom."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.hearing import TONES, Ear, hears
from tests.e2e.parts import Api, Lab, Program, eventually, log_in, phone
from tests.e2e.scene import echo_outside, nobody_outside
from tests.e2e.test_transfers import ANNA, BORIS

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

OUTSIDE = "+74951112233"


@dataclass
class Desk:
    lab: Lab
    api: Api
    ears: dict[str, Ear]

    def phone(self, who: str) -> Program:
        return self.ears[who].program

    async def call(self, **body: object) -> str:
        told: dict[str, Any] = await self.api.order(
            "POST", f"/agents/{ANNA}/calls", body or {"number": OUTSIDE}
        )
        return str(told["call_id"])

    async def hears_herself(self) -> None:
        """The far end sends back what it hears."""
        (found,) = (await hears([self.ears[ANNA]])).values()
        assert ANNA in found

    async def client_answered(self, call: str) -> None:
        async def look() -> list[dict[str, Any]]:
            legs = (await self.api.get(f"/calls/{call}"))["legs"]
            return [leg for leg in legs if leg["kind"] == "client" and leg["answered_at"]]

        await eventually(look)

    async def over(self, call: str) -> dict[str, Any]:
        async def look() -> dict[str, Any]:
            found: dict[str, Any] = await self.api.get(f"/calls/{call}")
            return found

        return await eventually(look, lambda seen: seen["ended_at"] is not None, 40)


Begin = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def begin(lab: Lab, api: Api, tmp_path: Path) -> AsyncIterator[Begin]:
    async with AsyncExitStack() as stack:

        async def started(*agents: str, answer: float | None = 0.2) -> Desk:
            return await stack.enter_async_context(_desk(lab, api, tmp_path, agents or (ANNA,), answer))

        yield started


@asynccontextmanager
async def _desk(
    lab: Lab, api: Api, folder: Path, agents: tuple[str, ...], answer: float | None
) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        ears: dict[str, Ear] = {}
        for place, agent in enumerate(agents):
            file, hz = folder / f"{agent}.wav", TONES[place]
            program = await stack.enter_async_context(
                phone(lab, agent, tone=hz, answer=answer, record=file, lines=2)
            )
            ears[agent] = Ear(agent, program, hz, file)
            await api.agent_is(agent, "ready", 30)
        yield Desk(lab, api, ears)


async def test_his_phone_first_then_the_number_one_ticket_one_recording(begin: Begin) -> None:
    desk = await begin()
    async with echo_outside(desk.lab):
        call = await desk.call()
        assert (await desk.api.get(f"/calls/{call}"))["number"] == OUTSIDE  # to be read at once
        await desk.client_answered(call)
        await desk.hears_herself()
        await desk.phone(ANNA).do(do="hangup")
        record = await desk.over(call)
    assert (record["direction"], record["outcome"], record["agent"]) == ("out", "answered", ANNA)
    assert record["number"] == OUTSIDE
    legs = {leg["kind"]: leg for leg in record["legs"]}
    assert legs["client"]["created_at"] <= legs["agent"]["created_at"]
    assert legs["agent"]["answered_at"] <= legs["client"]["ringing_at"]
    await desk.api.agent_is(ANNA, "wrap_up")

    async def recordings() -> list[list[str]]:
        tickets = await desk.api.all("/tickets", call_id=call)
        found = [await desk.api.get(f"/tickets/{ticket['id']}") for ticket in tickets]
        return [[one["state"] for one in ticket["recordings"]] for ticket in found]

    await eventually(recordings, lambda seen: seen == [["attached"]], 40)


async def test_by_the_page(begin: Begin, chromium: Browser) -> None:
    desk = await begin()
    page = await log_in(chromium, desk.lab, ANNA)
    card = page.locator("article[data-call]")
    async with echo_outside(desk.lab):
        await page.keyboard.press("d")
        await page.keyboard.type("+7 (495) 111-22-33")
        await page.keyboard.press("Enter")
        await desk.phone(ANNA).event("incoming")
        await expect(card.get_by_text("495 111-22-33").first).to_be_visible()
        await desk.hears_herself()
        call = await card.get_attribute("data-call")
        await desk.phone(ANNA).do(do="hangup")
        record = await desk.over(str(call))
    assert (record["direction"], record["outcome"], record["number"]) == ("out", "answered", OUTSIDE)


async def test_the_last_number_again(begin: Begin) -> None:
    desk = await begin()
    async with echo_outside(desk.lab):
        first = await desk.call()
        await desk.client_answered(first)
        await desk.phone(ANNA).do(do="hangup")
        await desk.over(first)
    await desk.api.order("POST", f"/agents/{ANNA}/state", {"state": "ready"})
    await desk.api.agent_is(ANNA, "ready")
    async with echo_outside(desk.lab):
        again = await desk.call(redial=True)
        assert again != first
        await desk.client_answered(again)
        await desk.phone(ANNA).do(do="hangup")
        assert (await desk.over(again))["number"] == OUTSIDE


async def test_a_number_that_is_busy_is_told_and_ends(begin: Begin) -> None:
    """After the words the agent's phone is hung up, and he is ready."""
    desk = await begin()
    async with nobody_outside(desk.lab, "486 Busy Here"):
        call = await desk.call()
        await desk.phone(ANNA).event("ended", seconds=90)
    record = await desk.over(call)
    assert (record["outcome"], record["answered_at"]) == ("failed", None)
    await desk.api.agent_is(ANNA, "ready")


@pytest.mark.whole  # half a minute, until SIP gives up
async def test_a_number_that_nobody_serves_is_told_and_ends(begin: Begin) -> None:
    """Nothing listens at the far end."""
    desk = await begin()
    call = await desk.call()
    await desk.phone(ANNA).event("ended", seconds=90)
    record = await desk.over(call)
    assert (record["outcome"], record["answered_at"]) == ("failed", None)
    await desk.api.agent_is(ANNA, "ready")


@pytest.mark.parametrize("rejects", [True, pytest.param(False, marks=pytest.mark.whole)])
async def test_he_does_not_take_it_and_nothing_is_called(begin: Begin, *, rejects: bool) -> None:
    desk = await begin(answer=None)
    call = await desk.call()
    await desk.phone(ANNA).event("incoming")
    if rejects:
        await desk.phone(ANNA).do(do="reject", code=486)
    record = await desk.over(call)
    assert record["outcome"] == "failed"
    legs = {leg["kind"]: leg for leg in record["legs"]}
    assert legs.keys() == {"agent", "client"}
    assert (legs["client"]["ringing_at"], legs["client"]["answered_at"]) == (None, None)


async def test_passed_on_to_a_colleague(begin: Begin) -> None:
    desk = await begin(ANNA, BORIS)
    async with echo_outside(desk.lab):
        call = await desk.call()
        await desk.client_answered(call)
        await desk.api.order("POST", f"/agents/{ANNA}/transfer", {"agent": BORIS, "attended": False})
        await desk.phone(ANNA).event("ended")
        await desk.api.agent_is(BORIS, "talking")
        (found,) = (await hears([desk.ears[BORIS]])).values()
        assert BORIS in found
        await desk.phone(BORIS).do(do="hangup")
        record = await desk.over(call)
    assert (record["agent"], record["outcome"]) == (BORIS, "answered")
