"""Owns what machines ask about this process: alive, ready, measured."""

import asyncio

import structlog
from aiohttp import web

from bridge.engine.ports import LinkState
from bridge.errors import CallbridgeError, RemoteError
from bridge.web.access import Nearby, Open, Routes
from bridge.web.context import parts_of
from bridge.web.metrics import Metrics

METRICS = web.AppKey("metrics", Metrics)
log = structlog.get_logger(__name__)
_PATIENCE = 2.0
_BESIDE = frozenset({"journal", "mailbox", "mail"})


def declare(routes: Routes) -> None:
    routes.get("/healthz", alive, Open())
    routes.get("/readyz", ready, Open())
    routes.get("/metrics", metrics, Nearby("metrics:read"))


async def alive(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "alive"})


async def ready(request: web.Request) -> web.StreamResponse:
    links = [link for link in parts_of(request).desk.links() if link.name != "store"]
    links.append(await _store(request))
    # Without its journal, or mail, it serves calls as before: it is told, and whoever watches is alarmed.
    up = all(link.up for link in links if link.name not in _BESIDE)
    return web.json_response(
        {
            "status": "ready" if up else "not ready",
            "links": {link.name: {"up": link.up, "detail": link.detail} for link in links},
        },
        status=200 if up else 503,
    )


async def metrics(request: web.Request) -> web.StreamResponse:
    counted = request.app[METRICS]
    try:
        async with parts_of(request).store.view() as unit:
            counted.recordings(pending=len(await unit.recordings.pending()))
    except RemoteError as error:
        # Without a database the other numbers are wanted all the more.
        log.warning("recordings not counted", action="metrics", error=str(error))
    return web.Response(body=counted.text(), headers={"Content-Type": Metrics.CONTENT_TYPE})


async def _store(request: web.Request) -> LinkState:
    try:
        async with asyncio.timeout(_PATIENCE):
            await parts_of(request).store.ping()
    except TimeoutError:
        return LinkState("store", False, f"the database did not answer within {_PATIENCE:.0f} s")
    except CallbridgeError as error:
        return LinkState("store", False, str(error))
    return LinkState("store", True)
