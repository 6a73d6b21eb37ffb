"""The bytes of tickets' files on disk: written, opened, removed. No row, no rule: that is attachments.py.

A file is named by its content (SHA-256), so that the same one is kept once, and encrypted as recordings are
if there is a key. What a crash leaves in ``.incoming`` is removed by ``sweep``.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bridge.config import keyfile
from bridge.config.keyfile import Keys, KeyUnusable
from bridge.crm import private
from bridge.crm.attachments import HEAD, BadAttachment, Kept, Limits, Unfit, check, media_type_of
from bridge.crm.letters import file_name
from bridge.crm.private import CalledOff, Interrupted
from bridge.crm.sealing import never, seal, unseal
from bridge.errors import N_, BadInput

_BLOCK = 256 * 1024
_IN_MEMORY_BYTES = 8 * 2**20
_SEALED = ".age"
_FILE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}(\.age)?")
_INCOMING = ".incoming"


class AttachmentFiles:
    """``key_file`` as of the recordings: None for no encryption. Call what is not ``async`` in a thread.

    ``settling`` is held by whoever brings a file to its name, until the store says who has it; and by whoever
    takes it from the last who had it, until it is gone. Files with the same bytes are one: without it, one
    would be removed that another is about to have.
    """

    def __init__(self, directory: Path, key_file: Callable[[], Path | None] = lambda: None) -> None:
        self.directory = directory
        self.settling = asyncio.Lock()
        self._key_file = key_file

    async def keep(self, name: str, content: bytes, limits: Limits) -> Kept:
        """While ``settling`` is held. Raises BadAttachment, KeyUnusable or OSError: it is not kept."""
        return await private.in_thread(partial(self._keep, name, content, limits))

    def _keep(self, name: str, content: bytes, limits: Limits, called_off: CalledOff) -> Kept:
        with self.upload(name, limits) as upload:
            upload.write(content)
            return upload.finish(called_off)

    @contextlib.contextmanager
    def upload(self, name: str, limits: Limits) -> Iterator["Upload"]:
        """To be written piece by piece; what is not finished is gone afterwards."""
        private.make_directory(self.directory / _INCOMING)
        part = self.directory / _INCOMING / f"{secrets.token_hex(16)}.work"
        try:
            with private.create(part) as target:
                yield Upload(self, part, target, file_name(name) or "file", limits)
        finally:
            private.remove(part, part.with_name(part.name + _SEALED))

    def place(self, part: Path, sha256: str, called_off: CalledOff) -> str:
        """Takes a finished part to its final name, encrypted if there is a key. Returns that name."""
        keys = self._keys()
        file = f"{sha256[:2]}/{sha256}{_SEALED if keys is not None else ''}"
        target = self.directory / file
        private.make_directory(target.parent)
        if target.is_file():
            return file  # the same bytes
        sealed = part.with_name(part.name + _SEALED)
        if keys is not None:
            with part.open("rb") as source, private.create(sealed) as stream:
                seal(source, stream, keys, called_off)
                stream.flush()
                os.fsync(stream.fileno())
        if called_off():
            raise Interrupted
        (sealed if keys is not None else part).replace(target)
        private.sync_directory(target.parent)
        return file

    @contextlib.contextmanager
    def opened(self, kept: Kept, called_off: CalledOff = never) -> Iterator[Any]:
        """Its bytes from the beginning, as they were kept. Raises BadInput, KeyUnusable or OSError."""
        path = self._path(kept.file)
        private.make_directory(self.directory / _INCOMING)
        with tempfile.SpooledTemporaryFile(
            max_size=_IN_MEMORY_BYTES, dir=str(self.directory / _INCOMING)
        ) as spool:
            with self._open(path) as source:
                if kept.file.endswith(_SEALED):
                    unseal(source, spool, self._keys_for(path), path, called_off)
                else:
                    while block := source.read(_BLOCK):
                        spool.write(block)
            spool.seek(0)
            digest = hashlib.sha256()
            while block := spool.read(_BLOCK):
                digest.update(block)
            if digest.hexdigest() != kept.sha256:
                raise BadInput(f"{path}: is not what was kept there; restore it from a backup")
            spool.seek(0)
            yield spool

    def remove(self, file: str) -> None:
        """When no ticket has it any more; that it is not there is no error."""
        self._path(file).unlink(missing_ok=True)

    def sweep(self) -> int:
        """At start: what a crash left behind; how many there were."""
        return private.sweep(self.directory / _INCOMING, lambda name: ".work" in name)

    def _keys(self) -> Keys | None:
        path = self._key_file()
        return keyfile.read(path) if path is not None else None

    def _keys_for(self, path: Path) -> Keys:
        keys = self._keys()
        if keys is None:
            raise KeyUnusable(f"recordings.key_file is not set, and {path} is encrypted; name that key file")
        return keys

    def _path(self, file: str) -> Path:
        if _FILE.fullmatch(file) is None:
            raise BadInput(f"{file[:100]!r} is no name of a file in {self.directory}")
        return self.directory / file

    def _open(self, path: Path) -> BinaryIO:
        try:
            return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except FileNotFoundError:
            raise BadInput(f"{path}: is not there; restore it from a backup") from None


class Upload:
    """One file on its way in."""

    def __init__(
        self, files: AttachmentFiles, part: Path, target: BinaryIO, name: str, limits: Limits
    ) -> None:
        self._files, self._part, self._target = files, part, target
        self._name, self._limits = name, limits
        self._digest = hashlib.sha256()
        self._head = b""
        self._bytes = 0

    def write(self, data: bytes) -> None:
        """Raises BadAttachment as soon as it is more than may be."""
        self._bytes += len(data)
        if self._bytes > self._limits.file_bytes:
            most = self._limits.file_bytes // 2**20
            raise BadAttachment(
                Unfit.TOO_LARGE,
                N_("%(file)s: is larger than %(most)s MB; send a smaller file, or a link"),
                file=self._name,
                most=most,
            )
        if len(self._head) < HEAD:
            self._head += data[: HEAD - len(self._head)]
        self._digest.update(data)
        self._target.write(data)

    def finish(self, called_off: CalledOff = never) -> Kept:
        """On disk for good. Raises BadAttachment, KeyUnusable or OSError."""
        if not self._bytes:
            raise BadAttachment(Unfit.EMPTY, N_("%(file)s: is empty; attach it again"), file=self._name)
        check(self._name, self._head, self._limits)
        self._target.flush()
        os.fsync(self._target.fileno())
        sha256 = self._digest.hexdigest()
        file = self._files.place(self._part, sha256, called_off)
        return Kept(self._name, media_type_of(self._head, self._name), self._bytes, sha256, file)
