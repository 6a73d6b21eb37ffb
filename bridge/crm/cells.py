"""CSV as we write it: cells that no spreadsheet takes for a formula, and rows as bytes."""

import csv
import io
import re
from collections.abc import Iterable
from enum import Enum

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = re.compile(r"\+\d{3,15}(?:\|\+\d{3,15})*")  # "+79161234567" calculates nothing
BOM = "\ufeff"


class Delimiter(Enum):
    COMMA = "comma"
    SEMICOLON = "semicolon"  # what a spreadsheet expects where the comma is the decimal sign
    TAB = "tab"


_SIGNS = {Delimiter.COMMA: ",", Delimiter.SEMICOLON: ";", Delimiter.TAB: "\t"}


def guarded(text: str) -> str:
    """With an apostrophe before what a spreadsheet would calculate (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) and _NUMBERS.fullmatch(text) is None else text


def unguarded(text: str) -> str:
    """What was meant, of a cell that we wrote."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def rows_as_bytes(rows: Iterable[Iterable[object]], delimiter: Delimiter = Delimiter.COMMA) -> bytes:
    """RFC 4180, in UTF-8. None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=_SIGNS[delimiter], lineterminator="\r\n")
    for row in rows:
        writer.writerow(["" if cell is None else guarded(str(cell)) for cell in row])
    return text.getvalue().encode("utf-8", "replace")
