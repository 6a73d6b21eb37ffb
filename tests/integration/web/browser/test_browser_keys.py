"""What is done with tickets, by the keyboard alone: where the focus goes is where the work goes on."""

import re

import pytest
from playwright.async_api import Page, expect

from bridge.crm.ticketing.filters import read
from tests.integration.web.browser.furnished import Furnished, talking
from tests.integration.web.browser.screen import Screen, Screens

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(page: Page, words: str = "Saved.") -> None:
    """To whoever cannot see the page: in the region that is read out."""
    await expect(page.locator("#announcer")).to_have_text(words)


async def test_first_comes_the_way_past_the_menu(screens: Screens) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    assert await screen.outlined()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    for name in ("Templates", "New ticket"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("main").get_by_role("link", name=name)).to_be_focused()


async def test_through_the_list_and_back(screens: Screens) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets")
    await screen.tab_to(page.get_by_role("link", name="Mine"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Mine")).to_have_attribute("aria-current", "page")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Search in tickets")).to_be_focused()
    await page.keyboard.type("кабинет")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q="))
    found = page.url
    await screen.tab_to(page.get_by_role("row").nth(1).get_by_role("link").first)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("No. ")
    await page.go_back()
    await expect(page).to_have_url(found)
    await expect(page.get_by_role("searchbox", name="Search in tickets")).to_have_value("кабинет")


async def test_a_filter_is_saved_renamed_and_removed(screens: Screens) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets?status=open")
    await screen.tab_to(page.get_by_text("Save this as a filter"))
    await page.keyboard.press("Enter")
    await screen.tab_to(page.get_by_role("textbox", name="Name"))
    await page.keyboard.type("Свежие")
    await page.keyboard.press("Enter")
    await told(page, "The filter is saved.")
    await expect(page.get_by_role("link", name="Свежие")).to_have_attribute("aria-current", "page")
    await screen.tab_to(page.get_by_text("Rename or remove this filter"))
    await page.keyboard.press("Space")
    await screen.tab_to(page.get_by_role("textbox", name="Name"))
    await page.keyboard.type("Срочные")
    await page.keyboard.press("Enter")
    await told(page, "The filter is saved.")
    await screen.tab_to(page.get_by_text("Rename or remove this filter"))
    await page.keyboard.press("Enter")
    await screen.tab_to(page.get_by_role("button", name="Remove the filter"))
    await page.keyboard.press("Enter")
    await told(page, "The filter is removed.")
    await expect(page.get_by_role("link", name="Срочные")).to_have_count(0)


async def test_a_list_is_asked_by_several_values_and_by_own_fields(
    screens: Screens, furnished: Furnished
) -> None:
    screen = await screens.of("chief")
    page = await screen.open(f"/tickets?filter={furnished.filter}")
    choices = page.get_by_role("group", name="Priority")
    await screen.tab_to(page.locator("details.pick summary", has_text="Priority"))
    await page.keyboard.press("Enter")
    await expect(choices.get_by_role("checkbox", name="Urgent")).to_be_checked()
    await screen.tab_to(choices.get_by_role("checkbox", name="Critical"))
    await page.keyboard.press("Space")
    await page.keyboard.press("Escape")
    await expect(choices).to_be_hidden()
    await screen.tab_to(page.get_by_role("combobox", name="Own field"))
    await page.keyboard.type("Under")
    await expect(page.get_by_role("combobox", name="Under warranty")).to_be_focused()
    await page.keyboard.type("Yes")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("combobox", name="Another own field")).to_be_focused()
    await screen.tab_to(page.get_by_role("textbox", name="Tags"))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("field_"))
    await screen.tab_to(page.get_by_role("button", name="Save it in the filter"))
    await page.keyboard.press("Enter")
    await told(page, "The filter is saved.")
    async with furnished.house.store.view() as unit:
        row = await unit.filters.get(furnished.filter)
    assert row is not None
    kept = read(row.query)
    assert kept.priorities == ("urgent", "critical")
    assert list(kept.fields.values()) == ["true"]


async def test_a_ticket_from_its_opening_to_its_end(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("1001")
    screen.expect(400)
    page = await screen.open("/tickets")
    await page.keyboard.press("j")
    await expect(page.get_by_role("textbox", name="Subject")).to_be_focused()
    await page.keyboard.type("Не открывается счёт")
    await page.keyboard.press("Enter")
    await told(page, "The ticket is opened.")
    id = int(page.url.partition("?")[0].rpartition("/")[2])
    for key, kind in (("n", "note"), ("v", "partner"), ("a", "mail_out")):
        await page.keyboard.press(key)
        await expect(page.get_by_role("textbox", name="Text")).to_be_focused()
        await page.keyboard.type(f"Слово {kind}")
        if kind == "mail_out":
            await screen.tab_to(page.get_by_role("radio", name="Answer to the client"), back=True)
            await screen.tab_to(page.get_by_role("textbox", name="To", exact=True))
            await page.keyboard.type("client@example.org")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".thread")).to_contain_text(f"Слово {kind}")
    async with furnished.house.store.view() as unit:
        kinds = [one.kind for one in (await unit.entries.page(id, None, 9)).items]
    assert kinds == ["note", "partner", "mail_out"]
    await page.keyboard.press("b")
    await expect(page.get_by_role("combobox", name="Status")).to_be_focused()
    await page.keyboard.type("Done")
    await screen.tab_to(page.get_by_role("combobox", name="Make"))
    await page.keyboard.type("hp")
    await expect(page.get_by_role("combobox", name="Model").get_by_role("option")).to_have_count(2)
    await expect(page.get_by_role("combobox", name="Make")).to_be_focused()
    await screen.tab_to(page.get_by_role("button", name="Save", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Contract")).to_be_focused()
    await page.keyboard.type("A-17")
    await page.keyboard.press("Enter")
    await told(page)
    row = await furnished.row(id)
    assert (row.status, row.fields["contract"], row.fields["make"]) == ("done", "A-17", "hp")
    await page.keyboard.press("l")
    await expect(page).to_have_url(re.compile("/tickets$"))


async def test_tags_links_and_merging(screens: Screens, furnished: Furnished) -> None:
    one, other = await furnished.new_ticket("Одно"), await furnished.new_ticket("Другое")
    screen = await screens.of("chief")
    page = await screen.open(f"/tickets/{one}")
    await screen.tab_to(page.get_by_label("Tags, with commas between them"))
    await page.keyboard.type("срочно, гарантия")
    await page.keyboard.press("Enter")
    await told(page)
    await screen.tab_to(page.get_by_text("Link with another ticket"))
    await page.keyboard.press("Enter")
    await screen.tab_to(page.get_by_role("textbox", name="No."))
    await page.keyboard.type(str(other))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Другое")).to_be_visible()
    await screen.tab_to(page.get_by_role("button", name=f"Remove the link to No. {other}"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Другое")).to_have_count(0)
    await screen.tab_to(page.get_by_text("Merge into another ticket"))
    await page.keyboard.press("Enter")
    await screen.tab_to(page.get_by_role("textbox", name="No."))
    await page.keyboard.type(str(other))
    await page.keyboard.press("Enter")
    await told(page, "Merged: all of the other ticket is here now.")
    assert (await furnished.row(one)).merged_into == other


async def test_a_template_and_the_history(screens: Screens, furnished: Furnished) -> None:
    screen = await screens.of("1001")
    page = await screen.open(f"/tickets/{furnished.ticket}")
    await screen.tab_to(page.get_by_label("Template"))
    await page.keyboard.press("ArrowDown")
    await screen.tab_to(page.get_by_role("button", name="Insert"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Text")).to_have_value(re.compile("Здравствуйте"))
    await expect(page.get_by_role("button", name="Insert")).to_be_focused()
    await screen.tab_to(page.locator("summary", has_text="History of changes"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#history li").first).to_be_visible()
    await expect(page.locator("summary", has_text="History of changes")).to_be_focused()


async def test_beside_the_card(screens: Screens, furnished: Furnished) -> None:
    await talking(furnished.house, furnished.client, call="7.1", with_ticket=False)
    screen = await screens.of("1001")
    page = await screen.open("/")
    await screen.tab_to(page.get_by_role("button", name="Open a ticket"))
    await page.keyboard.press("Enter")
    save = page.get_by_role("button", name="Save the ticket")
    await expect(save).to_be_visible()
    await expect(page.get_by_role("region", name="Client card")).to_be_focused()  # its button is gone
    await page.keyboard.press("n")
    note = page.get_by_role("textbox", name="Note for colleagues")
    await expect(note).to_be_focused()
    await page.keyboard.type("Перезвонить")
    await page.keyboard.press("Control+Enter")
    await told(page)
    await expect(note).to_have_value("")
    assert await screen.focused() == "note", "the focus stays in the form that came anew"
    await screen.tab_to(save)
    await page.keyboard.press("Enter")
    await expect(save).to_be_focused()
    await page.keyboard.press("t")
    await expect(page.locator(".thread")).to_contain_text("Перезвонить")


async def test_the_list_of_keys(screens: Screens) -> None:
    screen = await screens.of("1001")
    page = await screen.open("/tickets")
    opener = page.get_by_role("button", name="Keyboard shortcuts")
    await screen.tab_to(opener, most=200)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(opener).to_be_focused()
    await page.keyboard.press("?")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")


async def test_a_file_of_clients_is_tried_and_brought(screens: Screens) -> None:
    screen = await screens.of("chief")
    page = await screen.open("/imports")
    rows = "".join(f"Client {number};+7916{number:07}\n" for number in range(300))
    file = {"name": "c.csv", "mimeType": "text/csv", "buffer": f"name;numbers\n{rows};1\n".encode()}
    await page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    await screen.tab_to(page.get_by_role("button", name="Try it"))
    await page.keyboard.press("Enter")
    bring = page.get_by_role("button", name="Import it now")
    await expect(bring).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", re.compile(r"\d+"))
    await expect(page.get_by_role("definition").first).to_have_text("302")
    await expect(page.get_by_role("link", name="Which, and why (CSV)")).to_be_visible()
    await screen.tab_to(bring)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Trial, nothing is kept")).to_have_count(0)
    await expect(page.locator("#import")).not_to_have_attribute("hx-get", re.compile("."))
    await expect(page.get_by_role("definition").nth(1)).to_have_text("300")


async def test_what_was_not_told_is_told_once_more(screens: Screens) -> None:
    screen = await screens.of("chief")
    page = await screen.open("/callbacks")
    await screen.tab_to(page.get_by_role("button", name="Tell once more"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Waiting to be told: 1")).to_be_visible()
    await expect(page.get_by_role("button", name="Tell once more")).to_have_count(0)


async def _solved(screen: Screen, id: int, words: str) -> Page:
    page = await screen.open(f"/tickets/{id}")
    await screen.tab_to(page.get_by_role("textbox", name="Solution"))
    await page.keyboard.type(words)
    return page


async def test_two_at_one_ticket(screens: Screens, furnished: Furnished) -> None:
    id = await furnished.new_ticket()
    hers, his = await screens.of("1001"), await screens.of("1002")
    his.expect(409)
    first, second = await _solved(hers, id, "Её слово"), await _solved(his, id, "Его слово")
    for screen, page in ((hers, first), (his, second)):
        await screen.tab_to(page.get_by_role("button", name="Save", exact=True))
        await page.keyboard.press("Enter")
        await page.wait_for_load_state()
        if screen is hers:
            await told(page)
    await expect(second.get_by_role("heading", level=1)).to_have_text(
        "Somebody else has changed this meanwhile"
    )
    await his.tab_to(second.get_by_role("radio", name="As it is now"))
    await second.keyboard.press("ArrowDown")
    await expect(second.get_by_role("radio", name="What you typed: Его слово")).to_be_checked()
    await second.keyboard.press("Enter")
    await told(second)
    assert (await furnished.row(id)).solution == "Его слово"
