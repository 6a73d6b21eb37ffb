"""What it costs to bring in a CSV file of clients, broken lines among them, and a dry run over it.

Into SQLite, by what `callbridge import` uses. The time of the clock, and the most memory of this process.
"""

import argparse
import asyncio
import logging
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from bridge.crm.clients_csv import open_clients
from bridge.crm.importer import import_clients
from bridge.store import Store
from tests.bench.base import company_of, mobile, name_of
from tests.bench.parts import Figures, keep

LINES = 100_000
BROKEN = 1_000  # every so many-th line


def lines(count: int) -> Iterator[str]:
    yield "name;company;numbers;emails;language;tier;notes\n"
    for client in range(1, count + 1):
        if client % BROKEN == 0:
            yield f'"broken {client};+7916\n'
            continue
        number = mobile(client)
        numbers = f"8 {number[2:5]} {number[5:8]}-{number[8:]}|+7495{client % 10_000_000:07d}"
        who = f"{name_of(client)};{company_of(client)}"
        yield f"{who};{numbers};c{client}@example.org;ru;gold;call after ten\n"


async def bring(url: str, file: Path, count: int, *, dry_run: bool) -> float:
    """Lines a second."""
    refused: list[int] = []
    store = await Store.open(url)
    began = time.monotonic()
    with open_clients(file) as text:
        report = await import_clients(
            store,
            text,
            "RU",
            lambda counts: None,
            refuse=lambda refusal: refused.append(refusal.line),
            dry_run=dry_run,
        )
    spent = time.monotonic() - began
    await store.close()
    assert len(refused) == count // BROKEN, "each broken line is refused for itself"
    counts = f"{report.added:,} added, {report.unchanged:,} as they were, {report.refusals:,} refused"
    print(f"  {'dry run over it' if dry_run else 'brought in'}: {spent:.1f} s, {counts}", flush=True)
    return count / spent


async def measure(directory: Path, count: int) -> Figures:
    file, url = directory / "clients.csv", f"sqlite:///{directory / 'clients.db'}"
    with file.open("w", encoding="utf-8") as text:
        text.writelines(lines(count))
    print(f"{count:,} lines, {file.stat().st_size / 1e6:.0f} MB", flush=True)
    figures: Figures = {
        "csv_lines_per_s": await bring(url, file, count, dry_run=False),
        "csv_dry_lines_per_s": await bring(url, file, count, dry_run=True),
        "csv_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=LINES)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as passing:
        figures = asyncio.run(measure(Path(passing), options.lines))
    for name, value in figures.items():
        print(f"  {name}: {value:,.0f}")
    keep(figures)


if __name__ == "__main__":
    main()
