"""Owns what the API says and takes of what tickets are made by: departments, statuses, filters, templates."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bridge.config.custom_fields import Required
from bridge.config.rights import Action
from bridge.config.tickets import StatusKind
from bridge.crm.ticketing.templates import LONGEST_BODY, LONGEST_SUBJECT
from bridge.web.api.field_models import CustomField, Label
from bridge.web.api.fields import Kept
from bridge.web.api.models import Change, Said, Taken

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
TemplateSubject = Annotated[
    str, StringConstraints(max_length=LONGEST_SUBJECT, pattern=r"^[^\x00-\x1f\x7f]*$")
]
TemplateBody = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY)]
Language = Annotated[str, StringConstraints(max_length=35, pattern="^[A-Za-z0-9-]*$")]
DepartmentName = Annotated[str, StringConstraints(max_length=200)]
Login = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Status(Said):
    name: str
    title: Label
    kind: StatusKind = Field(
        description="What it means: `open`, `working`, `waiting` for the client, `temporary` (closes by "
        "itself), `closed`."
    )
    closes_after_hours: float | None = Field(description="Of a temporary one.")
    closes_as: str | None = Field(description="Of a temporary one: the status that it closes with.")


class Class(Said):
    path: str = Field(description="`hardware/printer` is below `hardware`.")
    title: Label = Field(description="Its own, without those above it.")
    usable: bool = Field(description="A ticket may have it; else choose one below it.")


class Department(Said):
    """One whose tickets there are: of the plan, or a queue that is its own."""

    name: str
    title: str
    supervisors: list[str]
    lines: dict[str, list[str]] = Field(
        description="Line → its agents. No line: all agents are in the first."
    )
    classes: list[Class] = Field(description="A tree, each class before those below it.")
    class_required: Required
    fields: list[CustomField]
    may: list[Action] = Field(description="What whoever asks may do with its tickets, if none is his own.")


class SavedFilter(Said):
    id: int | None = Field(description="null: everybody has it, and nobody can change it.")
    owner: str = Field(description="A login; empty for a role's.")
    role: str = Field(description="`agent`, `supervisor`; empty for a person's.")
    name: str
    query: dict[str, Any] = Field(description="As it is kept: without what asks nothing.")


class NewFilter(Taken):
    """For a person or for a role. One of the same name is given another query."""

    name: Name
    owner: Login | None = Field(None, description="A login.")
    role: Literal["agent", "supervisor"] | None = None
    query: dict[str, Any] = Field(
        max_length=30,
        description="`departments`, `lines`, `kinds`, `statuses`, `assignees` (`me` and `none` as well), "
        "`tags`, `classes`, `priorities`, `text`, `due_within_hours`, `no_reaction_hours`, `created_days`, "
        "`created_from`, `created_to`, `updated_…`, `fields`, `order`.",
    )


class FilterChange(Change):
    name: Kept[Name] = None
    query: Kept[dict[str, Any]] = Field(None, max_length=30, description="All of it.")


class TemplateFile(Said):
    """A file that goes along where the template is used. Its bytes are at `url`, as something to save."""

    id: int = Field(description="To be named in `attachments` of an entry that is written.")
    name: str
    media_type: str
    bytes: int
    sha256: str
    created_at: datetime
    by: str
    url: str


class Template(Said):
    id: int
    set: str
    department: str = Field(description="Empty: for all of them.")
    name: str
    language: str
    subject: str
    body: str = Field(description="Plain text; `{client_name}` and the like are filled in.")
    attachments: list[TemplateFile]


class NewTemplate(Taken):
    set: Title
    name: Title
    subject: TemplateSubject = ""
    body: TemplateBody
    department: DepartmentName = ""
    language: Language = ""


class TemplateChange(Change):
    set: Kept[Title] = None
    name: Kept[Title] = None
    subject: Kept[TemplateSubject] = None
    body: Kept[TemplateBody] = None
    department: Kept[DepartmentName] = None
    language: Kept[Language] = None
