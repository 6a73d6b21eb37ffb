"""How Callbridge logs: a static message with fields, on stderr. People's numbers and names are redacted.

``CALLBRIDGE_LOG=json`` writes one JSON object a line; ``CALLBRIDGE_LOG_PEOPLE=1`` shows numbers and names,
for the hour in which an engineer needs them.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PEOPLE = frozenset({"number", "name", "caller", "e164"})


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in _PEOPLE & event.keys():
        event[field] = "…"
    return event


def configure() -> None:
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if os.environ.get("CALLBRIDGE_LOG") == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    people = [] if os.environ.get("CALLBRIDGE_LOG_PEOPLE") == "1" else [_redact]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *people,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library: only what they warn of is worth an engineer's time.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
