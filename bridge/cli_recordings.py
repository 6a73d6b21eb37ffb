"""``callbridge recordings``: what an engineer does with recordings at rest, and what he is told of it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

OK, FINDINGS = 0, 1  # as in cli.py
_BAR = 30


class Adds(Protocol):
    """Adds a command: its name, what it does, its help, an example, and the files that it wants."""

    def __call__(
        self,
        commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
        name: str,
        command: Any,
        help_: str,
        example: str,
        wants: Sequence[str],
    ) -> argparse.ArgumentParser: ...


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: Adds) -> None:
    recordings = commands.add_parser(
        "recordings", help="recordings at rest: their key, compression, retention, checks"
    ).add_subparsers(metavar="COMMAND", required=True)
    new_key = add(
        recordings,
        "new-key",
        _new_key,
        "write a key to encrypt recordings with, where recordings.key_file says; never over another one",
        "callbridge recordings new-key",
        ("config",),
    )
    new_key.add_argument("--output", type=Path, metavar="FILE", help="write it here instead")
    add(
        recordings,
        "compress",
        _compress,
        "encrypt and compress now what is due, also what failed before; may run beside the service",
        "callbridge recordings compress",
        ("config",),
    )
    retain = add(
        recordings,
        "retain",
        _retain,
        "remove the files of recordings whose time is over, as the service does once a day",
        "callbridge recordings retain --dry-run",
        ("config",),
    )
    retain.add_argument("--dry-run", action="store_true", help="only show what would go")
    add(
        recordings,
        "verify",
        _verify,
        "compare each recording with its checksum, listen to its pauses; exit code 1 if anything is wrong",
        "callbridge recordings verify",
        ("config",),
    )


def _new_key(options: argparse.Namespace) -> int:
    from bridge.administration import new_recordings_key

    path, public = new_recordings_key(options.config, options.output)
    print(f"{path}: written, for its owner only; public key {public}")
    print("Keep a copy of it elsewhere: without it no recording made from now on can ever be opened.")
    return OK


def _compress(options: argparse.Namespace) -> int:
    from bridge.administration import compress_recordings

    bar = _Bar()
    try:
        report = asyncio.run(compress_recordings(options.config, bar.show))
    finally:
        bar.clear()
    print(f"{report.done} done, {report.failed} failed, {_size(report.saved)} saved")
    return FINDINGS if report.failed else OK


def _retain(options: argparse.Namespace) -> int:
    from bridge.administration import due_recordings, retain_recordings

    if options.dry_run:
        due = asyncio.run(due_recordings(options.config))
        lines = [("QUEUE", "RECORDINGS", "SIZE", "OLDEST")] + [
            (row.queue or "–", str(row.recordings), _size(row.bytes), f"{row.oldest:%Y-%m-%d}") for row in due
        ]
        width = max(len(line[0]) for line in lines)
        for queue, count, size, oldest in lines:
            print(f"{queue:<{width}}  {count:>10}  {size:>10}  {oldest}")
        print(f"{sum(row.recordings for row in due)} would be removed; nothing was")
        return OK
    removed = asyncio.run(retain_recordings(options.config))
    for reason in removed.failed:
        print(reason, file=sys.stderr)
    print(f"{removed.recordings} removed ({_size(removed.bytes)}), {len(removed.failed)} failed")
    return FINDINGS if removed.failed else OK


def _verify(options: argparse.Namespace) -> int:
    from bridge.administration import verify_recordings

    bar = _Bar()
    try:
        looked_at, findings = asyncio.run(verify_recordings(options.config, bar.show))
    finally:
        bar.clear()
    for finding in findings:
        print(finding)
    print(f"{looked_at} looked at, {len(findings)} with something wrong")
    return FINDINGS if findings else OK


class _Bar:
    """On a terminal only."""

    def show(self, done: int, total: int) -> None:
        if sys.stderr.isatty() and total:
            filled = "#" * (_BAR * done // total)
            print(f"\r[{filled:<{_BAR}}] {done}/{total} ", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if sys.stderr.isatty():
            print(f"\r{'':<{_BAR + 30}}\r", end="", file=sys.stderr, flush=True)


def _size(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
