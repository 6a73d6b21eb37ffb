"""Owns the API's receivers of call events, and what is told to them: list, add, change, remove, replay."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from bridge.crm.subscribers import Made, Subscribers
from bridge.errors import InternalError
from bridge.store.outbox_rows import OutboxRow, SubscriptionRow
from bridge.web.api import callback_models as models
from bridge.web.api.models import Listed
from bridge.web.api.operations import NoQuery, Paged, answer, body, query
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.moves import by_whom
from bridge.web.problems import Problem


class CallbacksQuery(Paged):
    state: Literal["waiting", "delivered", "dead", "skipped"] | None = None
    call: str | None = Field(None, max_length=200, description="Only of this call.")
    subscription: int | None = Field(None, ge=1, description="Only for this receiver.")


async def list_subscriptions(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    rows = await _subscribers(request).all()
    items = [models.Subscription.model_validate(_shown(row)) for row in rows]
    return answer(Listed[models.Subscription](items=items, next=None))


async def add_subscription(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewSubscription)).value
    made = await _subscribers(request).add(
        wanted.name,
        wanted.format,
        wanted.url,
        events=[kind.value for kind in wanted.events],
        options=wanted.options,
        secret=wanted.secret,
        by=by_whom(request),
    )
    return answer(_made(made), status=HTTPStatus.CREATED)


async def change_subscription(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    id = await _known(request)
    wanted = (await body(request, models.ChangedSubscription)).value
    made = await _subscribers(request).change(
        id,
        by=by_whom(request),
        url=wanted.url,
        events=None if wanted.events is None else [kind.value for kind in wanted.events],
        options=wanted.options,
        secret=wanted.secret,
        active=wanted.active,
    )
    return answer(_made(made))


async def remove_subscription(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    subscribers = _subscribers(request)
    row = await subscribers.get(await _known(request))
    await subscribers.delete(row.id, by=by_whom(request))
    return answer(models.Subscription.model_validate(_shown(row)))


async def list_callbacks(request: web.Request) -> web.StreamResponse:
    asked = query(request, CallbacksQuery)
    page = await parts_of(request).store.read(
        lambda unit: unit.outbox.page(
            asked.cursor,
            asked.limit,
            state=asked.state,
            call=asked.call,
            subscription=asked.subscription,
        )
    )
    return answer(Listed[models.Callback](items=[_callback(row) for row in page.items], next=page.cursor))


async def replay_callback(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(_callback(await replay(request)))


async def drop_callback(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    id, by = await _waiting(request), by_whom(request)
    return answer(_callback(await _subscribers(request).drop(id, by=by)))


async def replay(request: web.Request) -> OutboxRow:
    """Also the page's way."""
    return await _subscribers(request).replay(await _waiting(request), by=by_whom(request))


async def _waiting(request: web.Request) -> int:
    id = path_number(request) or 0
    if await parts_of(request).store.read(lambda unit: unit.outbox.get(id)) is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such callback.")
    return id


async def _known(request: web.Request) -> int:
    id = path_number(request) or 0
    if await parts_of(request).store.read(lambda unit: unit.subscriptions.get(id)) is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such subscription.")
    return id


def _subscribers(request: web.Request) -> Subscribers:
    subscribers = parts_of(request).subscribers
    if subscribers is None:
        raise InternalError("the web room was given no subscribers")
    return subscribers


def _made(made: Made) -> models.MadeSubscription:
    return models.MadeSubscription.model_validate({**_shown(made.row), "secret": made.secret})


def _shown(row: SubscriptionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "format": row.format,
        "host": row.shown,
        "events": sorted(row.events),
        "active": row.active,
        "disabled_reason": row.disabled_reason,
        "slow_until": row.slow_until if row.slow_until and row.slow_until > datetime.now(UTC) else None,
        "created_by": row.created_by,
        "created_at": row.created_at,
    }


def _callback(row: OutboxRow) -> models.Callback:
    return models.Callback.model_validate(
        {
            "id": row.seq,
            "subscription": row.subscription,
            "call_id": row.call,
            "event_id": row.event_id,
            "kind": row.kind,
            "state": row.state,
            "tries": row.tries,
            "next_at": row.next_at,
            "last_status": row.last_status,
            "last_error": row.last_error,
            "created_at": row.created_at,
            "done_at": row.done_at,
        }
    )
