"""Every page for everybody: axe-core's rules, in both languages, light and dark, wide and narrow.

Beside them what axe does not ask: that no page scrolls sideways, and that nothing has a place of its own in
the order of the tab key.
"""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from bridge.web.i18n import NAMES
from tests.integration.web.browser.furnished import Furnished, talking
from tests.integration.web.browser.screen import NARROW, WIDE, Screen, Screens

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RULES = {"resultTypes": ["violations"], "preload": False, "rules": {"target-size": {"enabled": True}}}
# language, width, dark: each pair of them at least once
_LOOKS = [("en", WIDE, False), ("ru", NARROW, True)]


async def faults_on(screen: Screen) -> list[str]:
    found: list[dict[str, Any]] = (await Axe().run(screen.page, options=_RULES)).response["violations"]
    faults = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'].splitlines()[-1].strip()}"
        for one in found
        for node in one["nodes"][:4]
    ]
    faults += [f"sideways: {one}" for one in await screen.outside()]
    ordered = await screen.page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count()
    return faults + ([f"tabindex: {ordered} of them"] if ordered else [])


async def look_at(screen: Screen, *paths: str) -> list[str]:
    found = []
    for path in paths:
        page = await screen.open(path)
        await page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        found += [f"{path} {fault}" for fault in await faults_on(screen)]
    return found


@pytest.mark.parametrize(("language", "width", "dark"), _LOOKS)
@pytest.mark.parametrize("login", ["1001", "chief"])
async def test_every_page(
    screens: Screens, furnished: Furnished, login: str, language: str, width: int, dark: bool
) -> None:
    if login == "1001":
        await talking(furnished.house, furnished.client)
    screen = await screens.of(login, language=language, width=width, dark=dark)
    screen.expect(404)
    pages = furnished.agent_pages if login == "1001" else furnished.supervisor_pages
    faults = await look_at(screen, *pages)
    assert await screen.page.locator("html").get_attribute("lang") == language
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", list(NAMES))
async def test_before_signing_in(screens: Screens, language: str) -> None:
    screen = await screens.of(None, language=language)
    faults = await look_at(screen, "/login")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", list(NAMES))
async def test_what_is_missing_and_the_list_of_keys(
    screens: Screens, furnished: Furnished, language: str
) -> None:
    screen = await screens.of("1001", language=language)
    screen.expect(400)
    page = await screen.open(f"/tickets/{furnished.other}")
    await page.get_by_role("button", name={"en": "Done", "ru": "Выполнено"}[language]).click()
    await expect(page.locator("[aria-invalid]").first).to_be_focused()
    faults = await faults_on(screen)
    await page.keyboard.press("Escape")
    await page.locator("h1").click()  # single keys are letters while somebody writes
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    faults += await faults_on(screen)
    assert not faults, "\n".join(faults)
