"""Mail in and out on both databases: each mail once and whole, wherever it is cut; letters, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from bridge.config import Settings
from bridge.crm import letters
from bridge.crm.attachments import Kept
from bridge.crm.letter_headers import Party
from bridge.crm.mail import own_marker
from bridge.crm.mail_tickets import MailTickets
from bridge.crm.replies import written
from bridge.crm.threads import FLOOD_WINDOW, Thread, Way, asked_for, thread_of
from bridge.crm.ticket_letters import INTERRUPTED, TicketLetters
from bridge.crm.ticket_mail import Cursor, Delivery, Incoming, Place
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.rights import Who
from bridge.errors import BadInput, LinkDown, NotAllowed
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


@pytest.fixture
async def house(store: Store) -> House:
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


# ── in ───────────────────────────────────────────────────────────────────────


async def test_a_mail_becomes_a_ticket_of_the_inbox_s_department(house: House) -> None:
    async with house.store.unit() as unit:
        client = await unit.clients.add("Maria")
        await unit.emails.set(client.id, ["Maria@Example.org"])
    assert await house.comes(mail("Printer", "Reply-To: boss@example.org", "Cc: x@example.org"), FILE)
    row = await house.ticket(1)
    assert (row.subject, row.source, row.department, row.client) == ("Printer", "mail", "support", client.id)
    assert (row.status, row.reaction_due_at) == ("open", START + timedelta(hours=2))
    (entry,) = await house.entries(1)
    assert (entry.kind, entry.author, entry.body) == ("mail_in", MARIA, "It burns")
    assert (entry.to, entry.cc, entry.message_id) == (US, "x@example.org", "<Printer@example.org>")
    assert entry.marks == {
        "way": "new",
        "sender": f"Maria <{MARIA}>",
        "reply_to": "boss@example.org",
    }
    async with house.store.view() as unit:
        (file,) = await unit.attachments.of_ticket(1)
    assert (file.entry, file.name, file.by) == (entry.id, "a.png", MARIA)
    assert await house.mails.cursor(BOX) == Cursor(7, 10, 11)


async def test_cut_at_each_step_it_is_taken_once_and_whole(house: House) -> None:
    await house.comes(mail("Printer"))
    raw = mail("Again", "In-Reply-To: <Printer@example.org>", sender="new@example.org")
    await house.set(1, status="waiting")
    before, steps = await house.rows(), 0
    for steps in range(1, 100):
        with cut(house.store, steps) as cuts:
            try:
                await house.take(raw, 12, FILE)
            except LinkDown:
                assert cuts
            else:
                break
        assert await house.rows() == before, f"half of it is there after step {steps}"
    assert steps > 8, "the cuts met nothing"
    entries = await house.entries(1)
    assert [one.subject for one in entries] == ["Printer", "Again"]
    assert entries[1].marks["stranger"]
    assert (await house.ticket(1)).status == "open"
    after = await house.rows()
    assert not await house.take(raw, 12, FILE), "killed before it was marked"
    assert await house.rows() == after
    assert not await house.take(raw, 13), "the same mail at another place"
    assert (await house.mails.cursor(BOX)) == Cursor(7, 10, 13)


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


async def test_what_nobody_wrote_by_hand_sets_nothing_going(house: House) -> None:
    await house.comes(mail("Printer"))
    reply = await house.replies(1)
    await house.sent(reply)
    waiting = await house.set(1, status="waiting")
    assert await house.comes(answer(reply, "Auto-Submitted: auto-replied", id="away"))
    row = await house.ticket(1)
    assert (row.status, row.waiting_since, row.last_from_client_at) == (
        "waiting",
        None,
        waiting.last_from_client_at,
    )
    entry = (await house.entries(1))[-1]
    assert (entry.kind, entry.automatic, entry.marks["automatic"]) == ("mail_in", True, "reply")
    assert await house.comes(mail("Away", "Auto-Submitted: auto-replied")), "an answer to nothing of ours"
    assert len((await house.rows())["tickets"]) == 1
    assert not await house.comes(mail("Away", "Auto-Submitted: auto-replied")), "ignored ones are known too"


async def test_our_own_mail_that_comes_back_is_no_entry(house: House) -> None:
    await house.comes(mail("Printer"))
    await house.replies(1)
    (outgoing,) = await house.out.due(house.now, 10)
    raw, _ = written(outgoing, (), sender=US, company="Daisy", own=frozenset({US}), at=house.now)
    before = await house.rows()
    assert await house.comes(raw)
    after = await house.rows()
    assert {name: after[name] for name in TABLES[:4]} == {name: before[name] for name in TABLES[:4]}


async def test_the_client_s_answer_opens_what_was_closed_and_later_a_new_one(house: House) -> None:
    await house.comes(mail("Printer"))
    reply = await house.replies(1)
    await house.set(1, status="done", fields={"serial": "A1"})
    assert await house.comes(answer(reply))
    assert ((await house.ticket(1)).status, (await house.ticket(1)).reopened) == ("open", 1)
    await house.set(1, status="done")
    house.now += timedelta(days=30)
    assert await house.comes(answer(reply, "Auto-Submitted: auto-replied", id="late-machine"))
    assert len((await house.rows())["tickets"]) == 1, "a machine opens nothing"
    assert await house.comes(answer(reply, id="late"), FILE)
    (entry,) = await house.entries(2)
    assert entry.message_id == "<late@example.org>"
    async with house.store.view() as unit:
        assert [one.ticket.id for one in await unit.ticket_marks.links(2)] == [1]
        assert [one.entry for one in await unit.attachments.of_ticket(2)] == [entry.id]


async def test_what_is_known_follows_what_was_merged(house: House) -> None:
    for subject in ("Printer", "Toner"):
        await house.comes(mail(subject), FILE)
    async with house.store.unit() as unit:
        token = await unit.tickets.token_of(1)
        await unit.tickets.merge(1, 2, by="anna", at=house.now)
    known = await house.mails.known(
        ["<Printer@example.org>", "<none@example.org>"], token, MARIA, START - FLOOD_WINDOW
    )
    ticket = known.by_message["<Printer@example.org>"]
    assert ticket == known.by_token == known.newest
    assert (ticket.id, ticket.files_bytes, known.opened) == (2, 14, 2)
    assert ticket.addresses == {MARIA, US}
    assert await house.comes(mail(f"[#{token}] more"))
    assert [one.ticket for one in await house.entries(2)] == [2, 2, 2]
    assert (await house.mails.known([], "X" * 12, "", START)).by_token is None


async def test_more_than_a_sender_may_open_joins_the_last(house: House) -> None:
    for number in range(5):
        await house.comes(mail(f"Alarm {number}"))
    assert [len(await house.entries(id)) for id in (1, 2, 3)] == [1, 1, 3]
    assert (await house.entries(3))[-1].marks["way"] == "flood"
    house.now += timedelta(hours=2)
    await house.comes(mail("Alarm 6"))
    assert len(await house.entries(4)) == 1
    for number in range(5):
        await house.comes(mail(f"Nobody {number}", sender=""))
    assert len((await house.rows())["tickets"]) == 7, "nobody is a sender as well"


async def test_what_is_no_mail_is_told_and_passed_by(house: House) -> None:
    for _ in range(2):
        await house.mails.unreadable(Place(BOX, 7, 11), "no header", START)
    async with house.store.view() as unit:
        assert [(one.uid, one.reason) for one in await unit.mailboxes.all_unreadable()] == [(11, "no header")]
    assert await house.mails.cursor(BOX) == Cursor(7, 10, 11)
    await house.mails.begin(BOX, Cursor(8, 0, 0))
    await house.mails.unreadable(Place(BOX, 7, 99), "of a mailbox that is gone", START)
    assert await house.mails.cursor(BOX) == Cursor(8, 0, 0)


async def test_a_mail_with_nothing_and_one_with_too_much(house: House) -> None:
    assert await house.comes(b"From: \r\nSubject: \r\nDate: x\r\n\r\n")
    assert (await house.ticket(1)).subject == "✉ •••"
    crowd = ", ".join(f"{'n' * 60} <{number}{'a' * 200}@example.org>" for number in range(190))
    fields = (f"Cc: {crowd}", f"References: {('<' + 'r' * 890 + '> ') * 80}")
    incoming = Incoming(letters.read(mail("x" * 900, *fields)), Thread(Way.NEW), Place(BOX, 7, 50))
    assert await house.mails.take(incoming, START)
    assert len((await house.entries(2))[0].cc) <= 20_000


# ── out ──────────────────────────────────────────────────────────────────────


async def test_a_reply_goes_to_the_client_within_his_thread(house: House) -> None:
    await house.comes(mail("Printer", "Reply-To: boss@example.org", "References: <older@example.org>"))
    await house.comes(mail("Re: Printer", "In-Reply-To: <Printer@example.org>", sender="spy@example.org"))
    woken: list[int] = []
    house.desk.letter_waits = lambda: woken.append(1)
    reply = await house.replies(1)
    token = (await house.ticket(1)).token
    assert (reply.to, reply.subject) == (f"Maria <{MARIA}>", f"Re: Printer [#{token}]")
    assert (reply.delivery, reply.in_reply_to, woken) == ("waiting", "<Printer@example.org>", [1])
    assert (await house.ticket(1)).reacted_at == START
    (outgoing,) = await house.out.due(START, 10)
    assert (outgoing.message_id, outgoing.token) == (reply.message_id, token)
    assert (outgoing.to, outgoing.from_name) == ((Party(MARIA, "Maria"),), "Support")
    assert (outgoing.answers, outgoing.references) == ("<Printer@example.org>", ("<older@example.org>",))
    again = await house.replies(1, to="Boss <boss@example.org>; maria@example.org", cc=f"{US}, x@example.org")
    assert (again.to, again.cc) == ("Boss <boss@example.org>, maria@example.org", "x@example.org")
    assert (again.in_reply_to, again.references) == (
        reply.message_id,
        "<older@example.org> <Printer@example.org>",
    )
    chosen = await house.replies(1, in_reply_to="<Printer@example.org>")
    assert (chosen.in_reply_to, chosen.references) == ("<Printer@example.org>", "<older@example.org>")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": "nobody"}, "is not a mail address"),
        ({"to": "a@example.org\nBcc: b@example.org"}, "is not a mail address"),
        ({"to": US}, "none but ourselves"),
        ({"to": ", ".join(f"a{number}@example.org" for number in range(51))}, "more than 50"),
        ({}, "none but ourselves"),
    ],
)
async def test_a_letter_to_nobody_is_not_kept(house: House, fields: dict[str, str], words: str) -> None:
    row = await house.desk.create(
        ANNA, {"subject": "Call", "department": "support", "fields": {"serial": "A1"}}, "web"
    )
    with pytest.raises(BadInput, match=words):
        await house.replies(row.id, **fields)
    assert await house.entries(row.id) == []


async def test_a_ticket_without_mails_is_answered_at_the_client_s_address(house: House) -> None:
    async with house.store.unit() as unit:
        client = await unit.clients.add("Maria")
        assert await unit.emails.set(client.id, [MARIA, "m@example.org", MARIA.upper()]) == (
            MARIA,
            "m@example.org",
        )
        assert await unit.emails.owners(MARIA.title()) == [client.id]
    row = await house.desk.create(
        ANNA,
        {"subject": "Call", "department": "support", "client": client.id, "fields": {"serial": "A1"}},
        "web",
    )
    async with house.store.unit() as unit:
        for name in ("a.png", "b.png"):
            await unit.attachments.add(**FILE_ROW, name=name, by="1001", at=START, ticket=row.id)
    reply = await house.desk.write(ANNA, row.id, NewEntry("mail_out", "1001", START, body="x"), [1, 1])
    assert (reply.to, reply.subject) == (MARIA, f"Call [#{(await house.ticket(row.id)).token}]")
    (outgoing,) = await house.out.due(START, 10)
    assert (outgoing.answers, outgoing.files) == (None, (FILE,))
    again = await house.desk.write(ANNA, row.id, NewEntry("partner", "1001", START, body="x", to=SHOP), [1])
    assert [one.files for one in await house.out.due(START, 10)] == [(FILE,), (FILE,)]
    async with house.store.view() as unit:
        files = await unit.attachments.of_ticket(row.id)
    assert [(one.name, one.entry) for one in files] == [
        ("a.png", reply.id),
        ("b.png", None),
        ("a.png", again.id),
    ]
    for wrong in ([99], range(1, 30)):
        with pytest.raises(BadInput, match="attachment"):
            await house.desk.write(ANNA, row.id, NewEntry("note", "1001", START, body="x"), list(wrong))
    assert len(await house.entries(row.id)) == 2


async def test_each_step_of_a_letter(house: House) -> None:
    await house.comes(mail("Printer"))
    reply = await house.replies(1)
    assert await house.out.sending(reply.id)
    assert not await house.out.sending(reply.id), "another has it"
    assert await house.out.due(START, 10) == []
    await house.out.again(reply.id, "450 later", START + timedelta(minutes=5))
    assert await house.out.due(START, 10) == []
    (outgoing,) = await house.out.due(START + timedelta(minutes=5), 10)
    assert outgoing.attempts == 1
    assert await house.out.sending(reply.id)
    assert await house.out.interrupted(START) == 1
    assert await house.out.interrupted(START) == 0
    entry = (await house.entries(1))[-1]
    assert (entry.delivery, entry.fault) == ("uncertain", INTERRUPTED)
    await house.out.settled(reply.id, Delivery.SENT, "", START)
    assert (await house.entries(1))[-1].delivery == "uncertain", "it was on its way no more"
    with pytest.raises(NotAllowed):
        await house.desk.send_again(BORIS, 1, reply.id)
    assert (await house.desk.send_again(ANNA, 1, reply.id)).message_id == reply.message_id
    await house.sent(reply)
    for id in (reply.id, (await house.entries(1))[0].id, 999):
        with pytest.raises(BadInput):
            await house.desk.send_again(ANNA, 1, id)
    async with house.store.view() as unit:
        page = await unit.ticket_changes.page(1, None, 100)
    assert [(one.by, one.before, one.after) for one in page.items if one.action == "delivery"] == [
        ("1001", "uncertain", "waiting"),
        ("", "sending", "uncertain"),
    ]


async def test_a_report_is_told_on_the_letter_and_is_no_entry(house: House) -> None:
    await house.comes(mail("Printer"))
    reply = await house.replies(1)
    await house.sent(reply)
    report = (
        f"From: MAILER-DAEMON@example.org\r\nTo: {US}\r\nSubject: Undelivered\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\n\r\nSorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n\r\n"
        f"Final-Recipient: rfc822; {MARIA}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {reply.message_id}\r\n\r\nx\r\n--b--\r\n"
    )
    assert await house.comes(report.encode())
    entries = await house.entries(1)
    assert [(one.kind, one.delivery, one.fault) for one in entries] == [
        ("mail_in", "", ""),
        ("mail_out", "failed", "5.1.1"),
    ]


async def test_a_supplier_s_answer_stays_with_him(house: House) -> None:
    await house.comes(mail("Printer"))
    asked = await house.desk.write(
        ANNA, 1, NewEntry("partner", "1001", START, subject="Spare part", body="Have you one?", to=SHOP)
    )
    noted = await house.desk.write(ANNA, 1, NewEntry("partner", "1001", START, body="Called the shop"))
    assert (asked.delivery, asked.in_reply_to, noted.delivery) == ("waiting", "", "")
    assert asked.subject.startswith("Spare part [#")
    await house.set(1, status="waiting")
    assert await house.comes(answer(asked, sender=SHOP, id="have-one"))
    assert await house.comes(mail(asked.subject, sender=SHOP, id="by-token"))
    assert (await house.ticket(1)).status == "waiting"
    assert [one.kind for one in await house.entries(1)] == ["mail_in", *["partner"] * 4]
    reply = await house.replies(1)
    assert (reply.to, reply.in_reply_to) == (f"Maria <{MARIA}>", "<Printer@example.org>")
    async with house.store.view() as unit:
        seen = await unit.entries.page_for_client(1, None, 100)
    assert [one.kind for one in seen.items] == ["mail_in", "mail_out"]
