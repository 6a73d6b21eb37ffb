"""The mailbox, at a real IMAP server: each mail is taken once and marked, whatever breaks on the way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.crm import letters, mailbox
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import Limits
from bridge.crm.imap import Account
from bridge.crm.letter_headers import Party
from bridge.crm.letters import Fault
from bridge.crm.mail import own_marker
from bridge.crm.mailbox import Mailbox, MailRules, account_of, rules_of
from bridge.crm.postman import Postman
from bridge.crm.threads import Way
from bridge.crm.ticket_mail import Delivery, Outgoing
from bridge.engine.backoff import Backoff
from bridge.errors import BadInput, ConfigurationError, LinkDown
from tests.fakes.huge_mailbox import huge_mailbox
from tests.fakes.imap_server import ImapServer, imap_server
from tests.fakes.mail_server import certificate, mail_server
from tests.fakes.ticket_mail import MemoryTickets
from tests.unit.crm.test_mail import secrets, settings

SEEN = {b"\\Seen"}
MARKER = own_marker("calls@example.org")


def mail(subject: str, *fields: str, sender: str = "maria@example.org", body: str = "Hello") -> bytes:
    head = (f"From: {sender}", f"Subject: {subject}", f"Message-ID: <{subject}@example.org>", *fields)
    return "\r\n".join((*head, "", body, "")).encode()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A traceback for people's eyes takes the tests longer than all the rest."""
    with capture_logs():
        yield


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reading(
    account: Account,
    tickets: MemoryTickets,
    tmp_path: Path,
    *,
    limits: Limits | None = None,
    most_new: int = 20,
) -> AsyncIterator[Mailbox]:
    reader = Mailbox(
        account,
        tickets,
        AttachmentFiles(tmp_path / "files"),
        MailRules(frozenset({"help@daisy.example"}), MARKER, most_new),
        limits=lambda: limits or Limits(),
        poll_seconds=0.1,
        backoff=Backoff(first=0.01, ceiling=0.05),
    )
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_unread_mail_is_taken_in_order_and_marked(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        await server.put(mail("one"))
        await server.put(mail("read long ago"), b"\\Seen")
        await server.put(mail("two", "In-Reply-To: <one@example.org>"))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
            await server.put(mail("three"))
            await server.put(mail("read by somebody at once"), b"\\Seen")
            await until(lambda: len(tickets.entries) == 4)
            await until(lambda: reader.state.taken.total() == 4)
        assert tickets.subjects() == ["one", "two", "three", "read by somebody at once"]
        assert [entry.ticket for entry in tickets.entries] == [1, 1, 2, 3]
        assert reader.state.fault == ""
        assert dict(reader.state.taken) == {"new": 3, "reference": 1}


async def test_what_was_taken_is_marked_or_moved(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        await server.put(mail("one"))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        assert await server.flags() == {b"one": SEEN}
        await server.put(mail("two"))
        async with reading(server.account(processed="Taken"), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        assert await server.flags() == {b"one": SEEN}
        assert await server.flags("Taken") == {b"two": SEEN}
    assert tickets.subjects() == ["one", "two"]


async def test_killed_before_the_mark_it_is_marked_later_and_not_taken_again(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        await server.put(mail("one"))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        await server.made_anew(mail("one"))  # as if it were not marked, and its UID another one
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        assert reader.state.taken == {"double": 1}
        assert await server.flags() == {b"one": SEEN}
        # The other half: the store knows the UID, the mark is missing.
        await server._do(
            lambda client: (client.select_folder("INBOX"), client.remove_flags([101], [b"\\Seen"]))
        )
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        assert await server.flags() == {b"one": SEEN}
    assert tickets.subjects() == ["one"]


async def test_uidvalidity_changes_while_it_reads(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server, reading(server.account(), tickets, tmp_path) as reader:
        await server.put(mail("one"))
        await until(lambda: tickets.subjects() == ["one"])
        await server.made_anew(mail("one"), mail("two"))
        await until(lambda: tickets.subjects() == ["one", "two"])
        await until(lambda: reader.state.taken["double"] == 1)


@pytest.mark.parametrize("cut_after", [10, 200, 700, 1100, 1500, 3000, 9000])
async def test_cut_off_anywhere_it_is_taken_once(tmp_path: Path, cut_after: int) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        for subject in ("one", "two", "three"):
            await server.put(mail(subject, body="x\r\n" * 1000))
        server.cut_after = cut_after
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up and reader.state.taken.total() >= 3)
            assert server.connections == 2
        assert await server.flags() == {b"one": SEEN, b"two": SEEN, b"three": SEEN}
    assert tickets.subjects() == ["one", "two", "three"]


@pytest.mark.parametrize("broken", [LinkDown("database away"), OSError("disk full"), RuntimeError("a bug")])
async def test_a_store_that_is_away_keeps_the_mail_in_the_mailbox(tmp_path: Path, broken: Exception) -> None:
    tickets = MemoryTickets(broken=broken, losses=3)
    async with imap_server() as server:
        await server.put(mail("one"))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: bool(reader.state.fault) and tickets.losses < 3)
            await until(lambda: reader.state.up)
        assert await server.flags() == {b"one": SEEN}
    assert tickets.subjects() == ["one"]
    assert tickets.left == []


async def test_one_that_can_never_be_taken_keeps_nobody_waiting(tmp_path: Path) -> None:
    tickets = MemoryTickets(broken=BadInput("too odd"), losses=mailbox._MOST_FAILURES)
    async with imap_server() as server:
        await server.put(mail("odd"))
        await server.put(mail("two"))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        assert await server.flags() == {b"odd": {b"\\Flagged"}, b"two": SEEN}
    assert tickets.subjects() == ["two"]
    ((place, reason),) = tickets.left
    assert place.uid == 101
    assert "too odd" in reason


async def test_what_is_no_mail_is_told_and_left(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        await server.put(b"X: y\r\n\r\nHello")
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
        async with reading(server.account(), tickets, tmp_path) as again:
            await until(lambda: again.state.up)
        assert (await server.flags()).popitem()[1] == {b"\\Flagged"}
    assert [place.uid for place, _ in tickets.left] == [101]


async def test_a_mail_that_is_too_large_is_known_by_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "HEAD_BYTES", 300)
    monkeypatch.setattr(mailbox, "MAX_BYTES", 2000)
    tickets = MemoryTickets()
    async with imap_server() as server:
        await server.put(mail("large", body="x" * 3000))
        async with reading(server.account(), tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
    (entry,) = tickets.entries
    assert entry.incoming is not None
    found = entry.incoming.mail
    assert (found.subject, found.text, found.faults) == ("large", "", (Fault.TOO_LARGE,))
    assert found.size > 3000
    assert str(entry.incoming.place).startswith("help@daisy.example@127.0.0.1/INBOX, UID 101 ")


async def test_of_a_huge_mail_only_the_head_crosses_the_wire(tmp_path: Path) -> None:
    """As it is told by its size: nothing is changed here in what may be."""
    tickets, size = MemoryTickets(), 100 * 2**20
    async with huge_mailbox(size) as server:
        account = ImapServer(port=server.port).account()
        async with reading(account, tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
    (entry,) = tickets.entries
    assert entry.incoming is not None
    found = entry.incoming.mail
    assert (found.subject, found.text, found.faults, found.size) == ("huge", "", (Fault.TOO_LARGE,), size)
    assert server.sent < 2 * letters.HEAD_BYTES
    assert [b"RFC822.SIZE" in one or b"<0.65536>" in one for one in server.fetched] == [True, True]


async def test_files_are_kept_or_refused(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    parts = "".join(
        f'--b\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n{content}\r\n'
        for name, content in (
            ("a.txt", "words"),
            ("run.exe", "x"),
            ("big.txt", "x" * 50),
            ("b.txt", "y" * 25),
        )
    )
    async with imap_server() as server:
        await server.put(mail("files", "Content-Type: multipart/mixed; boundary=b", body=f"{parts}--b--"))
        limits = Limits(file_bytes=40, ticket_bytes=60)
        async with reading(server.account(), tickets, tmp_path, limits=limits) as reader:
            await until(lambda: reader.state.up)
    incoming = tickets.entries[0].incoming
    assert incoming is not None
    assert [one.name for one in incoming.files] == ["a.txt", "b.txt"]
    assert [one.name for one in incoming.refused] == ["run.exe", "big.txt"]
    with AttachmentFiles(tmp_path / "files").opened(incoming.files[0]) as content:
        assert content.read() == b"words"


async def test_a_ticket_s_whole_thread(tmp_path: Path) -> None:
    """In, answered, answered again without a reference, and the last answer comes back undelivered."""
    tickets = MemoryTickets(tokens={"K7QF2M9XDHPA": 1})
    answer = Outgoing(
        entry=1,
        message_id="<ours@daisy.example>",
        subject="Printer",
        token="K7QF2M9XDHPA",
        text="Repaired",
        to=(Party("maria@example.org"),),
        answers="<Printer@example.org>",
    )
    files = AttachmentFiles(tmp_path / "files")
    async with (
        imap_server() as server,
        mail_server() as smtp,
        reading(server.account(), tickets, tmp_path) as reader,
    ):
        await server.put(mail("Printer"))
        await until(lambda: len(tickets.entries) == 1)
        tickets.write(1, answer, datetime.now(UTC))
        await Postman(smtp.mailer(), tickets, files, frozenset()).run_once()
        ((_, sent),) = smtp.taken
        await server.put(mail("again", f"In-Reply-To: {sent['Message-ID']}"))
        await server.put(mail(f"Fwd: {sent['Subject']}", sender="boss@example.org"))
        await server.put(sent.as_bytes())  # a loop
        await server.put(undelivered(str(sent["Message-ID"])))
        await until(lambda: reader.state.taken.total() == 5)
    assert [entry.ticket for entry in tickets.entries] == [1, 1, 1, 1]
    found = [entry.incoming.thread for entry in tickets.entries if entry.incoming is not None]
    assert [(one.way, one.stranger) for one in found] == [
        (Way.NEW, False),
        (Way.REFERENCE, False),
        (Way.TOKEN, True),
    ]
    assert tickets.delivery(1) == (Delivery.FAILED, "5.1.1 smtp; 550 gone")
    assert dict(reader.state.taken) == {"new": 1, "reference": 1, "token": 1, "ignored": 1, "report": 1}


def undelivered(id: str) -> bytes:
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=b"
    status = (
        "Reporting-MTA: dns; mx\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 gone\r\n"
    )
    parts = (
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {id}\r\n"
    )
    return mail("Undelivered", kind, sender="mailer-daemon@mx.example", body=f"{parts}--b--")


async def test_loops_and_floods_open_no_tickets(tmp_path: Path) -> None:
    tickets = MemoryTickets()
    async with imap_server() as server:
        for number in range(4):
            await server.put(mail(f"new{number}"))
        await server.put(mail("ours", f"X-Callbridge-Loop: {MARKER}"))
        await server.put(mail("away", "Auto-Submitted: auto-replied"))
        async with reading(server.account(), tickets, tmp_path, most_new=2) as reader:
            await until(lambda: reader.state.up)
    assert [entry.ticket for entry in tickets.entries] == [1, 2, 2, 2]
    assert dict(reader.state.taken) == {"new": 2, "flood": 2, "ignored": 2}


async def test_a_refused_log_in_is_told_and_tried_again(tmp_path: Path) -> None:
    async with imap_server() as server:
        async with reading(server.account(password="wrong"), MemoryTickets(), tmp_path) as reader:
            await until(lambda: server.connections > 2)
            await until(lambda: "IMAP_PASSWORD" in reader.state.fault)
            assert not reader.state.up
        assert "wrong" not in repr(server.account(password="wrong"))


async def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    async with imap_server() as server:
        server.deaf = True
        account = server.account(connect_seconds=0.2, read_seconds=2.0)
        async with reading(account, MemoryTickets(), tmp_path) as reader:
            await until(lambda: server.connections > 1)
            await until(lambda: "no answer in time" in reader.state.fault)
            server.deaf = False
            await until(lambda: reader.state.up)
            assert reader.state.fault == ""


async def test_nobody_listens(tmp_path: Path) -> None:
    async with imap_server() as server:
        account = server.account()
    async with reading(account, MemoryTickets(), tmp_path) as reader:
        await until(lambda: "connect" in reader.state.fault)


async def test_an_end_does_not_wait_for_the_server(tmp_path: Path) -> None:
    async with imap_server() as server:
        server.deaf = True
        async with reading(server.account(read_seconds=600.0), MemoryTickets(), tmp_path):
            await until(lambda: server.connections > 0)
        # and while it waits for mail
        server.deaf = False
        async with reading(server.account(read_seconds=600.0), MemoryTickets(), tmp_path) as reader:
            reader._poll = 600.0
            await until(lambda: reader.state.up)


async def test_over_tls_with_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    offered, trusting = certificate(tmp_path)
    tickets = MemoryTickets()
    async with imap_server(tls=offered) as server:
        await server.put(mail("one"))
        async with reading(server.account(security="tls"), tickets, tmp_path) as reader:
            await until(lambda: "certificate verify failed" in reader.state.fault)
        account = server.account(security="tls", context=trusting)
        async with reading(account, tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
    assert tickets.subjects() == ["one"]


async def test_starttls(tmp_path: Path) -> None:
    _, trusting = certificate(tmp_path)
    tickets = MemoryTickets()
    async with imap_server(starttls=(tmp_path, trusting)) as server:
        await server.put(mail("one"))
        account = server.account(security="starttls", context=trusting)
        async with reading(account, tickets, tmp_path) as reader:
            await until(lambda: reader.state.up)
    assert tickets.subjects() == ["one"]


async def test_starttls_is_not_gone_without(tmp_path: Path) -> None:
    async with (
        imap_server() as server,
        reading(server.account(security="starttls"), MemoryTickets(), tmp_path) as reader,
    ):
        await until(lambda: "log in" in reader.state.fault)
        assert not reader.state.up


def test_the_mailbox_is_the_configuration_s(tmp_path: Path) -> None:
    inbox = (
        "host: i.example, username: box@daisy.example, department: support, addresses: [info@daisy.example]"
    )
    given = settings(
        tmp_path,
        "departments: {support: {title: Support}}\n"
        f"mail: {{host: m.example, sender: help@daisy.example, inbox: {{{inbox}, most_new_per_hour: 7}}}}\n",
    )
    assert given.mail is not None
    assert rules_of(given.mail) == MailRules(
        frozenset({"help@daisy.example", "info@daisy.example", "box@daisy.example"}),
        own_marker("help@daisy.example"),
        7,
    )
    account = account_of(given, secrets(tmp_path, "IMAP_PASSWORD=p@ss"))
    assert account is not None
    assert (account.port, account.security, account.name) == (993, "tls", "box@daisy.example@i.example/INBOX")
    with pytest.raises(ConfigurationError, match="add IMAP_PASSWORD to the secrets file"):
        account_of(given, secrets(tmp_path))
    assert account_of(settings(tmp_path, ""), secrets(tmp_path)) is None
