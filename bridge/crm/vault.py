"""The bytes of recordings on disk: written, opened, removed, whatever form they are in. No row, no rule.

A recording has one file, named by what it is: ``ID.wav`` or ``ID.opus``, and ``.age`` behind that when it is
encrypted. Another form of the same is only there while one replaces the other, or left by a crash meanwhile.
"""

import asyncio
import fcntl
import hashlib
import itertools
import mmap
import os
import re
import stat
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bridge.config import keyfile
from bridge.config.keyfile import Keys, KeyUnusable
from bridge.crm import private
from bridge.crm.private import CalledOff, Interrupted
from bridge.crm.sealing import Damaged, never, seal, unseal
from bridge.errors import BadInput

INCOMING = ".incoming"  # below the directory: one file system with the targets, one place to sweep
SEALED = ".age"
_WORK = re.compile(r".+\.work(\.age)?")
_BLOCK = 256 * 1024
_IN_MEMORY_BYTES = 64 * 2**20  # what is longer is decrypted into a file without a name
_OPEN_AT_ONCE = 4
_OPEN_SECONDS = 300.0
_TURN_SECONDS = 0.2

Content = bytes | mmap.mmap


class Format(Enum):
    WAV = "wav"
    OPUS = "opus"

    @property
    def media_type(self) -> str:
        return "audio/wav" if self is Format.WAV else "audio/ogg"


_FORMS = tuple(f".{one.value}{end}" for one, end in itertools.product(Format, ("", SEALED)))


class Missing(BadInput):
    """There is no such file in the recordings directory. The message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Measure:
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    file: str  # name below the directory
    bytes: int
    sha256: str

    @property
    def encrypted(self) -> bool:
        return is_sealed(self.file)


def is_sealed(file: str) -> bool:
    return file.endswith(SEALED)


def format_of(file: str) -> Format:
    return Format.OPUS if file.removesuffix(SEALED).endswith(".opus") else Format.WAV


def stem_of(file: str) -> str:
    """The name without its form."""
    form = next((form for form in sorted(_FORMS, key=len, reverse=True) if file.endswith(form)), "")
    return file.removesuffix(form)


class Vault:
    """``key_file`` says where the key is, None for no encryption; asked for and read each time.

    What is not ``async`` reads and writes files: call it in a thread.
    """

    def __init__(self, directory: Path, key_file: Callable[[], Path | None] = lambda: None) -> None:
        self.directory = directory
        self._key_file = key_file
        self._opened: OrderedDict[tuple[str, str], asyncio.Task[Content]] = OrderedDict()

    @property
    def incoming(self) -> Path:
        return self.directory / INCOMING

    @property
    def seals(self) -> bool:
        return self._key_file() is not None

    def keys(self) -> Keys | None:
        """What is written next is encrypted with. Raises KeyUnusable: then nothing must be written."""
        path = self._key_file()
        return keyfile.read(path) if path is not None else None

    # ── writing ──────────────────────────────────────────────────────────────

    def put(
        self, part: Path, stem: str, form: Format, whole: Measure, called_off: CalledOff = never
    ) -> Stored:
        """Takes ``part``, whose content ``whole`` describes, to its final name, encrypted if there is a key.

        ``part`` is on disk already (fsync), and gone afterwards. A file of that name is replaced.
        """
        keys = self.keys()
        file = f"{stem}.{form.value}{SEALED if keys is not None else ''}"
        sealed = part.with_name(part.name + SEALED)
        private.remove(sealed)  # of a run that was cut off
        try:
            if keys is not None:
                whole = self._seal(part, sealed, keys, whole, called_off)
            target = self._place(file)
            private.make_directory(target.parent)
            if called_off():
                raise Interrupted
            (sealed if keys is not None else part).replace(target)
            private.sync_directory(target.parent)
        finally:
            private.remove(sealed)
        private.remove(part)
        return Stored(file, whole.bytes, whole.sha256)

    def _seal(self, part: Path, sealed: Path, keys: Keys, whole: Measure, called_off: CalledOff) -> Measure:
        with part.open("rb") as source, private.create(sealed) as target:
            seal(source, target, keys, called_off)
            target.flush()
            os.fsync(target.fileno())
            # Opened again before anything is given up for it.
            target.seek(0)
            again = _Measuring()
            unseal(target, again, keys, sealed, called_off)
            if again.measure() != whole:
                raise Damaged(f"{sealed}: is not what was encrypted; check the disk, it is tried again")
            target.seek(0)
            return _measure(target, called_off)

    def remove(self, file: str) -> None:
        """In whatever form it is there; that it is not is no error."""
        for form in {file, *(stem_of(file) + form for form in _FORMS)}:
            self._place(form).unlink(missing_ok=True)

    def discard(self, file: str) -> None:
        """Remove this form, and leave the others."""
        self._place(file).unlink(missing_ok=True)

    def keep_only(self, file: str) -> None:
        """Remove other forms of the same."""
        for form in {stem_of(file) + form for form in _FORMS} - {file}:
            self._place(form).unlink(missing_ok=True)

    # ── reading ──────────────────────────────────────────────────────────────

    def copy(self, file: str, target: Any, called_off: CalledOff = never) -> Measure:
        """The recording itself, decrypted if need be. Raises KeyUnusable, Damaged or Missing."""
        measuring = _Measuring(target)
        with self._open(file) as source:
            if is_sealed(file):
                unseal(source, measuring, self._keys_for(file), self.directory / file, called_off)
            else:
                _copy(source, measuring, called_off)
        return measuring.measure()

    @contextmanager
    def decrypted(self, file: str, called_off: CalledOff = never) -> Iterator[Any]:
        """The recording itself in a temporary file, at its end. Raises as ``copy`` does."""
        private.make_directory(self.incoming)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(self.incoming)) as spool:
            self.copy(file, spool, called_off)
            yield spool

    def measure(self, file: str, called_off: CalledOff = never) -> Measure:
        """Of the file as it lies there, encrypted or not."""
        with self._open(file) as source:
            return _measure(source, called_off)

    def try_key(self, file: str) -> None:
        """Raises KeyUnusable when no key of ours opens it."""

        class Enough(Exception):
            pass

        class First:
            def write(self, _: bytes) -> None:
                raise Enough

        with self._open(file) as source:
            try:
                unseal(source, First(), self._keys_for(file), self.directory / file)
            except Enough:
                return

    def _keys_for(self, file: str) -> Keys:
        keys = self.keys()
        if keys is None:
            raise KeyUnusable(
                f"recordings.key_file is not set, and {self.directory / file} is encrypted; "
                "name the key file that it was encrypted with"
            )
        return keys

    async def opened(self, file: str, checksum: str) -> Path | Content:
        """A plain file by its path, an encrypted one by its content: as a whole, for a while kept open.

        ``checksum`` tells one content of that name from another. Raises as ``copy`` does, and OSError.
        """
        if not is_sealed(file):
            return await asyncio.to_thread(self._checked, file)
        key = (file, checksum)
        task = self._opened.get(key)
        if task is None:
            # One decryption, however many ask: a player asks for several ranges at once.
            task = asyncio.create_task(private.in_thread(partial(self._content, file)))
            self._opened[key] = task
            task.add_done_callback(lambda done: self._failed(key, done))
            asyncio.get_running_loop().call_later(_OPEN_SECONDS, self._drop, key, task)
            while len(self._opened) > _OPEN_AT_ONCE:
                self._opened.popitem(last=False)
        self._opened.move_to_end(key)
        return await asyncio.shield(task)

    def _failed(self, key: tuple[str, str], done: asyncio.Task[Content]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._drop(key, done)

    def _drop(self, key: tuple[str, str], task: asyncio.Task[Content]) -> None:
        if self._opened.get(key) is task:
            del self._opened[key]

    def _content(self, file: str, called_off: CalledOff) -> Content:
        with self.decrypted(file, called_off) as spool:
            if spool.tell() <= _IN_MEMORY_BYTES:
                spool.seek(0)
                return bytes(spool.read())
            spool.flush()
            return mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)

    # ── places ───────────────────────────────────────────────────────────────

    def _place(self, file: str) -> Path:
        """Where it is, provided that it is below the directory: the name came through a database."""
        try:
            root = self.directory.resolve()
            path = root / file
            place = path.parent.resolve() / path.name
        except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL
            path = place = root = Path()
        if "\0" in file or place == root or path.name in ("", "..") or not place.is_relative_to(root):
            raise Missing(f"{file[:200]!r} is no name of a file in {self.directory}")
        return place

    def _open(self, file: str) -> BinaryIO:
        place = self._place(file)
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(f"{place}: is not there; restore it from a backup") from None
        except OSError as error:
            if place.is_symlink():
                raise Missing(f"{place}: is a symbolic link, which is not followed") from None
            raise error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Missing(f"{place}: is no plain file")
        return os.fdopen(descriptor, "rb")

    def _checked(self, file: str) -> Path:
        self._open(file).close()
        return self._place(file)

    # ── who works on files, and what is left over ────────────────────────────

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While it lasts nobody else replaces or removes files: the service, and commands beside it."""
        await asyncio.to_thread(private.make_directory, self.directory)
        descriptor = os.open(self.directory / ".turn", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(descriptor):  # noqa: ASYNC110  another process has it
                await asyncio.sleep(_TURN_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def sweep(self) -> int:
        """Remove what interrupted work on files left behind; how many there were. In one's turn only."""
        return private.sweep(self.incoming, lambda name: _WORK.fullmatch(name) is not None)

    def doubles(self, called_off: CalledOff = never) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Recordings that are there in several forms: the name of each, and its files."""
        for folder, folders, names in os.walk(self.directory):
            if called_off():
                raise Interrupted
            folders[:] = [name for name in folders if name != INCOMING]
            forms: dict[str, list[str]] = {}
            for name in names:
                if (stem := stem_of(name)) != name:
                    forms.setdefault(stem, []).append(name)
            below = Path(folder).relative_to(self.directory)
            for stem, found in forms.items():
                if len(found) > 1:
                    yield stem, tuple(str(below / name) for name in sorted(found))


class _Measuring:
    """Counts and sums up what is written through it."""

    def __init__(self, target: Any = None) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self._bytes = 0

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._bytes += len(data)
        if self._target is not None:
            self._target.write(data)

    def measure(self) -> Measure:
        return Measure(self._bytes, self._digest.hexdigest())


def _copy(source: BinaryIO, target: Any, called_off: CalledOff) -> None:
    while block := source.read(_BLOCK):
        if called_off():
            raise Interrupted
        target.write(block)


def measured(path: Path, called_off: CalledOff = never) -> Measure:
    with path.open("rb") as source:
        return _measure(source, called_off)


def _measure(source: BinaryIO, called_off: CalledOff) -> Measure:
    measuring = _Measuring()
    _copy(source, measuring, called_off)
    return measuring.measure()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
