"""Departments: whose tickets a queue's calls become, who works on them, by which rules, and who supervises.

What refers to something else in the file (agents, classes, fields) is checked in ticket_checks.py.
"""

from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from bridge.config.custom_fields import Fields, Required
from bridge.config.fields import LABEL_SCHEMA, AgentKey, ClassPath, Label, Line, Name, Section, Title
from bridge.config.hours import HoursSettings
from bridge.config.rights import RightsSettings, Role
from bridge.config.tickets import TicketPriority


class ClassSettings(Section):
    """One class of tickets, and those below it. A text, or a text in each language, stands for its title."""

    title: Label
    below: "dict[Name, ClassSettings]" = Field(default_factory=dict, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _only_its_title(cls, value: Any) -> Any:
        if isinstance(value, dict) and "title" not in value and value.keys() & {"en", "ru"}:
            return {"title": value}
        return {"title": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [*LABEL_SCHEMA["anyOf"], whole]}


class SlaSettings(Section):
    """When tickets are due, in working hours from when they were created."""

    classification: ClassPath | None = Field(
        default=None, description="this class and those below it; all of them if absent"
    )
    priority: TicketPriority | None = Field(default=None, description="every one if absent")
    reaction_hours: float | None = Field(
        default=None, gt=0, le=2000, description="to the first word to the client; not watched if absent"
    )
    resolution_hours: float | None = Field(
        default=None, gt=0, le=2000, description="until it is closed; not watched if absent"
    )
    warn_at_percent: int = Field(default=80, ge=1, le=99, description="of that time, the assignee is warned")

    @model_validator(mode="after")
    def _watches_something(self) -> "SlaSettings":
        if self.reaction_hours is None and self.resolution_hours is None:
            raise ValueError("watches nothing: add reaction_hours or resolution_hours")
        return self


class DepartmentSettings(Section):
    title: Title
    supervisors: tuple[AgentKey, ...] = Field(
        default=(),
        max_length=100,
        description="agents; a client passed on to them rings the first who is free",
    )
    tell_watched: bool = Field(
        default=False, description="an agent sees on his page that a supervisor is with him"
    )
    lines: dict[Line, tuple[AgentKey, ...]] = Field(
        default_factory=dict,
        description="1, 2 and 3 → the agents who work on this department's tickets there",
        examples=[{"1": ["1001", "1002"], "2": ["1003"]}],
    )
    rights: dict[Role, RightsSettings] = Field(
        default_factory=dict,
        description="role → what it may, where that is not the default",
        examples=[{"line1": {"deny": ["close"]}}],
    )
    classification: dict[Name, ClassSettings] = Field(
        default_factory=dict, max_length=200, description="the classes of this department's tickets, a tree"
    )
    classify_leaves_only: bool = Field(
        default=True, description="a ticket's class has none below it; false: any class of the tree"
    )
    classification_required: Required = Required.NO
    fields: Fields = ()
    hours: HoursSettings | None = Field(
        default=None, description="in which SLA clocks run; tickets.hours if absent"
    )
    sla: tuple[SlaSettings, ...] = Field(
        default=(), max_length=200, description="of all that fit a ticket, the most precise one counts"
    )
