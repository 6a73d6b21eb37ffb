"""Owns who may call which handler. Deny by default: a handler that is not declared here cannot be reached."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from bridge.errors import InternalError
from bridge.web.principal import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

EVERYBODY = frozenset({Role.AGENT, Role.SUPERVISOR})
SUPERVISORS = frozenset({Role.SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Open:
    """Anyone on the network: the sign-in page, assets, health."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with a session, in one of these roles."""

    roles: frozenset[Role] = EVERYBODY


@dataclass(frozen=True, slots=True)
class Scoped:
    """A bearer token that holds the scope; or, to read, a person with a session in one of the roles."""

    scope: str
    roles: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Nearby:
    """A loopback or private address that speaks for itself, or a bearer token that holds the scope."""

    scope: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Another server. What it sends says that it comes from it, and the handler checks that before all else;
    sessions and tokens are not looked at, so there is nothing that another site could misuse."""


Access = Open | SignedIn | Scoped | Nearby | Vouched


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    access: Access
    numbers: frozenset[str] = (
        frozenset()
    )  # placeholders that only digits fit: /clients/7, not /clients/import

    @property
    def pattern(self) -> str:
        return re.sub(
            r"{(\w+)}", lambda one: f"{{{one[1]}:[0-9]+}}" if one[1] in self.numbers else one[0], self.path
        )


class Routes:
    """The only way to a handler: each is declared with its access."""

    def __init__(self) -> None:
        self._routes: list[Route] = []
        self._access: dict[Handler, Access] = {}
        self._largest: dict[object, int] = {}
        self._with_files: set[object] = set()

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        access: Access,
        *,
        numbers: frozenset[str] = frozenset(),
    ) -> None:
        known = self._access.setdefault(handler, access)
        if known != access:
            raise InternalError(f"{handler} is declared with two different accesses")
        self._routes.append(Route(method, path, handler, access, numbers))

    def get(self, path: str, handler: Handler, access: Access) -> None:
        self.add("GET", path, handler, access)

    def post(self, path: str, handler: Handler, access: Access) -> None:
        self.add("POST", path, handler, access)

    def limit_body(self, handler: Handler, largest: int) -> None:
        """A body of at most so many bytes: of who says beforehand that he sends more nothing is read.

        Who does not say it is counted by the handler, which reads piece by piece.
        """
        self._largest[handler] = largest

    def allow_files(self, handler: Handler, largest: int) -> None:
        """Likewise; and it takes a form with files, whose secret may be the first of its fields."""
        self.limit_body(handler, largest)
        self._with_files.add(handler)

    def takes_files(self, handler: object) -> bool:
        return handler in self._with_files

    def largest_body(self, handler: object) -> int | None:
        return self._largest.get(handler)

    def access_of(self, handler: object) -> Access | None:
        return self._access.get(cast("Handler", handler))

    def install(self, app: web.Application) -> None:
        for route in self._routes:
            if route.method == "GET":
                app.router.add_get(route.pattern, route.handler, allow_head=True)
            else:
                app.router.add_route(route.method, route.pattern, route.handler)
        self.refuse_undeclared(app)

    def refuse_undeclared(self, app: web.Application) -> None:
        """A route that went round this table is a hole: the app does not start with one."""
        for route in app.router.routes():
            if self.access_of(route.handler) is None:
                raise InternalError(f"{route.method} {route.resource}: no declared access")
