"""Owns how much one token, session, CRM or unknown address may ask for: token buckets, in memory.

A refusal costs a look into a dictionary. Addresses count only requests that nobody could be known by: behind
a proxy all have the same, so that which tokens there are is remembered, and none is held up by guesses.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bridge.store import Store
from bridge.web.parts import ApiRules

_REMEMBERED = 10_000
_ISSUED_SECONDS = 5.0
_FAILURES = ApiRules(per_second=1, burst=60)
_EVENTS = ApiRules(per_second=5, burst=60)  # each may ring a phone


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left, by draft-ietf-httpapi-ratelimit-headers-10. ``wait``: seconds, 0 while it may ask."""

    rules: ApiRules
    left: int
    wait: int
    full: int  # seconds until nothing is used any more

    @property
    def headers(self) -> dict[str, str]:
        window = math.ceil(self.rules.burst / self.rules.per_second)
        said = {
            "RateLimit-Policy": f'"default";q={self.rules.burst};w={window}',
            "RateLimit": f'"default";r={self.left};t={self.full}',
        }
        return said | ({"Retry-After": str(self.wait)} if self.wait else {})


class Buckets:
    """One for each key, filled up at a steady rate. The one that was longest unused is forgotten first."""

    def __init__(self, rules: Callable[[], ApiRules], clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._buckets

    def __len__(self) -> int:
        return len(self._buckets)

    def look(self, key: str) -> Allowance:
        bucket = self._filled(key)
        return self._allowance(bucket, taken=bucket.left >= 1)

    def take(self, key: str) -> Allowance:
        bucket = self._filled(key)
        taken = bucket.left >= 1
        if taken:
            bucket.left -= 1
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return self._allowance(bucket, taken=taken)

    def _filled(self, key: str) -> _Bucket:
        rules, now = self._rules(), self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            return _Bucket(rules.burst, now)
        bucket.left = min(rules.burst, bucket.left + (now - bucket.at) * rules.per_second)
        bucket.at = now
        return bucket

    def _allowance(self, bucket: _Bucket, *, taken: bool) -> Allowance:
        rules = self._rules()
        wait = 0 if taken else max(1, math.ceil((1 - bucket.left) / rules.per_second))
        full = math.ceil((rules.burst - bucket.left) / rules.per_second)
        return Allowance(rules, max(0, int(bucket.left)), wait, full)


class ApiLimits:
    def __init__(self, rules: Callable[[], ApiRules], clock: Callable[[], float] = time.monotonic) -> None:
        self._known = Buckets(rules, clock)
        self._failures = Buckets(lambda: _FAILURES, clock)
        self._events = Buckets(lambda: _EVENTS, clock)
        self._clock = clock
        self._issued: frozenset[str] = frozenset()
        self._read_at = -math.inf

    def knows(self, who: str) -> bool:
        return who in self._known

    def take(self, who: str) -> Allowance:
        """``who`` is the hash of a token that is good, or of a session."""
        return self._known.take(who)

    def event(self, receiver: int) -> Allowance:
        """Of a CRM that has proved who it is, by its subscription."""
        return self._events.take(str(receiver))

    async def was_issued(self, digest: str, store: Store) -> bool:
        """Is there such a token? To some seconds: a flood of guesses is to ask the store next to nothing."""
        if digest not in self._issued and self._clock() - self._read_at > _ISSUED_SECONDS:
            self._read_at = self._clock()
            async with store.view() as unit:
                self._issued = await unit.tokens.hashes()
        return digest in self._issued

    def failed(self, address: str) -> None:
        self._failures.take(address)

    def address(self, address: str) -> Allowance | None:
        """None while requests of unknown ones are still looked at."""
        allowance = self._failures.look(address)
        return allowance if allowance.wait else None
