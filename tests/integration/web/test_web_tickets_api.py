"""Tickets by the API: lists, created and changed under a condition, their thread, files, links, filters."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.config import Settings
from tests.integration.web.web_house import API, House, get
from tests.integration.web.web_samples import add_client, add_ticket, record

HTML = "<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def strict(house: House) -> House:
    """A department with a class, with fields that are asked for, and with lines; line 1 may not close."""
    file = house.settings.model_dump(mode="json")
    file["tickets"]["reopen_days"] = 7
    file["tickets"]["attachments"]["largest_mb"] = 1
    file["departments"]["support"] |= {
        "lines": {"1": ["1001"], "2": ["1002"]},
        "rights": {"line1": {"deny": ["close"]}, "others": []},
        "classification": {"hardware": {"title": "Hardware", "below": {"printer": "Printer"}}},
        "fields": [
            {"key": "serial", "title": "Serial number", "type": "text", "required": "create"},
            {"key": "colour", "title": "Colour", "type": "dropdown", "options": ["red", "blue"]},
            {"key": "cause", "title": "Cause", "type": "text", "required": "close"},
        ],
    }
    house.settings = Settings.model_validate(file)
    return house


async def send(
    client: TestClient, method: str, path: str, token: dict[str, str], body: Any = None, **headers: str
) -> tuple[int, Any]:
    answer = await client.request(method, API + path, json=body, headers={**token, **headers})
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json", await answer.text()
    return answer.status, await answer.json()


async def created(browser: TestClient, token: dict[str, str], **fields: Any) -> Any:
    given = {"subject": "Printer burns", "department": "support", "fields": {"serial": "A1"}, **fields}
    status, ticket = await send(browser, "POST", "/tickets", token, given)
    assert status == 201, ticket
    return ticket


# ── created and changed ──────────────────────────────────────────────────────


async def test_a_ticket_from_its_creation_to_its_closing(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    ticket = await created(client, token, classification="hardware/printer", priority="urgent", line=2)
    path = f"/tickets/{ticket['id']}"
    assert ticket == await get(client, path, token)
    assert (ticket["status"], ticket["source"], ticket["line"], ticket["call_id"]) == ("open", "api", 2, None)
    assert ticket["fields"] == {"serial": "A1"}
    assert "close" in ticket["may"]
    status, problem = await send(client, "PATCH", path, token, {"status": "done"})
    assert (status, [one["pointer"] for one in problem["errors"]]) == (422, ["#/fields/cause"])
    wish = {"status": "done", "fields": {"cause": "dust"}, "solution": "Cleaned."}
    status, closed = await send(client, "PATCH", path, token, wish)
    assert (status, closed["status"], closed["version"]) == (200, "done", ticket["version"] + 1)
    assert closed["closed_at"] is not None
    assert closed["fields"] == {"serial": "A1", "cause": "dust"}
    log = await get(client, f"{path}/changes", token)
    assert {one["by"] for one in log["items"]} == {"token test"}
    assert {"status", "fields.cause", "solution"} <= {one["field"] for one in log["items"]}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"department": "kitchen"}, "#/department"),
        ({"fields": {}}, "#/fields/serial"),
        ({"fields": {"serial": "A1", "size": "5"}}, "#/fields/size"),
        ({"fields": {"serial": "A1", "colour": "green"}}, "#/fields/colour"),
        ({"fields": {"serial": {"a": 1}}}, "#/fields/serial"),
        ({"classification": "software"}, "#/classification"),
        ({"classification": "hardware"}, "#/classification"),
        ({"status": "gone"}, "#/status"),
        ({"assignee": "9999"}, "#/assignee"),
        ({"client": 77}, "#/client"),
        ({"disposition": "tired"}, "#/disposition"),
        ({"line": 4}, "#/line"),
        ({"line": True}, "#/line"),
        ({"subject": " "}, "#/subject"),
        ({"source": "mail"}, "#/source"),
    ],
)
async def test_what_is_wrong_is_pointed_at_and_creates_nothing(
    strict: House, fields: dict[str, Any], pointer: str
) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    given = {"subject": "x", "department": "support", "fields": {"serial": "A1"}, **fields}
    status, problem = await send(client, "POST", "/tickets", token, given)
    assert status == 422, problem
    assert problem["errors"][0]["pointer"].startswith(pointer)
    assert (await get(client, "/tickets", token))["items"] == []


async def test_who_was_slower_is_told_and_overwrites_nothing(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    path = f"/tickets/{(await created(client, token))['id']}"
    answer = await client.get(API + path, headers=token)
    read = {"If-Match": answer.headers["ETag"]}
    status, _ = await send(client, "PATCH", path, token, {"subject": "It burns"}, **read)
    assert status == 200
    late = await client.patch(API + path, json={"subject": "It is warm"}, headers={**token, **read})
    assert (late.status, (await late.json())["type"]) == (412, "urn:callbridge:problem:stale")
    now = await client.get(API + path, headers=token)
    assert late.headers["ETag"] == now.headers["ETag"]
    assert (await now.json())["subject"] == "It burns"
    strict.rules = replace(strict.rules, demand_if_match=True)
    assert (await send(client, "PATCH", path, token, {"subject": "x"}))[0] == 428
    status, _ = await send(client, "PATCH", path, token, {"subject": "y"}, **{"If-Match": "*"})
    assert status == 200


async def test_closed_too_long_ago_a_new_one_is_linked(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    old = await created(client, token, status="done", fields={"serial": "A1", "cause": "dust"})
    long_ago = datetime.now(UTC) - timedelta(days=8)
    async with strict.store.unit() as unit:
        await unit.tickets.change(
            old["id"], if_version=None, fields={"closed_at": long_ago}, by="", at=long_ago
        )
    path = f"{API}/tickets/{old['id']}"
    answer = await client.patch(path, json={"status": "open", "subject": "Again"}, headers=token)
    made = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (201, f"{API}/tickets/{made['id']}")
    assert (made["status"], made["subject"]) == ("open", "Printer burns")
    assert made["links"] == [{"ticket": old["id"], "kind": "related"}]
    kept = await get(client, f"/tickets/{old['id']}", token)
    assert (kept["status"], kept["subject"]) == ("done", "Printer burns")


# ── lists ────────────────────────────────────────────────────────────────────


async def test_lists_by_every_filter(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    who = await add_client(strict.store, "Мария", "+79161234567")
    one = await created(
        client, token, client=who, priority="critical", line=2, classification="hardware/printer"
    )
    two = await created(client, token, assignee="1002", subject="Scanner sleeps")
    other = await created(client, token, department="sales", fields={}, status="done")
    await send(client, "PUT", f"/tickets/{one['id']}/tags", token, {"tags": ["Fire", "loud noise"]})
    called = await add_ticket(strict, record(answered=True), recorded=False)
    wanted = {
        "department=sales": {other["id"]},
        "department=sales,support": {one["id"], two["id"], other["id"], called},
        "line=2": {one["id"]},
        "status=done": {other["id"]},
        "status=open,in_progress&department=support": {one["id"], two["id"], called},
        "closed=true": {other["id"]},
        "closed=false": {one["id"], two["id"], called},
        "assignee=none&department=support&line=1": {called},
        "assignee=1002": {two["id"]},
        "assignee=1002,none": {one["id"], two["id"], other["id"], called},
        "tag=fire": {one["id"]},
        "tag=fire,loud%20noise": {one["id"]},
        "tag=fire,quiet": set(),
        "tag=,": set(),
        "classification=hardware": {one["id"]},
        "priority=critical,urgent": {one["id"]},
        f"client={who}": {one["id"]},
        "q=scanner": {two["id"]},
        "q=scanner&department=sales": set(),
        "call_id=1710406800.7": {called},
        "call_id=1710406800.7&line=2": set(),
        "call_id=none": set(),
        "overdue=true": set(),
        "no_reaction_hours=5000": set(),
        "created_from=2030-01-01T00:00:00Z": set(),
        "updated_before=2020-01-01T00:00:00Z": set(),
    }
    async with strict.store.unit() as unit:
        await unit.tickets.change(
            called, if_version=None, fields={"assignee": None}, by="", at=datetime.now(UTC)
        )
    for query, expected in wanted.items():
        found = await get(client, f"/tickets?{query}", token)
        assert {ticket["id"] for ticket in found["items"]} == expected, query
    tagged = await get(client, "/tickets?tag=fire", token)
    assert tagged["items"][0]["tags"] == ["fire", "loud noise"]
    first = await get(client, "/tickets?order=priority&limit=1", token)
    assert [ticket["id"] for ticket in first["items"]] == [one["id"]]
    rest = await get(client, f"/tickets?order=priority&cursor={first['next']}", token)
    assert [ticket["id"] for ticket in rest["items"]] == [two["id"], other["id"], called]
    await get(client, f"/tickets?order=oldest&cursor={first['next']}", token, 400)
    csv = await client.get(f"{API}/tickets.csv?tag=fire", headers=token)
    assert [line.split(",")[0] for line in (await csv.text()).splitlines()] == ["id", str(one["id"])]


async def test_a_person_reads_what_his_rights_allow(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    hidden, shown = await created(client, token), await created(client, token, department="sales", fields={})
    own = await created(client, token, assignee="1003")
    called = await add_ticket(strict, record(agent="1003", answered=True), recorded=False)
    agent, vera, chief = (
        await strict.sign_in("1001"),
        await strict.sign_in("1003"),
        await strict.sign_in("chief"),
    )
    ids = [ticket["id"] for ticket in (await get(agent, "/tickets", {}))["items"]]
    assert ids == [called, own["id"], shown["id"], hidden["id"]]
    assert [ticket["id"] for ticket in (await get(vera, "/tickets", {}))["items"]] == [shown["id"]]
    mine = (await get(vera, "/tickets?assignee=1003", {}))["items"]
    assert {ticket["id"] for ticket in mine} == {own["id"], called}
    assert (await get(vera, "/tickets?department=support&q=printer", {}))["items"] == []
    for path in ("", "/entries", "/changes", "/attachments", "/attachments/1", "/attachments/1/content"):
        problem = await get(vera, f"/tickets/{hidden['id']}{path}", {}, 403)
        assert problem["type"] == "urn:callbridge:problem:not-allowed"
    assert "close" not in (await get(agent, f"/tickets/{hidden['id']}", {}))["may"]
    assert (await get(vera, f"/tickets/{own['id']}", {}))["assignee"] == "1003"
    assert (await vera.get(f"{API}/tickets.csv")).status == 403
    assert (await chief.get(f"{API}/tickets.csv")).status == 200


# ── the thread, links, merging, calls ────────────────────────────────────────


async def test_the_thread_and_who_sees_it(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    path = f"/tickets/{(await created(client, token))['id']}/entries"
    status, note = await send(client, "POST", path, token, {"kind": "note", "body": HTML})
    assert (status, note["body"], note["seen_by_client"], note["author"]) == (201, HTML, False, "token test")
    status, _ = await send(client, "POST", path, token, {"kind": "partner", "body": "Any paper?"})
    assert status == 201
    for body, pointer in (
        ({"kind": "note", "body": " \n"}, "#/body"),
        ({"kind": "note", "body": "x", "to": ["a@example.org"]}, "#/to"),
        ({"kind": "reply", "body": "x", "to": ["a@example.org\r\nBcc: b@example.org"]}, "#/to/0"),
        ({"kind": "reply", "body": "x", "subject": "a\nb"}, "#/subject"),
        ({"kind": "mail_in", "body": "x"}, "#/kind"),
    ):
        status, problem = await send(client, "POST", path, token, body)
        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
    # This house has no mail server.
    assert (await send(client, "POST", path, token, {"kind": "reply", "body": "x"}))[0] == 409
    first = await get(client, f"{path}?limit=1", token)
    assert [entry["kind"] for entry in first["items"]] == ["note"]
    rest = await get(client, f"{path}?cursor={first['next']}", token)
    assert [entry["kind"] for entry in rest["items"]] == ["partner"]
    newest = await get(client, f"{path}?order=newest", token)
    assert [entry["kind"] for entry in newest["items"]] == ["partner", "note"]


async def test_tags_links_merging_and_calls(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    one, two = (await created(client, token))["id"], (await created(client, token))["id"]
    status, ticket = await send(client, "PUT", f"/tickets/{one}/tags", token, {"tags": ["Fire", "FIRE "]})
    assert (status, ticket["tags"]) == (200, ["fire"])
    assert (await send(client, "PUT", f"/tickets/{one}/tags", token, {"tags": ["a,b"]}))[0] == 422
    status, ticket = await send(client, "PUT", f"/tickets/{one}/links/{two}?kind=parent", token)
    assert (status, ticket["links"]) == (200, [{"ticket": two, "kind": "parent"}])
    assert (await get(client, f"/tickets/{two}", token))["links"] == [{"ticket": one, "kind": "child"}]
    status, ticket = await send(client, "DELETE", f"/tickets/{one}/links/{two}?kind=parent", token)
    assert (status, ticket["links"]) == (200, [])
    assert (await send(client, "PUT", f"/tickets/{one}/links/{one}", token))[0] == 409
    assert (await send(client, "PUT", f"/tickets/{one}/links/999", token))[0] == 404
    called = await add_ticket(strict, record(answered=True))
    status, ticket = await send(client, "POST", f"/tickets/{one}/calls/1710406800.7", token)
    assert (status, ticket["id"], ticket["calls"]) == (200, one, ["1710406800.7"])
    assert len(ticket["recordings"]) == 1
    assert (await get(client, f"/tickets/{called}", token))["merged_into"] == one
    assert (await send(client, "POST", f"/tickets/{one}/calls/nothing", token))[0] == 404
    status, ticket = await send(client, "POST", f"/tickets/{one}/merge", token, {"into": two})
    assert (status, ticket["id"], ticket["tags"], ticket["calls"]) == (200, two, ["fire"], ["1710406800.7"])
    status, problem = await send(client, "PATCH", f"/tickets/{one}", token, {"subject": "x"})
    assert (status, str(two) in problem["detail"]) == (409, True)
    assert (await send(client, "POST", f"/tickets/{two}/merge", token, {"into": 999}))[0] == 422


# ── files ────────────────────────────────────────────────────────────────────


async def attach(
    client: TestClient, token: dict[str, str], id: int, name: str, data: Any, **headers: str
) -> tuple[int, Any]:
    said = {"Content-Type": "application/octet-stream", **token, **headers}
    answer = await client.post(
        f"{API}/tickets/{id}/attachments", params={"name": name}, data=data, headers=said
    )
    return answer.status, await answer.json()


async def test_a_file_comes_and_goes_as_something_to_save(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    id = (await created(client, token))["id"]
    status, file = await attach(client, token, id, "../Счёт\r\n.png", PNG, **{"Content-Type": "text/html"})
    assert (status, file["media_type"], file["bytes"]) == (201, "image/png", len(PNG))
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert not {"/", "\r", "\n"} & set(file["name"])
    assert (await attach(client, token, id, "../Счёт\r\n.png", PNG))[1]["id"] == file["id"], "noted twice"
    listed = await get(client, f"/tickets/{id}/attachments", token)
    assert listed["items"] == [file] == [await get(client, f"/tickets/{id}/attachments/{file['id']}", token)]
    answer = await client.get(file["url"], headers=token)
    assert (answer.status, await answer.read()) == (200, PNG)
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    other = (await created(client, token))["id"]
    await get(client, f"/tickets/{other}/attachments/{file['id']}", token, 404)
    assert (await send(client, "DELETE", f"/tickets/{id}/attachments/{file['id']}", token))[0] == 200
    assert (await client.get(file["url"], headers=token)).status == 404
    kept = [one for one in (strict.recordings.parent / "attachments").rglob("*") if one.is_file()]
    assert kept == [], "its bytes stayed"


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("page.png", b"<!DOCTYPE html><script>alert(1)</script>", 422),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 422),
        ("setup.exe", b"MZ" + bytes(60), 422),
        ("setup.exe", b"a text", 422),
        ("empty.txt", b"", 422),
        ("large.txt", b"x" * (2**20 + 1), 413),
    ],
)
async def test_what_is_no_file_to_keep_is_refused(strict: House, name: str, data: bytes, status: int) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    id = (await created(client, token))["id"]

    async def streamed() -> Any:
        yield data

    for body in (BytesIO(data), streamed()):
        found, problem = await attach(client, token, id, name, body)
        assert found == status, problem
    assert (await get(client, f"/tickets/{id}/attachments", token))["items"] == []
    kept = [one for one in (strict.recordings.parent / "attachments").rglob("*") if one.is_file()]
    assert kept == []


async def test_a_form_is_no_file_and_an_entry_must_be_the_ticket_s(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    one, two = (await created(client, token))["id"], (await created(client, token))["id"]
    path = f"{API}/tickets/{one}/attachments?name=a.txt"
    assert (await client.post(path, data={"file": "x"}, headers=token)).status == 415
    _, note = await send(client, "POST", f"/tickets/{two}/entries", token, {"kind": "note", "body": "x"})
    octets = {**token, "Content-Type": "application/octet-stream"}
    assert (await client.post(f"{path}&entry={note['id']}", data=b"x", headers=octets)).status == 409
    path = f"{API}/tickets/{two}/attachments?name=a.txt&entry={note['id']}"
    assert (await client.post(path, data=b"x", headers=octets)).status == 201
    (shown,) = (await get(client, f"/tickets/{two}/entries", token))["items"]
    assert [file["name"] for file in shown["attachments"]] == ["a.txt"]
    assert (await client.post(f"{API}/tickets/{one}/attachments", data=b"x", headers=octets)).status == 400


# ── what tickets are made by ─────────────────────────────────────────────────


async def test_departments_and_statuses_say_what_a_program_needs(strict: House) -> None:
    client, token = await strict.visitor(), await strict.token("*")
    sales, support = (await get(client, "/departments", token))["items"]
    assert (sales["name"], support["lines"]) == ("sales", {"1": ["1001"], "2": ["1002"]})
    classes = [(one["path"], one["usable"]) for one in support["classes"]]
    assert classes == [("hardware", False), ("hardware/printer", True)]
    assert [(field["key"], field["required"]) for field in support["fields"]] == [
        ("serial", "create"),
        ("colour", "no"),
        ("cause", "close"),
    ]
    assert [option["value"] for option in support["fields"][1]["options"]] == ["red", "blue"]
    statuses = (await get(client, "/statuses", token))["items"]
    assert [(one["name"], one["kind"]) for one in statuses] == [
        ("open", "open"),
        ("in_progress", "working"),
        ("done", "closed"),
    ]
    vera = await strict.sign_in("1003")
    assert [one["may"] for one in (await get(vera, "/departments", {}))["items"]][1] == []


async def test_filters_are_a_role_s_or_a_person_s(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    (compulsory,) = (await get(client, "/filters", token))["items"]
    assert (compulsory["id"], compulsory["name"]) == (None, "no_reaction")
    query = {"assignees": ["me"], "priorities": ["urgent"]}
    status, own = await send(
        client, "POST", "/filters", token, {"name": "Mine", "owner": "1001", "query": query}
    )
    assert (status, own["query"]) == (201, query)
    status, theirs = await send(
        client, "POST", "/filters", token, {"name": "All", "role": "supervisor", "query": {}}
    )
    assert status == 201
    for body, pointer in (
        ({"name": "x", "query": {}}, "#"),
        ({"name": "x", "query": {}, "owner": "1001", "role": "agent"}, "#"),
        ({"name": "x", "query": {}, "owner": "nobody"}, "#/owner"),
        ({"name": "x", "query": {"colour": "red"}, "role": "agent"}, "#/query"),
    ):
        status, problem = await send(client, "POST", "/filters", token, body)
        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
    agent, chief = await house.sign_in("1001"), await house.sign_in("chief")
    assert [one["name"] for one in (await get(agent, "/filters", {}))["items"]] == ["no_reaction", "Mine"]
    assert [one["name"] for one in (await get(chief, "/filters", {}))["items"]] == ["no_reaction", "All"]
    path = f"/filters/{own['id']}"
    status, changed = await send(client, "PATCH", path, token, {"name": "My own", "query": {"text": HTML}})
    assert (status, changed["name"], changed["query"]) == (200, "My own", {"text": HTML})
    assert (await send(client, "DELETE", path, token))[0] == 200
    assert (await send(client, "DELETE", path, token))[0] == 404
    assert (await send(client, "PATCH", f"/filters/{theirs['id']}", token, {"name": " "}))[0] == 422


async def test_templates_are_read_as_they_were_written(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    new = {"set": "Answers", "name": "Hello", "body": "Dear {client_name}", "department": "support"}
    status, made = await send(client, "POST", "/templates", token, new)
    assert (status, made["body"]) == (201, "Dear {client_name}")
    path = f"/templates/{made['id']}"
    status, changed = await send(client, "PATCH", path, token, {"body": HTML, "language": "en"})
    assert (status, changed["body"], changed["name"]) == (200, HTML, "Hello")
    assert await get(client, path, token) == changed == (await get(client, "/templates", token))["items"][0]
    for body in ({"body": "{colour}"}, {"department": "kitchen"}, {"subject": "a\nb"}, {"set": None}):
        assert (await send(client, "PATCH", path, token, body))[0] == 422, body
    assert (await send(client, "POST", "/templates", token, new))[0] == 201  # of another language
    assert (await send(client, "POST", "/templates", token, new))[0] == 422  # there is one of this name
    assert (await send(client, "DELETE", path, token))[0] == 200
    await get(client, path, token, 404)


# ── what is hostile ──────────────────────────────────────────────────────────


async def test_html_in_every_field_is_data_and_nothing_else(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    ticket = await created(client, token, fields={}, subject=HTML, solution=HTML)
    path = f"/tickets/{ticket['id']}"
    await send(client, "PUT", f"{path}/tags", token, {"tags": [HTML]})
    await send(client, "POST", f"{path}/entries", token, {"kind": "note", "body": HTML, "subject": HTML})
    await attach(client, token, ticket["id"], f"{HTML}.txt", HTML.encode().replace(b"<", b"("))
    await send(client, "POST", "/filters", token, {"name": HTML, "role": "agent", "query": {"text": HTML}})
    await send(
        client, "POST", "/templates", token, {"set": HTML, "name": HTML, "subject": HTML, "body": HTML}
    )
    seen = 0
    for one in (
        path,
        "/tickets",
        f"{path}/entries",
        f"{path}/changes",
        f"{path}/attachments",
        "/filters",
        "/templates",
    ):
        for accept in ("text/html", "*/*"):
            answer = await client.get(API + one, headers={**token, "Accept": accept})
            assert answer.content_type == "application/json", one
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            seen += HTML in str(await answer.json())
    assert seen == 12, "all but the name of a file, from which it is taken"
    answer = await client.get(f"{API}/tickets?status={HTML}", headers={**token, "Accept": "text/html"})
    assert (answer.status, answer.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize("id", ["0", "99999999999", "9" * 30, "2147483648"])
async def test_a_number_that_is_no_ticket_s(house: House, id: str) -> None:
    client, token = await house.visitor(), await house.token("*")
    for path in ("", "/entries", "/changes", "/attachments", f"/attachments/{id}"):
        await get(client, f"/tickets/{id}{path}", token, 404)
    for method, path in (("DELETE", f"/filters/{id}"), ("DELETE", f"/templates/{id}")):
        assert (await send(client, method, path, token))[0] == 404
