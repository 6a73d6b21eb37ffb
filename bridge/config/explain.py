"""Says in an engineer's words, and with the place in his file, what pydantic found wrong."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.config.faults import Fault, Step
from bridge.config.settings import Settings
from bridge.config.source import Source

_SHAPES = {
    "model_type": "must be a mapping: keys and values below it",
    "model_attributes_type": "must be a mapping: keys and values below it",
    "dict_type": "must be a mapping: keys and values below it",
    "tuple_type": "must be a list: [a, b] or lines that begin with “- ”",
    "list_type": "must be a list: [a, b] or lines that begin with “- ”",
    "string_type": "must be a text: put it in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def explain(error: ValidationError, source: Source) -> Iterator[Fault]:
    found = error.errors(include_url=False, include_context=True)
    places = [details["loc"] for details in found]
    for details in found:
        here = details["loc"]
        if details["type"] == "too_short" and any(
            len(p) > len(here) and p[: len(here)] == here for p in places
        ):
            continue  # pydantic counts only the items that are right: the wrong ones are reported already
        yield _fault(details, source)


def _fault(details: ErrorDetails, source: Source) -> Fault:
    path: tuple[Step, ...] = tuple(details["loc"])
    kind = details["type"]
    if path and path[-1] == "[key]":
        return source.fault(path[:-1], _message(details), at_key=True)
    match kind:
        case "missing":
            return source.fault(path, f"is missing: add “{path[-1]}:”")
        case "extra_forbidden":
            return source.fault(path, _unknown_key(path), at_key=True)
        case _:
            return source.fault(path, _message(details))


def _message(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    given = details.get("input")
    match kind:
        case "value_error":
            return str(context.get("error", details["msg"]))
        case "enum" | "literal_error":
            return f"{_shown(given)} is none of {context.get('expected')}"
        case "greater_than":
            return f"{_shown(given)} is too small: more than {context['gt']:g}"
        case "greater_than_equal":
            return f"{_shown(given)} is too small: at least {context['ge']}"
        case "less_than_equal":
            return f"{_shown(given)} is too large: at most {context['le']}"
        case "string_too_short":
            return "is empty: write something here"
        case "string_too_long":
            return f"is too long: at most {context['max_length']} characters"
        case "too_short":
            return f"is too short: at least {context['min_length']} of them"
        case "too_long":
            return f"is too long: at most {context['max_length']} of them"
    shape = _SHAPES.get(kind)
    if shape is not None:
        return "is empty: " + shape if given is None else shape
    return details["msg"]


def _shown(value: object) -> str:
    text = str(value)[:60]
    return f"“{text}”" if text.isprintable() else ascii(text)


def _unknown_key(path: tuple[Step, ...]) -> str:
    known = _keys_at(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"is no known key: did you mean “{close[0]}”?"
    return f"is no known key: remove it (known here: {', '.join(known)})"


def _keys_at(path: tuple[Step, ...]) -> list[str]:
    """The keys that the model at this path knows."""
    here: Any = Settings
    for step in path:
        here = _inner(_bare(here), step)
    here = _bare(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _inner(kind: Any, step: Step) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
        return None
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if get_origin(kind) is tuple else None


def _bare(kind: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) is Union or type(kind).__name__ == "UnionType":
            kind = next(part for part in get_args(kind) if part is not type(None))
        else:
            return kind
