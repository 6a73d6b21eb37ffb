"""Recordings and audit entries as far as somebody's reach goes, and no further."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre.ids import AgentId, QueueName
from bridge.store import Store
from bridge.store.reach import Reach

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
# call → its queue, who took it, whose phone rang besides
CALLS = {
    "1.1": ("support", "1001", "1002"),
    "1.2": ("sales", "1002", None),
    "1.3": ("sales", "1001", None),
    "1.4": (None, "1003", None),
    "1.5": ("support", None, None),
}


@pytest.fixture
async def books(store: Store, make_ended, make_leg) -> Store:
    async with store.unit() as unit:
        for place, (call, (queue, agent, rang)) in enumerate(CALLS.items()):
            record = make_ended(call)
            legs = [record.legs[0]]
            legs += [
                replace(make_leg(call, record.legs[1].kind, number), agent=AgentId(one))
                for number, one in enumerate((agent, rang), start=1)
                if one
            ]
            record = replace(
                record,
                queue=QueueName(queue) if queue else None,
                agent=AgentId(agent) if agent else None,
                legs=tuple(legs),
            )
            await unit.calls.save(record)
            at = NOW + timedelta(minutes=place)
            await unit.recordings.note(f"{call}-rec-1", call, at)
            await unit.audit.note(
                by="chief", action="recording.listen", about=f"{call}-rec-1", call=call, at=at
            )
        outside = replace(make_ended("1.4"), queue=None, agent=AgentId("1003"), legs=())
        ticket = await unit.tickets.open_for_call(outside, "Printer", "support")
        await unit.tickets.update(ticket.id, assignee="1001")
        at = NOW + timedelta(hours=1)
        await unit.audit.note(by="boss", action="listen", about="1003", call="unknown", at=at)
    return store


@pytest.mark.parametrize(
    ("reach", "calls"),
    [
        (Reach(), set()),
        (Reach(frozenset({"support"})), {"1.1", "1.5"}),
        (Reach(frozenset({"support", "sales"})), {"1.1", "1.2", "1.3", "1.5"}),
        (Reach(agents=frozenset({"1002"})), {"1.1", "1.2"}),  # 1.1 only rang her
        (Reach(agents=frozenset({"1003"})), {"1.4"}),
        (Reach(assignee="1001"), {"1.4"}),
        (Reach(frozenset({"sales"}), frozenset({"1003"}), "1001"), {"1.2", "1.3", "1.4"}),
        (Reach(frozenset({"nothing"}), frozenset({"9999"}), "9999"), set()),
    ],
)
async def test_recordings_within_a_reach(books: Store, reach: Reach, calls: set[str]) -> None:
    async with books.view() as unit:
        found = [row.call for row in (await unit.recordings.page(None, 50, within=reach)).items]
        assert len(found) == len(set(found))
        assert set(found) == calls
        assert found == sorted(found, reverse=True), "the latest first"
        one_by_one, cursor = [], None
        for _ in calls:
            page = await unit.recordings.page(cursor, 1, within=reach)
            one_by_one += [row.call for row in page.items]
            cursor = page.cursor
        assert (one_by_one, cursor) == (found, None)


@pytest.mark.parametrize(
    ("reach", "by", "abouts"),
    [
        (Reach(), None, set()),
        (Reach(frozenset({"sales"})), None, {"1.2-rec-1", "1.3-rec-1"}),
        (Reach(agents=frozenset({"1003"})), None, {"1.4-rec-1", "1003"}),
        (Reach(), "boss", {"1003"}),
        (Reach(frozenset({"sales"})), "boss", {"1.2-rec-1", "1.3-rec-1", "1003"}),
    ],
)
async def test_audit_entries_within_a_reach(
    books: Store, reach: Reach, by: str | None, abouts: set[str]
) -> None:
    async with books.view() as unit:
        found = [row.about for row in (await unit.audit.page(within=reach, or_by=by)).items]
        everything = [row.about for row in (await unit.audit.page()).items]
        both = await unit.audit.page(within=reach, or_by=by, call="1.2")
    assert len(found) == len(set(found))
    assert set(found) == abouts
    assert len(everything) == len(CALLS) + 1
    assert {row.about for row in both.items} == abouts & {"1.2-rec-1"}
