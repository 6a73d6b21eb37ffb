"""Owns whom a request is to the tickets: a person with his agent and role, or a program. Not what he may."""

from aiohttp import web

from bridge.crm.ticketing.desk import Actor
from bridge.crm.ticketing.rights import Who
from bridge.errors import InternalError
from bridge.web.principal import PRINCIPAL, Bearer, Person, Role


def actor_of(request: web.Request) -> Actor:
    match request.get(PRINCIPAL):
        case Person() as person:
            return actor_for(person)
        case Bearer(token):
            # Its scope has been checked at the door.
            return Actor(Who(program=True), f"token {token.name}")
        case _:
            raise InternalError("nobody is known here; declare the handler's access")


def actor_for(person: Person) -> Actor:
    """Where a page is drawn without a request of his."""
    return Actor(Who(person.agent, supervisor=person.role is Role.SUPERVISOR), person.user.login)
