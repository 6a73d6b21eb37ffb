"""Owns how tickets are told by the API, and what the desk refuses: rows as models, errors as problems."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.attachments import BadAttachment
from bridge.crm.ticketing.desk import Seen
from bridge.errors import (
    BadInput,
    NoSuchAttachment,
    NoSuchEntry,
    NoSuchTemplate,
    NoSuchTicket,
    NotAllowed,
    WrongFields,
)
from bridge.store import Unit
from bridge.store.entries import VISIBLE_TO_CLIENT
from bridge.store.rows import RecordingRow, TicketRow
from bridge.store.ticket_changes import as_text
from bridge.store.ticket_rows import AttachmentRow, ChangeRow, EntryRow
from bridge.web.api import ticket_models as models
from bridge.web.api import ticket_set_models as set_models
from bridge.web.api.models import TicketRecording
from bridge.web.api.operations import PREFIX
from bridge.web.api.records import state_of, url_of
from bridge.web.api.unfit import wrong_fields
from bridge.web.forms import path_number
from bridge.web.problems import Problem, not_found
from bridge.web.sight import sight_of


@contextmanager
def refusals() -> Iterator[None]:
    """The desk's refusals as problems. What is wrong with one field of a body is to be told before."""
    try:
        yield
    except NoSuchTicket:
        raise not_found("There is no such ticket.") from None
    except NoSuchAttachment:
        raise not_found("There is no such file on this ticket or template.") from None
    except NoSuchEntry:
        raise not_found("There is no such entry in this ticket's thread.") from None
    except NoSuchTemplate:
        raise not_found("There is no such template.") from None
    except NotAllowed as error:
        raise Problem(HTTPStatus.FORBIDDEN, str(error), kind="not-allowed") from None
    except WrongFields as error:
        raise wrong_fields(error.faults) from None
    except BadAttachment as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    except BadInput as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from None


def ticket_number(request: web.Request, name: str = "id") -> int:
    number = path_number(request, name)
    if number is None:
        raise not_found("There is no such ticket.")
    return number


# ── from rows to models ──────────────────────────────────────────────────────


async def listed(unit: Unit, request: web.Request, rows: Sequence[TicketRow]) -> list[models.Ticket]:
    tags = await unit.ticket_marks.tags([row.id for row in rows])
    calls = await unit.tickets.calls_of_each([row.id for row in rows])
    recordings = await _recordings(unit, request, rows, calls)
    return [
        models.Ticket.model_validate(_fields(row, tags.get(row.id, ()), recordings[row.id])) for row in rows
    ]


async def whole(unit: Unit, request: web.Request, seen: Seen) -> models.WholeTicket:
    row = seen.ticket
    calls = await unit.tickets.calls_of_each([row.id])
    tags = await unit.ticket_marks.tags([row.id])
    links = await unit.ticket_marks.links(row.id)
    recordings = await _recordings(unit, request, [row], calls)
    return models.WholeTicket.model_validate(
        {
            **_fields(row, tags.get(row.id, ()), recordings[row.id]),
            "calls": calls.get(row.id, []),
            # No more of the other one: whether its text may be read is asked there.
            "links": [{"ticket": link.ticket.id, "kind": link.kind} for link in links],
            "may": [action for action in Action if action in seen.may],
        }
    )


def _fields(row: TicketRow, tags: Sequence[str], recordings: Sequence[TicketRecording]) -> dict[str, object]:
    kept = {name: value for name, value in asdict(row).items() if name in models.Ticket.model_fields}
    fields = {key: as_text(value) for key, value in row.fields.items()}
    return {**kept, "call_id": row.call, "fields": fields, "tags": list(tags), "recordings": list(recordings)}


async def _recordings(
    unit: Unit, request: web.Request, rows: Sequence[TicketRow], calls: Mapping[int, Sequence[str]]
) -> dict[int, list[TicketRecording]]:
    """By ticket: those of its calls that may be heard."""
    sight = sight_of(request)
    found: dict[str, list[RecordingRow]] = {}
    for one in await unit.recordings.of_calls([call for those in calls.values() for call in those]):
        found.setdefault(one.call, []).append(one)
    shown: dict[int, list[TicketRecording]] = {row.id: [] for row in rows}
    for row in rows:
        for call in calls.get(row.id, ()):
            # Of who hears everything, as a program does, no call is looked at.
            if call in found and (sight.hears(None, row) or sight.hears(await unit.calls.get(call), row)):
                shown[row.id] += [_recording(one) for one in found[call]]
    return shown


def _recording(row: RecordingRow) -> TicketRecording:
    kept = {name: getattr(row, name) for name in ("id", "duration_ms", "channels", "sha256", "removed_at")}
    return TicketRecording.model_validate({**kept, "state": state_of(row), "url": url_of(row)})


def entry(row: EntryRow, files: Sequence[AttachmentRow] = ()) -> models.Entry:
    return models.Entry.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "seen_by_client": row.kind in VISIBLE_TO_CLIENT,
            "at": row.at,
            "author": row.author,
            "subject": row.subject,
            "body": row.body,
            "call_id": row.call,
            "to": row.to,
            "cc": row.cc,
            "delivery": row.delivery,
            "fault": row.fault,
            "marks": _marks(row.marks),
            "attachments": [attachment(one) for one in files],
        }
    )


def _marks(kept: Mapping[str, Any]) -> dict[str, object]:
    """What is not so is told as empty."""
    refused = [one for one in kept.get("refused") or () if isinstance(one, Mapping)]
    numbers = {name: kept.get(name) for name in ("bytes", "quoted_from")}
    words = {name: str(kept.get(name) or "") for name in ("automatic", "way", "sender", "reply_to", "place")}
    return {
        "stranger": bool(kept.get("stranger")),
        "faults": [str(one) for one in kept.get("faults") or ()],
        "refused": [
            {name: str(one.get(name, "")) for name in models.RefusedFile.model_fields} for one in refused
        ],
        "written_at": kept.get("date"),
        **numbers,
        **words,
    }


def attachment(row: AttachmentRow) -> models.Attachment:
    return models.Attachment(
        id=row.id,
        entry=row.entry,
        name=row.name,
        media_type=row.media_type,
        bytes=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        by=row.by,
        url=f"{PREFIX}/tickets/{row.ticket}/attachments/{row.id}/content",
    )


def template_file(row: AttachmentRow) -> set_models.TemplateFile:
    return set_models.TemplateFile(
        id=row.id,
        name=row.name,
        media_type=row.media_type,
        bytes=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        by=row.by,
        url=f"{PREFIX}/templates/{row.template}/attachments/{row.id}/content",
    )


def log_entry(row: ChangeRow) -> models.TicketLogEntry:
    return models.TicketLogEntry(
        id=row.id,
        at=row.at,
        by=row.by,
        action=row.action,
        field=row.field,
        before=row.before,
        after=row.after,
    )
