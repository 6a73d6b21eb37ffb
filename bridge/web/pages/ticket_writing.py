"""Owns writing into a ticket's thread: notes, letters with their files, a letter that is sent again.

What was typed is never lost: whatever is refused is told in the form, which comes back with it.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple

import structlog
from aiohttp import web

from bridge.config.keyfile import KeyUnusable
from bridge.crm.attachments import BadAttachment
from bridge.crm.parties import listed, recipients
from bridge.crm.ticketing.files import Parcel
from bridge.errors import BadInput, NoMailServer, NoSuchTicket, worded
from bridge.store.entries import MAX_SUBJECT
from bridge.store.ticket_rows import EntryRow, NewEntry
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.bodies import form_with_files, has_files, read_form
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import Fields
from bridge.web.labels import N_
from bridge.web.pages.ticket import ticket_number, ticket_page
from bridge.web.pages.ticket_files import LARGEST
from bridge.web.pages.ticket_view import MODES, Draft
from bridge.web.pages.views import see_other
from bridge.web.principal import person_of
from bridge.web.problems import Problem, bad_field

log = structlog.get_logger(__name__)

_LONGEST = 100_000
_LONGEST_LIST = 2_000  # characters of mail addresses
_MOST_RECIPIENTS = 20


class Wrong(NamedTuple):
    """What is wrong with what was sent. ``field`` is empty where it is none of the form's."""

    field: str
    words: str  # in the reader's language


def declare(routes: Routes) -> None:
    routes.post("/tickets/{id}/entries", write, SignedIn())
    routes.allow_files(write, LARGEST)
    routes.post("/tickets/{id}/entries/{entry}/again", send_again, SignedIn())


async def write(request: web.Request) -> web.StreamResponse:
    """One form, text and files: all of it is there afterwards, or nothing."""
    id, parts = ticket_number(request), parts_of(request)
    async with AsyncExitStack() as stack:
        parcel: Parcel | None = None
        if parts.files is not None:
            parcel = await stack.enter_async_context(parts.files.parcel(actor_of(request), id))
        fields, wrong = await _received(request, parcel)
        draft = draft_of(Fields(fields))
        written = wrong or await _written(request, draft, parcel)
    if isinstance(written, EntryRow):
        return see_other(f"/tickets/{written.ticket}?wrote={written.id}#entry-{written.id}")
    status = HTTPStatus.BAD_REQUEST
    return await ticket_page(request, status=status, draft=draft, draft_faults={written.field: written.words})


async def send_again(request: web.Request) -> web.StreamResponse:
    id, entry = ticket_number(request), ticket_number(request, "entry")
    row = await parts_of(request).tickets.send_again(actor_of(request), id, entry)
    return see_other(f"/tickets/{row.ticket}?again=1#entry-{row.id}")


def draft_of(form: Fields) -> Draft:
    return Draft(
        form.choice("kind", MODES),
        form.text("to", longest=_LONGEST_LIST),
        form.text("subject", longest=MAX_SUBJECT),
        form.text("body", longest=_LONGEST, multiline=True),
        form.text("answers", longest=1000),
        form.text("cc", longest=_LONGEST_LIST),
        form.text("supplier", longest=_LONGEST_LIST),
        _numbers(form.text("attached", longest=20_000, multiline=True)),
    )


def _numbers(given: str) -> tuple[int, ...]:
    """Boxes of one name come a line each."""
    found = given.split()
    if not all(one.isascii() and one.isdigit() and len(one) <= 18 for one in found):
        raise bad_field("attached", N_("choose files of the list."))
    return tuple(int(one) for one in found)


async def _received(request: web.Request, parcel: Parcel | None) -> tuple[Mapping[str, str], Wrong | None]:
    """The form's fields. A refused file is told, and what comes after it is read: else a browser, which
    still sends, would show an error of its own, and the text would be lost.
    """
    if not has_files(request):
        return await read_form(request), None
    form = form_with_files(request)
    wrong: Wrong | None = None
    async for file in form.files():
        if file.field != "file" or not file.name or wrong is not None:
            continue
        try:
            if parcel is None:
                raise Problem(HTTPStatus.NOT_FOUND, N_("Files are not kept here."))
            await parcel.add(file.name, file.pieces())
        except (BadInput, KeyUnusable, OSError, Problem) as error:
            if isinstance(error, NoSuchTicket):
                raise
            wrong = _wrong_file(request, error)
    return form.fields, wrong


async def _written(request: web.Request, draft: Draft, parcel: Parcel | None) -> EntryRow | Wrong:
    gettext = renderer_of(request).languages[language_of(request)].gettext
    try:
        entry = _entry(request, draft)
        if parcel is not None:
            return await parcel.write(entry, draft.attached)
        desk = parts_of(request).tickets
        return await desk.write(actor_of(request), ticket_number(request), entry, draft.attached)
    except Problem as problem:
        return Wrong(problem.field, gettext(problem.message) % (problem.values or {}))
    except NoMailServer:
        return Wrong("", gettext(N_("mail is not set up; the engineer does it in the configuration.")))
    except (BadAttachment, KeyUnusable, OSError) as error:
        return _wrong_file(request, error)
    except NoSuchTicket:
        raise
    except BadInput as error:
        return Wrong("", worded(error.message, error.values, gettext))


def _wrong_file(request: web.Request, error: Exception) -> Wrong:
    gettext = renderer_of(request).languages[language_of(request)].gettext
    match error:
        case Problem():
            words = gettext(error.message)
        case BadInput():
            words = f"{worded(error.message, error.values, gettext)}."
        case _:
            # Where files lie is the engineer's business alone.
            log.error("file not kept", action="attachment", reason=str(error))
            words = gettext(N_("The file cannot be kept now. The engineer finds the reason in the log."))
    return Wrong("file", f"{words} {gettext(N_('Nothing is sent yet: choose the files again.'))}")


def _entry(request: web.Request, draft: Draft) -> NewEntry:
    if not draft.body.strip():
        raise bad_field("body", N_("fill this in."))
    author, now = person_of(request).user.login, datetime.now(UTC)
    if draft.kind == "note":
        return NewEntry(draft.kind, author, now, body=draft.body)
    # Each has its own field: a word to a supplier must not go to the client because his address stood there.
    if draft.kind == "partner":
        to, cc, answers = _addresses("supplier", draft.supplier), "", ""
    else:
        to, cc, answers = _addresses("to", draft.to), _addresses("cc", draft.cc), draft.answers
        if not to:
            raise bad_field("to", N_("give one mail address, or some with commas between them."))
    return NewEntry(
        draft.kind,
        author,
        now,
        subject=draft.subject if to else "",
        body=draft.body,
        to=to,
        cc=cc,
        in_reply_to=answers,
    )


def _addresses(field: str, typed: str) -> str:
    try:
        found = recipients(typed)
    except BadInput:
        raise bad_field(field, N_("this is no mail address: write name@example.org.")) from None
    if len(found) > _MOST_RECIPIENTS:
        raise bad_field(field, N_("give one mail address, or some with commas between them."))
    return listed(found)
