"""Entity tags: nothing is overwritten unseen, and nothing is sent that is known already."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.web import ApiRules
from tests.integration.web.web_house import API, House
from tests.integration.web.web_samples import add_client, add_recording, add_ticket, record


async def _tag(client: TestClient, path: str, token: dict[str, str]) -> str:
    answer = await client.get(API + path, headers=token)
    assert answer.status == 200, await answer.text()
    return answer.headers["ETag"]


async def _patch(
    client: TestClient, path: str, token: dict[str, str], body: dict[str, Any], match: str
) -> tuple[int, dict[str, Any], str]:
    answer = await client.patch(API + path, json=body, headers={**token, "If-Match": match})
    return answer.status, await answer.json(), answer.headers["ETag"]


@pytest.mark.parametrize("kind", ["clients", "tickets"])
async def test_the_second_of_two_is_told_and_overwrites_nothing(house: House, kind: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария", "+79161234567")
    number = who if kind == "clients" else await add_ticket(house, record(client=who), recorded=False)
    path, (one, two) = f"/{kind}/{number}", ({"notes": "1"}, {"notes": "2"})
    if kind == "tickets":
        one, two = {"solution": "1"}, {"solution": "2"}
    tag = await _tag(client, path, token)
    status, _, changed = await _patch(client, path, token, one, tag)
    assert (status, changed) == (200, await _tag(client, path, token))
    assert changed != tag
    status, problem, current = await _patch(client, path, token, two, tag)
    assert (status, current) == (412, changed)
    assert problem["type"] == "urn:callbridge:problem:stale"
    assert "Read it again" in problem["detail"]
    assert await _tag(client, path, token) == changed
    status, _, _ = await _patch(client, path, token, two, f'"other", {changed}')
    assert status == 200


async def test_of_two_at_once_one_wins(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    path = f"/clients/{await add_client(house.store, 'Мария')}"
    tag = await _tag(client, path, token)
    answers = await asyncio.gather(
        *(_patch(client, path, token, {"notes": str(one)}, tag) for one in range(5))
    )
    assert sorted(status for status, _, _ in answers) == [200, 412, 412, 412, 412]


@pytest.mark.parametrize(
    ("match", "status"),
    [
        ("*", 200),
        ('W/"x"', 412),
        ('"x"', 412),
        ('"x", "y"', 412),
        ("x", 400),
        ('"x" "y"', 400),
        ('"' + "x" * 4000 + '"', 400),
    ],
)
async def test_conditions_in_every_form(house: House, match: str, status: int) -> None:
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария")
    answer = await client.patch(
        f"{API}/clients/{who}", json={"notes": "x"}, headers={**token, "If-Match": match}
    )
    assert answer.status == status, await answer.text()


async def test_a_condition_is_refused_where_it_would_be_passed_over(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    ticket = await add_ticket(house, record(), recorded=False)
    condition = {**token, "If-Match": await _tag(client, f"/tickets/{ticket}", token)}
    answer = await client.put(f"{API}/tickets/{ticket}/tags", json={"tags": ["vip"]}, headers=condition)
    assert answer.status == 400
    assert "If-Match is heeded only" in (await answer.json())["detail"]
    assert (await (await client.get(f"{API}/tickets/{ticket}", headers=token)).json())["tags"] == []
    described = (await (await client.get(f"{API}/openapi.json", headers=token)).json())["paths"]
    for path, ways in described.items():
        for method, way in ways.items():
            if method not in ("put", "post", "patch", "delete"):
                continue
            takes = any(one.get("name") == "If-Match" for one in way.get("parameters", ()))
            headers = way["responses"].get("200", {}).get("headers", {})
            assert ("ETag" in headers) == takes, f"{method} {path}: a tag that nothing can be bound to"


async def test_a_recording_that_is_attached_meanwhile_is_in_nobody_s_way(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    call = record(answered=True)
    ticket = await add_ticket(house, call, recorded=False)
    tag = await _tag(client, f"/tickets/{ticket}", token)
    await add_recording(house, call, ticket)
    assert await _tag(client, f"/tickets/{ticket}", token) != tag
    status, _, _ = await _patch(client, f"/tickets/{ticket}", token, {"status": "done"}, tag)
    assert status == 200


async def test_the_engineer_may_demand_the_condition(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария")
    house.rules = ApiRules(demand_if_match=True)
    answer = await client.patch(f"{API}/clients/{who}", json={"notes": "x"}, headers=token)
    assert answer.status == 428
    assert answer.headers["ETag"] == await _tag(client, f"/clients/{who}", token)


@pytest.mark.parametrize("path", ["/clients/1", "/clients", "/agents/1001", "/queues/support", "/tickets"])
async def test_what_is_known_is_not_sent_again(house: House, path: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    await add_client(house.store, "Мария")
    tag = await _tag(client, path, token)
    for header in (tag, f"W/{tag}", "*", f'"x", {tag}'):
        answer = await client.get(API + path, headers={**token, "If-None-Match": header})
        assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag)
        assert answer.headers["Cache-Control"] == "private, no-cache"
    answer = await client.get(API + path, headers={**token, "If-None-Match": '"x"'})
    assert answer.status == 200
    answer = await client.get(API + path, headers={**token, "If-None-Match": "x"})
    assert answer.status == 400
