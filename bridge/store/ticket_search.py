"""Full text of tickets: subject, solution, client, numbers, and all of the thread. Which words, and where.

SQLite keeps it in an FTS5 table whose rowid is the ticket's id, PostgreSQL in a tsvector under a GIN index.
Both get the words from here, folded and once each, and so find the same: neither parses anything itself.

What people write is indexed in the transaction that writes it. A call's own news must not wait for that: a
trigger marks the ticket in ``ticket_stale``, and ``catch_up`` works the marks off, the latest first.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    func,
    select,
    table,
)
from sqlalchemy import (
    cast as sql_cast,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.calls import CallTable
from bridge.store.client_tables import ClientTable, NumberTable
from bridge.store.tables import in_one_go
from bridge.store.ticket_tables import TICKETS, EntryTable, StaleTable, TicketCallTable, TicketTable

AT_ONCE = 200  # tickets in one batch: some tens of milliseconds
MAX_WORDS = 4_000  # of one ticket: PostgreSQL's tsvector holds 1 MB, and a word is at most 240 bytes
MAX_ENTRIES = 300  # of one thread, the latest
MAX_BODY = 20_000  # characters of one entry
MAX_ASKED = 10  # words of a search
WITHIN = 1_000  # a search looks through so many of the latest matches at a time
_LONGEST_WORD = 60
_LEAST_NUMBER = 5  # digits


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: all of these words, the last of which may go on; or a number that begins so."""

    words: tuple[str, ...]
    number: str = ""


def asked(text: str) -> Asked | None:
    """None when there is no word in it."""
    *words, last = _words(text[:1_000]) or [""]
    if not last:
        return None
    others = [word for word in dict.fromkeys(words) if word != last]
    digits = "".join(str(unicodedata.decimal(mark)) for mark in text[:100] if mark.isdecimal())
    is_number = len(digits) >= _LEAST_NUMBER and re.fullmatch(r"[\d\s()+./-]+", text[:100]) is not None
    return Asked((*others[: MAX_ASKED - 1], last), digits[:_LONGEST_WORD] if is_number else "")


def matches(dialect: str, what: Asked) -> Select[Any]:
    """The ids of tickets that have it, as ``ticket_id``. Only letters and digits ever get into the query."""
    if dialect == "postgresql":
        query = sql_cast(sql_cast(bindparam(None, _tsquery(what), Text()), Text()), postgresql.TSQUERY)
        return select(_VECTORS.c.ticket_id).where(_VECTORS.c.words.op("@@")(query))
    return select(_FTS.c.rowid.label("ticket_id")).where(
        column("ticket_words", is_literal=True).op("MATCH")(bindparam(None, _fts(what), Text()))
    )


def id_of(dialect: str) -> Any:
    """The column of ``matches`` that is the ticket's id."""
    return _VECTORS.c.ticket_id if dialect == "postgresql" else _FTS.c.rowid


class SyncTicketSearch:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def catch_up(self, limit: int = AT_ONCE) -> int:
        """Works off so many marks; how many there were. Fewer than ``limit`` means that it is done."""
        # The marks go first: a change that comes meanwhile leaves a new one.
        found = self._connection.scalars(_TAKE, {"most": limit}).all()
        self.index(set(found))
        return len(found)

    def index(self, tickets: Collection[int]) -> None:
        """Brings their full text up to date."""
        ids = sorted(tickets)
        for first in range(0, len(ids), AT_ONCE):
            self._index(ids[first : first + AT_ONCE])

    def left(self, most: int) -> int:
        """How many marks are there, counted up to ``most``."""
        some = select(StaleTable.id).limit(most).subquery()
        return int(self._connection.scalar(select(func.count()).select_from(some)) or 0)

    def _index(self, ids: list[int]) -> None:
        texts = self._texts(ids)
        documents = {id: list(_document(texts[id])) for id in ids if id in texts}
        if not documents:
            return
        if self._connection.dialect.name == "postgresql":
            rows = [{"ticket": id, "words": words} for id, words in documents.items()]
            self._connection.execute(_TO_VECTORS, rows)
        else:
            rows = [{"ticket": id, "words": " ".join(words)} for id, words in documents.items()]
            self._connection.execute(_TO_FTS, rows)

    def _texts(self, ids: list[int]) -> dict[int, list[str]]:
        texts: dict[int, list[str]] = {}
        clients: dict[int, list[int]] = {}
        given = {"ids": ids}
        for id, subject, solution, client, name, company in self._connection.execute(_TICKETS, given):
            texts[id] = [subject, solution, name or "", company or ""]
            if client is not None:
                clients.setdefault(client, []).append(id)
        for id, number, e164, name in self._connection.execute(_CALLS, given):
            texts[id] += [name, *_forms(e164, number)]
        if clients:
            for client, e164, digits in self._connection.execute(_NUMBERS, {"ids": list(clients)}):
                for id in clients[client]:
                    texts[id] += _forms(e164, digits)
        for id, subject, body in self._connection.execute(_ENTRIES, given):
            texts[id] += [subject, body]
        return texts


class TicketSearch:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def catch_up(self, limit: int = AT_ONCE) -> int:
        return await in_one_go(self._session, lambda sync: SyncTicketSearch(sync).catch_up(limit))

    async def left(self, most: int) -> int:
        return await in_one_go(self._session, lambda sync: SyncTicketSearch(sync).left(most))


def _words(text: str) -> list[str]:
    """Folded as in the search for clients: neither case, ё/е nor accents decide."""
    if text.isascii():
        text = text.lower()
    else:
        # Taken apart first: "№5" would else be the word "No5", with its capital letter.
        folded = unicodedata.normalize("NFKD", text.replace("№", " ")).casefold()
        text = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return [word[:_LONGEST_WORD] for word in re.findall(r"[^\W_]+", text)]


def _document(texts: Iterable[str]) -> dict[str, None]:
    """Its words once each, in their order, up to the most that are kept."""
    words: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            words[word] = None
            if len(words) >= MAX_WORDS:
                return words
    return words


def _forms(e164: str | None, dialled: str | None) -> list[str]:
    """A number as people look for it: in full, as it was dialled, and without its country's code."""
    forms = []
    for number in (e164, dialled):
        digits = "".join(mark for mark in number or "" if mark.isdecimal())
        forms += [digits, digits[-10:]]
    return forms


def _fts(what: Asked) -> str:
    exact = [f'"{word}"' for word in what.words[:-1]]
    last = what.words[-1]
    query = " AND ".join([*exact, f'"{last}"{_going_on(last)}'])
    return f'({query}) OR "{what.number}"*' if what.number else query


def _tsquery(what: Asked) -> str:
    exact = [f"'{word}'" for word in what.words[:-1]]
    last = what.words[-1]
    query = " & ".join([*exact, f"'{last}'{':*' if _going_on(last) else ''}"])
    return f"({query}) | '{what.number}':*" if what.number else query


def _going_on(word: str) -> str:
    """A single letter begins too many words to be of use."""
    return "*" if len(word) > 1 else ""


_FTS = table("ticket_words", column("rowid", Integer), column("words", Text))
_VECTORS = table("ticket_words", column("ticket_id", Integer), column("words", postgresql.TSVECTOR))
_TO_FTS = sql("INSERT OR REPLACE INTO ticket_words (rowid, words) VALUES (:ticket, :words)")
_TO_VECTORS = sql(
    "INSERT INTO ticket_words (ticket_id, words) VALUES (:ticket, array_to_tsvector(:words)) "
    "ON CONFLICT (ticket_id) DO UPDATE SET words = excluded.words"
).bindparams(bindparam("words", type_=postgresql.ARRAY(Text)))
_STALE = StaleTable.__table__.c
_LATEST = select(_STALE.id).order_by(_STALE.id.desc()).limit(bindparam("most", type_=Integer()))
_TAKE = delete(cast("Table", StaleTable.__table__)).where(_STALE.id.in_(_LATEST)).returning(_STALE.ticket_id)
_IDS = bindparam("ids", expanding=True, type_=Integer())
_TICKETS = (
    select(
        TICKETS.id,
        TICKETS.subject,
        TICKETS.solution,
        TICKETS.client_id,
        ClientTable.name,
        ClientTable.company,
    )
    .select_from(TicketTable.__table__.outerjoin(ClientTable.__table__, ClientTable.id == TICKETS.client_id))
    .where(TICKETS.id.in_(_IDS))
)
_CALLS = (
    select(TicketCallTable.ticket_id, CallTable.number, CallTable.e164, CallTable.name)
    .join(CallTable, CallTable.id == TicketCallTable.call_id)
    .where(TicketCallTable.ticket_id.in_(_IDS))
    .order_by(TicketCallTable.ticket_id, CallTable.offered_at.desc())
)
_NUMBERS = (
    select(NumberTable.client_id, NumberTable.e164, NumberTable.digits)
    .where(NumberTable.client_id.in_(_IDS))
    .order_by(NumberTable.id)
)
_ENTRY = EntryTable.__table__.c
_RANKED = (
    select(
        _ENTRY.id,
        func.row_number().over(partition_by=_ENTRY.ticket_id, order_by=_ENTRY.id.desc()).label("rank"),
    )
    .where(_ENTRY.ticket_id.in_(_IDS))
    .subquery()
)
_ENTRIES = (
    select(_ENTRY.ticket_id, _ENTRY.subject, func.substr(_ENTRY.body, 1, MAX_BODY))
    .join(_RANKED, _RANKED.c.id == _ENTRY.id)
    .where(_RANKED.c.rank <= MAX_ENTRIES)
    .order_by(_ENTRY.id.desc())
)
