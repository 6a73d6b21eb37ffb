"""Owns what a refusal says: RFC 9457 problem details for programs, a page or a notice for people."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web

from bridge.errors import (
    BadInput,
    CallbridgeError,
    NoSuchAttachment,
    NoSuchEntry,
    NoSuchTemplate,
    NoSuchTicket,
    NotAllowed,
    RemoteError,
    WrongFields,
    worded,
)
from bridge.web import labels
from bridge.web.context import frame_of, language_of, renderer_of
from bridge.web.i18n import Language
from bridge.web.labels import N_

log = structlog.get_logger(__name__)


KIND = (
    "urn:callbridge:problem:"  # what a program may want to tell apart has a type of its own, see docs/api.md
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong value. ``place`` is a query parameter's or a form field's name, or a JSON pointer."""

    place: str
    detail: str


class Problem(CallbridgeError):
    """A request that is refused, in words that name the place and the remedy.

    ``message`` is a marked message of the catalogue where people may read it; ``values`` fill it.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        field: str = "",
        values: Mapping[str, object] | None = None,
        faults: tuple[Fault, ...] = (),
        headers: dict[str, str] | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.values = values or {}
        self.faults = faults
        self.headers = headers or {}
        self.kind = KIND + kind if kind else KIND + "invalid" if faults else "about:blank"

    @property
    def detail(self) -> str:
        words = worded(self.message, self.values)
        return f"{self.field}: {words}" if self.field else words

    def detail_in(self, language: Language) -> str:
        words = worded(self.message, self.values, language.gettext)
        if not self.field:
            return words
        return f"{language.gettext(labels.FIELDS.get(self.field, self.field))}: {words}"


def bad_field(name: str, message: str, **values: str) -> Problem:
    filled = message % values if values else message
    return Problem(
        HTTPStatus.BAD_REQUEST,
        message,
        field=name,
        values=values or None,
        faults=(Fault(name, filled),),
    )


def not_found(message: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, message)


@web.middleware
async def answer_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Every exception becomes an answer here and nowhere else."""
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = _of_http(request, error)
    except Problem as error:
        problem = error
    except NoSuchTicket:
        problem = not_found(N_("There is no such ticket."))
    except NoSuchAttachment:
        problem = not_found(N_("There is no such file any more."))
    except NoSuchEntry:
        problem = not_found(N_("There is no such entry in this ticket any more."))
    except NoSuchTemplate:
        problem = not_found(N_("There is no such template any more."))
    except NotAllowed as error:
        problem = Problem(HTTPStatus.FORBIDDEN, error.message, values=error.values, kind="not-allowed")
    except WrongFields as error:
        faults = tuple(Fault(f"#/{_place(key)}", fault) for key, fault in error.faults.items())
        problem = Problem(HTTPStatus.BAD_REQUEST, str(error), faults=faults)
    except BadInput as error:
        problem = Problem(HTTPStatus.BAD_REQUEST, error.message, values=error.values)
    except RemoteError as error:
        log.warning("request failed at a peer", action="http", path=_logged(request), error=str(error))
        problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"})
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("request failed", action="http", path=_logged(request), reference=reference)
        problem = Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            N_("Something broke on our side. Give the engineer this reference: %(reference)s"),
            values={"reference": reference},
        )
    else:
        return response
    return respond(request, problem)


def _place(key: str) -> str:
    """Of a ticket in the API: its class stands beside its custom fields."""
    return key if key == "classification" else f"fields/{key}"


def is_link(request: web.Request) -> bool:
    """A link to a recording, see pages/links.py: whoever knows its address hears it."""
    return request.path.startswith("/r/")


def _logged(request: web.Request) -> str:
    return "/r/…" if is_link(request) else request.path


def respond(request: web.Request, problem: Problem) -> web.Response:
    if is_for_programs(request) or request.path in {"/healthz", "/readyz", "/metrics"}:
        return _for_programs(request, problem)
    return _for_people(request, problem)


def is_for_programs(request: web.Request) -> bool:
    """Everything below /api and /crm but the page for people."""
    return request.path.startswith(("/api/", "/crm/")) and request.path != "/api/docs"


def _for_programs(request: web.Request, problem: Problem) -> web.Response:
    body: dict[str, Any] = {
        "type": problem.kind,
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "instance": request.path,
    }
    if problem.faults:
        body["errors"] = [
            {("pointer" if fault.place.startswith("#") else "parameter"): fault.place, "detail": fault.detail}
            for fault in problem.faults
        ]
    response = web.json_response(
        body, status=problem.status, content_type="application/problem+json", headers=problem.headers
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _for_people(request: web.Request, problem: Problem) -> web.Response:
    language = language_of(request)
    fragment = request.headers.get("HX-Request") == "true"
    renderer = renderer_of(request)
    html = renderer.render(
        language,
        "_notice.html" if fragment else "error.html",
        {
            **frame_of(request),
            "status": problem.status.value,
            "detail": problem.detail_in(renderer.languages[language]),
        },
    )
    response = web.Response(
        text=html, status=problem.status, content_type="text/html", charset="utf-8", headers=problem.headers
    )
    response.headers["Cache-Control"] = "no-store"
    if fragment:
        # What stands over the page in a dialog has a place for notices of its own.
        in_dialog = request.headers.get("HX-Target") == "moves-body"
        response.headers["HX-Retarget"] = "#moves-notice" if in_dialog else "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _of_http(request: web.Request, error: web.HTTPException) -> Problem:
    """The framework's own refusals, in our words."""
    status = HTTPStatus(error.status)
    headers = _kept(error.headers.items())
    match error.status:
        case 404:
            message, values = N_("There is nothing at %(path)s."), {"path": request.path}
        case 405:
            message = N_("%(method)s is not possible at %(path)s; possible: %(allowed)s.")
            allowed = error.headers.get(hdrs.ALLOW, "")
            values = {"method": request.method, "path": request.path, "allowed": allowed}
        case 413:
            message, values = N_("The request is too large."), {}
        case _:
            return Problem(status, error.reason, headers=headers)
    return Problem(status, message, values=values, headers=headers)


def _kept(headers: Any) -> dict[str, str]:
    dropped = {hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH}
    return {name: value for name, value in headers if name not in dropped}
