"""Owns what the live fragments show: it gathers, the templates draw. And answering with a page."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.engine.ports import FloorView, LiveAgent, WaitingCaller
from bridge.web.context import frame_of, language_of, renderer_of
from bridge.web.pages.contacts import Contact, contacts_of
from bridge.web.parts import WebParts
from bridge.web.principal import Person
from bridge.web.rendering import Renderer
from bridge.web.screens import CardScreens, OpenedCard
from bridge.web.sight import Sight, sight_for
from bridge.web.streams import PageStream, Topic

SCREENS = web.AppKey("screens", CardScreens)
_CONTACTS = 8


@dataclass(frozen=True, slots=True)
class OwnQueue:
    name: str
    title: str
    waiting: tuple[WaitingCaller, ...]


@dataclass(frozen=True, slots=True)
class Views:
    """Draws any topic for any page, in its language."""

    parts: WebParts
    screens: CardScreens
    renderer: Renderer

    async def draw(self, stream: PageStream, topic: Topic) -> str:
        return await self.fragment(topic, stream.language, stream.person)

    async def fragment(self, topic: Topic, language: str, person: Person) -> str:
        template, context = await self._gather(topic, person)
        return self.renderer.render(language, template, {**context, "csrf": person.csrf})

    async def _gather(self, topic: Topic, person: Person) -> tuple[str, dict[str, Any]]:
        agent = person.agent
        opened = self.screens.current(agent) if agent else None
        match topic:
            case Topic.CARD:
                return "_card.html", card_context(opened, sight_for(person, self.parts.plan()))
            case Topic.RING:
                return "_ring.html", {"opened": opened}
            case Topic.STATE:
                return "_state.html", {"me": self.live_agent(agent)}
            case Topic.WAITING:
                return "_waiting.html", {"queues": self.own_queues(agent)}
            case Topic.CONTACTS:
                return "_contacts.html", {"contacts": await self._contacts(person)}
            case Topic.FLOOR:
                return "_floor.html", floor_context(self.parts.desk.floor(), self.parts.plan())

    def live_agent(self, agent: AgentId | None) -> LiveAgent | None:
        return next((live for live in self.parts.desk.floor().agents if live.agent == agent), None)

    def own_queues(self, agent: AgentId | None) -> tuple[OwnQueue, ...]:
        """As the floor says: a supervisor may have moved the agent since the plan was written."""
        live = self.live_agent(agent)
        waiting = self.parts.desk.floor().waiting
        titles = {str(queue.name): queue.title for queue in self.parts.plan().queues.values()}
        return tuple(
            OwnQueue(
                name, titles.get(name, name), tuple(caller for caller in waiting if caller.queue == name)
            )
            for name in (live.queues if live else ())
        )

    async def _contacts(self, person: Person) -> tuple[Contact, ...]:
        if person.agent is None:
            return ()
        async with self.parts.store.view() as unit:
            page = await unit.calls.page(None, _CONTACTS, agent=person.agent)
            return await contacts_of(unit, page.items, sight_for(person, self.parts.plan()))


def card_context(opened: OpenedCard | None, sight: Sight) -> dict[str, Any]:
    """From what the card holds already, its open tickets among it: a card does not wait for the store."""
    card = opened.card if opened else None
    tickets = {ticket.call: ticket for ticket in card.open_tickets} if card else {}
    contacts = card.contacts if card else ()
    seen = {one.call.id for one in contacts if sight.sees(one.call, tickets.get(one.call.id))}
    return {"opened": opened, "seen": seen}


def floor_context(floor: FloorView, plan: Plan) -> dict[str, Any]:
    return {
        "floor": floor,
        "titles": {queue.name: queue.title for queue in plan.queues.values()},
        "names": {agent.id: agent.name for agent in plan.agents.values()},
        "ready": sum(1 for agent in floor.agents if agent.state == "ready" and agent.reachable),
        "talking": sum(1 for agent in floor.agents if agent.state == "talking"),
        "signed_in": sum(1 for agent in floor.agents if agent.state != "logged_out"),
    }


def page(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    html = renderer_of(request).render(language_of(request), template, {**frame_of(request), **context})
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def fragment(request: web.Request, template: str, **context: Any) -> web.Response:
    html = renderer_of(request).render(language_of(request), template, context)
    return web.Response(text=html, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """After a form: the browser gets the page anew, and a reload does not send the form twice."""
    return web.Response(status=303, headers={"Location": path})
