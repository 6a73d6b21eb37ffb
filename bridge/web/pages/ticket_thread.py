"""Owns what is added to a ticket beside what is written: templates put in, tags, links, merging."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from bridge.crm.ticketing import templates
from bridge.crm.ticketing.templates import Variable
from bridge.store import Unit
from bridge.store.rows import TicketRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of
from bridge.web.forms import form_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.pages.ticket import ticket_number, ticket_page
from bridge.web.pages.ticket_writing import draft_of
from bridge.web.pages.views import fragment, see_other
from bridge.web.principal import person_of
from bridge.web.problems import bad_field

LINKS = ("related", "duplicate", "parent")


def declare(routes: Routes) -> None:
    routes.post("/tickets/{id}/template", insert_template, SignedIn())
    routes.post("/tickets/{id}/tags", set_tags, SignedIn())
    routes.post("/tickets/{id}/links", change_links, SignedIn())
    routes.post("/tickets/{id}/merge", merge, SignedIn())


async def insert_template(request: web.Request) -> web.StreamResponse:
    """The composer again, with a template after what is typed already. Nothing is kept."""
    form, parts, id = await form_of(request), parts_of(request), ticket_number(request)
    draft = draft_of(form)
    if not form.values.get("template", "").strip():
        raise bad_field("template", N_("choose one of the list."))
    async with parts.store.view() as unit:
        row = (await parts.tickets.see(unit, actor_of(request), id)).ticket
        template = await unit.templates.get(form.number("template"))
        if template is None or template.department not in ("", row.department):
            raise bad_field("template", N_("there is no such template any more."))
        known = await _values(request, unit, row)
    body = "\n".join(filter(None, (draft.body, templates.filled(template.body, known))))
    subject = templates.filled_line(template.subject, known) or draft.subject
    draft = replace(draft, subject=subject, body=body)
    if request.headers.get("HX-Request") == "true":
        return fragment(request, "_ticket_text.html", draft=draft, faults={})
    return await ticket_page(request, draft=draft)


async def set_tags(request: web.Request) -> web.StreamResponse:
    form, id = await form_of(request), ticket_number(request)
    typed = form.text("tags", longest=4000)
    tags = [tag for tag in (one.strip() for one in typed.split(",")) if tag]
    await parts_of(request).tickets.set_tags(actor_of(request), id, tags)
    return see_other(f"/tickets/{id}?saved=1")


async def change_links(request: web.Request) -> web.StreamResponse:
    form, id = await form_of(request), ticket_number(request)
    other, kind = form.number("other"), form.choice("kind", (*LINKS, "child", "duplicated_by"))
    on = form.choice("on", ("1", "0")) == "1"
    # Both may be seen from the other end, too.
    ends, kind = {
        "child": ((other, id), "parent"),
        "duplicated_by": ((other, id), "duplicate"),
    }.get(kind, ((id, other), kind))
    await parts_of(request).tickets.link(actor_of(request), *ends, kind, on=on)
    return see_other(f"/tickets/{id}?saved=1")


async def merge(request: web.Request) -> web.StreamResponse:
    id = ticket_number(request)
    target = (await form_of(request)).number("target")
    row = await parts_of(request).tickets.merge(actor_of(request), id, target)
    return see_other(f"/tickets/{row.id}?merged={id}")


async def _values(request: web.Request, unit: Unit, row: TicketRow) -> Mapping[Variable, str]:
    parts, language = parts_of(request), language_of(request)
    client = await unit.clients.get(row.client) if row.client else None
    person = person_of(request)
    number = client.numbers[0].e164 if client and client.numbers else None
    settings = parts.tickets.rules.department_or_none(row.department)
    return {
        Variable.CLIENT_NAME: client.name if client else "",
        Variable.CLIENT_NUMBER: number or "",
        Variable.TICKET: str(row.id),
        Variable.SUBJECT: row.subject,
        Variable.STATUS: parts.tickets.rules.statuses.title(row.status, language),
        Variable.SOLUTION: row.solution,
        Variable.CREATED: f"{row.created_at:%d.%m.%Y}" if language == "ru" else f"{row.created_at:%Y-%m-%d}",
        Variable.AGENT: agent_names(request).get(person.agent or "", person.user.login),
        Variable.DEPARTMENT: settings.title if settings else row.department,
        Variable.COMPANY: parts.tickets.settings.company.name,
    }
