"""What the API's document cannot say to schemathesis. Loaded by it, see schemathesis.toml."""

import schemathesis
from schemathesis import GenerationMode


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """A cursor is only good if a list gave it out: one that is made up is no valid data."""
    meta = case.meta
    made_up = meta is not None and meta.generation.mode is GenerationMode.POSITIVE
    return not (made_up and "cursor" in (case.query or {}))
