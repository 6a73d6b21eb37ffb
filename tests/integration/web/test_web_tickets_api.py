"""Tickets by the API: lists, created and changed under a condition, their thread, links, merging."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.web.web_house import API, House, get
from tests.integration.web.web_samples import add_client, add_ticket, record
from tests.integration.web.web_tickets import HTML, created, send

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


async def test_what_the_file_lost_is_good_where_it_is(strict: House) -> None:
    """A program that sends the whole ticket back is not blamed for what it left alone."""
    client, token = await strict.visitor(), await strict.token("*")
    id = (await created(client, token))["id"]
    lost: Any = {
        "status": "former",
        "department": "gone",
        "assignee": "9999",
        "classification": "old/class",
        "disposition": "tired",
    }
    async with strict.store.unit() as unit:
        await unit.tickets.change(id, if_version=None, fields=lost, by="", at=datetime.now(UTC))
    status, ticket = await send(client, "PATCH", f"/tickets/{id}", token, {**lost, "subject": "Again"})
    assert (status, ticket["subject"]) == (200, "Again"), ticket
    assert {name: ticket[name] for name in lost} == lost
    for name, value in lost.items():
        changed = {**lost, name: f"{value}-2"}
        assert (await send(client, "PATCH", f"/tickets/{id}", token, changed))[0] == 422, name


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
        ({"kind": "message_in", "body": "x", "to": ["a@example.org"]}, "#/to"),
        ({"kind": "message_out", "body": "x", "cc": ["a@example.org"]}, "#/cc"),
        ({"kind": "message_in", "body": "x", "attachments": [1]}, "#/attachments"),
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


async def test_the_messages_of_a_chat(strict: House) -> None:
    """The client's word is one, whoever carries it: what was closed is opened; an answer is a reaction."""
    client, token = await strict.visitor(), await strict.token("*")
    id = (await created(client, token))["id"]
    path = f"/tickets/{id}/entries"
    status, wrote = await send(client, "POST", path, token, {"kind": "message_in", "body": HTML})
    assert (status, wrote["kind"], wrote["author"], wrote["body"]) == (201, "message_in", "client", HTML)
    assert wrote["seen_by_client"]
    async with strict.store.view() as unit:
        row = await unit.tickets.get(id)
    assert row is not None
    assert (row.last_from_client_at is not None, row.reacted_at) == (True, None)
    status, answered = await send(client, "POST", path, token, {"kind": "message_out", "body": "At once."})
    assert (status, answered["author"], answered["delivery"]) == (201, "token test", "")
    async with strict.store.view() as unit:
        row = await unit.tickets.get(id)
    assert row is not None
    assert (row.reacted_at is not None, row.waiting_since) == (True, None)
    async with strict.store.unit() as unit:
        closed = {"status": "done", "closed_at": datetime.now(UTC)}
        await unit.tickets.change(id, if_version=None, fields=closed, by="anna", at=datetime.now(UTC))
    status, _ = await send(client, "POST", path, token, {"kind": "message_in", "body": "Again!"})
    assert status == 201
    listed = await get(client, f"/tickets/{id}", token)
    assert listed["closed_at"] is None
    missing = await send(client, "POST", "/tickets/4711/entries", token, {"kind": "message_in", "body": "x"})
    assert missing[0] == 404


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
