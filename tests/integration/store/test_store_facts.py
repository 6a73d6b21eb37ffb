"""The fact log on both databases: append-only, in order, harmless when repeated."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.centre.facts import (
    CallOffered,
    ClientIdentified,
    ClientRef,
    FailureReason,
    LegEnded,
    OrderFailed,
    PlanLoaded,
    Timer,
    TimerFired,
    TimerKind,
    Verdict,
)
from bridge.centre.ids import AgentId, CallId, ClientId, Endpoint, LegId, MenuName, QueueName
from bridge.centre.plan import Agent, Member, Menu, Plan, Queue, ToHangUp, ToQueue
from bridge.engine.logged import logged
from bridge.engine.ports import LoggedFact, StampedFact
from bridge.errors import CallbridgeError
from bridge.store import FileJournal, Store

AT = datetime(2025, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
CALL = CallId("1700000000.1")
FACTS = (
    CallOffered(CALL, LegId(CALL), "+7916", "Анна \0\ud800", "+7495", "lab"),
    ClientIdentified(
        CALL, Verdict.KNOWN, "+7916", (ClientRef(ClientId(7), "Анна", "gold"),), AgentId("1001"), AT
    ),
    OrderFailed(CALL, "Play", FailureReason.GONE, "404"),
    TimerFired(Timer(TimerKind.MENU, CALL)),
    LegEnded(CALL, LegId(CALL), 16, 200),
)


def kept(facts: tuple, first: int = 1, run: str = "run") -> list[LoggedFact]:  # type: ignore[type-arg]
    return [
        logged(run, StampedFact(first + n, AT + timedelta(milliseconds=n), fact))
        for n, fact in enumerate(facts)
    ]


async def test_facts_come_back_in_order_with_their_fields(store: Store) -> None:
    await store.append(kept(FACTS))
    await store.append([])
    async with store.view() as unit:
        rows = await unit.facts.since(0, 100)
        of_call = await unit.facts.of_call(CALL)
        assert await unit.facts.since(rows[2].id, 100) == rows[3:]
        assert await unit.facts.since(2**80, 1) == []
        assert await unit.facts.last_id() == rows[-1].id
    some = await store.write(lambda unit: unit.facts.of_call(CALL, ("LegEnded", "CallOffered")))
    assert some == [rows[0], rows[4]]
    assert [row.type for row in rows] == [type(fact).__name__ for fact in FACTS]
    assert [row.id for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].at == AT
    assert rows[0].body["name"] == "Анна ?"
    assert rows[1].body == {
        "call": CALL,
        "verdict": "known",
        "e164": "+7916",
        "clients": [{"id": 7, "name": "Анна", "tier": "gold"}],
        "last_agent": "1001",
        "last_at": "2025-03-01T09:00:00.123456Z",
        "more": False,
    }
    assert rows[3].body == {"timer": {"kind": "menu", "owner": CALL}}
    assert [row.type for row in of_call] == ["CallOffered", "ClientIdentified", "OrderFailed", "LegEnded"]


async def test_a_repeated_append_adds_nothing(store: Store) -> None:
    await store.append(kept(FACTS))
    await store.append(kept(FACTS))
    await store.append(kept((*FACTS, FACTS[0])))
    async with store.unit() as unit:
        await unit.facts.append(kept(FACTS))
    async with store.view() as unit:
        assert len(await unit.facts.since(0, 100)) == len(FACTS) + 1


async def test_facts_from_the_journal_are_the_same_facts(store: Store, tmp_path: Path) -> None:
    journal = FileJournal.open(tmp_path / "journal")
    journal.checkpoint(b"{}")
    for fact in kept(FACTS):
        journal.append(fact)
    await store.append(kept(FACTS[:3]))
    await store.append(journal.read(journal.start, 100)[0])
    journal.close()
    async with store.view() as unit:
        rows = await unit.facts.since(0, 100)
    assert [(row.at, row.call, row.type, row.body) for row in rows] == [
        (fact.at, fact.call, fact.type, fact.body) for fact in kept(FACTS)
    ]


async def test_a_new_run_counts_from_one_again(url: str) -> None:
    for run in ("one", "two"):
        store = await Store.open(url)
        await store.append(kept(FACTS, run=run))
        await store.close()
    store = await Store.open(url)
    async with store.view() as unit:
        assert [row.type for row in await unit.facts.since(0, 100)] == [
            type(fact).__name__ for fact in FACTS
        ] * 2
    await store.close()


async def test_a_plan_is_kept_as_a_digest(store: Store) -> None:
    def plan(ring: int) -> Plan:
        queue = Queue(
            QueueName("support"),
            "Support",
            "support",
            (Member(AgentId("1001")),),
            ring=timedelta(seconds=ring),
        )
        menu = Menu(MenuName("main"), ("x",), {"1": ToQueue(QueueName("support"))}, ToHangUp(("bye",)))
        return Plan(
            {"+7495": ToQueue(QueueName("support"))},
            {MenuName("main"): menu},
            {QueueName("support"): queue},
            {AgentId("1001"): Agent(AgentId("1001"), "A", Endpoint("PJSIP/1001"))},
        )

    await store.append(kept((PlanLoaded(plan(20)), PlanLoaded(plan(20)), PlanLoaded(plan(25)))))
    async with store.view() as unit:
        bodies = [row.body for row in await unit.facts.since(0, 10)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["digest"] != bodies[2]["digest"]
    assert {key: bodies[0][key] for key in ("numbers", "menus", "queues", "agents")} == {
        "numbers": 1,
        "menus": 1,
        "queues": 1,
        "agents": 1,
    }


@pytest.mark.parametrize(
    "statement", ["UPDATE facts SET type = 'x'", "DELETE FROM facts", "DELETE FROM facts WHERE id = 1"]
)
async def test_nobody_changes_or_deletes_a_fact(store: Store, statement: str) -> None:
    await store.append(kept(FACTS))
    with pytest.raises(CallbridgeError, match="append-only"):
        async with store.unit() as unit:
            await unit.facts._session.execute(text(statement))
    async with store.view() as unit:
        assert len(await unit.facts.since(0, 100)) == len(FACTS)


async def test_batches_at_once_stay_whole_and_in_order(store: Store) -> None:
    batches = [kept(FACTS * 40, first=1 + 200 * n) for n in range(8)]
    await asyncio.gather(*(store.append(batch) for batch in batches))
    async with store.view() as unit:
        rows, last = [], 0
        while batch := await unit.facts.since(last, 500):
            rows += batch
            last = batch[-1].id
    assert len(rows) == 1600
    assert [row.id for row in rows] == list(range(1, 1601))
    assert [row.type for row in rows] == [type(fact).__name__ for fact in FACTS] * 320
