"""Owns what may be asked of a call that an agent makes, and the refusals, for his page and the API.

The floor decides, by the same rules; what came of it is in the agent's state a moment later.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from itertools import count

from aiohttp import web

from bridge.centre.facts import CallWished
from bridge.centre.ids import AgentId, CallId, wished_call_id
from bridge.centre.plan import Plan, ToNumber
from bridge.crm.numbers import NumberKind, read
from bridge.engine.ports import FloorView, LiveAgent
from bridge.store.rows import CallRow
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.problems import Problem

Refused = Callable[..., Problem]

_NEXT = count(1)  # with the time in front of it, unique over restarts as well
_READABLE_WITHIN = 3.0  # seconds: the call is made all the same when the store takes longer
_LOOK_AGAIN = 0.02  # seconds
_LOOKED_BACK = 20  # calls: an agent's last ones may all have been from withheld numbers


def prefixes_of(plan: Plan) -> tuple[str, ...]:
    """With what a number begins that agents may call; none may be called when there is nothing."""
    return plan.outside.prefixes if plan.outside is not None else ()


def number_again(plan: Plan, call: CallRow) -> str | None:
    """By which its client can be called; None for nobody, or for a number that is not permitted."""
    if call.withheld or call.direction == "internal":
        return None
    numbers = (plan.outside_number(one) for one in (call.number, call.e164) if one)
    return next((number.number for number in numbers if number is not None), None)


def permitted(request: web.Request, plan: Plan, written: str) -> ToNumber | None:
    """As ``Plan.outside_number``, in any writing: 8 495 111-22-33 is +74951112233 by a trunk in RU."""
    to = plan.outside_number(written)
    if to is None and (e164 := read(written, _region(request, plan)).e164) is not None:
        to = plan.outside_number(e164)
    return to


async def call_number(
    request: web.Request,
    agent: AgentId,
    number: str,
    refused: Refused,
    *,
    before: Callable[[CallId], Awaitable[None]] | None = None,
) -> CallId:
    """``before``: what must be done with the call's id before the call is there.

    Raises Problem: 409 for an agent who is not free, ``refused`` for a number that is not permitted.
    """
    parts = parts_of(request)
    plan = parts.plan()
    reading = read(number, _region(request, plan))
    if reading.kind is NumberKind.EMERGENCY:
        raise refused(
            N_("%(number)s is an emergency number: dial it on a telephone of the company's own."),
            number=reading.digits,
        )
    to = permitted(request, plan, number)
    if to is None and not prefixes_of(plan):
        raise refused(N_("no number outside can be called: the engineer permits them under transfers:."))
    if to is None:
        raise refused(
            N_("only numbers that begin with %(prefixes)s may be called."),
            prefixes=", ".join(prefixes_of(plan)),
        )
    _demand_free(parts.desk.floor(), agent)
    if any(link.name == "ari" and not link.up for link in parts.desk.links()):
        raise Problem(HTTPStatus.CONFLICT, N_("Asterisk cannot be reached now. Try again in a moment."))
    call = wished_call_id(time.time_ns() // 1_000_000, next(_NEXT))
    if before is not None:
        await before(call)
    await parts.desk.submit(CallWished(call, agent, to.number))
    return call


async def readable(request: web.Request, call: CallId) -> None:
    """Returns when the record of a call that was just wished can be read, or the store takes too long."""
    deadline = time.monotonic() + _READABLE_WITHIN
    while time.monotonic() < deadline:
        async with parts_of(request).store.view() as unit:
            if await unit.calls.get(call) is not None:
                return
        await asyncio.sleep(_LOOK_AGAIN)


async def last_number(request: web.Request, agent: AgentId) -> str:
    """With which he talked last, or which he called. Raises Problem (409) for none."""
    parts = parts_of(request)
    async with parts.store.view() as unit:
        page = await unit.calls.page(None, _LOOKED_BACK, agent=agent)
    found = (number for call in page.items if (number := number_again(parts.plan(), call)) is not None)
    number = next(found, None)
    if number is None:
        raise Problem(HTTPStatus.CONFLICT, N_("There is no last number that may be called."))
    return number


def _region(request: web.Request, plan: Plan) -> str:
    return (plan.outside.region if plan.outside is not None else "") or parts_of(request).region()


def is_free(live: LiveAgent) -> bool:
    """May he call somebody?"""
    return live.reachable and live.state == "ready"


def _demand_free(floor: FloorView, agent: AgentId) -> None:
    live = next((one for one in floor.agents if one.agent == agent), None)
    if live is None or not live.reachable:
        raise Problem(HTTPStatus.CONFLICT, N_("The phone that would ring is not connected."))
    if live.state in ("ringing", "talking"):
        raise Problem(HTTPStatus.CONFLICT, N_("The phone that would ring is in a call."))
    if live.state != "ready":
        raise Problem(HTTPStatus.CONFLICT, N_("Only who is ready can call somebody. Be ready first."))
