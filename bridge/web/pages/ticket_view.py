"""Owns what a ticket's page shows, gathered: the thread, what is due and why, what may be done by whom."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.ticketing import clocks
from bridge.crm.ticketing.attaching import LETTER_BYTES, may_go_along
from bridge.crm.ticketing.desk import Seen
from bridge.crm.ticketing.letters_out import answer_of
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.sla import Clock, Due, Rule
from bridge.store import Unit
from bridge.store.deliveries import AGAIN
from bridge.store.entries import FROM_CLIENT, VISIBLE_TO_CLIENT
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import AttachmentRow, EntryRow
from bridge.web.actors import actor_of
from bridge.web.beside import beside
from bridge.web.choices import dispositions, values
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.pages.calls import names_of
from bridge.web.pages.contacts import Contact, contacts_of
from bridge.web.pages.letter_remarks import Remarks, remarks_of
from bridge.web.parts import WebParts
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
    may_again: bool = False  # a letter that he may have sent again
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def is_message(self) -> bool:
        """Of a chat: a line or two, without a subject."""
        return self.entry is not None and self.entry.kind in ("message_in", "message_out")

    @property
    def text(self) -> str:
        """Without the quotation at its end."""
        return self.entry.body[: self._quoted_from] if self.entry is not None else ""

    @property
    def quoted(self) -> str:
        return self.entry.body[self._quoted_from :] if self.entry is not None else ""

    @property
    def _quoted_from(self) -> int:
        entry = self.entry
        body = entry.body if entry is not None else ""
        marked = entry.marks.get("quoted_from") if entry is not None else None
        # Nothing but a quotation is what was written.
        return marked if isinstance(marked, int) and body[:marked].strip() else len(body)

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
    cc: str = ""
    supplier: str = ""  # whom a word to a supplier goes to by mail; empty: it is only written down
    attached: tuple[int, ...] = ()  # files that go with it: the ticket's, or a template's


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
    draft_faults: Mapping[str, str] | None = None,
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
    modes = tuple(
        mode for mode in MODES if _RIGHTS[mode] in may and (mode != "mail_out" or parts.tickets.sends_letters)
    )
    gettext = renderer_of(request).languages[language].gettext
    turns = [
        Turn(
            entry.at,
            entry,
            files=_of(files, entry.id),
            may_again=_may_again(parts, entry, may),
            remarks=remarks_of(entry, gettext),
        )
        for entry in entries.items
    ]
    turns += [Turn(one.call.offered_at, contact=one) for one in calls if first_page]
    heard = [recording for one in calls for recording in one.recordings]
    history = await unit.ticket_changes.history(row, "status")
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
        "draft": draft or await _fresh(unit, modes, row),
        "draft_faults": draft_faults or {},
        "along": await files_along(unit, row, draft.attached if draft else ()),
        "sends_letters": parts.tickets.sends_letters,
        "templates": await unit.templates.all([row.department]) if modes else [],
        "dispositions": offered_dispositions(request, row),
        "takes_files": parts.files is not None,
        "largest": parts.files.largest if parts.files is not None else 0,
        "letter_bytes": LETTER_BYTES,
        **names_of(request),
    }


async def files_along(unit: Unit, row: TicketRow, ids: Collection[int]) -> list[AttachmentRow]:
    """Those of them that are still there, and may go with what is written to this ticket."""
    found = [await unit.attachments.get(id) for id in dict.fromkeys(ids)]
    return [one for one in found if one is not None and await may_go_along(unit, one, row)]


async def _fresh(unit: Unit, modes: tuple[str, ...], row: TicketRow) -> Draft:
    """Shown before anything is sent: whom an answer goes to, and what it answers."""
    kind = modes[0] if modes else "note"
    if "mail_out" not in modes:
        return Draft(kind, subject=row.subject)
    answer = await answer_of(unit, row)
    return Draft(kind, answer.to, answer.subject, answers=answer.in_reply_to)


def _may_again(parts: WebParts, entry: EntryRow, may: frozenset[Action]) -> bool:
    right = _RIGHTS.get(entry.kind)
    return entry.delivery in AGAIN and right in may and parts.tickets.sends_letters


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
