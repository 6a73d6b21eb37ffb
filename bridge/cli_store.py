"""``callbridge migrate``: the database brought to this version's schema, as `run` does it at its start."""

import argparse
import asyncio

from bridge.cli_recordings import OK, Adds


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: Adds) -> None:
    migrate = add(
        commands,
        "migrate",
        _migrate,
        "bring the database to this version's schema, as `run` does at its start, and say how far it is",
        "callbridge migrate --dry-run",
        ("config",),
    )
    migrate.add_argument("--dry-run", action="store_true", help="only say what would be done, and how long")


def _migrate(options: argparse.Namespace) -> int:
    from bridge.administration import migrate, migrations

    if options.dry_run:
        steps = asyncio.run(migrations(options.config))
        for step in steps:
            print(step)
        if not steps:
            print("nothing is to be done: the schema is this version's, or there is no database yet")
        return OK
    asyncio.run(migrate(options.config, lambda message: print(message, flush=True)))
    print("the schema is this version's")
    return OK
