"""Letters of tickets on both databases, step by step, and what comes back to them."""

from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import Connection, text

from bridge.crm.letter_headers import Party
from bridge.crm.ticket_letters import INTERRUPTED
from bridge.crm.ticket_mail import Delivery
from bridge.errors import BadInput, LinkDown, NotAllowed
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import alembic_config, migrate
from bridge.store.ticket_rows import NewEntry
from tests.integration.store.conftest import START
from tests.integration.store.mail_house import (
    ANNA,
    BORIS,
    FILE,
    FILE_ROW,
    MARIA,
    SHOP,
    US,
    House,
    answer,
    cut,
    housed,
    mail,
)


@pytest.fixture
async def house(store: Store) -> House:
    return await housed(store)


async def test_a_reply_goes_to_the_client_within_his_thread(house: House) -> None:
    await house.comes(mail("Printer", "Reply-To: boss@example.org", "References: <older@example.org>"))
    await house.comes(mail("Re: Printer", "In-Reply-To: <Printer@example.org>", sender="spy@example.org"))
    await house.comes(mail("Re: Re", "In-Reply-To: <Printer@example.org>", sender="spy@example.org"))
    assert [one.marks.get("stranger") for one in await house.entries(1)] == [None, True, True]
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
    assert chosen.to == f"Maria <{MARIA}>", "not whom we wrote to in between"
    assert (chosen.in_reply_to, chosen.references) == ("<Printer@example.org>", "<older@example.org>")


async def test_cut_at_each_step_a_letter_is_written_whole_or_not_at_all(house: House) -> None:
    await house.comes(mail("Printer"), FILE)
    before, steps = await house.rows(), 0
    for steps in range(1, 100):
        with cut(house.store, steps):
            try:
                reply = await house.desk.write(ANNA, 1, NewEntry("mail_out", "1001", START, body="x"), [1])
            except LinkDown:
                assert await house.rows() == before, f"half of it is there after step {steps}"
                continue
        break
    assert steps > 8, "the cuts met nothing"
    assert [one.entry for one in await house.out.due(START, 9)] == [reply.id]
    assert len(await house.entries(1)) == 2


NOBODY = (
    ({"to": "nobody"}, "is not a mail address"),
    ({"to": "a@example.org\nBcc: b@example.org"}, "is not a mail address"),
    ({"to": US}, "none but ourselves"),
    ({"to": ", ".join(f"a{number}@example.org" for number in range(51))}, "more than 50"),
    ({}, "none but ourselves"),
)


async def test_a_letter_to_nobody_is_not_kept(house: House) -> None:
    row = await house.desk.create(
        ANNA, {"subject": "Call", "department": "support", "fields": {"serial": "A1"}}, "web"
    )
    for fields, words in NOBODY:
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


async def test_letters_of_the_schema_before_wait_and_can_go_back(url: str) -> None:
    at = "'2025-03-01 09:00:00+00:00'"

    def old(connection: Connection) -> None:
        migrate(connection, "0014")
        connection.execute(
            text(
                "INSERT INTO tickets (id, client_edited, subject, subject_edited, status, priority, "
                "department, department_edited, solution, created_at, updated_at) "
                f"VALUES (1, true, 'x', true, 'open', 'normal', 'support', true, '', {at}, {at})"
            )
        )
        for id, delivery in enumerate(("waiting", "sent", "waiting"), 1):
            connection.execute(
                text(
                    "INSERT INTO ticket_entries (id, ticket_id, kind, at, author, subject, body, "
                    'in_reply_to, "to", cc, delivery, fault) '
                    f"VALUES ({id}, 1, 'mail_out', {at}, 'anna', '', '', '', '', '', '{delivery}', '')"
                )
            )

    def back(connection: Connection) -> list[str]:
        command.downgrade(alembic_config(connection), "0014")
        rows = connection.execute(text("SELECT delivery FROM ticket_entries ORDER BY id"))
        return [row[0] for row in rows]

    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(old)
    store = await Store.open(url)
    async with store.unit() as unit:
        assert [(one.id, one.attempts, one.marks) for one in await unit.deliveries.due(START, 9)] == [
            (1, 0, {}),
            (3, 0, {}),
        ]
        await unit.deliveries.sending(1)
        await unit.deliveries.interrupted("gone", START)
    with pytest.raises(BadInput):
        async with store.unit() as unit:
            await unit.entries._session.execute(text("UPDATE ticket_entries SET delivery = 'lost'"))
    await store.close()
    async with engines.writer.begin() as connection:
        assert await connection.run_sync(back) == ["failed", "sent", "waiting"]
    await engines.dispose()
