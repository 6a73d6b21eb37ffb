"""Owns writing a mail and handing it to the mail server. What it says is whose mail it is.

A mail is handed over once: a second attempt, after a lost reply, could send it twice.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPAuthenticationError, SMTPRecipientsRefused, SMTPResponseException

from bridge.config import Secrets, Settings
from bridge.config.mail import mail_address
from bridge.errors import BadInput, ConfigurationError, LinkDown, Refused, RequestTimeout

_SECONDS = 20.0  # somebody waits for it before his screen


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

        After RequestTimeout it may have been sent all the same.
        """
        message = self._written(letter)
        place = f"mail server {self.host}:{self.port}"
        try:
            async with asyncio.timeout(_SECONDS):
                await aiosmtplib.send(
                    message,
                    sender=self.sender,
                    recipients=[str(message["To"].addresses[0].addr_spec)],
                    hostname=self.host,
                    port=self.port,
                    username=self.username,
                    password=self.password if self.username is not None else None,
                    use_tls=self.security == "tls",
                    start_tls=self.security == "starttls",  # True: without it nothing is sent
                    tls_context=self.context,
                    timeout=_SECONDS,
                )
        except SMTPAuthenticationError as error:
            raise Refused(f"{place}: wrong user or password: {_words(error)}", status=error.code) from error
        except SMTPRecipientsRefused as error:
            (refusal,) = error.recipients
            raise Refused(f"{place}: address refused: {_words(refusal)}", status=refusal.code) from error
        except SMTPResponseException as error:
            raise Refused(f"{place}: {_words(error)}", status=error.code) from error
        except (TimeoutError, aiosmtplib.SMTPTimeoutError) as error:
            raise RequestTimeout(f"{place}: no reply within {_SECONDS:g} seconds") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise LinkDown(f"{place}: {error}") from error

    def _written(self, letter: Letter) -> EmailMessage:
        """Headers are set through objects that refuse line breaks: nobody's text becomes a header."""
        try:
            to = mail_address(letter.to)
        except ValueError as error:
            raise BadInput(str(error)) from error
        message = EmailMessage()
        message["From"] = Address(" ".join(self.name.split()), addr_spec=self.sender)
        message["To"] = Address(addr_spec=to)
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
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


def _words(error: SMTPResponseException) -> str:
    """The server's own, on one line and not without end."""
    return f"{error.code} {' '.join(error.message.split())[:200]}".strip()
