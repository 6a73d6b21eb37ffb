"""Owns what goes around every operation of the API: 304 for what is known already, and idempotency keys.

A key is a token's own (draft-ietf-httpapi-idempotency-key-header). That its request runs is written down
before it has an effect: after a restart in between nobody knows what became of it, and this is said.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus

from aiohttp import hdrs, web

from bridge.errors import BadInput, InternalError
from bridge.store.api_rows import KeyRow
from bridge.web.api.etags import is_unchanged, tag_of
from bridge.web.api.operations import Operation
from bridge.web.bodies import read_body
from bridge.web.context import parts_of
from bridge.web.principal import PRINCIPAL, Bearer
from bridge.web.problems import Problem, respond

HEADER = "Idempotency-Key"
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,200})"?')
_KEPT_HEADERS = (hdrs.LOCATION, hdrs.CONTENT_TYPE, hdrs.ETAG)
_SECRETS = 1000  # answers that are told once, kept in memory only

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Name = tuple[int, str]  # the token's id and the key


class Keys:
    """What runs now, and the answers that must not be written down. All else is in the store."""

    def __init__(self) -> None:
        self.running: set[Name] = set()
        self.secrets: OrderedDict[Name, bytes] = OrderedDict()

    def remember(self, name: Name, body: bytes) -> None:
        self.secrets[name] = body
        while len(self.secrets) > _SECRETS:
            self.secrets.popitem(last=False)


KEYS = web.AppKey("idempotency_keys", Keys)


def served(operation: Operation) -> Handler:
    """The operation's handler, with all this around it."""

    @wraps(operation.handler)
    async def serve(request: web.Request) -> web.StreamResponse:
        if operation.method == "GET":
            return _conditional(request, await operation.handler(request))
        if hdrs.IF_MATCH in request.headers and not operation.conditional:
            # To pass it over would be to overwrite what its sender means to keep.
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "If-Match is heeded only where a client, ticket or template is changed: leave it out here.",
            )
        principal = request.get(PRINCIPAL)
        if operation.takes_key and HEADER in request.headers and isinstance(principal, Bearer):
            return await _once(request, operation, (principal.token.id, _key(request)))
        return await operation.handler(request)

    return serve


def _conditional(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK or response.text is None:
        return response  # a file and a stream have their own ways
    tag = response.headers.setdefault(hdrs.ETAG, tag_of(response.text))
    if isinstance(request.get(PRINCIPAL), Bearer):
        # A browser keeps nothing of it, a program may: it has to ask each time whether it is still so.
        response.headers.setdefault(hdrs.CACHE_CONTROL, "private, no-cache")
    if not is_unchanged(request, tag):
        return response
    kept = {
        name: response.headers[name] for name in (hdrs.ETAG, hdrs.CACHE_CONTROL) if name in response.headers
    }
    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)


async def _once(request: web.Request, operation: Operation, name: Name) -> web.StreamResponse:
    asked = hashlib.sha256(f"{request.method} {request.path_qs}\n".encode("utf-8", "surrogateescape"))
    asked.update(await read_body(request))
    store, keys = parts_of(request).store, request.config_dict[KEYS]
    known: KeyRow | None = None
    try:
        async with store.unit() as unit:
            known = await unit.keys.begin(*name, asked.hexdigest())
            if known is None:
                keys.running.add(name)  # before anybody can see the row
        if known is not None:
            return _again(known, asked.hexdigest(), name, keys)
        response = await _answered(request, operation, name)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await _forget(request, name)  # it may be tried again
            return response
        body = response.body if isinstance(response.body, bytes) else b""
        secret = operation.told_once and response.status < HTTPStatus.BAD_REQUEST
        if secret:
            keys.remember(name, body)
        headers = {str(one): response.headers[one] for one in _KEPT_HEADERS if one in response.headers}
        async with store.unit() as unit:
            await unit.keys.end(*name, response.status, headers, None if secret else body)
        return response
    finally:
        if known is None:
            keys.running.discard(name)


async def _answered(request: web.Request, operation: Operation, name: Name) -> web.Response:
    """A refusal is an answer too. What broke is forgotten: it may be tried again."""
    try:
        response = await operation.handler(request)
    except (Problem, BadInput) as error:
        problem = error if isinstance(error, Problem) else Problem(HTTPStatus.BAD_REQUEST, str(error))
        return respond(request, problem)
    except Exception:
        await _forget(request, name)
        raise
    if not isinstance(response, web.Response):
        raise InternalError(f"{operation.name} answers with a stream, which no key can keep")
    return response


async def _forget(request: web.Request, name: Name) -> None:
    async with parts_of(request).store.unit() as unit:
        await unit.keys.forget(*name)


def _again(known: KeyRow, asked: str, name: Name, keys: Keys) -> web.Response:
    if known.asked != asked:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{HEADER}: another request had this key already; make a new key for each.",
            kind="key-reused",
        )
    if known.status is None:
        if name in keys.running:
            raise Problem(
                HTTPStatus.CONFLICT,
                f"{HEADER}: the first request with this key still runs; ask again.",
                headers={"Retry-After": "1"},
                kind="key-in-use",
            )
        raise _unknown("a restart came between: whether it was carried out is not known.")
    body = keys.secrets.get(name) if known.body is None else known.body
    if body is None:
        raise _unknown("it was carried out; its answer was a secret and is not kept any more.")
    return web.Response(status=known.status, headers=dict(known.headers), body=body)


def _unknown(words: str) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT, f"{HEADER}: {words} Look, and use another key.", kind="key-without-answer"
    )


def _key(request: web.Request) -> str:
    sent = request.headers.getall(HEADER)
    found = _KEY.fullmatch(sent[0].strip())
    if len(sent) > 1 or found is None:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{HEADER}: give one key of 1 to 200 visible characters.")
    return found[1]
