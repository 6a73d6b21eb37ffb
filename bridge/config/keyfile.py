"""The key file of recordings: age identities, a line each, as age-keygen writes them. Never logged.

Recordings are encrypted with the first and opened with any: a new key is written above the old ones.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pyrage import IdentityError, x25519

from bridge.errors import BadInput, ConfigurationError

_MOST_BYTES = 64 * 1024
_MAKE_ONE = "“callbridge recordings new-key” makes one"
_PUT_BACK = "put it back from where you keep its copy"


class KeyUnusable(ConfigurationError):
    """The key file is missing, cannot be read, or opens nothing. The message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Keys:
    path: Path
    identities: Sequence[x25519.Identity] = field(repr=False)

    @property
    def recipient(self) -> x25519.Recipient:
        return self.identities[0].to_public()


def read(path: Path) -> Keys:
    """Raises KeyUnusable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not hold us up
    except OSError as error:
        remedy = f"{_PUT_BACK}; for the very first recordings, {_MAKE_ONE}"
        if not isinstance(error, FileNotFoundError):
            remedy = "let the user that runs callbridge read it"
        raise KeyUnusable(f"{path}: the key file cannot be read: {error.strerror}; {remedy}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise KeyUnusable(f"{path}: the key file is no plain file; {_PUT_BACK}")
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise KeyUnusable(f"{path}: is too large for a key file; {_PUT_BACK}")
    identities = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            identities.append(x25519.Identity.from_str(line.strip()))
        except IdentityError:
            # Neither the line nor the library's words about it: they may hold half a key.
            raise KeyUnusable(f"{path}:{number}: is no AGE-SECRET-KEY-1…; {_PUT_BACK}") from None
    if not identities:
        raise KeyUnusable(f"{path}: holds no key; {_PUT_BACK}, or remove it: {_MAKE_ONE}")
    return Keys(path, tuple(identities))


def make(path: Path) -> str:
    """A new key in a new file, readable by its owner only. Returns the public key."""
    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    text = f"# created: {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n# public key: {public}\n{identity}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadInput(
            f"{path}: exists already and is not overwritten: what it encrypted needs it; write the new key"
            " elsewhere (--output), and its line above those in this file"
        ) from None
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)  # half a key is worse than none
        raise
    return public


def trouble(path: Path) -> str:
    """What is wrong with the file, in words with the remedy; "" if nothing is."""
    try:
        read(path)
        mode = path.stat().st_mode
    except KeyUnusable as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}"
    if mode & stat.S_IROTH:
        return f"{path}: everybody on this machine can read the key; let its owner alone: chmod 600 {path}"
    return ""
