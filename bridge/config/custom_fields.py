"""Fields of a company's own: of which type they are, what may be chosen, and when they must be filled.

What refers to another field (depends_on, options_by_parent) is checked in field_checks.py.
"""

from collections import Counter
from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from bridge.config.fields import LABEL_SCHEMA, Label, LabelSettings, Name, Section, Title
from bridge.config.source import text_of

MOST_OPTIONS = 500
MOST_FIELDS = 100


class FieldType(Enum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DATE = "date"
    CHECKBOX = "checkbox"
    DROPDOWN = "dropdown"
    DEPENDENT_DROPDOWN = "dependent_dropdown"
    MULTI_SELECT = "multi_select"


class Required(Enum):
    """What cannot be done while the field is empty. What is asked for to create is asked for to close too."""

    NO = "no"
    CREATE = "create"
    CLOSE = "close"


def _listed(value: Any) -> Any:
    """``[Red, Blue]``: an option that is called as it is stored."""
    if not isinstance(value, list):
        return value
    words = [text_of(word) for word in value]
    if any(not isinstance(word, str) for word in words):
        raise ValueError("options must be texts: put them in quotes")
    twice = next((word for word, count in Counter(words).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"“{twice[:60]}” is given twice: keep one of them")
    return {word: word for word in words}


Options = Annotated[
    dict[Title, Label],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=MOST_OPTIONS),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": ["string", "integer"]},
                    "minItems": 1,
                    "maxItems": MOST_OPTIONS,
                },
                {"type": "object", "additionalProperties": LABEL_SCHEMA, "minProperties": 1},
            ]
        }
    ),
]


_CHOSEN = frozenset({FieldType.DROPDOWN, FieldType.MULTI_SELECT})


class FieldSettings(Section):
    key: Name = Field(description="under which it is stored; never changed once something has it")
    title: Label
    type: FieldType
    required: Required = Required.NO
    options: Options | None = Field(
        default=None,
        description="of dropdown and multi_select: what is stored → how it is called, or a list of words",
        examples=[["Red", "Blue"], {"red": {"en": "Red", "ru": "Красный"}}],
    )
    depends_on: Name | None = Field(
        default=None, description="of dependent_dropdown: the key of a dropdown that comes before it"
    )
    options_by_parent: dict[Title, Options] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_OPTIONS,
        description="of dependent_dropdown: option of that field → what may be chosen then",
    )
    decimals: int = Field(default=0, ge=0, le=9, description="of number: places after the point, at most")
    at_least: float | None = Field(default=None, ge=-1e15, le=1e15, description="of number")
    at_most: float | None = Field(default=None, ge=-1e15, le=1e15, description="of number")

    @model_validator(mode="after")
    def _is_of_its_type(self) -> "FieldSettings":
        kind, given = self.type, self.model_fields_set
        wanted: set[str] = set()
        if kind in _CHOSEN:
            wanted = {"options"}
        elif kind is FieldType.DEPENDENT_DROPDOWN:
            wanted = {"depends_on", "options_by_parent"}
        for name in ("options", "depends_on", "options_by_parent"):
            if name in wanted and getattr(self, name) is None:
                raise ValueError(f"a {kind.value} needs {name}: what may be chosen; add it")
            if name not in wanted and getattr(self, name) is not None:
                raise ValueError(f"{name}: means nothing for a {kind.value}; remove it")
        for name in ("decimals", "at_least", "at_most"):
            if kind is not FieldType.NUMBER and name in given:
                raise ValueError(f"{name}: means nothing for a {kind.value}; remove it")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least: is more than at_most: no number fits; swap them")
        return self

    def options_for(self, parent: str) -> dict[str, LabelSettings]:
        """What may be chosen now; of a dependent one while its parent field has this value."""
        if self.options_by_parent is not None:
            return self.options_by_parent.get(parent, {})
        return self.options or {}


def _keys_differ(fields: tuple[FieldSettings, ...]) -> tuple[FieldSettings, ...]:
    twice = next((key for key, count in Counter(field.key for field in fields).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"the key “{twice}” is given twice: two fields cannot be stored as one; rename one")
    return fields


Fields = Annotated[tuple[FieldSettings, ...], Field(max_length=MOST_FIELDS), AfterValidator(_keys_differ)]
