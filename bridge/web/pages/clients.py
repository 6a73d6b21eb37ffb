"""Owns the pages of clients: search, one client with his numbers, tickets and contacts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from bridge.config.custom_fields import FieldSettings, Required
from bridge.crm import custom_fields as custom
from bridge.crm.client_cells import tags_in
from bridge.crm.client_numbers import edited, lines_of
from bridge.crm.parties import emails
from bridge.errors import WrongFields
from bridge.store import Unit
from bridge.store.client_tags import tags_of
from bridge.store.client_values import ClientFields
from bridge.store.rows import ClientRow, NumberRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.client_form import (
    ClientForm,
    by_key,
    faults_of,
    form_of_client,
    kept_of,
    own_given,
)
from bridge.web.context import language_of, parts_of
from bridge.web.edits import Edit, edits
from bridge.web.forms import Fields, form_of, path_number, query_of
from bridge.web.labels import N_
from bridge.web.pages.conflicts import Met, conflict
from bridge.web.pages.contacts import Contact, Written, contacts_of
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.problems import not_found
from bridge.web.sight import sight_of

_PAGE = 30
_CONTACTS = 20
_OPTIONS = 6
_FIELDS = "/clients/fields"
_LOOKED_THROUGH = 200  # tickets, for those that he may read
_TEXTS = ("name", "company", "tier", "notes")


def declare(routes: Routes) -> None:
    routes.get("/clients", show_clients, SignedIn())
    routes.post("/clients", add_client, SignedIn())
    routes.get("/clients/options", show_options, SignedIn())
    routes.post(_FIELDS, show_new_fields, SignedIn())
    routes.get("/clients/{id}", show_client, SignedIn())
    routes.post("/clients/{id}", change_client, SignedIn())
    routes.post("/clients/{id}/fields", show_fields, SignedIn())


async def show_clients(request: web.Request) -> web.StreamResponse:
    return await _list(request)


async def _list(request: web.Request, *, status: int = HTTPStatus.OK, **typed: Any) -> web.Response:
    """With the form of a new client; ``typed`` and ``faults`` where it is asked again."""
    query = query_of(request)
    text = query.text("q", longest=100)
    async with parts_of(request).store.view() as unit:
        if text:
            clients, cursor = tuple(await unit.clients.search(text, _PAGE)), None
        else:
            found = await unit.clients.page(query.text("cursor", longest=400) or None, _PAGE)
            clients, cursor = found.items, found.cursor
    form = form_of_client(parts_of(request).client_fields(), language_of(request), **typed)
    return page(
        request, "clients.html", status=status, clients=clients, cursor=cursor, q=text, form=form, at=_FIELDS
    )


async def show_options(request: web.Request) -> web.StreamResponse:
    """What a search box offers while somebody types: a fragment of a form."""
    query = query_of(request)
    text = query.text("q", longest=100)
    as_radio = query.choice("as", ("radio",), optional=True) == "radio"
    async with parts_of(request).store.view() as unit:
        clients = await unit.clients.search(text, _OPTIONS) if text else []
    return fragment(request, "_client_options.html", clients=clients, q=text, as_radio=as_radio)


async def add_client(request: web.Request) -> web.StreamResponse:
    form, fields = await form_of(request), parts_of(request).client_fields()
    numbers = _numbers(request, form, ())
    try:
        own = custom.created(fields, by_key(own_given(fields, form)))
    except WrongFields as error:
        faults = faults_of(fields, error.faults)
        return await _list(request, status=HTTPStatus.BAD_REQUEST, typed=form.values, faults=faults)
    async with parts_of(request).store.unit() as unit:
        client = await unit.clients.add(
            form.text("name", required=True),
            company=form.text("company"),
            numbers=numbers,
            emails=emails(_lines(form, "emails")),
            fields=own,
        )
    return see_other(f"/clients/{client.id}")


async def show_new_fields(request: web.Request) -> web.StreamResponse:
    """The company's own fields of somebody new, drawn anew while the form is filled in."""
    form, fields = await form_of(request), parts_of(request).client_fields()
    drawn = form_of_client(fields, language_of(request), typed=form.values)
    return fragment(request, "_client_fields.html", form=drawn, at=_FIELDS)


async def show_fields(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    async with parts_of(request).store.view() as unit:
        client = await _found(request, unit.clients.get)
    drawn = _form(request, client, typed=form.values)
    return fragment(request, "_client_fields.html", form=drawn, at=f"/clients/{client.id}/fields")


async def show_client(request: web.Request) -> web.StreamResponse:
    return await _client_page(request)


async def _client_page(request: web.Request, *, status: int = HTTPStatus.OK, **typed: Any) -> web.Response:
    """``typed`` and ``faults`` where its form is asked again."""
    async with parts_of(request).store.view() as unit:
        client = await _found(request, unit.clients.get)
        contacts = await _contacts(request, unit, client.id)
        latest = await unit.tickets.page(None, _LOOKED_THROUGH, client=client.id)
        tickets = await parts_of(request).tickets.readable(unit, actor_of(request), latest.items)
        sources = await unit.sources.of_clients([client.id])
    return page(
        request,
        "client.html",
        status=status,
        client=client,
        form=_form(request, client, **typed),
        at=f"/clients/{client.id}/fields",
        contacts=contacts,
        tickets=tickets[:_CONTACTS],
        opens_tickets=bool(parts_of(request).tickets.opens_in(actor_of(request))),
        saved="saved" in request.query,
        sources=sources,
        directory_title=parts_of(request).directory_title,
    )


async def _contacts(request: web.Request, unit: Unit, client: int) -> list[Contact | Written]:
    """Calls and letters, the latest first."""
    letters = await unit.entries.last_of_client(client, _CONTACTS)
    tickets = [letter.ticket for letter in letters]
    readable = await parts_of(request).tickets.readable(unit, actor_of(request), tickets)
    seen = {ticket.id for ticket in readable}
    calls = await unit.calls.last_of_client(client, _CONTACTS)
    contacts: list[Contact | Written] = [
        *(Written(letter, letter.ticket.id in seen) for letter in letters),
        *await contacts_of(unit, calls, sight_of(request)),
    ]
    return sorted(contacts, key=lambda one: one.at, reverse=True)[:_CONTACTS]


async def change_client(request: web.Request) -> web.StreamResponse:
    form, fields = await form_of(request), parts_of(request).client_fields()
    async with parts_of(request).store.unit() as unit:
        client = await _found(request, unit.clients.lock)
        numbers = _numbers(request, form, client.numbers)
        kept = kept_of(fields, client, _as_lines(request, client.numbers))
        given: dict[str, object] = {
            "name": form.text("name", required=True),
            "company": form.text("company"),
            "tier": form.text("tier", longest=100),
            "notes": form.text("notes", longest=20_000, multiline=True),
            "numbers": _as_lines(request, numbers),
            **own_given(fields, form),
        }
        if "emails" in form.values:
            given["emails"] = "\n".join(emails(_lines(form, "emails")))
        if "tags" in form.values:
            given["tags"] = ", ".join(tags_of(tags_in(form.text("tags", longest=1000))))
        found = edits(form, given, kept)
        met = [edit for edit in found if edit.met]
        faults: dict[str, str] = {}
        if found and not met:
            changed = {edit.name: given[edit.name] for edit in found}
            try:
                own = _own(fields, client, by_key(changed), asked=bool(by_key(given)))
            except WrongFields as error:
                faults = faults_of(fields, error.faults)
            else:
                news: dict[str, object] = {name: changed[name] for name in _TEXTS if name in changed}
                if own != client.fields:
                    news["fields"] = own
                if "numbers" in changed:
                    news["numbers"] = numbers
                if "emails" in changed:
                    news["emails"] = emails(_lines(form, "emails"))
                if "tags" in changed:
                    news["tags"] = tags_in(str(changed["tags"]))
                await unit.clients.update(client.id, **cast("ClientFields", news))
    if faults:
        return await _client_page(request, status=HTTPStatus.BAD_REQUEST, typed=form.values, faults=faults)
    if met:
        return conflict(request, _met(request, client, given, kept, found))
    return see_other(f"/clients/{client.id}?saved=1")


def _own(
    fields: Sequence[FieldSettings], client: ClientRow, changed: Mapping[str, object], *, asked: bool
) -> Mapping[str, str]:
    """All of the client's own fields as they will be. What he lacks is asked of the first who saves his form.

    Raises WrongFields.
    """
    values = custom.changed(fields, client.fields, changed) if changed else client.fields
    if asked:
        custom.demand(fields, values, Required.CREATE)
    return values


def _met(
    request: web.Request,
    client: ClientRow,
    given: Mapping[str, object],
    kept: Mapping[str, object],
    found: Sequence[Edit],
) -> Met:
    form = _form(request, client)
    words = {field.name: {one.value: one.title for one in field.options} for field in form.fields}
    titles = {field.name: field.title for field in form.fields}
    return Met(f"/clients/{client.id}", client.name, given, kept, found, words, titles)


async def _found(request: web.Request, find: Callable[[int], Awaitable[ClientRow | None]]) -> ClientRow:
    number = path_number(request)
    client = await find(number) if number is not None else None
    if client is None:
        raise not_found(N_("There is no such client."))
    return client


def _form(request: web.Request, client: ClientRow, **typed: Any) -> ClientForm:
    fields = parts_of(request).client_fields()
    kept = kept_of(fields, client, _as_lines(request, client.numbers))
    return form_of_client(fields, language_of(request), kept, client.fields, **typed)


def _lines(form: Fields, name: str) -> list[str]:
    return form.text(name, longest=6000, multiline=True).splitlines()


def _as_lines(request: web.Request, numbers: Sequence[NumberRow]) -> str:
    return "\n".join(lines_of(numbers, parts_of(request).region()))


def _numbers(request: web.Request, form: Fields, before: Sequence[NumberRow]) -> list[NumberRow]:
    """One number a line. One that is as it was keeps what else was noted of it."""
    lines = form.text("numbers", longest=2000, multiline=True).splitlines()
    return edited(lines, before, parts_of(request).region())
