"""A ticket store with mail going in and out, as mailbox and postman use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event, text

from bridge.config import Settings
from bridge.crm import letters
from bridge.crm.attachments import Kept
from bridge.crm.mail import own_marker
from bridge.crm.mail_tickets import MailTickets
from bridge.crm.threads import FLOOD_WINDOW, asked_for, thread_of
from bridge.crm.ticket_letters import TicketLetters
from bridge.crm.ticket_mail import Cursor, Delivery, Incoming, Place
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.rights import Who
from bridge.errors import LinkDown
from bridge.store import Store
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import EntryRow, NewEntry
from tests.integration.store.conftest import START

BOX, US, MARIA, SHOP = (
    "help@daisy.example@imap/INBOX",
    "help@daisy.example",
    "maria@example.org",
    "s@shop.example",
)
SETTINGS: dict[str, Any] = {
    "company": {"name": "Daisy", "region": "RU", "timezone": "UTC"},
    "agents": {"1001": {"name": "Anna"}, "1002": {"name": "Boris"}},
    "tickets": {"statuses": {"waiting": {"title": "Waiting", "kind": "waiting"}}, "reopen_days": 7},
    "departments": {
        "support": {
            "title": "Support",
            "lines": {"1": ["1001"]},
            "fields": [{"key": "serial", "title": "Serial", "type": "text", "required": "create"}],
            "sla": [{"reaction_hours": 2, "resolution_hours": 8}],
        },
    },
    "mail": {
        "host": "smtp.example.org",
        "sender": US,
        "inbox": {"host": "imap.example.org", "username": US, "department": "support"},
    },
}
ANNA, BORIS = Actor(Who("1001"), "1001"), Actor(Who("1002"), "1002")
FILE = Kept("a.png", "image/png", 7, "0" * 64, "00/" + "0" * 64)
FILE_ROW: dict[str, Any] = {"media_type": "image/png", "bytes": 7, "sha256": FILE.sha256, "file": FILE.file}
TABLES = ("tickets", "ticket_entries", "ticket_changes", "attachments", "mails_taken", "mailboxes")


@dataclass
class House:
    store: Store
    desk: TicketDesk
    mails: MailTickets
    out: TicketLetters
    now: datetime = START
    uid: int = 10

    async def comes(self, raw: bytes, *files: Kept) -> bool:
        self.uid += 1
        return await self.take(raw, self.uid, *files)

    async def take(self, raw: bytes, uid: int, *files: Kept) -> bool:
        """As the mailbox does it."""
        mail = letters.read(raw, own_marker=own_marker(US))
        since = self.now - FLOOD_WINDOW
        known = await self.mails.known(asked_for(mail), mail.token, mail.sender.address.casefold(), since)
        thread = thread_of(mail, known, own=frozenset({US}), most_new=3)
        return await self.mails.take(Incoming(mail, thread, Place(BOX, 7, uid), files), self.now)

    async def entries(self, ticket: int) -> list[EntryRow]:
        async with self.store.view() as unit:
            return list((await unit.entries.page(ticket, None, 100)).items)

    async def ticket(self, id: int) -> TicketRow:
        async with self.store.view() as unit:
            row = await unit.tickets.get(id)
        assert row is not None
        return row

    async def set(self, id: int, **wish: Any) -> TicketRow:
        row = await self.desk.change(Actor(Who(program=True), "test"), id, wish, None)  # type: ignore[arg-type]
        assert isinstance(row, TicketRow), row
        return row

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        async with self.store.view() as unit:
            session = unit.tickets._session
            return {
                table: [
                    tuple(row) for row in await session.execute(text(f"SELECT * FROM {table} ORDER BY 1"))
                ]
                for table in TABLES
            }

    async def replies(self, ticket: int, body: str = "Switch it off", **fields: Any) -> EntryRow:
        entry = NewEntry(**{"kind": "mail_out", "author": "1001", "at": self.now, "body": body, **fields})
        return await self.desk.write(ANNA, ticket, entry)

    async def sent(self, entry: EntryRow) -> None:
        assert await self.out.sending(entry.id)
        await self.out.settled(entry.id, Delivery.SENT, "", self.now)


async def housed(store: Store) -> House:
    settings = Settings.model_validate(SETTINGS)
    desk = TicketDesk(store, lambda: settings, lambda: house.now)
    house = House(store, desk, MailTickets(store, desk, lambda: settings), TicketLetters(store, desk))
    await house.mails.begin(BOX, Cursor(7, 10, 10))
    return house


def mail(subject: str, *fields: str, sender: str = MARIA, id: str = "", body: str = "It burns") -> bytes:
    id = id or subject.replace(" ", "-")
    head = (f"From: Maria <{sender}>", f"To: {US}", f"Subject: {subject}", f"Message-ID: <{id}@example.org>")
    return "\r\n".join((*head, *fields, "", body, "")).encode()


def answer(to: EntryRow, *fields: str, id: str = "answer", **words: str) -> bytes:
    return mail(f"Re: {to.subject}", f"In-Reply-To: {to.message_id}", *fields, id=id, **words)


@contextmanager
def cut(store: Store, step: int) -> Iterator[list[str]]:
    """The connection is lost at that statement of the writer."""
    met: list[str] = []

    def lost(_: Any, __: Any, statement: str, *___: Any) -> None:
        met.append(statement)
        if len(met) == step:
            raise LinkDown("the database is gone")

    engine = store._engines.writer.sync_engine
    event.listen(engine, "before_cursor_execute", lost)
    try:
        yield met
    finally:
        event.remove(engine, "before_cursor_execute", lost)
