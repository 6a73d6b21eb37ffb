"""Encrypts and decrypts streams in the age format (age-encryption.org/v1). Knows no places and no names."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import pyrage

from bridge.config.keyfile import Keys, KeyUnusable
from bridge.crm.private import CalledOff, Interrupted
from bridge.errors import BadInput

_NO_KEY_FITS = "No matching keys found"  # of rage's own words the only ones that do not mean damage


class Damaged(BadInput):
    """What is on disk is not what was written there. The message names the file and the remedy."""


def never() -> bool:
    return False


def seal(source: BinaryIO, target: BinaryIO, keys: Keys, called_off: CalledOff = never) -> None:
    ends = _Reader(source, called_off), _Writer(target)
    try:
        pyrage.encrypt_io(*ends, [keys.recipient])
    except Exception as error:
        raise _own(ends) or error from None


def unseal(source: BinaryIO, target: Any, keys: Keys, what: object, called_off: CalledOff = never) -> None:
    """``what`` names the file in errors. Raises KeyUnusable or Damaged, maybe after a part was written."""
    ends = _Reader(source, called_off), _Writer(target)
    try:
        pyrage.decrypt_io(*ends, keys.identities)
    except (pyrage.DecryptError, OSError) as error:  # what was cut off comes as an OSError
        own = _own(ends)
        if own is not None:
            raise own from None
        if str(error) == _NO_KEY_FITS:
            raise KeyUnusable(
                f"{keys.path}: no key in it opens {what}; add the line of the key that was used then"
            ) from None
        raise Damaged(f"{what}: damaged ({error}); restore it from a backup") from None
    except Exception as error:
        raise _own(ends) or error from None


class _Reader:
    """In Python on purpose: rage keeps the interpreter to itself, and here the event loop gets its turn.

    60 MB in one go (``pyrage.encrypt``) hold up every call for 120 ms; this way it is 10 ms (measured).
    """

    def __init__(self, stream: BinaryIO, called_off: CalledOff) -> None:
        self._stream = stream
        self._called_off = called_off
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            if self._called_off():
                raise Interrupted
            return self._stream.read(size)
        except BaseException as error:
            self.error = error  # rage passes on its words only
            raise


class _Writer:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            self._stream.write(data)
        except BaseException as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        pass


def _own(ends: Sequence[_Reader | _Writer]) -> BaseException | None:
    return next((end.error for end in ends if end.error is not None), None)
