"""One segment of the journal as a file. Owns its name and format, and the reading; the journal writes facts.

``NNNNNNNN.journal`` holds lines of JSON: first a header with the checkpoint, then a line for each fact. A
version reads what others wrote: unknown fields are passed over.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from bridge.engine.ports import LoggedFact

log = structlog.get_logger(__name__)

FORMAT = 1
UNREADABLE = "the rest of a file cannot be read"

_NAME = re.compile(r"(\d{8,})\.journal(\.new)?")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LoggedFact).decode


class _Header(msgspec.Struct):
    format: int
    checkpoint: msgspec.Raw


_decode_header = msgspec.json.Decoder(_Header).decode


class Damages:
    """What of the journal could not be read: each place is counted and told once."""

    def __init__(self) -> None:
        self.count = 0
        self._known: set[tuple[Path, int]] = set()

    def found(self, path: Path, offset: int, what: str, reason: str = "") -> None:
        if (path, offset) in self._known:
            return
        self._known.add((path, offset))
        self.count += 1
        log.error(
            what, action="journal.damage", file=str(path), line=_line_number(path, offset), reason=reason
        )

    def cut_off(self, path: Path, offset: int) -> None:
        """No damage: the process ended in the middle of a line, so nothing had come of that fact yet."""
        if (path, offset) in self._known:
            return
        self._known.add((path, offset))
        log.warning(
            "the last line was cut off, and is passed over",
            action="journal.cut_off",
            file=str(path),
            offset=offset,
        )


class Segment:
    """A segment that an earlier process left."""

    def __init__(self, directory: Path, number: int, damages: Damages) -> None:
        self.number = number
        self.path = path_of(directory, number)
        self._damages = damages

    @property
    def checkpoint(self) -> bytes | None:
        """What the earlier process knew when it began this segment. None when that cannot be read."""
        try:
            with self.path.open("rb") as file:
                header = _decode_header(file.readline())
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._damages.found(self.path, 0, "a checkpoint cannot be read", str(error))
            return None
        if header.format != FORMAT:
            reason = f"its format is {header.format}, this version reads {FORMAT}"
            self._damages.found(self.path, 0, "a checkpoint cannot be read", reason)
            return None
        return bytes(header.checkpoint)

    def facts(self) -> Iterator[LoggedFact]:
        """In their order, without those that are damaged. Read as they are asked for."""
        place = 0
        try:
            for fact, behind in read_facts(self.path, place, None, self._damages):
                place = behind
                if fact is not None:
                    yield fact
        except OSError as error:
            self._damages.found(self.path, place, UNREADABLE, str(error))


def path_of(directory: Path, number: int) -> Path:
    return directory / f"{number:08d}.journal"


def find_segments(directory: Path) -> dict[int, int]:
    """Number → bytes, the oldest first. What was not finished is removed; what is not ours is left alone."""
    found: dict[int, int] = {}
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        if match[2]:
            path.unlink()
        else:
            found[int(match[1])] = path.stat().st_size
    return dict(sorted(found.items()))


def line_of(fact: LoggedFact) -> bytes:
    return _encode(fact) + b"\n"


def header_of(memory: bytes) -> bytes:
    """``memory`` is JSON as it stands. A line break can only be between its words, where a blank does too."""
    return b'{"format":%d,"checkpoint":%s}\n' % (FORMAT, memory.replace(b"\n", b" "))


def begin_segment(directory: Path, number: int, header: bytes) -> int:
    """A file open for appending. It has its name only when its header is on the disk to the last byte."""
    path = path_of(directory, number)
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        rest = memoryview(header)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
        new.rename(path)
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            new.unlink()
        raise
    try:
        _sync_directory(directory)
    except OSError as error:
        # Whoever opens the directory sees the segment all the same: it is the current one.
        log.warning(
            "a power cut could lose the checkpoint",
            action="journal.unsynced",
            directory=str(directory),
            reason=error.strerror,
        )
    return descriptor


def read_facts(
    path: Path, offset: int, limit: int | None, damages: Damages
) -> Iterator[tuple[LoggedFact | None, int]]:
    """Each fact from ``offset`` to ``limit``, and the offset behind it; None for one that is damaged."""
    with path.open("rb") as file:
        offset = offset or len(file.readline())
        file.seek(offset)
        for line in file:
            behind = offset + len(line)
            if limit is not None and behind > limit:
                return
            if not line.endswith(b"\n"):
                damages.cut_off(path, offset)
                return
            yield _fact(line, path, offset, damages), behind
            offset = behind


def _fact(line: bytes, path: Path, offset: int, damages: Damages) -> LoggedFact | None:
    try:
        fact = _decode(line)
    except (ValueError, msgspec.MsgspecError) as error:
        damages.found(path, offset, "a fact is damaged, and is passed over", str(error))
        return None
    if fact.at.tzinfo is None:
        damages.found(path, offset, "a fact is damaged, and is passed over", "its time has no zone")
        return None
    return fact


def _line_number(path: Path, offset: int) -> int:
    before = 0
    with suppress(OSError), path.open("rb") as file:
        while offset and (block := file.read(min(offset, 1 << 20))):
            before += block.count(b"\n")
            offset -= len(block)
    return before + 1


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
