"""Owns the pages of templates: a list by department, one to be read or edited beside its preview, removal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.crm.ticketing import templates
from bridge.crm.ticketing.sets import TicketSets
from bridge.crm.ticketing.templates import LONGEST_BODY, LONGEST_SUBJECT, Variable
from bridge.errors import NoSuchTemplate, NoSuchTicket, NotAllowed, TemplateNameTaken
from bridge.store.ticket_rows import TemplateConflict, TemplateRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.edits import edits, marks
from bridge.web.forms import Fields, clean, form_of, path_number, query_of
from bridge.web.i18n import NAMES
from bridge.web.labels import N_
from bridge.web.pages.calls import names_of
from bridge.web.pages.conflicts import Met
from bridge.web.pages.conflicts import conflict as conflict_page
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.problems import Problem, not_found
from bridge.web.template_values import example_values, values_of

_ATTEMPTS = 3
_NONE = N_("There is no such template any more.")
_MET = N_("Somebody has changed this template meanwhile. Look at it again, then remove it.")
_BLANK = TemplateRow(0, "", "", "", "", "", "")
_FIELDS = ("set_name", "name", "department", "language", "subject", "body")


@dataclass(frozen=True, slots=True)
class Preview:
    """``faults``: what keeps it from being a template, in words; then there is nothing to be shown."""

    subject: str
    body: str
    faults: Sequence[str]
    ticket: str  # as it was typed; "": an example


def declare(routes: Routes) -> None:
    routes.get("/templates", show_all, SignedIn())
    routes.post("/templates", add, SignedIn())
    routes.get("/templates/new", show_new, SignedIn())
    routes.post("/templates/preview", preview, SignedIn())
    routes.get("/templates/{id}", show, SignedIn())
    routes.post("/templates/{id}", change, SignedIn())
    routes.post("/templates/{id}/remove", remove, SignedIn())


def sets_of(request: web.Request) -> TicketSets:
    return TicketSets(parts_of(request).store, parts_of(request).tickets)


async def found_template(request: web.Request) -> TemplateRow:
    row = await sets_of(request).template(actor_of(request), path_number(request) or 0)
    if row is None:
        raise not_found(_NONE)
    return row


# ── pages ────────────────────────────────────────────────────────────────────


async def show_all(request: web.Request) -> web.StreamResponse:
    sets, query = sets_of(request), query_of(request)
    rows = await sets.templates(actor_of(request))
    asked = query.text("department", longest=200)
    departments = sorted({row.department for row in rows} | ({asked} if asked else set()))
    shown = [name for name in departments if not asked or name in ("", asked)]
    return page(
        request,
        "templates.html",
        groups=[(name, [row for row in rows if row.department == name]) for name in shown],
        asked=asked,
        keeps=sets.keeps(actor_of(request)),
        said="removed" if "removed" in query.values else "",
    )


async def show_new(request: web.Request) -> web.StreamResponse:
    keeps = _kept_departments(request)
    department = query_of(request).text("department", longest=200)
    row = replace(
        _BLANK,
        department=department if department in keeps else keeps[0],
        set_name=query_of(request).text("set"),
        language=language_of(request),
    )
    return await _template_page(request, row)


async def show(request: web.Request) -> web.StreamResponse:
    return await _template_page(request, await found_template(request))


async def preview(request: web.Request) -> web.StreamResponse:
    """By the very code that fills it in an answer. Nothing is kept."""
    form = await form_of(request)
    drawn = await _preview(request, form)
    if request.headers.get("HX-Request") == "true":
        return fragment(request, "_template_preview.html", preview=drawn)
    id = form.optional_number("id")
    row = (await sets_of(request).template(actor_of(request), id) if id else None) or _BLANK
    return await _template_page(request, row, typed=form)


# ── changes ──────────────────────────────────────────────────────────────────


async def add(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    given, faults = _given(request, form, _BLANK)
    if not faults:
        saved = await _saved(request, replace(_BLANK, **given), None, faults)
        if isinstance(saved, TemplateRow):
            return see_other(f"/templates/{saved.id}?saved=1")
    return await _template_page(request, _BLANK, typed=form, faults=faults)


async def change(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    for _ in range(_ATTEMPTS):
        row = await found_template(request)
        given, faults = _given(request, form, row)
        if faults:
            return await _template_page(request, row, typed=form, faults=faults)
        kept = _kept(row)
        found = edits(form, given, kept)
        if any(edit.met for edit in found):
            words = {"department": {name: _title(request, name) for name in _kept_departments(request)}}
            name = " · ".join((row.set_name, row.name))
            return conflict_page(request, Met(f"/templates/{row.id}", name, given, kept, found, words))
        wanted = replace(row, **{edit.name: given[edit.name] for edit in found})
        saved = await _saved(request, wanted, row.version, faults) if found else row
        if isinstance(saved, TemplateRow):
            return see_other(f"/templates/{row.id}?saved=1")
        if saved is None:
            return await _template_page(request, row, typed=form, faults=faults)
    raise Problem(HTTPStatus.CONFLICT, N_("The template changes all the time. Try again."))


async def remove(request: web.Request) -> web.StreamResponse:
    form, actor, files = await form_of(request), actor_of(request), parts_of(request).files
    version = form.number("version")
    do = sets_of(request).remove_template if files is None else files.remove_template
    row = await do(actor, path_number(request) or 0, version)
    if row is None:
        raise not_found(_NONE)
    if isinstance(row, TemplateConflict):
        raise Problem(HTTPStatus.CONFLICT, _MET)
    return see_other("/templates?removed=1")


async def _saved(
    request: web.Request, wanted: TemplateRow, if_version: int | None, faults: dict[str, str]
) -> TemplateRow | TemplateConflict | None:
    """None, and why in ``faults``, where another one has the name."""
    try:
        saved = await sets_of(request).save_template(actor_of(request), wanted, if_version)
    except TemplateNameTaken:
        faults["name"] = _gettext(
            request, N_("There is one of this name and language in the set. Choose another name.")
        )
        return None
    if saved is None:
        raise not_found(_NONE)
    return saved


# ── the form ─────────────────────────────────────────────────────────────────


def _kept(row: TemplateRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in _FIELDS}


def _given(request: web.Request, form: Fields, row: TemplateRow) -> tuple[dict[str, Any], dict[str, str]]:
    """What stands in a form, and what is wrong with it, by field, in words."""
    given: dict[str, Any] = {}
    faults: dict[str, str] = {}
    departments = (*_kept_departments(request), row.department)
    readers: Mapping[str, Callable[[], str]] = {
        "set_name": lambda: form.text("set_name", required=True),
        "name": lambda: form.text("name", required=True),
        "department": lambda: form.choice("department", departments, optional=True),
        "language": lambda: form.choice("language", (*NAMES, row.language), optional=True),
        "subject": lambda: form.text("subject", longest=LONGEST_SUBJECT),
        "body": lambda: form.text("body", longest=LONGEST_BODY, required=True, multiline=True),
    }
    for name, read in readers.items():
        try:
            given[name] = read()
        except Problem as problem:
            words = _gettext(request, problem.message)
            faults[name] = words % problem.values if problem.values is not None else words
    for name in ("subject", "body"):
        if name not in faults and (found := _slips(request, given[name])):
            faults[name] = " ".join(found)
    return given, faults


def _slips(request: web.Request, text: str) -> list[str]:
    told = []
    for slip in templates.slips(text):
        if slip.is_brace:
            words = N_("A single “%(brace)s” is left over: write “%(twice)s” for a brace.")
            values = {"brace": slip.found, "twice": slip.found * 2}
        elif slip.near is not None:
            words = N_("There is no variable %(name)s: do you mean {%(near)s}?")
            values = {"name": slip.found, "near": slip.near.value}
        else:
            words, values = N_("There is no variable %(name)s: choose one of the list."), {"name": slip.found}
        told.append(_gettext(request, words) % values)
    return told


async def _preview(request: web.Request, form: Fields) -> Preview:
    subject = clean(form.values.get("subject", ""))
    body = clean(form.values.get("body", ""), multiline=True)
    number = clean(form.values.get("ticket", ""))
    faults = list(dict.fromkeys([*_slips(request, subject), *_slips(request, body)]))
    values: Mapping[Variable, str] = {}
    try:
        values = await _values(request, form, number)
    except (NoSuchTicket, NotAllowed):
        faults.append(_gettext(request, N_("There is no such ticket, or you may not read it.")))
    if faults:
        return Preview("", "", faults, number)
    return Preview(templates.filled_line(subject, values), templates.filled(body, values), (), number)


async def _values(request: web.Request, form: Fields, number: str) -> Mapping[Variable, str]:
    language = form.values.get("language", "")
    if not number:
        return example_values(request, form.values.get("department", ""), language)
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise NoSuchTicket(f"{number[:20]!r} is no ticket's number")
    parts = parts_of(request)
    async with parts.store.view() as unit:
        row = (await parts.tickets.see(unit, actor_of(request), int(number))).ticket
        return await values_of(request, unit, row, language)


def _kept_departments(request: web.Request) -> tuple[str, ...]:
    """Raises NotAllowed where there is none."""
    keeps = sets_of(request).keeps(actor_of(request))
    if not keeps:
        raise NotAllowed("templates: they are kept by supervisors; ask one of them")
    return keeps


async def _template_page(
    request: web.Request,
    row: TemplateRow,
    *,
    typed: Fields | None = None,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    sets, actor = sets_of(request), actor_of(request)
    kept, keeps = _kept(row), sets.keeps(actor)
    values = {name: str(value) for name, value in kept.items()}
    shown = marks(kept)
    if typed is not None:
        values = {name: typed.values.get(name, value) for name, value in values.items()}
        shown = {name: typed.values.get(f"shown_{name}", mark) for name, mark in shown.items()}
    drawn = await _preview(request, typed or Fields(values))
    return page(
        request,
        "template.html",
        status=HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        row=row,
        values=values,
        shown=shown if row.id else {},
        faults=faults or {},
        may=sets.may_keep(actor, row.department) if row.id else bool(keeps),
        departments=tuple(dict.fromkeys((*keeps, row.department))) if keeps else (row.department,),
        languages={**NAMES, **({} if row.language in ("", *NAMES) else {row.language: row.language})},
        variables=[variable.value for variable in Variable],
        preview=drawn,
        longest={"subject": LONGEST_SUBJECT, "body": LONGEST_BODY},
        takes_files=parts_of(request).files is not None,
        said=next((one for one in ("saved", "attached", "removed") if one in request.query), ""),
        **names_of(request),
    )


def _title(request: web.Request, department: str) -> str:
    if not department:
        return _gettext(request, N_("All departments"))
    settings = parts_of(request).tickets.rules.department_or_none(department)
    return settings.title if settings is not None else department


def _gettext(request: web.Request, words: str) -> str:
    return renderer_of(request).languages[language_of(request)].gettext(words)


def template_number(request: web.Request) -> int:
    number = path_number(request)
    if number is None:
        raise NoSuchTemplate("there is no such template")
    return number
