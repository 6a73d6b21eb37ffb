"""What others wrote is text, on every page and in every field: nothing of it runs, and no page gets wider."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, expect

from tests.integration.web.browser.furnished import Furnished, talking
from tests.integration.web.browser.screen import NARROW, WIDE, Screen, Screens

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKUP = "<img src=x onerror=\"window.__pwned='img'\"><script>window.__pwned='script'</script>"
BREAKS = "\"'></textarea></title><svg onload=window.__pwned='svg'>{{7*7}}{% raw %}${7*7}"
OTHERS = ("javascript:window.__pwned=1", "\u202egnp.exe\u2066 شكرا", "👩‍👩‍👧‍👦🏳️‍🌈", "Щ" * 150, "W" * 150)
_NO_TEXTS = ("numbers", "emails", "number", "field_pieces", "to", "other", "target")
_MADE = "img[src=x], [onload], [onerror], main script, a[href^='javascript:'], title > *"
_OPEN_ALL = "for (const one of document.querySelectorAll('main details')) one.open = true"


@pytest.fixture(scope="module")
def words() -> Callable[[str], str]:
    """In turn one of all, as long as a name may be."""
    every = itertools.cycle((MARKUP, BREAKS, *OTHERS))
    return lambda given: f"{next(every)} {given}"[:200]


async def faults_on(screen: Screen) -> list[str]:
    faults = []
    for width in (WIDE, NARROW):
        await screen.page.set_viewport_size({"width": width, "height": 900})
        faults += await screen.outside()
    made = await screen.page.locator(_MADE).count()
    return faults + ([f"{made} elements out of texts"] if made else [])


@pytest.mark.parametrize("login", ["1001", "chief"])
async def test_every_page_shows_it_as_it_was_given(
    screens: Screens, furnished: Furnished, login: str
) -> None:
    if login == "1001":
        await talking(furnished.house, furnished.client)
    screen = await screens.of(login)
    screen.expect(404)
    faults = []
    for path in furnished.agent_pages if login == "1001" else furnished.supervisor_pages:
        page = await screen.open(path)
        await page.evaluate(_OPEN_ALL)
        faults += [f"{path}: {fault}" for fault in await faults_on(screen)]
    assert not faults, "\n".join(faults)
    await screen.open("/tickets")
    await expect(screen.page.get_by_text(MARKUP).first).to_be_visible()


async def test_what_is_fetched_into_a_page_is_text_too(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("1002")
    page = await screen.open(f"/tickets/{furnished.ticket}")
    await page.get_by_text("History of changes").last.click()
    await expect(page.locator("#history li").first).to_be_visible()
    await page.get_by_text("Another client").click()
    await page.get_by_role("searchbox").fill("+7916")
    await expect(page.locator("#options label").first).to_be_visible()
    await page.get_by_label("Template").select_option(index=1)
    await page.get_by_role("button", name="Insert").click()
    await expect(page.get_by_role("textbox", name="Text")).to_have_value(re.compile("Здравствуйте"))
    assert not await faults_on(screen)


async def fill_all(form: Locator) -> dict[str, str]:
    """Every text in it as long as it may be, at most 10,000 characters; what was typed, by name."""
    typed = {}
    fields = await form.locator("input:not([type]):visible, textarea:visible").all()
    for field, start in zip(fields, itertools.cycle((MARKUP, BREAKS, *OTHERS))):
        name = await field.get_attribute("name") or ""
        if name in _NO_TEXTS:
            continue
        most = min(10_000, int(await field.get_attribute("maxlength") or 10_000))
        typed[name] = "<b>,{{7}}" if name == "tags" else start + "Щ" * (most - len(start))
        await field.fill(typed[name])
    assert len(typed) > 2
    return typed


async def test_a_ticket_with_all_of_its_fields(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets/new")
    typed = await fill_all(page.locator("main form"))
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("No. ")
    await expect(page.get_by_label("Contract")).to_have_value(typed["field_contract"])
    await expect(page.get_by_label("What happened")).to_have_value(typed["field_story"])
    await expect(page.get_by_role("list").filter(has_text=typed["note"][-200:])).to_be_visible()
    assert not await faults_on(screen)
    tags = page.get_by_label("Tags, with commas between them")
    await tags.fill("<b>,{{7*7}},👩‍👩‍👧‍👦")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="<b>")).to_be_visible()
    assert not await faults_on(screen)


async def test_a_client_with_all_of_his_fields(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("chief")
    page = await screen.open(f"/clients/{furnished.client}")
    typed = await fill_all(page.locator("main form").first)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(typed["name"])
    await expect(page.get_by_label("Notes")).to_have_value(typed["notes"])
    assert not await faults_on(screen)
    for path in ("/clients", f"/tickets/{furnished.ticket}", "/calls"):
        await screen.open(path)
        assert not await faults_on(screen), path


async def test_a_filter_s_name(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets?priority=urgent")
    await page.get_by_text("Save this as a filter").click()
    await page.get_by_role("textbox", name="Name").fill(MARKUP)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("navigation").get_by_text(MARKUP)).to_be_visible()
    assert not await faults_on(screen)
