"""Owns the typed keys of the application and what every handler reads: language, renderer."""

import secrets
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bridge.web import i18n
from bridge.web.parts import WebParts
from bridge.web.principal import CSRF, PRINCIPAL, Person
from bridge.web.rendering import Renderer
from bridge.web.sessions import LinkThrottle, LoginThrottle, Sessions

PARTS = web.AppKey("parts", WebParts)
RENDERER = web.AppKey("renderer", Renderer)
SESSIONS = web.AppKey("sessions", Sessions)
THROTTLE = web.AppKey("throttle", LoginThrottle)
LINK_THROTTLE = web.AppKey("link_throttle", LinkThrottle)


def parts_of(request: web.Request) -> WebParts:
    return request.config_dict[PARTS]


def renderer_of(request: web.Request) -> Renderer:
    return request.config_dict[RENDERER]


def language_cookie(person: Person | None) -> str:
    """A browser may be shared: each person's choice has a cookie of its own."""
    return f"{i18n.COOKIE}_{person.user.id}" if person else i18n.COOKIE


def language_of(request: web.Request) -> str:
    """What was chosen in this browser, else what the user is set to, else what the browser asks for."""
    languages = renderer_of(request).languages
    principal = request.get(PRINCIPAL)
    person = principal if isinstance(principal, Person) else None
    chosen = request.cookies.get(language_cookie(person))
    if chosen in languages:
        return str(chosen)
    if person and person.user.language in languages:
        return person.user.language
    return languages.preferred(request.headers.get("Accept-Language", ""))


def csrf_of(request: web.Request) -> str:
    """The secret that the request's forms must carry; a visitor's is made here and set as a cookie."""
    principal = request.get(PRINCIPAL)
    if isinstance(principal, Person):
        return principal.csrf
    if CSRF not in request:
        request[CSRF] = request.config_dict[SESSIONS].visitor(request) or secrets.token_urlsafe(32)
    return request[CSRF]


def frame_of(request: web.Request) -> dict[str, Any]:
    """What the frame around every page shows. ``live`` names the page's stream; "other" is the common one."""
    principal = request.get(PRINCIPAL)
    person = principal if isinstance(principal, Person) else None
    agent = parts_of(request).plan().agents.get(person.agent) if person and person.agent else None
    return {
        "person": person,
        "name": agent.name if agent else person.user.login if person else "",
        "csrf": csrf_of(request),
        "path": request.path,
        "path_qs": request.path_qs if request.method == "GET" else request.path,
        "live": "other",
        "now": round(datetime.now(UTC).timestamp() * 1000),
    }
