"""Owns the browser of these tests: one for all of them, a furnished house a module, a context a test."""

import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bridge.crm.mail import Mailer
from tests.e2e.parts import browser
from tests.integration.web.browser.furnished import Furnished, furnish, plain
from tests.integration.web.browser.screen import Screens
from tests.integration.web.web_house import close_house, open_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    expect.set_options(timeout=20_000)  # a busy machine
    async with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def words() -> Callable[[str], str]:
    """What stands in the house for a text that somebody gave."""
    return plain


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def furnished(
    tmp_path_factory: pytest.TempPathFactory, words: Callable[[str], str]
) -> AsyncIterator[Furnished]:
    """Nothing is sent by it: what is to be mailed waits in the thread."""
    mailer = Mailer("127.0.0.1", 1, "none", "help@example.org", "Ромашка", ssl.create_default_context())
    house = await open_house(tmp_path_factory.mktemp("house"), mailer=mailer, in_browser=True)
    try:
        yield await furnish(house, words)
    finally:
        await close_house(house)


@pytest_asyncio.fixture(loop_scope="session")
async def screens(chromium: Browser, furnished: Furnished) -> AsyncIterator[Screens]:
    """Whoever opens a page here has it watched: at the end there was no error on any."""
    screens = Screens(chromium, furnished.house)
    yield screens
    await screens.close()
