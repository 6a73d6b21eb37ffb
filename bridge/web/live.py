"""Owns the one stream of each page (/events): who gets which topics, and what wakes them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from aiohttp import web

from bridge.centre.facts import LegEnded, RecordingAttached, TicketAlarmed, TicketOpened
from bridge.centre.ids import AgentId
from bridge.engine.ports import StampedFact
from bridge.web.access import Routes, SignedIn
from bridge.web.context import PARTS, SESSIONS, language_of
from bridge.web.disposed import DISPOSED
from bridge.web.forms import query_of
from bridge.web.pages.views import SCREENS, views_of
from bridge.web.principal import Role, person_of
from bridge.web.streams import GONE, Hub, PageStream, Topic, Wire

HUB = web.AppKey("hub", Hub)
log = structlog.get_logger(__name__)

_SAVED_BY = 1.0  # seconds
_EVERY_PAGE = frozenset({Topic.RING, Topic.NOTICES})
_PAGES: dict[str, frozenset[Topic]] = {
    "desktop": frozenset(Topic) - {Topic.FLOOR},
    "floor": _EVERY_PAGE | {Topic.FLOOR},
    "other": _EVERY_PAGE,
}


def declare(routes: Routes) -> None:
    routes.get("/events", events, SignedIn())


async def events(request: web.Request) -> web.StreamResponse:
    person = person_of(request)
    topics = _PAGES[query_of(request).choice("page", tuple(_PAGES))]
    if person.role is not Role.SUPERVISOR:
        topics -= {Topic.FLOOR}
    if person.agent is None:
        topics &= {Topic.FLOOR, Topic.NOTICES}
    hub = request.app[HUB]
    views = views_of(request)
    sessions = request.app[SESSIONS]

    async def still_welcome() -> bool:
        return await sessions.is_valid(person.session)

    if request.method == "HEAD":
        return Wire.head()
    stream = PageStream(person, language_of(request), topics)
    hub.add(stream)
    wire = Wire()
    try:
        await wire.open(request)
        await stream.run(wire, views.draw, still_welcome)
    except GONE as error:
        # The head is sent: there is no other answer any more, and the page connects again by itself.
        log.info("page's stream ended", action="events", user=person.user.login, error=str(error))
    finally:
        hub.remove(stream)
    return wire.response


@dataclass(slots=True)
class _Wakers:
    """What happens outside, turned into topics that are out of date."""

    app: web.Application
    later: asyncio.TimerHandle | None = None
    again: bool = False  # somebody hung up since ``later`` was set

    def card(self, agent: AgentId) -> None:
        self.app[HUB].mark_agent(agent, Topic.CARD, Topic.RING, Topic.DISPOSITION)

    def floor(self) -> None:
        self.app[HUB].mark(Topic.STATE, Topic.TALK, Topic.DISPOSITION, Topic.WAITING, Topic.FLOOR)

    def fact(self, stamped: StampedFact) -> None:
        disposer = self.app[DISPOSED].fact(stamped)
        if disposer is not None:
            self.app[HUB].mark_agent(disposer, Topic.DISPOSITION)
        match stamped.fact:
            case TicketOpened(call=call) | RecordingAttached(call=call):
                self.app[SCREENS].refresh(call)
                self.app[HUB].mark(Topic.CONTACTS)
            case TicketAlarmed(told=told):
                # Which supervisors are told is kept in the store, and not looked at here.
                self.app[HUB].mark_where(
                    lambda person: person.agent in told or person.role is Role.SUPERVISOR, Topic.NOTICES
                )
            case LegEnded():
                # The call's last snapshot is being written just now, in a lane of its own.
                if self.later is None:
                    self._look_later()
                else:
                    self.again = True

    def _look_later(self) -> None:
        self.later = asyncio.get_running_loop().call_later(_SAVED_BY, self._contacts)
        self.again = False

    def _contacts(self) -> None:
        self.later = None
        self.app[HUB].mark(Topic.CONTACTS)
        if self.again:
            self._look_later()


async def wake_pages(app: web.Application) -> AsyncIterator[None]:
    desk = app[PARTS].desk
    wakers = _Wakers(app)
    unsubscribe = (
        app[SCREENS].on_change(wakers.card),
        desk.on_floor_change(wakers.floor),
        desk.on_fact(wakers.fact),
    )
    yield
    for stop in unsubscribe:
        stop()
    if wakers.later is not None:
        wakers.later.cancel()
    await app[SCREENS].close()


async def close_pages(app: web.Application) -> None:
    """Streams never end by themselves: without this the server would wait for them on its way down."""
    app[HUB].close_all()
