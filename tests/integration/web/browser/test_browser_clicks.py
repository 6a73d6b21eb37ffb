"""What an agent does most, by the mouse: in at most two clicks from the card or the ticket."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bridge.centre.facts import Verdict
from bridge.store.ticket_rows import EntryRow
from tests.integration.web.browser.furnished import Furnished, talking
from tests.integration.web.browser.screen import Screen, Screens
from tests.integration.web.web_samples import card, record

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST = 2
ANNA = "1001"


@pytest_asyncio.fixture(loop_scope="session")
async def anna(screens: Screens) -> AsyncIterator[Screen]:
    screen = await screens.of(ANNA)
    yield screen
    assert 0 < screen.clicks <= MOST


async def last_entry(furnished: Furnished, id: int) -> EntryRow:
    async with furnished.house.store.view() as unit:
        return (await unit.entries.page(id, None, 1, newest_first=True)).items[0]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(None, "note"), ("To the supplier", "partner"), ("Answer to the client", "mail_out")],
)
async def test_something_is_written(anna: Screen, furnished: Furnished, mode: str | None, kind: str) -> None:
    page = await anna.open(f"/tickets/{furnished.ticket}")
    if mode is None:
        await anna.click(page.get_by_role("textbox", name="Text"))
    else:
        await anna.click(page.get_by_role("radio", name=mode))
    await expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    await page.keyboard.type(f"Слово: {kind}")
    await anna.click(page.get_by_role("region", name="Write").locator("button.primary"))
    await expect(page.get_by_role("list").filter(has_text=f"Слово: {kind}")).to_be_visible()
    entry = await last_entry(furnished, furnished.ticket)
    assert (entry.kind, entry.body) == (kind, f"Слово: {kind}")


async def test_the_status_is_changed(anna: Screen, furnished: Furnished) -> None:
    id = await furnished.new_ticket()
    page = await anna.open(f"/tickets/{id}")
    await anna.click(page.get_by_role("button", name="In progress"))
    await expect(page.locator("#announcer")).to_have_text("Saved.")
    assert (await furnished.row(id)).status == "in_progress"


async def test_it_is_closed_with_what_was_missing(anna: Screen, furnished: Furnished) -> None:
    id = await furnished.new_ticket()
    anna.expect(400)
    page = await anna.open(f"/tickets/{id}")
    await anna.click(page.get_by_role("button", name="Done"))
    field = page.get_by_role("textbox", name="Contract")
    await expect(field).to_be_focused()
    await expect(field).to_have_accessible_description("Fill this in before the ticket is closed.")
    assert (await furnished.row(id)).status == "open"
    await page.keyboard.type("A-17")
    await anna.click(page.get_by_role("button", name="Save", exact=True))
    await expect(page.locator("#announcer")).to_have_text("Saved.")
    row = await furnished.row(id)
    assert (row.status, row.fields["contract"]) == ("done", "A-17")


async def test_it_is_taken(anna: Screen, furnished: Furnished) -> None:
    id = await furnished.new_ticket()
    page = await anna.open(f"/tickets/{id}")
    await anna.click(page.get_by_role("button", name="Take it myself"))
    await expect(page.locator("#announcer")).to_have_text("Saved.")
    await expect(page.get_by_role("button", name="Take it myself")).to_have_count(0)
    assert (await furnished.row(id)).assignee == ANNA


async def test_what_is_typed_goes_along(anna: Screen, furnished: Furnished) -> None:
    id = await furnished.new_ticket()
    page = await anna.open(f"/tickets/{id}")
    await page.get_by_role("textbox", name="Solution").fill("Сменили картридж")
    await page.get_by_role("textbox", name="Contract").fill("A-18")
    await anna.click(page.get_by_role("button", name="Done"))
    await expect(page.locator("#announcer")).to_have_text("Saved.")
    row = await furnished.row(id)
    assert (row.status, row.solution, row.fields["contract"]) == ("done", "Сменили картридж", "A-18")


async def test_from_the_card_the_call_goes_to_an_open_ticket(anna: Screen, furnished: Furnished) -> None:
    call = await talking(furnished.house, furnished.client, call="5.1", with_ticket=False)
    async with furnished.house.store.view() as unit:
        wanted = (await unit.tickets.open_of_client(furnished.client))[-1].id
    page = await anna.open("/")
    line = page.get_by_role("listitem").filter(has=page.locator(f"a[href='/tickets/{wanted}']"))
    await anna.click(line.get_by_role("button", name="Continue with it"))
    await expect(page.get_by_role("button", name="Save the ticket")).to_be_visible()
    async with furnished.house.store.view() as unit:
        kept = await unit.tickets.by_call(call)
    assert kept is not None
    assert kept.id == wanted


async def test_from_the_card_a_ticket_is_opened(anna: Screen, furnished: Furnished) -> None:
    call = await talking(furnished.house, furnished.client, call="5.2", with_ticket=False)
    page = await anna.open("/")
    await anna.click(page.get_by_role("button", name="Open a ticket"))
    await expect(page.get_by_role("button", name="Save the ticket")).to_be_visible()
    async with furnished.house.store.view() as unit:
        kept = await unit.tickets.by_call(call)
    assert kept is not None
    assert (kept.client, kept.department) == (furnished.client, "support")


async def test_from_the_card_a_client_is_found(anna: Screen, furnished: Furnished) -> None:
    live = record("5.3", number="+79035550101", verdict=Verdict.UNKNOWN, answered=True)
    async with furnished.house.store.unit() as unit:
        await unit.calls.save(live)
    await furnished.house.screens.open_card(card(live))
    page = await anna.open("/")
    await anna.click(page.get_by_role("searchbox", name="Name or number"))
    await page.keyboard.type("Константинопольский")
    await anna.click(page.get_by_role("button", name="Константинопольский"))
    await expect(page.get_by_role("link", name="Open the client's page")).to_be_visible()
