"""How long the look-up of who calls takes in a large base: ``ClientDirectory.look_up``, one after another.

On SQLite and, where Docker runs, on PostgreSQL. The time of the clock: reading the number, the way to the
database and back, and the question itself.
"""

import argparse
import asyncio
import gc
import logging
import shutil
import tempfile
import time
from pathlib import Path
from random import Random

import structlog

from bridge.centre.facts import Verdict
from bridge.centre.ids import CallId
from bridge.centre.orders import LookUpClient
from bridge.crm.directory import ClientDirectory
from bridge.store import Store
from tests.bench.base import SHARED, base_at, bulk, fill_clients, is_filled, mobile, unknown
from tests.bench.parts import keep, percentile

CLIENTS, LOOK_UPS, WARM = 1_000_000, 20_000, 500
DATABASES = ("sqlite", "postgresql")


def asked(clients: int, count: int) -> list[tuple[str, Verdict]]:
    """As operators signal them: seven known ones of ten, two unknown, one that two clients have."""
    chance = Random(6)  # the same numbers each time
    found: list[tuple[str, Verdict]] = []
    for place in range(count):
        match place % 10:
            case 0 | 1:
                e164, verdict = unknown(chance.randrange(10_000_000)), Verdict.UNKNOWN
            case 2 if clients >= SHARED:
                e164, verdict = mobile(SHARED * chance.randint(1, clients // SHARED)), Verdict.SEVERAL
            case _:
                client = chance.randint(1, clients)
                e164 = mobile(client)
                shared = client % SHARED == 0 or ((client + 1) % SHARED == 0 and client < clients)
                verdict = Verdict.SEVERAL if shared else Verdict.KNOWN
        found.append((f"8{e164[2:]}" if place % 2 else e164, verdict))
    return found


Spent = tuple[list[float], list[float]]


async def look_up(url: str, clients: int, count: int) -> Spent:
    """Milliseconds of each; and, in the same run, of one question to the empty end of an index."""
    store = await Store.open(url)
    try:
        directory = ClientDirectory(store, lambda trunk: "RU")
        for number, _ in asked(clients, WARM):
            await directory.look_up(LookUpClient(CallId("warm"), number, "lab"))
        gc.collect()
        spent, floor = [], []
        for number, verdict in asked(clients, count):
            order = LookUpClient(CallId("1700000000.1"), number, "lab")
            began = time.perf_counter()
            told = await directory.look_up(order)
            spent.append((time.perf_counter() - began) * 1000)
            if told.verdict is not verdict:
                raise SystemExit(f"{number}: {told.verdict}, not {verdict}")
            began = time.perf_counter()
            await store.read(lambda unit: unit.calls.times("none"))
            floor.append((time.perf_counter() - began) * 1000)
        return spent, floor
    finally:
        await store.close()


async def measure(url: str, clients: int, count: int) -> Spent:
    if not await is_filled(url, clients):
        async with bulk(url) as base:
            await fill_clients(base, clients)
    return await look_up(url, clients, count)


def report(database: str, clients: int, spent: Spent) -> None:
    titles = {
        "look_up": f"look-up in {clients:,} clients, {database}",
        "look_up_floor": "  one empty question",
    }
    for (name, title), times in zip(titles.items(), spent, strict=True):
        p50, p99 = (percentile(times, share) for share in (0.5, 0.99))
        keep({f"{name}_{database}_p50_ms": p50, f"{name}_{database}_p99_ms": p99})
        print(f"{title:50} p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {max(times):.2f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("databases", nargs="*", default=[], metavar="DATABASE", help=", ".join(DATABASES))
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--look-ups", type=int, default=LOOK_UPS)
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
            print(f"{database}: a base of {options.clients:,} clients", flush=True)
            file = (options.keep_in or Path(passing)) / "look_up.db"
            with base_at(database, file, lasting=options.keep_in is not None) as url:
                spent = asyncio.run(measure(url, options.clients, options.look_ups))
            report(database, options.clients, spent)


if __name__ == "__main__":
    main()
