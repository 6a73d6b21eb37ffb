"""Owns writing a mail and handing it to the mail server. What it says is whose mail it is.

A mail is handed over once: a second attempt, after a lost reply, could send it twice. Mail of tickets is
written in replies.py.
"""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid
from enum import Enum, auto
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPAuthenticationError, SMTPRecipientRefused, SMTPResponseException

from bridge.config import Secrets, Settings
from bridge.config.mail import mail_address
from bridge.crm.letter_headers import LOOP_MARKER, MAX_SUBJECT, cleaned
from bridge.errors import BadInput, ConfigurationError, LinkDown, Refused, RequestTimeout

_SECONDS = 20.0  # somebody waits for it before his screen
_FAREWELL_SECONDS = 5.0

# Header lines as long as may be: the library would encode ids that do not fit into 78 characters.
WIRE = SMTP_POLICY.clone(max_line_length=998, cte_type="7bit")


class MailRefused(Refused):
    """The server does not want this mail, or knows nobody whom it is for."""


class Unanswered(RequestTimeout):
    """All of a mail was handed over, and the server did not say whether it took it."""

    retryable = False


class _Stage(Enum):
    OPEN = auto()
    ADDRESSES = auto()
    CONTENT = auto()


@dataclass(frozen=True, slots=True)
class Letter:
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Mailer:
    """``name`` is whose mail it is, as people read it; ``context`` says which certificates are trusted."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    name: str
    context: ssl.SSLContext = field(repr=False)  # made once: to read all certificates takes its time
    username: str | None = None
    password: str = field(repr=False, default="")

    async def send(self, letter: Letter) -> None:
        """Raises BadInput for an address that is none, Refused, LinkDown or RequestTimeout: it is not sent.

        After Unanswered, which is a RequestTimeout, it may have been sent all the same.
        """
        message = self._written(letter)
        await self.hand_over(message.as_bytes(policy=WIRE), [str(message["To"].addresses[0].addr_spec)])

    async def hand_over(
        self, raw: bytes, recipients: Sequence[str], seconds: float | None = None
    ) -> Mapping[str, str]:
        """Whom the server refused for good, in its words, while it took the mail for the others.

        Raises MailRefused (this mail, or everybody it is for), Refused (us), LinkDown or RequestTimeout:
        it is not sent. Raises Unanswered: nobody knows.
        """
        seconds = _SECONDS if seconds is None else seconds
        place = f"mail server {self.host}:{self.port}"
        stage = _Stage.OPEN
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password if self.username is not None else None,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",  # True: without it nothing is sent
            tls_context=self.context,
            timeout=seconds,
        )
        try:
            async with asyncio.timeout(seconds):
                await client.connect()
                await client.mail(self.sender)
                stage = _Stage.ADDRESSES
                refused = await _addressed(client, recipients)
                stage = _Stage.CONTENT
                await client.data(raw)
        except SMTPAuthenticationError as error:
            raise Refused(f"{place}: wrong user or password: {_words(error)}", status=error.code) from error
        except SMTPResponseException as error:
            kind = Refused if stage is _Stage.OPEN else MailRefused
            said = "address refused: " if stage is _Stage.ADDRESSES else ""
            raise kind(f"{place}: {said}{_words(error)}", status=error.code) from error
        except (aiosmtplib.SMTPException, OSError) as error:  # TimeoutError is one
            if stage is _Stage.CONTENT:
                raise Unanswered(f"{place}: did not say whether it took the mail ({error})") from error
            if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
                raise RequestTimeout(f"{place}: no reply within {seconds:g} seconds") from error
            raise LinkDown(f"{place}: {error}") from error
        else:
            # It has it, whatever becomes of the farewell.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_FAREWELL_SECONDS)
            return refused
        finally:
            client.close()

    def _written(self, letter: Letter) -> EmailMessage:
        try:
            to = mail_address(letter.to)
        except ValueError as error:
            raise BadInput(str(error)) from error
        message = EmailMessage()
        message["From"] = Address(literal(self.name, 120), addr_spec=self.sender)
        message["To"] = Address(addr_spec=to)
        message["Subject"] = literal(letter.subject, MAX_SUBJECT)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message[LOOP_MARKER] = own_marker(self.sender)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies to it
        message.set_content(letter.text)
        return message


def mailer_of(settings: Settings, secrets: Secrets) -> Mailer | None:
    """None where the configuration names no mail server. Raises ConfigurationError."""
    mail = settings.mail
    if mail is None:
        return None
    if mail.username is not None and not secrets.mail:
        raise ConfigurationError(
            "mail.username: its password is missing: add MAIL_PASSWORD to the secrets file"
        )
    return Mailer(
        mail.host,
        mail.server_port,
        mail.security,
        mail.sender,
        settings.company.name,
        ssl.create_default_context(),
        mail.username,
        secrets.mail,
    )


def own_marker(sender: str) -> str:
    """What our own mails bear: those that come back by some loop are known by it."""
    return hashlib.sha256(f"callbridge {sender.casefold()}".encode()).hexdigest()[:32]


def literal(text: str, most: int) -> str:
    """Text as a header may hold it. The library refuses line breaks, but not one within what looks like an
    encoded word: that is decoded when the header is set, and becomes a line of its own.
    """
    return cleaned(text, most).replace("=?", "= ?")


async def _addressed(client: aiosmtplib.SMTP, recipients: Sequence[str]) -> Mapping[str, str]:
    """Those that are refused for good, while there are others. A refusal for now is of the whole mail."""
    refused: dict[str, SMTPRecipientRefused] = {}
    for recipient in recipients:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            if error.code < 500 or len(refused) + 1 == len(recipients):
                raise
            refused[recipient] = error
    return {recipient: _words(error) for recipient, error in refused.items()}


def _words(error: SMTPResponseException) -> str:
    """The server's own, on one line and not without end."""
    return f"{error.code} {' '.join(error.message.split())[:200]}".strip()
