"""What the API's document cannot say to schemathesis. Loaded by it, see schemathesis.toml."""

from typing import Any

import schemathesis
from schemathesis import GenerationMode

_ABOUT_ANSWERS = {"If-Match", "If-None-Match", "Idempotency-Key"}


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """A cursor is only good if a list gave it out: one that is made up is no valid data."""
    meta = case.meta
    made_up = meta is not None and meta.generation.mode is GenerationMode.POSITIVE
    return not (made_up and "cursor" in (case.query or {}))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Conditions and keys are about earlier answers: tests of their own try them."""
    for place in raw_schema["paths"].values():
        for operation in place.values():
            operation["parameters"] = [
                one for one in operation["parameters"] if one["name"] not in _ABOUT_ANSWERS
            ]
