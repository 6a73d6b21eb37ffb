"""Owns the forms by which somebody makes and revokes links to a recording, and the page that a link opens.

The page is open to anybody who knows its address. It shows no name and no number; what is expired, revoked or
was never there looks the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bridge.crm.access import hash_token
from bridge.errors import CallbridgeError
from bridge.store.rows import CallRow, LinkRow, RecordingRow
from bridge.web.access import Open, Routes, SignedIn
from bridge.web.context import LINK_THROTTLE, language_of, parts_of, renderer_of
from bridge.web.forms import Fields, form_of, path_number
from bridge.web.labels import N_
from bridge.web.links import MOST_HOURS, NO_ADDRESS, NO_HOURS, checked_recipient, make_link, revoke_link
from bridge.web.listening import LISTENINGS, unwritten
from bridge.web.pages.calls import Typed, call_page
from bridge.web.pages.recordings import send_file
from bridge.web.pages.views import see_other
from bridge.web.problems import Problem, bad_field

_ASKS_AGAIN = {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY}


def declare(routes: Routes) -> None:
    routes.post("/recordings/{id}/links", make, SignedIn())
    routes.post("/recordings/{id}/links/{link}/revoke", revoke, SignedIn())
    routes.get("/r/{token}", show, Open())
    routes.get("/r/{token}/recording.wav", hear, Open())


# ── for who is signed in ─────────────────────────────────────────────────────


async def make(request: web.Request) -> web.StreamResponse:
    """The link is shown in the answer to this form alone; a mailed one nobody sees but its recipient."""
    form = await form_of(request)
    language = renderer_of(request).languages[language_of(request)]
    try:
        made = await make_link(request, _recipient(form), _hours(form), language)
    except Problem as problem:
        if problem.status not in _ASKS_AGAIN:
            raise
        async with parts_of(request).store.view() as unit:
            recording = await unit.recordings.get(request.match_info["id"])
        if recording is None:
            raise
        fault = problem.detail_in(language)
        typed = Typed(recording.id, form.values.get("recipient", ""), form.values.get("hours", ""))
        return await call_page(request, recording.call, status=problem.status, fault=fault, typed=typed)
    if made.link.recipient:
        return see_other(f"/calls/{quote(made.call, safe='')}?sent={made.link.id}#links-title")
    return await call_page(request, made.call, made=made)


async def revoke(request: web.Request) -> web.StreamResponse:
    await form_of(request)
    link = await revoke_link(request, path_number(request, "link"))
    async with parts_of(request).store.view() as unit:
        recording = await unit.recordings.get(link.recording)
    call = recording.call if recording is not None else ""
    return see_other(f"/calls/{quote(call, safe='')}?revoked={link.id}#links-title")


def _recipient(form: Fields) -> str:
    """As it was typed: what is wrong with an address is told, not cleaned away."""
    try:
        return checked_recipient(form.values.get("recipient", "").strip(" "))
    except ValueError as error:
        raise bad_field("recipient", NO_ADDRESS) from error


def _hours(form: Fields) -> int:
    hours = form.number("hours")
    if not 1 <= hours <= MOST_HOURS:
        raise bad_field("hours", NO_HOURS, highest=str(MOST_HOURS))
    return hours


# ── for whoever has the link ─────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Opened:
    link: LinkRow
    recording: RecordingRow
    call: CallRow | None

    @property
    def detail(self) -> str:
        """To whom it was given, for the audit log."""
        return self.link.recipient or f"link {self.link.id}"


async def show(request: web.Request) -> web.StreamResponse:
    opened = await _opened(request)
    if not isinstance(opened, Opened):
        return opened
    if request.method != "HEAD":  # of a program that looks whether an address leads somewhere
        _count(request)
        try:
            async with parts_of(request).store.unit() as unit:
                await unit.links.open(opened.link.id, datetime.now(UTC))
                await unit.audit.note(
                    by="link",
                    action="recording.link_opened",
                    about=opened.recording.id,
                    call=opened.recording.call,
                    detail=opened.detail,
                )
        except CallbridgeError as error:
            return _refusal(request, unwritten(error))
    return _page(request, HTTPStatus.OK, opened=opened, file=f"{quote(request.path, safe='/')}/recording.wav")


async def hear(request: web.Request) -> web.StreamResponse:
    opened = await _opened(request)
    if not isinstance(opened, Opened):
        return opened
    download = "download" in request.query
    try:
        if request.method != "HEAD":
            await request.app[LISTENINGS].note(
                opened.recording, by="link", download=download, detail=opened.detail
            )
        return await send_file(request, opened.recording, download=download)
    except Problem as problem:
        return _refusal(request, problem)


async def _opened(request: web.Request) -> Opened | web.Response:
    """What the link leads to, or the page that says why it leads nowhere.

    It is looked up by its hash: how long that takes tells nothing of how near a guess was.
    """
    digest, address = hash_token(request.match_info["token"]), request.remote or ""
    wait = request.app[LINK_THROTTLE].wait(digest, address)
    if wait is not None:
        words = N_("This was tried very often. Wait a few minutes, then try again.")
        retry = {"Retry-After": str(int(wait.total_seconds()) + 1)}
        return _refusal(request, Problem(HTTPStatus.TOO_MANY_REQUESTS, words, headers=retry))
    async with parts_of(request).store.view() as unit:
        link = await unit.links.by_hash(digest)
        recording = await unit.recordings.get(link.recording) if link is not None else None
        call = await unit.calls.get(recording.call) if recording is not None else None
    if link is not None and recording is not None and link.is_good(datetime.now(UTC)):
        if recording.state == "attached":
            return Opened(link, recording, call)
    elif link is None:
        _count(request)
    words = N_(
        "This link leads nowhere, or nowhere any more: it has expired, was revoked, or was not copied whole. "
        "Ask who sent it to you for a new one."
    )
    return _refusal(request, Problem(HTTPStatus.NOT_FOUND, words))


def _count(request: web.Request) -> None:
    request.app[LINK_THROTTLE].failed(hash_token(request.match_info["token"]), request.remote or "")


def _refusal(request: web.Request, problem: Problem) -> web.Response:
    words = problem.detail_in(renderer_of(request).languages[language_of(request)])
    return _page(request, problem.status, headers=problem.headers, opened=None, words=words)


def _page(
    request: web.Request, status: HTTPStatus, *, headers: dict[str, str] | None = None, **context: Any
) -> web.Response:
    """Without the frame of the other pages: there is nothing here to go to."""
    now = round(datetime.now(UTC).timestamp() * 1000)
    html = renderer_of(request).render(language_of(request), "link.html", {**context, "now": now})
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=headers)
