"""Tickets beside the clients of base.py, for measuring: as an older version left them, then what is new.

A fiftieth is open, most of these are the latest. Departments, agents, words and priorities are as uneven as
they are in life: the first has most of it. It is the same base each time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, cast

from sqlalchemy import Connection, Table, insert, text

from bridge.store.calls import CallTable
from bridge.store.client_tables import ClientTable, NumberTable, WordTable
from bridge.store.ticket_tables import EntryTable, TagTable, TicketTable
from tests.bench.base import (
    CALLS,
    CLIENTS,
    NUMBERS,
    WORDS,
    Bulk,
    Row,
    client_rows,
    mobile,
    name_of,
    number_rows,
    word_rows,
)

BEGIN = datetime(2021, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=5 * 365)
DEPARTMENTS = tuple(f"Department {number}" for number in range(1, 21))
AGENTS = tuple(str(1001 + number) for number in range(200))
PRIORITIES = ("normal",) * 85 + ("medium",) * 10 + ("urgent",) * 4 + ("critical",)
TAGS = tuple(f"tag {number}" for number in range(200))
CLASSES = ("hardware/printer", "hardware/phone", "software/mail", "software/billing", "access", "other")
_BEGINNINGS = [
    "ko",
    "ma",
    "ri",
    "ta",
    "se",
    "no",
    "vi",
    "lu",
    "pe",
    "da",
    "go",
    "mi",
    "ra",
    "te",
    "so",
    "na",
    "li",
    "ku",
    "be",
    "do",
]
_ENDINGS = [
    "nar",
    "vik",
    "tol",
    "ber",
    "mon",
    "les",
    "dir",
    "kan",
    "pos",
    "ter",
    "gul",
    "sen",
    "rab",
    "fim",
    "zor",
]
VOCABULARY = tuple(
    f"{one}{two}{three}" for one in _BEGINNINGS for two in _BEGINNINGS for three in _ENDINGS
)  # 6,000 words, the first of them in every tenth ticket
TICKETS = (
    *("id", "call_id", "client_id", "client_edited", "subject", "subject_edited", "status", "priority"),
    *("department", "department_edited", "assignee", "solution", "created_at", "updated_at"),
    *("assignee_edited", "disposition"),
)
ENTRIES = (
    *("ticket_id", "kind", "at", "author", "subject", "body", "in_reply_to", "to", "cc", "delivery", "fault"),
)


def _uneven(chance: Random, many: int) -> int:
    """Below ``many``; the first ones far more often."""
    return min(many - 1, int(many ** chance.random()) - 1)


def words(chance: Random, count: int) -> str:
    return " ".join(VOCABULARY[_uneven(chance, len(VOCABULARY))] for _ in range(count))


def at_of(ticket: int, tickets: int) -> datetime:
    return BEGIN + SPAN * (ticket / tickets)


def call_rows(clients: int, tickets: int) -> Iterator[Row]:
    """As in base.py; every ticket has come of one."""
    for ticket in range(1, tickets + 1):
        client, at = 1 + ticket % clients, at_of(ticket, tickets)
        over = at + timedelta(seconds=200)
        yield (
            *(f"16{ticket:08d}.1", "in", mobile(client), mobile(client), "", False, "+74950000001"),
            *("lab", "known", client, False, "support", AGENTS[ticket % len(AGENTS)], at, at),
            *(at + timedelta(seconds=9), over, "answered", over, False),
        )


def ticket_rows(clients: int, tickets: int) -> Iterator[Row]:
    chance = Random(5)
    for ticket in range(1, tickets + 1):
        client, at = 1 + ticket % clients, at_of(ticket, tickets)
        late = ticket > tickets * 0.985
        is_open = chance.random() < (0.9 if late else 0.005)
        department = DEPARTMENTS[_uneven(chance, len(DEPARTMENTS))]
        # Who works in a department, works in this one only.
        agent = AGENTS[DEPARTMENTS.index(department) * 10 + chance.randrange(10)]
        yield (
            *(ticket, f"16{ticket:08d}.1", client, False, f"{words(chance, 4)} · {name_of(client)}", False),
            "done" if not is_open else "open" if chance.random() < 0.6 else "in_progress",
            chance.choice(PRIORITIES),
            *(department, False, None if is_open and chance.random() < 0.3 else agent),
            "" if is_open else words(chance, 3),
            *(at, at + timedelta(minutes=chance.randrange(5_000)), False, ""),
        )


def entry_rows(tickets: int) -> Iterator[Row]:
    """A letter and a note in every tenth."""
    chance = Random(7)
    for ticket in range(10, tickets + 1, 10):
        at = at_of(ticket, tickets) + timedelta(minutes=5)
        yield ticket, "mail_in", at, "client", words(chance, 4), words(chance, 40), "", "", "", "", ""
        yield ticket, "note", at, "anna", "", words(chance, 15), "", "", "", "", ""


def tag_rows(tickets: int) -> Iterator[Row]:
    chance = Random(9)
    for ticket in range(7, tickets + 1, 7):
        yield ticket, TAGS[_uneven(chance, len(TAGS))]


async def fill_old(base: Bulk, clients: int, tickets: int) -> None:
    """What the version before could have: clients, calls, tickets."""
    await base.fill(ClientTable, CLIENTS, client_rows(clients))
    await base.fill(NumberTable, NUMBERS, number_rows(clients))
    await base.fill(WordTable, WORDS, word_rows(clients))
    await base.fill(CallTable, CALLS, call_rows(clients, tickets))
    await base.fill(TicketTable, TICKETS, ticket_rows(clients, tickets))


def fill_new(connection: Connection, tickets: int) -> None:
    for table, columns, rows in (
        (EntryTable, ENTRIES, entry_rows(tickets)),
        (TagTable, ("ticket_id", "tag"), tag_rows(tickets)),
    ):
        while some := list(islice(rows, 10_000)):
            statement = insert(cast("Table", table.__table__))
            connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in some])


def refine(connection: Connection) -> None:
    """What was not there before: lines, classes, and clocks of what is open."""
    classes = " ".join(f"WHEN {number} THEN '{one}'" for number, one in enumerate(CLASSES))
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    later = "datetime(created_at, '+8 hours') || '.000000'" if sqlite else "created_at + interval '8 hours'"
    changes: dict[str, Any] = {
        "UPDATE tickets SET line = 1 + id % 3, ": "",
        f"classification = CASE id % 20 {classes} ELSE '' END ": "WHERE id % 4 = 0",
    }
    connection.execute(text("".join(f"{change}{where}" for change, where in changes.items())))
    connection.execute(
        text(
            f"UPDATE tickets SET reaction_due_at = {later}, due_at = {later}, alarm_at = {later} "
            "WHERE closed_at IS NULL AND id % 3 > 0"
        )
    )
    if not sqlite:
        for table in ("tickets", "ticket_entries", "client_numbers"):
            last = f"(SELECT max(id) FROM {table})"
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})"))
