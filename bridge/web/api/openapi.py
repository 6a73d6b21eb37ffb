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
_TAGS = {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$', "maxLength": 4000}
_KEY = {"type": "string", "pattern": r"^[!#-~]+$", "minLength": 1, "maxLength": 200}
_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    "400": "A parameter, or the body as JSON, is wrong",
    "401": "No token, or one that is not valid",
    "403": "The token lacks the scope, or the signed-in person may not see this",
    "404": "There is no such thing",
    "409": "It does not fit the present state",
    "410": "It was removed, or is not kept any more",
    "415": "The body is no JSON",
    "408": "The body came too slowly",
    "412": "It was changed since it was read; ETag has what it is now",
    "413": "The body is too large",
    "416": "There is no such range",
    "422": "A field of the body is wrong",
    "428": "The engineer demands If-Match",
    "429": "Too many requests; Retry-After says when there may be more",
    "500": "Something broke; the detail has a reference for the engineer",
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
    problems = {"400", "401", "403", "429", "500", "503", *operation.problems} | (
        {"404"} if "{" in operation.path else set()
    )
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
        problems |= {"408", "413", "415", "422"}
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[(operation.body, "validation")]}},
        }
    elif operation.takes != "application/json":
        problems |= {"408", "413", "415"}
        described["requestBody"] = {
            "required": True,
            "content": {operation.takes: {"schema": {"type": "string", "minLength": 1}}},
        }
    if operation.takes_key:
        problems |= {"408", "409", "413", "422"}
    if operation.conditional:
        problems |= {"412", "428"}
    responses = described["responses"]
    done: dict[str, Any] = {"description": operation.summary, "content": content}
    responses[str(operation.status)] = done
    if operation.tagged:
        done["headers"] = {"ETag": {"description": "Of what is answered.", "schema": {"type": "string"}}}
    if operation.located:
        done["headers"] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
    if operation.anew:
        location = {"Location": {"description": "Where the new one is.", "schema": {"type": "string"}}}
        responses["201"] = {"description": operation.anew, "content": content, "headers": location}
    if operation.path.endswith("/file"):
        responses["206"] = {"description": "The range that was asked for", "content": content}
    if operation.tagged and operation.method == "GET":
        responses["304"] = {"description": "It is what If-None-Match has"}
    for status in sorted(problems):
        responses[status] = {
            "description": _PROBLEMS[status],
            "content": {
                "application/problem+json": {"schema": references[(models.ProblemBody, "serialization")]}
            },
        }
    responses["429"]["headers"] = {
        name: {"description": f"See {where}.", "schema": {"type": "string"}}
        for name, where in (
            ("Retry-After", "RFC 9110, 10.2.3"),
            ("RateLimit", "draft-ietf-httpapi-ratelimit-headers"),
            ("RateLimit-Policy", "draft-ietf-httpapi-ratelimit-headers"),
        )
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
    if operation.tagged and operation.method == "GET":
        found.append(_header("If-None-Match", "The ETag of what is known: 304 where it is still so.", _TAGS))
    if operation.conditional:
        found.append(_header("If-Match", "The ETag of what was read: 412 where it was changed since.", _TAGS))
    if operation.takes_key:
        found.append(
            _header(
                "Idempotency-Key", "A new one for each request; sent again with it, it is done once.", _KEY
            )
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


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _key(operation: Operation, name: str) -> dict[str, Any]:
    if name in operation.numbered:
        return {"type": "integer", "minimum": 1}
    return {"type": "string", "minLength": 1}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
