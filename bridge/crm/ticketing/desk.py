"""The one way in to tickets for pages, API, mail and time: rights, then rules, then the store and its log.

Only a call's own news passes by it (see crm/tickets.py): nobody is asked whether a call may have a ticket.
Each method is one transaction, but for those that open a call's ticket: they may be repeated.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from bridge.centre.facts import TicketAlarmed, TicketOpened
from bridge.centre.ids import CallId, TicketId
from bridge.config.rights import Action
from bridge.config.settings import Settings
from bridge.crm.attachments import Kept, Limits
from bridge.crm.ticketing import attaching, clocks, notices
from bridge.crm.ticketing.access import Actor as Actor
from bridge.crm.ticketing.access import Seen as Seen
from bridge.crm.ticketing.access import TicketAccess
from bridge.crm.ticketing.changing import Planned, Wish, planned, stage_of
from bridge.crm.ticketing.letters_out import demand_server, is_letter, letter
from bridge.crm.ticketing.rights import Who
from bridge.crm.ticketing.sla import Alarm
from bridge.crm.ticketing.statuses import FIRST, Anew, Moves
from bridge.crm.tickets import open_now, settle, tickets_by
from bridge.errors import N_, BadInput, InternalError, NoSuchAttachment, NoSuchEntry
from bridge.store import Store, SyncUnit, Unit
from bridge.store.entries import FROM_CLIENT
from bridge.store.rows import TicketRow
from bridge.store.ticket_merging import demand_open
from bridge.store.ticket_rows import AttachmentRow, Conflict, EntryRow, NewEntry
from bridge.store.tickets import TicketChange

_ENTRIES = {
    "note": Action.NOTE,
    "partner": Action.PARTNER,
    "mail_out": Action.REPLY,
    "message_out": Action.REPLY,
}
TO_CLIENT = frozenset({"mail_out", "message_out"})
ALARMED = "sla"  # the log's action
BY_TIME = Actor(Who(program=True), "")


@dataclass(frozen=True, slots=True)
class Anewed:
    """It was closed too long ago to be opened again: this one is new, and linked to it."""

    ticket: TicketRow
    why: str


def _nobody() -> None:
    """Nobody sends letters here."""


def _tell_nobody(_: TicketOpened | TicketAlarmed) -> None:
    pass


class TicketDesk(TicketAccess):
    """``tell``: of calls' tickets that are opened here, and of what is due, whoever lives by facts."""

    def __init__(
        self,
        store: Store,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
        tell: Callable[[TicketOpened | TicketAlarmed], None] = _tell_nobody,
    ) -> None:
        super().__init__(store, settings, now)
        self._tell = tell
        self.of_calls = tickets_by(settings)
        self.letter_waits: Callable[[], None] = _nobody  # to be sent

    # ── changing ─────────────────────────────────────────────────────────────

    async def create(
        self, actor: Actor, wish: Wish, source: str, *, call: str = "", note: str = ""
    ) -> TicketRow:
        """By hand, or by a program; of a call, and with a note, where these are given.

        Raises BadInput, WrongFields, NotAllowed.
        """
        async with self._store.unit() as unit:
            made = await unit.calls.get(call) if call else None
            involved = self._talked(actor.who, made, wish.get("department", ""))
            row = await self._create(
                unit, actor, cast("Wish", {"fields": {}, **wish}), source, involved=involved
            )
            if call:
                row = await unit.tickets.attach_call(call, row.id, by=actor.by, at=self._now())
                await self._demand(unit, actor, row, Action.EDIT)
            if note:
                await self._demand(unit, actor, row, Action.NOTE)
                await unit.entries.append(row.id, NewEntry("note", actor.by, self._now(), body=note))
            return row

    async def open_for_mail(self, unit: Unit, actor: Actor, wish: Wish) -> TicketRow:
        """A mail fills in no form: what it lacks is asked of the first who does, as with a call's."""
        return await self._create(unit, actor, wish, "mail")

    async def _create(
        self, unit: Unit, actor: Actor, wish: Wish, source: str, *, involved: bool = False
    ) -> TicketRow:
        rules, now = self.rules, self._now()
        department = rules.known_department(wish.get("department", ""))
        rules.rights.demand(actor.who, department, Action.CREATE, involved=involved)
        fresh = TicketRow(
            id=0,
            call=None,
            client=None,
            subject="",
            status=FIRST,
            priority="normal",
            department=department,
            assignee=None,
            solution="",
            created_at=now,
            updated_at=now,
        )
        plan = planned(rules, fresh, wish, now)
        change = cast("TicketChange", {"department": department, **plan.change})
        change.setdefault("status", FIRST)
        change |= self._at_first(fresh, change, now)
        return await unit.tickets.create(source=source, fields=change, by=actor.by, at=now)

    async def change(
        self, actor: Actor, id: int, wish: Wish, if_version: int | None
    ) -> TicketRow | Conflict | Anewed:
        """Conflict: somebody was faster, nothing is written. Raises as ``create``, and NoSuchTicket."""
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            if if_version is not None and row.version != if_version:
                return Conflict(row)
            now = self._now()
            plan = planned(self.rules, row, wish, now)
            await self._demand(unit, actor, row, *sorted(plan.needs, key=list(Action).index))
            if plan.anew is not None:
                return Anewed(await self._anew(unit, actor, row, plan.anew), plan.anew.why)
            return await self._write(unit, actor, row, plan, now)

    async def _anew(self, unit: Unit, actor: Actor, row: TicketRow, anew: Anew) -> TicketRow:
        """What it was about goes along; who had it, and what was done about it, does not."""
        now = self._now()
        change: TicketChange = {
            "client": row.client,
            "subject": row.subject,
            "department": row.department,
            "line": row.line,
            "classification": row.classification,
            "fields": row.fields,
            "priority": row.priority,
            "status": anew.status,
        }
        fresh = replace(
            row, created_at=now, closed_at=None, reacted_at=None, warned_at=None, escalated_at=None
        )
        change |= self._at_first(fresh, change, now)
        made = await unit.tickets.create(source=row.source, fields=change, by=actor.by, at=now)
        await unit.ticket_marks.link(row.id, made.id, "related", by=actor.by, at=now)
        return made

    # ── the thread ───────────────────────────────────────────────────────────

    @property
    def sends_letters(self) -> bool:
        """Else whoever writes one is refused."""
        return self._settings().mail is not None

    async def write(
        self,
        actor: Actor,
        id: int,
        entry: NewEntry,
        attached: Collection[int] = (),
        files: Collection[Kept] = (),
    ) -> EntryRow:
        """A note, a word to a supplier or to the client. A word to the client is a reaction.

        By mail it goes to whom ``entry.to`` names, else to the client; a word to a supplier only if somebody
        is named. It waits to be sent: its subject, ids and recipients are in the entry given back.
        ``attached``: files that the ticket has, or a template that fits it, which go with it; ``files``: new
        ones, see TicketFiles.
        """
        action = _ENTRIES.get(entry.kind)
        if action is None:
            raise BadInput(f"entry kind {entry.kind[:40]!r}: write one of {', '.join(_ENTRIES)}")
        if not entry.body.strip():
            raise BadInput(N_("entry body: it must not be empty"))
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            await self._demand(unit, actor, row, action, *((Action.ATTACH,) if files else ()))
            if is_letter(entry):
                entry = await letter(unit, self._settings().mail, row, entry)
            added = await unit.entries.append(id, entry)
            most, most_bytes = self._settings().tickets.attachments.most, Limits().ticket_bytes
            await attaching.send_along(
                unit, row, added, attached, files, most=most, most_bytes=most_bytes, by=actor.by
            )
            if entry.kind in TO_CLIENT and not entry.automatic and row.reacted_at is None:
                await self._reacted(unit, actor, id)
        if entry.delivery:
            self.letter_waits()
        return added

    async def send_again(self, actor: Actor, id: int, entry: int) -> EntryRow:
        """A letter that failed, or of which nobody knows: on somebody's word, it may come twice.

        Its id stays, so that mail programs may see that it is the same.
        """
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            found = await unit.entries.get(entry)
            if found is None or found.ticket != id:
                raise NoSuchEntry(f"entry {entry}: ticket {id} has none of this number")
            await self._demand(unit, actor, row, _ENTRIES.get(found.kind, Action.REPLY))
            demand_server(self._settings().mail)
            again = await unit.deliveries.once_more(entry, by=actor.by, at=self._now())
            if again is None:
                raise BadInput(
                    N_("entry %(entry)s: only what failed or is uncertain is sent again"), entry=entry
                )
        self.letter_waits()
        return again

    async def _reacted(self, unit: Unit, actor: Actor, id: int) -> None:
        row, now = await self._again(unit, id), self._now()
        if row.reacted_at is None:
            await self._write(unit, actor, row, Planned({"reacted_at": now}), now)

    async def client_wrote(self, actor: Actor, id: int, entry: NewEntry) -> tuple[EntryRow, TicketRow]:
        """The client's own word: what waited for him goes on, what was closed is opened, or begun anew.

        An automatic one is put down, and nothing else comes of it.
        """
        async with self._store.unit() as unit:
            return await self.client_wrote_within(unit, actor, id, entry)

    async def client_wrote_within(
        self, unit: Unit, actor: Actor, id: int, entry: NewEntry
    ) -> tuple[EntryRow, TicketRow]:
        if entry.kind not in FROM_CLIENT:
            raise BadInput(
                f"entry kind {entry.kind[:40]!r}: a client's word is one of {', '.join(FROM_CLIENT)}"
            )
        row = (await self.see(unit, actor, id)).ticket
        if row.merged_into is not None:
            row = (await self.see(unit, actor, row.merged_into)).ticket
        if entry.automatic:
            return await unit.entries.append(row.id, entry), await self._again(unit, row.id)
        now = self._now()
        outcome = self.rules.statuses.client_wrote(stage_of(row), now, assigned=row.assignee is not None)
        if isinstance(outcome, Anew):
            row = await self._anew(unit, actor, row, outcome)
        added = await unit.entries.append(row.id, entry)
        if isinstance(outcome, Moves):
            row = await self._moved(unit, actor, await self._again(unit, row.id), outcome, now)
        return added, row

    # ── tags, links, merging, calls ──────────────────────────────────────────

    async def set_tags(self, actor: Actor, id: int, tags: Collection[str]) -> tuple[str, ...]:
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            await self._demand(unit, actor, row, Action.TAG)
            return await unit.ticket_marks.set_tags(id, tags, by=actor.by, at=self._now())

    async def link(self, actor: Actor, a: int, b: int, kind: str, *, on: bool) -> None:
        """Both must be seen."""
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, a)).ticket
            await self.see(unit, actor, b)
            await self._demand(unit, actor, row, Action.LINK)
            do = unit.ticket_marks.link if on else unit.ticket_marks.unlink
            await do(a, b, kind, by=actor.by, at=self._now())

    async def merge(self, actor: Actor, source: int, target: int) -> TicketRow:
        """Both must be his to merge: what one holds moves to where others read it."""
        async with self._store.unit() as unit:
            for id in (source, target):
                await self._demand(unit, actor, (await self.see(unit, actor, id)).ticket, Action.MERGE)
            now = self._now()
            return await unit.tickets.merge(source, target, by=actor.by, at=now, closed_too=False)

    async def take_call(self, actor: Actor, call: str, ticket: int) -> TicketRow:
        """The call is about a ticket that is there: its own, if nobody has touched it, goes into that."""
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, ticket)).ticket
            await self._demand(unit, actor, row, Action.EDIT)
            if (own := await unit.tickets.by_call(call)) is None or own.id != row.id:
                demand_open(row)
            return await unit.tickets.attach_call(call, ticket, by=actor.by, at=self._now())

    # ── files: their bytes are kept by files.py ──────────────────────────────

    async def demand(self, actor: Actor, id: int, action: Action) -> None:
        """Before anything else is done, such as a file's first byte taken.

        Raises NoSuchTicket, NotAllowed, BadInput.
        """
        async with self._store.view() as unit:
            await self._demand(unit, actor, (await self._open(unit, actor, id)).ticket, action)

    async def attach(
        self, actor: Actor, id: int, kept: Kept, *, most: int, most_bytes: int, entry: int | None = None
    ) -> AttachmentRow:
        """To the ticket, or to one entry of it, which has at most ``most``. The same one is noted once."""
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            await self._demand(unit, actor, row, Action.ATTACH)
            return await attaching.attach(
                unit, id, kept, entry=entry, most=most, most_bytes=most_bytes, by=actor.by, at=self._now()
            )

    async def attachment(self, actor: Actor, id: int, attachment: int) -> AttachmentRow:
        """Raises NoSuchAttachment too where it is another ticket's."""
        async with self._store.view() as unit:
            await self.see(unit, actor, id)
            return await _attached(unit, id, attachment)

    async def remove_attachment(self, actor: Actor, id: int, attachment: int) -> AttachmentRow:
        async with self._store.unit() as unit:
            row = (await self._open(unit, actor, id)).ticket
            await self._demand(unit, actor, row, Action.DELETE_ATTACHMENT)
            found = await _attached(unit, id, attachment)
            await attaching.demand_removable(unit, found)
            await unit.attachments.remove(found.id, by=actor.by, at=self._now())
            return found

    async def open_for_call(self, actor: Actor, call: str) -> TicketRow:
        """The ticket of a call: the one that it has, or a new one with all that there is of the call.

        Raises BadInput when no such call is kept, NotAllowed.
        """
        tickets, agent = self.of_calls(), actor.who.agent
        row, case, involved = await self._store.read(
            lambda unit: (
                unit.tickets.by_call(call),
                unit.cases.of(call),
                agent is not None and unit.cases.talked(call, agent),
            )
        )
        if row is None and case is None:
            raise BadInput(N_("call %(call)s: there is no such call"), call=repr(call[:60]))
        if row is None and case is not None:
            department = tickets.department_of(case.queue)
            self.rules.rights.demand(actor.who, department, Action.CREATE, involved=involved)

            def opened(unit: SyncUnit) -> int | None:
                still = unit.cases.of(call)
                return None if still is None else open_now(unit, still, tickets, by=actor.by)

            self._tell_opened(call, await self._store.write(opened))
            row = await self._store.read(lambda unit: unit.tickets.by_call(call))
        if row is None:
            raise InternalError(f"the ticket of call {call} was neither opened nor there")
        async with self._store.view() as unit:
            return (await self.see(unit, actor, row.id)).ticket

    # ── time ─────────────────────────────────────────────────────────────────

    async def give_up_call(self, call: str) -> None:
        """Nothing more will be said of this call: its ticket is opened, unless it needs none."""
        tickets = self.of_calls()
        ticket = await self._store.write(lambda unit: settle(unit, call, tickets, given_up=True))
        self._tell_opened(call, ticket)

    def _tell_opened(self, call: str, ticket: int | None) -> None:
        if ticket is not None:
            self._tell(TicketOpened(CallId(call), TicketId(ticket)))

    async def close_by_itself(self, id: int) -> TicketRow | None:
        """A temporary status whose time is over. None: it has moved on meanwhile."""
        async with self._store.unit() as unit:
            row, now = await self._again(unit, id), self._now()
            outcome = self.rules.statuses.time_passed(stage_of(row), now)
            return await self._moved(unit, BY_TIME, row, outcome, now) if isinstance(outcome, Moves) else None

    async def sound_alarms(self, id: int) -> tuple[TicketRow, tuple[Alarm, ...]]:
        """What of its clocks is to be told now; it is kept that it was."""
        async with self._store.unit() as unit:
            row, now = await self._again(unit, id), self._now()
            history = await unit.ticket_changes.history(row, "status")
            due, change = clocks.told(self.rules, row, history, now)
            changed = await unit.tickets.change(
                id, if_version=None, fields=change, by="", at=now, action=ALARMED
            )
            await notices.tell(unit, self.rules, row, due, now)
        for alarm in due:
            self._tell(notices.alarmed(self.rules, row, alarm))
        return (changed if isinstance(changed, TicketRow) else row), due


async def _attached(unit: Unit, ticket: int, attachment: int) -> AttachmentRow:
    found = await unit.attachments.get(attachment)
    if found is None or found.ticket != ticket:
        raise NoSuchAttachment(f"ticket {ticket}: there is no such file")
    return found
