"""A house that sends letters, and what its tests do with them."""

from io import BytesIO
from typing import Any

from aiohttp import FormData
from aiohttp.test_utils import TestClient

from bridge.config import Settings
from bridge.store.ticket_rows import AttachmentRow, EntryRow
from tests.integration.web.house_plan import settings
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import add_client, add_ticket, record

MARIA, SHOP, US = "maria@example.org", "s@shop.example", "help@daisy.example"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
TEXT = b"It burns."


def make_mailing(house: House) -> House:
    """The house, with a mail server to send by, and small files only."""
    whole = settings().model_dump(exclude_unset=True)
    whole["tickets"] = {"attachments": {"largest_mb": 1, "most": 2}}
    whole["mail"] = {"host": "smtp.example.org", "sender": US}
    house.settings = Settings.model_validate(whole)
    return house


async def ticket_of(house: House, *, address: str = MARIA) -> int:
    """Of a client who has a mail address."""
    who = await add_client(house.store, "Мария")
    id = await add_ticket(house, record(answered=True), recorded=False)
    async with house.store.unit() as unit:
        await unit.tickets.update(id, client=who, subject="Printer")
        await unit.emails.set(who, [address] if address else [])
    return id


async def entries_of(house: House, id: int) -> list[EntryRow]:
    async with house.store.view() as unit:
        return list((await unit.entries.page(id, None, 50)).items)


async def files_of(house: House, id: int) -> list[AttachmentRow]:
    async with house.store.view() as unit:
        return await unit.attachments.of_ticket(id)


def on_disk(house: House) -> list[str]:
    place = house.recordings.parent / "attachments"
    return sorted(path.name for path in place.rglob("*") if path.is_file())


async def letter_form(client: TestClient, fields: dict[str, Any], *files: tuple[str, bytes]) -> FormData:
    """As a browser without scripts sends it: its secret is the first field."""
    data = FormData(quote_fields=False)  # as browsers do
    data.add_field("csrf", await csrf_of(client))
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            data.add_field(name, str(one))
    for name, content in files:
        data.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
    if not files:
        data.add_field("file", b"", filename="", content_type="application/octet-stream")
    return data


async def write_letter(
    client: TestClient, id: int, fields: dict[str, Any], *files: tuple[str, bytes], status: int = 303
) -> str:
    data = await letter_form(client, fields, *files)
    answer = await client.post(f"/tickets/{id}/entries", data=data, allow_redirects=False)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def ticket_page(client: TestClient, id: int, status: int = 200) -> str:
    answer = await client.get(f"/tickets/{id}")
    text = await answer.text()
    assert answer.status == status, text
    return text
