"""Owns whom a request is to the tickets: a person with his agent and role, or a program. Not what he may."""

from aiohttp import web

from bridge.crm.ticketing.desk import Actor
from bridge.crm.ticketing.rights import Who
from bridge.errors import InternalError
from bridge.web.principal import PRINCIPAL, Bearer, Person, Role


def actor_of(request: web.Request) -> Actor:
    match request.get(PRINCIPAL):
        case Person() as person:
            who = Who(person.agent, supervisor=person.role is Role.SUPERVISOR)
            return Actor(who, person.user.login)
        case Bearer(token):
            # Its scope has been checked at the door.
            return Actor(Who(program=True), f"token {token.name}")
        case _:
            raise InternalError("nobody is known here; declare the handler's access")
