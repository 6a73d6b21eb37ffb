"""Owns departments, statuses, saved filters and templates by the API."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import Field

from bridge.config.custom_fields import Required
from bridge.config.rights import Action
from bridge.config.tickets import Status
from bridge.crm.ticketing import filters
from bridge.crm.ticketing.filters import Filter
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.sets import TicketSets
from bridge.errors import BadInput, InternalError
from bridge.store.ticket_rows import FilterRow, TemplateConflict, TemplateRow
from bridge.web.actors import actor_of
from bridge.web.api import ticket_set_models as models
from bridge.web.api.etags import demand_match, stale, tag_of
from bridge.web.api.field_models import field_said, label_said
from bridge.web.api.models import Listed
from bridge.web.api.operations import PREFIX, NoQuery, Query, answer, body, query
from bridge.web.api.ticket_showing import refusals, template_file
from bridge.web.api.unfit import unfit
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.problems import Problem, not_found

_ATTEMPTS = 3


class FiltersQuery(Query):
    owner: str | None = Field(
        None, min_length=1, max_length=100, description="A program asks for this person's as well."
    )


def _sets(request: web.Request) -> TicketSets:
    parts = parts_of(request)
    return TicketSets(parts.store, parts.tickets)


# ── departments and statuses ─────────────────────────────────────────────────


async def list_departments(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    rules = parts_of(request).tickets.rules
    items = [_department(request, rules, name) for name in sorted(rules.names)]
    return answer(Listed[models.Department](items=items, next=None))


async def list_statuses(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    items = [_status(status) for status in parts_of(request).tickets.rules.statuses.all]
    return answer(Listed[models.Status](items=items, next=None))


def _department(request: web.Request, rules: Rules, name: str) -> models.Department:
    settings = rules.department_or_none(name)
    queue = next((one for one in parts_of(request).plan().queues.values() if one.name == name), None)
    may = rules.rights.actions(actor_of(request).who, name)
    return models.Department(
        name=name,
        title=settings.title if settings is not None else queue.title if queue is not None else name,
        supervisors=[] if settings is None else list(settings.supervisors),
        lines={} if settings is None else {line: list(agents) for line, agents in settings.lines.items()},
        classes=[
            models.Class(path=node.path, title=label_said(node.titles[-1]), usable=node.usable)
            for node in rules.classes(name).all()
        ],
        class_required=Required.NO if settings is None else settings.classification_required,
        fields=[field_said(field) for field in rules.fields(name)],
        may=[action for action in Action if action in may],
    )


def _status(status: Status) -> models.Status:
    after = status.closes_after
    return models.Status(
        name=status.name,
        title=label_said(status.title),
        kind=status.kind,
        closes_after_hours=None if after is None else after.total_seconds() / 3600,
        closes_as=status.closes_as or None,
    )


# ── filters ──────────────────────────────────────────────────────────────────


async def list_filters(request: web.Request) -> web.StreamResponse:
    """The compulsory ones first."""
    given = query(request, FiltersQuery)
    rows = await _sets(request).filters(actor_of(request), given.owner or "")
    items = [
        models.SavedFilter(id=None, owner="", role="", name=one.name, query=json.loads(one.filter.as_json()))
        for one in filters.built_in(parts_of(request).tickets.settings)
    ]
    items += [_filter(row) for row in rows]
    return answer(Listed[models.SavedFilter](items=items, next=None))


async def save_filter(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewFilter)).value
    if (wanted.owner is None) == (wanted.role is None):
        raise unfit("#", "a filter belongs to a person or to a role: give owner or role, one of them.")
    asked = _read(wanted.query)
    if wanted.owner is not None:
        async with parts_of(request).store.view() as unit:
            if await unit.users.by_login(wanted.owner) is None:
                raise unfit("#/owner", "nobody signs in by this name.")
    with refusals():
        row = await _sets(request).save_filter(
            actor_of(request), wanted.name, asked, owner=wanted.owner or "", role=wanted.role or ""
        )
    return answer(_filter(row), status=HTTPStatus.CREATED, headers={"Location": f"{PREFIX}/filters/{row.id}"})


async def change_filter(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.FilterChange)).value
    asked = None if wanted.query is None else _read(wanted.query)
    with refusals():
        row = await _sets(request).change_filter(
            actor_of(request), path_number(request) or 0, name=wanted.name, filter=asked
        )
    return answer(_filter(_there(row)))


async def remove_filter(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    with refusals():
        row = await _sets(request).remove_filter(actor_of(request), path_number(request) or 0)
    return answer(_filter(_there(row)))


def _read(given: dict[str, Any]) -> Filter:
    try:
        return filters.read(json.dumps(given))
    except BadInput as error:
        raise unfit("#/query", str(error)) from None


def _there(row: FilterRow | None) -> FilterRow:
    if row is None:
        raise not_found("There is no such filter.")
    return row


def _filter(row: FilterRow) -> models.SavedFilter:
    return models.SavedFilter(
        id=row.id, owner=row.owner, role=row.role, name=row.name, query=json.loads(row.query)
    )


# ── templates ────────────────────────────────────────────────────────────────


async def list_templates(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    rows = await _sets(request).templates(actor_of(request))
    return answer(Listed[models.Template](items=[_template(row) for row in rows], next=None))


async def get_template(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    row = await found_template(request)
    return answer(_template(row), row=row)


async def add_template(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewTemplate)).value
    row = await _save_template(
        request,
        TemplateRow(
            0, wanted.set, wanted.department, wanted.name, wanted.subject, wanted.body, wanted.language
        ),
    )
    if isinstance(row, TemplateConflict):
        raise InternalError("a new template met another one's change")
    location = f"{PREFIX}/templates/{row.id}"
    return answer(_template(row), status=HTTPStatus.CREATED, headers={"Location": location})


async def change_template(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.TemplateChange)).value
    sent = wanted.model_dump(include=wanted.model_fields_set)
    if "set" in sent:
        sent["set_name"] = sent.pop("set")
    for _ in range(_ATTEMPTS):
        found = await found_template(request)
        bound = demand_match(request, found, None, _tag(found))
        saved = await _save_template(request, replace(found, **sent), found.version)
        if isinstance(saved, TemplateRow):
            return answer(_template(saved), row=saved)
        if bound:
            raise stale(None, _tag(saved.current))
    raise Problem(HTTPStatus.CONFLICT, "The template changes all the time. Try again.")


async def remove_template(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    files, actor, id = parts_of(request).files, actor_of(request), path_number(request) or 0
    with refusals():
        remove = _sets(request).remove_template if files is None else files.remove_template
        row = await remove(actor, id)
    if isinstance(row, TemplateConflict):
        raise InternalError("a template was removed under no condition, and yet it met one")
    return answer(_template(_template_there(row)))


async def found_template(request: web.Request) -> TemplateRow:
    return _template_there(await _sets(request).template(actor_of(request), path_number(request) or 0))


def _tag(row: TemplateRow) -> str:
    return tag_of(_template(row).model_dump_json(), row)


async def _save_template(
    request: web.Request, wanted: TemplateRow, if_version: int | None = None
) -> TemplateRow | TemplateConflict:
    if wanted.department and wanted.department not in parts_of(request).tickets.rules.names:
        raise unfit("#/department", "there is no such department; GET /api/v1/departments lists them.")
    with refusals():
        try:
            row = await _sets(request).save_template(actor_of(request), wanted, if_version)
            return row if isinstance(row, TemplateConflict) else _template_there(row)
        except BadInput as error:
            raise unfit("#", str(error)) from None


def _template_there(row: TemplateRow | None) -> TemplateRow:
    if row is None:
        raise not_found("There is no such template.")
    return row


def _template(row: TemplateRow) -> models.Template:
    return models.Template(
        id=row.id,
        set=row.set_name,
        department=row.department,
        name=row.name,
        language=row.language,
        subject=row.subject,
        body=row.body,
        attachments=[template_file(one) for one in row.attachments],
    )
