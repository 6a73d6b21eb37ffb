"""The mail server that we send by, the mailbox that mail for tickets comes to, and what an address is."""

from typing import Annotated, Literal

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, model_validator

from bridge.config.fields import Host, MailUser, Name, Port, Section, Title

# The library's own way to say so: networks of their own are often called company.local.
SPECIAL_USE_DOMAIN_NAMES[:] = [name for name in SPECIAL_USE_DOMAIN_NAMES if name != "local"]

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_INBOX_PORTS = {"starttls": 143, "tls": 993, "none": 143}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def mail_address(written: str) -> str:
    """As SMTP takes it everywhere: in ASCII, a domain's other letters encoded. Raises ValueError.

    Whether anybody reads it there is not asked: the mail server of a closed network knows no DNS.
    """
    try:
        found = validate_email(written, allow_smtputf8=False, check_deliverability=False, strict=True)
    except EmailNotValidError:
        shown = f"“{written[:60]}”" if written.isprintable() else ascii(written[:60])
        raise ValueError(f"{shown} is not a mail address: write name@example.org") from None
    return found.ascii_email or found.normalized


MailAddress = Annotated[str, AfterValidator(mail_address)]


class InboxSettings(Section):
    """A mailbox by IMAP whose mail becomes tickets and answers within them."""

    host: Host
    port: Port | None = Field(default=None, description="993 if absent, 143 with starttls or none")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only for a server on this host"
    )
    username: MailUser = Field(description="its password: IMAP_PASSWORD, as a secret")
    folder: Title = "INBOX"
    processed: Title | None = Field(
        default=None,
        description="mail that was taken is moved to this folder; if absent it stays, marked as read",
    )
    department: Name = Field(description="whose the new tickets are")
    addresses: tuple[MailAddress, ...] = Field(
        default=(),
        max_length=50,
        description="under which the mailbox is written to, beside mail.sender: nothing is sent to them",
    )
    poll_seconds: int = Field(
        default=60,
        ge=5,
        le=1500,
        description="how often new mail is looked for",
    )
    most_new_per_hour: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="tickets that a sender may open; more mail joins the last",
    )

    @model_validator(mode="after")
    def _keeps_the_password(self) -> "InboxSettings":
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security: none shows the password on the way: write tls or starttls")
        if self.processed is not None and self.processed.casefold() == self.folder.casefold():
            raise ValueError(f"processed: {self.processed} is the folder that mail is read from")
        return self

    @property
    def server_port(self) -> int:
        return self.port or _INBOX_PORTS[self.security]


class MailSettings(Section):
    host: Host
    port: Port | None = Field(default=None, description="587 if absent, 465 with tls, 25 with none")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only for a server on this host, or in a network of your own"
    )
    username: MailUser | None = Field(default=None, description="its password: MAIL_PASSWORD, as a secret")
    sender: MailAddress = Field(description="from whom the mail is", examples=["calls@example.org"])
    inbox: InboxSettings | None = Field(
        default=None, description="mail to it becomes tickets; its answers are sent from the sender"
    )

    @model_validator(mode="after")
    def _keeps_the_password(self) -> "MailSettings":
        if self.username is not None and self.security == "none":
            raise ValueError("username: with security: none shows the password to everybody on the way")
        return self

    @property
    def server_port(self) -> int:
        return self.port or _PORTS[self.security]

    @property
    def own_addresses(self) -> frozenset[str]:
        """Nothing is sent to them."""
        if self.inbox is None:
            return frozenset({self.sender})
        user = self.inbox.username
        return frozenset({self.sender, *self.inbox.addresses, *([user] if "@" in user else [])})
