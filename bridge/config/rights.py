"""The words of who may do what with tickets: actions, roles, and how a department departs from the defaults.

The defaults themselves are in crm/ticketing/rights.py.
"""

from enum import Enum
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from bridge.config.fields import Section


class Action(Enum):
    READ = "read"
    CREATE = "create"
    EDIT = "edit"  # subject, client, solution, custom fields, and statuses that neither close nor reopen
    NOTE = "note"  # seen by colleagues only
    PARTNER = "partner"  # the conversation with suppliers, which the client never sees
    REPLY = "reply"  # to the client
    ASSIGN = "assign"
    REDIRECT = "redirect"  # to another line or department
    PRIORITISE = "prioritise"
    CLASSIFY = "classify"
    CLOSE = "close"
    REOPEN = "reopen"
    MERGE = "merge"
    LINK = "link"
    TAG = "tag"
    ATTACH = "attach"
    DELETE_ATTACHMENT = "delete_attachment"
    EXPORT = "export"


class Role(Enum):
    """What an agent is in one department. Whoever is in none of its lines is one of the others."""

    LINE1 = "line1"
    LINE2 = "line2"
    LINE3 = "line3"
    SUPERVISOR = "supervisor"
    OTHERS = "others"


class RightsSettings(Section):
    """What one role may. A list stands for ``only``."""

    only: tuple[Action, ...] | None = Field(default=None, description="these, whatever the default is")
    allow: tuple[Action, ...] = Field(default=(), description="these beside the default")
    deny: tuple[Action, ...] = Field(default=(), description="the default without these")

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {"only": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _says_one_thing(self) -> "RightsSettings":
        if self.only is not None and (self.allow or self.deny):
            raise ValueError("only: is the whole list: remove allow: and deny:, or only:")
        both = set(self.allow) & set(self.deny)
        if both:
            word = min(action.value for action in both)
            raise ValueError(f"{word} is allowed and denied: remove it from one of them")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(schema))
        actions = {"type": "array", "items": {"enum": [action.value for action in Action]}}
        return {"anyOf": [actions, whole]}
