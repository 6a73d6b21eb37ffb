"""Owns the pages of clients: search, one client with his numbers, tickets and contacts."""

from collections.abc import Sequence
from typing import cast

from aiohttp import web

from bridge.crm.client_numbers import edited, lines_of
from bridge.crm.parties import emails
from bridge.store.clients import ClientFields
from bridge.store.rows import ClientRow, NumberRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import parts_of
from bridge.web.edits import edits, marks
from bridge.web.forms import Fields, form_of, path_number, query_of
from bridge.web.labels import N_
from bridge.web.pages.conflicts import Met, conflict
from bridge.web.pages.contacts import contacts_of
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.problems import not_found
from bridge.web.sight import sight_of

_PAGE = 30
_CONTACTS = 20
_OPTIONS = 6
_LOOKED_THROUGH = 200  # tickets, for those that he may read


def declare(routes: Routes) -> None:
    routes.get("/clients", show_clients, SignedIn())
    routes.post("/clients", add_client, SignedIn())
    routes.get("/clients/options", show_options, SignedIn())
    routes.get("/clients/{id}", show_client, SignedIn())
    routes.post("/clients/{id}", change_client, SignedIn())


async def show_clients(request: web.Request) -> web.StreamResponse:
    query = query_of(request)
    text = query.text("q", longest=100)
    async with parts_of(request).store.view() as unit:
        if text:
            clients, cursor = tuple(await unit.clients.search(text, _PAGE)), None
        else:
            found = await unit.clients.page(query.text("cursor", longest=400) or None, _PAGE)
            clients, cursor = found.items, found.cursor
    return page(request, "clients.html", clients=clients, cursor=cursor, q=text)


async def show_options(request: web.Request) -> web.StreamResponse:
    """What a search box offers while somebody types: a fragment of a form."""
    query = query_of(request)
    text = query.text("q", longest=100)
    as_radio = query.choice("as", ("radio",), optional=True) == "radio"
    async with parts_of(request).store.view() as unit:
        clients = await unit.clients.search(text, _OPTIONS) if text else []
    return fragment(request, "_client_options.html", clients=clients, q=text, as_radio=as_radio)


async def add_client(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    numbers = _numbers(request, form, ())
    async with parts_of(request).store.unit() as unit:
        client = await unit.clients.add(
            form.text("name", required=True),
            company=form.text("company"),
            numbers=numbers,
            emails=emails(_lines(form, "emails")),
        )
    return see_other(f"/clients/{client.id}")


async def show_client(request: web.Request) -> web.StreamResponse:
    number = path_number(request)
    async with parts_of(request).store.view() as unit:
        client = await unit.clients.get(number) if number is not None else None
        if client is None:
            raise not_found(N_("There is no such client."))
        calls = await unit.calls.last_of_client(client.id, _CONTACTS)
        contacts = await contacts_of(unit, calls, sight_of(request))
        latest = await unit.tickets.page(None, _LOOKED_THROUGH, client=client.id)
        tickets = await parts_of(request).tickets.readable(unit, actor_of(request), latest.items)
        sources, tags = await unit.sources.of_clients([client.id]), await unit.tags.of(client.id)
    return page(
        request,
        "client.html",
        client=client,
        numbers=lines_of(client.numbers, parts_of(request).region()),
        shown=marks(_kept(request, client)),
        contacts=contacts,
        tickets=tickets[:_CONTACTS],
        opens_tickets=bool(parts_of(request).tickets.opens_in(actor_of(request))),
        saved="saved" in request.query,
        sources=sources,
        tags=tags,
        directory_title=parts_of(request).directory_title,
    )


async def change_client(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    number = path_number(request)
    async with parts_of(request).store.unit() as unit:
        client = await unit.clients.lock(number) if number is not None else None
        if client is None:
            raise not_found(N_("There is no such client."))
        numbers = _numbers(request, form, client.numbers)
        kept = _kept(request, client)
        given: dict[str, object] = {
            "name": form.text("name", required=True),
            "company": form.text("company"),
            "tier": form.text("tier", longest=100),
            "notes": form.text("notes", longest=20_000, multiline=True),
            "numbers": _as_lines(request, numbers),
        }
        if "emails" in form.values:
            given["emails"] = "\n".join(emails(_lines(form, "emails")))
        found = edits(form, given, kept)
        met = [edit for edit in found if edit.met]
        if found and not met:
            changed: dict[str, object] = {edit.name: given[edit.name] for edit in found}
            if "numbers" in changed:
                changed["numbers"] = numbers
            if "emails" in changed:
                changed["emails"] = emails(_lines(form, "emails"))
            await unit.clients.update(client.id, **cast("ClientFields", changed))
        if not met:
            await unit.tags.set(client.id, form.text("tags", longest=1000).split(","))
    if met:
        return conflict(request, Met(f"/clients/{client.id}", client.name, given, kept, found, {}))
    return see_other(f"/clients/{client.id}?saved=1")


def _kept(request: web.Request, client: ClientRow) -> dict[str, object]:
    """The fields of the client's form."""
    return {
        "name": client.name,
        "company": client.company,
        "tier": client.tier,
        "notes": client.notes,
        "numbers": _as_lines(request, client.numbers),
        "emails": "\n".join(client.emails),
    }


def _lines(form: Fields, name: str) -> list[str]:
    return form.text(name, longest=6000, multiline=True).splitlines()


def _as_lines(request: web.Request, numbers: Sequence[NumberRow]) -> str:
    return "\n".join(lines_of(numbers, parts_of(request).region()))


def _numbers(request: web.Request, form: Fields, before: Sequence[NumberRow]) -> list[NumberRow]:
    """One number a line. One that is as it was keeps what else was noted of it."""
    lines = form.text("numbers", longest=2000, multiline=True).splitlines()
    return edited(lines, before, parts_of(request).region())
