"""Owns who a request speaks for: a person with a session, a bearer token, or nobody. Decides nothing."""

from dataclasses import dataclass
from enum import Enum

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.errors import InternalError
from bridge.store.rows import TokenRow, UserRow


class Role(Enum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in with a browser."""

    user: UserRow
    session: str  # the hash of the session's token
    csrf: str

    @property
    def role(self) -> Role:
        return Role(self.user.role)

    @property
    def agent(self) -> AgentId | None:
        return AgentId(self.user.agent) if self.user.agent else None


@dataclass(frozen=True, slots=True)
class Bearer:
    """A program that holds a token."""

    token: TokenRow


Principal = Person | Bearer | None

PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal")
CSRF: web.RequestKey[str] = web.RequestKey("csrf")


def person_of(request: web.Request) -> Person:
    """The signed-in person; only for handlers whose access demands one."""
    principal = request.get(PRINCIPAL)
    if not isinstance(principal, Person):
        raise InternalError("this handler's access lets nobody in without a session; declare it so")
    return principal
