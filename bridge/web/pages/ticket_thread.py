"""Owns what is added to a ticket beside what is written: templates put in, tags, links, merging."""

from dataclasses import replace

from aiohttp import web

from bridge.crm.ticketing import templates
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import parts_of
from bridge.web.forms import form_of
from bridge.web.labels import N_
from bridge.web.pages.ticket import ticket_number, ticket_page
from bridge.web.pages.ticket_view import files_along
from bridge.web.pages.ticket_writing import draft_of
from bridge.web.pages.views import fragment, see_other
from bridge.web.problems import bad_field
from bridge.web.template_values import values_of

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
        known = await values_of(request, unit, row, template.language)
        taken = (*draft.attached, *(one.id for one in template.attachments))
        along = await files_along(unit, row, taken)
    body = "\n".join(filter(None, (draft.body, templates.filled(template.body, known))))
    subject = templates.filled_line(template.subject, known) or draft.subject
    draft = replace(draft, subject=subject, body=body, attached=tuple(one.id for one in along))
    if request.headers.get("HX-Request") == "true":
        return fragment(request, "_ticket_text.html", draft=draft, along=along, faults={})
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
