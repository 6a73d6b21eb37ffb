"""How much of the API one may ask for: tokens, sessions, strangers. Pages are not counted."""

import math
import re

import pytest

from bridge.web import ApiRules
from bridge.web.guard import LIMITS
from bridge.web.limits import ApiLimits, Buckets
from tests.integration.web.web_house import API, House

FEW = ApiRules(per_second=1, burst=3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    buckets = Buckets(lambda: FEW, clock)
    assert [buckets.take("a").left for _ in range(3)] == [2, 1, 0]
    refused = buckets.take("a")
    assert refused.wait == 1
    assert refused.headers == {
        "RateLimit-Policy": '"default";q=3;w=3',
        "RateLimit": '"default";r=0;t=3',
        "Retry-After": "1",
    }
    assert buckets.take("b").wait == 0, "each has its own"
    clock.now += 1
    assert buckets.take("a").wait == 0
    assert buckets.take("a").wait == 1
    clock.now += 1000
    assert buckets.take("a").left == 2, "never more than the burst"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.web.limits._REMEMBERED", 10)
    buckets = Buckets(lambda: FEW)
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets) == 10


async def test_a_token_is_told_to_wait(house: House) -> None:
    client, token, other = await house.visitor(), await house.token("*"), await house.token("*")
    house.rules = FEW
    answers = [await client.get(f"{API}/clients", headers=token) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["RateLimit"].startswith('"default";r=2;')
    refused = answers[-1]
    assert refused.content_type == "application/problem+json"
    assert (await refused.json())["type"] == "urn:callbridge:problem:rate-limited"
    assert re.fullmatch(r"[1-9]\d*", refused.headers["Retry-After"])
    assert (await client.get(f"{API}/clients", headers=other)).status == 200


async def test_a_flood_asks_nothing_of_the_store(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client, token = await house.visitor(), await house.token("*")
    house.rules = FEW
    for _ in range(3):
        assert (await client.get(f"{API}/clients", headers=token)).status == 200
    monkeypatch.setattr(house.store, "view", None)  # whoever asks it now breaks
    assert (await client.get(f"{API}/clients", headers=token)).status == 429


async def test_guessing_is_stopped_and_good_tokens_go_on(house: House) -> None:
    client, token, late = await house.visitor(), await house.token("*"), await house.token("*")
    assert (await client.get(f"{API}/clients", headers=token)).status == 200
    for number in range(60):
        guess = {"Authorization": f"Bearer cb_{number}"}
        assert (await client.get(f"{API}/clients", headers=guess)).status in {401, 429}
    statuses = {(await client.get(f"{API}/clients")).status for _ in range(10)}
    assert 429 in statuses
    assert (await client.get(f"{API}/clients", headers=token)).status == 200
    assert house.server.app[LIMITS].address("127.0.0.1") is not None
    house.server.app[LIMITS]._read_at = -math.inf  # some seconds later
    assert (await client.get(f"{API}/clients", headers=late)).status == 200, "used for the first time"


async def test_pages_are_not_counted(house: House) -> None:
    anna = await house.sign_in("1001")
    house.rules = FEW
    for _ in range(10):
        answer = await anna.get("/tickets")
        assert answer.status == 200
        assert "RateLimit" not in answer.headers
    statuses = [(await anna.get(f"{API}/tickets")).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def test_strangers_of_other_addresses_are_not_held_up() -> None:
    clock = Clock()
    limits = ApiLimits(lambda: FEW, clock)
    for _ in range(60):
        assert limits.address("192.0.2.1") is None
        limits.failed("192.0.2.1")
    assert limits.address("192.0.2.1") is not None
    assert limits.address("192.0.2.2") is None
    clock.now += 1
    assert limits.address("192.0.2.1") is None
