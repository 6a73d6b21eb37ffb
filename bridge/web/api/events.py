"""Owns the API's event stream: facts as events with the log's own ids, so that a client can resume.

Facts are read from the log, never from memory: what is sent has an id that will still be known after a
restart, and what a slow client misses it asks for again. Cards are no facts: their events have no id.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from bridge.centre.ids import LegId, is_agent_leg
from bridge.centre.plan import Plan
from bridge.engine.ports import StampedFact
from bridge.store import Store
from bridge.web.api.event_kinds import card_event, event_of
from bridge.web.api.models import Event
from bridge.web.context import parts_of
from bridge.web.pages.views import SCREENS
from bridge.web.problems import Problem
from bridge.web.screens import CardOpened
from bridge.web.streams import GONE, HEARTBEAT, Wire

log = structlog.get_logger(__name__)

BATCH = 200
MAX_STREAMS = 100
_CARDS_KEPT = 100
# The log is written after a fact was told: look again soon, then seldom.
_LOOK_AGAIN = (0.02, 0.05, 0.1, 0.25, 0.5)


class EventStream:
    """One listener. It holds its place in the log, and nothing else that could grow."""

    def __init__(
        self,
        store: Store,
        plan: Callable[[], Plan],
        last: int,
        agent_of: Callable[[str, str], Awaitable[str | None]],
    ) -> None:
        self._store = store
        self._plan = plan
        self._last = last
        self._agent_of = agent_of
        self._wake = asyncio.Event()
        self._cards: deque[CardOpened] = deque(maxlen=_CARDS_KEPT)
        self._closed = False

    def fact(self, stamped: StampedFact) -> None:
        self._wake.set()

    def card(self, opened: CardOpened) -> None:
        self._cards.append(opened)
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def run(self, wire: Wire) -> None:
        quiet = 0
        silent = 0.0
        while not self._closed:
            self._wake.clear()
            sent = await self._send_cards(wire) + await self._send_facts(wire)
            quiet = 0 if sent else quiet + 1
            pause = _LOOK_AGAIN[quiet] if quiet < len(_LOOK_AGAIN) else HEARTBEAT
            if await self._woken(pause):
                quiet = 0
                continue
            silent = 0.0 if sent else silent + pause
            if silent >= HEARTBEAT:
                silent = 0.0
                await wire.beat()

    async def _send_cards(self, wire: Wire) -> int:
        number = 0
        while self._cards:
            await _send(wire, card_event(self._cards.popleft()))
            number += 1
        return number

    async def _send_facts(self, wire: Wire) -> int:
        number = 0
        while not self._closed:
            async with self._store.view() as unit:
                rows = await unit.facts.since(self._last, BATCH)
            for row in rows:
                event = event_of(row, self._plan())
                if event is not None:
                    await _send(wire, await self._with_agent(event))
                self._last = row.id
            number += len(rows)
            if len(rows) < BATCH:
                break
        return number

    async def _with_agent(self, event: Event) -> Event:
        leg = event.data.get("leg")
        call = event.call_id
        if "agent" in event.data or call is None or not isinstance(leg, str) or not is_agent_leg(LegId(leg)):
            return event
        agent = await self._agent_of(call, leg)
        return event.model_copy(update={"data": {**event.data, "agent": agent}})

    async def _woken(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True


EVENT_STREAMS: web.AppKey[set[EventStream]] = web.AppKey("event_streams")


async def stream_events(request: web.Request) -> web.StreamResponse:
    parts = parts_of(request)
    streams = request.app[EVENT_STREAMS]
    if len(streams) >= MAX_STREAMS:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"There are {MAX_STREAMS} event streams already; close one.",
            headers={"Retry-After": "30"},
        )

    async def agent_of(call: str, leg: str) -> str | None:
        live = next((live for live in parts.desk.floor().calls if live.call == call), None)
        if live is not None and live.agent is not None:
            return live.agent
        async with parts.store.view() as unit:
            offers = await unit.offers.of_call(call)
            row = await unit.calls.get(call)
        # Whom the phone belongs to is written when it is offered the call; the call itself a moment later.
        known = {offer.leg: offer.agent for offer in offers}
        return known.get(leg) or next((one.agent for one in row.legs if one.id == leg), None) if row else None

    start = await _start(request)
    if request.method == "HEAD":
        return Wire.head()
    stream = EventStream(parts.store, parts.plan, start, agent_of)
    streams.add(stream)
    stop_facts = parts.desk.on_fact(stream.fact)
    stop_cards = request.app[SCREENS].on_opened(stream.card)
    wire = Wire()
    try:
        await wire.open(request)
        await stream.run(wire)
    except GONE as error:
        log.info("listener's stream ended", action="api_events", error=str(error))
    finally:
        stop_facts()
        stop_cards()
        streams.discard(stream)
    return wire.response


async def close_event_streams(app: web.Application) -> None:
    for stream in app[EVENT_STREAMS]:
        stream.close()


async def _start(request: web.Request) -> int:
    """After the event that the client saw last; without one, from now on."""
    last = request.headers.get("Last-Event-ID", "").strip()
    if last:
        if not last.isascii() or not last.isdigit() or len(last) > 18:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "Last-Event-ID: give the id of the last event as it was sent."
            )
        await _demand_known(parts_of(request).store, int(last))
        return int(last)
    return await _newest(parts_of(request).store)


async def _demand_known(store: Store, last: int) -> None:
    """Problem 410 where what came after it is not all there: the log begins later, or it is another log's."""
    async with store.view() as unit:
        first, newest = await unit.facts.first_id(), await unit.facts.last_id()
    if last + 1 >= first and last <= newest:
        return
    raise Problem(
        HTTPStatus.GONE,
        f"Last-Event-ID {last}: what came after it cannot be told any more; the log has {first} to {newest}. "
        "Read what you need anew, and listen without Last-Event-ID.",
        kind="events-gone",
    )


async def _newest(store: Store) -> int:
    async with store.view() as unit:
        return await unit.facts.last_id()


async def _send(wire: Wire, event: Event) -> None:
    await wire.send(event.type, event.model_dump_json(), identity=event.id)
