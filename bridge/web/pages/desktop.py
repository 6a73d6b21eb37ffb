"""Owns the agent's desktop: his state, the card of the call at hand, his queues and last contacts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import (
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    CallDisposed,
    Fact,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.crm import custom_fields as custom
from bridge.crm.client_numbers import row_of
from bridge.errors import WrongFields
from bridge.web.access import Routes, SignedIn
from bridge.web.choices import dispositions, pause_reasons, values
from bridge.web.client_form import by_key, faults_of, form_of_client, own_given
from bridge.web.context import language_of, parts_of
from bridge.web.dialling import prefixes_of
from bridge.web.disposed import DISPOSED
from bridge.web.forms import Fields, form_of
from bridge.web.labels import N_
from bridge.web.pages.views import SCREENS, card_context, fragment, page, see_other, views_of
from bridge.web.principal import Person, Role, person_of
from bridge.web.problems import bad_field, not_found
from bridge.web.rendering import slug
from bridge.web.screens import OpenedCard
from bridge.web.streams import Topic


def declare(routes: Routes) -> None:
    routes.get("/", show, SignedIn())
    routes.post("/state", change_state, SignedIn())
    routes.post("/disposition", dispose, SignedIn())
    routes.post("/card/{call}/client", choose_client, SignedIn())
    routes.post("/card/{call}/new-client", add_client, SignedIn())
    routes.post("/card/{call}/put-away", put_away, SignedIn())


async def show(request: web.Request) -> web.StreamResponse:
    person = person_of(request)
    if person.agent is None:
        # A supervisor without a phone has no desktop; the floor is his page.
        return see_other("/floor" if person.role is Role.SUPERVISOR else "/tickets")
    views = views_of(request)
    parts = {
        topic.value: await views.fragment(topic, language_of(request), person)
        for topic in (Topic.CARD, Topic.STATE, Topic.TALK, Topic.DISPOSITION, Topic.WAITING, Topic.CONTACTS)
    }
    prefixes = prefixes_of(parts_of(request).plan())
    return page(request, "desktop.html", live="desktop", fragments=parts, prefixes=prefixes)


async def change_state(request: web.Request) -> web.StreamResponse:
    agent, parts = _agent(person_of(request)), parts_of(request)
    await parts.desk.submit(_fact(agent, await form_of(request), parts.plan()))
    return await _drawn(request, Topic.STATE)


async def dispose(request: web.Request) -> web.StreamResponse:
    agent, parts = _agent(person_of(request)), parts_of(request)
    chosen = (await form_of(request)).choice("disposition", values(dispositions(parts.plan())))
    await parts.desk.submit(CallDisposed(agent, chosen))
    request.app[DISPOSED].note(agent, chosen, datetime.now(UTC))
    return await _drawn(request, Topic.DISPOSITION)


async def choose_client(request: web.Request) -> web.StreamResponse:
    opened = opened_card(request)
    client = (await form_of(request)).number("client")
    await _assign(request, opened, client)
    return await drawn_card(request, opened)


async def add_client(request: web.Request) -> web.StreamResponse:
    opened = opened_card(request)
    form = await form_of(request)
    parts = parts_of(request)
    typed = form.text("number", longest=40)
    numbers = [row_of(typed, parts.region())] if typed else []
    fields = parts.client_fields()
    try:
        own = custom.created(fields, by_key(own_given(fields, form)))
    except WrongFields as error:
        if request.headers.get("HX-Request") != "true":
            raise
        return _asked_again(request, opened, form, faults_of(fields, error.faults))
    async with parts.store.unit() as unit:
        client = await unit.clients.add(
            form.text("name", required=True),
            company=form.text("company"),
            notes=form.text("notes", longest=5000, multiline=True),
            numbers=numbers,
            fields=own,
        )
    await _assign(request, opened, client.id)
    return await drawn_card(request, opened)


def _asked_again(
    request: web.Request, opened: OpenedCard, form: Fields, faults: Mapping[str, str]
) -> web.Response:
    """The form in its own place: what else is on the card is not touched."""
    fields, id = parts_of(request).client_fields(), slug(opened.call)
    drawn = form_of_client(fields, language_of(request), typed=form.values, faults=faults)
    answer = fragment(
        request,
        "_new_client.html",
        status=HTTPStatus.BAD_REQUEST,
        record=opened.record,
        id=id,
        csrf=person_of(request).csrf,
        new_form=drawn,
    )
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = f"#new-client-{id}", "outerHTML"
    return answer


async def put_away(request: web.Request) -> web.StreamResponse:
    opened = opened_card(request)
    request.app[SCREENS].put_away(opened.order.agent, opened.call)
    return await drawn_card(request, opened)


async def _drawn(request: web.Request, topic: Topic) -> web.Response:
    if request.headers.get("HX-Request") != "true":
        return see_other("/")
    html = await views_of(request).fragment(topic, language_of(request), person_of(request))
    return web.Response(text=html, content_type="text/html", charset="utf-8")


def _fact(agent: AgentId, form: Fields, plan: Plan) -> Fact:
    match form.choice("action", ("ready", "log_out", "pause", "end_wrap_up", "extend_wrap_up")):
        case "ready":
            return AgentReady(agent)
        case "log_out":
            return AgentLoggedOut(agent)
        case "pause":
            return AgentPaused(agent, form.choice("reason", values(pause_reasons(plan))))
        case "extend_wrap_up":
            return WrapUpExtended(agent)
        case _:
            return WrapUpEnded(agent)


async def _assign(request: web.Request, opened: OpenedCard, client: int) -> None:
    async with parts_of(request).store.unit() as unit:
        if await unit.clients.get(client) is None:
            raise bad_field("client", N_("there is no such client; search again."))
        if await unit.calls.choose_client(opened.call, client) is None:
            # The agent was faster than the call's first snapshot.
            await unit.calls.save(opened.record)
            await unit.calls.choose_client(opened.call, client)
        ticket = await unit.tickets.by_call(opened.call)
        if ticket is not None:
            await unit.tickets.update(ticket.id, client=client)
    request.app[SCREENS].refresh(opened.call)


async def drawn_card(request: web.Request, opened: OpenedCard) -> web.Response:
    if request.headers.get("HX-Request") != "true":
        return see_other("/")
    present = await request.app[SCREENS].drawn(opened.order.agent)
    context = card_context(present, person_of(request), parts_of(request), language_of(request))
    return fragment(request, "_card.html", **context, csrf=person_of(request).csrf)


def _agent(person: Person) -> AgentId:
    if person.agent is None:
        raise not_found(N_("Your account has no phone. The engineer gives it one in the configuration."))
    return person.agent


def opened_card(request: web.Request) -> OpenedCard:
    """The card that is open on this person's own screen; anybody else's does not exist for him."""
    opened = request.app[SCREENS].current(_agent(person_of(request)))
    if opened is None or opened.call != request.match_info["call"]:
        raise not_found(N_("This card is no longer open on your screen. Find its ticket in the list."))
    return opened
