"""The store: history and what people keep. It owns every table and query; nobody else knows SQL.

store = await Store.open("sqlite+aiosqlite:////var/lib/callbridge/callbridge.db")
async with store.unit() as unit:        # one transaction: commit on leaving, rollback on an exception
    client = await unit.clients.get(7)
async with store.view() as unit:        # the same, but it may only read: never waits for a writer
    ...
await store.write(lambda unit: unit.calls.save(record))  # a unit in one go: for what every call writes
"""

from bridge.store.journal import FileJournal
from bridge.store.store import Store
from bridge.store.unit import SyncUnit, Unit

__all__ = ["FileJournal", "Store", "SyncUnit", "Unit"]
