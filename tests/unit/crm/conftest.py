"""What the tests of crm share: a store on disk, a spool that fails on demand, records, WAV files."""

import struct
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import CallRecord, Outcome
from bridge.crm.tickets import CallTickets, TicketsNow
from bridge.errors import Gone, LinkDown
from bridge.store import Store
from tests.fakes.databases import fill_sqlite

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
CALL = CallId("1700000000.1")


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def wav(samples: Sequence[int], rate: int = 8000) -> bytes:
    """A mono 16-bit file as the recorder leaves it."""
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    body = (
        b"WAVE"
        + b"fmt "
        + struct.pack("<I", len(head))
        + head
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


class Spool:
    """Asterisk's stored recordings, in memory. ``fail`` names operations that fail, and how often."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fail: dict[str, int] = {}
        self.deleted: list[str] = []
        self.fetches = 0
        self.chunk = 1000

    def _may_fail(self, operation: str) -> None:
        left = self.fail.get(operation, 0)
        if left:
            self.fail[operation] = left - 1
            raise LinkDown(f"{operation} failed on demand")

    async def list_recordings(self) -> Sequence[str]:
        self._may_fail("list")
        return list(self.files)

    async def fetch_recording(self, name: str) -> AsyncIterator[bytes]:
        self.fetches += 1
        self._may_fail(f"fetch {name[-3:].strip('-')}")
        if name not in self.files:
            raise Gone(f"no recording {name}", status=404)
        content = self.files[name]
        for at in range(0, len(content), self.chunk):
            if at:
                self._may_fail(f"middle {name[-3:].strip('-')}")
            yield content[at : at + self.chunk]

    async def delete_recording(self, name: str) -> None:
        self._may_fail(f"delete {name[-3:].strip('-')}")
        if self.files.pop(name, None) is None:
            raise Gone(f"no recording {name}", status=404)
        self.deleted.append(name)


class Box:
    """An inbox that keeps what it got."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    async def put(self, fact: Fact, at: datetime | None = None) -> None:
        self.facts.append(fact)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def call_record(call: str = CALL, **fields: object) -> CallRecord:
    values: dict[str, object] = {
        "id": CallId(call),
        "number": "89161234567",
        "e164": "+79161234567",
        "name": "",
        "withheld": False,
        "dialled": "+74950000001",
        "trunk": "lab",
        "direction": "in",
        "offered_at": START,
    }
    return CallRecord(**{**values, **fields})  # type: ignore[arg-type]


def ended_record(call: str = CALL, **fields: object) -> CallRecord:
    values: dict[str, object] = {
        "queue": QueueName("support"),
        "agent": AgentId("1001"),
        "queued_at": START + timedelta(seconds=5),
        "answered_at": START + timedelta(seconds=10),
        "ended_at": START + timedelta(seconds=70),
        "outcome": Outcome.ANSWERED,
    }
    return call_record(call, **{**values, **fields})


def department_of(queue: str | None) -> str:
    return {None: "front desk", "support": "Support", "sales": "Sales"}[queue]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(await fill_sqlite(tmp_path / "store" / "callbridge.db"))
    yield opened
    await opened.close()


@pytest.fixture
def spool() -> Spool:
    return Spool()


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_record() -> Callable[..., CallRecord]:
    return call_record


@pytest.fixture
def make_ended() -> Callable[..., CallRecord]:
    return ended_record


@pytest.fixture
def make_wav() -> Callable[..., bytes]:
    return wav


@pytest.fixture
def departments() -> TicketsNow:
    """Every call becomes a ticket."""
    return lambda: CallTickets(department_of)
