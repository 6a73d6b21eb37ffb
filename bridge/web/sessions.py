"""Owns sessions (cookie, idle and absolute expiry) and the throttle on sign-in. Not who may do what."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import hdrs, web

from bridge.crm.access import hash_token, new_token
from bridge.store import Store
from bridge.store.rows import UserRow
from bridge.web.principal import Person

ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(hours=8)  # who works by his desk phone may not click once in a shift
_REMEMBERED = 10_000


class Sessions:
    """Server-side sessions: the browser holds a random token, the store its hash.

    When a session was last used is kept in memory: after a restart the idle clock starts anew, the
    absolute expiry in the store stays.
    """

    def __init__(self, store: Store, *, secure: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._secure = secure
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    @property
    def cookie(self) -> str:
        # The prefix makes the browser refuse it from a subdomain or over plain HTTP (RFC 6265bis 4.1.3.2).
        return "__Host-callbridge_session" if self._secure else "callbridge_session"

    @property
    def visitor_cookie(self) -> str:
        return "__Host-callbridge_visitor" if self._secure else "callbridge_visitor"

    async def open(self, user: UserRow, response: web.StreamResponse) -> Person:
        token, digest = new_token()
        csrf = secrets.token_urlsafe(32)
        async with self._store.unit() as unit:
            await unit.sessions.add(digest, user.id, csrf, datetime.now(UTC) + ABSOLUTE)
        self.touch(digest)
        self._set(response, self.cookie, token)
        response.del_cookie(self.visitor_cookie, path="/", secure=self._secure, httponly=True)
        return Person(user, digest, csrf)

    async def find(self, request: web.Request) -> Person | None:
        token = request.cookies.get(self.cookie)
        if not token or len(token) > 200:
            return None
        digest = hash_token(token)
        person = await self._look_up(digest)
        # A page left open opens its stream again by itself; that is no sign of somebody in front of it.
        if person is not None and request.headers.get(hdrs.ACCEPT) != "text/event-stream":
            self.touch(digest)
        return person

    async def is_valid(self, digest: str) -> bool:
        """Whether the session still lasts. Asking does not keep it from becoming idle."""
        return await self._look_up(digest) is not None

    async def _look_up(self, digest: str) -> Person | None:
        used = self._used.get(digest)
        if used is not None and self._clock() - used > IDLE.total_seconds():
            async with self._store.unit() as unit:
                await unit.sessions.delete(digest)
            self._used.pop(digest, None)
            return None
        async with self._store.view() as unit:
            row = await unit.sessions.get(digest)
        if row is None:
            self._used.pop(digest, None)
            return None
        if used is None:
            self.touch(digest)
        return Person(row.user, digest, row.csrf)

    async def close(self, person: Person, response: web.StreamResponse) -> None:
        async with self._store.unit() as unit:
            await unit.sessions.delete(person.session)
        self._used.pop(person.session, None)
        response.del_cookie(self.cookie, path="/", secure=self._secure, httponly=True)

    async def sweep(self) -> None:
        async with self._store.unit() as unit:
            await unit.sessions.sweep(datetime.now(UTC))

    def touch(self, digest: str) -> None:
        self._used[digest] = self._clock()
        self._used.move_to_end(digest)
        while len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)

    def visitor(self, request: web.Request) -> str | None:
        """The CSRF secret of somebody who has not signed in yet, held by the browser alone."""
        value = request.cookies.get(self.visitor_cookie, "")
        return value if 40 <= len(value) <= 64 and value.isascii() else None

    def set_visitor(self, response: web.StreamResponse, secret: str) -> None:
        self._set(response, self.visitor_cookie, secret)

    def _set(self, response: web.StreamResponse, name: str, value: str) -> None:
        response.set_cookie(name, value, path="/", httponly=True, samesite="Strict", secure=self._secure)


@dataclass(frozen=True, slots=True)
class Limit:
    failures: int
    within: timedelta


class LoginThrottle:
    """Failed sign-ins, counted per login and address, and per address; bounded, in memory."""

    PER_LOGIN = Limit(5, timedelta(minutes=5))
    PER_ADDRESS = Limit(50, timedelta(minutes=5))

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str | None], deque[float]] = OrderedDict()

    def wait(self, login: str, address: str) -> timedelta | None:
        """How long this login must wait, or None when it may try."""
        now = self._clock()
        waits = [
            self._wait((address, login.casefold()), self.PER_LOGIN, now),
            self._wait((address, None), self.PER_ADDRESS, now),
        ]
        longest = max(waits)
        return timedelta(seconds=longest) if longest > 0 else None

    def failed(self, login: str, address: str) -> float:
        """Count an attempt; ``succeeded`` takes it back by the moment that this gives."""
        now = self._clock()
        keys = (((address, login.casefold()), self.PER_LOGIN), ((address, None), self.PER_ADDRESS))
        for key, limit in keys:
            times = self._failures.setdefault(key, deque(maxlen=limit.failures))
            times.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        return now

    def succeeded(self, login: str, address: str, counted: float) -> None:
        """Forgets the login's failures; of the address's, which others share, only this attempt."""
        self._failures.pop((address, login.casefold()), None)
        times = self._failures.get((address, None))
        if times is None or counted not in times:
            return
        times.remove(counted)
        if not times:
            del self._failures[(address, None)]

    def _wait(self, key: tuple[str, str | None], limit: Limit, now: float) -> float:
        times = self._failures.get(key)
        if times is None or len(times) < limit.failures:
            return 0.0
        return times[0] + limit.within.total_seconds() - now


class LinkThrottle(LoginThrottle):
    """Openings of links and attempts at unknown ones; what stands for a login is the hash of the token."""

    PER_LOGIN = Limit(30, timedelta(minutes=5))
    PER_ADDRESS = Limit(100, timedelta(minutes=5))
