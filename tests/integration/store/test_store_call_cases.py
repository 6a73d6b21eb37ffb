"""Calls without a ticket: what decides on it, what is kept meanwhile, on both databases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.centre.ids import AgentId
from bridge.centre.record import WrapUp
from bridge.store import Store, SyncUnit
from tests.integration.store.conftest import START, ended, record

CALL = ended().id


async def test_what_is_known_of_it(store: Store) -> None:
    assert await store.read(lambda unit: unit.cases.of(CALL)) is None
    whole = ended()
    await store.write(lambda unit: unit.calls.save(whole))
    case = await store.read(lambda unit: unit.cases.of(CALL))
    assert case is not None
    assert (case.id, case.queue, case.agent, case.ended_at) == (CALL, "support", whole.agent, whole.ended_at)
    assert (case.disposition, case.wish, case.wrapped_up, case.fallback) == ("", "", False, False)
    assert (case.client, case.direction, case.outcome) == (None, "in", "answered")

    assert await store.write(lambda unit: unit.cases.dispose(CALL, "1001", "sold"))
    assert not await store.write(lambda unit: unit.cases.dispose("1.1", "1001", "sold"))
    await store.write(lambda unit: unit.cases.ask(CALL))
    case = await store.read(lambda unit: unit.cases.of(CALL))
    assert case is not None
    assert (case.disposition, case.wish) == ("sold", "undecided")

    def decided(unit: SyncUnit) -> None:
        unit.cases.decide(CALL)
        unit.cases.ask(CALL)  # asked again, it stays as it is

    await store.write(decided)
    case = await store.read(lambda unit: unit.cases.of(CALL))
    assert case is not None
    assert case.wish == "decided"
    await store.write(lambda unit: unit.tickets.open(CALL, "s", "support"))
    assert await store.read(lambda unit: unit.cases.of(CALL)) is None


async def test_whose_wrap_up_is_over_and_behind_which_talk(store: Store, make_leg: Any) -> None:
    whole = ended()
    assert whole.agent is not None
    assert whole.answered_at is not None
    last = max(leg.answered_at for leg in whole.legs if leg.agent == whole.agent and leg.answered_at)

    def wrapped(unit: SyncUnit, agent: AgentId, until: Any) -> bool:
        unit.talks.save_wrap_up(CALL, WrapUp(agent, until - timedelta(seconds=5), until))
        case = unit.cases.of(CALL)
        assert case is not None
        return case.wrapped_up

    await store.write(lambda unit: unit.calls.save(whole))
    agent, other = whole.agent, AgentId("1099")
    early, late = last - timedelta(seconds=1), last + timedelta(seconds=60)
    assert not await store.write(lambda unit: wrapped(unit, other, late))
    assert not await store.write(lambda unit: wrapped(unit, agent, early))
    assert await store.write(lambda unit: wrapped(unit, agent, late))
    assert await store.read(lambda unit: unit.cases.talked(CALL, agent))
    assert not await store.read(lambda unit: unit.cases.talked(CALL, other))


async def test_those_that_are_not_decided_the_oldest_first(store: Store) -> None:
    calls = [f"1700000000.{number}" for number in range(1, 6)]

    def kept(unit: SyncUnit) -> None:
        for number, call in enumerate(calls):
            whole = ended(call)
            unit.calls.save(replace(whole, ended_at=START + timedelta(hours=9 - number)))
            unit.cases.ask(call)
        unit.calls.save(record("1700000000.9"))  # goes on
        unit.cases.ask("1700000000.9")
        unit.cases.decide(calls[2])

    await store.write(kept)
    before = START + timedelta(hours=8)
    assert await store.read(lambda unit: unit.cases.overdue(before, 10)) == [calls[4], calls[3], calls[1]]
    assert await store.read(lambda unit: unit.cases.overdue(before, 2)) == [calls[4], calls[3]]


async def test_a_ticket_that_is_opened_late_has_what_the_call_had(store: Store) -> None:
    whole = ended()

    def kept(unit: SyncUnit) -> int | None:
        unit.calls.save(whole)
        unit.cases.dispose(CALL, "1001", "sold")
        unit.recordings.note(f"{CALL}-rec-1", CALL, START)
        unit.recordings.attach(f"{CALL}-rec-1", ticket=None, **FILE)
        unit.tickets.open(CALL, "s", "support", watched=True)
        ticket = unit.tickets.id_by_call(CALL)
        assert ticket is not None
        unit.tickets.opened_by(ticket, "anna")
        unit.recordings.hang(CALL, ticket)
        unit.recordings.hang(CALL, ticket + 1)  # it hangs where it hangs
        return ticket

    id = await store.write(kept)
    async with store.view() as unit:
        ticket = await unit.tickets.by_call(CALL)
        recording = await unit.recordings.get(f"{CALL}-rec-1")
        log = await unit.ticket_changes.page(id or 0, None, 10)
    assert ticket is not None
    assert recording is not None
    assert (ticket.id, ticket.disposition, ticket.assignee) == (id, "sold", whole.agent)
    assert (ticket.reacted_at, ticket.waiting_since) == (whole.answered_at, None)
    assert ticket.alarm_at == ticket.created_at
    assert recording.ticket == id
    assert [(one.by, one.action, one.after) for one in log.items] == [("anna", "create", "call")]


async def test_a_file_that_comes_at_the_same_moment_takes_no_ticket_away(store: Store) -> None:
    def kept(unit: SyncUnit) -> None:
        unit.calls.save(ended())
        unit.recordings.note(f"{CALL}-rec-1", CALL, START)
        unit.tickets.open(CALL, "s", "support")
        ticket = unit.tickets.id_by_call(CALL)
        assert ticket is not None
        unit.recordings.hang(CALL, ticket)
        attached = unit.recordings.attach(f"{CALL}-rec-1", ticket=None, **FILE)
        assert attached.ticket == ticket

    await store.write(kept)


FILE: dict[str, Any] = {
    "file": "2025/03/01/x.wav",
    "bytes": 44,
    "duration_ms": 1,
    "sample_rate": 8000,
    "channels": 2,
    "sha256": "0" * 64,
}


async def test_the_answer_moves_the_clocks(store: Store) -> None:
    """As a person's first word does."""
    whole = ended()
    waiting = replace(whole, answered_at=None, ended_at=None, agent=None, outcome=None, legs=())
    hour = timedelta(hours=1)

    def opened(unit: SyncUnit) -> None:
        unit.calls.save(waiting)
        unit.tickets.open(CALL, "s", "", watched=False)

    await store.write(opened)
    async with store.unit() as unit:
        ticket = await unit.tickets.by_call(CALL)
        assert ticket is not None
        assert (ticket.reacted_at, ticket.waiting_since) == (None, ticket.created_at)
        assert ticket.alarm_at is None
        due = {"reaction_due_at": START + hour, "resolution_due_at": START + 8 * hour}
        changed: Any = await unit.tickets.change(
            ticket.id,
            if_version=None,
            fields=due,
            by="",
            at=START,  # type: ignore[arg-type]
        )
        assert changed.due_at == START + hour

    def answered(unit: SyncUnit) -> None:
        unit.calls.save(whole)
        before = unit.tickets.with_call(CALL)
        assert before is not None
        assert before.reaction == whole.answered_at
        unit.tickets.follow_call(CALL, "s", "support", "", before, watched=True)
        after = unit.tickets.with_call(CALL)
        assert after is not None
        assert after.reaction is None

    await store.write(answered)
    async with store.view() as unit:
        ticket = await unit.tickets.by_call(CALL)
    assert ticket is not None
    assert (ticket.reacted_at, ticket.waiting_since) == (whole.answered_at, None)
    assert (ticket.due_at, ticket.department) == (START + 8 * hour, "support")
    assert ticket.alarm_at == ticket.updated_at
