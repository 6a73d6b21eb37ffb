"""Owns the ticket beside the client's card: filled in during the call, taken from before, or opened here."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.ticketing.desk import Anewed
from bridge.crm.tickets import subject_of
from bridge.store.ticket_rows import NewEntry
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of
from bridge.web.forms import Fields, form_of
from bridge.web.pages.conflicts import Met, conflict_context
from bridge.web.pages.desktop import drawn_card, opened_card
from bridge.web.pages.ticket import Refused, changed
from bridge.web.pages.ticket_new import blank, created
from bridge.web.pages.views import SCREENS, card_ticket, fragment, see_other
from bridge.web.principal import person_of
from bridge.web.screens import OpenedCard


def declare(routes: Routes) -> None:
    routes.post("/card/{call}/ticket", save, SignedIn())
    routes.post("/card/{call}/take", take, SignedIn())
    routes.post("/card/{call}/open-ticket", open_ticket, SignedIn())


async def save(request: web.Request) -> web.StreamResponse:
    """The call's ticket, with a note if there is one; what is missing is asked for in its place."""
    opened, form = opened_card(request), await form_of(request)
    parts, actor = parts_of(request), actor_of(request)
    id = form.number("ticket")
    note = form.text("note", longest=100_000, multiline=True)
    if note:
        await parts.tickets.demand(actor, id, Action.NOTE)  # before anything else is kept
    outcome = await changed(request, form, id)
    if isinstance(outcome, Met):
        return fragment(
            request,
            "_card_conflict.html",
            status=HTTPStatus.CONFLICT,
            csrf=person_of(request).csrf,
            call=opened.call,
            number=id,
            **conflict_context(outcome),
        )
    if isinstance(outcome, Refused):
        return await _panel(request, opened, id, typed=form, faults=outcome.faults, note=note)
    if isinstance(outcome, Anewed):
        id = outcome.ticket.id
        await parts.tickets.take_call(actor, opened.call, id)
    if note:
        entry = NewEntry("note", person_of(request).user.login, datetime.now(UTC), body=note)
        await parts.tickets.write(actor, id, entry)
    request.app[SCREENS].refresh(opened.call)
    return await _panel(request, opened, id, said=True)


async def take(request: web.Request) -> web.StreamResponse:
    """The call is about a ticket that is open already."""
    opened = opened_card(request)
    ticket = (await form_of(request)).number("ticket")
    await parts_of(request).tickets.take_call(actor_of(request), opened.call, ticket)
    request.app[SCREENS].refresh(opened.call)
    return await drawn_card(request, opened)


async def open_ticket(request: web.Request) -> web.StreamResponse:
    """Where the queue's policy opened none. What its department demands is asked for."""
    opened, form = opened_card(request), await form_of(request)
    record, card = opened.record, opened.card
    if card is not None and card.ticket is not None:
        return await drawn_card(request, opened)  # somebody was faster: the call itself, perhaps
    client = card.client if card is not None else None
    async with parts_of(request).store.unit() as unit:
        call = await unit.calls.get(opened.call)
        if call is None:
            await unit.calls.save(record)  # the agent was faster than the call's first snapshot
            call = await unit.calls.get(opened.call)
    typed = Fields(
        {
            "department": blank(request, call).department,
            **form.values,
            "subject": form.text("subject", longest=500) or subject_of(record, client.name if client else ""),
            "client": str(client.id) if client else "",
        }
    )
    made = await created(request, typed, opened.call)
    if isinstance(made, Refused):
        if request.headers.get("HX-Request") != "true":
            return see_other(f"/tickets/new?call={opened.call}")
        context = card_ticket(
            parts_of(request),
            person_of(request),
            opened,
            language_of(request),
            typed=typed.values,
            faults=made.faults,
        )
        answer = fragment(
            request,
            "_card_ticket.html",
            status=HTTPStatus.BAD_REQUEST,
            csrf=person_of(request).csrf,
            kept=False,
            **context,
        )
        # Not the other way round: a form that a newer card has replaced could name no place any more.
        answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "closest .card-ticket", "outerHTML"
        return answer
    request.app[SCREENS].refresh(opened.call)
    return await drawn_card(request, opened)


async def _panel(
    request: web.Request, opened: OpenedCard, id: int, *, typed: Fields | None = None, **shown: Any
) -> web.Response:
    if request.headers.get("HX-Request") != "true":
        return see_other(f"/tickets/{id}")
    parts = parts_of(request)
    async with parts.store.view() as unit:
        seen = await parts.tickets.see(unit, actor_of(request), id)
    context = card_ticket(
        parts,
        person_of(request),
        opened,
        language_of(request),
        seen=seen,
        typed=typed.values if typed else None,
        **shown,
    )
    status = HTTPStatus.BAD_REQUEST if typed else HTTPStatus.OK
    return fragment(
        request, "_card_ticket.html", status=status, csrf=person_of(request).csrf, kept=False, **context
    )
