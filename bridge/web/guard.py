"""Owns the door: who is asking, may they, and is an unsafe request really theirs (CSRF, Origin, size)."""

import hmac
import ipaddress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, assert_never
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web

from bridge.crm.access import hash_token
from bridge.errors import InternalError
from bridge.store.rows import TokenRow
from bridge.web.access import Access, Nearby, Open, Routes, Scoped, SignedIn, Vouched
from bridge.web.bodies import MAX_BODY, SECRET, form_with_files, has_files, read_form
from bridge.web.context import SESSIONS, parts_of
from bridge.web.labels import N_
from bridge.web.limits import Allowance, ApiLimits
from bridge.web.principal import CSRF, PRINCIPAL, Bearer, Person, Principal
from bridge.web.problems import Problem, is_link

ROUTES = web.AppKey("routes", Routes)
LIMITS = web.AppKey("limits", ApiLimits)
_ALLOWANCE: web.RequestKey[Allowance] = web.RequestKey("allowance")
_USED_WITHIN = timedelta(minutes=5)
_SAFE = frozenset({"GET", "HEAD"})
_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _CSP)  # of a file that came from outside it is stricter
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # Not no-referrer: with it browsers send "Origin: null" on form posts (Fetch, "append a request Origin").
    headers["Referrer-Policy"] = "same-origin"
    if is_link(request):
        # Its token stands in the address: no other site, no search engine is to get hold of it.
        headers["Referrer-Policy"] = "no-referrer"
        headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers.setdefault("Cache-Control", "no-store")
    if _ALLOWANCE in request:
        headers.update(request[_ALLOWANCE].headers)
    if parts_of(request).public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"


@web.middleware
async def remember_visitor(request: web.Request, handler: Any) -> web.StreamResponse:
    """Whoever got a form without a session holds its secret in a cookie, until he signs in."""
    response: web.StreamResponse = await handler(request)
    visitor = request.get(CSRF)
    sessions = request.config_dict[SESSIONS]
    if visitor and not response.prepared and sessions.visitor(request) != visitor:
        sessions.set_visitor(response, visitor)
    return response


@web.middleware
async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
    failure = request.match_info.http_exception
    if failure is not None:
        if not request.path.startswith("/api/"):
            request[PRINCIPAL] = await request.config_dict[SESSIONS].find(request)  # for the page's frame
        raise failure
    access = request.config_dict[ROUTES].access_of(request.match_info.handler)
    if access is None:
        raise InternalError(f"{request.method} {request.path} has no declared access")
    largest = request.config_dict[ROUTES].largest_body(request.match_info.handler) or MAX_BODY
    if request.content_length is not None and request.content_length > largest:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, N_("The request is too large."))
    principal = await _identify(request, access)
    request[PRINCIPAL] = principal
    if isinstance(access, Scoped):
        _ration(request, principal)
    _admit(request, access, principal)
    if request.method not in _SAFE and not isinstance(principal, Bearer) and not isinstance(access, Vouched):
        await _check_forgery(request, principal)
    response: web.StreamResponse = await handler(request)
    return response


async def _identify(request: web.Request, access: Access) -> Principal:
    if isinstance(access, Scoped | Nearby) and hdrs.AUTHORIZATION in request.headers:
        return await _bearer(request)
    if isinstance(access, Nearby | Vouched):
        return None
    return await request.config_dict[SESSIONS].find(request)


async def _bearer(request: web.Request) -> Bearer:
    kind, _, token = request.headers[hdrs.AUTHORIZATION].partition(" ")
    limits = request.config_dict[LIMITS]
    address = request.remote or ""
    if kind.lower() == "bearer" and 0 < len(token) <= 200:
        digest = hash_token(token.strip())
        if limits.knows(digest):
            # Before anything is asked of the store: a flood must cost next to nothing.
            _ration_as(request, digest)
        elif not await limits.was_issued(digest, parts_of(request).store):
            _refuse_guessing(request, limits, address)
        async with parts_of(request).store.view() as unit:
            row = await unit.tokens.by_hash(digest)
        if row is not None:
            if _ALLOWANCE not in request:
                _ration_as(request, digest)
            await _note_use(request, row)
            return Bearer(row)
    limits.failed(address)
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "The token is not known or has expired; make one with `callbridge token add`.",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        kind="unknown-token",
    )


async def _note_use(request: web.Request, row: TokenRow) -> None:
    """To some minutes: not every request is to write."""
    if row.last_used_at is None or datetime.now(UTC) - row.last_used_at > _USED_WITHIN:
        async with parts_of(request).store.unit() as unit:
            await unit.tokens.used(row.id)


def _ration(request: web.Request, principal: Principal) -> None:
    """A token was counted when it was read; a session is here, and whoever has neither by his address."""
    if isinstance(principal, Person):
        _ration_as(request, principal.session)
    elif principal is None:
        refuse_guessing(request)
        guessed(request)


def refuse_guessing(request: web.Request) -> None:
    """Raises Problem (429) when too much came from his address by which nobody could be known."""
    _refuse_guessing(request, request.config_dict[LIMITS], request.remote or "")


def guessed(request: web.Request) -> None:
    request.config_dict[LIMITS].failed(request.remote or "")


def ration_events(request: web.Request, receiver: int) -> None:
    """Raises Problem (429) when a CRM, whose subscription this is, sends more than anybody could dial."""
    request[_ALLOWANCE] = allowance = request.config_dict[LIMITS].event(receiver)
    if allowance.wait:
        raise _too_many(f"Too many events; at most {allowance.rules.per_second} a second for long.")


def _ration_as(request: web.Request, who: str) -> None:
    request[_ALLOWANCE] = allowance = request.config_dict[LIMITS].take(who)
    if allowance.wait:
        raise _too_many(f"Too many requests; at most {allowance.rules.per_second} a second for long.")


def _refuse_guessing(request: web.Request, limits: ApiLimits, address: str) -> None:
    allowance = limits.address(address)
    if allowance is not None:
        request[_ALLOWANCE] = allowance
        raise _too_many("Too many requests without a good token came from your address.")


def _too_many(message: str) -> Problem:
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, f"{message} Wait as Retry-After says.", kind="rate-limited")


def _admit(request: web.Request, access: Access, principal: Principal) -> None:
    match access:
        case Open() | Vouched():
            return
        case SignedIn(roles):
            if not isinstance(principal, Person):
                raise _sign_in(request)
            if principal.role not in roles:
                raise Problem(HTTPStatus.FORBIDDEN, N_("This page is for supervisors."))
        case Scoped(scope, roles):
            _admit_scoped(
                request, scope, principal, isinstance(principal, Person) and principal.role in roles
            )
        case Nearby(scope):
            if principal is not None or not _is_near(request):
                _admit_scoped(request, scope, principal, False)
        case _:
            assert_never(access)


def _admit_scoped(request: web.Request, scope: str, principal: Principal, role_fits: bool) -> None:
    match principal:
        case Bearer(token):
            if scope not in token.scopes and "*" not in token.scopes:
                raise Problem(
                    HTTPStatus.FORBIDDEN,
                    f"The token {token.name!r} lacks the scope {scope}.",
                    headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
                    kind="insufficient-scope",
                )
        case Person():
            if request.method not in _SAFE:
                raise Problem(
                    HTTPStatus.FORBIDDEN, "A session may only read the API; use a bearer token to write."
                )
            if not role_fits:
                raise Problem(HTTPStatus.FORBIDDEN, f"Your role may not read this; it needs {scope}.")
        case None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                f"Send `Authorization: Bearer TOKEN` with a token that holds {scope}.",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _sign_in(request: web.Request) -> Exception:
    if request.headers.get("HX-Request") == "true":
        return Problem(HTTPStatus.UNAUTHORIZED, N_("Sign in again."), headers={"HX-Redirect": "/login"})
    if request.method in _SAFE and "text/event-stream" not in request.headers.get(hdrs.ACCEPT, ""):
        return web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='/')}")
    return Problem(HTTPStatus.UNAUTHORIZED, N_("Sign in again."))


def _is_near(request: web.Request) -> bool:
    # Behind a reverse proxy every caller seems to be near: then only a token opens.
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP")):
        return False
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_private


async def _check_forgery(request: web.Request, principal: Principal) -> None:
    if not _same_origin(request):
        raise Problem(
            HTTPStatus.FORBIDDEN, N_("The request came from another site. Open the page here and try again.")
        )
    sent = request.headers.get("X-CSRF-Token") or await _sent_secret(request)
    sessions = request.config_dict[SESSIONS]
    expected = principal.csrf if isinstance(principal, Person) else sessions.visitor(request)
    if not expected or not sent or not hmac.compare_digest(sent.encode(errors="replace"), expected.encode()):
        raise Problem(HTTPStatus.FORBIDDEN, N_("The form has expired. Reload the page and try again."))


async def _sent_secret(request: web.Request) -> str | None:
    if has_files(request) and request.config_dict[ROUTES].takes_files(request.match_info.handler):
        return await form_with_files(request).secret()
    return (await read_form(request)).get(SECRET)


def _same_origin(request: web.Request) -> bool:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}
    sent = urlsplit(origin)
    public = urlsplit(parts_of(request).public_url)
    if (sent.scheme, sent.netloc) == (public.scheme, public.netloc):
        return True
    return sent.scheme == public.scheme and sent.netloc == request.host
