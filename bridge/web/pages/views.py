"""Owns what the live fragments show: it gathers, the templates draw. And answering with a page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.config.rights import Action
from bridge.crm.cards import Card, Contact
from bridge.crm.scripts import script_for
from bridge.crm.ticketing.desk import Seen
from bridge.crm.ticketing.notices import TicketNotices
from bridge.crm.ticketing.statuses import FIRST
from bridge.engine.ports import FloorView, LiveAgent, LiveCall, LiveQueue, WaitingCaller
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import LetterRow
from bridge.web import labels
from bridge.web.actors import actor_for
from bridge.web.choices import dispositions, pause_reasons, values
from bridge.web.client_form import caller_in_form, form_of_client, shown_fields
from bridge.web.context import frame_of, language_of, parts_of, renderer_of
from bridge.web.dialling import number_again
from bridge.web.disposed import DISPOSED, Disposed
from bridge.web.moves import Placements
from bridge.web.pages.contacts import contacts_of
from bridge.web.pages.talk_view import talk_context, way_of
from bridge.web.parts import WebParts
from bridge.web.pauses import may_pause
from bridge.web.principal import Person
from bridge.web.rendering import Renderer
from bridge.web.screens import CardScreens, CardState, OpenedCard
from bridge.web.sight import sight_for
from bridge.web.streams import PageStream, Topic
from bridge.web.supervision import may_supervise, watch_of, why_nobody
from bridge.web.ticket_form import form_of_ticket

SCREENS = web.AppKey("screens", CardScreens)
_CONTACTS = 8
_NOTICES = 3


@dataclass(frozen=True, slots=True)
class OwnQueue:
    name: str
    title: str
    waiting: tuple[WaitingCaller, ...]


@dataclass(frozen=True, slots=True)
class FloorQueue:
    """``late_at`` is when its longest wait passes the service level; None while nobody waits."""

    live: LiveQueue
    title: str
    service_level: timedelta

    @property
    def late_at(self) -> datetime | None:
        return self.live.longest_since + self.service_level if self.live.longest_since else None

    @property
    def late(self) -> bool:
        """As it is drawn; app.js goes on watching the time, which passes without any news of the floor."""
        return self.late_at is not None and self.late_at <= datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CallLine:
    """Of a call on the floor: what somebody on the agent's side does in it, or how far the call itself is."""

    doing: str  # Doing value; "" for the call's own state
    agent: AgentId | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Views:
    """Draws any topic for any page, in its language."""

    parts: WebParts
    screens: CardScreens
    disposed: Disposed
    renderer: Renderer

    async def draw(self, stream: PageStream, topic: Topic) -> str:
        return await self.fragment(topic, stream.language, stream.person)

    async def fragment(self, topic: Topic, language: str, person: Person) -> str:
        template, context = await self._gather(topic, person, language)
        return self.renderer.render(language, template, {**context, "csrf": person.csrf})

    async def _opened(self, topic: Topic, agent: AgentId) -> OpenedCard | None:
        """Only what shows the client waits for the store."""
        if topic in (Topic.CARD, Topic.RING):
            return await self.screens.drawn(agent)
        return self.screens.current(agent)

    async def _gather(self, topic: Topic, person: Person, language: str) -> tuple[str, dict[str, Any]]:
        agent = person.agent
        opened = await self._opened(topic, agent) if agent else None
        match topic:
            case Topic.CARD:
                return "_card.html", card_context(opened, person, self.parts, language)
            case Topic.RING:
                return "_ring.html", {"opened": opened}
            case Topic.STATE:
                return "_state.html", self._state(agent)
            case Topic.TALK:
                return "_talk.html", talk_context(self.parts.desk.floor(), self.parts.in_force(), agent)
            case Topic.DISPOSITION:
                return "_disposition.html", self._disposition(agent, opened)
            case Topic.WAITING:
                return "_waiting.html", {"queues": self.own_queues(agent)}
            case Topic.CONTACTS:
                return "_contacts.html", await self._contacts(person)
            case Topic.NOTICES:
                notices = TicketNotices(self.parts.store, self.parts.tickets)
                found = await notices.of(actor_for(person), person.user.id)
                more = max(0, len(found) - _NOTICES)
                return "_notices.html", {"notices": found[:_NOTICES], "more": more}
            case Topic.FLOOR:
                floor, plan = self.parts.desk.floor(), self.parts.in_force()
                context = floor_context(floor, self.parts.plan())
                context |= {"pausable": may_pause(person, self.parts, floor)}
                return "_floor.html", context | supervision_context(floor, plan, agent)

    def live_agent(self, agent: AgentId | None) -> LiveAgent | None:
        return next((live for live in self.parts.desk.floor().agents if live.agent == agent), None)

    def _state(self, agent: AgentId | None) -> dict[str, Any]:
        me, plan = self.live_agent(agent), self.parts.plan()
        return {
            "me": me,
            "reasons": pause_reasons(plan),
            "remedy": labels.PHONE_REMEDIES.get(me.phone) if me else None,
            "extensible": me is not None and _extensible(me, plan),
        }

    def _disposition(self, agent: AgentId | None, opened: OpenedCard | None) -> dict[str, Any]:
        """Asked for while the agent wraps up: before, the call is not over; later, its ticket takes it."""
        me = self.live_agent(agent)
        asked = me is not None and me.state == "wrap_up"
        return {
            "choices": dispositions(self.parts.plan()) if asked else (),
            "chosen": self.disposed.since(me.agent, me.since) if me else None,
            "opened": opened if opened is not None and opened.state is CardState.ENDED else None,
        }

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

    async def _contacts(self, person: Person) -> dict[str, Any]:
        if person.agent is None:
            return {"contacts": ()}
        async with self.parts.store.view() as unit:
            page = await unit.calls.page(None, _CONTACTS, agent=person.agent)
            contacts = await contacts_of(unit, page.items, sight_for(person, self.parts))
        plan = self.parts.plan()
        return {"contacts": contacts, "again": {call.id: number_again(plan, call) for call in page.items}}


def _extensible(live: LiveAgent, plan: Plan) -> bool:
    """Whether any queue of his lets a wrap-up be extended at all; which one it is the floor does not tell."""
    return any(queue.wrap_up_extension for queue in plan.queues.values() if queue.name in live.queues)


def card_context(opened: OpenedCard | None, person: Person, parts: WebParts, language: str) -> dict[str, Any]:
    """From what the card holds already, its open tickets among it: a card does not wait for the store."""
    card, sight = opened.card if opened else None, sight_for(person, parts)
    tickets = {ticket.call: ticket for ticket in card.open_tickets} if card else {}
    contacts = card.contacts if card else ()
    calls = [one.call for one in contacts if isinstance(one, Contact)]
    heard = {call.id for call in calls if sight.hears(call, tickets.get(call.id))}
    plan = parts.plan()
    way = way_of(opened.record.transfers, plan) if opened else ()
    script = None
    if card is not None:
        script = script_for(parts.scripts(), card, plan.language_for(card.call.number))
    return {
        "opened": opened,
        "heard": heard,
        "read": _read(card, person, parts),
        "way": way,
        "again": _called_again(opened, plan),
        "script": script,
        "directory_title": parts.directory_title,
        **_client(parts, opened, language),
        **(card_ticket(parts, person, opened, language) if opened else {}),
    }


def _read(card: Card | None, person: Person, parts: WebParts) -> set[int]:
    """The letters among the last contacts whose tickets he may read."""
    if card is None:
        return set()
    rights, who = parts.tickets.rules.rights, actor_for(person).who
    return {
        one.id
        for one in card.contacts
        if isinstance(one, LetterRow)
        and rights.may(who, one.ticket.department, Action.READ, involved=card.has_part_in(one.ticket))
    }


def _client(parts: WebParts, opened: OpenedCard | None, language: str) -> dict[str, Any]:
    """What the company itself wants to know of a client, and of a new one."""
    if opened is None:
        return {}
    client, fields = opened.card.client if opened.card else None, parts.client_fields()
    return {
        "own": shown_fields(fields, client.fields, language) if client else (),
        "new_form": form_of_client(fields, language, typed=caller_in_form(opened.record)),
    }


def card_ticket(
    parts: WebParts,
    person: Person,
    opened: OpenedCard,
    language: str,
    *,
    seen: Seen | None = None,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    note: str = "",
    said: bool = False,
) -> dict[str, Any]:
    """The call's ticket as it is filled in beside the card, or what is asked before there is one."""
    card, rules, who = opened.card, parts.tickets.rules, actor_for(person).who
    ticket = seen.ticket if seen else card.ticket if card else None
    row = ticket or _unopened(opened, parts, person)
    # Whoever talks with the client is involved; whose phone rings is not yet.
    involved = opened.talked or (ticket is not None and ticket.assignee == person.agent)
    may = seen.may if seen else rules.rights.actions(who, row.department, involved=involved)
    others = [
        (one, rules.rights.actions(who, one.department, involved=card is not None and card.has_part_in(one)))
        for one in (card.open_tickets if card else ())
    ]
    known = values(dispositions(parts.plan()))
    form = form_of_ticket(rules, row, may if ticket else tuple(Action), language, typed=typed, faults=faults)
    if ticket is None:  # only what it cannot do without
        form = replace(form, fields=tuple(one for one in form.fields if one.required == "create"))
    return {
        "opened": opened,
        "ticket": ticket,
        "form": form,
        "may": {action.value for action in may},
        "dispositions": known if row.disposition in (*known, "") else (*known, row.disposition),
        "open_tickets": [one for one, rights in others if Action.READ in rights],
        "takes": {one.id for one, rights in others if Action.EDIT in rights},
        "note": note,
        "said": said,
    }


def _unopened(opened: OpenedCard, parts: WebParts, person: Person) -> TicketRow:
    """What the call's ticket would be, where the queue's policy opened none."""
    record = opened.record
    queue = next((one for one in parts.plan().queues.values() if one.name == record.queue), None)
    return TicketRow(
        id=0,
        call=None,
        client=None,
        subject="",
        status=FIRST,
        priority="normal",
        department=queue.department if queue else "",
        assignee=person.agent,
        solution="",
        created_at=record.offered_at,
        updated_at=record.offered_at,
    )


def _called_again(opened: OpenedCard | None, plan: Plan) -> str | None:
    """The number of a call that is over, if it may be called."""
    if opened is None or opened.state is not CardState.ENDED or opened.record.withheld:
        return None
    number = plan.outside_number(opened.record.number or "")
    return number.number if number is not None else None


def supervision_context(floor: FloorView, plan: Plan, me: AgentId | None) -> dict[str, Any]:
    """Beside whom he is, whom he has let in, or to whom he may listen."""
    watches = [watch for call in floor.calls for watch in call.watches]
    beside = watch_of(floor, me)
    trainees = tuple(one for one in watches if one.supervisor == me and one.who != me)
    free = (one for one in floor.agents if one.reachable and one.state in ("ready", "paused", "wrap_up"))
    return {
        "beside": beside,
        "trainees": trainees,
        "audible": may_supervise(floor, plan, me),
        "why_nobody": why_nobody(floor, plan, me),
        "letting_in": tuple(one for one in free if beside is not None and one.agent != beside.agent),
    }


def floor_context(floor: FloorView, plan: Plan) -> dict[str, Any]:
    placements = Placements(plan)
    return {
        "floor": floor,
        "queues": _floor_queues(floor, plan),
        "doings": {party.agent: party for call in reversed(floor.calls) for party in call.parties},
        "besides": {one.who: one for call in floor.calls for one in call.watches if one.answered},
        "lines": {call.call: _lines(call) for call in floor.calls},
        "placements": {live.agent: placements.held(live) for live in floor.agents},
        "titles": {queue.name: queue.title for queue in plan.queues.values()},
        "names": {agent.id: agent.name for agent in plan.agents.values()},
        "ready": sum(1 for agent in floor.agents if agent.state == "ready" and agent.reachable),
        "talking": sum(1 for agent in floor.agents if agent.state == "talking"),
        "signed_in": sum(1 for agent in floor.agents if agent.state != "logged_out"),
    }


def _lines(call: LiveCall) -> tuple[CallLine, ...]:
    """A phone that rings is nobody's doing yet: it is told beside what those in the call do meanwhile."""
    done = tuple(CallLine(one.doing, one.agent, one.since) for one in call.parties)
    if done and call.state != "ringing":
        return done
    rung = call.agent if all(one.agent != call.agent for one in call.parties) else None
    return (*done, CallLine("", rung, call.since))


def _floor_queues(floor: FloorView, plan: Plan) -> list[FloorQueue]:
    live = {queue.name: queue for queue in floor.queues}
    return [
        FloorQueue(live[queue.name], queue.title, queue.service_level)
        for queue in plan.queues.values()
        if queue.name in live
    ]


def views_of(request: web.Request) -> Views:
    app = request.app
    return Views(parts_of(request), app[SCREENS], app[DISPOSED], renderer_of(request))


def page(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    html = renderer_of(request).render(language_of(request), template, {**frame_of(request), **context})
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def fragment(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    html = renderer_of(request).render(language_of(request), template, context)
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """After a form: the browser gets the page anew, and a reload does not send the form twice."""
    return web.Response(status=303, headers={"Location": path})
