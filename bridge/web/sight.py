"""Owns which calls somebody may see and whose recordings he may hear: one rule for pages, API and files.

An agent hears what he sees. Supervisors see every call, for they move agents between all queues; one who is
named as supervisor of departments hears those departments' recordings and what he would hear as an agent,
one who is named in none hears all. Who reaches a handler at all is access.py's.
"""

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.store import Unit
from bridge.store.reach import Reach
from bridge.store.rows import CallRow, TicketRow
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.parts import WebParts
from bridge.web.principal import PRINCIPAL, Bearer, Person, Role
from bridge.web.problems import Problem

HIDDEN = N_(
    "This call and its recording are open to the agents who were on it, to the members of its queue "
    "and to the assignee of its ticket. Ask a supervisor."
)
UNHEARD = N_(
    "The recordings of this call are open to the supervisors of its queue's department and to who was on it. "
    "Ask one of them, or a supervisor of the whole centre."
)


@dataclass(frozen=True, slots=True)
class Sight:
    """``heard`` is None for who hears all: a program too, whose token's scope the guard has checked."""

    heard: Reach | None
    sees_all: bool = False

    def sees(self, call: CallRow | None, ticket: TicketRow | None) -> bool:
        """``ticket`` is the call's own. Without a call only its assignee decides."""
        return self.sees_all or self.hears(call, ticket)

    def hears(self, call: CallRow | None, ticket: TicketRow | None) -> bool:
        """As ``Reach.takes_in`` has it in SQL."""
        if self.heard is None:
            return True
        if ticket is not None and ticket.assignee is not None and ticket.assignee == self.heard.assignee:
            return True
        if call is None:
            return False
        on_it = {call.agent, *(leg.agent for leg in call.legs)}
        return call.queue in self.heard.queues or not on_it.isdisjoint(self.heard.agents)

    @property
    def refusal(self) -> str:
        return UNHEARD if self.sees_all else HIDDEN

    async def demand(self, unit: Unit, call: CallRow | None) -> None:
        """Refuses, unless this call's recordings may be heard."""
        if not self.hears(call, await self._ticket(unit, call)):
            raise Problem(HTTPStatus.FORBIDDEN, self.refusal)

    async def demand_call(self, unit: Unit, call: CallRow) -> None:
        """Refuses, unless this call may be seen."""
        if not self.sees(call, await self._ticket(unit, call)):
            raise Problem(HTTPStatus.FORBIDDEN, HIDDEN)

    async def _ticket(self, unit: Unit, call: CallRow | None) -> TicketRow | None:
        return await unit.tickets.by_call(call.id) if call is not None and self.heard is not None else None


EVERYTHING = Sight(None, sees_all=True)
NOTHING = Sight(Reach())


def sight_for(person: Person, parts: WebParts) -> Sight:
    if person.role is not Role.SUPERVISOR:
        return Sight(_own(person.agent, parts.in_force()))
    supervised = supervised_by(person, parts)
    if supervised is None:
        return EVERYTHING
    # By the engineer's plan: a live move is a supervisor's own doing, and must not open recordings to him.
    own = _own(person.agent, parts.plan())
    reach = Reach(supervised.queues | own.queues, supervised.agents | own.agents, own.assignee)
    return Sight(reach, sees_all=True)


def sight_of(request: web.Request) -> Sight:
    match request.get(PRINCIPAL):
        case Bearer():
            return EVERYTHING
        case Person() as person:
            return sight_for(person, parts_of(request))
        case _:
            return NOTHING


def supervised_by(person: Person, parts: WebParts) -> Reach | None:
    """The queues and agents of his departments; None for who is named in none: his is the whole centre."""
    departments = {name for name, agents in parts.departments().items() if person.agent in agents}
    if not departments:
        return None
    queues = [queue for queue in parts.plan().queues.values() if queue.department in departments]
    agents = {str(member.agent) for queue in queues for member in queue.members}
    return Reach(frozenset(str(queue.name) for queue in queues), frozenset(agents))


def _own(agent: AgentId | None, plan: Plan) -> Reach:
    """His calls, his queues' calls, his tickets' calls."""
    if agent is None:
        return Reach()
    queues = {
        str(queue.name)
        for queue in plan.queues.values()
        if agent in {member.agent for member in queue.members}
    }
    return Reach(frozenset(queues), frozenset({str(agent)}), agent)
