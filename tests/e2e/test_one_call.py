"""A stranger dials; the right card opens on the right screen; one ticket with one recording is left."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.parts import Api, Lab, Program, caller, eventually, log_in, phone
from tests.e2e.sound import Sound

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

CALLER_HZ, AGENT_HZ = 1000, 440
MENU, SUPPORT = "+74950000001", "+74950000002"
CARD = "article[data-call]"


async def known_tickets(api: Api) -> set[int]:
    return {ticket["id"] for ticket in await api.all("/tickets")}


async def with_recording(api: Api, known: set[int], count: int = 1) -> list[dict]:
    """The new tickets, once each has an attached recording."""

    async def look() -> list[dict]:
        return [await api.get(f"/tickets/{ticket['id']}") for ticket in await api.tickets_since(known)]

    def complete(tickets: list[dict]) -> bool:
        states = [[r["state"] for r in ticket["recordings"]] for ticket in tickets]
        return len(tickets) >= count and all(state == ["attached"] for state in states)

    return await eventually(look, complete, 30)


async def cards(page: Page) -> list[str | None]:
    """The calls whose cards are on it."""
    return [await one.get_attribute("data-call") for one in await page.locator(CARD).all()]


async def cards_are(page: Page, expected: list[str | None]) -> None:
    await expect(page.locator(CARD)).to_have_count(len(expected))
    assert await cards(page) == expected


async def test_known_caller_through_the_menu(lab: Lab, api: Api, chromium: Browser, tmp_path: Path) -> None:
    known = await known_tickets(api)
    async with phone(lab, "1001", tone=AGENT_HZ, answer=1.0, record=tmp_path / "heard.wav") as anna:
        await api.agent_is("1001", "ready")
        hers = await log_in(chromium, lab, "1001")
        other = await log_in(chromium, lab, "1002")
        others = await cards(other)  # of an earlier call of hers, maybe
        async with caller(lab, MENU, digits="2", wait=1, tone=CALLER_HZ, talk=6) as client:
            await anna.event("incoming")
            await expect(hers.locator(CARD)).to_be_visible()
            await expect(hers.locator(CARD)).to_contain_text("916 123-45-67")
            await cards_are(other, others)
            await anna.event("answered")
            await client.event("done", seconds=60)
            await anna.event("recorded")
        assert client.events[-1]["calls"] == 1, client.events
        (ticket,) = await with_recording(api, known)
        assert len(await api.tickets_since(known)) == 1
        await cards_are(other, others)

    call = await api.get(f"/calls/{ticket['call_id']}")
    assert (call["queue"], call["agent"], call["outcome"], call["verdict"]) == (
        "support",
        "1001",
        "answered",
        "known",
    )
    assert ticket["client"] is not None
    (recording,) = ticket["recordings"]
    assert recording["channels"] == 2
    sound = Sound.read(await api.file(recording["url"]))
    assert sound.channels.shape[0] == 2
    assert abs(sound.seconds * 1000 - recording["duration_ms"]) < 50
    # Left is the client, right what he heard: each tone on its own side and not on the other.
    assert sound.level(0, CALLER_HZ) > -30
    assert sound.level(1, AGENT_HZ) > -30
    assert sound.level(0, AGENT_HZ) < -55
    assert sound.level(1, CALLER_HZ) < -55
    # And the agent heard the client.
    assert Sound.read((tmp_path / "heard.wav").read_bytes()).level(0, CALLER_HZ) > -30


@pytest.mark.parametrize(
    ("number", "options", "verdict", "words"),
    [
        ("anonymous", {"withheld": True}, "withheld", "скрыл"),
        ("+4930123456789", {}, "unknown", "+49 30 123456789"),
        ("+79165550000", {}, "several", "+7 916 555-00-00"),
    ],
)
async def test_who_it_is(
    lab: Lab, api: Api, chromium: Browser, number: str, options: dict, verdict: str, words: str
) -> None:
    known = await known_tickets(api)
    async with phone(lab, "1001", tone=AGENT_HZ) as anna:
        await api.agent_is("1001", "ready")
        hers = await log_in(chromium, lab, "1001")
        async with caller(lab, SUPPORT, number=number, tone=CALLER_HZ, talk=3, **options) as client:
            await anna.event("incoming")
            await expect(hers.locator(CARD)).to_be_visible()
            await expect(hers.locator(CARD)).to_contain_text(words)
            await expect(hers.locator(CARD)).to_have_attribute("data-verdict", verdict)
            await client.event("done", seconds=60)
        (ticket,) = await with_recording(api, known)
    call = await api.get(f"/calls/{ticket['call_id']}")
    assert call["verdict"] == verdict
    assert ticket["client"] is None
    if verdict == "withheld":
        assert call["number"] is None


async def serve(agent: Program, seconds: float) -> None:
    """Talk to one caller after another, ending each conversation after so long."""
    for number in range(1, 100):
        await agent.event("answered", number, seconds=600)
        await asyncio.sleep(seconds)
        await agent.do(do="hangup")


async def test_ten_calls_at_once(lab: Lab, api: Api) -> None:
    known = await known_tickets(api)
    agents = ["1001", "1002", "1003", "1004", "1005"]
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(phone(lab, agent, tone=AGENT_HZ)) for agent in agents]
        for agent in agents:
            await api.agent_is(agent, "ready", 30)
        serving = [asyncio.create_task(serve(program, 2.5)) for program in phones]
        async with caller(lab, SUPPORT, tone=CALLER_HZ, calls=10, rate=50, talk=90) as clients:
            await clients.event("done", seconds=120)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        assert clients.events[-1]["calls"] == 10, clients.events
        tickets = await with_recording(api, known, 10)
    assert len(tickets) == 10
    assert len({ticket["call_id"] for ticket in tickets}) == 10
    for ticket in tickets:
        (recording,) = ticket["recordings"]
        sound = Sound.read(await api.file(recording["url"]))
        assert sound.level(0, CALLER_HZ) > -30
        assert sound.level(1, AGENT_HZ) > -30


async def test_caller_who_gives_up_is_a_ticket_without_a_recording(lab: Lab, api: Api) -> None:
    known = await known_tickets(api)
    async with caller(lab, SUPPORT, tone=CALLER_HZ, talk=2) as client:
        await client.event("done", seconds=30)
    (ticket,) = await eventually(lambda: api.tickets_since(known))

    async def outcome() -> str | None:
        return (await api.get(f"/calls/{ticket['call_id']}"))["outcome"]

    assert await eventually(outcome) == "abandoned"
    assert (await api.get(f"/tickets/{ticket['id']}"))["recordings"] == []


async def test_echo_is_asterisks_own_affair(lab: Lab, api: Api) -> None:
    known = await known_tickets(api)
    async with caller(lab, "+74950000009", tone=CALLER_HZ, talk=2) as client:
        await client.event("answered")
        await client.event("done", seconds=30)
    assert client.events[-1]["calls"] == 1
    assert await api.tickets_since(known) == []
