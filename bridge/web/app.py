"""Owns the assembly of the web application: its parts, its order of doors, its start and its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import structlog
from aiohttp import web

from bridge import __version__
from bridge.crm.imports import ImportJobs
from bridge.errors import CallbridgeError
from bridge.web import crm_events, health, live
from bridge.web.access import Open, Routes
from bridge.web.api import events as api_events
from bridge.web.api import openapi
from bridge.web.api import routes as api
from bridge.web.api.serving import KEYS, Keys
from bridge.web.assets import Assets
from bridge.web.bodies import MAX_BODY
from bridge.web.context import LINK_THROTTLE, PARTS, RENDERER, SESSIONS, THROTTLE
from bridge.web.disposed import DISPOSED, Disposed
from bridge.web.guard import LIMITS, ROUTES, guard, remember_visitor, set_headers
from bridge.web.i18n import Languages
from bridge.web.limits import ApiLimits
from bridge.web.listening import LISTENINGS, Listenings
from bridge.web.live import HUB
from bridge.web.metrics import Metrics
from bridge.web.moves import MOVES, Moves
from bridge.web.pages import (
    audit,
    callbacks,
    calls,
    clients,
    desktop,
    dialling,
    floor,
    imports,
    links,
    login,
    notices,
    recordings,
    talks,
    template_files,
    templates,
    ticket,
    ticket_card,
    ticket_files,
    ticket_new,
    ticket_thread,
    ticket_writing,
    tickets,
)
from bridge.web.pages.views import SCREENS
from bridge.web.parts import WebParts
from bridge.web.problems import answer_errors
from bridge.web.rendering import Renderer
from bridge.web.screens import CardOpened, CardScreens
from bridge.web.sessions import LinkThrottle, LoginThrottle, Sessions
from bridge.web.streams import Hub
from bridge.web.ticket_words import TicketWords
from bridge.web.uploads import JOBS, run_jobs

log = structlog.get_logger(__name__)
_SWEEP_SECONDS = 600
KEYS_KEPT = timedelta(hours=24)


def make_app(
    parts: WebParts,
    screens: CardScreens,
    metrics: Metrics | None = None,
    *,
    without_vendor: bool = False,
) -> web.Application:
    """The whole web room. ``without_vendor`` is for tests that have no browser: scripts may be unbundled."""
    app = web.Application(middlewares=[remember_visitor, answer_errors, guard], client_max_size=MAX_BODY)
    assets = Assets(without_vendor=without_vendor)
    app[PARTS] = parts
    app[SCREENS] = screens
    app[RENDERER] = Renderer(Languages(), assets, TicketWords(lambda: parts.tickets.rules, parts.plan))
    app[SESSIONS] = Sessions(parts.store, secure=parts.public_url.startswith("https://"))
    app[THROTTLE] = LoginThrottle()
    app[LINK_THROTTLE] = LinkThrottle()
    app[LIMITS] = ApiLimits(parts.rules)
    app[HUB] = Hub()
    app[DISPOSED] = Disposed(parts.plan)
    app[MOVES] = Moves(parts)
    app[LISTENINGS] = Listenings(parts.store)
    app[KEYS] = Keys()
    app[JOBS] = ImportJobs(parts.store, parts.region, parts.client_fields)
    app[health.METRICS] = metrics or Metrics()
    app[api_events.EVENT_STREAMS] = set()
    app[openapi.DOCUMENT] = openapi.document_of(api.OPERATIONS, __version__)
    app[ROUTES] = _routes(assets)
    app[ROUTES].install(app)
    app.on_response_prepare.append(set_headers)
    app.cleanup_ctx.extend([live.wake_pages, _measure, _sweep, run_jobs])
    app.on_shutdown.extend([live.close_pages, api_events.close_event_streams])
    return app


def _routes(assets: Assets) -> Routes:
    routes = Routes()
    pages = (
        login,
        live,
        desktop,
        dialling,
        talks,
        floor,
        tickets,
        ticket_new,
        ticket_card,
        ticket_thread,
        ticket_writing,
        ticket_files,
        ticket,
        templates,
        template_files,
        notices,
        calls,
        clients,
        imports,
        recordings,
        links,
        audit,
        callbacks,
    )
    for room in (*pages, api, health, crm_events):
        room.declare(routes)
    routes.get("/assets/{name}", assets.serve, Open())
    return routes


async def _measure(app: web.Application) -> AsyncIterator[None]:
    metrics, desk = app[health.METRICS], app[PARTS].desk
    metrics.watch_floor(desk.floor, desk.links)
    metrics.watch_pages(lambda: len(app[HUB]))

    def opened(_: CardOpened) -> None:
        metrics.card_opened()

    stop_facts, stop_cards = desk.on_fact(metrics.fact), app[SCREENS].on_opened(opened)
    yield
    stop_facts()
    stop_cards()


async def _sweep(app: web.Application) -> AsyncIterator[None]:
    """Expired sessions are refused anyway; this keeps the tables small."""

    async def sweep() -> None:
        while True:
            try:
                await app[SESSIONS].sweep()
                async with app[PARTS].store.unit() as unit:
                    await unit.keys.sweep(datetime.now(UTC) - KEYS_KEPT)
                await app[JOBS].sweep()
            except CallbridgeError as error:
                log.warning("what expired was not swept", action="sweep", error=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)

    task = asyncio.create_task(sweep())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
