"""Owns which calls and recordings somebody may see: one rule for pages and API. Not who reaches a handler."""

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.store import Unit
from bridge.store.rows import CallRow, TicketRow
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.principal import PRINCIPAL, Bearer, Person, Role
from bridge.web.problems import Problem

HIDDEN = N_(
    "This call and its recording are open to the agents who were on it, to the members of its queue "
    "and to the assignee of its ticket. Ask a supervisor."
)


@dataclass(frozen=True, slots=True)
class Sight:
    """``everything``: a supervisor, or a program whose token's scope the guard has checked."""

    everything: bool = False
    agent: AgentId | None = None
    queues: frozenset[str] = frozenset()

    def sees(self, call: CallRow | None, ticket: TicketRow | None) -> bool:
        """``ticket`` is the call's own. Without a call only its assignee decides."""
        if self.everything:
            return True
        if self.agent is None:
            return False
        if ticket is not None and ticket.assignee == self.agent:
            return True
        if call is None:
            return False
        return call.queue in self.queues or self.agent in {call.agent, *(leg.agent for leg in call.legs)}

    async def demand(self, unit: Unit, call: CallRow | None) -> None:
        """Refuses, unless this call may be seen."""
        if self.everything:
            return
        ticket = await unit.tickets.by_call(call.id) if call is not None else None
        if not self.sees(call, ticket):
            raise Problem(HTTPStatus.FORBIDDEN, HIDDEN)


def sight_for(person: Person, plan: Plan) -> Sight:
    if person.role is Role.SUPERVISOR:
        return Sight(everything=True)
    own = {
        str(queue.name)
        for queue in plan.queues.values()
        if person.agent in {member.agent for member in queue.members}
    }
    return Sight(agent=person.agent, queues=frozenset(own))


def sight_of(request: web.Request) -> Sight:
    match request.get(PRINCIPAL):
        case Bearer():
            return Sight(everything=True)
        case Person() as person:
            return sight_for(person, parts_of(request).in_force())
        case _:
            return Sight()
