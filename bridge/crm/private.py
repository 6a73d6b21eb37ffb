"""Files and directories that only our own user can open, on disk for good when they are said to be there."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

T = TypeVar("T")
CalledOff = Callable[[], bool]


class Interrupted(Exception):
    """The work was called off; nothing is left of it."""


def create(path: Path) -> BinaryIO:
    """A new file, to be written and read; one that is there already is an error."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def make_directory(directory: Path) -> None:
    """With those above it: ``mkdir(parents=True)`` would leave these open to all."""
    if not directory.is_dir():
        make_directory(directory.parent)
        directory.mkdir(exist_ok=True, mode=0o700)


def sync_directory(directory: Path) -> None:
    """A new name must survive a power cut, before what it replaces is deleted."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def sweep(directory: Path, is_stale: Callable[[str], bool]) -> int:
    """Remove the files there of which the name says so; how many there were."""
    stale = [file for file in directory.iterdir() if is_stale(file.name)] if directory.is_dir() else []
    remove(*stale)
    return len(stale)


async def in_thread(work: Callable[[CalledOff], T]) -> T:
    """Run in a thread that is really over when this is, also when it is cancelled: no file appears later."""
    off = threading.Event()
    running = asyncio.create_task(asyncio.to_thread(work, off.is_set))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        off.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # whatever it was, the cancellation is the answer
        raise


def append(file: Path, data: bytes, *, new: bool) -> None:
    """``new``: what an earlier run left there is removed first."""
    if new:
        make_directory(file.parent)
        remove(file)
    with create(file) if new else file.open("ab") as stream:
        stream.write(data)
