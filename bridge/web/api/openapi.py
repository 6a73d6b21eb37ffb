"""Owns the OpenAPI 3.1 document and its page for people. Both are made of operations and models."""

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bridge.web.api import models
from bridge.web.api.operations import PREFIX, Operation
from bridge.web.pages.views import page

DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("openapi_document")
_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    "400": "A parameter, or the body as JSON, is wrong",
    "401": "No token, or one that is not valid",
    "403": "The token lacks the scope, or the signed-in person may not see this",
    "404": "There is no such thing",
    "409": "It does not fit the present state",
    "410": "It was removed",
    "415": "The body is no JSON",
    "416": "There is no such range",
    "422": "A field of the body is wrong",
    "502": "The mail server did not take the mail; the link is revoked",
    "503": "It cannot be reached or opened now, or it cannot be written down who hears it",
}


def document_of(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    # The events' model is in no JSON answer, but it is what the stream's data hold.
    spoken: set[type[BaseModel]] = {models.ProblemBody, models.Event}
    taken: set[type[BaseModel]] = set()
    for operation in operations:
        if not isinstance(operation.answer, str):
            spoken.add(operation.answer)
        if operation.body is not None:
            taken.add(operation.body)
    wanted = [(model, "serialization") for model in sorted(spoken, key=_name)]
    wanted += [(model, "validation") for model in sorted(taken, key=_name)]
    references, schemas = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, Any] = {}
    for operation in operations:
        place = paths.setdefault(PREFIX + operation.path, {})
        place[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Callbridge",
            "version": version,
            "description": "Calls, tickets, clients, agents, queues and recordings of the contact centre.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made with `callbridge token add NAME --scope SCOPE`.",
                }
            },
        },
    }


async def show_document(request: web.Request) -> web.StreamResponse:
    return web.json_response(request.app[DOCUMENT])


async def show_page(request: web.Request) -> web.StreamResponse:
    return page(request, "api.html", document=request.app[DOCUMENT])


def _operation(operation: Operation, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(operation.answer, str):
        content: dict[str, Any] = {operation.answer: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": references[(operation.answer, "serialization")]}}
    problems = {"400", "401", "403", *operation.problems} | ({"404"} if "{" in operation.path else set())
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "security": [{"token": []}],
        "x-scope": operation.scope,
        "parameters": _parameters(operation),
        "responses": {},
    }
    if operation.body is not None:
        problems |= {"415", "422"}
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[(operation.body, "validation")]}},
        }
    responses = described["responses"]
    responses[str(operation.status)] = {"description": operation.summary, "content": content}
    if operation.path.endswith("/file"):
        responses["206"] = {"description": "The range that was asked for", "content": content}
    for status in sorted(problems):
        responses[status] = {
            "description": _PROBLEMS[status],
            "content": {
                "application/problem+json": {"schema": references[(models.ProblemBody, "serialization")]}
            },
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _key(operation, name)}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    schema = operation.query.model_json_schema()
    required = schema.get("required", [])
    for name, described in schema.get("properties", {}).items():
        shown = {key: value for key, value in described.items() if key not in {"title", "description"}}
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": described.get("description", ""),
                "schema": shown,
            }
        )
    if operation.answer == "text/event-stream":
        found.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "The id of the last event that was seen: what came after it is sent first.",
                "schema": {"type": "integer", "minimum": 0},
            }
        )
    return found


def _key(operation: Operation, name: str) -> dict[str, Any]:
    if name in operation.numbered:
        return {"type": "integer", "minimum": 1}
    return {"type": "string", "minLength": 1}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
