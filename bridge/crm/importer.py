"""Clients from a CSV file. Each line stands for itself: a bad one is refused with its reason, the rest come.

Reading the format (encodings, quotes, headers) is in ``clients_csv``; here lines meet the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from bridge.config.custom_fields import FieldSettings
from bridge.crm import custom_fields as custom
from bridge.crm.client_numbers import merged
from bridge.crm.clients_csv import ClientLine, ClientsFile, Refusal, Words, read_clients
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.api_rows import ImportCounts
from bridge.store.client_values import ClientFields, NewClient, demand_fit
from bridge.store.clients import SyncClients
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


@dataclass(frozen=True, slots=True)
class _Rules:
    region: str
    fields: Sequence[FieldSettings]
    words: Words


@dataclass(slots=True)
class _Outcome:
    """What became of lines: of a batch, of all so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    refusals: int = 0


async def import_clients(
    store: Store,
    file: TextIO,
    region: str,
    progress: Progress | None = None,
    *,
    fields: Sequence[FieldSettings] = (),
    refuse: Refuse | None = None,
    dry_run: bool = False,
    words: Words = str,
) -> ImportReport:
    """A client of the same name with one of the same numbers is updated; anyone else is new.

    ``region`` is where national numbers are at home, ``fields`` are the company's own, ``progress`` is told
    how far it is after each batch. With ``dry_run`` nothing is kept, and the report is what it would be;
    ``words`` are its language.
    Raises BadInput when the header cannot be used: then nothing was imported.
    """
    rules = _Rules(region, fields, words)
    lines = read_clients(file, region, fields, words)
    whole = _Outcome()
    async with _target(store, dry_run=dry_run) as target:
        while batch := await asyncio.to_thread(_take, lines):
            good = [line for line in batch if isinstance(line, ClientLine)]
            refused = [line for line in batch if isinstance(line, Refusal)]
            if good:
                done = await target.bring(good, rules)
                refused = sorted([*refused, *done.refused], key=lambda one: one.line)
                whole.added += done.added
                whole.updated += done.updated
                whole.unchanged += done.unchanged
            whole.refusals += len(refused)
            whole.refused += refused[: _SHOWN - len(whole.refused)]
            if refuse is not None:
                for one in refused:
                    refuse(one)
            if progress is not None:
                progress(_standing(file, batch[-1].line, whole))
    return ImportReport(whole.added, whole.updated, tuple(whole.refused), whole.unchanged, whole.refusals)


def _standing(file: TextIO, line: int, so_far: _Outcome) -> ImportCounts:
    read_bytes = file.read_bytes if isinstance(file, ClientsFile) else 0
    return ImportCounts(read_bytes, line, so_far.added, so_far.updated, so_far.unchanged, so_far.refusals)


def _take(lines: Iterator[ClientLine | Refusal]) -> list[ClientLine | Refusal]:
    return list(islice(lines, BATCH))


class _Real:
    """Lines go into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def bring(self, lines: Sequence[ClientLine], rules: _Rules) -> _Outcome:
        return await self._store.write(lambda unit: _import(unit.clients, lines, rules))


class _Rehearsal:
    """Lines go into a store that is thrown away, into which come the clients whom they concern.

    So one that is added by one line and changed by a later one is counted as it will be, in constant memory.
    """

    def __init__(self, store: Store, scratch: Store) -> None:
        self._store = store
        self._scratch = scratch
        self._copied = bytearray()  # a bit for each client

    async def bring(self, lines: Sequence[ClientLine], rules: _Rules) -> _Outcome:
        found = await self._store.read(lambda unit: _concerned(unit.clients, lines))
        new = [_as_new(row) for row in found if self._is_new(row.id)]

        def rehearsed(clients: SyncClients) -> _Outcome:
            clients.add_many(new)
            return _import(clients, lines, rules)

        return await self._scratch.write(lambda unit: rehearsed(unit.clients))

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


# ── a batch of lines ─────────────────────────────────────────────────────────

_Key = tuple[str, str]  # of whom a line is about: a name, folded, and one of his numbers


@dataclass(slots=True)
class _Draft:
    """A client as the lines so far have him. ``kept`` is how the store has him; None: he is new."""

    client: NewClient
    kept: ClientRow | None
    age: int  # the older one has the smaller: of two who fit, he is meant


def _import(clients: SyncClients, lines: Sequence[ClientLine], rules: _Rules) -> _Outcome:
    """All lines are judged before anything is written: a bad one leaves no trace."""
    rows = _concerned(clients, lines)
    drafts = [_Draft(_as_new(row), row, age) for age, row in enumerate(rows)]
    known: dict[_Key, _Draft] = {}
    for draft in drafts:
        _note(known, draft)
    outcome = _Outcome()
    for line in lines:
        draft_or_none = next((known[key] for key in _keys(line.name, line.numbers) if key in known), None)
        try:
            client = _joined(draft_or_none.client, line, rules) if draft_or_none else _new(line, rules)
            demand_fit(client)
        except BadInput as error:
            outcome.refused.append(Refusal(line.line, rules.words(error)))
            continue
        if draft_or_none is None:
            draft = _Draft(client, None, len(drafts))
            drafts.append(draft)
            outcome.added += 1
        else:
            draft = draft_or_none
            outcome.updated += client != draft.client
            outcome.unchanged += client == draft.client
            draft.client = client
        _note(known, draft)
    for draft in drafts:
        if draft.kept is not None and (changes := _changes(_as_new(draft.kept), draft.client)):
            clients.update(draft.kept, changes)
    clients.add_many([draft.client for draft in drafts if draft.kept is None])
    return outcome


def _concerned(clients: SyncClients, lines: Sequence[ClientLine]) -> list[ClientRow]:
    """Those in the store whom the lines are about, by id. A number may be shared by thousands who are not."""
    wanted = {key for line in lines for key in _keys(line.name, line.numbers)}
    found: dict[_Key, int] = {}
    for id, name, e164 in clients.owners({e164 for _, e164 in wanted}):
        key = (_folded(name), e164)
        if key in wanted:
            found.setdefault(key, id)
    return clients.of_ids(set(found.values()))


def _note(known: dict[_Key, _Draft], draft: _Draft) -> None:
    for key in _keys(draft.client.name, draft.client.numbers):
        if known.setdefault(key, draft).age > draft.age:
            known[key] = draft


def _keys(name: str, numbers: Sequence[NumberRow]) -> list[_Key]:
    folded = _folded(name)
    return [(folded, number.e164) for number in numbers]


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


# ── a client and a line ──────────────────────────────────────────────────────


def _as_new(row: ClientRow) -> NewClient:
    return NewClient(
        row.name,
        row.company,
        row.language,
        row.tier,
        row.notes,
        row.numbers,
        row.fields,
        row.emails,
        row.tags,
    )


def _new(line: ClientLine, rules: _Rules) -> NewClient:
    fields = custom.created(rules.fields, line.fields)
    emails = _more_emails((), line.emails)
    return NewClient(
        line.name,
        line.company,
        line.language,
        line.tier,
        line.notes,
        line.numbers,
        fields,
        emails,
        line.tags,
    )


def _joined(client: NewClient, line: ClientLine, rules: _Rules) -> NewClient:
    """With what the line knows besides. An empty field says nothing, so it erases nothing."""
    return NewClient(
        client.name,
        line.company or client.company,
        line.language or client.language,
        line.tier or client.tier,
        line.notes or client.notes,
        tuple(merged([*client.numbers, *line.numbers], rules.region)),
        custom.changed(rules.fields, client.fields, line.fields) if line.fields else client.fields,
        _more_emails(client.emails, line.emails),
        tuple(sorted({*client.tags, *line.tags})),
    )


def _changes(before: NewClient, after: NewClient) -> ClientFields:
    changes: ClientFields = {}
    for name in ("company", "language", "tier", "notes", "numbers", "fields", "emails", "tags"):
        value = getattr(after, name)
        if value != getattr(before, name):
            changes[name] = value
    return changes


def _more_emails(have: tuple[str, ...], come: tuple[str, ...]) -> tuple[str, ...]:
    found = {email.casefold(): email for email in have}
    for email in come:
        found.setdefault(email.casefold(), email)
    return tuple(found.values())
