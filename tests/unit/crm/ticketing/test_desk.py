"""One way in to tickets: rights, rules, versions and the log, on a real database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Settings
from bridge.config.rights import Action
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Actor, Anewed, TicketDesk
from bridge.crm.ticketing.rights import Who
from bridge.crm.ticketing.sla import Clock, Step
from bridge.errors import BadInput, NoSuchTicket, NotAllowed, WrongFields
from bridge.store import Store
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import Conflict, NewEntry
from tests.fakes.databases import fill_sqlite

MONDAY = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "company": {"name": "Daisy", "region": "RU", "timezone": "UTC"},
    "agents": {str(number): {"name": f"Agent {number}"} for number in range(1001, 1006)},
    "tickets": {
        "statuses": {
            "waiting": {"title": "Waiting", "kind": "waiting"},
            "solved": {"title": "Solved", "kind": "temporary", "closes_after_hours": 24},
        },
        "reopen_days": 7,
    },
    "departments": {
        "support": {
            "title": "Support",
            "supervisors": ["1005"],
            "lines": {"1": ["1001"], "2": ["1002"]},
            "rights": {"line1": {"deny": ["close"]}},
            "classification": {"hardware": {"title": "Hardware", "below": {"printer": "Printer"}}},
            "fields": [
                {"key": "serial", "title": "Serial number", "type": "text", "required": "create"},
                {"key": "cause", "title": "Cause", "type": "text", "required": "close"},
            ],
            "sla": [
                {"reaction_hours": 2, "resolution_hours": 8},
                {"priority": "critical", "reaction_hours": 1, "resolution_hours": 4},
            ],
        },
        "sales": {"title": "Sales", "lines": {"1": ["1003"]}},
    },
}
ANNA, BORIS = Actor(Who("1001"), "1001"), Actor(Who("1002"), "1002")
VERA, CHIEF = Actor(Who("1003"), "1003"), Actor(Who("1005", supervisor=True), "1005")
CRM = Actor(Who(program=True), "token crm")
NEW: Wish = {"subject": "Printer burns", "department": "support", "fields": {"serial": "A1"}}


class Clockwork:
    def __init__(self) -> None:
        self.now = MONDAY

    def pass_time(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


@pytest.fixture
async def desk(tmp_path: Path, clock: Clockwork) -> Any:
    store = await Store.open(await fill_sqlite(tmp_path / "tickets.db"))
    settings = Settings.model_validate(SETTINGS)
    yield TicketDesk(store, lambda: settings, lambda: clock.now)
    await store.close()


async def changes(desk: TicketDesk, ticket: int) -> list[tuple[str, str, str, str]]:
    async with desk._store.view() as unit:
        page = await unit.ticket_changes.page(ticket, None, 100)
    return [(one.by, one.field, one.before, one.after) for one in reversed(page.items)]


async def changed(desk: TicketDesk, actor: Actor, row: TicketRow, **wish: Any) -> TicketRow:
    found = await desk.change(actor, row.id, Wish(**wish), row.version)  # type: ignore[typeddict-item]
    assert isinstance(found, TicketRow), found
    return found


# ── creating ─────────────────────────────────────────────────────────────────


async def test_created_with_its_clocks(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, NEW, "web")
    assert (row.subject, row.department, row.status, row.fields) == (
        "Printer burns",
        "support",
        "open",
        {"serial": "A1"},
    )
    assert row.reaction_due_at == MONDAY + timedelta(hours=2)
    assert row.resolution_due_at == MONDAY + timedelta(hours=8)
    assert row.due_at == row.reaction_due_at
    assert row.alarm_at == MONDAY + timedelta(hours=1.6)


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"fields": {}}, WrongFields, "serial: is required to create"),
        ({"fields": {"serial": "A1", "colour": "red"}}, WrongFields, "no such field"),
        ({"department": "kitchen"}, BadInput, "no such department"),
        ({"assignee": "9999"}, BadInput, "no such agent"),
        ({"classification": "hardware"}, BadInput, "hardware/printer"),
        ({"status": "gone"}, BadInput, "none of this name"),
        ({"status": "done"}, WrongFields, "cause: is required to close"),
        ({"client": 77}, BadInput, "no such client"),
    ],
)
async def test_bad_input_creates_nothing(
    desk: TicketDesk, wish: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await desk.create(CHIEF, {**NEW, **wish}, "web")
    async with desk._store.view() as unit:
        assert (await unit.tickets.page(None, 10)).items == ()


async def test_who_is_in_none_of_its_lines_creates_none(desk: TicketDesk) -> None:
    with pytest.raises(NotAllowed, match="may not create"):
        await desk.create(VERA, NEW, "web")


# ── changing ─────────────────────────────────────────────────────────────────


async def test_two_save_one_ticket_and_nothing_is_overwritten(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, NEW, "web")
    await changed(desk, ANNA, row, subject="It burns")
    late = await desk.change(BORIS, row.id, {"subject": "It is warm"}, row.version)
    assert isinstance(late, Conflict)
    assert late.current.subject == "It burns"
    assert (await changes(desk, row.id))[-1] == ("1001", "subject", "Printer burns", "It burns")


async def test_a_form_that_changes_nothing_takes_no_right(desk: TicketDesk) -> None:
    """Who may only read and note sends the whole form."""
    row = await desk.create(ANNA, NEW, "web")
    same = await changed(
        desk, VERA, row, subject="Printer  burns", priority="normal", status="open", fields={"serial": "A1"}
    )
    assert same == row


@pytest.mark.parametrize(
    ("wish", "action"),
    [
        ({"subject": "x"}, Action.EDIT),
        ({"fields": {"serial": "B2"}}, Action.EDIT),
        ({"priority": "urgent"}, Action.PRIORITISE),
        ({"assignee": "1003"}, Action.ASSIGN),
        ({"department": "sales"}, Action.REDIRECT),
        ({"line": 2}, Action.REDIRECT),
        ({"classification": "hardware/printer"}, Action.CLASSIFY),
        ({"status": "waiting"}, Action.EDIT),
    ],
)
async def test_each_change_takes_its_right(desk: TicketDesk, wish: Any, action: Action) -> None:
    row = await desk.create(ANNA, NEW, "web")
    with pytest.raises(NotAllowed, match=f"may not {action.value}"):
        await changed(desk, VERA, row, **wish)
    assert (await changed(desk, ANNA, row, **wish)).version == row.version + 1


async def test_whoever_has_it_may_what_line_1_may(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, {**NEW, "assignee": "1003"}, "web")
    assert (await changed(desk, VERA, row, subject="It burns")).subject == "It burns"


async def test_redirected_it_keeps_its_history_and_leaves_its_class(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, {**NEW, "classification": "hardware/printer", "line": 2}, "web")
    there = await changed(desk, ANNA, row, department="sales")
    assert (there.department, there.line, there.classification) == ("sales", 1, "")
    assert there.fields == {"serial": "A1"}  # asked no more, and not lost
    assert there.due_at is None
    assert ("1001", "department", "support", "sales") in await changes(desk, row.id)


async def test_clocks_follow_priority_and_stand_while_it_waits_for_the_client(
    desk: TicketDesk, clock: Clockwork
) -> None:
    row = await changed(desk, ANNA, await desk.create(ANNA, NEW, "web"), priority="critical")
    assert row.resolution_due_at == MONDAY + timedelta(hours=4)
    clock.pass_time(hours=1)
    row = await changed(desk, ANNA, row, status="waiting")
    assert row.resolution_due_at is None
    assert row.reaction_due_at == MONDAY + timedelta(hours=1)
    clock.pass_time(hours=10)
    row = await changed(desk, ANNA, row, status="in_progress")
    assert row.resolution_due_at == MONDAY + timedelta(hours=14)


async def test_reopened_within_the_window_and_begun_anew_after_it(desk: TicketDesk, clock: Clockwork) -> None:
    row = await desk.create(ANNA, NEW, "web")
    row = await changed(desk, BORIS, row, status="done", fields={"cause": "dust"})
    clock.pass_time(days=6)
    row = await changed(desk, ANNA, row, status="open")
    assert (row.closed_at, row.reopened) == (None, 1)
    row = await changed(desk, BORIS, row, status="done")
    clock.pass_time(days=8)
    anew = await desk.change(ANNA, row.id, {"status": "open"}, row.version)
    assert isinstance(anew, Anewed)
    assert (anew.ticket.subject, anew.ticket.assignee, anew.ticket.closed_at) == ("Printer burns", None, None)
    assert anew.ticket.reaction_due_at == clock.now + timedelta(hours=2)
    async with desk._store.view() as unit:
        links = await unit.ticket_marks.links(row.id)
        kept = await unit.tickets.get(row.id)
    assert [(one.kind, one.ticket.id) for one in links] == [("related", anew.ticket.id)]
    assert kept is not None
    assert kept.closed_at is not None


# ── the thread ───────────────────────────────────────────────────────────────


def entry(kind: str, clock: Clockwork, author: str = "1001", body: str = "words") -> NewEntry:
    return NewEntry(kind, author, clock.now, body=body)


async def test_a_word_to_the_client_is_the_reaction_a_note_is_none(
    desk: TicketDesk, clock: Clockwork
) -> None:
    row = await desk.create(ANNA, NEW, "web")
    await desk.write(ANNA, row.id, entry("note", clock))
    await desk.write(ANNA, row.id, entry("partner", clock))
    async with desk._store.view() as unit:
        assert (await desk.see(unit, ANNA, row.id)).ticket.reacted_at is None
    clock.pass_time(minutes=5)
    await desk.write(ANNA, row.id, entry("message_out", clock))
    async with desk._store.view() as unit:
        seen = (await desk.see(unit, ANNA, row.id)).ticket
    assert seen.reacted_at == clock.now
    assert seen.due_at == MONDAY + timedelta(hours=8)


@pytest.mark.parametrize(
    ("kind", "error"), [("mail_out", NotAllowed), ("partner", NotAllowed), ("mail_in", BadInput)]
)
async def test_who_may_only_read_and_note(
    desk: TicketDesk, clock: Clockwork, kind: str, error: type[Exception]
) -> None:
    row = await desk.create(ANNA, NEW, "web")
    with pytest.raises(error):
        await desk.write(VERA, row.id, entry(kind, clock, "1003"))
    assert (await desk.write(VERA, row.id, entry("note", clock, "1003"))).kind == "note"


async def test_the_clients_word_ends_the_waiting_and_opens_what_was_closed(
    desk: TicketDesk, clock: Clockwork
) -> None:
    row = await changed(desk, ANNA, await desk.create(ANNA, NEW, "web"), status="waiting", assignee="1001")
    clock.pass_time(hours=1)
    _, row = await desk.client_wrote(CRM, row.id, entry("mail_in", clock, "client@example.org"))
    assert (row.status, row.clock_stopped_at) == ("in_progress", None)
    row = await changed(desk, BORIS, row, status="done", fields={"cause": "dust"})
    clock.pass_time(days=1)
    _, row = await desk.client_wrote(CRM, row.id, entry("mail_in", clock, "client@example.org"))
    assert (row.status, row.reopened) == ("in_progress", 1)
    row = await changed(desk, BORIS, row, status="done")
    clock.pass_time(days=30)
    added, anew = await desk.client_wrote(CRM, row.id, entry("mail_in", clock, "client@example.org"))
    assert anew.id != row.id
    assert added.ticket == anew.id


# ── merging, tags ────────────────────────────────────────────────────────────


async def test_merged_it_is_changed_no_more(desk: TicketDesk) -> None:
    one, two = await desk.create(ANNA, NEW, "web"), await desk.create(ANNA, NEW, "web")
    with pytest.raises(NotAllowed, match="may not merge"):
        await desk.merge(ANNA, one.id, two.id)
    assert (await desk.merge(BORIS, one.id, two.id)).id == two.id
    with pytest.raises(BadInput, match=f"merged into {two.id}"):
        await desk.change(BORIS, one.id, {"subject": "x"}, None)


async def test_what_is_open_goes_into_nothing_closed(desk: TicketDesk) -> None:
    """It would be closed with it, and nobody would ever see that somebody waits."""
    new, old = await desk.create(ANNA, NEW, "web"), await desk.create(ANNA, NEW, "web")
    old = await changed(desk, BORIS, old, status="done", fields={"cause": "dust"})
    with pytest.raises(BadInput, match=f"ticket {old.id}: it is closed"):
        await desk.merge(BORIS, new.id, old.id)
    with pytest.raises(BadInput, match=f"ticket {old.id}: it is closed"):
        await desk.take_call(BORIS, "1.1", old.id)
    assert (await desk.merge(BORIS, old.id, new.id)).closed_at is None


async def test_tags_take_their_right(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, NEW, "web")
    assert await desk.set_tags(ANNA, row.id, ["VIP", "burns"]) == ("burns", "vip")
    with pytest.raises(NotAllowed):
        await desk.set_tags(VERA, row.id, [])


async def test_no_such_ticket(desk: TicketDesk) -> None:
    for id in (0, -1, 99, 2**40):
        with pytest.raises(NoSuchTicket):
            await desk.change(CHIEF, id, {"subject": "x"}, None)


# ── time ─────────────────────────────────────────────────────────────────────


async def test_a_temporary_status_closes_by_itself(desk: TicketDesk, clock: Clockwork) -> None:
    row = await desk.create(ANNA, NEW, "web")
    row = await changed(desk, BORIS, row, status="solved", fields={"cause": "dust"})
    assert row.closes_at == MONDAY + timedelta(hours=24)
    assert await desk.close_by_itself(row.id) is None
    clock.pass_time(hours=25)
    closed = await desk.close_by_itself(row.id)
    assert closed is not None
    assert (closed.status, closed.closed_at) == ("done", clock.now)


async def test_warned_before_and_escalated_after_each_once(desk: TicketDesk, clock: Clockwork) -> None:
    row = await desk.create(ANNA, NEW, "web")
    assert (await desk.sound_alarms(row.id))[1] == ()
    clock.pass_time(hours=1.7)
    row, alarms = await desk.sound_alarms(row.id)
    assert [(one.clock, one.step) for one in alarms] == [(Clock.REACTION, Step.WARN)]
    assert row.alarm_at == MONDAY + timedelta(hours=2)
    assert (await desk.sound_alarms(row.id))[1] == ()
    clock.pass_time(hours=1)
    row, alarms = await desk.sound_alarms(row.id)
    assert [(one.clock, one.step) for one in alarms] == [(Clock.REACTION, Step.ESCALATE)]
    assert row.escalated_at == clock.now


async def test_rules_are_the_files_of_this_moment(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, NEW, "web")
    fewer = Settings.model_validate(
        {**SETTINGS, "departments": {**SETTINGS["departments"], "support": {"title": "Support"}}}
    )
    desk._settings = lambda: fewer
    row = await changed(desk, ANNA, row, subject="It burns", fields={})
    assert row.fields == {"serial": "A1"}  # of a field that is gone
    assert replace(row, version=0).subject == "It burns"
