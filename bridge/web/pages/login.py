"""Owns signing in, signing out and the choice of language."""

import asyncio
import math
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bridge.centre.facts import AgentLoggedIn, AgentLoggedOut
from bridge.centre.ids import AgentId
from bridge.crm.access import check_login
from bridge.store.rows import UserRow
from bridge.web.access import Open, Routes, SignedIn
from bridge.web.context import SESSIONS, THROTTLE, language_cookie, parts_of, renderer_of
from bridge.web.forms import form_of
from bridge.web.live import HUB
from bridge.web.pages.views import page, see_other
from bridge.web.principal import PRINCIPAL, Person, person_of

log = structlog.get_logger(__name__)

_YEAR = 365 * 24 * 3600
# Argon2 takes tens of megabytes and a core for each check: a flood of sign-ins must not take them all.
_AT_ONCE = asyncio.Semaphore(2)


def declare(routes: Routes) -> None:
    routes.get("/login", show, Open())
    routes.post("/login", sign_in, Open())
    routes.post("/logout", sign_out, SignedIn())
    routes.post("/language", choose_language, Open())


async def show(request: web.Request) -> web.StreamResponse:
    if isinstance(request.get(PRINCIPAL), Person):
        return see_other("/")
    return page(request, "login.html", login="", next=safe_path(request.query.get("next", "/")), fault="")


async def sign_in(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    login = form.text("login", longest=100)
    password = form.values.get("password", "")
    following = safe_path(form.values.get("next", "/"))
    address = request.remote or ""
    throttle = request.app[THROTTLE]
    wait = throttle.wait(login, address)
    if wait is not None:
        log.warning("sign-in throttled", action="login", login=login, address=address)
        seconds = math.ceil(wait.total_seconds())
        response = page(
            request,
            "login.html",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            login=login,
            next=following,
            fault="throttled",
            minutes=math.ceil(seconds / 60),
        )
        response.headers["Retry-After"] = str(seconds)
        return response
    # Counted before the check, taken back after: parallel attempts cannot slip under the limit.
    counted = throttle.failed(login, address)
    async with _AT_ONCE:
        user = await check_login(parts_of(request).store, login, password)
    if user is None:
        log.warning("sign-in refused", action="login", login=login, address=address)
        return page(
            request, "login.html", status=HTTPStatus.FORBIDDEN, login=login, next=following, fault="wrong"
        )
    throttle.succeeded(login, address, counted)
    answer = see_other(following)
    await request.app[SESSIONS].open(user, answer)
    await _enter_floor(request, user)
    log.info("signed in", action="login", login=user.login, address=address)
    return answer


async def sign_out(request: web.Request) -> web.StreamResponse:
    person = person_of(request)
    answer = see_other("/login")
    await request.app[SESSIONS].close(person, answer)
    request.app[HUB].close_session(person.session)
    if person.agent:
        await parts_of(request).desk.submit(AgentLoggedOut(person.agent))
    return answer


async def choose_language(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    code = form.choice("language", renderer_of(request).languages.codes())
    principal = request.get(PRINCIPAL)
    person = principal if isinstance(principal, Person) else None
    answer = see_other(safe_path(form.values.get("next", "/")))
    secure = parts_of(request).public_url.startswith("https://")
    answer.set_cookie(
        language_cookie(person),
        code,
        max_age=_YEAR,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=secure,
    )
    return answer


def safe_path(target: str) -> str:
    """Only a path of ours: never another site's address, however it is written."""
    parts = urlsplit(target)
    odd = any(ord(char) < 33 or char == "\\" for char in target)
    if odd or parts.scheme or parts.netloc or not target.startswith("/") or target.startswith("//"):
        return "/"
    return target if target.isascii() and len(target) <= 500 else "/"


async def _enter_floor(request: web.Request, user: UserRow) -> None:
    """An agent who signs in is at his desk; one whom a phone or the API put there already stays as he is."""
    if not user.agent:
        return
    desk = parts_of(request).desk
    agent = AgentId(user.agent)
    if all(live.agent != agent or live.state == "logged_out" for live in desk.floor().agents):
        await desk.submit(AgentLoggedIn(agent))
