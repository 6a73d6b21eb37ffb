"""The parts of tickets' mail, put together: files of tickets, the mailbox, and who sends."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from bridge.config import Secrets, Settings
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import Limits
from bridge.crm.mail import mailer_of
from bridge.crm.mail_tickets import MailTickets
from bridge.crm.mailbox import Mailbox, account_of, rules_of
from bridge.crm.postman import Postman
from bridge.crm.ticket_letters import TicketLetters
from bridge.crm.ticketing.desk import TicketDesk
from bridge.engine.ports import LinkState
from bridge.store import Store

log = structlog.get_logger(__name__)

MAILBOX, MAIL = "mailbox", "mail"  # as health and metrics call them


@dataclass(frozen=True, slots=True)
class Mailing:
    """Without a mail server, or without a mailbox, in the configuration there is none."""

    files: AttachmentFiles
    mailbox: Mailbox | None = None
    postman: Postman | None = None

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """To be called when no other process writes files any more: what it left half done is removed."""
        try:
            left = self.files.sweep()
        except OSError as error:
            log.error("half written files of tickets are left", action="mailing", reason=str(error))
        else:
            if left:
                log.info("half written files of tickets are removed", action="mailing", files=left)
        tasks = {}
        if self.mailbox is not None:
            tasks[MAILBOX] = self.mailbox.run()
        if self.postman is not None:
            tasks[MAIL] = self.postman.run()
        return tasks

    def links(self) -> Sequence[LinkState]:
        found = []
        if self.mailbox is not None:
            state = self.mailbox.state
            found.append(LinkState(MAILBOX, state.up, state.fault))
        if self.postman is not None:
            fault = self.postman.state.fault
            found.append(LinkState(MAIL, not fault, fault))
        return found

    def taken(self) -> dict[str, int]:
        """Mails since the start, by the way they came to their tickets."""
        return dict(self.mailbox.state.taken) if self.mailbox is not None else {}

    def settled(self) -> dict[str, int]:
        """Letters since the start, by what became of them."""
        return dict(self.postman.state.settled) if self.postman is not None else {}


def mailing_of(store: Store, desk: TicketDesk, settings: Callable[[], Settings], secrets: Secrets) -> Mailing:
    """``settings`` as they are by now; servers and passwords are those of the start.

    Raises ConfigurationError where a password is missing.
    """
    said = settings()
    files = AttachmentFiles(Path(said.tickets.attachments.directory), lambda: settings().recordings.key)
    mailer, account = mailer_of(said, secrets), account_of(said, secrets)
    if said.mail is None or mailer is None:
        return Mailing(files)
    postman = Postman(mailer, TicketLetters(store, desk), files, said.mail.own_addresses)
    desk.letter_waits = postman.wake
    if said.mail.inbox is None or account is None:
        return Mailing(files, postman=postman)
    mailbox = Mailbox(
        account,
        MailTickets(store, desk, settings),
        files,
        rules_of(said.mail),
        limits=lambda: limits_of(settings()),
        poll_seconds=said.mail.inbox.poll_seconds,
    )
    return Mailing(files, mailbox, postman)


def limits_of(settings: Settings) -> Limits:
    """Of what comes by mail: a client's file is kept whatever kind it is, but for programs."""
    return Limits(file_bytes=settings.tickets.attachments.largest_mb * 2**20)
