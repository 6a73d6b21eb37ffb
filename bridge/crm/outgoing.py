"""One HTTP request to a foreign host and what it said, as plain values. Who sends it is not here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_REPLY = 65_536  # bytes of a reply that are read; more is a failure


@dataclass(frozen=True, slots=True)
class Request:
    """``url`` and ``body`` may hold tokens: they are not for logs."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """``headers`` with names in lower case. ``body`` has at most MAX_REPLY bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
