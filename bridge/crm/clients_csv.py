"""The CSV file of clients as a format: encoding, delimiter, header, bounded lines. It knows no store.

    name;company;numbers;emails;language;tier;notes
    Анна Смирнова;ООО Ромашка;+7 916 123-45-67|8 495 000-00-00;anna@example.org;ru;gold;звонить после 10

The columns may come in any order; ``name`` and one of ``number``, ``numbers``, ``phone``, ``number1``… are
required. Several numbers are separated by ``|`` or have columns of their own; so are mail addresses in
``email``, ``emails``, ``email1``… ``tags`` have commas between them; the company's own fields are in
``field_KEY``. Other columns are passed over, but not those of fields that there are not.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bridge.config.custom_fields import FieldSettings
from bridge.crm.cells import unguarded
from bridge.crm.client_cells import COLUMN, field_value, tags_in
from bridge.crm.client_numbers import merged, row_of
from bridge.crm.encodings import Guess, guess
from bridge.crm.parties import emails
from bridge.errors import N_, BadInput
from bridge.store.client_tags import tags_of
from bridge.store.client_values import MAX_NAME, MAX_NOTES, MAX_NUMBERS
from bridge.store.rows import NumberRow

MAX_LINE = 64 * 1024  # characters of one record
MAX_RECORD_LINES = 100  # of one record: quoted notes may have line breaks
_DELIMITERS = ";,\t"
_NONE = "\ufffd"  # what stands for bytes that are no character
_NUMBER_COLUMN = re.compile(r"^(?:number|numbers|phone|phones)$|^(?:number|phone)\d{1,2}$")
_EMAIL_COLUMN = re.compile(r"^emails?$|^email\d{1,2}$")
_TEXT_COLUMNS = ("name", "company", "language", "tier", "notes")
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$")
_LONGEST = {"name": MAX_NAME, "company": MAX_NAME, "language": 35, "tier": 100, "notes": MAX_NOTES}

Words = Callable[[BadInput], str]  # what is wrong, in the language of who reads it


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken. ``line`` counts the file's own lines from 1, the header being one."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClientLine:
    line: int
    name: str
    company: str
    language: str
    tier: str
    notes: str
    numbers: tuple[NumberRow, ...]
    emails: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str | list[str]] = field(default_factory=dict)  # raw, only those with something


@dataclass(frozen=True, slots=True)
class _Header:
    delimiter: str
    width: int
    text: dict[str, int]  # column of each known field
    numbers: tuple[int, ...]
    emails: tuple[int, ...]
    tags: int | None
    fields: tuple[tuple[FieldSettings, int], ...]


class ClientsFile(io.TextIOWrapper):
    """An open file, with what is wrong in its encoding, and how far it was read."""

    def __init__(self, raw: io.BufferedReader, guess: Guess) -> None:
        super().__init__(raw, encoding=guess.encoding, errors="replace", newline="")
        self._guess = guess
        self._raw = raw

    @property
    def read_bytes(self) -> int:
        return self._raw.tell()

    def fault(self, line: int, until: int) -> BadInput | None:
        """What no character is in these lines."""
        for number in range(line, until + 1):
            if number in self._guess.faults:
                return BadInput(
                    N_("byte %(byte)s of the file is no %(encoding)s"),
                    byte=self._guess.faults[number],
                    encoding=self._guess.encoding.upper(),
                )
        return None


def open_clients(path: Path) -> ClientsFile:
    """Open a file in its encoding: UTF-8 with or without a mark, UTF-16 with one, else Windows-1251."""
    try:
        raw = path.open("rb")
        try:
            return ClientsFile(raw, guess(raw))
        except BaseException:
            raw.close()
            raise
    except OSError as error:
        raise BadInput(
            N_("%(path)s: it cannot be read (%(reason)s); name a CSV file"), path=path, reason=error.strerror
        ) from error


def read_clients(
    file: TextIO, region: str, fields: Sequence[FieldSettings] = (), words: Words = str
) -> Iterator[ClientLine | Refusal]:
    """Lines as they come. What their own fields hold is not judged: that takes what the client has.

    The header is read at once, so that a file of another kind is refused whole. ``words`` are the language of
    the refusals.
    """
    records = _records(file, words)
    for first in records:
        if isinstance(first, Refusal):
            raise BadInput(
                N_("line %(line)s: %(reason)s; the first line must name the columns"),
                line=first.line,
                reason=first.reason,
            )
        line, text = first
        if text.strip():
            header = _header(line, text.removeprefix("\ufeff"), fields)
            fault = file.fault if isinstance(file, ClientsFile) else None
            return _clients(records, header, region, fault, words)
    raise BadInput(N_("the file is empty; its first line must name the columns: name;number;company"))


def _clients(
    records: Iterator[Refusal | tuple[int, str]],
    header: _Header,
    region: str,
    fault: Callable[[int, int], BadInput | None] | None,
    words: Words,
) -> Iterator[ClientLine | Refusal]:
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        line, text = record
        if not text.strip(" \t\r\n" + header.delimiter):
            continue
        try:
            yield _client(line, _split(text, header.delimiter), header, region)
        except BadInput as error:
            place = fault(line, line + text.count("\n")) if fault is not None and _NONE in text else None
            yield Refusal(line, f"{words(error)}; {words(place)}" if place else words(error))


def _client(line: int, cells: list[str], header: _Header, region: str) -> ClientLine:
    if len(cells) > header.width and any(cell.strip() for cell in cells[header.width :]):
        raise BadInput(
            N_("%(columns)s columns, the header names %(named)s; quote a text that holds a delimiter"),
            columns=len(cells),
            named=header.width,
        )
    fields = {name: _cell(name, cells, column) for name, column in header.text.items()}
    name = " ".join(fields["name"].split())
    if not name:
        raise BadInput(N_("name: it is empty"))
    language = fields.get("language", "")
    if language and not _LANGUAGE.match(language):
        raise BadInput(N_("language %(language)s: write a code like ru or en"), language=repr(language[:20]))
    written = _parts(cells, header.numbers)
    if not written:
        raise BadInput(N_("number: there is none; a client is found by his number"))
    if len(written) > MAX_NUMBERS:
        raise BadInput(
            N_("numbers: %(count)s; at most %(most)s are kept"), count=len(written), most=MAX_NUMBERS
        )
    numbers = merged([row_of(one, region) for one in written], region)
    return ClientLine(
        line,
        name,
        " ".join(fields.get("company", "").split()),
        language,
        fields.get("tier", ""),
        fields.get("notes", ""),
        tuple(numbers),
        emails(_parts(cells, header.emails)),
        tags_of(tags_in(_written("tags", cells, header.tags))) if header.tags is not None else (),
        {
            one.key: field_value(one, cell)
            for one, column in header.fields
            if (cell := _written(COLUMN + one.key, cells, column))
        },
    )


def _parts(cells: list[str], columns: tuple[int, ...]) -> list[str]:
    return [
        unguarded(part.strip())
        for column in columns
        if column < len(cells)
        for part in cells[column].split("|")
        if part.strip()
    ]


def _cell(name: str, cells: list[str], column: int) -> str:
    text = _written(name, cells, column)
    if len(text) > _LONGEST[name]:
        raise BadInput(
            N_("%(column)s: %(length)s characters; at most %(most)s are kept"),
            column=name,
            length=len(text),
            most=_LONGEST[name],
        )
    return text


def _written(name: str, cells: list[str], column: int) -> str:
    text = unguarded(cells[column].strip()) if column < len(cells) else ""
    if _NONE in text or "\0" in text:
        raise BadInput(
            N_("%(column)s: it holds characters that are none; save the file as UTF-8"), column=name
        )
    return text


def _header(line: int, text: str, known: Sequence[FieldSettings]) -> _Header:
    delimiter = max(_DELIMITERS, key=text.count)
    names = [cell.strip().casefold() for cell in _split(text, delimiter)]
    for name in names:
        if name and names.count(name) > 1:
            raise BadInput(
                N_("line %(line)s: there are two columns %(column)s"), line=line, column=repr(name[:40])
            )
    fields = {name: names.index(name) for name in _TEXT_COLUMNS if name in names}
    numbers = tuple(place for place, name in enumerate(names) if _NUMBER_COLUMN.match(name))
    if "name" not in fields or not numbers:
        raise BadInput(
            N_("line %(line)s: the header needs a column name and a column number; it has: %(columns)s"),
            line=line,
            columns=", ".join(name[:20] for name in names[:12] if name) or "–",
        )
    addresses = tuple(place for place, name in enumerate(names) if _EMAIL_COLUMN.match(name))
    return _Header(
        delimiter,
        len(names),
        fields,
        numbers,
        addresses,
        names.index("tags") if "tags" in names else None,
        _own_fields(line, names, {one.key: one for one in known}),
    )


def _own_fields(
    line: int, names: Sequence[str], known: Mapping[str, FieldSettings]
) -> tuple[tuple[FieldSettings, int], ...]:
    found = []
    for place, name in enumerate(names):
        key = name.removeprefix(COLUMN)
        if name == key:
            continue
        if key not in known:
            raise BadInput(
                N_(
                    "line %(line)s: column %(column)s: clients have no such field; there are: %(known)s. "
                    "Take the column out, or call it otherwise"
                ),
                line=line,
                column=repr(name[:60]),
                known=", ".join(f"{COLUMN}{one}" for one in list(known)[:20]) or "–",
            )
        found.append((known[key], place))
    return tuple(found)


def _split(text: str, delimiter: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadInput(N_("this is no CSV: %(reason)s"), reason=error) from error
    return rows[0] if len(rows) == 1 else [cell for row in rows for cell in row]


def _records(file: TextIO, words: Words) -> Iterator[Refusal | tuple[int, str]]:
    """Whole records with the number of their first line. One that does not end spoils only its own line."""
    lines = _lines(file)
    again: deque[tuple[int, str | None]] = deque()
    while True:
        got = again.popleft() if again else next(lines, None)
        if got is None:
            return
        number, text = got
        if text is None:
            longer = BadInput(N_("the line is longer than %(most)s characters"), most=MAX_LINE)
            yield Refusal(number, words(longer))
            continue
        parts = [got]
        joined = text
        while joined.count('"') % 2 and len(parts) < MAX_RECORD_LINES and len(joined) <= MAX_LINE:
            more = again.popleft() if again else next(lines, None)
            if more is None or more[1] is None:
                if more is not None:
                    again.appendleft(more)
                break
            parts.append(more)
            joined += more[1]
        if joined.count('"') % 2:
            # A stray quote spoils its own line only: those after it are read again, each for itself.
            again.extendleft(reversed(parts[1:]))
            yield Refusal(number, words(BadInput(N_("a quote is opened and not closed"))))
        else:
            yield number, joined


def _lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Numbered lines; None for one that is too long, which is passed over without being held."""
    number = 0
    while text := file.readline(MAX_LINE + 1):
        number += 1
        if len(text) <= MAX_LINE or text.endswith("\n"):
            yield number, text
            continue
        while (rest := file.readline(MAX_LINE)) and not rest.endswith("\n"):
            pass
        yield number, None
