"""Files of tickets: bytes and rows together, kept and gone together."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Settings
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import BadAttachment, Kept
from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.errors import BadInput, NoSuchAttachment, NoSuchTicket, NotAllowed
from bridge.store import Store
from bridge.store.ticket_rows import AttachmentRow, NewEntry
from tests.fakes.databases import fill_sqlite
from tests.unit.crm.ticketing.test_desk import ANNA, CHIEF, CRM, MONDAY, NEW, SETTINGS, VERA


class Place:
    def __init__(self, store: Store, directory: Path) -> None:
        limits = {"attachments": {"largest_mb": 1, "most": 2}}
        settings = Settings.model_validate({**SETTINGS, "tickets": {**SETTINGS["tickets"], **limits}})
        self.directory = directory
        self.store = store
        self.desk = TicketDesk(store, lambda: settings, lambda: MONDAY)
        self.files = TicketFiles(
            store, self.desk, AttachmentFiles(directory), lambda: settings.tickets.attachments
        )

    async def attach(
        self, ticket: int, data: bytes = b"It burns.", name: str = "a.txt", actor: Any = ANNA, **where: Any
    ) -> AttachmentRow:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 70_000):
                yield data[at : at + 70_000]

        return await self.files.receive(actor, ticket, name, pieces(), **where)

    @property
    def kept(self) -> list[str]:
        """On disk, half-written ones as well."""
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())

    async def rows(self, ticket: int) -> list[AttachmentRow]:
        async with self.store.view() as unit:
            return await unit.attachments.of_ticket(ticket)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = await Store.open(await fill_sqlite(tmp_path / "tickets.db"))
    yield Place(store, tmp_path / "files")
    await store.close()


async def test_the_same_file_on_two_tickets_goes_with_the_last(place: Place) -> None:
    one, two = (await place.desk.create(ANNA, NEW, "web")).id, (await place.desk.create(ANNA, NEW, "web")).id
    first, second = await place.attach(one), await place.attach(two)
    assert first.file == second.file
    assert await place.attach(one) == first, "sent again it is the same one"
    await place.files.remove(CHIEF, one, first.id)
    assert len(place.kept) == 1
    with place.files.opened(second) as stream:
        assert stream.read() == b"It burns."
    await place.files.remove(CHIEF, two, second.id)
    assert place.kept == []
    async with place.store.view() as unit:
        log = [
            (one.action, one.before, one.after)
            for one in (await unit.ticket_changes.page(one, None, 9)).items
        ]
    assert log[:2] == [("delete_attachment", "a.txt", ""), ("attach", "", "a.txt")]


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"data": b"x" * (2**20 + 1)}, BadAttachment),
        ({"data": b""}, BadAttachment),
        ({"data": b"<html><script>alert(1)</script>"}, BadAttachment),
        ({"data": b"\x7fELF" + bytes(80)}, BadAttachment),
        ({"name": "a.exe"}, BadAttachment),
        ({"name": "a.png"}, BadAttachment),
        ({"data": b"\x89PNG\r\n\x1a\n", "name": "a.pdf"}, BadAttachment),
        ({"actor": VERA}, NotAllowed),
        ({"entry": 77}, BadInput),
        ({"ticket": 77}, NoSuchTicket),
    ],
)
async def test_what_is_refused_leaves_nothing(place: Place, what: Any, error: type[Exception]) -> None:
    ticket = (await place.desk.create(ANNA, NEW, "web")).id
    with pytest.raises(error):
        await place.attach(**{"ticket": ticket, **what})
    assert place.kept == []
    assert await place.rows(ticket) == []


async def test_who_breaks_off_leaves_nothing(place: Place) -> None:
    ticket = (await place.desk.create(ANNA, NEW, "web")).id

    async def broken() -> AsyncIterator[bytes]:
        yield b"It bu"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await place.files.receive(ANNA, ticket, "a.txt", broken())
    assert place.kept == []


async def test_an_entry_has_so_many_and_a_ticket_so_much(place: Place) -> None:
    ticket = (await place.desk.create(ANNA, NEW, "web")).id
    entry = (await place.desk.write(ANNA, ticket, NewEntry("note", "1001", MONDAY, body="x"))).id
    for number in range(2):
        await place.attach(ticket, name=f"{number}.txt", entry=entry)
    with pytest.raises(BadInput, match="2 files already"):
        await place.attach(ticket, name="2.txt", entry=entry)
    kept = await place.attach(ticket, name="2.txt")
    with pytest.raises(BadInput, match="larger than 0 MB together"):
        await place.desk.attach(ANNA, ticket, _as_kept(kept, "3.txt"), most=2, most_bytes=30)


async def test_another_ticket_s_file_is_none_of_this_one_s(place: Place) -> None:
    one, two = (await place.desk.create(ANNA, NEW, "web")).id, (await place.desk.create(ANNA, NEW, "web")).id
    row = await place.attach(one)
    with pytest.raises(NoSuchAttachment):
        await place.desk.attachment(ANNA, two, row.id)
    with pytest.raises(NoSuchAttachment):
        await place.files.remove(CHIEF, two, row.id)
    with pytest.raises(NotAllowed, match="delete attachment"):
        await place.files.remove(ANNA, one, row.id)
    assert await place.desk.attachment(ANNA, one, row.id) == row
    await place.desk.merge(CRM, one, two)
    with pytest.raises(BadInput, match=f"merged into {two}"):
        await place.attach(one)
    assert (await place.desk.attachment(ANNA, two, row.id)).id == row.id


def _as_kept(row: AttachmentRow, name: str) -> Kept:
    return Kept(name, row.media_type, row.bytes, row.sha256, row.file)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt " + bytes(28)),
        ("a.ogg", b"OggS\0\2" + bytes(22) + b"\1\x1eOpusHead"),
        ("a.csv", b"name;number\n"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"),
        ("report.2026", b"It burns."),
    ],
)
async def test_kinds_that_the_file_names_are_taken(place: Place, name: str, data: bytes) -> None:
    ticket = (await place.desk.create(ANNA, NEW, "web")).id
    row = await place.attach(ticket, data, name)
    assert row.name == name
    with place.files.opened(row) as stream:
        assert stream.read() == data
