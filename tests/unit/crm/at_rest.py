"""What the tests of recordings at rest share: recordings that are attached, by a keeper or by hand."""

import hashlib
import math
import wave
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.centre.ids import CallId, QueueName
from bridge.centre.orders import CallRecord
from bridge.config import keyfile
from bridge.crm.vault import Vault
from bridge.store import Store
from bridge.store.rows import RecordingRow

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOUND_BYTES = 44 + 8000 * 2 * 4


@dataclass
class Shelf:
    """A store, a directory, a key that may be there, and recordings as they were attached long ago."""

    store: Store
    directory: Path
    key: Path
    vault: Vault
    sealing: bool = False

    def use_key(self) -> None:
        if not self.key.exists():
            keyfile.make(self.key)
        self.sealing = True

    async def add(self, call: str, queue: str | None = "support", *, at: datetime = START) -> RecordingRow:
        """Attached as a plain WAV by an earlier version: no checksum of what is stored."""
        id = f"{call}-rec-1"
        file = f"{at:%Y/%m/%d}/{id}.wav"
        (self.directory / file).parent.mkdir(parents=True, exist_ok=True)
        write_wav(self.directory / file)
        content = (self.directory / file).read_bytes()
        async with self.store.unit() as unit:
            record = record_of(call, queue, at)
            await unit.calls.save(record)
            ticket = await unit.tickets.open_for_call(record, "s", "d")
            await unit.recordings.note(id, call, at)
            return await unit.recordings.attach(
                id,
                ticket=ticket.id,
                file=file,
                bytes=len(content),
                duration_ms=2000,
                sample_rate=8000,
                channels=2,
                sha256=hashlib.sha256(content).hexdigest(),
            )

    async def get(self, id: str) -> RecordingRow:
        async with self.store.view() as unit:
            row = await unit.recordings.get(id)
        assert row is not None
        return row

    def read(self, row: RecordingRow) -> bytes:
        class Sink(list[bytes]):
            def write(self, data: bytes) -> None:
                self.append(data)

        sink = Sink()
        self.vault.copy(row.file, sink)
        return b"".join(sink)

    @property
    def files(self) -> list[str]:
        """All but the lock."""
        found = (path for path in self.directory.rglob("*") if path.is_file() and path.name != ".turn")
        return sorted(str(path.relative_to(self.directory)) for path in found)


def shelf_of(store: Store, tmp_path: Path) -> Shelf:
    directory, key = tmp_path / "recordings", tmp_path / "recordings.key"
    shelf = Shelf(store, directory, key, Vault(directory))
    shelf.vault = Vault(directory, lambda: key if shelf.sealing else None)
    return shelf


def record_of(call: str, queue: str | None, at: datetime) -> CallRecord:
    return CallRecord(
        id=CallId(call),
        number="89161234567",
        e164="+79161234567",
        name="",
        withheld=False,
        dialled="+74950000001",
        trunk="lab",
        direction="in",
        offered_at=at,
        queue=QueueName(queue) if queue is not None else None,
        answered_at=at,
        ended_at=at + timedelta(seconds=70),
    )


def write_wav(path: Path, seconds: int = 2) -> None:
    """The client hums at 440 Hz, the agent at 660."""
    frames = range(8000 * seconds)
    samples = array(
        "h",
        (
            int(8000 * math.sin(2 * math.pi * hertz * frame / 8000))
            for frame in frames
            for hertz in (440, 660)
        ),
    )
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.tobytes())
