"""Tickets beside the clients of base.py, for measuring: as an older version left them, then what is new.

A fiftieth is open, most of these are the latest. Departments, agents, words and priorities are as uneven as
they are in life: the first has most of it. It is the same base each time.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, cast

from sqlalchemy import Connection, Table, insert, text

from bridge.store.calls import CallTable
from bridge.store.client_sources import ClientSourceTable
from bridge.store.client_tables import ClientTable, NumberTable, WordTable
from bridge.store.client_tags import ClientTagTable
from bridge.store.legs import LegTable
from bridge.store.recordings import RecordingTable
from bridge.store.tables import Base
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
LEGS = ("id", "call_id", "kind", "agent", "created_at", "ringing_at", "answered_at", "ended_at")
RECORDINGS = (
    *("id", "call_id", "ticket_id", "state", "file", "bytes", "duration_ms", "sample_rate", "channels"),
    *("sha256", "fault", "created_at", "attached_at"),
)
SOURCES = ("source", "external_id", "client_id", "url", "given", "fetched_at")


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


def regular(client: int) -> bool:
    """Of whom all is known that can be: recordings, a directory's page of him, tags, own fields."""
    return client % 10 == 0


def leg_rows(clients: int, tickets: int) -> Iterator[Row]:
    for ticket in range(1, tickets + 1):
        if not regular(1 + ticket % clients):
            continue
        call, at = f"16{ticket:08d}.1", at_of(ticket, tickets)
        answered, over = at + timedelta(seconds=9), at + timedelta(seconds=200)
        yield f"{call}-1", call, "client", None, at, None, at, over
        yield f"{call}-2", call, "agent", AGENTS[ticket % len(AGENTS)], at, at, answered, over


def recording_rows(clients: int, tickets: int) -> Iterator[Row]:
    for ticket in range(1, tickets + 1):
        if not regular(1 + ticket % clients):
            continue
        name, call = f"16{ticket:08d}.1-a", f"16{ticket:08d}.1"
        at = at_of(ticket, tickets) + timedelta(seconds=9)
        yield (
            name,
            call,
            ticket,
            "attached",
            f"{name}.ogg",
            3_056_000,
            191_000,
            16_000,
            2,
            "0" * 64,
            "",
            at,
            at,
        )


def source_rows(clients: int) -> Iterator[Row]:
    for client in range(10, clients + 1, 10):
        given = json.dumps({"name": name_of(client), "tier": "gold"})
        yield (
            "crm",
            f"contact-{client}",
            client,
            f"http://crm.example/{client}",
            given,
            at_of(client, clients),
        )


def client_tag_rows(clients: int) -> Iterator[Row]:
    for client in range(10, clients + 1, 10):
        for place in range(3):
            yield client, TAGS[(client // 10 + 7 * place) % len(TAGS)]


def fill_new(connection: Connection, clients: int, tickets: int) -> None:
    _fill(connection, EntryTable, ENTRIES, entry_rows(tickets))
    _fill(connection, TagTable, ("ticket_id", "tag"), tag_rows(tickets))
    fill_regulars(connection, clients, tickets)


def fill_regulars(connection: Connection, clients: int, tickets: int) -> None:
    fields = _fields(
        connection,
        {
            "contract": "'C' || id",
            "segment": "'segment ' || (id / 10 % 9)",
            "habits": "'calls often' || NEWLINE || 'wants to be called back'",
        },
    )
    connection.execute(text(f"UPDATE clients SET fields = {fields} WHERE id % 10 = 0"))
    _fill(connection, LegTable, LEGS, leg_rows(clients, tickets))
    _fill(connection, RecordingTable, RECORDINGS, recording_rows(clients, tickets))
    _fill(connection, ClientSourceTable, SOURCES, source_rows(clients))
    _fill(connection, ClientTagTable, ("client_id", "tag"), client_tag_rows(clients))


def fill_own_fields(connection: Connection) -> None:
    """Every other ticket has four, a serial number of its own among them."""
    fields = _fields(
        connection,
        {
            "serial": "'SN' || (CAST(id AS bigint) * 7919)",
            "make": "CASE WHEN id % 1000 = 0 THEN 'rare make' ELSE 'make ' || (id / 2 % 7) END",
            "parts": "'part ' || (id / 2 % 5) || NEWLINE || 'part ' || (5 + id / 2 % 3)",
            "floor": "CAST(id / 2 % 40 AS text)",
        },
    )
    connection.execute(text(f"UPDATE tickets SET fields = {fields} WHERE id % 2 = 0"))


def _fields(connection: Connection, values: dict[str, str]) -> str:
    """The JSON that the database makes of these expressions."""
    sqlite = connection.dialect.name == "sqlite"
    pairs = ", ".join(f"'{key}', {value}" for key, value in values.items())
    pairs = pairs.replace("NEWLINE", "char(10)" if sqlite else "chr(10)")
    return f"json_object({pairs})" if sqlite else f"CAST(jsonb_build_object({pairs}) AS text)"


def _fill(connection: Connection, of: type[Base], columns: Sequence[str], rows: Iterator[Row]) -> None:
    statement = insert(cast("Table", of.__table__))
    while some := list(islice(rows, 10_000)):
        connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in some])


def refine(connection: Connection) -> None:
    """What was not there before: lines, classes, own fields, and clocks of what is open."""
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
    fill_own_fields(connection)
    if not sqlite:
        for table in ("tickets", "ticket_entries", "client_numbers"):
            last = f"(SELECT max(id) FROM {table})"
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})"))
