"""Owns what a ticket's page shows, gathered: the thread, what is due and why, what may be done by whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.ticketing import clocks
from bridge.crm.ticketing.desk import Seen
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.sla import Clock, Due, Rule
from bridge.store import Unit
from bridge.store.entries import FROM_CLIENT, VISIBLE_TO_CLIENT
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import AttachmentRow, EntryRow
from bridge.web.actors import actor_of
from bridge.web.beside import beside
from bridge.web.choices import dispositions, values
from bridge.web.context import language_of, parts_of
from bridge.web.pages.calls import names_of
from bridge.web.pages.contacts import Contact, contacts_of
from bridge.web.sight import sight_of
from bridge.web.ticket_form import form_of_ticket

_ENTRIES = 50
_CALLS = 20
MODES = ("note", "partner", "mail_out")
_RIGHTS = {"note": Action.NOTE, "partner": Action.PARTNER, "mail_out": Action.REPLY}


@dataclass(frozen=True, slots=True)
class Turn:
    """One contribution to the thread: a call, or an entry with its files."""

    at: datetime
    entry: EntryRow | None = None
    contact: Contact | None = None
    files: tuple[AttachmentRow, ...] = ()

    @property
    def side(self) -> str:
        """How it is drawn: the client sees "client" and "reply", and never "note" and "partner"."""
        if self.entry is None or self.entry.kind == "call":
            return "call"
        if self.entry.kind in FROM_CLIENT:
            return "client"
        return "reply" if self.entry.kind in VISIBLE_TO_CLIENT else self.entry.kind


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the composer."""

    kind: str = "note"
    to: str = ""
    subject: str = ""
    body: str = ""
    answers: str = ""  # the message id of the letter that it answers


@dataclass(frozen=True, slots=True)
class DueView:
    clock: str  # "reaction" | "resolution"
    state: str  # "running" | "soon" | "overdue" | "standing" | "kept" | "missed"
    at: datetime | None
    rule: Rule


async def ticket_context(
    request: web.Request,
    unit: Unit,
    seen: Seen,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    draft: Draft | None = None,
) -> dict[str, Any]:
    parts, row = parts_of(request), seen.ticket
    rules, language = parts.tickets.rules, language_of(request)
    may = seen.may if row.merged_into is None else seen.may & {Action.READ}
    entries = await unit.entries.page(
        row.id, request.query.get("cursor") or None, _ENTRIES, newest_first=True
    )
    files = await unit.attachments.of_ticket(row.id)
    calls = await _calls(request, unit, row)
    first_page = "cursor" not in request.query
    turns = [Turn(entry.at, entry, files=_of(files, entry.id)) for entry in entries.items]
    turns += [Turn(one.call.offered_at, contact=one) for one in calls if first_page]
    heard = [recording for one in calls for recording in one.recordings]
    history = await unit.ticket_changes.history(row, "status")
    letter = next((one for one in entries.items if one.kind == "mail_in"), None)
    modes = tuple(
        mode for mode in MODES if _RIGHTS[mode] in may and (mode != "mail_out" or parts.mailer is not None)
    )
    tags, links = await unit.ticket_marks.tags([row.id]), await unit.ticket_marks.links(row.id)
    return {
        "ticket": row,
        "client": await unit.clients.get(row.client) if row.client else None,
        "form": form_of_ticket(rules, row, may, language, typed=typed, faults=faults),
        "may": {action.value for action in may},
        "turns": sorted(turns, key=lambda turn: turn.at, reverse=True),
        "cursor": entries.cursor,
        "around": await beside(unit, heard),
        "hidden": sight_of(request).refusal,
        "dues": dues_of(rules, row, history, datetime.now(UTC)),
        "files": files,
        "tags": tags.get(row.id, ()),
        "links": links,
        "readable": {
            one.id
            for one in await parts.tickets.readable(unit, actor_of(request), [one.ticket for one in links])
        },
        "modes": modes,
        "draft": draft or _fresh(modes, letter, row),
        "templates": await unit.templates.all([row.department]) if modes else [],
        "dispositions": offered_dispositions(request, row),
        "takes_files": parts.files is not None,
        **names_of(request),
    }


def _fresh(modes: tuple[str, ...], letter: EntryRow | None, row: TicketRow) -> Draft:
    """An answer goes to who wrote last, about the same."""
    kind = modes[0] if modes else "note"
    if letter is None:
        return Draft(kind, subject=row.subject)
    return Draft(kind, letter.author, letter.subject or row.subject, answers=letter.message_id or "")


def offered_dispositions(request: web.Request, row: TicketRow) -> tuple[str, ...]:
    """The plan's. What the ticket has stays a valid choice, also when the plan has it no longer."""
    known = values(dispositions(parts_of(request).plan()))
    return known if row.disposition in (*known, "") else (*known, row.disposition)


def dues_of(rules: Rules, row: TicketRow, history: clocks.History, now: datetime) -> tuple[DueView, ...]:
    deadlines, progress = clocks.deadlines_of(rules, row, history), clocks.progress_of(row)
    both = ((Clock.REACTION, deadlines.reaction), (Clock.RESOLUTION, deadlines.resolution))
    return tuple(
        DueView(clock.value, _state(due, progress.ended(clock), now), due.at, due.rule)
        for clock, due in both
        if due is not None
    )


def due_state(row: TicketRow, now: datetime) -> str:
    """Of a list's line, by what is kept on it."""
    if row.due_at is None:
        return ""
    if row.due_at <= now:
        return "overdue"
    return "soon" if row.warned_at is not None else "running"


def _state(due: Due, ended: datetime | None, now: datetime) -> str:
    if ended is not None:
        return "kept" if due.at is None or ended <= due.at else "missed"
    if due.at is None:
        return "standing"
    if due.at <= now:
        return "overdue"
    return "soon" if due.warn_at is not None and due.warn_at <= now else "running"


def _of(files: list[AttachmentRow], entry: int) -> tuple[AttachmentRow, ...]:
    return tuple(one for one in files if one.entry == entry)


async def _calls(request: web.Request, unit: Unit, row: TicketRow) -> tuple[Contact, ...]:
    found = [await unit.calls.get(id) for id in (await unit.tickets.calls_of(row.id))[-_CALLS:]]
    return await contacts_of(unit, [call for call in found if call is not None], sight_of(request))
