"""The JSON Schema of the YAML file, for editors and other tools."""

import json
from typing import Any

from bridge.config.settings import Settings

_ID = "https://callbridge.example/schema/callbridge.schema.json"


def json_schema() -> dict[str, Any]:
    schema = Settings.model_json_schema(by_alias=True)
    # Keys that begin with x- hold anchors for the engineer's own use.
    _close(schema)
    schema.setdefault("patternProperties", {})["^x-"] = True
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        **schema,
        "title": "Callbridge's configuration",
    }


def _close(schema: Any) -> None:
    """A mapping whose keys have a pattern takes no others; pydantic leaves that open."""
    match schema:
        case dict():
            if "patternProperties" in schema:
                schema.setdefault("additionalProperties", False)
            for part in schema.values():
                _close(part)
        case list():
            for part in schema:
                _close(part)


def as_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
