"""Every action by the way it is taken: role × department × action at the desk itself, as the matrix has it.

The rights of the sample departments stand in rights_matrix.txt; here each cell is tried on a real database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Settings
from bridge.config.rights import Action, Role
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.ticketing.rights import Who
from bridge.errors import NotAllowed
from bridge.store import Store
from bridge.store.ticket_query import TicketQuery
from bridge.store.ticket_rows import NewEntry
from tests.fakes.databases import fill_sqlite
from tests.unit.crm.ticketing.test_rights import DEPARTMENTS, PEOPLE, SETTINGS

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
CRM = Actor(Who(program=True), "token crm")
CLASSES = {"hardware": {"title": "Hardware"}}


class Sample:
    """A desk whose departments have one ticket, one closed ticket, and what is to be linked or merged."""

    def __init__(self, store: Store, directory: Path) -> None:
        departments = {name: {**one, "classification": CLASSES} for name, one in DEPARTMENTS.items()}
        mail = {"host": "mail.example.org", "sender": "desk@example.org"}
        settings = Settings.model_validate(
            {**SETTINGS.model_dump(exclude_unset=True), "departments": departments, "mail": mail}
        )
        self.store = store
        self.desk = TicketDesk(store, lambda: settings, lambda: NOW)
        self.files = TicketFiles(
            store, self.desk, AttachmentFiles(directory), lambda: settings.tickets.attachments
        )

    async def ticket(self, department: str, **wish: Any) -> int:
        given: dict[str, Any] = {"subject": "Printer burns", "department": department, **wish}
        return (await self.desk.create(CRM, Wish(**given), "api")).id  # type: ignore[typeddict-item]

    async def change(self, actor: Actor, id: int, **wish: Any) -> None:
        found = await self.desk.change(actor, id, Wish(**wish), None)  # type: ignore[typeddict-item]
        assert getattr(found, "id", None) == id, found

    async def attached(self, actor: Actor, id: int) -> int:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"It burns."

        return (await self.files.receive(actor, id, "letter.txt", pieces())).id


Try = Callable[[Sample, Actor, str], Awaitable[Any]]


def _changing(before: Mapping[str, Any] | None = None, **wish: Any) -> Try:
    async def attempt(sample: Sample, actor: Actor, department: str) -> None:
        id = await sample.ticket(department, **(before or {}))
        await sample.change(actor, id, **wish)

    return attempt


def _writing(kind: str) -> Try:
    async def attempt(sample: Sample, actor: Actor, department: str) -> None:
        entry = NewEntry(kind, actor.by, NOW, body="It burns.", to="maria@example.org")
        await sample.desk.write(actor, await sample.ticket(department), entry)

    return attempt


async def _read(sample: Sample, actor: Actor, department: str) -> None:
    id = await sample.ticket(department)
    async with sample.store.view() as unit:
        wanted = sample.desk.narrowed(actor, TicketQuery(departments=frozenset({department})))
        listed = [row.id for row in (await unit.ticket_lists.page(wanted, None, 10)).items]
        try:
            await sample.desk.see(unit, actor, id)
        except NotAllowed:
            assert id not in listed, "what he may not read was listed"
            raise
    assert id in listed


async def _create(sample: Sample, actor: Actor, department: str) -> None:
    await sample.desk.create(actor, {"subject": "It burns", "department": department}, "web")


async def _merge(sample: Sample, actor: Actor, department: str) -> None:
    await sample.desk.merge(actor, await sample.ticket(department), await sample.ticket(department))


async def _link(sample: Sample, actor: Actor, department: str) -> None:
    one, other = await sample.ticket(department), await sample.ticket(department)
    await sample.desk.link(actor, one, other, "related", on=True)


async def _tag(sample: Sample, actor: Actor, department: str) -> None:
    await sample.desk.set_tags(actor, await sample.ticket(department), ["fire"])


async def _attach(sample: Sample, actor: Actor, department: str) -> None:
    await sample.attached(actor, await sample.ticket(department))


async def _remove_attachment(sample: Sample, actor: Actor, department: str) -> None:
    id = await sample.ticket(department)
    await sample.files.remove(actor, id, await sample.attached(CRM, id))


async def _export(sample: Sample, actor: Actor, department: str) -> None:
    id = await sample.ticket(department)
    everything = sample.desk.narrowed(actor, TicketQuery(), Action.EXPORT)
    async with sample.store.view() as unit:
        listed = [row.id for row in (await unit.ticket_lists.page(everything, None, 10)).items]
    if id not in listed:
        raise NotAllowed("it is not in what he may export")


# Each action, and a request that takes this one and, but for reading, no other. One that is missing here has
# no way in, or nobody has looked whether it is guarded.
WAYS: Mapping[Action, Try] = {
    Action.READ: _read,
    Action.CREATE: _create,
    Action.EDIT: _changing(subject="It is warm"),
    Action.NOTE: _writing("note"),
    Action.PARTNER: _writing("partner"),
    Action.REPLY: _writing("mail_out"),
    Action.ASSIGN: _changing(assignee="1008"),
    Action.REDIRECT: _changing(line=2),
    Action.PRIORITISE: _changing(priority="urgent"),
    Action.CLASSIFY: _changing(classification="hardware"),
    Action.CLOSE: _changing(status="done"),
    Action.REOPEN: _changing({"status": "done"}, status="in_progress"),
    Action.MERGE: _merge,
    Action.LINK: _link,
    Action.TAG: _tag,
    Action.ATTACH: _attach,
    Action.DELETE_ATTACHMENT: _remove_attachment,
    Action.EXPORT: _export,
}
CELLS = [(department, role) for department, people in PEOPLE.items() for role in people]


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    store = await Store.open(await fill_sqlite(tmp_path / "tickets.db"))
    yield Sample(store, tmp_path / "files")
    await store.close()


def test_every_action_has_a_way_in() -> None:
    assert set(WAYS) == set(Action)


def test_every_role_is_somebody_somewhere() -> None:
    assert {role for _, role in CELLS} == set(Role)
    assert set(PEOPLE) == set(DEPARTMENTS)


@pytest.mark.parametrize(("department", "role"), CELLS)
async def test_every_cell_at_the_desk(sample: Sample, department: str, role: Role) -> None:
    who = PEOPLE[department][role]
    actor = Actor(who, who.agent or "nobody")
    allowed = sample.desk.rules.rights.of_role(role, department)
    for action, way in WAYS.items():
        try:
            await way(sample, actor, department)
            may = True
        except NotAllowed:
            may = False
        assert may == (action in allowed), (department, role, action)


@pytest.mark.parametrize("department", list(DEPARTMENTS))
async def test_what_may_be_done_is_what_is_offered(sample: Sample, department: str) -> None:
    """A page shows what ``see`` says; a button that is refused, or one that is missing, is a fault."""
    id = await sample.ticket(department)
    for role, who in PEOPLE[department].items():
        allowed = sample.desk.rules.rights.of_role(role, department)
        async with sample.store.view() as unit:
            if Action.READ in allowed:
                assert (await sample.desk.see(unit, Actor(who, "x"), id)).may == allowed
                continue
            with pytest.raises(NotAllowed):
                await sample.desk.see(unit, Actor(who, "x"), id)


async def test_his_own_tickets_are_listed_wherever_they_are(sample: Sample) -> None:
    """billing hides its tickets from the others; who has one of them sees that one."""
    stranger = Actor(Who("1008"), "1008")
    own = await sample.ticket("billing", assignee="1008")
    await sample.ticket("billing")
    async with sample.store.view() as unit:
        mine = sample.desk.narrowed(stranger, TicketQuery(assignees=frozenset({"1008"})))
        assert [row.id for row in (await unit.ticket_lists.page(mine, None, 10)).items] == [own]
        every = sample.desk.narrowed(stranger, TicketQuery())
        assert (await unit.ticket_lists.page(every, None, 10)).items == ()
        others = sample.desk.narrowed(stranger, replace(TicketQuery(), assignees=frozenset({"1001"})))
        assert others.departments is not None
        assert "billing" not in others.departments
        assert (await sample.desk.see(unit, stranger, own)).ticket.id == own


async def test_a_call_is_taken_by_who_may_edit(sample: Sample) -> None:
    id = await sample.ticket("support")
    outsider = Actor(Who("1011", supervisor=True), "1011")
    with pytest.raises(NotAllowed, match="may not edit"):
        await sample.desk.take_call(outsider, "1710406800.7", id)


async def test_long_ago_closed_it_takes_the_right_to_create(sample: Sample) -> None:
    """billing's line 3 may read and nothing else; nobody reopens by making a new one."""
    id = await sample.ticket("support", status="done")
    settings = SETTINGS.model_copy()
    later = TicketDesk(sample.store, lambda: settings, lambda: NOW + timedelta(days=60))
    with pytest.raises(NotAllowed, match="may not create"):
        await later.change(Actor(Who("1011", supervisor=True), "1011"), id, {"status": "open"}, None)


async def test_a_ticket_is_opened_with_its_note_or_not_at_all(sample: Sample) -> None:
    department = {"title": "x", "rights": {key: {"deny": ["note"]} for key in ("line1", "others")}}
    settings = SETTINGS.model_validate(
        {**SETTINGS.model_dump(exclude_unset=True), "departments": {"x1": department}}
    )
    desk, anna = TicketDesk(sample.store, lambda: settings, lambda: NOW), Actor(Who("1001"), "anna")
    wish: Wish = {"subject": "It burns", "department": "x1", "assignee": "1001"}
    with pytest.raises(NotAllowed, match="may not note"):
        await desk.create(anna, wish, "web", note="Water helps.")
    async with sample.store.view() as unit:
        assert (await unit.tickets.page(None, 10)).items == ()
    made = await desk.create(CRM, wish, "web", note="Water helps.")
    async with sample.store.view() as unit:
        entries = (await unit.entries.page(made.id, None, 10)).items
    assert [(one.kind, one.author, one.body) for one in entries] == [("note", "token crm", "Water helps.")]
