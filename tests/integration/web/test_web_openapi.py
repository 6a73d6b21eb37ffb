"""The OpenAPI document: well formed, complete, and true to what the API answers."""

import re
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bridge.centre.ids import AgentId
from bridge.centre.record import TransferEnd, TransferKind, TransferRecord
from bridge.engine.ports import FloorView, LiveParty
from bridge.store.outbox import NewEvent
from bridge.web.api.routes import OPERATIONS
from bridge.web.guard import ROUTES
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_client, add_offers, add_ticket, busy_floor, record

# The shape of a document by OpenAPI 3.1.0, sections 4.8.1 to 4.8.21, as far as ours uses it.
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "servers": {"type": "array", "items": {"required": ["url"]}},
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object",
                "propertyNames": {"enum": ["get", "post", "patch", "put", "delete"]},
                "additionalProperties": {
                    "type": "object",
                    "required": ["operationId", "summary", "security", "responses"],
                    "properties": {
                        "parameters": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name", "in", "schema"],
                                "properties": {"in": {"enum": ["path", "query", "header"]}},
                            },
                        },
                        "requestBody": {"type": "object", "required": ["content"]},
                        "responses": {
                            "type": "object",
                            "minProperties": 2,
                            "propertyNames": {"pattern": "^[2-5][0-9]{2}$"},
                            "additionalProperties": {
                                "type": "object",
                                "required": ["description"],
                            },
                        },
                    },
                },
            },
        },
        "components": {"type": "object", "required": ["schemas", "securitySchemes"]},
    },
}


async def _document(house: House) -> dict[str, Any]:
    answer = await (await house.visitor()).get("/api/v1/openapi.json")
    assert answer.status == 200
    document: dict[str, Any] = await answer.json()
    return document


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for item in value.values() for ref in _references(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in _references(item)]
    return []


async def test_the_document_is_valid(house: House) -> None:
    document = await _document(house)
    Draft202012Validator(_SCHEMA).validate(document)
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        Draft202012Validator.check_schema(schema)
    references = _references(document)
    assert references
    for reference in references:
        prefix, _, name = reference.rpartition("/")
        assert prefix == "#/components/schemas"
        assert name in schemas, reference
    operations = [operation for place in document["paths"].values() for operation in place.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path, place in document["paths"].items():
        for operation in place.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
            for one in operation["parameters"]:
                Draft202012Validator.check_schema(one["schema"])
                assert one["in"] != "path" or one["required"] is True


async def test_every_operation_is_described_and_every_described_one_exists(house: House) -> None:
    document = await _document(house)
    described = {(method.upper(), path) for path, place in document["paths"].items() for method in place}
    routed = {
        (route.method, route.path)
        for route in house.server.app[ROUTES]
        if route.path.startswith("/api/v1/") and not route.path.endswith("openapi.json")
    }
    assert described == routed
    assert len(OPERATIONS) == len(described)


def _with_a_talk(view: FloorView) -> FloorView:
    """Anna's, who passes the client on, and did so before."""
    first, *others = view.calls
    since = first.since
    parties = (LiveParty(AgentId("1001"), "consult", since), LiveParty(None, "consult", since, muted=True))
    before = TransferRecord(1, AgentId("1002"), TransferKind.BLIND, "agent 1001", since, since)
    now = TransferRecord(2, AgentId("1001"), TransferKind.ATTENDED, "number +74951112233", since)
    before = replace(before, end=TransferEnd.COMPLETED, to=AgentId("1001"))
    talk = replace(first, parties=parties, transfers=(before, now), stage="consulting")
    return replace(view, calls=(talk, *others))


async def _dress(client: Any, token: dict[str, str], ticket: int) -> None:
    """Something of each kind hangs on the ticket, and beside it."""
    path = f"/api/v1/tickets/{ticket}"
    for where, body in (
        (f"{path}/entries", {"kind": "note", "body": "It burns."}),
        ("/api/v1/filters", {"name": "All", "role": "agent", "query": {"text": "fire"}}),
        ("/api/v1/templates", {"set": "Answers", "name": "Hello", "body": "Dear {client_name}"}),
        ("/api/v1/templates", {"set": "Answers", "name": "With a file", "body": "See it."}),
    ):
        answer = await client.post(where, json=body, headers=token)
        assert answer.status == 201, await answer.text()
    answer = await client.put(f"{path}/tags", json={"tags": ["fire"]}, headers=token)
    assert answer.status == 200
    octets = {**token, "Content-Type": "application/octet-stream"}
    for where in (f"{path}/attachments?name=a.txt&entry=1", "/api/v1/templates/2/attachments?name=b.txt"):
        answer = await client.post(where, data=b"It burns.", headers=octets)
        assert answer.status == 201, await answer.text()


async def test_what_is_answered_is_what_is_described(house: House) -> None:
    document = await _document(house)
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:api", resource)
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария", "+79161234567")
    call = record(client=who, answered=True, ended=True)
    ticket = await add_ticket(house, call)
    await add_offers(house, call)
    answer = await client.post(f"/api/v1/recordings/{call.id}-rec-1/links", json={}, headers=token)
    assert answer.status == 201
    receiver = {"name": "crm", "url": "https://crm.example.org/hook"}
    answer = await client.post("/api/v1/subscriptions", json=receiver, headers=token)
    assert answer.status == 201
    event = NewEvent([1], call.id, "offered", "evt_1", "call.offered", "{}")
    await house.store.write(lambda unit: unit.outbox.add(event, call.offered_at))
    headers = {**token, "Content-Type": "text/csv"}
    answer = await client.post("/api/v1/clients/import", data=b"name;number\n", headers=headers)
    assert answer.status == 202
    await _dress(client, token, ticket)
    house.desk.show(_with_a_talk(busy_floor(call.offered_at)))
    ids = {
        "/api/v1/calls/{id}": call.id,
        "/api/v1/calls/{id}/offers": call.id,
        "/api/v1/tickets/{id}": ticket,
        **{f"/api/v1/tickets/{{id}}/{one}": ticket for one in ("entries", "changes", "attachments")},
        "/api/v1/tickets/{id}/attachments/{attachment}": 1,
        "/api/v1/templates/{id}": 1,
        "/api/v1/templates/{id}/attachments": 2,
        "/api/v1/templates/{id}/attachments/{attachment}": 2,
        "/api/v1/clients/{id}": who,
        "/api/v1/imports/{id}": (await answer.json())["id"],
        "/api/v1/agents/{id}": "1001",
        "/api/v1/agents/{id}/call": "1001",
        "/api/v1/queues/{name}": "support",
        "/api/v1/recordings/{id}": f"{call.id}-rec-1",
        "/api/v1/recordings/{id}/links": f"{call.id}-rec-1",
    }
    checked = 0
    for path, place in document["paths"].items():
        content = place.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in content:
            continue
        url = re.sub(r"{\w+}", str(ids.get(path, "")), path)
        answer = await client.get(url, headers=token)
        assert answer.status == 200, url
        body = await answer.json()
        reference = content["application/json"]["schema"]["$ref"]
        Draft202012Validator({"$ref": f"urn:api{reference}"}, registry=registry).validate(body)
        assert body.get("items", [1]), f"{url} showed nothing to check"
        answer = await client.get(url, headers={"Authorization": "Bearer x"})
        problem = {"$ref": "urn:api#/components/schemas/ProblemBody"}
        Draft202012Validator(problem, registry=registry).validate(await answer.json())
        checked += 1
    assert checked == 31


async def test_the_page_for_people_shows_every_operation(house: House) -> None:
    html = await (await (await house.visitor()).get("/api/docs")).text()
    for operation in OPERATIONS:
        assert f"<code>/api/v1{operation.path}</code>" in html
        assert operation.scope in html
