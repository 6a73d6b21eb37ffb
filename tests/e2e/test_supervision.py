"""A supervisor beside an agent on the real Asterisk: who hears whom, by page, API and desk phone.

With ``-s`` each switch's time is printed: from the wish to the first sound, or the last.
"""

import time
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.hearing import MUSIC
from tests.e2e.parts import log_in
from tests.e2e.test_transfers import (
    ANNA,
    BORIS,
    SALES,
    SALES_AGENT,
    SUPERVISOR,
    Begin,
    Talk,
    begin,
)

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

SECOND = "1009"  # supervises only those who sell
# how → who hears whom: client, agent, supervisor
TABLE: dict[str, dict[str, set[str]]] = {
    "listen": {"client": {ANNA}, f"a{ANNA}": {"client"}, f"a{SUPERVISOR}": {"client", ANNA}},
    "whisper": {"client": {ANNA}, f"a{ANNA}": {"client", SUPERVISOR}, f"a{SUPERVISOR}": {"client", ANNA}},
    "barge": {
        "client": {ANNA, SUPERVISOR},
        f"a{ANNA}": {"client", SUPERVISOR},
        f"a{SUPERVISOR}": {"client", ANNA},
    },
    "take_over": {"client": {SUPERVISOR}, f"a{SUPERVISOR}": {"client"}},
}
PLAIN: dict[str, set[str]] = {"client": {ANNA}, f"a{ANNA}": {"client"}}
DIGITS = {"listen": "4", "whisper": "5", "barge": "6", "take_over": "9"}
# Each switch between two of them, once.
SWITCHES = ["listen", "whisper", "listen", "barge", "whisper", "barge", "listen"]
BEFORE_S = 0.5


async def supervise(talk: Talk, do: str, agent: str = ANNA, by: str = SUPERVISOR, **more: str) -> None:
    talk.did = f"{by}: {do} {agent}"
    await talk.api.order("POST", f"/agents/{agent}/supervision", {"do": do, "supervisor": by, **more})


async def audit(talk: Talk) -> list[tuple[str, str]]:
    """Action and agent, the first first."""
    entries = (await talk.api.get("/audit", call=talk.call))["items"]
    found = [(one["action"], one["about"]) for one in reversed(entries)]
    return [one for one in found if not one[0].startswith("recording.")]


async def tell_switch(talk: Talk, way: str, at: float, was: str, how: str) -> None:
    """Printed: the time from the wish (CLOCK_MONOTONIC) until all hear whom they should, and nobody else.

    A digit is timed from the command to the phone: its own length is in it.
    """
    took = []
    for name in TABLE[was].keys() & TABLE[how].keys():
        for speaker in TABLE[was][name] ^ TABLE[how][name]:
            sound = await talk.ears[name.removeprefix("a")].heard(at - BEFORE_S, at + 1.0)
            gaps = sound.gaps(talk.ears[speaker].hz)
            comes = speaker in TABLE[how][name]
            took.append((sum(gaps[0]) if comes else gaps[-1][0]) - BEFORE_S)
    print(f"{way}: {was:>8} → {how:<9} {max(took) * 1000:4.0f} ms")


async def test_every_switch_by_api_on_one_leg(begin: Begin) -> None:
    talk = await begin(SUPERVISOR)
    was = ""
    for how in SWITCHES:
        at = time.monotonic()
        await supervise(talk, how)
        await talk.phone(SUPERVISOR).event("media")
        # A phone was seen to hear nobody for some two seconds when two became three, while a bridge could
        # still be made twice; not since, in 40 of 40.
        await talk.hear(windows=3, **TABLE[how])
        if was:
            await tell_switch(talk, "by API", at, was, how)
        was = how
    assert talk.phone(SUPERVISOR).count("incoming") == 1  # nothing was dialled again
    await supervise(talk, "leave")
    await talk.phone(SUPERVISOR).event("ended")
    await talk.hear(**PLAIN)
    call = await talk.ends()
    assert call["agent"] == ANNA
    assert await audit(talk) == [(how, ANNA) for how in [*SWITCHES, "leave"]]


async def test_by_desk_phone_code_and_digits_and_take_over(begin: Begin) -> None:
    talk = await begin(SUPERVISOR)
    await talk.dial(SUPERVISOR, f"*88{ANNA}", line=1)
    await talk.phone(SUPERVISOR).event("media")
    await talk.hear(**TABLE["listen"])
    was = "listen"
    for how in ("whisper", "barge", "take_over"):
        at = time.monotonic()
        await talk.phone(SUPERVISOR).do(do="dtmf", digits=DIGITS[how])
        if how == "take_over":
            await talk.phone(ANNA).event("ended")
        await talk.hear(**TABLE[how])
        await tell_switch(talk, "by digit, its length included", at, was, how)
        was = how
    await talk.wish(SUPERVISOR, "hold")
    await talk.hear(**{"client": {MUSIC}, f"a{SUPERVISOR}": set()})
    await talk.wish(SUPERVISOR, "resume")
    await talk.hear(**TABLE["take_over"])
    await talk.ends()
    await talk.recorded(ANNA, SUPERVISOR)
    record: dict[str, Any] = await talk.api.get(f"/calls/{talk.call}")
    assert record["agent"] == SUPERVISOR
    assert [(one["kind"], one["by"]) for one in record["transfers"]] == [("take_over", SUPERVISOR)]


async def test_it_survives_hold_consultation_and_transfer(begin: Begin) -> None:
    talk = await begin(SUPERVISOR, BORIS)
    await supervise(talk, "whisper")
    await talk.phone(SUPERVISOR).event("media")
    await talk.wish(ANNA, "hold")  # a whisper to who is alone
    await talk.hear(**{"client": {MUSIC}, f"a{ANNA}": {SUPERVISOR}, f"a{SUPERVISOR}": {ANNA}})
    await talk.wish(ANNA, "resume")
    await talk.hear(**TABLE["whisper"])
    await talk.pass_on(ANNA, attended=True, agent=BORIS)
    await talk.stage(ANNA, "consulting")
    await talk.hear(
        **{
            "client": {MUSIC},
            f"a{ANNA}": {BORIS, SUPERVISOR},
            f"a{BORIS}": {ANNA},
            f"a{SUPERVISOR}": {ANNA, BORIS},
        }
    )
    await talk.wish(ANNA, "complete")
    await talk.phone(ANNA).event("ended")
    await talk.hear(
        **{"client": {BORIS}, f"a{BORIS}": {"client", SUPERVISOR}, f"a{SUPERVISOR}": {"client", BORIS}}
    )
    await talk.ends()
    await talk.phone(SUPERVISOR).event("ended")
    assert await audit(talk) == [("whisper", ANNA), ("whisper", BORIS), ("leave", BORIS)]


async def test_a_trainee_beside_a_supervisor_whose_phone_dies(begin: Begin) -> None:
    talk = await begin(SUPERVISOR, BORIS)
    await supervise(talk, "barge")
    await talk.phone(SUPERVISOR).event("media")
    await supervise(talk, "listen", trainee=BORIS)
    await talk.phone(BORIS).event("media")
    await talk.hear(
        **{
            "client": {ANNA, SUPERVISOR},
            f"a{ANNA}": {"client", SUPERVISOR},
            f"a{SUPERVISOR}": {"client", ANNA},
            f"a{BORIS}": {"client", ANNA, SUPERVISOR},
        }
    )
    talk.phone(SUPERVISOR).kill()
    await talk.lab.asterisk(f"channel request hangup {await _channel(talk, SUPERVISOR)}")
    await talk.hear(**PLAIN, **{f"a{BORIS}": {"client", ANNA}})
    await talk.ends()


async def test_by_the_page_with_its_buttons_and_keys(begin: Begin, chromium: Browser) -> None:
    talk = await begin(SUPERVISOR)
    page = await log_in(chromium, talk.lab, SUPERVISOR)
    await page.goto(f"{talk.lab.web}/floor")
    await page.click(f"#listen-{ANNA}")
    await talk.phone(SUPERVISOR).event("media")
    panel = page.get_by_role("form", name="Рядом с оператором")
    await expect(panel.locator("[data-digit='4']")).to_have_attribute("aria-pressed", "true")
    await talk.hear(**TABLE["listen"])
    at = time.monotonic()
    await panel.locator("[data-digit='5']").click()
    await expect(panel.locator("[data-digit='5']")).to_have_attribute("aria-pressed", "true")
    await talk.hear(**TABLE["whisper"])
    await tell_switch(talk, "by page, a click", at, "listen", "whisper")
    at = time.monotonic()
    await page.keyboard.press("6")
    await expect(panel.locator("[data-digit='6']")).to_have_attribute("aria-pressed", "true")
    await talk.hear(windows=3, **TABLE["barge"])
    await tell_switch(talk, "by page, a key", at, "whisper", "barge")
    at = time.monotonic()
    await panel.locator("[data-digit='9']").click()
    await talk.phone(ANNA).event("ended")
    await talk.hear(**TABLE["take_over"])
    await tell_switch(talk, "by page, a click", at, "barge", "take_over")
    await expect(panel).to_have_count(0)
    await talk.ends()


@pytest.mark.whole
async def test_listening_through_a_consultation_and_a_conference(begin: Begin) -> None:
    """His ear hears whoever comes and whoever is left, soon after each."""
    talk = await begin(BORIS, SUPERVISOR)
    ear = f"a{SUPERVISOR}"
    await supervise(talk, "listen")
    await talk.phone(SUPERVISOR).event("media")
    await talk.hear(**PLAIN, **{ear: {"client", ANNA}})
    await talk.pass_on(ANNA, agent=BORIS, attended=True)
    await talk.stage(ANNA, "consulting")
    pair: dict[str, set[str]] = {"a1001": {BORIS}, "a1002": {ANNA}}
    await talk.hear(windows=1, client={MUSIC}, **pair, **{ear: {ANNA, BORIS}})
    await talk.wish(ANNA, "conference")
    three = {"client": {ANNA, BORIS}, "a1001": {"client", BORIS}, "a1002": {"client", ANNA}}
    await talk.hear(windows=1, **three, **{ear: {"client", ANNA, BORIS}})
    await talk.phone(BORIS).do(do="hangup")
    await talk.hear(windows=1, **PLAIN, **{ear: {"client", ANNA}})
    await talk.ends()


async def test_two_supervisors_with_one_agent(begin: Begin) -> None:
    """Each changes and leaves without the other's noticing more than whom he hears."""
    talk = await begin(SUPERVISOR, SECOND, first=SALES_AGENT, dialled=SALES)
    for supervisor in (SUPERVISOR, SECOND):
        await supervise(talk, "listen", SALES_AGENT, supervisor)
        await talk.phone(supervisor).event("media")

    async def hear(client: set[str], agent: set[str], first: set[str], second: set[str]) -> None:
        await talk.hear(
            windows=3,
            client=client,
            **{f"a{SALES_AGENT}": agent, f"a{SUPERVISOR}": first, f"a{SECOND}": second},
        )

    both = {"client", SALES_AGENT}
    await hear({SALES_AGENT}, {"client"}, both, both)
    await supervise(talk, "whisper", SALES_AGENT, SUPERVISOR)
    await hear({SALES_AGENT}, {"client", SUPERVISOR}, both, both)  # the agent alone
    await supervise(talk, "barge", SALES_AGENT, SECOND)
    await hear({SALES_AGENT, SECOND}, {"client", SUPERVISOR, SECOND}, both | {SECOND}, both)
    await talk.phone(SECOND).do(do="hangup")
    await hear({SALES_AGENT}, {"client", SUPERVISOR}, both, set())
    await supervise(talk, "take_over", SALES_AGENT, SUPERVISOR)
    await talk.phone(SALES_AGENT).event("ended")
    await hear({SUPERVISOR}, set(), {"client"}, set())
    await talk.ends()
    await talk.recorded(SALES_AGENT, SUPERVISOR)


async def _channel(talk: Talk, agent: str) -> str:
    """Asterisk's name of the phone's channel: a phone that dies says no BYE."""
    found = (await talk.lab.asterisk("core show channels concise")).splitlines()
    return next(line.partition("!")[0] for line in found if line.startswith(f"PJSIP/{agent}-"))
