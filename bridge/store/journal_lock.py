"""The journal's lock: one process at a time keeps a directory. Owns the file ``lock`` in it.

The kernel gives the lock back however a process ends, and only after its last write; so who gets it sees all
that the other one kept. It belongs to the file, not to a process id: it also holds between containers that
share the volume. Across hosts only if their file system says so (NFS does).
"""

import fcntl
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from bridge.errors import ConfigurationError, JournalBusy


class DirectoryLock:
    """Kept until it is released, or the process ends. Processes that it starts do not inherit it."""

    def __init__(self, descriptor: int, directory: Path) -> None:
        self._descriptor = descriptor
        self._directory = directory

    @classmethod
    def take(cls, directory: Path) -> "DirectoryLock":
        """Raises JournalBusy when another process has it, ConfigurationError when there can be none."""
        try:
            # The facts in it hold people's numbers.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable(directory, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(descriptor, f"pid {os.getpid()} on host {socket.gethostname()}\n")
        except BlockingIOError as error:
            holder = _read(descriptor) or "which has not said who it is"
            os.close(descriptor)
            raise JournalBusy(
                f"the journal {directory} is kept by another callbridge ({holder}): it must end first"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise unusable(directory, error) from error
        return cls(descriptor, directory)

    @property
    def held(self) -> bool:
        return self._descriptor >= 0

    def owner(self) -> str:
        """The same for every process that keeps this directory, and for no other."""
        file = self._directory / "owner"
        with suppress(OSError):
            known = file.read_text().strip()
            if known:
                return known
        owner = secrets.token_hex(8)
        with suppress(OSError):  # on a full disk it is this process's own
            file.touch(mode=0o600)
            file.write_text(f"{owner}\n")
        return owner

    def release(self) -> None:
        if self.held:
            os.close(self._descriptor)
            self._descriptor = -1


def unusable(directory: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"store.journal: {directory} cannot be used ({error.strerror}); "
        "name a directory on a local disk where callbridge may write"
    )


def _write(descriptor: int, text: str) -> None:
    """For people only: on a full disk the lock is as good without it."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _read(descriptor: int) -> str:
    with suppress(OSError):
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    return ""
