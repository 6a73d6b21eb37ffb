"""What tickets cost in a large base: the way there from the version before, start, cards, lists, search.

On SQLite and, where Docker runs, on PostgreSQL. The time of the clock, one after another.
"""

import argparse
import asyncio
import gc
import json
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import structlog

from bridge.centre.ids import AgentId, CallId
from bridge.centre.orders import CallRecord
from bridge.crm.cards import card_of
from bridge.crm.tickets import CallTickets, open_ticket
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import migrate
from bridge.store.ticket_query import FieldTest, TicketOrder, TicketQuery
from bridge.store.ticket_rows import NewEntry
from bridge.store.ticket_search import AT_ONCE
from tests.bench.base import base_at, bulk, mobile
from tests.bench.parts import keep, percentile
from tests.bench.ticket_base import (
    AGENTS,
    BEGIN,
    DEPARTMENTS,
    SPAN,
    TAGS,
    VOCABULARY,
    fill_new,
    fill_old,
    refine,
    regular,
)

CLIENTS, TICKETS, TIMES = 1_000_000, 5_000_000, 300
DATABASES = ("sqlite", "postgresql")
BEFORE = "0010"  # the schema that the base is made in
Do = Callable[[Random], Awaitable[object]]


async def make_base(url: str, clients: int, tickets: int) -> dict[str, float]:
    """The base, and in seconds what it took to bring it here from the schema before."""
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(migrate, BEFORE)
    await engines.dispose()
    async with bulk(url) as base:
        await fill_old(base, clients, tickets)
    began = time.monotonic()
    store = await Store.open(url)
    found = {"migration_s": time.monotonic() - began}
    print(f"  migration: {found['migration_s']:.1f} s", flush=True)
    await store.close()
    # Each ticket is changed at once, as none is in life: no index shall be the size of before and after.
    async with bulk(url) as base, base.unindexed("tickets"), base.unindexed("ticket_field_values"):
        engines = await open_engines(url)
        async with engines.writer.begin() as connection:
            await connection.run_sync(fill_new, clients, tickets)
            await connection.run_sync(refine)
        await engines.dispose()
    async with bulk(url) as base, base.unindexed("ticket_words"):
        found |= await index_words(url)
    return found


async def index_words(url: str) -> dict[str, float]:
    """All tickets' full text. PostgreSQL's index of the words is made by who calls this, and not counted."""
    store = await Store.open(url)
    began, done, longest = time.monotonic(), 0, 0.0
    while True:
        since = time.monotonic()
        some = await store.write(lambda unit: unit.ticket_search.catch_up(AT_ONCE))
        longest = max(longest, time.monotonic() - since)
        done += some
        if some < AT_ONCE:
            break
        if done % 500_000 == 0:
            print(f"  full text: {done:,} in {time.monotonic() - began:.0f} s …", flush=True)
    found = {"full_text_s": time.monotonic() - began, "full_text_batch_ms": longest * 1000}
    print(
        f"  full text: {done:,} in {found['full_text_s']:.1f} s, longest batch {longest * 1000:.0f} ms",
        flush=True,
    )
    await store.close()
    return found


# ── what is measured ─────────────────────────────────────────────────────────


def lists(store: Store, tickets: int) -> dict[str, Do]:
    """Each list on its first page and on one further on."""
    some = frozenset(DEPARTMENTS[2:9:2])
    rare = frozenset(DEPARTMENTS[-1:])
    states = frozenset({"open", "in_progress"})

    def query(chance: Random) -> dict[str, TicketQuery]:
        agent = frozenset({chance.choice(AGENTS)})
        day = BEGIN + SPAN * chance.random()
        whole = TicketQuery(departments=some, statuses=states, lines=frozenset({1, 2}))
        number = chance.randint(1, tickets // 2)
        return {
            "newest of all": TicketQuery(),
            "4 departments, newest": TicketQuery(departments=some),
            "4 departments, last changed": TicketQuery(departments=some, order=TicketOrder.UPDATED),
            "4 departments, by priority": TicketQuery(departments=some, order=TicketOrder.PRIORITY),
            "rare department, last changed": TicketQuery(departments=rare, order=TicketOrder.UPDATED),
            "rare department and status": TicketQuery(departments=rare, statuses=frozenset({"in_progress"})),
            "open, of 4 departments": TicketQuery(departments=some, closed=False),
            "open, last changed": TicketQuery(departments=some, closed=False, order=TicketOrder.UPDATED),
            "open, by priority": TicketQuery(departments=some, closed=False, order=TicketOrder.PRIORITY),
            "open, what is due first": TicketQuery(departments=some, closed=False, order=TicketOrder.DUE),
            "open, waiting": TicketQuery(
                departments=some, closed=False, order=TicketOrder.WAITING, waits_since_before=day
            ),
            "open of one agent": TicketQuery(assignees=agent, closed=False, order=TicketOrder.DUE),
            "one agent, last changed": TicketQuery(assignees=agent, order=TicketOrder.UPDATED),
            "statuses, lines, departments": whole,
            "all of these, a tag, by priority": replace(
                whole, tags=frozenset({chance.choice(TAGS)}), order=TicketOrder.PRIORITY
            ),
            "unassigned, open, a class": replace(
                whole, unassigned=True, closed=False, classes=frozenset({"hardware"})
            ),
            "one day": TicketQuery(
                departments=some, created_from=day, created_before=day + timedelta(days=1)
            ),
            "overdue": TicketQuery(departments=some, due_before=day, order=TicketOrder.DUE),
            "a serial number": TicketQuery(fields=(FieldTest("serial", f"SN{2 * number * 7919}"),)),
            "a rare make, open": TicketQuery(fields=(FieldTest("make", "rare make"),), closed=False),
            "4 departments, a make and a part": TicketQuery(
                departments=some, fields=(FieldTest("make", "make 3"), FieldTest("parts", "part 6"))
            ),
            "open, a make on one floor, due first": TicketQuery(
                departments=some,
                closed=False,
                fields=(FieldTest("make", "make 3"), FieldTest("floor", str(number % 40))),
                order=TicketOrder.DUE,
            ),
        }

    def asking(name: str) -> Do:
        async def ask(chance: Random) -> None:
            wanted = query(chance)[name]
            async with store.view() as unit:
                page = await unit.ticket_lists.page(wanted, None, 50)
                if page.cursor is not None and chance.random() < 0.5:
                    await unit.ticket_lists.page(wanted, page.cursor, 50)

        return ask

    def counting(name: str) -> Do:
        async def count(chance: Random) -> None:
            async with store.view() as unit:
                await unit.ticket_lists.count(query(chance)[name])

        return count

    names = list(query(Random(0)))
    counts = ("open, of 4 departments", "statuses, lines, departments", "4 departments, newest")
    return {
        **{f"list: {name}": asking(name) for name in names},
        **{f"count: {name}": counting(name) for name in counts},
    }


def searches(store: Store, clients: int) -> dict[str, Do]:
    some = frozenset(DEPARTMENTS[2:9:2])

    def asking(text_of: Callable[[Random], str]) -> Do:
        async def ask(chance: Random) -> None:
            async with store.view() as unit:
                await unit.ticket_lists.page(TicketQuery(departments=some, text=text_of(chance)), None, 50)

        return ask

    return {
        "search: a frequent word": asking(lambda chance: chance.choice(VOCABULARY[:20])),
        "search: a rare word": asking(lambda chance: chance.choice(VOCABULARY[1000:])),
        "search: two words": asking(
            lambda chance: f"{chance.choice(VOCABULARY[:300])} {chance.choice(VOCABULARY[:300])}"
        ),
        "search: three letters": asking(lambda chance: chance.choice(VOCABULARY)[:3]),
        "search: a number": asking(lambda chance: mobile(chance.randint(1, clients))),
        "search: half a number": asking(lambda chance: mobile(chance.randint(1, clients))[:7]),
    }


def single(store: Store, clients: int, tickets: int) -> dict[str, Do]:
    made = iter(range(10**9))

    async def look_up(chance: Random) -> None:
        number = mobile(chance.randint(1, clients))
        await store.read(lambda unit: unit.clients.names_by_e164(number))

    async def card(chance: Random) -> None:
        await card_of(store, CallId(f"16{chance.randint(1, tickets):08d}.1"))

    async def card_of_a_regular(chance: Random) -> None:
        """Its agent talks with the client: so it is asked too which of the tickets he has talked about."""
        ticket = 10 * chance.randint(1, tickets // 10) - 1
        shown = await card_of(
            store, CallId(f"16{ticket:08d}.1"), AgentId(AGENTS[chance.randrange(len(AGENTS))])
        )
        client = shown.client
        assert client is not None
        assert all((regular(client.id), client.fields, client.tags, shown.sources, shown.contacts))

    async def by_hand(chance: Random) -> None:
        async with store.unit() as unit:
            await unit.tickets.create(
                source="web",
                fields={
                    "client": chance.randint(1, clients),
                    "subject": f"{VOCABULARY[chance.randrange(1000)]} does not work",
                    "department": chance.choice(DEPARTMENTS),
                },
                by="anna",
                at=datetime.now(UTC),
            )

    of_calls = CallTickets(lambda queue: queue or "Department 1")

    async def by_call(chance: Random) -> None:
        number = mobile(chance.randint(1, clients))
        record = CallRecord(
            CallId(f"{time.time():.0f}.{next(made)}-{secrets.token_hex(2)}"),
            number,
            number,
            "",
            withheld=False,
            dialled="+74950000001",
            trunk="lab",
            direction="in",
            offered_at=datetime.now(UTC),
            queue=None,
        )
        await store.write(lambda unit: open_ticket(unit, record, of_calls))

    async def change(chance: Random) -> None:
        async with store.unit() as unit:
            await unit.tickets.change(
                chance.randint(1, tickets),
                if_version=None,
                fields={"solution": f"restarted {chance.random()}"},
                by="anna",
                at=datetime.now(UTC),
            )

    async def append(chance: Random) -> None:
        async with store.unit() as unit:
            entry = NewEntry("note", "anna", datetime.now(UTC), body="it does not work again " * 20)
            await unit.entries.append(chance.randint(1, tickets), entry)

    return {
        "client looked up": look_up,
        "card": card,
        "card of a regular": card_of_a_regular,
        "ticket by hand": by_hand,
        "ticket by a call": by_call,
        "ticket changed": change,
        "note added": append,
    }


async def measure(url: str, clients: int, tickets: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of each."""
    began = time.perf_counter()
    store = await Store.open(url)
    found = {"start": [(time.perf_counter() - began) * 1000]}
    print(f"  start: {found['start'][0]:.0f} ms", flush=True)
    try:
        work = lists(store, tickets) | searches(store, clients) | single(store, clients, tickets)
        for name, do in work.items():
            for _ in range(10):
                await do(Random(1))
            gc.collect()
            chance, spent = Random(3), []
            for _ in range(times):
                since = time.perf_counter()
                await do(chance)
                spent.append((time.perf_counter() - since) * 1000)
            found[name] = spent
            show(name, spent)
    finally:
        await store.close()
    return found


def show(name: str, spent: list[float]) -> None:
    p50, p99 = (percentile(spent, share) for share in (0.5, 0.99))
    print(f"  {name:42} p50 {p50:8.2f} ms   p99 {p99:8.2f} ms   longest {max(spent):8.2f} ms", flush=True)


def made(url: str, told: Path, clients: int, tickets: int) -> dict[str, float]:
    """What making the base has cost, now or when it was made: ``told`` keeps that, once it is whole."""
    if told.exists():
        figures: dict[str, float] = json.loads(told.read_text())
        print(f"  made before: {', '.join(f'{name} {value:.1f}' for name, value in figures.items())}")
        return figures
    figures = asyncio.run(make_base(url, clients, tickets))
    told.write_text(json.dumps(figures))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("databases", nargs="*", default=[], metavar="DATABASE", help=", ".join(DATABASES))
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--tickets", type=int, default=TICKETS)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument(
        "--keep-in",
        type=Path,
        help="a directory: SQLite's base stays there for another time, PostgreSQL's in a volume",
    )
    options = parser.parse_args()
    wanted = options.databases or [one for one in DATABASES if one == "sqlite" or shutil.which("docker")]
    if strange := set(wanted) - set(DATABASES):
        parser.error(f"{', '.join(sorted(strange))}: there are only {', '.join(DATABASES)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as passing:
        for database in wanted:
            print(f"{database}: {options.clients:,} clients, {options.tickets:,} tickets", flush=True)
            directory = options.keep_in or Path(passing)
            with base_at(database, directory / "tickets.db", lasting=options.keep_in is not None) as url:
                figures = made(url, directory / f"tickets-{database}.json", options.clients, options.tickets)
                found = asyncio.run(measure(url, options.clients, options.tickets, options.times))
            for name, spent in found.items():
                key = "".join(mark if mark.isalnum() else "_" for mark in name)
                figures |= {f"{key}_p50_ms": percentile(spent, 0.5), f"{key}_p99_ms": percentile(spent, 0.99)}
            keep({f"tickets_{database}_{name}": value for name, value in figures.items()})


if __name__ == "__main__":
    main()
