"""What hangs on tickets and what they are made by: files, departments, filters, templates; HTML in them."""

import hashlib
from io import BytesIO
from typing import Any

import pytest

from tests.integration.web.web_house import API, House, get
from tests.integration.web.web_tickets import HTML, attach, created, send

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)

# ── files ────────────────────────────────────────────────────────────────────


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
