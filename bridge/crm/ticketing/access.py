"""Who sees which ticket, and how a change of it is written: what every way in to tickets needs.

The ways in themselves are in desk.py, which is the only one that makes use of this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from bridge.config.rights import Action
from bridge.config.settings import Settings
from bridge.crm.ticketing import clocks
from bridge.crm.ticketing.changing import Planned, moved, with_change
from bridge.crm.ticketing.rights import Who, word_for
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.statuses import Moves
from bridge.errors import N_, BadInput, InternalError, NoSuchTicket, NotAllowed
from bridge.store import Store, Unit
from bridge.store.rows import CallRow, TicketRow
from bridge.store.ticket_query import TicketQuery
from bridge.store.ticket_rows import Conflict
from bridge.store.tickets import TicketChange


@dataclass(frozen=True, slots=True)
class Actor:
    """``by``: as the log names him, a login or "token crm"."""

    who: Who
    by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket as somebody may see it, and what he may do with it."""

    ticket: TicketRow
    may: frozenset[Action]


class TicketAccess:
    """``settings`` and ``now`` as they are when they are asked."""

    def __init__(self, store: Store, settings: Callable[[], Settings], now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._rules: tuple[Settings, Rules] | None = None

    @property
    def settings(self) -> Settings:
        """As the file is now; so are its rules."""
        return self._settings()

    @property
    def now(self) -> datetime:
        return self._now()

    @property
    def rules(self) -> Rules:
        settings = self._settings()
        if self._rules is None or self._rules[0] is not settings:
            self._rules = settings, Rules(settings)
        return self._rules[1]

    # ── seeing ───────────────────────────────────────────────────────────────

    async def see(self, unit: Unit, actor: Actor, id: int) -> Seen:
        """Raises NoSuchTicket, NotAllowed."""
        row = await unit.tickets.get(id)
        if row is None:
            raise NoSuchTicket(f"ticket {id}: there is no such ticket")
        involved = await self._is_involved(unit, actor.who, row)
        rights = self.rules.rights
        rights.demand(actor.who, row.department, Action.READ, involved=involved)
        return Seen(row, rights.actions(actor.who, row.department, involved=involved))

    def narrowed(self, actor: Actor, query: TicketQuery, action: Action = Action.READ) -> TicketQuery:
        """The same list without what he may not read, or export. Raises NotAllowed where that is all of it.

        Who asks for his own tickets alone has them of every department: he is involved in them.
        """
        agent = actor.who.agent
        own = agent is not None and query.assignees == frozenset({agent}) and not query.unassigned
        where = self.rules.rights.where(actor.who, action, involved=own)
        if where is None:
            return query
        if not where and action is not Action.READ:
            raise NotAllowed(
                N_("tickets: you may not %(action)s those of any department; ask a supervisor"),
                action=word_for(action),
            )
        departments = where if query.departments is None else where & query.departments
        return replace(query, departments=departments)

    async def readable(self, unit: Unit, actor: Actor, rows: Sequence[TicketRow]) -> list[TicketRow]:
        """Those of them that he may read, in their order."""
        rights, who = self.rules.rights, actor.who
        hidden = [row.id for row in rows if not rights.may(who, row.department, Action.READ)]
        talked = await unit.tickets.talked_in(hidden, who.agent) if hidden and who.agent is not None else ()

        def involved(row: TicketRow) -> bool:
            return who.agent is not None and (row.assignee == who.agent or row.id in talked)

        return [row for row in rows if rights.may(who, row.department, Action.READ, involved=involved(row))]

    def opens_in(self, actor: Actor, call: CallRow | None = None) -> frozenset[str]:
        """Departments where he may open a ticket, of this call if it is named."""
        rights, who = self.rules.rights, actor.who
        return frozenset(
            name
            for name in self.rules.names
            if rights.may(who, name, Action.CREATE, involved=self._talked(who, call, name))
        )

    def _talked(self, who: Who, call: CallRow | None, department: str) -> bool:
        """Whether he talked in this call of the department's."""
        if call is None or who.agent is None or department != self.settings.department_of(call.queue):
            return False
        return any(leg.agent == who.agent and leg.answered_at is not None for leg in call.legs)

    async def _is_involved(self, unit: Unit, who: Who, row: TicketRow) -> bool:
        if who.agent is None:
            return False
        return row.assignee == who.agent or row.id in await unit.tickets.talked_in([row.id], who.agent)

    async def _open(self, unit: Unit, actor: Actor, id: int) -> Seen:
        """To be changed."""
        seen = await self.see(unit, actor, id)
        if seen.ticket.merged_into is not None:
            raise BadInput(
                N_("ticket %(ticket)s: it was merged into %(into)s; change that one"),
                ticket=id,
                into=seen.ticket.merged_into,
            )
        return seen

    async def _demand(self, unit: Unit, actor: Actor, row: TicketRow, *actions: Action) -> None:
        involved = await self._is_involved(unit, actor.who, row)
        for action in actions:
            self.rules.rights.demand(actor.who, row.department, action, involved=involved)

    # ── writing ──────────────────────────────────────────────────────────────

    async def _write(
        self, unit: Unit, actor: Actor, row: TicketRow, plan: Planned, now: datetime
    ) -> TicketRow | Conflict:
        change = cast("TicketChange", {**plan.change, **await self._clocks(unit, row, plan.change, now)})
        if not change:
            return row
        changed = await unit.tickets.change(
            row.id, if_version=row.version, fields=change, by=actor.by, at=now
        )
        if changed is None:
            raise NoSuchTicket(f"ticket {row.id}: there is no such ticket")
        return changed

    def _at_first(self, fresh: TicketRow, change: TicketChange, now: datetime) -> TicketChange:
        row = with_change(fresh, change)
        return clocks.kept(self.rules, row, [(now, row.status)], now)

    async def _clocks(self, unit: Unit, row: TicketRow, change: TicketChange, now: datetime) -> TicketChange:
        if not clocks.moves(change):
            return {}
        history = await unit.ticket_changes.history(row, "status")
        if change.get("status", row.status) != row.status:
            history.append((now, change["status"]))
        return clocks.kept(self.rules, with_change(row, change), history, now)

    async def _again(self, unit: Unit, id: int) -> TicketRow:
        """As it is after what this transaction has done."""
        row = await unit.tickets.get(id)
        if row is None:
            raise NoSuchTicket(f"ticket {id}: there is no such ticket")
        return row

    async def _moved(
        self, unit: Unit, actor: Actor, row: TicketRow, outcome: Moves, now: datetime
    ) -> TicketRow:
        written = await self._write(unit, actor, row, Planned(moved(row, outcome, now)), now)
        if isinstance(written, Conflict):
            raise InternalError(f"ticket {row.id} changed within its own transaction")
        return written
