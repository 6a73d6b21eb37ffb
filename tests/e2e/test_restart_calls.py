"""Callers who wait, ring or stand in a menu while Callbridge is killed and started again."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.parts import Api, Lab, caller, eventually, log_in, phone, phones
from tests.e2e.scene import (
    CLEAR,
    calls,
    channels,
    conversations,
    ends_with,
    goes,
    heard_by,
    live,
    prompt,
    since,
    stranger,
    talking,
    ticket_of,
)

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

LONGEST_PAUSE = 1.5  # s; the pieces have some of nearly 1, and Callbridge is away for longer
ANNA, MENU, SUPPORT = "1001", "+74950000001", "+74950000002"


async def queued(api: Api, number: str) -> dict[str, Any]:
    """That number's call, once it waits in the queue."""
    await api.waits(number, "support")
    call = await live(api, number)
    assert call["answered_at"] is None
    return call


# ── a waiting caller ──


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_waiting_callers_keep_place_clock_and_music(
    lab: Lab, api: Api, tmp_path: Path, how: str
) -> None:
    one, two, three = stranger(), stranger(), stranger()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(calls(lab, SUPPORT, one, tmp_path / "heard.wav"))
        waiting = [await queued(api, one)]
        await stack.enter_async_context(caller(lab, SUPPORT, number=two, wait=0, talk=120))
        waiting.append(await queued(api, two))
        greeting = await prompt(lab, "callbridge/please-wait")
        await asyncio.sleep(greeting.seconds + 1)  # of music
        there = await channels(lab)
        goes_away = time.monotonic()
        async with lab.away(how):
            await asyncio.sleep(1)  # of music with nobody to care for it
        assert await channels(lab) == there
        for before in waiting:
            after = await queued(api, before["number"])
            assert [after[name] for name in ("id", "queued_at", "queue")] == [
                before[name] for name in ("id", "queued_at", "queue")
            ]
        queues = {queue["name"]: queue for queue in (await api.get("/queues"))["items"]}
        assert queues["support"]["longest_since"] == waiting[0]["queued_at"]
        await stack.enter_async_context(caller(lab, SUPPORT, number=three, wait=0, talk=120))
        await queued(api, three)
        await asyncio.sleep(2)  # of music
        begins = time.monotonic()
        agents = await stack.enter_async_context(phones(lab, [ANNA], answer=0.1))
        for number in (one, two, three):
            assert await talking(api, number) == ANNA
            for later in (two, three)[(one, two, three).index(number) :]:
                assert await api.offers(later) == [], "who came later is offered later"
            await agents[ANNA].do(do="hangup")
            ended = await api.ended(number)
            assert (ended["outcome"], ended["agent"]) == ("answered", ANNA)
        for before in waiting:
            ended = await api.get(f"/calls/{before['id']}")
            assert ended["queued_at"] == before["queued_at"]
        heard = await heard_by(first)
        music = heard.part(await since(first, goes_away), await since(first, begins))
        await ticket_of(api, waiting[0])
    print(f"longest silence in {music.seconds:.1f} s of music: {music.longest_silence():.2f} s")
    assert music.seconds > LONGEST_PAUSE * 2
    assert music.longest_silence() <= LONGEST_PAUSE


async def test_waiting_caller_lives_through_a_crash(lab: Lab, api: Api) -> None:
    """Nobody starts it again but the engine."""
    number = stranger()
    async with caller(lab, SUPPORT, number=number, wait=0, talk=90):
        before = await queued(api, number)
        await lab.crash_callbridge()
        after = await queued(api, number)
        assert (after["id"], after["queued_at"]) == (before["id"], before["queued_at"])
        async with phones(lab, [ANNA], answer=0.1) as there:
            await ends_with(api, there, ANNA, number)


# ── a phone that rings ──


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.whole)])
async def test_ringing_phone_is_answered_after_the_restart(
    lab: Lab, api: Api, chromium: Browser, how: str
) -> None:
    number = stranger()
    async with phone(lab, ANNA, answer=None) as anna:
        await api.agent_is(ANNA, "ready", 30)
        page = await log_in(chromium, lab, ANNA)
        async with caller(lab, SUPPORT, number=number, wait=0, talk=90) as client:
            await anna.event("incoming", seconds=30)
            call = await live(api, number, "ringing")
            card = page.locator(f'article[data-call="{call["id"]}"]')
            await expect(card).to_have_attribute("data-state", "ringing")
            await card.evaluate("card => card.setAttribute('data-before', '')")
            async with lab.away(how):
                pass
            await live(api, number, "ringing")
            # The page has come back by itself and shows the card anew, not what it had before.
            await expect(card).to_have_attribute("data-state", "ringing", timeout=15_000)
            await expect(card).not_to_have_attribute("data-before", "", timeout=15_000)
            # She hears it ring on, or anew, but once.
            rings, cancelled = anna.count("incoming"), anna.count("cancelled")
            print(f"rings: {rings}, of which taken back: {cancelled}")
            assert (rings, cancelled) in ((1, 0), (2, 1))
            await anna.do(do="answer")
            await anna.event("answered")
            assert await talking(api, number) == ANNA
            await live(api, number, "talking")
            assert await conversations(lab) == [2]
            await expect(card).to_have_attribute("data-state", "talking")
            assert client.count("ended") == 0
            await anna.do(do="hangup")
            await client.event("done", seconds=30)
        ended = await api.ended(number)
        assert (ended["id"], ended["outcome"], ended["agent"]) == (call["id"], "answered", ANNA)
        assert anna.count("incoming") == rings, "not called once more"
        assert anna.count("answered") == 1
        assert [offer["end"] for offer in await api.offers(number)][-1] == "answered"
        await ticket_of(api, ended)


async def test_agent_who_answers_while_callbridge_is_away_talks_when_it_is_back(lab: Lab, api: Api) -> None:
    number = stranger()
    async with phone(lab, ANNA, answer=None) as anna:
        await api.agent_is(ANNA, "ready", 30)
        async with caller(lab, SUPPORT, number=number, wait=0, talk=90) as client:
            await anna.event("incoming", seconds=30)
            await live(api, number, "ringing")
            async with lab.away():
                await anna.do(do="answer")
                await anna.event("answered")
            await live(api, number, "talking")
            assert await eventually(lambda: conversations(lab), lambda seen: seen == [2])
            assert (anna.count("incoming"), anna.count("ended")) == (1, 0)
            await anna.do(do="hangup")
            await client.event("done", seconds=30)
        ended = await api.ended(number)
        assert (ended["outcome"], ended["agent"]) == ("answered", ANNA)
        await ticket_of(api, ended)


# ── a caller in the menu ──


@pytest.mark.parametrize("moment", ["while it is said", "while it waits for the digit"])
async def test_caller_in_the_menu_hears_it_and_his_digit_is_taken(
    lab: Lab, api: Api, tmp_path: Path, moment: str
) -> None:
    number = stranger()
    menu = await prompt(lab, "callbridge/main-menu")
    async with calls(lab, MENU, number, tmp_path / "heard.wav") as client:
        before = await live(api, number)
        if moment == "while it is said":
            await asyncio.sleep(1)
        else:
            await asyncio.sleep(menu.seconds + 1)
        async with lab.away():
            pass
        back = time.monotonic()
        assert (await live(api, number))["id"] == before["id"]
        await asyncio.sleep(menu.seconds + 1)
        await client.do(do="dtmf", digits="2")
        after = await queued(api, number)
        assert after["id"] == before["id"]
        heard = await goes(client)
        late = await since(client, back)
    if moment != "while it is said":
        heard = heard.part(late - 2, heard.seconds)
    assert heard.holds(menu) > CLEAR
    ended = await api.ended(number)
    assert (ended["outcome"], ended["queue"]) == ("abandoned", "support")


async def test_digit_that_was_pressed_before_counts(lab: Lab, api: Api) -> None:
    """Who has left the menu is not sent there again."""
    number = stranger()
    async with caller(lab, MENU, number=number, digits="2", wait=1, talk=60) as client:
        before = await queued(api, number)
        async with lab.away():
            pass
        after = await queued(api, number)
        assert (after["id"], after["queued_at"]) == (before["id"], before["queued_at"])
        assert client.count("ended") == 0
    assert (await api.ended(number))["queue"] == "support"
