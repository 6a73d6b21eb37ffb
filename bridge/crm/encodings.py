"""Which encoding a text file is in: UTF-8, UTF-16 with its mark, Windows-1251; and where it breaks it."""

import codecs
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

_BLOCK = 1 << 20
_MOST_FAULTS = 10_000


@dataclass(frozen=True, slots=True)
class Guess:
    """``faults``: the first byte (from 0) in each line (from 1) that is no character of it."""

    encoding: str
    faults: Mapping[int, int] = field(default_factory=dict)


def guess(raw: io.BufferedReader) -> Guess:
    """Reads the file to its end, in constant memory, and goes back to its beginning.

    A file with more whole characters of several bytes than broken ones is UTF-8 that somebody damaged:
    Russian text in Windows-1251 hardly ever has any.
    """
    head = raw.read(4)
    raw.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Guess("utf-16")
    marked = head.startswith(codecs.BOM_UTF8)
    reader = _Utf8()
    while block := raw.read(_BLOCK):
        reader.read(block, last=False)
    reader.read(b"", last=True)
    raw.seek(0)
    if reader.broken > reader.whole and not marked:
        return Guess("cp1251")
    return Guess("utf-8-sig" if marked else "utf-8", reader.faults)


class _Utf8:
    def __init__(self) -> None:
        self.whole = 0  # characters of more than one byte
        self.broken = 0
        self.faults: dict[int, int] = {}
        self._line = 1
        self._place = 0  # of the first byte of what is left
        self._left = b""

    def read(self, block: bytes, *, last: bool) -> None:
        data, place = self._left + block, 0
        self._left = b""
        while place < len(data):
            try:
                self._count(data[place:].decode())
                place = len(data)
            except UnicodeDecodeError as error:
                start = place + error.start
                self._count(data[place:start].decode())
                if not last and len(data) - start < 4 and error.end + place == len(data):
                    self._left = data[start:]  # perhaps the rest of it comes with the next block
                    place = start
                    break
                self._break(self._place + start)
                place += error.end
        self._place += place

    def _count(self, text: str) -> None:
        self._line += text.count("\n")
        self.whole += len(text) - sum(map(str.isascii, text)) if not text.isascii() else 0

    def _break(self, place: int) -> None:
        self.broken += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.setdefault(self._line, place)
