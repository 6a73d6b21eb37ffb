"""A real SMTP server within the test's loop: aiosmtpd, which keeps what it is handed or refuses it."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bridge.crm.mail import Mailer

USER, PASSWORD = "calls@example.org", "p@ss:w%rd"


@dataclass
class MailServer:
    """``refusal`` is what it answers to a recipient, for ever; ``refusals`` to that one.

    ``content_refusal`` is its answer to the mail itself. ``silent``: it takes a mail and is gone.
    """

    port: int = 0
    refusal: str = ""
    refusals: dict[str, str] = field(default_factory=dict)
    content_refusal: str = ""
    silent: bool = False
    taken: list[tuple[Envelope, EmailMessage]] = field(default_factory=list)
    logged_in: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.refusal or self.refusals.get(address, ""):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.content_refusal:
            return self.content_refusal
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append((envelope, message))
        self.logged_in.append(session.authenticated)
        if self.silent:
            server.transport.abort()
        return "250 OK"

    def mailer(self, security: Literal["starttls", "tls", "none"] = "none", **fields: Any) -> Mailer:
        values: dict[str, Any] = {
            "sender": "calls@example.org",
            "name": "ООО «Ромашка»",
            "context": ssl.create_default_context(),
        }
        return Mailer("127.0.0.1", self.port, security, **{**values, **fields})


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, at_once: bool = False, needs_login: bool = False
) -> AsyncIterator[MailServer]:
    """``tls`` offers STARTTLS, or with ``at_once`` TLS from the first byte."""
    server = MailServer()

    def judge(_: Any, __: Any, ___: Any, mechanism: str, given: LoginPassword) -> AuthResult:
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    def connected() -> SMTP:
        return SMTP(
            server,
            hostname="mail.test",
            tls_context=None if at_once else tls,
            authenticator=judge if needs_login else None,
            auth_required=needs_login and not at_once,
            auth_require_tls=not at_once,  # it knows of STARTTLS only
        )

    listening = await asyncio.get_running_loop().create_server(
        connected, "127.0.0.1", 0, ssl=tls if at_once else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def certificate(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's context, and one of a client that trusts it."""
    key, made = directory / "key.pem", directory / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True,
        capture_output=True,
    )
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(made, key)
    return offered, ssl.create_default_context(cafile=str(made))
