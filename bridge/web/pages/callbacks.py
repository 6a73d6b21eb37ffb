"""Owns the page of callbacks: which CRMs are told of calls, and what they could not be told."""

from aiohttp import web

from bridge.web.access import SUPERVISORS, Routes, SignedIn
from bridge.web.api.callbacks import replay
from bridge.web.context import parts_of
from bridge.web.forms import form_of, query_of
from bridge.web.pages.views import page, see_other

_PAGE = 50


def declare(routes: Routes) -> None:
    routes.get("/callbacks", show, SignedIn(SUPERVISORS))
    routes.post("/callbacks/{id}/replay", tell_again, SignedIn(SUPERVISORS))


async def show(request: web.Request) -> web.StreamResponse:
    cursor = query_of(request).text("cursor", longest=400) or None
    store = parts_of(request).store
    receivers, counts, dead = await store.read(
        lambda unit: (
            unit.subscriptions.all(),
            unit.outbox.counts(),
            unit.outbox.page(cursor, _PAGE, state="dead"),
        )
    )
    return page(
        request,
        "callbacks.html",
        receivers=receivers,
        names={row.id: row.name for row in receivers},
        counts=counts,
        dead=dead.items,
        cursor=dead.cursor,
    )


async def tell_again(request: web.Request) -> web.StreamResponse:
    await form_of(request)
    await replay(request)
    return see_other("/callbacks")
