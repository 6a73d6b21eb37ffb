"""The audit log on both databases: kept once, read latest first, and changed by nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bridge.errors import CallbridgeError
from bridge.store import Store

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


async def test_entry_is_kept_once_and_read_latest_first(store: Store) -> None:
    for _ in range(2):  # an order may come twice
        async with store.unit() as unit:
            await unit.audit.note(by="agent 1003", action="listen", about="1001", call="17.1", at=NOW)
    async with store.unit() as unit:
        later = NOW + timedelta(seconds=1)
        await unit.audit.note(by="agent 1003", action="whisper", about="1002", call="17.2", at=later)
    async with store.view() as unit:
        first = await unit.audit.page(limit=1)
        second = await unit.audit.page(first.cursor, 1)
        of_call = await unit.audit.page(call="17.1")
        of_agent = await unit.audit.page(about=["1002"])
    assert [(row.action, row.about, row.at) for row in first.items] == [("whisper", "1002", later)]
    assert [(row.action, row.about, row.at) for row in second.items] == [("listen", "1001", NOW)]
    assert second.cursor is None
    assert of_call.items == second.items
    assert of_agent.items == first.items


@pytest.mark.parametrize("statement", ["UPDATE audit SET by = 'nobody'", "DELETE FROM audit"])
async def test_nobody_changes_it(store: Store, statement: str) -> None:
    async with store.unit() as unit:
        await unit.audit.note(by="agent 1003", action="listen", about="1001", at=NOW)
    statement = statement.replace(" by ", ' "by" ')
    with pytest.raises(CallbridgeError):
        async with store.unit() as unit:
            await unit.audit._session.execute(text(statement))
    async with store.view() as unit:
        assert [row.by for row in (await unit.audit.page()).items] == ["agent 1003"]
