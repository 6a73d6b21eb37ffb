"""The mails of tickets, handed to a real SMTP server: each once, and what became of it is told."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import Kept, Limits
from bridge.crm.letter_headers import Party
from bridge.crm.postman import AGAIN_AFTER, Postman
from bridge.crm.ticket_mail import Delivery, Outgoing
from bridge.engine.backoff import Backoff
from bridge.errors import LinkDown, Refused
from tests.fakes.mail_server import MailServer, mail_server
from tests.fakes.ticket_mail import MemoryTickets
from tests.unit.crm.test_replies import ANSWER, AT


class Now:
    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A traceback for people's eyes takes the tests longer than all the rest."""
    with capture_logs():
        yield


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def postman(
    server: MailServer, tickets: MemoryTickets, tmp_path: Path, now: Now, **fields: object
) -> Postman:
    return Postman(
        server.mailer(**fields),
        tickets,
        AttachmentFiles(tmp_path),
        frozenset({"help@daisy.example"}),
        every=0.05,
        backoff=Backoff(first=0.01, ceiling=0.02),
        clock=now,
    )


async def test_a_mail_is_sent_once_with_its_files(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    kept = await AttachmentFiles(tmp_path).keep("a.txt", b"words", Limits())
    tickets.write(1, replace(ANSWER, files=(kept,)), AT)
    async with mail_server() as server:
        man = postman(server, tickets, tmp_path, now)
        await man.run_once()
        await man.run_once()
    ((envelope, message),) = server.taken
    assert envelope.rcpt_tos == ["maria@example.org", "ivan@example.org"]
    assert message["Message-ID"] == "<ours@daisy.example>"
    (attached,) = message.iter_attachments()
    assert attached.get_content() == "words"
    assert tickets.delivery(1) == (Delivery.SENT, "")
    assert man.state.settled == {"sent": 1}


async def test_refused_for_now_it_is_tried_again_later_and_then_given_up(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        server.refusals = {"ivan@example.org": "451 4.7.1 greylisted"}
        man = postman(server, tickets, tmp_path, now)
        for number, wait in enumerate(AGAIN_AFTER):
            await man.run_once()
            assert tickets.delivery(1)[0] is Delivery.WAITING
            assert "451 4.7.1 greylisted" in tickets.delivery(1)[1]
            assert server.taken == []
            if number == 3:
                await man.run_once()  # not before its time
                now.at += wait - timedelta(seconds=1)
                await man.run_once()
                assert [one.attempts for one in await tickets.due(now.at + wait, 9)] == [4]
            now.at += wait
        await man.run_once()
    assert tickets.delivery(1)[0] is Delivery.FAILED
    assert "given up after 12 attempts" in tickets.delivery(1)[1]


async def test_after_greylisting_it_arrives_once(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        man = postman(server, tickets, tmp_path, now)
        server.content_refusal = "450 later"
        await man.run_once()
        server.content_refusal = ""
        now.at += AGAIN_AFTER[0]
        await man.run_once()
    assert len(server.taken) == 1
    assert tickets.delivery(1) == (Delivery.SENT, "")


@pytest.mark.parametrize("stage", ["refusal", "content_refusal"])
async def test_refused_for_good_it_is_told_and_not_sent_again(tmp_path: Path, stage: str) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        setattr(server, stage, "554 5.7.1 not wanted")
        man = postman(server, tickets, tmp_path, now)
        await man.run_once()
        now.at += timedelta(days=30)
        await man.run_once()
    assert tickets.delivery(1)[0] is Delivery.FAILED
    assert "554 5.7.1 not wanted" in tickets.delivery(1)[1]


async def test_who_does_not_get_it_is_told_when_others_do(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        server.refusals = {"ivan@example.org": "550 no such user"}
        await postman(server, tickets, tmp_path, now).run_once()
    assert server.taken[0][0].rcpt_tos == ["maria@example.org"]
    assert tickets.delivery(1) == (Delivery.SENT, "ivan@example.org: 550 no such user")


async def test_a_lost_reply_is_uncertain_and_not_sent_again(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        server.silent = True
        man = postman(server, tickets, tmp_path, now)
        await man.run_once()
        now.at += timedelta(days=30)
        await man.run_once()
    assert len(server.taken) == 1
    assert tickets.delivery(1)[0] is Delivery.UNCERTAIN
    assert "did not say whether it took the mail" in tickets.delivery(1)[1]


async def test_found_half_sent_at_start_it_is_uncertain(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    assert await tickets.sending(1)
    async with mail_server() as server:
        task = asyncio.create_task(postman(server, tickets, tmp_path, now).run())
        await until(lambda: tickets.delivery(1)[0] is Delivery.UNCERTAIN)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert server.taken == []


async def test_a_server_that_is_away_or_refuses_us_costs_no_mail(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(), Now()
    tickets.write(1, ANSWER, AT)
    tickets.write(1, replace(ANSWER, entry=2), AT)
    async with mail_server() as server:
        pass
    with pytest.raises(LinkDown):
        await postman(server, tickets, tmp_path, now).run_once()
    assert tickets.delivery(1)[0] is tickets.delivery(2)[0] is Delivery.WAITING
    now.at += AGAIN_AFTER[0]
    async with mail_server(needs_login=True) as server:
        with pytest.raises(Refused):
            await postman(server, tickets, tmp_path, now).run_once()
    assert tickets.delivery(1)[0] is tickets.delivery(2)[0] is Delivery.WAITING


async def test_woken_it_sends_at_once_and_what_fails_keeps_nobody_waiting(tmp_path: Path) -> None:
    tickets, now = MemoryTickets(broken=RuntimeError("database away"), losses=2), Now()
    tickets.write(1, replace(ANSWER, to=(Party("nobody"),)), AT)
    tickets.write(
        1, replace(ANSWER, entry=2, files=(Kept("a", "text/plain", 1, "0" * 64, "00/" + "0" * 64),)), AT
    )
    tickets.write(1, replace(ANSWER, entry=3), AT)
    async with mail_server() as server:
        man = postman(server, tickets, tmp_path, now)
        man._every = 600.0
        task = asyncio.create_task(man.run())
        await until(lambda: tickets.delivery(3)[0] is Delivery.SENT)
        tickets.write(1, replace(ANSWER, entry=4), AT)
        man.wake()
        await until(lambda: tickets.delivery(4)[0] is Delivery.SENT)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert "is not a mail address" in tickets.delivery(1)[1]
    assert tickets.delivery(2)[0] is Delivery.FAILED
    assert "restore it from a backup" in tickets.delivery(2)[1]
    assert len(server.taken) == 2


async def test_a_mail_that_was_withdrawn_is_not_sent(tmp_path: Path) -> None:
    class Withdrawn(MemoryTickets):
        async def sending(self, entry: int) -> bool:
            return False

    tickets, now = Withdrawn(), Now()
    tickets.write(1, ANSWER, AT)
    async with mail_server() as server:
        await postman(server, tickets, tmp_path, now).run_once()
    assert server.taken == []


def test_the_outgoing_mail_shows_no_text_in_a_log() -> None:
    assert "repaired" not in repr(Outgoing(**{field: getattr(ANSWER, field) for field in ANSWER.__slots__}))
