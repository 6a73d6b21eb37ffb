"""Owns what the API says and takes of tickets and their threads, files and changes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from bridge.config.mail import mail_address
from bridge.config.rights import Action
from bridge.web.api.field_models import Values
from bridge.web.api.fields import Kept, Whole
from bridge.web.api.models import Change, Said, Short, Taken, TicketRecording

Priority = Literal["normal", "medium", "urgent", "critical"]
Line = Annotated[Whole, Field(ge=1, le=3)]
Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Solution = Annotated[str, StringConstraints(max_length=20_000)]
Status = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Department = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ClassPath = Annotated[str, StringConstraints(max_length=500)]
Address = Annotated[
    str,
    AfterValidator(mail_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 320}),
]
LinkKind = Literal["related", "duplicate", "parent"]


class Ticket(Said):
    id: int
    version: int = Field(description="One more with every change.")
    call_id: str | None = Field(description="The call that opened it.")
    client: int | None
    subject: str
    status: str = Field(description="One of GET /statuses, or a former one.")
    priority: Priority
    department: str
    line: int = Field(description="1, 2 or 3.")
    assignee: str | None
    classification: str = Field(description="A path in the department's tree, `hardware/printer`, or empty.")
    fields: dict[str, str] = Field(
        description="The company's own fields that are filled, key → value as text; see GET /departments."
    )
    tags: list[str]
    solution: str
    disposition: str = Field(description="How the call ended, in a word of the plan; empty if nobody said.")
    source: Literal["call", "mail", "web", "api"]
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    reopened: int = Field(description="How often.")
    merged_into: int | None = Field(description="It lives on in that ticket, and is not changed any more.")
    reacted_at: datetime | None = Field(description="The first word to the client.")
    reaction_due_at: datetime | None
    resolution_due_at: datetime | None
    clock_stopped_at: datetime | None = Field(description="Since then the resolution waits for the client.")
    waiting_since: datetime | None = Field(description="Since then the client waits for us.")
    closes_at: datetime | None = Field(description="When its temporary status closes by itself.")
    last_entry_at: datetime | None
    recordings: list[TicketRecording] = Field(
        description="Without those that a signed-in person may not hear."
    )


class TicketLink(Said):
    ticket: int
    kind: Literal["related", "duplicate", "duplicated_by", "parent", "child"] = Field(
        description="What this ticket is to that one: `parent` of it, its `duplicate`."
    )


class WholeTicket(Ticket):
    """As it is alone: with what hangs on it, and what the asker may do with it."""

    calls: list[str] = Field(description="Those that belong to it, the one that opened it among them.")
    links: list[TicketLink]
    may: list[Action] = Field(description="What whoever asks may do with it.")


class NewTicket(Taken):
    """One without a call. What the department requires to create must be given."""

    subject: Subject
    department: Department
    client: Whole | None = Field(None, description="A client's id.")
    status: Status = "open"
    priority: Priority = "normal"
    line: Line = 1
    assignee: Short | None = Field(None, description="An agent's id.")
    classification: ClassPath = ""
    fields: Values = Field({}, description="Key → value: text, number, true, a list of options.")
    solution: Solution = ""
    disposition: Short = ""


class TicketChange(Change):
    """Only what is sent is changed, and takes its right only where it differs from what is there."""

    subject: Kept[Subject] = None
    status: Kept[Status] = None
    priority: Kept[Priority] = None
    department: Kept[Department] = None
    line: Kept[Line] = None
    assignee: Short | None = Field(None, description="An agent's id; null takes it from everybody.")
    classification: Kept[ClassPath] = Field(None, description="Empty: none.")
    fields: Kept[Values] = Field(
        None, description="Those that are not named stay; null or empty empties one."
    )
    solution: Kept[Solution] = None
    disposition: Kept[Short] = Field(None, description="One of the plan's, or empty for none.")
    client: Whole | None = Field(None, description="A client's id; null for nobody.")


class Attachment(Said):
    """A file. Its bytes are at `url`, always as something to save, never to show or to run."""

    id: int
    entry: int | None = Field(description="The entry of the thread that it came with.")
    name: str
    media_type: str = Field(description="What it is by its bytes, whatever its sender called it.")
    bytes: int
    sha256: str
    created_at: datetime
    by: str
    url: str


class RefusedFile(Said):
    """A file that came with a mail and was not kept; the mail in the mailbox still has it."""

    name: str
    unfit: str = Field(
        description="`program`, `ending`, `too_large`, `empty`, `kind`, `misnamed` or `no_room`; empty for "
        "mails of earlier releases."
    )
    reason: str = Field(description="In words, with the remedy.")


class EntryMarks(Said):
    """What is to be known of a mail beside its text. Its sender said it, or built it so: do not trust it."""

    stranger: bool = Field(description="The sender was not in this thread before: he is not answered.")
    automatic: str = Field(description="Nobody wrote it by hand: `reply`, `bulk`, `report`, …; empty else.")
    way: str = Field(description="How it came to its ticket: `reference`, `token`, `new`, `flood`; or empty.")
    sender: str = Field(description="With the name, as the mail has it.")
    reply_to: str = Field(description="Where its sender would have answers; nothing goes there by itself.")
    faults: list[str] = Field(
        description="What could not be taken: `too_large` and `too_nested` (only its head is here), "
        "`text_cut`, `html_cut`, `attachments_cut`."
    )
    refused: list[RefusedFile]
    place: str = Field(description="Where all of it lies, if not all of it is here: mailbox and UID.")
    bytes: int | None = Field(description="Of all of it, likewise.")
    quoted_from: int | None = Field(description="Where in `body` the quotation at its end begins.")
    written_at: datetime | None = Field(description="When its sender says that it was written.")


class Entry(Said):
    """One contribution to the thread. Its text is as it was written: escape it where you show it."""

    id: int
    kind: Literal["note", "partner", "mail_in", "mail_out", "message_in", "message_out", "call"]
    seen_by_client: bool = Field(description="Notes and what is said with partners never leave to him.")
    at: datetime
    author: str = Field(description="A login, `token crm`, an agent's id, `client`, or a mail address.")
    subject: str
    body: str
    call_id: str | None
    to: str
    cc: str
    delivery: str = Field(description="Of what is sent: `waiting`, `sent`, `failed`, …; empty else.")
    fault: str = Field(description="Why it could not be delivered.")
    marks: EntryMarks
    attachments: list[Attachment]


class NewEntry(Taken):
    kind: Literal["note", "partner", "reply", "message_in", "message_out"] = Field(
        description="`note`: for colleagues; `partner`: of the talk with a supplier, mailed if it has `to`; "
        "`reply`: mailed to the client. Of a chat that you carry: `message_in` is what the client wrote, "
        "`message_out` what he was answered."
    )
    body: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    subject: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="Of a reply the ticket's, if there is none."
    )
    to: list[Address] = Field(
        [], max_length=20, description="Without any a reply goes to who wrote the last letter."
    )
    cc: list[Address] = Field([], max_length=20)
    attachments: list[Annotated[Whole, Field(ge=1)]] = Field(
        [],
        max_length=100,
        description="Files that the ticket has, or a template that fits it, to go along: a letter leaves "
        "with all of them. Those of another ticket are refused.",
    )


class TicketLogEntry(Said):
    """One change, of the log that is only ever added to."""

    id: int
    at: datetime
    by: str = Field(description="A login or `token crm`; empty for the call's own news, and for time.")
    action: str
    field: str = Field(description="`status`, `fields.serial`, `tags`, …")
    before: str
    after: str


class Tags(Taken):
    """These and no others; kept in small letters."""

    tags: list[
        Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^,\x00-\x1f\x7f]+$")]
    ] = Field(max_length=50)


class Merge(Taken):
    into: Whole = Field(ge=1, description="The ticket that it goes on in, with all that hangs on it.")
