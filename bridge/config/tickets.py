"""Tickets: their statuses, how long a closed one may be opened again, and what may be attached.

What belongs to a department (lines, rights, classes, fields, hours, SLA) is in departments.py.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bridge.config.fields import Label, LabelSettings, Name, Path, Section
from bridge.config.hours import HoursSettings

TicketPriority = Literal["normal", "medium", "urgent", "critical"]
PRIORITIES: tuple[TicketPriority, ...] = ("normal", "medium", "urgent", "critical")


class Policy(Enum):
    """Which calls of a queue become tickets by themselves."""

    EVERY_CALL = "every_call"
    UNRESOLVED = "unresolved"  # those of which nobody said that they are resolved
    ON_REQUEST = "on_request"  # those that an agent opens one for


class StatusKind(Enum):
    """What a status means, whatever it is called."""

    OPEN = "open"  # nobody has begun
    WORKING = "working"
    WAITING = "waiting"  # for the client: the clock of the resolution stands
    TEMPORARY = "temporary"  # as good as closed: closes by itself unless the client writes; that clock stands
    CLOSED = "closed"


class StatusSettings(Section):
    title: Label | None = Field(default=None, description="of the given ones their own if absent")
    kind: StatusKind | None = Field(default=None, description="not of the given ones, which have their own")
    closes_after_hours: int | None = Field(
        default=None, ge=1, le=24 * 365, description="of a temporary one; by the clock, not in working hours"
    )
    closes_as: Name | None = Field(default=None, description="of a temporary one; done if absent")

    @model_validator(mode="after")
    def _closes_if_temporary(self) -> "StatusSettings":
        temporary = self.kind is StatusKind.TEMPORARY
        if temporary and self.closes_after_hours is None:
            raise ValueError("a temporary status closes by itself: add closes_after_hours")
        if not temporary and (self.closes_after_hours is not None or self.closes_as is not None):
            raise ValueError("only a temporary status closes by itself: write kind: temporary")
        return self


class Status(Section):
    """One status with everything said."""

    name: str
    title: LabelSettings
    kind: StatusKind
    closes_after: timedelta | None = None
    closes_as: str = ""


GIVEN: Mapping[str, tuple[StatusKind, LabelSettings]] = {
    "open": (StatusKind.OPEN, LabelSettings(en="Open", ru="Открыто")),
    "in_progress": (StatusKind.WORKING, LabelSettings(en="In progress", ru="В процессе")),
    "done": (StatusKind.CLOSED, LabelSettings(en="Done", ru="Выполнено")),
}


def _media_type(value: str) -> str:
    kind, _, rest = value.partition("/")
    words = (kind, rest)
    if not all(word and word.replace("-", "").replace(".", "").replace("+", "").isalnum() for word in words):
        raise ValueError(f"“{value[:60]}” is not a media type: write image/png")
    return value.lower()


MediaType = Annotated[str, Field(max_length=127), AfterValidator(_media_type)]


class AttachmentSettings(Section):
    directory: Path = "/var/lib/callbridge/attachments"
    largest_mb: int = Field(default=20, ge=1, le=1000, description="of one file, in MiB")
    most: int = Field(default=20, ge=1, le=1000, description="in one message or note")
    types: tuple[MediaType, ...] = Field(
        default=(
            "image/png",
            "image/jpeg",
            "image/gif",
            "image/webp",
            "application/pdf",
            "text/plain",
            "text/csv",
            "application/zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.spreadsheet",
            "audio/ogg",
            "audio/wav",
        ),
        max_length=200,
        description="media types that are taken; what a file says it is must also be what is in it",
    )


class TicketSettings(Section):
    statuses: dict[Name, StatusSettings] = Field(
        default_factory=dict,
        max_length=50,
        description="beside open, in_progress and done, which are always there; in the order of the lists",
        examples=[{"waiting": {"title": {"en": "Waiting", "ru": "Ждём клиента"}, "kind": "waiting"}}],
    )
    reopen_days: int = Field(
        default=14, ge=0, le=3650, description="later a new ticket is linked to the closed one; 0 is never"
    )
    no_reaction_hours: int = Field(
        default=3, ge=1, le=8760, description="of the filter “no reaction”, where nobody says otherwise"
    )
    resolved: tuple[Name, ...] = Field(
        default=("resolved", "wrong_number", "no_answer_needed"),
        max_length=10,
        description="dispositions that leave nothing to do: no ticket where a queue says unresolved",
    )
    hours: HoursSettings | None = Field(
        default=None, description="of departments without hours of their own; round the clock if absent"
    )
    attachments: AttachmentSettings = AttachmentSettings()

    def all_statuses(self) -> tuple[Status, ...]:
        """In the order of the file; given ones that it does not name where they belong."""
        order = [name for name in ("open", "in_progress") if name not in self.statuses]
        order += list(self.statuses)
        order += [] if "done" in self.statuses else ["done"]
        return tuple(self._status(name) for name in order)

    def _status(self, name: str) -> Status:
        own = self.statuses.get(name, StatusSettings())
        # The checks see to it that each one of the company's own has a kind and a title.
        kind, title = GIVEN.get(name, (StatusKind.WORKING, LabelSettings(en=name, ru=name)))
        hours = own.closes_after_hours
        return Status(
            name=name,
            title=own.title or title,
            kind=own.kind or kind,
            closes_after=None if hours is None else timedelta(hours=hours),
            closes_as="" if hours is None else own.closes_as or "done",
        )
