"""Files with the same bytes are one on disk: it stays as long as anybody names it, or is about to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.config.tickets import AttachmentSettings
from bridge.crm import letters
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.mail import own_marker
from bridge.crm.mail_tickets import MailTickets
from bridge.crm.mailbox import Mailbox, MailRules
from bridge.crm.ticket_mail import Incoming, Place
from bridge.crm.ticketing.attaching import send_along
from bridge.crm.ticketing.desk import Actor
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.ticketing.rights import Who
from bridge.errors import BadInput, LinkDown
from bridge.store import Store
from bridge.store.ticket_rows import AttachmentRow, NewEntry
from tests.fakes.imap_server import ImapServer
from tests.integration.store.conftest import START
from tests.integration.store.mail_house import BOX, US, House, cut, housed, mail

CRM = Actor(Who(program=True), "token crm")
WORDS = b"It burns."
BODY = (
    "--b\r\nContent-Type: text/plain\r\n\r\nSee there\r\n--b\r\nContent-Type: text/plain\r\n"
    f"Content-Disposition: attachment; filename=a.txt\r\n\r\n{WORDS.decode()}\r\n--b--"
)


@dataclass
class Kitchen:
    house: House
    files: TicketFiles
    disk: AttachmentFiles
    mailbox: Mailbox

    async def attached(self, ticket: int) -> AttachmentRow:
        async def pieces() -> AsyncIterator[bytes]:
            yield WORDS

        return await self.files.receive(CRM, ticket, "a.txt", pieces())

    async def comes(self, subject: str, uid: int) -> None:
        raw = mail(subject, 'Content-Type: multipart/mixed; boundary="b"', body=BODY)
        await self.mailbox._take(letters.read(raw, own_marker=own_marker(US)), Place(BOX, 7, uid))

    async def rows(self, ticket: int) -> list[AttachmentRow]:
        async with self.house.store.view() as unit:
            return await unit.attachments.of_ticket(ticket)

    @property
    def kept(self) -> list[Path]:
        return [path for path in self.disk.directory.rglob("*") if path.is_file()]

    def read(self, row: AttachmentRow) -> bytes:
        with self.files.opened(row) as stream:
            return stream.read()


@pytest.fixture
async def place(store: Store, tmp_path: Path) -> AsyncIterator[Kitchen]:
    house = await housed(store)
    disk = AttachmentFiles(tmp_path / "attachments")
    files = TicketFiles(store, house.desk, disk, AttachmentSettings)
    reader = Mailbox(ImapServer().account(), house.mails, disk, MailRules(frozenset({US}), own_marker(US)))
    with capture_logs():
        yield Kitchen(house, files, disk, reader)


async def at_work(task: asyncio.Task[Any]) -> None:
    """Until it is done or waits for what we hold; no more comes of waiting longer."""
    await asyncio.wait([task], timeout=0.5)


async def test_a_mail_brings_what_is_removed_elsewhere_meanwhile(
    place: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.comes("One", 11)
    (first,) = await place.rows(1)
    removals: list[asyncio.Task[Any]] = []
    take = MailTickets.take

    async def between(self: MailTickets, incoming: Incoming, at: Any) -> bool:
        """The mail's file is on disk, and no row names it yet."""
        removals.append(asyncio.create_task(place.files.remove(CRM, 1, first.id)))
        await at_work(removals[0])
        return await take(self, incoming, at)

    monkeypatch.setattr(MailTickets, "take", between)
    await place.comes("Two", 12)
    await removals[0]
    (second,) = await place.rows(2)
    assert await asyncio.to_thread(place.read, second) == WORDS


async def test_a_refused_file_is_another_mail_s(place: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a file that is refused, but what a mail has brought."""
    row = await place.house.desk.create(
        CRM, {"subject": "x", "department": "support", "fields": {"serial": "1"}}, "web"
    )
    attaching: list[asyncio.Task[Any]] = []
    take = MailTickets.take

    async def between(self: MailTickets, incoming: Incoming, at: Any) -> bool:
        attaching.append(asyncio.create_task(place.attached(row.id)))
        await at_work(attaching[0])
        return await take(self, incoming, at)

    async def refuse(*_: Any, **__: Any) -> Any:
        raise LinkDown("the database is gone")

    monkeypatch.setattr(MailTickets, "take", between)
    monkeypatch.setattr(place.house.desk, "attach", refuse)
    await place.comes("One", 11)
    with pytest.raises(LinkDown):
        await attaching[0]
    (kept,) = await place.rows(2)
    assert await asyncio.to_thread(place.read, kept) == WORDS


async def test_a_letter_takes_along_what_is_removed_meanwhile(place: Kitchen) -> None:
    await place.comes("One", 11)
    (first,) = await place.rows(1)
    async with place.house.store.unit() as unit:
        row = await unit.tickets.get(1)
        assert row is not None
        note = await unit.entries.append(1, NewEntry("note", "1001", START, body="x"))
        await send_along(unit, row, note, [first.id], most=9, most_bytes=2**20, by="1001")
        removal = asyncio.create_task(place.files.remove(CRM, 1, first.id))
        await at_work(removal)
    await removal
    (second,) = await place.rows(1)
    assert (second.entry, await asyncio.to_thread(place.read, second)) == (note.id, WORDS)


async def test_what_a_mail_brought_twice_and_was_removed_does_not_come_back(place: Kitchen) -> None:
    await place.comes("One", 11)
    (row,) = await place.rows(1)
    await place.files.remove(CRM, 1, row.id)
    assert place.kept == []
    await place.comes("One", 12)
    assert await place.rows(1) == []
    assert place.kept == []


async def pieces(data: bytes = b"Plan") -> AsyncIterator[bytes]:
    yield data


async def test_cut_at_each_step_a_letter_is_there_with_its_files_or_nothing_is(place: Kitchen) -> None:
    await place.comes("One", 11)
    before, kept, steps = await place.house.rows(), place.kept, 0
    letter = NewEntry("mail_out", "1001", START, body="See there")
    for steps in range(1, 100):
        with cut(place.house.store, steps):
            try:
                async with place.files.parcel(CRM, 1) as parcel:
                    await parcel.add("plan.txt", pieces())
                    await parcel.add("a.txt", pieces(WORDS))
                    sent = await parcel.write(letter)
            except LinkDown:
                assert await place.house.rows() == before, f"half of it is there after step {steps}"
                assert place.kept == kept
                continue
        break
    assert steps > 8, "the cuts met nothing"
    (outgoing,) = await place.house.out.due(START, 9)
    assert (outgoing.entry, [one.name for one in outgoing.files]) == (sent.id, ["plan.txt", "a.txt"])
    row = next(one for one in await place.rows(1) if one.name == "plan.txt")
    with pytest.raises(BadInput, match="goes with a letter that is being sent"):
        await place.files.remove(CRM, 1, row.id)
    await place.house.sent(sent)
    await place.files.remove(CRM, 1, row.id)


async def test_a_parcel_that_is_not_written_leaves_nothing(place: Kitchen) -> None:
    await place.comes("One", 11)
    before, kept = await place.house.rows(), place.kept
    async with place.files.parcel(CRM, 1) as parcel:
        await parcel.add("plan.txt", pieces())
    assert place.kept == kept
    for kind, body in (("mail_out", " "), ("mail_in", "x")):
        async with place.files.parcel(CRM, 1) as parcel:
            await parcel.add("plan.txt", pieces())
            with pytest.raises(BadInput):
                await parcel.write(NewEntry(kind, "1001", START, body=body))
    assert (await place.house.rows(), place.kept) == (before, kept)
