"""Receivers of call events and the outbox by the API: whom it lets in, what it shows and never shows."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.store.outbox import DEAD, NewEvent
from bridge.store.outbox_rows import OutboxRow
from tests.integration.web.web_house import API, House, csrf_of, get

NEW = {
    "name": "crm",
    "url": "https://203.0.114.7/hook/very-secret-token",
    "events": ["call.offered", "call.ended"],
}
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture
async def token(house: House) -> dict[str, str]:
    return await house.token("callbacks:read", "callbacks:write")


@pytest.fixture
async def client(house: House) -> TestClient:
    return await house.visitor()


async def send(
    client: TestClient, method: str, path: str, token: dict[str, str], body: Any = None, status: int = 200
) -> Any:
    answer = await client.request(method, API + path, headers=token, json=body)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_a_receiver_is_added_and_its_secret_shown_once(
    client: TestClient, house: House, token: dict[str, str]
) -> None:
    made = await send(client, "POST", "/subscriptions", token, NEW, 201)
    assert made["secret"].startswith("whsec_")
    listed = await client.get(f"{API}/subscriptions", headers=token)
    text = await listed.text()
    assert made["secret"] not in text
    assert "very-secret-token" not in text
    (row,) = (await listed.json())["items"]
    assert (row["host"], row["format"], row["active"]) == ("https://203.0.114.7", "standard", True)
    assert row["events"] == ["call.ended", "call.offered"]
    (kept,) = await house.store.read(lambda unit: unit.subscriptions.all())
    assert "very-secret" not in kept.sealed
    assert kept.created_by == "token test"
    entries = await get(client, "/audit", await house.token("audit:read"))
    assert [(one["action"], one["about"]) for one in entries["items"]] == [("callback.added", "crm")]
    assert "very-secret" not in str(entries)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"format": "fax"},
        {"url": "http://10.0.0.1/hook"},
        {"url": "http://169.254.169.254/latest"},
        {"url": "ftp://crm.example.org/"},
        {"url": "https://user:pass@crm.example.org/"},
        {"secret": "short"},
        {"events": ["call.invented"]},
        {"options": {"a": "b"}},
        {"more": 1},
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_with_words(
    client: TestClient, house: House, token: dict[str, str], wrong: dict[str, Any]
) -> None:
    answer = await client.post(f"{API}/subscriptions", headers=token, json={**NEW, **wrong})
    assert answer.status in (400, 422)
    assert (await answer.json())["detail"]
    assert await house.store.read(lambda unit: unit.subscriptions.all()) == []


async def test_changed_switched_off_and_on_given_a_new_secret_removed(
    client: TestClient, token: dict[str, str]
) -> None:
    made = await send(client, "POST", "/subscriptions", token, NEW, 201)
    path = f"/subscriptions/{made['id']}"
    off = await send(client, "PATCH", path, token, {"active": False})
    assert (off["active"], off["disabled_reason"], off["secret"]) == (False, "switched off by token test", "")
    on = await send(client, "PATCH", path, token, {"active": True, "events": []})
    assert (on["active"], len(on["events"])) == (True, 7)
    renewed = await send(client, "PATCH", path, token, {"secret": ""})
    assert renewed["secret"] not in ("", made["secret"])
    moved = await send(client, "PATCH", path, token, {"url": "https://crm.example.org/x"})
    assert moved["host"] == "https://crm.example.org"
    await send(client, "PATCH", path, token, {"url": "http://192.168.1.1/"}, 400)
    await send(client, "DELETE", path, token)
    for method, body in (("PATCH", {"active": True}), ("DELETE", None)):
        await send(client, method, path, token, body, 404)


async def dead(house: House) -> OutboxRow:
    (row,) = await house.store.read(lambda unit: unit.subscriptions.all())
    new = NewEvent([row.id], "call.1", "offered", "evt_1", "call.offered", '{"number":"+79161234567"}')
    (due,) = await house.store.write(lambda unit: unit.outbox.add(new, NOW))
    await house.store.write(lambda unit: unit.outbox.finish(due.row, DEAD, NOW, status=500, error="no"))
    return due.row


async def test_what_is_dead_is_listed_told_once_more_and_dropped(
    client: TestClient, house: House, token: dict[str, str]
) -> None:
    await send(client, "POST", "/subscriptions", token, NEW, 201)
    row = await dead(house)
    page = await get(client, "/callbacks?state=dead&call=call.1", token)
    (shown,) = page["items"]
    assert (shown["id"], shown["last_status"], shown["last_error"], shown["tries"]) == (row.seq, 500, "no", 1)
    assert "79161234567" not in str(page)
    again = await send(client, "POST", f"/callbacks/{row.seq}/replay", token)
    assert (again["state"], again["tries"]) == ("waiting", 0)
    await send(client, "POST", f"/callbacks/{row.seq}/replay", token, status=400)
    dropped = await send(client, "POST", f"/callbacks/{row.seq}/drop", token)
    assert dropped["state"] == "skipped"
    for path in ("/callbacks/999/replay", "/callbacks/x/drop"):
        await send(client, "POST", path, token, status=404)
    assert (await get(client, "/callbacks?state=dead", token))["items"] == []
    await get(client, "/callbacks?state=lost", token, 400)
    entries = await get(client, "/audit?call=call.1", await house.token("audit:read"))
    assert [one["action"] for one in entries["items"]] == ["callback.dropped", "callback.replayed"]


async def test_each_scope_lets_in_where_it_says(client: TestClient, house: House) -> None:
    reads = await house.token("callbacks:read")
    await get(client, "/subscriptions", reads)
    await get(client, "/callbacks", reads)
    await send(client, "POST", "/subscriptions", reads, NEW, 403)
    await send(client, "POST", "/callbacks/1/replay", reads, status=403)
    for scope in ("calls:read", "audit:read"):
        await get(client, "/callbacks", await house.token(scope), 403)
    await get(client, "/callbacks", {}, 401)


async def test_the_page_shows_who_is_told_and_what_is_dead(
    client: TestClient, house: House, token: dict[str, str]
) -> None:
    await send(client, "POST", "/subscriptions", token, {**NEW, "name": "Битрикс 1"}, 201)
    row = await dead(house)
    chief = await house.sign_in("chief")
    text = await (await chief.get("/callbacks")).text()
    assert "Битрикс 1" in text
    assert "very-secret" not in text
    assert f'action="/callbacks/{row.seq}/replay"' in text
    answer = await chief.post(f"/callbacks/{row.seq}/replay", data={}, allow_redirects=False)
    assert answer.status == 403, "without the form's secret"
    csrf = await csrf_of(chief, "/callbacks")
    answer = await chief.post(f"/callbacks/{row.seq}/replay", data={"csrf": csrf}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/callbacks")
    kept = await house.store.read(lambda unit: unit.outbox.get(row.seq))
    assert kept is not None
    assert kept.state == "waiting"
    agent = await house.sign_in("1001")
    assert (await agent.get("/callbacks")).status == 403
