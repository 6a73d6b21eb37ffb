"""The mail server that sends links to recordings, and what a mail address may look like."""

from typing import Annotated, Literal

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, model_validator

from bridge.config.fields import Host, MailUser, Port, Section

# The library's own way to say so: networks of their own are often called company.local.
SPECIAL_USE_DOMAIN_NAMES[:] = [name for name in SPECIAL_USE_DOMAIN_NAMES if name != "local"]

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


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


class MailSettings(Section):
    host: Host
    port: Port | None = Field(default=None, description="587 if absent, 465 with tls, 25 with none")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only for a server on this host, or in a network of your own"
    )
    username: MailUser | None = Field(default=None, description="its password: MAIL_PASSWORD, as a secret")
    sender: MailAddress = Field(description="from whom the mail is", examples=["calls@example.org"])

    @model_validator(mode="after")
    def _keeps_the_password(self) -> "MailSettings":
        if self.username is not None and self.security == "none":
            raise ValueError("username: with security: none shows the password to everybody on the way")
        return self

    @property
    def server_port(self) -> int:
        return self.port or _PORTS[self.security]
