"""Databases of the present schema, migrated once and then copied: for tests that are not about migrating."""

import tempfile
from pathlib import Path

import asyncpg

from bridge.store import Store

_TEMPLATE = "callbridge_template"  # on PostgreSQL
_file: list[bytes] = []
_servers: set[str] = set()


async def fill_sqlite(file: Path) -> str:
    """Where no database is yet; its URL."""
    if not _file:
        with tempfile.TemporaryDirectory() as directory:
            made = Path(directory) / "callbridge.db"
            await (await Store.open(f"sqlite+aiosqlite:///{made}")).close()
            assert [one.name for one in made.parent.iterdir()] == [made.name], "all of it is in one file"
            _file.append(made.read_bytes())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_file[0])
    return f"sqlite+aiosqlite:///{file}"


async def fill_postgresql(server: str, name: str) -> None:
    """In the place of the empty database of that name."""
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        if server not in _servers:
            await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            await (await Store.open(f"{server}/{_TEMPLATE}")).close()
            _servers.add(server)
        await connection.execute(f"DROP DATABASE {name}")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    finally:
        await connection.close()
