"""Idempotency keys: what was sent twice is done once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from bridge.web.api.serving import KEYS
from tests.integration.web.web_house import API, House
from tests.integration.web.web_samples import add_ticket, record

ANNA = {"name": "Анна", "numbers": [{"number": "+79161234567"}]}


async def _add(
    client: TestClient, token: dict[str, str], key: str, body: Any = ANNA, path: str = "/clients"
) -> aiohttp.ClientResponse:
    return await client.post(API + path, json=body, headers={**token, "Idempotency-Key": key})


async def _clients(house: House) -> int:
    async with house.store.view() as unit:
        return len((await unit.clients.page(None, 100)).items)


async def test_the_stored_answer_comes_again(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    first, second = await _add(client, token, "k1"), await _add(client, token, '"k1"')
    assert (first.status, await first.read()) == (second.status, await second.read())
    assert second.status == 201
    for name in ("Location", "Content-Type", "ETag"):
        assert first.headers[name] == second.headers[name]
    assert await _clients(house) == 1
    assert (await _add(client, token, "k2")).status == 201
    assert await _clients(house) == 2


async def test_a_key_is_for_one_request_of_one_token(house: House) -> None:
    client, token, other = await house.visitor(), await house.token("*"), await house.token("clients:write")
    assert (await _add(client, token, "k")).status == 201
    refused = await _add(client, token, "k", {"name": "Борис"})
    assert (refused.status, (await refused.json())["type"]) == (422, "urn:callbridge:problem:key-reused")
    refused = await _add(client, token, "k", {"state": "ready"}, "/agents/1001/state")
    assert refused.status == 422
    assert house.desk.submitted == []
    assert (await _add(client, other, "k", {"name": "Борис"})).status == 201


async def test_a_refusal_is_kept_too(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    first = await _add(client, token, "k", {"name": ""})
    second = await _add(client, token, "k", {"name": ""})
    assert first.status == second.status == 422
    assert await first.json() == await second.json()
    assert second.content_type == "application/problem+json"


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 201, "ключ"])
async def test_a_wrong_key_is_refused(house: House, key: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    answer = await _add(client, token, key)
    assert answer.status == 400, await answer.text()
    assert await _clients(house) == 0


async def test_while_the_first_runs_the_second_is_told(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    answers = await asyncio.gather(*(_add(client, token, "k") for _ in range(6)))
    assert await _clients(house) == 1
    assert {answer.status for answer in answers} <= {201, 409}
    assert [answer.status for answer in answers].count(201) >= 1
    for answer in answers:
        if answer.status == 409:
            assert (await answer.json())["type"] == "urn:callbridge:problem:key-in-use"


async def test_after_a_restart_in_between_nobody_knows(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    assert (await _add(client, token, "k")).status == 201
    async with house.store.view() as unit:
        (row,) = await unit.tokens.all()
        known = await unit.keys.get(row.id, "k")
    assert known is not None
    async with house.store.unit() as unit:
        await unit.keys.forget(row.id, "k")
        assert await unit.keys.begin(row.id, "k", known.asked) is None
    answer = await _add(client, token, "k")
    assert (answer.status, (await answer.json())["type"]) == (
        409,
        "urn:callbridge:problem:key-without-answer",
    )


async def test_what_broke_may_be_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client, token = await house.visitor(), await house.token("*")
    submit = house.desk.submit

    async def broken(_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(house.desk, "submit", broken)
    answer = await _add(client, token, "k", {"state": "ready"}, "/agents/1001/state")
    assert answer.status == 500
    monkeypatch.setattr(house.desk, "submit", submit)
    answer = await _add(client, token, "k", {"state": "ready"}, "/agents/1001/state")
    assert answer.status == 202
    assert len(house.desk.submitted) == 1


async def test_a_secret_is_not_written_down(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    call = record(answered=True, ended=True)
    await add_ticket(house, call)
    path = f"/recordings/{call.id}-rec-1/links"
    first, second = await _add(client, token, "k", {}, path), await _add(client, token, "k", {}, path)
    assert first.status == second.status == 201
    assert (await first.json())["url"] == (await second.json())["url"]
    async with house.store.view() as unit:
        (row,) = await unit.tokens.all()
        known = await unit.keys.get(row.id, "k")
    assert known is not None
    assert (known.status, known.body) == (201, None)
    house.server.app[KEYS].secrets.clear()  # as a restart does
    third = await _add(client, token, "k", {}, path)
    assert third.status == 409


async def test_old_ones_and_too_many_are_swept(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    for number in range(5):
        assert (await _add(client, token, f"k{number}")).status == 201
    now = datetime.now(UTC)
    async with house.store.unit() as unit:
        await unit.keys.sweep(now - timedelta(hours=24), 3)
        assert await unit.keys.count() == 3
        await unit.keys.sweep(now + timedelta(seconds=1))
        assert await unit.keys.count() == 0
