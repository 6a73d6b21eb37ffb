"""Clients from a CSV file. Each line stands for itself: a bad one is refused with its reason, the rest come.

Reading the format (encodings, quotes, headers) is in ``clients_csv``; here lines meet the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from bridge.crm.clients_csv import ClientLine, ClientsFile, Refusal, read_clients
from bridge.store import Store, Unit
from bridge.store.api_rows import ImportCounts
from bridge.store.clients import ClientFields, NewClient
from bridge.store.rows import ClientRow, NumberRow

BATCH = 200  # lines in one transaction: calls are served while an import runs
_SHOWN = 1000  # refusals that a report holds; ``refuse`` is told of all

Progress = Callable[[ImportCounts], None]
Refuse = Callable[[Refusal], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    added: int
    updated: int
    refused: tuple[Refusal, ...]  # the first thousand
    unchanged: int = 0  # lines that said what was known already
    refusals: int = 0  # all of them


@dataclass(slots=True)
class _Count:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


async def import_clients(
    store: Store,
    file: TextIO,
    region: str,
    progress: Progress | None = None,
    *,
    refuse: Refuse | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """A client of the same name with one of the same numbers is updated; anyone else is new.

    ``region`` is where national numbers are at home, ``progress`` is told how far it is after each batch.
    With ``dry_run`` nothing is kept, and the report is what it would be. Raises BadInput when the header
    cannot be used: then nothing was imported.
    """
    lines = read_clients(file, region)
    refused: list[Refusal] = []
    count = _Count()
    async with _target(store, dry_run=dry_run) as target:
        while batch := await asyncio.to_thread(_take, lines):
            good = []
            for line in batch:
                if isinstance(line, ClientLine):
                    good.append(line)
                    continue
                count.refused += 1
                if len(refused) < _SHOWN:
                    refused.append(line)
                if refuse is not None:
                    refuse(line)
            if good:
                await target.bring(good, count)
            if progress is not None:
                progress(_standing(file, batch[-1].line, count))
    return ImportReport(count.added, count.updated, tuple(refused), count.unchanged, count.refused)


def _standing(file: TextIO, line: int, count: _Count) -> ImportCounts:
    read_bytes = file.read_bytes if isinstance(file, ClientsFile) else 0
    return ImportCounts(read_bytes, line, count.added, count.updated, count.unchanged, count.refused)


def _take(lines: Iterator[ClientLine | Refusal]) -> list[ClientLine | Refusal]:
    return list(islice(lines, BATCH))


class _Real:
    """Lines go into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def bring(self, lines: list[ClientLine], count: _Count) -> None:
        async with self._store.unit() as unit:
            await _import(unit, lines, count)


class _Rehearsal:
    """Lines go into a store that is thrown away, into which come the clients whom they concern.

    So one that is added by one line and changed by a later one is counted as it will be, in constant memory.
    """

    def __init__(self, store: Store, scratch: Store) -> None:
        self._store = store
        self._scratch = scratch
        self._copied = bytearray()  # a bit for each client

    async def bring(self, lines: list[ClientLine], count: _Count) -> None:
        async with self._store.view() as unit:
            found = await unit.clients.by_numbers({one.e164 for line in lines for one in line.numbers})
        new = [
            NewClient(
                row.name, row.company, row.language, row.tier, row.notes, row.numbers, emails=row.emails
            )
            for row in found
            if self._is_new(row.id)
        ]
        async with self._scratch.unit() as unit:
            await unit.clients.add_many(new)
            await _import(unit, lines, count)

    def _is_new(self, id: int) -> bool:
        place, bit = divmod(id, 8)
        if place >= len(self._copied):
            self._copied.extend(bytes(place + 1 - len(self._copied)))
        new = not self._copied[place] & (1 << bit)
        self._copied[place] |= 1 << bit
        return new


@asynccontextmanager
async def _target(store: Store, *, dry_run: bool) -> AsyncIterator[_Real | _Rehearsal]:
    if not dry_run:
        yield _Real(store)
        return
    with TemporaryDirectory(prefix="callbridge-rehearsal-") as directory:
        scratch = await Store.open(f"sqlite+aiosqlite:///{Path(directory) / 'scratch.db'}")
        try:
            yield _Rehearsal(store, scratch)
        finally:
            await scratch.close()


async def _import(unit: Unit, lines: list[ClientLine], count: _Count) -> None:
    known: dict[tuple[str, str], ClientRow] = {}
    for row in await unit.clients.by_numbers({number.e164 for line in lines for number in line.numbers}):
        for number in row.numbers:
            known.setdefault((_key(row.name), number.e164), row)
    new: dict[tuple[str, str], int] = {}  # the place in ``adding`` of what an earlier line brings
    adding: list[NewClient] = []
    for line in lines:
        keys = [(_key(line.name), number.e164) for number in line.numbers]
        row_or_none = next((known[key] for key in keys if key in known), None)
        place = next((new[key] for key in keys if key in new), None)
        if row_or_none is not None:
            row = row_or_none
            fields = _changes(row, line)
            if fields:
                changed = await unit.clients.update(row.id, **fields) or row
                for number in changed.numbers:
                    known[_key(changed.name), number.e164] = changed
                count.updated += 1
            else:
                count.unchanged += 1
        elif place is not None:
            adding[place] = _joined(adding[place], line)
            new.update(dict.fromkeys(keys, place))
            count.updated += 1
        else:
            new.update(dict.fromkeys(keys, len(adding)))
            adding.append(
                NewClient(
                    line.name,
                    line.company,
                    line.language,
                    line.tier,
                    line.notes,
                    line.numbers,
                    emails=line.emails,
                )
            )
            count.added += 1
    await unit.clients.add_many(adding)


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _changes(row: ClientRow, line: ClientLine) -> ClientFields:
    """What the line knows that the store does not. An empty field says nothing, so it erases nothing."""
    fields: ClientFields = {}
    if line.company and line.company != row.company:
        fields["company"] = line.company
    if line.language and line.language != row.language:
        fields["language"] = line.language
    if line.tier and line.tier != row.tier:
        fields["tier"] = line.tier
    if line.notes and line.notes != row.notes:
        fields["notes"] = line.notes
    more = _more(row.numbers, line.numbers)
    if more:
        fields["numbers"] = (*row.numbers, *more)
    addresses = _more_emails(row.emails, line.emails)
    if addresses:
        fields["emails"] = (*row.emails, *addresses)
    return fields


def _joined(client: NewClient, line: ClientLine) -> NewClient:
    return NewClient(
        client.name,
        line.company or client.company,
        line.language or client.language,
        line.tier or client.tier,
        line.notes or client.notes,
        (*client.numbers, *_more(client.numbers, line.numbers)),
        emails=(*client.emails, *_more_emails(client.emails, line.emails)),
    )


def _more(have: tuple[NumberRow, ...], come: tuple[NumberRow, ...]) -> tuple[NumberRow, ...]:
    known = {number.e164 for number in have}
    return tuple(number for number in come if number.e164 not in known)


def _more_emails(have: tuple[str, ...], come: tuple[str, ...]) -> tuple[str, ...]:
    known = {email.casefold() for email in have}
    return tuple(email for email in come if email.casefold() not in known)
