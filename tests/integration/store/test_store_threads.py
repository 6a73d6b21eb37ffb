"""What people make of tickets, on both databases: changes with their versions and log, threads, merging."""

import asyncio
from datetime import timedelta

import pytest

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, ClientId
from bridge.errors import BadInput
from bridge.store import Store, Unit
from bridge.store.entries import KINDS, VISIBLE_TO_CLIENT
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import Conflict, NewEntry
from tests.integration.store.conftest import START, record

LATER = START + timedelta(hours=1)


async def new(unit: Unit, subject: str = "Printer", **fields: object) -> TicketRow:
    return await unit.tickets.create(
        source="web",
        fields={"subject": subject, **fields},  # type: ignore[typeddict-item]
        by="anna",
        at=START,
    )


async def changed(unit: Unit, id: int, /, **fields: object) -> TicketRow:
    row = await unit.tickets.change(id, if_version=None, fields=fields, by="boris", at=LATER)  # type: ignore[arg-type]
    assert isinstance(row, TicketRow)
    return row


async def log_of(unit: Unit, id: int) -> list[tuple[str, str, str, str, str]]:
    page = await unit.ticket_changes.page(id, None, 100)
    return [(row.by, row.action, row.field, row.before, row.after) for row in page.items][::-1]


async def test_two_who_save_one_ticket(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit)

    async def save(by: str) -> TicketRow | Conflict | None:
        async with store.unit() as unit:
            return await unit.tickets.change(
                ticket.id, if_version=1, fields={"solution": by}, by=by, at=LATER, action="edit"
            )

    results = await asyncio.gather(*(save(f"agent {number}") for number in range(5)))
    (saved,) = [one for one in results if isinstance(one, TicketRow)]
    assert [one.current for one in results if isinstance(one, Conflict)] == [saved] * 4
    assert (saved.version, saved.updated_at) == (2, LATER)
    async with store.view() as unit:
        assert await unit.tickets.get(ticket.id) == saved
        assert await log_of(unit, ticket.id) == [
            ("anna", "create", "source", "", "web"),
            (saved.solution, "edit", "solution", "", saved.solution),
        ]
        assert await unit.tickets.get(0) is None
        assert await unit.tickets.get(ticket.id + 1) is None


async def test_what_a_client_and_people_here_wrote_last(store: Store) -> None:
    async with store.unit() as unit:
        anna, other = [(await unit.clients.add(name)).id for name in ("Anna", "Other")]
        printer, screen = await new(unit, client=anna), await new(unit, "Screen", client=anna)
        theirs = await new(unit, client=other)

        async def write(ticket: TicketRow, kind: str, minutes: int, *, automatic: bool = False) -> int:
            at = START + timedelta(minutes=minutes)
            entry = NewEntry(kind, "anna", at, f"after {minutes}", "words", automatic=automatic)
            return (await unit.entries.append(ticket.id, entry)).id

        late = await write(printer, "mail_out", 5)
        early = await write(screen, "mail_in", 1)  # came late
        said = await write(screen, "message_in", 3)
        for kind in ("note", "partner", "call"):
            await write(printer, kind, 7)
        await write(printer, "mail_out", 8, automatic=True)
        await write(theirs, "mail_in", 9)
        found = await unit.entries.last_of_client(anna, 5)
        assert [(one.id, one.kind, one.subject, one.ticket.subject) for one in found] == [
            (late, "mail_out", "after 5", "Printer"),
            (said, "message_in", "after 3", "Screen"),
            (early, "mail_in", "after 1", "Screen"),
        ]
        assert found[0].ticket == await unit.tickets.get(printer.id)
        assert [one.id for one in await unit.entries.last_of_client(anna, 1)] == [late]
        assert await unit.entries.last_of_client(0, 5) == []
        await unit.tickets.merge(screen.id, theirs.id, by="anna", at=LATER)
        assert [one.id for one in await unit.entries.last_of_client(anna, 5)] == [late]


async def test_a_change_is_logged_field_by_field_and_only_if_it_is_one(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit, fields={"serial": "1", "floor": 2}, line=2)
        same = await changed(unit, ticket.id, line=2, subject="Printer", fields={"floor": 2, "serial": "1"})
        assert same == ticket
        row = await changed(
            unit,
            ticket.id,
            fields={"serial": "7", "tags": ["a"]},
            line=3,
            assignee="1001",
            reaction_due_at=LATER,
            resolution_due_at=LATER + timedelta(hours=1),
            classification="hardware/printer",
        )
        assert (row.version, row.due_at, row.waiting_since) == (2, LATER, START)
        assert row.fields == {"serial": "7", "tags": ["a"]}
        assert (await log_of(unit, ticket.id))[1:] == [
            ("boris", "edit", "assignee", "", "1001"),
            ("boris", "edit", "classification", "", "hardware/printer"),
            ("boris", "edit", "fields.floor", "2", ""),
            ("boris", "edit", "fields.serial", "1", "7"),
            ("boris", "edit", "fields.tags", "", '["a"]'),
            ("boris", "edit", "line", "2", "3"),
            ("boris", "edit", "reaction_due_at", "", LATER.isoformat()),
            ("boris", "edit", "resolution_due_at", "", (LATER + timedelta(hours=1)).isoformat()),
        ]
        reacted = await changed(unit, ticket.id, reacted_at=LATER)
        assert (reacted.due_at, reacted.waiting_since) == (LATER + timedelta(hours=1), None)
        stopped = await changed(unit, ticket.id, clock_stopped_at=LATER)
        assert stopped.due_at is None
        closed = await changed(unit, ticket.id, status="solved", closed_at=LATER, clock_stopped_at=None)
        assert (closed.due_at, closed.status) == (None, "solved")
        assert await unit.tickets.open_of_client(1) == []


BAD: list[dict[str, object]] = [
    {"line": 4},
    {"line": True},
    {"status": ""},
    {"subject": "  "},
    {"fields": []},
    {"fields": {"x": object()}},
    {"fields": {"x": ["a\0"]}},
    {"fields": {"\ud800": 1}},
    {"fields": {"x": "y" * 200_000}},
    {"closed_at": START.replace(tzinfo=None)},
    {"closed_at": "now"},
    {"id": 7},
    {"version": 7},
    {"client": "Anna"},
    {"reopened": -1},
]


async def test_a_bad_change_is_refused(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit)
        for fields in BAD:
            with pytest.raises(BadInput, match="ticket"):
                await changed(unit, ticket.id, **fields)
        assert await unit.tickets.get(ticket.id) == ticket


async def test_hostile_text_is_kept_as_it_is(store: Store) -> None:
    hostile = "<script>\u202e\ud800 Ж'\"; DROP TABLE tickets; --"
    async with store.unit() as unit:
        kept = hostile.replace("\ud800", "")
        ticket = await new(unit, hostile, fields={kept: kept}, solution=hostile)
        entry = await unit.entries.append(
            ticket.id, NewEntry("note", hostile, START, subject=hostile, body=f"\0{hostile}\r\n")
        )
        row = await unit.tickets.get(ticket.id)
        assert row is not None
        assert "DROP TABLE tickets" in row.subject
        assert row.fields == {kept: kept}
        assert "\0" not in entry.body
        assert entry == await unit.entries.get(entry.id)


# ── the thread ───────────────────────────────────────────────────────────────


async def test_a_thread_its_pages_and_what_the_client_sees(store: Store) -> None:
    async with store.unit() as unit:
        ticket, other = await new(unit), await new(unit)
        for number, kind in enumerate(KINDS):
            at = START + timedelta(minutes=number)
            await unit.entries.append(
                ticket.id, NewEntry(kind, "anna", at, body=kind, message_id=f"<{kind}@x>")
            )
        await unit.entries.append(other.id, NewEntry("note", "anna", START))
        first = await unit.entries.page(ticket.id, None, 4)
        rest = await unit.entries.page(ticket.id, first.cursor, 4)
        assert [one.kind for one in (*first.items, *rest.items)] == list(KINDS)
        assert rest.cursor is None
        newest = await unit.entries.page(ticket.id, None, 2, newest_first=True)
        older = await unit.entries.page(ticket.id, newest.cursor, 50, newest_first=True)
        assert [one.kind for one in (*newest.items, *older.items)] == list(KINDS)[::-1]
        with pytest.raises(BadInput, match="cursor"):
            await unit.entries.page(ticket.id, newest.cursor, 2)
        shown = await unit.entries.page_for_client(ticket.id, None, 50)
        assert {one.kind for one in shown.items} == VISIBLE_TO_CLIENT == set(KINDS) - {"note", "partner"}
        assert await unit.entries.counts(ticket.id) == dict.fromkeys(KINDS, 1)
        found = await unit.entries.by_message_ids(["<mail_in@x>", "<nothing@x>", "\0"])
        assert [one.kind for one in found] == ["mail_in"]
        for bad in (
            NewEntry("gossip", "anna", START),
            NewEntry("note", "anna", START, body="x" * 1_000_001),
            NewEntry("note", "anna", START, delivery="lost"),
        ):
            with pytest.raises(BadInput, match="entry"):
                await unit.entries.append(ticket.id, bad)
        with pytest.raises(BadInput, match="no such ticket"):
            await unit.entries.append(99, NewEntry("note", "anna", START))


async def test_entries_move_the_tickets_times_on(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit)

        async def after(kind: str, minutes: int) -> TicketRow:
            await unit.entries.append(ticket.id, NewEntry(kind, "x", START + timedelta(minutes=minutes)))
            row = await unit.tickets.get(ticket.id)
            assert row is not None
            return row

        row = await after("mail_out", 1)
        assert row.waiting_since == START, "there has been no reaction yet, says nobody"
        await changed(unit, ticket.id, reacted_at=START + timedelta(minutes=1))
        row = await after("mail_in", 5)
        assert (
            row.waiting_since == row.last_from_client_at == row.last_entry_at == START + timedelta(minutes=5)
        )
        row = await after("message_in", 9)
        assert (row.waiting_since, row.last_from_client_at) == (
            START + timedelta(minutes=5),
            START + timedelta(minutes=9),
        )
        row = await after("note", 10)
        assert row.waiting_since is not None, "a note is no answer"
        row = await after("mail_out", 11)
        assert row.waiting_since is None
        late = await after("mail_in", 2)
        assert late.last_entry_at == START + timedelta(minutes=11), "times do not go back"


# ── calls and merging ────────────────────────────────────────────────────────


async def test_a_calls_untouched_ticket_goes_into_an_existing_one(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        old = await new(unit, "Old one")
        own = await unit.tickets.open_for_call(record("c1"), "+7 916", "support")
        await unit.recordings.note("r1", "c1", START)
        await unit.recordings.attach(
            "r1", ticket=own.id, file="f", bytes=1, duration_ms=1, sample_rate=1, channels=1, sha256=""
        )
        assert (await unit.tickets.attach_call("c1", old.id, by="anna", at=LATER)).id == old.id
        assert await unit.tickets.attach_call("c1", own.id, by="anna", at=LATER) == await unit.tickets.get(
            old.id
        )
        merged = await unit.tickets.get(own.id)
        assert merged is not None
        assert (merged.merged_into, merged.closed_at) == (old.id, LATER)
        assert await unit.tickets.calls_of(old.id) == ["c1"]
        assert [one.id for one in await unit.recordings.of_ticket(old.id)] == ["r1"]
        # News of the call change neither the one nor the other, and open no third.
        await unit.calls.save(record("c1", verdict=Verdict.KNOWN, client=ClientId(anna.id)))
        assert await unit.tickets.follow_call("c1", "Anna", "sales") is None
        assert (await unit.tickets.open_for_call(record("c1"), "again", "x")).id == old.id
        await unit.calls.choose_client("c1", anna.id)
        assert await unit.tickets.get(own.id) == merged
        assert await unit.tickets.dispose("c1", "1001", "sold") == old.id
        assert (await unit.tickets.of_calls(["c1", "c2"])).keys() == {"c1"}


async def test_a_touched_ticket_stays_and_only_its_call_goes(store: Store) -> None:
    async with store.unit() as unit:
        old = await new(unit, "Old one")
        touched = []
        for number in range(4):
            own = await unit.tickets.open_for_call(record(f"c{number}"), "s", "d")
            touched.append(own.id)
        await changed(unit, touched[0], solution="done")
        await unit.entries.append(touched[1], NewEntry("note", "anna", START))
        await unit.ticket_marks.set_tags(touched[2], ["vip"], by="anna", at=START)
        await unit.tickets.attach_call("c0", touched[3], by="anna", at=START)
        for number in range(4):
            await unit.tickets.attach_call(f"c{number}", old.id, by="anna", at=LATER)
        assert await unit.tickets.calls_of(old.id) == [f"c{number}" for number in range(4)]
        for id in touched:
            row = await unit.tickets.get(id)
            assert row is not None
            assert row.merged_into is None
        with pytest.raises(BadInput, match="no such ticket"):
            await unit.tickets.attach_call("c1", 4711, by="anna", at=LATER)
    with pytest.raises(BadInput):
        async with store.unit() as unit:
            await unit.tickets.attach_call("no.such.call", old.id, by="anna", at=LATER)


async def test_merging_moves_everything_and_makes_no_circle(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        one, two, three = [await new(unit, f"Ticket {number}") for number in range(3)]
        await changed(unit, one.id, client=anna.id)
        await unit.entries.append(one.id, NewEntry("mail_in", "client", LATER, body="hello"))
        await unit.ticket_marks.set_tags(one.id, ["VIP ", "paper"], by="anna", at=START)
        await unit.ticket_marks.set_tags(two.id, ["vip"], by="anna", at=START)
        await unit.ticket_marks.link(one.id, two.id, "duplicate", by="anna", at=START)
        await unit.ticket_marks.link(three.id, one.id, "parent", by="anna", at=START)
        file = await unit.attachments.add(
            name="a.pdf",
            media_type="application/pdf",
            bytes=3,
            sha256="x",
            file="x/y",
            by="anna",
            at=START,
            ticket=one.id,
        )
        into = await unit.tickets.merge(one.id, two.id, by="boris", at=LATER)
        assert (into.id, into.client, into.last_from_client_at) == (two.id, anna.id, LATER)
        assert await unit.tickets.merge(one.id, two.id, by="boris", at=LATER) == into, (
            "said twice is said once"
        )
        assert await unit.tickets.merge(two.id, one.id, by="boris", at=LATER) == into, "and no circle"
        assert [entry.body for entry in (await unit.entries.page(two.id, None, 9)).items] == ["hello"]
        assert await unit.ticket_marks.tags([one.id, two.id]) == {two.id: ("paper", "vip")}
        assert [(link.kind, link.ticket.id) for link in await unit.ticket_marks.links(two.id)] == [
            ("child", three.id)
        ]
        assert [one.id for one in await unit.attachments.of_ticket(two.id)] == [file.id]
        last = await unit.tickets.merge(two.id, three.id, by="boris", at=LATER)
        merged = await unit.tickets.get(one.id)
        assert merged is not None
        assert merged.merged_into == three.id, "it points to where it is, not to where it was"
        entry = await unit.entries.append(one.id, NewEntry("note", "anna", LATER))
        assert entry.ticket == three.id
        with pytest.raises(BadInput, match=f"merged into {three.id}"):
            await unit.tickets.merge(one.id, (await new(unit)).id, by="boris", at=LATER)
        for source, target in ((last.id, last.id), (last.id, 999), (999, last.id)):
            with pytest.raises(BadInput):
                await unit.tickets.merge(source, target, by="boris", at=LATER)
        assert ("boris", "merge", "merged_into", "", str(two.id)) in await log_of(unit, one.id)
        assert ("boris", "merge", "merged", "", str(one.id)) in await log_of(unit, two.id)


async def test_two_who_merge_two_tickets_into_each_other(store: Store) -> None:
    async with store.unit() as unit:
        one, two = await new(unit), await new(unit)

    async def merge(source: int, target: int) -> int:
        async with store.unit() as unit:
            return (await unit.tickets.merge(source, target, by="x", at=LATER)).id

    ends = await asyncio.gather(merge(one.id, two.id), merge(two.id, one.id), return_exceptions=True)
    into = {end for end in ends if isinstance(end, int)}
    assert len(into) == 1
    assert all(isinstance(end, int | BadInput) for end in ends)
    async with store.view() as unit:
        rows = [await unit.tickets.get(id) for id in (one.id, two.id)]
    assert sorted(row.merged_into or 0 for row in rows if row is not None) == [0, *into]


async def test_the_calls_own_news_are_logged_as_nobodys(store: Store) -> None:
    async with store.unit() as unit:
        own = await unit.tickets.open_for_call(record("c1"), "+7 916", "")
        answered = record("c1", agent=AgentId("1001"), answered_at=START)
        await unit.calls.save(answered)
        row = await unit.tickets.follow_call("c1", "Anna", "support")
        assert row is not None
        assert (own.version, row.version) == (1, 2)
        assert await unit.tickets.follow_call("c1", "Anna", "support") is None
        await unit.tickets.dispose("c1", "1001", "sold")
        await unit.tickets.dispose("c1", "1001", "sold")
        row = await unit.tickets.get(own.id)
        assert row is not None
        assert row.version == 3
        assert await log_of(unit, own.id) == [
            ("", "call", "subject", "+7 916", "Anna"),
            ("", "call", "department", "", "support"),
            ("", "call", "assignee", "", "1001"),
            ("", "call", "disposition", "", "sold"),
        ]


async def test_a_token_is_made_once(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit)
        token = await unit.tickets.token_of(ticket.id)
        assert token is not None
        assert token.isalpha()
        assert len(token) == 12
        assert await unit.tickets.token_of(ticket.id) == token
        found = await unit.tickets.by_token(token)
        assert found is not None
        assert found.id == ticket.id
        assert await unit.tickets.token_of(99) is None
        assert await unit.tickets.by_token("x" * 999) is None
