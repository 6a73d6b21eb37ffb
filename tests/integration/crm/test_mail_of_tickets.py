"""Mail of tickets from end to end: a real IMAP server, a real SMTP server, the real store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.config import Secrets, Settings
from bridge.config.tickets import AttachmentSettings
from bridge.crm.attachments import BadAttachment, Limits
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.ticketing.rights import Who
from bridge.doctor import _mail
from bridge.engine.loop import utc_now
from bridge.mailing import Mailing, mailing_of
from bridge.store import Store
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import AttachmentRow, EntryRow, NewEntry
from bridge.web.metrics import Metrics
from tests.fakes.imap_server import PASSWORD, USER, ImapServer, imap_server
from tests.fakes.mail_server import MailServer, mail_server

US, MARIA = USER, "maria@example.org"
SECRETS = Secrets("", "", "", {}, {}, imap=PASSWORD)
ANNA = Actor(Who("1001"), "1001")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def settings(directory: Path, imap: int, smtp: int) -> Settings:
    here: dict[str, Any] = {"host": "127.0.0.1", "security": "none"}
    return Settings.model_validate(
        {
            "company": {"name": "Daisy", "region": "RU", "timezone": "UTC"},
            "agents": {"1001": {"name": "Anna"}},
            "tickets": {
                "statuses": {"waiting": {"title": "Waiting", "kind": "waiting"}},
                "attachments": {"directory": str(directory)},
            },
            "departments": {"support": {"title": "Support", "lines": {"1": ["1001"]}}},
            "mail": {
                **here,
                "port": smtp,
                "sender": US,
                "inbox": {**here, "port": imap, "username": US, "department": "support"},
            },
        }
    )


@dataclass
class House:
    url: str
    store: Store
    desk: TicketDesk
    mailing: Mailing
    imap: ImapServer
    smtp: MailServer

    async def ticket(self, id: int) -> TicketRow | None:
        async with self.store.view() as unit:
            return await unit.tickets.get(id)

    async def entries(self, ticket: int) -> list[EntryRow]:
        async with self.store.view() as unit:
            return list((await unit.entries.page(ticket, None, 100)).items)

    async def files(self, ticket: int) -> list[AttachmentRow]:
        async with self.store.view() as unit:
            return await unit.attachments.of_ticket(ticket)

    async def comes(self, raw: bytes) -> None:
        """Returns when it was taken, whatever came of it."""
        before = sum(self.mailing.taken().values())
        await self.imap.put(raw)
        await until(lambda: sum(self.mailing.taken().values()) > before)

    async def replies(self, ticket: int, body: str) -> EntryRow:
        """Returns when it was sent."""
        entry = await self.desk.write(ANNA, ticket, NewEntry("mail_out", "1001", utc_now(), body=body))

        async def sent() -> bool:
            return next(one for one in await self.entries(ticket) if one.id == entry.id).delivery == "sent"

        await until(sent)
        return entry

    async def waits(self, ticket: int) -> None:
        await self.desk.change(ANNA, ticket, {"status": "waiting"}, None)


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    url = f"sqlite+aiosqlite:///{tmp_path}/callbridge.db"
    store = await Store.open(url)
    async with imap_server() as imap, mail_server() as smtp:
        said = settings(tmp_path / "attachments", imap.port, smtp.port)
        desk = TicketDesk(store, lambda: said, utc_now)
        mailing = mailing_of(store, desk, lambda: said, SECRETS)
        tasks = [asyncio.create_task(one, name=name) for name, one in mailing.tasks().items()]
        try:
            await until(lambda: all(link.up for link in mailing.links()))
            yield House(url, store, desk, mailing, imap, smtp)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()


def mail(subject: str, id: str, *fields: str, body: str = "It burns", sender: str = MARIA) -> bytes:
    head = (f"From: Maria <{sender}>", f"To: {US}", f"Subject: {subject}", f"Message-ID: <{id}@example.org>")
    return "\r\n".join((*head, *fields, "", body, "")).encode()


async def test_a_client_writes_an_agent_answers_and_the_client_answers_again(house: House) -> None:
    await house.comes(mail("Printer", "one"))
    row = await house.ticket(1)
    assert row is not None
    assert (row.subject, row.department, row.source, row.status) == ("Printer", "support", "mail", "open")

    reply = await house.replies(1, "Switch it off.")
    ((envelope, message),) = house.smtp.taken
    token = (await house.ticket(1)).token  # type: ignore[union-attr]
    assert envelope.rcpt_tos == [MARIA]
    assert message["Subject"] == f"Re: Printer [#{token}]"
    assert message["Message-ID"] == reply.message_id
    assert message["In-Reply-To"] == message["References"] == "<one@example.org>"
    assert str(message["From"]) == f"Support <{US}>"
    assert message.get_content().strip() == "Switch it off."

    await house.waits(1)
    away = f"In-Reply-To: {reply.message_id}"
    await house.comes(mail("Out of office", "away", away, "Auto-Submitted: auto-replied"))
    assert (await house.ticket(1)).status == "waiting"  # type: ignore[union-attr]
    await house.comes(mail(f"Re: Printer [#{token}]", "two", f"In-Reply-To: {reply.message_id}"))
    assert (await house.ticket(1)).status == "open"  # type: ignore[union-attr]
    await house.comes(mail(f"AW: Printer [#{token}]", "three"))
    assert await house.ticket(2) is None, "by the token alone as well"
    assert [(one.kind, one.automatic) for one in await house.entries(1)] == [
        ("mail_in", False),
        ("mail_out", False),
        ("mail_in", True),
        ("mail_in", False),
        ("mail_in", False),
    ]
    second = await house.replies(1, "Well?")
    assert (second.in_reply_to, second.to) == ("<three@example.org>", f"Maria <{MARIA}>")
    assert [link.up for link in house.mailing.links()] == [True, True]
    metrics = Metrics()
    metrics.watch_mail(house.mailing.taken, house.mailing.settled)
    told = metrics.text().decode()
    for line in (
        'callbridge_mails_taken_total{way="new"} 1.0',
        'callbridge_mails_taken_total{way="reference"} 2.0',
        'callbridge_mails_taken_total{way="token"} 1.0',
        'callbridge_mails_sent_total{delivery="sent"} 2.0',
    ):
        assert line in told


async def test_two_mailboxes_that_answer_each_other_stop(house: House) -> None:
    await house.comes(mail("Printer", "one"))
    await house.replies(1, "Switch it off.")
    (envelope, message) = house.smtp.taken[0]
    assert isinstance(envelope.content, bytes)
    # Passed on to us as it is: the way in which two mailboxes feed each other.
    await house.comes(envelope.content)
    # A machine that answers everything at once and does not say that it is one.
    for number in range(3):
        await house.comes(mail("Re: Printer", f"robot{number}", f"In-Reply-To: {message['Message-ID']}"))
    async with house.store.view() as unit:
        assert await unit.deliveries.due(utc_now(), 10) == [], "nothing of ours answers by itself"
    assert len(house.smtp.taken) == 1
    assert [one.kind for one in await house.entries(1)] == ["mail_in", "mail_out", *["mail_in"] * 3]
    assert house.mailing.taken() == {"new": 1, "ignored": 1, "reference": 3}


async def test_files_come_and_go_with_it(house: House) -> None:
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nSee there\r\n"
        "--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
        "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nMZ\r\n"
        "--b--\r\n"
    )
    await house.comes(mail("Printer", "one", 'Content-Type: multipart/mixed; boundary="b"', body=body))
    (file,) = await house.files(1)
    assert (file.name, file.media_type) == ("a.png", "image/png")
    (entry,) = await house.entries(1)
    assert [one["name"] for one in entry.marks["refused"]] == ["run.exe"]
    assert "UID" in entry.marks["place"]
    content = b"Second\n"
    kept = await house.mailing.files.keep("b.txt", content, Limits())
    async with house.store.unit() as unit:
        row = await unit.attachments.add(
            name=kept.name,
            media_type=kept.media_type,
            bytes=kept.bytes,
            sha256=kept.sha256,
            file=kept.file,
            by="1001",
            at=utc_now(),
            ticket=1,
        )
    await house.desk.write(ANNA, 1, NewEntry("mail_out", "1001", utc_now(), body="Here"), [row.id])
    await until(lambda: len(house.smtp.taken) == 1)
    (attached,) = house.smtp.taken[0][1].iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("b.txt", content.decode())


async def test_a_letter_leaves_with_what_came_with_it(house: House) -> None:
    async def pieces(data: bytes) -> AsyncIterator[bytes]:
        yield data

    await house.comes(mail("Printer", "one"))
    files = TicketFiles(house.store, house.desk, house.mailing.files, AttachmentSettings)
    letter = NewEntry("mail_out", "1001", utc_now(), body="Here", cc="Boss <boss@example.org>")
    async with files.parcel(ANNA, 1) as parcel:
        await parcel.add("b.txt", pieces(b"Second\n"))
        with pytest.raises(BadAttachment):
            await parcel.add("large.txt", pieces(b"x" * (20 * 2**20 + 1)))
    async with files.parcel(ANNA, 1) as parcel:
        await parcel.add("b.txt", pieces(b"Second\n"))
        await parcel.add("c.png", pieces(b"\x89PNG\r\n\x1a\n"))
        await parcel.write(letter)
    await until(lambda: len(house.smtp.taken) == 1)
    ((envelope, message),) = house.smtp.taken
    assert [one.get_filename() for one in message.iter_attachments()] == ["b.txt", "c.png"]
    assert (envelope.rcpt_tos, str(message["Cc"])) == ([MARIA, "boss@example.org"], "Boss <boss@example.org>")


async def test_what_is_no_mail_is_told_by_the_doctor_and_a_missing_password_too(
    house: House, tmp_path: Path
) -> None:
    await house.comes(b"no header at all")
    said = settings(tmp_path, house.imap.port, house.smtp.port)
    said = said.model_copy(update={"store": said.store.model_copy(update={"url": house.url})})
    sent, read = await _mail(said, SECRETS)
    assert (sent.well, read.well) == (True, True)
    assert f"127.0.0.1:{house.smtp.port}" in sent.detail
    assert "UID 101: a mail: has no header" in read.detail
    (missing,) = await _mail(said, replace(SECRETS, imap=""))
    assert (missing.well, missing.remedy) == (False, "add IMAP_PASSWORD to the secrets file")
    assert await _mail(said.model_copy(update={"mail": None}), SECRETS) == []
