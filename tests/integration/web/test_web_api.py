"""The HTTP API: scopes, lists, changes, refusals that name the place, files by range, the event stream."""

import re
from dataclasses import replace
from typing import Any

import pytest

from bridge.centre.ids import LegId
from bridge.centre.orders import LegKind, Outcome
from bridge.web import SCOPES
from bridge.web.api.routes import OPERATIONS
from tests.integration.web.web_house import API, House, get
from tests.integration.web.web_samples import add_client, add_ticket, record

# ── who may ──────────────────────────────────────────────────────────────────


async def test_each_operation_wants_its_own_scope(house: House) -> None:
    client = await house.visitor()
    for operation in OPERATIONS:
        path = API + re.sub(r"{\w+}", "1", operation.path)
        others = await house.token(*(scope for scope in SCOPES if scope not in {operation.scope, "*"}))
        answer = await client.request(operation.method, path, headers=others)
        assert answer.status == 403, operation.name
        assert operation.scope in answer.headers["WWW-Authenticate"]
        if operation.name == "stream_events":
            continue
        for scope in (operation.scope, "*"):
            answer = await client.request(operation.method, path, headers=await house.token(scope))
            assert answer.status not in {401, 403, 500}, operation.name


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic eDp5", "bearer " + "x" * 300, ""])
async def test_a_bad_token_is_refused_even_with_a_session(house: House, header: str) -> None:
    client = await house.sign_in("chief")
    answer = await client.get(f"{API}/tickets", headers={"Authorization": header})
    assert answer.status == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    problem = await answer.json()
    assert "callbridge token add" in problem["detail"]


async def test_a_session_reads_what_its_role_may(house: House) -> None:
    agent, chief = await house.sign_in("1001"), await house.sign_in("chief")
    assert (await agent.get(f"{API}/tickets")).status == 200
    assert (await agent.get(f"{API}/agents")).status == 403
    assert (await chief.get(f"{API}/agents")).status == 200


# ── tickets and their recordings ─────────────────────────────────────────────


async def test_a_ticket_has_its_call_its_client_and_its_recording(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария", "+79161234567")
    call = record(client=who, answered=True, ended=True)
    number = await add_ticket(house, call)
    listed = await get(client, "/tickets", token)
    assert listed["next"] is None
    (ticket,) = listed["items"]
    whole = await get(client, f"/tickets/{number}", token)
    assert ticket.items() <= whole.items()
    assert (whole["calls"], whole["links"]) == ([call.id], [])
    assert (ticket["call_id"], ticket["client"], ticket["status"]) == (call.id, who, "open")
    (recording,) = ticket["recordings"]
    assert recording["channels"] == 2
    assert recording["duration_ms"] == 3000
    answer = await client.get(recording["url"], headers=token)
    assert answer.status == 200
    assert answer.content_type == "audio/wav"
    assert len(await answer.read()) == answer.content_length
    found = await get(client, f"/tickets?call_id={call.id}&status=open", token)
    assert [one["id"] for one in found["items"]] == [number]
    assert (await get(client, f"/tickets?call_id={call.id}&status=done", token))["items"] == []


async def test_a_ticket_changes_only_where_it_was_asked_to(house: House) -> None:
    client, token = await house.visitor(), await house.token("tickets:write", "tickets:read")
    number = await add_ticket(house, record(answered=True))
    before = await get(client, f"/tickets/{number}", token)
    answer = await client.patch(
        f"{API}/tickets/{number}",
        json={"status": "done", "solution": "Перезагрузили.", "assignee": None},
        headers=token,
    )
    after = await answer.json()
    assert answer.status == 200
    changed = {name for name in before if before[name] != after[name]} - {"updated_at"}
    assert changed == {"status", "solution", "assignee", "version", "closed_at"}
    assert after["assignee"] is None


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, "#"),
        (b"\xff\xfe", 400, "#"),
        (b"[" * 10_000, 400, "#"),
        (b"[]", 422, "#"),
        (b'{"status": "gone"}', 422, "#/status"),
        (b'{"status": null}', 422, "#/status"),
        (b'{"colour": "red"}', 422, "#/colour"),
        (b'{"client": 99999}', 422, "#/client"),
        (b'{"client": 1e400}', 422, "#/client"),
        (b'{"client": 99999999999999999999999}', 422, "#/client"),
        (b'{"assignee": "1099"}', 422, "#/assignee"),
        (b'{"subject": "  "}', 422, "#/subject"),
    ],
)
async def test_a_wrong_change_names_the_field(house: House, body: bytes, status: int, pointer: str) -> None:
    client, token = await house.visitor(), await house.token("tickets:write")
    number = await add_ticket(house, record(answered=True), recorded=False)
    headers = {**token, "Content-Type": "application/json"}
    answer = await client.patch(f"{API}/tickets/{number}", data=body, headers=headers)
    problem = await answer.json()
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), problem
    assert problem["status"] == status
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["instance"] == f"{API}/tickets/{number}"


async def test_a_body_that_is_no_json_is_refused(house: House) -> None:
    client, token = await house.visitor(), await house.token("clients:write")
    answer = await client.post(f"{API}/clients", data={"name": "x"}, headers=token)
    assert answer.status == 415


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/tickets?state=open", "state"),
        ("/tickets?status=gone", "status"),
        ("/tickets?limit=0", "limit"),
        ("/tickets?limit=1&limit=2", "limit"),
        ("/calls?limit=1000", "limit"),
        ("/calls?since=yesterday", "since"),
        ("/calls?since=2026-01-01T00:00:00", "since"),
        ("/clients?client=1", "client"),
        ("/calls/1?x=1", "x"),
        ("/agents?state=ready", "state"),
        ("/recordings/1/file?download=perhaps", "download"),
    ],
)
async def test_a_wrong_parameter_is_named(house: House, path: str, parameter: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    problem = await get(client, path, token, 400)
    assert problem["errors"][0]["parameter"] == parameter
    assert parameter in problem["detail"]


@pytest.mark.parametrize("cursor", ["x", "", "W10", "%00", "a" * 399])
async def test_a_wrong_cursor_is_refused(house: House, cursor: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    problem = await get(client, f"/tickets?cursor={cursor}", token, 400)
    assert "cursor" in problem["detail"]


@pytest.mark.parametrize(
    "path",
    ["/tickets/0", "/tickets/abc", "/tickets/" + "9" * 30, "/clients/-1", "/calls/nothing", "/recordings/x"],
)
async def test_what_is_not_there_is_not_found(house: House, path: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    await get(client, path, token, 404)


async def test_lists_go_on_by_their_cursor(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    for number in range(5):
        await add_ticket(house, record(f"17.{number}", answered=True), recorded=False)
    for path in ("/tickets", "/calls"):
        seen: list[Any] = []
        cursor = ""
        while True:
            page = await get(client, f"{path}?limit=2{cursor}", token)
            seen += [item["id"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(seen) == len(set(seen)) == 5


async def test_a_call_tells_its_legs(house: House) -> None:
    client, token = await house.visitor(), await house.token("calls:read")
    await add_ticket(house, record(answered=True, ended=True), recorded=False)
    (listed,) = (await get(client, "/calls?agent=1001&queue=support", token))["items"]
    call = await get(client, f"/calls/{listed['id']}", token)
    assert call["outcome"] == "answered"
    assert [leg["kind"] for leg in call["legs"]] == ["client", "agent"]
    assert call["legs"][1]["tech_cause"] == 200
    assert (await get(client, "/calls?agent=1002", token))["items"] == []


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_every_outcome_and_leg_is_told(house: House, outcome: Outcome) -> None:
    client, token = await house.visitor(), await house.token("calls:read")
    call = record(answered=True, ended=True)
    out = replace(call.legs[1], id=LegId(f"{call.id}-out-1"), kind=LegKind.OUTSIDE, agent=None)
    async with house.store.unit() as unit:
        await unit.calls.save(replace(call, outcome=outcome, legs=(*call.legs, out)))
    told = await get(client, f"/calls/{call.id}", token)
    assert told["outcome"] == outcome.value
    assert sorted(leg["kind"] for leg in told["legs"]) == ["agent", "client", "outside"]


async def test_a_disposition_is_the_ticket_s_and_one_of_the_plan_s(house: House) -> None:
    client, token = await house.visitor(), await house.token("tickets:write", "tickets:read")
    number = await add_ticket(house, record(answered=True), recorded=False)
    path = f"{API}/tickets/{number}"
    assert (await get(client, f"/tickets/{number}", token))["disposition"] == ""
    for sent in ("wrong_number", ""):
        answer = await client.patch(path, json={"disposition": sent}, headers=token)
        assert answer.status == 200
        assert (await answer.json())["disposition"] == sent
    for wrong in ("fly", None):
        answer = await client.patch(path, json={"disposition": wrong}, headers=token)
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["pointer"] == "#/disposition"


# ── clients ──────────────────────────────────────────────────────────────────


async def test_a_client_s_numbers_are_brought_to_e164(house: House) -> None:
    client, token = await house.visitor(), await house.token("clients:write", "clients:read")
    body = {"name": "Мария", "numbers": [{"number": "8 (916) 123-45-67", "label": "mobile"}]}
    answer = await client.post(f"{API}/clients", json=body, headers=token)
    made = await answer.json()
    assert answer.status == 201
    assert made["numbers"] == [{"e164": "+79161234567", "as_dialled": "8 (916) 123-45-67", "label": "mobile"}]
    assert await get(client, answer.headers["Location"].removeprefix(API), token) == made
    assert [one["id"] for one in (await get(client, "/clients?q=мар", token))["items"]] == [made["id"]]
    answer = await client.patch(
        f"{API}/clients/{made['id']}", json={"company": "Ромашка", "numbers": []}, headers=token
    )
    after = await answer.json()
    assert (after["name"], after["company"], after["numbers"]) == ("Мария", "Ромашка", [])


async def test_a_client_s_mail_addresses(house: House) -> None:
    client, token = await house.visitor(), await house.token("clients:write", "clients:read")
    body = {"name": "Мария", "emails": ["Maria@Example.org", "maria@EXAMPLE.org", "m@münchen.example"]}
    made = await (await client.post(f"{API}/clients", json=body, headers=token)).json()
    kept = ["Maria@example.org", "m@xn--mnchen-3ya.example"]
    assert made["emails"] == kept
    path = f"{API}/clients/{made['id']}"
    after = await (await client.patch(path, json={"company": "Ромашка"}, headers=token)).json()
    assert after["emails"] == kept
    answer = await client.patch(path, json={"emails": ["a@example.org", "nobody"]}, headers=token)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["pointer"] == "#/emails/1"
    after = await (await client.patch(path, json={"emails": []}, headers=token)).json()
    assert after["emails"] == []


async def test_a_number_that_is_none_is_named_by_its_place(house: House) -> None:
    client, token = await house.visitor(), await house.token("clients:write")
    body = {"name": "x", "numbers": [{"number": "+79161234567"}, {"number": "'; DROP TABLE clients"}]}
    answer = await client.post(f"{API}/clients", json=body, headers=token)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["pointer"] == "#/numbers/1/number"


# ── files ────────────────────────────────────────────────────────────────────


async def test_recordings_are_asked_for_by_call_ticket_state_and_time(house: House) -> None:
    client, token = await house.visitor(), await house.token("recordings:read")
    one, two = record("1.1", answered=True, ended=True), record("2.2", answered=True, ended=True)
    first, second = await add_ticket(house, one), await add_ticket(house, two)
    whole = (await get(client, "/recordings", token))["items"]
    assert {row["call_id"] for row in whole} == {"1.1", "2.2"}
    for query, calls in (
        ("call_id=1.1", {"1.1"}),
        (f"ticket={second}", {"2.2"}),
        (f"ticket={first}&call_id=2.2", set()),
        ("state=attached", {"1.1", "2.2"}),
        ("state=faulty", set()),
        ("since=2020-01-01T00:00:00Z&call_id=2.2", {"2.2"}),
        ("since=2190-01-01T00:00:00Z", set()),
        ("ticket=99999999999999999", set()),
    ):
        found = (await get(client, f"/recordings?{query}", token))["items"]
        assert {row["call_id"] for row in found} == calls, query
    await get(client, "/recordings?state=gone", token, 400)


async def test_a_recording_can_be_asked_for_in_ranges(house: House) -> None:
    client, token = await house.visitor(), await house.token("recordings:read")
    call = record(answered=True, ended=True)
    await add_ticket(house, call)
    (listed,) = (await get(client, "/recordings", token))["items"]
    assert (await get(client, f"/recordings/{listed['id']}", token))["bytes"] == listed["bytes"]
    url = listed["url"]
    whole = await (await client.get(url, headers=token)).read()
    answer = await client.get(url, headers={**token, "Range": "bytes=1000-1999"})
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
    assert await answer.read() == whole[1000:2000]
    answer = await client.get(url, headers={**token, "Range": "bytes=-10"})
    assert await answer.read() == whole[-10:]
    answer = await client.get(url, headers={**token, "Range": f"bytes={len(whole)}-"})
    assert answer.status == 416
    answer = await client.head(url, headers=token)
    assert answer.content_length == len(whole)
    assert answer.headers["Accept-Ranges"] == "bytes"
    answer = await client.get(f"{url}?download=true", headers=token)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    tag = answer.headers["ETag"]
    assert (await client.get(url, headers={**token, "If-None-Match": tag})).status == 304


@pytest.mark.parametrize(
    "file", ["../callbridge.db", "/etc/passwd", "a/../../callbridge.db", "", ".", "gone.wav"]
)
async def test_a_file_outside_the_directory_is_never_sent(house: House, file: str) -> None:
    client, token = await house.visitor(), await house.token("recordings:read")
    call = record(answered=True, ended=True)
    ticket = await add_ticket(house, call, recorded=False)
    async with house.store.unit() as unit:
        await unit.recordings.note("r", call.id, call.offered_at)
        await unit.recordings.attach(
            "r",
            ticket=ticket,
            file=file,
            bytes=1,
            duration_ms=1,
            sample_rate=8000,
            channels=2,
            sha256="",
        )
    await get(client, "/recordings/r/file", token, 404)


async def test_a_link_that_leads_out_is_not_followed(house: House) -> None:
    client, token = await house.visitor(), await house.token("recordings:read")
    call = record(answered=True, ended=True)
    await add_ticket(house, call)
    file = house.recordings / f"{call.id}.wav"
    file.unlink()
    file.symlink_to(house.recordings.parent / "callbridge.db")
    await get(client, f"/recordings/{call.id}-rec-1/file", token, 404)


async def test_a_recording_that_is_not_there_yet_says_so(house: House) -> None:
    client, token = await house.visitor(), await house.token("recordings:read", "tickets:read")
    call = record(answered=True, ended=True)
    ticket = await add_ticket(house, call, recorded=False)
    async with house.store.unit() as unit:
        await unit.recordings.note("r", call.id, call.offered_at)
    assert "not there yet" in (await get(client, "/recordings/r/file", token, 404))["detail"]
    (recording,) = (await get(client, f"/tickets/{ticket}", token))["recordings"]
    assert (recording["state"], recording["url"]) == ("pending", None)
