"""What may stand in a ticket's fields, and which of its clocks runs out first. Values only: no query.

Statuses, classes and custom fields are configured, so what is right there is not for the store to say.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from bridge.errors import BadInput
from bridge.store.rows import TicketRow

STATUSES = ("open", "in_progress", "done")
PRIORITIES = ("normal", "medium", "urgent", "critical")
SOURCES = ("call", "mail", "web", "api")
MAX_FIELDS = 100_000  # bytes of all custom fields together
LONGEST = {
    "subject": 500,
    "status": 100,
    "department": 200,
    "solution": 20_000,
    "assignee": 100,
    "disposition": 100,
    "classification": 500,
}


def one_of(field: str, value: Any, allowed: tuple[str, ...]) -> str:
    for word in allowed:
        if value == word:
            return word
    raise BadInput(f"ticket {field} {str(value)[:40]!r}: it must be one of {', '.join(allowed)}")


def text_of(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadInput(f"ticket {field}: it must be text")
    longest = LONGEST[field]
    if len(value) > longest:
        raise BadInput(f"ticket {field}: {len(value)} characters; at most {longest} are kept")
    return value


def checked(field: str, value: Any) -> Any:
    """The value as it is kept. Raises BadInput. Whether a client exists is asked elsewhere."""
    match field:
        case "priority":
            return one_of(field, value, PRIORITIES)
        case "assignee":
            return None if value is None else text_of(field, value) or None
        case "subject":
            text = " ".join(text_of(field, value).split())
            if not text:
                raise BadInput("ticket subject: it must not be empty")
            return text
        case "status":
            if not text_of(field, value):
                raise BadInput("ticket status: it must not be empty")
            return value
        case "line":
            if isinstance(value, bool) or value not in (1, 2, 3):
                raise BadInput(f"ticket line {str(value)[:40]!r}: it must be 1, 2 or 3")
            return value
        case "reopened":
            if not isinstance(value, int) or value < 0:
                raise BadInput("ticket reopened: it must be a count")
            return value
        case "fields":
            return _fields(value)
        case _ if field in LONGEST:
            return text_of(field, value)
        case _:
            if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
                raise BadInput(f"ticket {field}: it must be a time with its zone")
            return value


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput("ticket fields: it must be an object")
    try:
        size = len(msgspec.json.encode(value))
    except (TypeError, ValueError, UnicodeError) as error:
        raise BadInput(f"ticket fields: they cannot be kept as JSON: {error}") from error
    if _has_nul(value):
        raise BadInput("ticket fields: the character NUL cannot be kept; leave it out")
    if size > MAX_FIELDS:
        raise BadInput(f"ticket fields: {size} bytes; at most {MAX_FIELDS} are kept")
    return dict(value)


def _has_nul(value: Any) -> bool:
    """PostgreSQL reads no JSON text that has it."""
    match value:
        case str():
            return "\0" in value
        case Mapping():
            return any(_has_nul(one) for pair in value.items() for one in pair)
        case list() | tuple():
            return any(_has_nul(one) for one in value)
        case _:
            return False


def due_at(closed: datetime | None, values: Mapping[str, Any]) -> datetime | None:
    """Of the two clocks the one that runs out first; None when none runs. ``values``: a ticket's fields."""
    if closed is not None:
        return None
    running = [
        values["reaction_due_at"] if values["reacted_at"] is None else None,
        values["resolution_due_at"] if values["clock_stopped_at"] is None else None,
    ]
    return min((at for at in running if at is not None), default=None)


def waiting_since(before: TicketRow, values: Mapping[str, Any]) -> datetime | None:
    """Since when the client waits for us; None when he does not."""
    if values["closed_at"] is not None:
        return None
    reacted: datetime | None = values["reacted_at"]
    if reacted is None:
        return before.created_at
    if before.reacted_at is None and (
        before.last_from_client_at is None or before.last_from_client_at <= reacted
    ):
        return None
    return before.waiting_since
