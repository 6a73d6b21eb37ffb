"""Owns kinds of fields of bodies: may be left out but not null, a whole number, exactly one of several."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

T = TypeVar("T")


def _no_null(value: object) -> object:
    if value is None:
        raise ValueError("null is no value for it; leave it out to keep what is there")
    return value


class _NotNull:
    """None is only ours, for what was not sent: the schema has no null."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        (sent,) = (one for one in schema.pop("anyOf") if one != {"type": "null"})
        return {**sent, **schema}


# A field that may be left out, but not be null.
Kept = Annotated[T | None, BeforeValidator(_no_null), _NotNull]


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("give a whole number")
    return value


# JSON has one kind of number: 7.0 is a whole one, "7" is none.
Whole = Annotated[int, BeforeValidator(_number)]


def without_null_defaults(schema: dict[str, Any]) -> None:
    for described in schema["properties"].values():
        if "default" in described and described["default"] is None:
            del described["default"]


def exactly_one(*names: str) -> Callable[[dict[str, Any]], None]:
    """To be said in the schema: of these fields one is given."""

    def said(schema: dict[str, Any]) -> None:
        without_null_defaults(schema)
        schema["oneOf"] = [{"required": [name]} for name in names]

    return said
