"""Each action on tickets by every way it is taken: requests by page and API, and what the store says then.

A route that changes tickets and is in no way here, and not in a list with its reason, fails a test.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.config.rights import Action
from bridge.store import Unit
from tests.integration.web.web_house import API


@dataclass(frozen=True, slots=True)
class Made:
    """What a request is about: a ticket of a department, and what it may need besides. All are there."""

    department: str
    id: int
    subject: str
    other: int  # another ticket of the department
    file: int  # of the first one
    client: int
    template: int
    call: str  # on the agent's screen, of a queue without a department
    fresh: str  # a word that nothing else has


Done = Callable[[Unit, Made], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Way:
    """One request. ``sent``: its form or JSON, with {names} of what is made; of a list, ``told`` shows it."""

    action: Action
    method: str
    route: str
    sent: Mapping[str, Any] = field(default_factory=dict)
    done: Done | None = None
    told: str = ""  # in the answer, only where it is allowed
    hides: bool = False  # refused, it answers without it, or 403
    closed: bool = False  # the ticket is, before
    linked: bool = False  # with the other one, before
    is_file: bool = False

    def __str__(self) -> str:
        return f"{self.action.value} {self.method} {self.route} {' '.join(self.sent)}".strip()

    def needs(self, name: str) -> bool:
        """Whether it speaks of it."""
        return any(f"{{{name}}}" in text for text in (self.route, *map(str, self.sent.values())))

    @property
    def is_card(self) -> bool:
        return self.route.startswith("/card/")


def _row(name: str, wanted: object = "{fresh}") -> Done:
    async def done(unit: Unit, made: Made) -> bool:
        value: object = getattr(await unit.tickets.get(made.id), name)
        return value == _filled(wanted, made)

    return done


async def _is_closed(unit: Unit, made: Made) -> bool:
    row = await unit.tickets.get(made.id)
    return row is not None and row.closed_at is not None


async def _is_open(unit: Unit, made: Made) -> bool:
    row = await unit.tickets.get(made.id)
    return row is not None and row.closed_at is None and row.reopened == 1


async def _of_client(unit: Unit, made: Made) -> bool:
    row = await unit.tickets.get(made.id)
    return row is not None and row.client == made.client


def _entry(kind: str) -> Done:
    async def done(unit: Unit, made: Made) -> bool:
        entries = (await unit.entries.page(made.id, None, 10)).items
        return [(one.kind, one.body) for one in entries] == [(kind, made.fresh)]

    return done


async def _tagged(unit: Unit, made: Made) -> bool:
    return (await unit.ticket_marks.tags([made.id])).get(made.id) == (made.fresh,)


async def _linked(unit: Unit, made: Made) -> bool:
    return [one.ticket.id for one in await unit.ticket_marks.links(made.id)] == [made.other]


async def _unlinked(unit: Unit, made: Made) -> bool:
    return not await unit.ticket_marks.links(made.id)


async def _merged(unit: Unit, made: Made) -> bool:
    row = await unit.tickets.get(made.id)
    return row is not None and row.merged_into == made.other


async def _attached(unit: Unit, made: Made) -> bool:
    return [one.name for one in await unit.attachments.of_ticket(made.id)].count(f"{made.fresh}.txt") == 1


async def _removed(unit: Unit, made: Made) -> bool:
    return await unit.attachments.get(made.file) is None


async def _created(unit: Unit, made: Made) -> bool:
    latest = (await unit.tickets.page(None, 1)).items[0]
    return (latest.subject, latest.department) == (made.fresh, made.department)


async def _created_of_call(unit: Unit, made: Made) -> bool:
    row = await unit.tickets.by_call(made.call)
    return row is not None and (row.subject, row.department) == (made.fresh, made.department)


async def _takes_call(unit: Unit, made: Made) -> bool:
    return made.call in await unit.tickets.calls_of(made.id)


def _filled(value: Any, made: Made) -> Any:
    """``"#{id}"`` is a number."""
    if isinstance(value, str) and value.startswith("#{"):
        return getattr(made, value[2:-1])
    if isinstance(value, str):
        return value.format(**{name: getattr(made, name) for name in made.__slots__})
    return [_filled(one, made) for one in value] if isinstance(value, list) else value


def filled(sent: Mapping[str, Any], made: Made) -> dict[str, Any]:
    return {name: _filled(value, made) for name, value in sent.items()}


def path_of(way: Way, made: Made) -> str:
    """The route with its numbers: ``{attachment}`` is the file, too."""
    names = {name: getattr(made, name) for name in made.__slots__}
    return way.route.format(**names, attachment=made.file)


# ── pages ────────────────────────────────────────────────────────────────────

_TICKET, _CARD = "/tickets/{id}", "/card/{call}/ticket"


def _form(action: Action, done: Done, /, *, closed: bool = False, **sent: str) -> tuple[Way, ...]:
    """On the ticket's own page, and beside the card."""
    return (
        Way(action, "POST", _TICKET, sent, done, closed=closed),
        Way(action, "POST", _CARD, {**sent, "ticket": "{id}"}, done, closed=closed),
    )


def _compose(action: Action, kind: str) -> Way:
    sent = {"kind": kind, "body": "{fresh}", "to": "maria@example.org"}
    return Way(action, "POST", "/tickets/{id}/entries", sent, _entry(kind))


_MAIL = {"body": "{fresh}", "to": ["maria@example.org"]}
_LINK = {"other": "{other}", "kind": "related"}
_NEW = {"subject": "{fresh}", "department": "{department}"}
_DRAFT = {"kind": "note", "body": "{fresh}", "template": "{template}"}

PAGES: tuple[Way, ...] = (
    Way(Action.READ, "GET", "/tickets", told=">{subject}<", hides=True),
    Way(Action.READ, "GET", _TICKET, told="{subject}"),
    Way(Action.READ, "GET", "/tickets/{id}/history", told="changes"),
    Way(Action.READ, "GET", "/tickets/{id}/files/{file}", told="It burns."),
    Way(Action.READ, "POST", "/tickets/{id}/fields", told="ticket-fields"),
    Way(Action.READ, "POST", "/tickets/{id}/template", _DRAFT, told="{subject}"),
    Way(Action.CREATE, "GET", "/tickets/new", told='value="{department}"', hides=True),
    Way(Action.CREATE, "POST", "/tickets/new", _NEW, _created),
    Way(Action.CREATE, "POST", "/card/{call}/open-ticket", _NEW, _created_of_call),
    *_form(Action.EDIT, _row("subject"), subject="{fresh}"),
    *_form(Action.EDIT, _row("solution"), solution="{fresh}"),
    *_form(Action.EDIT, _row("disposition", "resolved"), disposition="resolved"),
    *_form(Action.EDIT, _of_client, client="{client}"),
    *_form(Action.EDIT, _row("fields", {"serial": "17"}), field_serial="17", shown_field_serial=""),
    *_form(Action.EDIT, _row("status", "in_progress"), status="in_progress"),
    Way(Action.EDIT, "POST", "/card/{call}/take", {"ticket": "{id}"}, _takes_call),
    _compose(Action.NOTE, "note"),
    Way(Action.NOTE, "POST", _CARD, {"ticket": "{id}", "note": "{fresh}"}, _entry("note")),
    _compose(Action.PARTNER, "partner"),
    _compose(Action.REPLY, "mail_out"),
    *_form(Action.ASSIGN, _row("assignee", "1003"), assignee="1003"),
    *_form(Action.REDIRECT, _row("line", 2), line="2"),
    *_form(Action.REDIRECT, _row("department", "night"), department="night"),
    *_form(Action.PRIORITISE, _row("priority", "urgent"), priority="urgent"),
    *_form(Action.CLASSIFY, _row("classification", "hardware"), classification="hardware"),
    *_form(Action.CLOSE, _is_closed, status="done"),
    *_form(Action.REOPEN, _is_open, closed=True, status="in_progress"),
    Way(Action.MERGE, "POST", "/tickets/{id}/merge", {"target": "{other}"}, _merged),
    Way(Action.LINK, "POST", "/tickets/{id}/links", {**_LINK, "on": "1"}, _linked),
    Way(Action.LINK, "POST", "/tickets/{id}/links", {**_LINK, "on": "0"}, _unlinked, linked=True),
    Way(Action.TAG, "POST", "/tickets/{id}/tags", {"tags": "{fresh}"}, _tagged),
    Way(Action.ATTACH, "POST", "/tickets/{id}/files", done=_attached, is_file=True),
    Way(Action.DELETE_ATTACHMENT, "POST", "/tickets/{id}/files/{file}/remove", done=_removed),
    Way(Action.EXPORT, "GET", "/tickets.csv", told=";{subject};", hides=True),
)

# ── API ──────────────────────────────────────────────────────────────────────

_ONE, _FILE = f"{API}/tickets/{{id}}", f"{API}/tickets/{{id}}/attachments/{{attachment}}"


def _patch(action: Action, done: Done, /, *, closed: bool = False, **sent: Any) -> Way:
    return Way(action, "PATCH", _ONE, sent, done, closed=closed)


API_READS: tuple[Way, ...] = (
    Way(Action.READ, "GET", f"{API}/tickets", told='"{subject}"', hides=True),
    Way(Action.READ, "GET", _ONE, told='"{subject}"'),
    Way(Action.READ, "GET", f"{_ONE}/entries", told='"items"'),
    Way(Action.READ, "GET", f"{_ONE}/changes", told='"create"'),
    Way(Action.READ, "GET", f"{_ONE}/attachments", told='"letter.txt"'),
    Way(Action.READ, "GET", _FILE, told='"letter.txt"'),
    Way(Action.READ, "GET", f"{_FILE}/content", told="It burns."),
    Way(Action.EXPORT, "GET", f"{API}/tickets.csv", told=",{subject},", hides=True),
)
API_WRITES: tuple[Way, ...] = (
    Way(Action.CREATE, "POST", f"{API}/tickets", _NEW, _created),
    _patch(Action.EDIT, _row("subject"), subject="{fresh}"),
    _patch(Action.EDIT, _row("solution"), solution="{fresh}"),
    _patch(Action.EDIT, _row("disposition", "resolved"), disposition="resolved"),
    _patch(Action.EDIT, _of_client, client="#{client}"),
    _patch(Action.EDIT, _row("fields", {"serial": "17"}), fields={"serial": "17"}),
    _patch(Action.EDIT, _row("status", "in_progress"), status="in_progress"),
    Way(Action.EDIT, "POST", f"{_ONE}/calls/{{call}}", done=_takes_call),
    Way(Action.NOTE, "POST", f"{_ONE}/entries", {"kind": "note", "body": "{fresh}"}, _entry("note")),
    Way(Action.PARTNER, "POST", f"{_ONE}/entries", {"kind": "partner", **_MAIL}, _entry("partner")),
    Way(Action.REPLY, "POST", f"{_ONE}/entries", {"kind": "reply", **_MAIL}, _entry("mail_out")),
    Way(
        Action.REPLY,
        "POST",
        f"{_ONE}/entries",
        {"kind": "message_out", "body": "{fresh}"},
        _entry("message_out"),
    ),
    _patch(Action.ASSIGN, _row("assignee", "1003"), assignee="1003"),
    _patch(Action.REDIRECT, _row("line", 2), line=2),
    _patch(Action.REDIRECT, _row("department", "night"), department="night"),
    _patch(Action.PRIORITISE, _row("priority", "urgent"), priority="urgent"),
    _patch(Action.CLASSIFY, _row("classification", "hardware"), classification="hardware"),
    _patch(Action.CLOSE, _is_closed, status="done"),
    _patch(Action.REOPEN, _is_open, closed=True, status="in_progress"),
    Way(Action.MERGE, "POST", f"{_ONE}/merge", {"into": "#{other}"}, _merged),
    Way(Action.LINK, "PUT", f"{_ONE}/links/{{other}}", done=_linked),
    Way(Action.LINK, "DELETE", f"{_ONE}/links/{{other}}", done=_unlinked, linked=True),
    Way(Action.TAG, "PUT", f"{_ONE}/tags", {"tags": ["{fresh}"]}, _tagged),
    Way(Action.ATTACH, "POST", f"{_ONE}/attachments", done=_attached, is_file=True),
    Way(Action.DELETE_ATTACHMENT, "DELETE", _FILE, done=_removed),
)

# ── all else that begins with these, and why no cell of the matrix is about it ──

BELOW = ("/tickets", "/card", f"{API}/tickets", f"{API}/filters", f"{API}/templates")
_OWN = "everybody's own, and a role's: not of a department; see test_web_tickets.py, test_web_tickets_api.py"
_PROGRAMS = "kept by programs alone, which may everything; read by department, see test_web_ticket_things.py"
_WRITTEN = "the right to write this letter, which is a cell; see test_web_ticket_letters.py"
_OF_CALL = "whom the agent talks with, on his own screen: news of the call, which its ticket follows"
NO_CELL: Mapping[str, str] = {
    "GET /tickets/own-fields": "what the file says, and no ticket",
    "POST /tickets/filters": _OWN,
    "POST /tickets/filters/{id}": _OWN,
    f"GET {API}/filters": _OWN,
    f"POST {API}/filters": _OWN,
    f"PATCH {API}/filters/{{id}}": _OWN,
    f"DELETE {API}/filters/{{id}}": _OWN,
    f"GET {API}/templates": _PROGRAMS,
    f"POST {API}/templates": _PROGRAMS,
    f"GET {API}/templates/{{id}}": _PROGRAMS,
    f"PATCH {API}/templates/{{id}}": _PROGRAMS,
    f"DELETE {API}/templates/{{id}}": _PROGRAMS,
    f"GET {API}/templates/{{id}}/attachments": _PROGRAMS,
    f"POST {API}/templates/{{id}}/attachments": _PROGRAMS,
    f"GET {API}/templates/{{id}}/attachments/{{attachment}}": _PROGRAMS,
    f"GET {API}/templates/{{id}}/attachments/{{attachment}}/content": _PROGRAMS,
    f"DELETE {API}/templates/{{id}}/attachments/{{attachment}}": _PROGRAMS,
    "POST /tickets/{id}/entries/{entry}/again": _WRITTEN,
    f"POST {API}/tickets/{{id}}/entries/{{entry}}/again": _WRITTEN,
    "POST /tickets/new/fields": "draws the fields of a form; nothing of any ticket is in it",
    "POST /card/{call}/client": _OF_CALL,
    "POST /card/{call}/new-client": _OF_CALL,
    "POST /card/{call}/put-away": "his own screen",
}
