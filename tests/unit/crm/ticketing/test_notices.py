"""Who is told that a ticket is soon due or overdue, and that nobody is told of what he may not read."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.centre.facts import TicketAlarmed
from bridge.centre.ids import AgentId, TicketId
from bridge.config import Settings
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.notices import KEPT, TicketNotices
from bridge.crm.ticketing.rights import Who
from bridge.store import Store
from tests.fakes.databases import fill_sqlite
from tests.unit.crm.ticketing.test_desk import CRM, MONDAY, SETTINGS, Clockwork

PEOPLE = {
    "anna": ("agent", "1001"),
    "boris": ("agent", "1002"),
    "vera": ("agent", "1003"),
    "head": ("supervisor", "1005"),  # of support
    "chief": ("supervisor", None),  # of all
}
NEW: Wish = {"subject": "Printer burns", "department": "support", "fields": {"serial": "A1"}}


class Screens:
    def __init__(self, store: Store, clock: Clockwork, settings: dict[str, Any]) -> None:
        self.store, self.clock, self.settings = store, clock, settings
        self.told: list[TicketAlarmed] = []
        self.desk = TicketDesk(
            store, lambda: Settings.model_validate(self.settings), lambda: clock.now, self._tell
        )
        self.notices = TicketNotices(store, self.desk)
        self.users: dict[str, int] = {}

    def _tell(self, fact: Any) -> None:
        self.told.append(fact)

    async def of(self, login: str) -> list[tuple[int, str, str]]:
        role, agent = PEOPLE[login]
        actor = Actor(Who(agent, supervisor=role == "supervisor"), login)
        rows = await self.notices.of(actor, self.users[login])
        return [(row.ticket.id, row.clock, row.step) for row in rows]

    async def everybody(self) -> dict[str, list[tuple[int, str, str]]]:
        found = {login: await self.of(login) for login in PEOPLE}
        return {login: rows for login, rows in found.items() if rows}


@pytest.fixture
async def screens(tmp_path: Path) -> AsyncIterator[Screens]:
    store = await Store.open(await fill_sqlite(tmp_path / "tickets.db"))
    found = Screens(store, Clockwork(), SETTINGS)
    async with store.unit() as unit:
        for login, (role, agent) in PEOPLE.items():
            found.users[login] = (await unit.users.add(login, "-", role, agent)).id
    yield found
    await store.close()


async def test_the_assignee_is_warned_and_supervisors_are_told_of_the_overdue(screens: Screens) -> None:
    row = await screens.desk.create(CRM, {**NEW, "assignee": "1002"}, "web")
    screens.clock.pass_time(hours=1, minutes=40)
    await screens.desk.sound_alarms(row.id)
    assert await screens.everybody() == {"boris": [(row.id, "reaction", "warn")]}
    due = MONDAY + timedelta(hours=2)
    fact = TicketAlarmed(TicketId(row.id), "reaction", "warn", due, (AgentId("1002"),))
    assert screens.told == [fact]
    screens.clock.pass_time(minutes=30)
    await screens.desk.sound_alarms(row.id)
    overdue = [(row.id, "reaction", "escalate")]
    assert await screens.everybody() == {"boris": overdue, "head": overdue}, "not the whole centre's"
    assert [fact.told for fact in screens.told] == [("1002",), ("1005", "1002")]
    await screens.notices.put_away(screens.users["boris"], row.id, "reaction")
    assert await screens.everybody() == {"head": overdue}
    await screens.desk.sound_alarms(row.id)
    assert await screens.everybody() == {"head": overdue}, "told once"
    await screens.desk.change(CRM, row.id, {"status": "done", "fields": {"cause": "x"}}, None)
    assert await screens.everybody() == {}, "it is done with"


async def test_nobody_s_ticket_is_its_line_s(screens: Screens) -> None:
    row = await screens.desk.create(CRM, NEW, "web")
    screens.clock.pass_time(hours=1, minutes=40)
    await screens.desk.sound_alarms(row.id)
    assert await screens.everybody() == {"anna": [(row.id, "reaction", "warn")]}


async def test_without_a_supervisor_of_its_own_the_whole_centre_s_is_told(screens: Screens) -> None:
    departments = SETTINGS["departments"]
    screens.settings = {
        **SETTINGS,
        "departments": {**departments, "sales": {**departments["sales"], "sla": [{"reaction_hours": 1}]}},
    }
    row = await screens.desk.create(CRM, {"subject": "s", "department": "sales"}, "web")
    screens.clock.pass_time(hours=2)
    await screens.desk.sound_alarms(row.id)
    assert await screens.everybody() == {"chief": [(row.id, "reaction", "escalate")]}
    assert screens.told[0].told == ()


async def test_a_notice_of_what_he_may_not_read_any_more_is_not_shown(screens: Screens) -> None:
    row = await screens.desk.create(CRM, NEW, "web")
    screens.clock.pass_time(hours=1, minutes=40)
    await screens.desk.sound_alarms(row.id)
    assert await screens.of("anna") == [(row.id, "reaction", "warn")]
    support = SETTINGS["departments"]["support"]
    closed = {**support, "lines": {"1": ["1003"]}, "rights": {"others": []}}
    screens.settings = {**SETTINGS, "departments": {**SETTINGS["departments"], "support": closed}}
    assert await screens.everybody() == {}


async def test_what_nobody_puts_away_goes_after_a_month(screens: Screens) -> None:
    old = await screens.desk.create(CRM, NEW, "web")
    screens.clock.pass_time(hours=1, minutes=40)
    await screens.desk.sound_alarms(old.id)
    screens.clock.now += KEPT + timedelta(minutes=1)
    young = await screens.desk.create(CRM, NEW, "web")
    screens.clock.pass_time(hours=1, minutes=40)
    await screens.desk.sound_alarms(young.id)
    assert await screens.of("anna") == [(young.id, "reaction", "warn")]
