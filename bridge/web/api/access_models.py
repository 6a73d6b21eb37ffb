"""Owns what the API says and takes of links to recordings, and says of the audit log."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bridge.web.api.fields import Whole
from bridge.web.api.models import Said, Taken
from bridge.web.links import HOURS, MOST_HOURS


class Link(Said):
    """A link by which whoever has it hears one recording, until it expires or is revoked."""

    id: int
    recording: str
    created_by: str
    recipient: str = Field(description="To whom it was mailed; empty for one that is passed on by hand.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opened: int
    last_opened_at: datetime | None
    good: bool


class MadeLink(Link):
    url: str = Field(description="Told this once: only its hash is kept.")


class NewLink(Taken):
    recipient: Annotated[str, StringConstraints(max_length=254)] = Field(
        "", description="A mail address that it is sent to; without one nothing is sent."
    )
    hours: Whole = Field(HOURS, ge=1, le=MOST_HOURS, description="How long it is good.")
    language: Literal["en", "ru"] | None = Field(
        None, description="Of the mail; that of Accept-Language if absent."
    )


class AuditEntry(Said):
    """What somebody did. It cannot be changed, here or anywhere."""

    id: int
    at: datetime
    by: str = Field(
        description="A log-in, `agent ID` for a phone, `token NAME`, `link` for who has one, `retention`."
    )
    action: str = Field(
        description="`listen`, `whisper`, `barge`, `take_over`, `leave`, `recording.listen`, "
        "`recording.download`, `recording.link`, `recording.link_opened`, `recording.link_revoked`, "
        "`recording.removed`, `recording.pause`, `recording.resume`; there may come more."
    )
    about: str = Field(description="An agent's id, or a recording's.")
    call_id: str | None
    detail: str = Field(description="From which address, to whom a link was given, and the like.")
