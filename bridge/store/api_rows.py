"""What the store gives out about the API's own affairs: idempotency keys, imports. As rows.py does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An idempotency key: what was asked under it (a digest), and what was answered. ``status`` is None until
    then; ``body`` is None where it is not to be kept."""

    asked: str
    status: int | None
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class ImportCounts:
    read_bytes: int = 0
    lines: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class ImportRow:
    id: int
    by: str
    state: str  # "running" | "done" | "failed" | "interrupted"
    dry_run: bool
    bytes: int  # of the file
    read_bytes: int
    lines: int
    added: int
    updated: int
    unchanged: int
    refused: int
    fault: str
    created_at: datetime
    ended_at: datetime | None
