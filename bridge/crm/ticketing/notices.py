"""Notices of tickets that are soon due or overdue, on the screens of those whose business they are.

Who is told is decided when it happens, and kept; whether he may read the ticket is asked each time when his
screen is drawn. A notice is gone when he puts it away, or when it is not true any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bridge.centre.facts import TicketAlarmed
from bridge.centre.ids import AgentId, TicketId
from bridge.config.rights import Role
from bridge.crm.ticketing.access import Actor, TicketAccess
from bridge.crm.ticketing.rights import Who
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.sla import Alarm, Step, told
from bridge.errors import NoSuchTicket, NotAllowed
from bridge.store import Store, Unit
from bridge.store.rows import TicketRow, UserRow
from bridge.store.ticket_rows import NoticeRow

KEPT = timedelta(days=30)
_MOST = 50


class TicketNotices:
    """``user``: the number of a log-in."""

    def __init__(self, store: Store, access: TicketAccess) -> None:
        self._store = store
        self._access = access

    async def of(self, actor: Actor, user: int) -> Sequence[NoticeRow]:
        """The latest first, without those of tickets that he may not read."""
        async with self._store.view() as unit:
            rows = await unit.notices.of(user, _MOST)
            return [row for row in rows if await self._reads(unit, actor, row.ticket.id)]

    async def put_away(self, user: int, ticket: int, clock: str) -> None:
        async with self._store.unit() as unit:
            await unit.notices.put_away(user, ticket, clock)

    async def put_all_away(self, user: int) -> None:
        async with self._store.unit() as unit:
            await unit.notices.put_all_away(user)

    async def _reads(self, unit: Unit, actor: Actor, ticket: int) -> bool:
        try:
            await self._access.see(unit, actor, ticket)
        except (NotAllowed, NoSuchTicket):
            return False
        return True


async def tell(unit: Unit, rules: Rules, row: TicketRow, alarms: Iterable[Alarm], now: datetime) -> None:
    """Within the very unit that keeps that they were sounded."""
    users: Sequence[UserRow] = ()
    for alarm in alarms:
        users = users or await unit.users.all()
        whom = _reached(rules, row, alarm.step, users)
        await unit.notices.tell(whom, row.id, [(alarm.clock.value, alarm.step.value, alarm.due_at)], now)
    if users:
        await unit.notices.sweep(now - KEPT)


def alarmed(rules: Rules, row: TicketRow, alarm: Alarm) -> TicketAlarmed:
    agents = told(alarm.step, rules.department_or_none(row.department), row.assignee, row.line)
    return TicketAlarmed(
        TicketId(row.id),
        alarm.clock.value,
        alarm.step.value,
        alarm.due_at,
        tuple(AgentId(agent) for agent in agents),
    )


def _reached(rules: Rules, row: TicketRow, step: Step, users: Sequence[UserRow]) -> set[int]:
    """Of the overdue, where none of the department's own supervisors signs in, those of the whole centre."""
    department = rules.department_or_none(row.department)
    agents = told(step, department, row.assignee, row.line)
    found = {user.id for user in users if user.agent in agents}
    named = department.supervisors if department is not None else ()
    if step is Step.ESCALATE and not any(user.agent in named for user in users):
        found |= {user.id for user in users if _supervises(rules, row.department, user)}
    return found


def _supervises(rules: Rules, department: str, user: UserRow) -> bool:
    who = Who(user.agent, supervisor=user.role == "supervisor")
    return rules.rights.role(who, department) is Role.SUPERVISOR
