"""Owns what CRMs send to us: events of Bitrix24, by which a call is to be made.

Anybody can send something here. Who has not the application's token learns nothing, not even whether there is
such a subscription. What may be called is what an agent may call himself.
"""

from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from aiohttp import web

from bridge.centre.ids import AgentId, CallId
from bridge.crm.formats.bitrix24 import Bitrix24, agent_of, application_token, called_back, registered
from bridge.crm.formats.bitrix24_events import MAX_BODY, ClickToCall, Event, parse
from bridge.crm.subscribers import Receiver
from bridge.engine.ports import LiveAgent
from bridge.errors import BadInput, InternalError
from bridge.web.access import Routes, Vouched
from bridge.web.bodies import read_body
from bridge.web.context import parts_of
from bridge.web.dialling import call_number, is_free
from bridge.web.forms import path_number
from bridge.web.guard import guessed, ration_events, refuse_guessing
from bridge.web.problems import Problem

log = structlog.get_logger(__name__)


def declare(routes: Routes) -> None:
    routes.add("POST", "/crm/bitrix24/{id}", bitrix24, Vouched(), numbers=frozenset({"id"}))
    routes.limit_body(bitrix24, MAX_BODY)


async def bitrix24(request: web.Request) -> web.StreamResponse:
    """Raises BadInput for what is not from that application; Problem: 409, 413, 422, 429.

    The token stands in the body, of which no more is read than an event may have. Guesses are counted by
    their address; what has the token is taken all the same, for behind a proxy all have the same one, and
    counted by its subscription.
    """
    receiver = await _receiver(request)
    try:
        body = await read_body(request, MAX_BODY)
        event = parse(body, application_token(receiver.target) if receiver else b"")
    except (BadInput, Problem):
        refuse_guessing(request)
        guessed(request)
        raise
    if receiver is None:
        raise InternalError("an empty token let somebody in")
    ration_events(request, receiver.row.id)
    try:
        call = await _call(request, receiver, event)
    except Problem as error:
        _log_refusal(receiver, error.detail)
        raise
    return web.json_response({"call_id": call})


async def _receiver(request: web.Request) -> Receiver | None:
    """None: there is no such Bitrix24, or it is switched off."""
    parts = parts_of(request)
    id = path_number(request) or 0
    row = await parts.store.read(lambda unit: unit.subscriptions.get(id))
    if parts.subscribers is None or row is None or not row.active or row.format != Bitrix24.name:
        return None
    return parts.subscribers.opened(row)


async def _call(request: web.Request, receiver: Receiver, event: Event) -> CallId:
    if isinstance(event, ClickToCall):
        agent, state = _agent_of(receiver, event.user), registered(event.call_id, event.user)
    else:
        agent, state = _who_is_free(request, receiver), called_back()

    async def expect(call: CallId) -> None:
        """Before anything is told of the call: what Bitrix24 knows of it already."""
        id, now = receiver.row.id, datetime.now(UTC)
        await parts_of(request).store.write(lambda unit: unit.outbox.expect(call, id, state, now))

    return await call_number(request, agent, event.number, _unfit, before=expect)


def _agent_of(receiver: Receiver, user: str) -> AgentId:
    agent = agent_of(user, receiver.target)
    if agent is None:
        raise _unfit(
            "Bitrix24's user %(user)s is no agent here; write him into the option “users”.", user=user
        )
    return AgentId(agent)


def _who_is_free(request: web.Request, receiver: Receiver) -> AgentId:
    """The agent of the subscription's user, else whoever has been free longest in the queue that it names."""
    options = receiver.target.options
    default, queue = agent_of(options["user"], receiver.target), options.get("callback_queue")
    free = [one for one in parts_of(request).desk.floor().agents if is_free(one)]

    def rank(one: LiveAgent) -> tuple[bool, datetime]:
        return one.agent != default, one.since

    able = [one for one in free if one.agent == default or queue in one.queues]
    if not able:
        raise Problem(HTTPStatus.CONFLICT, "Nobody is free to call back.")
    return min(able, key=rank).agent


def _unfit(words: str, **values: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, words % values if values else words)


def _log_refusal(receiver: Receiver, why: str) -> None:
    log.warning(
        "a CRM wishes a call that is not made", action="bitrix24", receiver=receiver.row.name, reason=why
    )
