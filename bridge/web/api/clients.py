"""Owns the API's clients: from rows to models and back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from aiohttp import web
from pydantic import Field

from bridge.config.custom_fields import Required
from bridge.crm import custom_fields as custom
from bridge.crm.client_numbers import merged, row_of
from bridge.crm.parties import emails
from bridge.errors import BadInput, BadNumber, WrongFields
from bridge.store import Unit
from bridge.store.client_tags import tags_of
from bridge.store.client_values import ClientFields
from bridge.store.rows import ClientRow, ClientSourceRow, NumberRow
from bridge.web.api import client_models as models
from bridge.web.api.etags import demand_match, tag_of
from bridge.web.api.field_models import CustomField, field_said
from bridge.web.api.models import Listed
from bridge.web.api.operations import (
    PREFIX,
    SEVERAL,
    NoQuery,
    Paged,
    Query,
    Words,
    answer,
    body,
    query,
    several,
)
from bridge.web.api.unfit import unfit, wrong_fields
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.problems import not_found

_TEXTS = ("name", "company", "language", "tier", "notes")


class TaggedQuery(Query):
    tag: Words | None = Field(None, description=f"{SEVERAL}: those that have each of these tags.")

    @property
    def tags(self) -> frozenset[str]:
        return several(self.tag) or frozenset()


class ClientsQuery(TaggedQuery, Paged):
    q: str | None = Field(
        None, min_length=1, max_length=100, description="Words of the name, or a number's start."
    )


async def list_clients(request: web.Request) -> web.StreamResponse:
    asked = query(request, ClientsQuery)
    async with parts_of(request).store.view() as unit:
        if asked.q is not None:
            rows, cursor = tuple(await unit.clients.search(asked.q, asked.limit, asked.tags)), None
        else:
            page = await unit.clients.page(asked.cursor, asked.limit, asked.tags)
            rows, cursor = page.items, page.cursor
        items = await _said(request, unit, rows)
    return answer(Listed[models.Client](items=items, next=cursor))


async def get_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    number = path_number(request)
    async with parts_of(request).store.view() as unit:
        row = await unit.clients.get(number) if number is not None else None
        if row is None:
            raise not_found("There is no such client.")
        (said,) = await _said(request, unit, [row])
    return answer(said, row=row)


async def list_client_fields(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    items = [field_said(field) for field in parts_of(request).client_fields()]
    return answer(Listed[CustomField](items=items, next=None))


async def add_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewClient)).value
    try:
        fields = custom.created(parts_of(request).client_fields(), wanted.fields)
    except WrongFields as error:
        raise wrong_fields(error.faults) from None
    given = _given(request, wanted)
    async with parts_of(request).store.unit() as unit:
        row = await unit.clients.add(**cast("dict[str, Any]", given), fields=fields)
        (said,) = await _said(request, unit, [row])
    location = f"{PREFIX}/clients/{row.id}"
    return answer(said, status=201, headers={"Location": location}, row=row)


async def change_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.ClientChange)).value
    number = path_number(request)
    given = _given(request, wanted)
    async with parts_of(request).store.unit() as unit:
        row = await unit.clients.lock(number) if number is not None else None
        if row is None:
            raise not_found("There is no such client.")
        (said,) = await _said(request, unit, [row])
        demand_match(request, row, row.updated_at, tag_of(said.model_dump_json(), row))
        if wanted.fields is not None:
            given["fields"] = _changed(request, row, wanted.fields)
        changed = await unit.clients.update(row.id, **given) or row
        (said,) = await _said(request, unit, [changed])
    return answer(said, row=changed)


def _given(request: web.Request, wanted: models.NewClient | models.ClientChange) -> ClientFields:
    """What is to be kept of a body, but for its own fields."""
    given: dict[str, Any] = {name: getattr(wanted, name) for name in _TEXTS}
    given["numbers"] = None if wanted.numbers is None else _numbers(request, wanted.numbers)
    given["emails"] = None if wanted.emails is None else _emails(wanted.emails)
    given["tags"] = None if wanted.tags is None else _tags(wanted.tags)
    return cast("ClientFields", {name: value for name, value in given.items() if value is not None})


def _changed(request: web.Request, row: ClientRow, given: dict[str, Any]) -> dict[str, str]:
    """What a directory's or an older client lacks is asked of the first who touches his fields."""
    fields = parts_of(request).client_fields()
    try:
        values = custom.changed(fields, row.fields, given)
        custom.demand(fields, values, Required.CREATE)
    except WrongFields as error:
        raise wrong_fields(error.faults) from None
    return values


async def _said(request: web.Request, unit: Unit, rows: Sequence[ClientRow]) -> list[models.Client]:
    sources: dict[int, list[models.Source]] = {row.id: [] for row in rows}
    for source in await unit.sources.of_clients(list(sources)):
        sources[source.client].append(_source(request, source))
    return [_client(row, sources[row.id]) for row in rows]


def _client(row: ClientRow, sources: list[models.Source]) -> models.Client:
    return models.Client.model_validate({**asdict(row), "sources": sources})


def _source(request: web.Request, row: ClientSourceRow) -> models.Source:
    return models.Source(
        name=row.source,
        title=parts_of(request).directory_title(row.source),
        id=row.external_id,
        url=row.url,
        fetched_at=row.fetched_at,
    )


def _numbers(request: web.Request, wanted: Sequence[models.NewNumber]) -> list[NumberRow]:
    region = parts_of(request).region()
    rows = []
    for place, number in enumerate(wanted):
        try:
            rows.append(row_of(number.number, region, number.label))
        except BadNumber as error:
            raise unfit(f"#/numbers/{place}/number", str(error)) from error
    return merged(rows, region)


def _emails(wanted: Sequence[str]) -> list[str]:
    found: list[str] = []
    for place, email in enumerate(wanted):
        try:
            found += emails([email])
        except BadInput as error:
            raise unfit(f"#/emails/{place}", str(error)) from error
    return found


def _tags(wanted: Sequence[str]) -> list[str]:
    found: list[str] = []
    for place, tag in enumerate(wanted):
        try:
            found += tags_of([tag])
        except BadInput as error:
            raise unfit(f"#/tags/{place}", str(error)) from error
    return found
