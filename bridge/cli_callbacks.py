"""``callbridge callback`` and ``callbridge outbox``: who is told of calls, and what could not be told."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bridge.cli_recordings import Adds

OK, FINDINGS = 0, 1  # as in cli.py
BY = "command line"  # in the audit log


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: Adds) -> None:
    wants = ("config", "secrets")
    callback = commands.add_parser("callback", help="CRMs that are told of calls").add_subparsers(
        metavar="COMMAND", required=True
    )
    new = add(
        callback,
        "add",
        _add,
        "tell a CRM of calls from now on; a secret that is made up is printed this once",
        "callbridge callback add zammad --format zammad --url 'https://crm.example.org/api/v1/cti/{secret}'",
        wants,
    )
    new.add_argument("name")
    new.add_argument("--url", required=True, help="{secret} in it is where the secret belongs")
    new.add_argument(
        "--format", default="standard", help="standard (default), zammad, sipgate, placetel, bitrix24, voys"
    )
    new.add_argument("--secret-file", type=Path, metavar="FILE", help="what the receiver has given you")
    new.add_argument("--event", action="append", default=[], metavar="KIND", help="call.ended; all if absent")
    new.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the format")
    add(callback, "list", _list, "who is told, and whether he is", "callbridge callback list", ("config",))
    remove = add(
        callback,
        "remove",
        _remove,
        "with all that was to be told to it",
        "callbridge callback remove zammad",
        wants,
    )
    enable = add(
        callback,
        "enable",
        _enable,
        "go on telling one that was switched off, from where that was",
        "callbridge callback enable zammad",
        wants,
    )
    test = add(
        callback,
        "test",
        _test,
        "send a made-up call, and print what comes back; exit code 1 if it is not accepted",
        "callbridge callback test zammad",
        wants,
    )
    for parser in (remove, enable, test):
        parser.add_argument("name")

    outbox = commands.add_parser("outbox", help="what CRMs are still to be told").add_subparsers(
        metavar="COMMAND", required=True
    )
    listed = add(
        outbox,
        "list",
        _outbox_list,
        "the latest first; exit code 1 if anything is dead",
        "callbridge outbox list --state dead",
        ("config",),
    )
    listed.add_argument("--state", help="waiting, delivered, dead or skipped")
    listed.add_argument("--call", help="only of this call")
    listed.add_argument("--limit", type=int, default=50)
    show = add(outbox, "show", _show, "one event as it is kept", "callbridge outbox show 17", ("config",))
    replay = add(
        outbox,
        "replay",
        _replay,
        "tell once more what is dead or was dropped",
        "callbridge outbox replay 17",
        wants,
    )
    drop = add(outbox, "drop", _drop, "do not tell it any more", "callbridge outbox drop 17", wants)
    show.add_argument("event", type=int)
    for parser in (replay, drop):
        parser.add_argument("event", type=int, nargs="*")
    replay.add_argument("--dead", action="store_true", help="all that are dead")


# ── callback ─────────────────────────────────────────────────────────────────


def _add(options: argparse.Namespace) -> int:
    from bridge.callback_administration import add_receiver
    from bridge.errors import BadInput

    named: dict[str, str] = {}
    for option in options.option:
        name, is_said, value = option.partition("=")
        if not is_said:
            raise BadInput(f"--option {option[:40]!r}: write NAME=VALUE")
        named[name] = value
    secret = options.secret_file.read_text().strip() if options.secret_file is not None else ""
    made = asyncio.run(
        add_receiver(
            options.config,
            options.secrets,
            options.name,
            options.format,
            options.url,
            secret=secret,
            events=options.event,
            options=named,
            by=BY,
        )
    )
    print(f"{made.row.name}: {made.row.shown} is told of calls")
    if made.secret:
        print(f"secret, shown this once: {made.secret}")
    return OK


def _list(options: argparse.Namespace) -> int:
    from bridge.callback_administration import receivers

    rows = asyncio.run(receivers(options.config))
    lines = [("NAME", "FORMAT", "HOST", "STATE")]
    lines += [
        (row.name, row.format, row.shown, "active" if row.active else f"off: {row.disabled_reason}")
        for row in rows
    ]
    _table(lines)
    return OK if all(row.active for row in rows) else FINDINGS


def _remove(options: argparse.Namespace) -> int:
    from bridge.callback_administration import remove_receiver

    asyncio.run(remove_receiver(options.config, options.secrets, options.name, by=BY))
    print(f"{options.name}: removed")
    return OK


def _enable(options: argparse.Namespace) -> int:
    from bridge.callback_administration import enable_receiver

    asyncio.run(enable_receiver(options.config, options.secrets, options.name, by=BY))
    print(f"{options.name}: is told of calls again")
    return OK


def _test(options: argparse.Namespace) -> int:
    from bridge.callback_administration import test_receiver

    found = asyncio.run(test_receiver(options.config, options.secrets, options.name))
    for accepted, words in found:
        print(f"{'accepted' if accepted else 'NOT accepted'}: {words}")
    return OK if all(accepted for accepted, _ in found) else FINDINGS


# ── outbox ───────────────────────────────────────────────────────────────────


def _outbox_list(options: argparse.Namespace) -> int:
    from bridge.callback_administration import outbox_rows

    rows, names = asyncio.run(
        outbox_rows(options.config, options.state, options.call, max(1, min(options.limit, 500)))
    )
    lines = [("EVENT", "STATE", "TRIES", "TO", "KIND", "CALL", "LAST")]
    lines += [
        (
            str(row.seq),
            row.state,
            str(row.tries),
            names.get(row.subscription, "?"),
            row.kind,
            row.call,
            row.last_error[:80],
        )
        for row in rows
    ]
    _table(lines)
    return FINDINGS if any(row.state == "dead" for row in rows) else OK


def _show(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from bridge.callback_administration import outbox_row

    row = asyncio.run(outbox_row(options.config, options.event))
    for name, value in asdict(row).items():
        print(f"{name:<12} {'–' if value is None else value}")
    return OK


def _replay(options: argparse.Namespace) -> int:
    from bridge.callback_administration import replay_events

    events = asyncio.run(
        replay_events(options.config, options.secrets, options.event, dead=options.dead, by=BY)
    )
    print(f"{len(events)} will be told once more")
    return OK


def _drop(options: argparse.Namespace) -> int:
    from bridge.callback_administration import drop_events

    events = asyncio.run(drop_events(options.config, options.secrets, options.event, by=BY))
    print(f"{len(events)} dropped")
    return OK


def _table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells: list[Any] = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())
