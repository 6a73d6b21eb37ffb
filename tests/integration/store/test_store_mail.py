"""Mail that comes, on both databases: each once and whole, wherever it is cut."""

from datetime import timedelta

import pytest

from bridge.crm import letters
from bridge.crm.replies import written
from bridge.crm.threads import FLOOD_WINDOW, Thread, Way
from bridge.crm.ticket_mail import Cursor, Incoming, Place
from bridge.errors import LinkDown
from bridge.store import Store
from tests.integration.store.conftest import START
from tests.integration.store.mail_house import BOX, FILE, MARIA, TABLES, US, House, answer, cut, housed, mail


@pytest.fixture
async def house(store: Store) -> House:
    return await housed(store)


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
