"""An agent passes his client on by his page, with its keys and buttons: in real browsers, to real phones."""

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.hearing import MUSIC
from tests.e2e.parts import log_in
from tests.e2e.test_transfers import ANNA, BORIS, Begin, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


async def test_held_consulted_swapped_and_passed_on(begin: Begin, chromium: Browser) -> None:
    talk = await begin(BORIS, answer=None)
    hers, his = [await log_in(chromium, talk.lab, agent) for agent in (ANNA, BORIS)]
    panel = hers.locator("#talk")

    async def key(pressed: str) -> None:
        talk.did = f"{ANNA} presses {pressed.upper()}"
        await hers.keyboard.press(pressed)

    await expect(panel).to_contain_text("с клиентом")
    await key("h")
    await expect(panel).to_contain_text("клиент слушает музыку")
    await talk.hear(client={MUSIC}, a1001=set())
    await key("h")
    await talk.hear(client={ANNA}, a1001={"client"})
    await key("m")
    await talk.hear(client=set(), a1001={"client"})
    await key("m")
    await talk.hear(client={ANNA}, a1001={"client"})

    await key("x")
    await hers.select_option("#pass-on-to", f"agent:{BORIS}")
    await hers.get_by_role("button", name="Сначала поговорить").click()
    await talk.phone(BORIS).event("incoming")
    # Before he answers he sees who it is, and who passes him on.
    await expect(his.locator("#card")).to_contain_text(talk.number[-2:])
    await expect(his.locator(".chain")).to_contain_text("Анна Смирнова")
    await talk.phone(BORIS).do(do="answer")
    await expect(panel).to_contain_text("консультация")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await key("s")
    await talk.hear(client={ANNA}, a1001={"client"}, a1002={MUSIC})
    await key("s")
    await talk.hear(client={MUSIC}, a1001={BORIS}, a1002={ANNA})
    await key("f")
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await expect(panel.locator(".talk")).to_have_count(0)
    await expect(his.locator("#talk")).to_contain_text("с клиентом")

    await his.keyboard.press("x")
    await his.select_option("#pass-on-to", "queue:support")
    await his.get_by_role("button", name="Перевести сразу").click()
    await talk.phone(BORIS).event("ended")
    await talk.talks(ANNA)  # who is free there
    await talk.hear(client={ANNA}, a1001={"client"})
    await expect(hers.locator(".chain")).to_contain_text("Дмитрий Кузнецов")
    await talk.ends()
    ends = [("attended", f"agent {BORIS}", ANNA, "completed"), ("blind", "queue support", BORIS, "completed")]
    assert await talk.transfers() == ends
