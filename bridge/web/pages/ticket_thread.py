"""Owns what is added to a ticket: notes, words to a supplier and to the client, tags, links, merging."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from bridge.config.mail import mail_address
from bridge.crm.ticketing import templates
from bridge.crm.ticketing.templates import Variable
from bridge.store import Unit
from bridge.store.entries import MAX_SUBJECT
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import NewEntry
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of
from bridge.web.forms import Fields, form_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.pages.ticket import ticket_number, ticket_page
from bridge.web.pages.ticket_view import MODES, Draft
from bridge.web.pages.views import fragment, see_other
from bridge.web.principal import person_of
from bridge.web.problems import Problem, bad_field

_LONGEST = 100_000
_MOST_RECIPIENTS = 20
LINKS = ("related", "duplicate", "parent")


def declare(routes: Routes) -> None:
    routes.post("/tickets/{id}/entries", write, SignedIn())
    routes.post("/tickets/{id}/template", insert_template, SignedIn())
    routes.post("/tickets/{id}/tags", set_tags, SignedIn())
    routes.post("/tickets/{id}/links", change_links, SignedIn())
    routes.post("/tickets/{id}/merge", merge, SignedIn())


async def write(request: web.Request) -> web.StreamResponse:
    form, id = await form_of(request), ticket_number(request)
    draft = _draft(form)
    try:
        entry = _entry(request, draft)
    except Problem as problem:
        if not problem.field:
            raise
        return await ticket_page(
            request, status=HTTPStatus.BAD_REQUEST, draft=draft, faults={problem.field: problem.message}
        )
    row = await parts_of(request).tickets.write(actor_of(request), id, entry)
    return see_other(f"/tickets/{row.ticket}?wrote={row.id}#entry-{row.id}")


async def insert_template(request: web.Request) -> web.StreamResponse:
    """The composer again, with a template after what is typed already. Nothing is kept."""
    form, parts, id = await form_of(request), parts_of(request), ticket_number(request)
    draft = _draft(form)
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
    draft = Draft(draft.kind, draft.to, subject, body, draft.answers)
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


def _draft(form: Fields) -> Draft:
    return Draft(
        form.choice("kind", MODES),
        form.text("to", longest=2000),
        form.text("subject", longest=MAX_SUBJECT),
        form.text("body", longest=_LONGEST, multiline=True),
        form.text("answers", longest=1000),
    )


def _entry(request: web.Request, draft: Draft) -> NewEntry:
    if not draft.body.strip():
        raise bad_field("body", N_("fill this in."))
    author, now = person_of(request).user.login, datetime.now(UTC)
    if draft.kind != "mail_out":
        return NewEntry(draft.kind, author, now, body=draft.body)
    if parts_of(request).mailer is None:
        raise bad_field("to", N_("mail is not set up; the engineer does it in the configuration."))
    return NewEntry(
        draft.kind,
        author,
        now,
        subject=draft.subject,
        body=draft.body,
        to=_addresses(draft.to),
        in_reply_to=draft.answers,
        delivery="waiting",
    )


def _addresses(typed: str) -> str:
    found = [one.strip() for one in typed.split(",") if one.strip()]
    if not found or len(found) > _MOST_RECIPIENTS:
        raise bad_field("to", N_("give one mail address, or some with commas between them."))
    try:
        return ", ".join(mail_address(one) for one in found)
    except ValueError:
        raise bad_field("to", N_("this is no mail address: write name@example.org.")) from None


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
