"""What time does to tickets by itself, and that one that cannot be dealt with delays no other."""

from datetime import timedelta
from typing import Any

from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.upkeep import TicketUpkeep
from bridge.errors import BadInput
from bridge.store.rows import TicketRow
from tests.unit.crm.ticketing.test_desk import ANNA, BORIS, NEW, Clockwork, changed
from tests.unit.crm.ticketing.test_desk import clock as clock
from tests.unit.crm.ticketing.test_desk import desk as desk


def upkeep(desk: TicketDesk, clock: Clockwork) -> TicketUpkeep:
    return TicketUpkeep(desk._store, desk, clock=lambda: clock.now)


async def kept(desk: TicketDesk, row: TicketRow) -> TicketRow:
    async with desk._store.view() as unit:
        found = await unit.tickets.get(row.id)
    assert found is not None
    return found


async def test_temporary_statuses_close_and_alarms_sound_each_once(
    desk: TicketDesk, clock: Clockwork
) -> None:
    late = await desk.create(ANNA, NEW, "web")
    solved = await desk.create(ANNA, NEW, "web")
    solved = await changed(desk, BORIS, solved, status="solved", fields={"cause": "dust"})
    work = upkeep(desk, clock)
    assert await work.run_once() == 0
    clock.pass_time(hours=25)
    assert await work.run_once() > 0
    assert (await kept(desk, solved)).status == "done"
    assert (await kept(desk, late)).escalated_at == clock.now
    assert await work.run_once() == 0


async def test_one_that_cannot_be_dealt_with_is_put_off_and_delays_no_other(
    desk: TicketDesk, clock: Clockwork, monkeypatch: Any
) -> None:
    bad, good = await desk.create(ANNA, NEW, "web"), await desk.create(ANNA, NEW, "web")
    sound, asked = desk.sound_alarms, []

    async def fails_for_one(ticket: int) -> Any:
        asked.append(ticket)
        if ticket == bad.id:
            raise BadInput("made to fail")
        return await sound(ticket)

    monkeypatch.setattr(desk, "sound_alarms", fails_for_one)
    clock.pass_time(hours=3)
    work = upkeep(desk, clock)
    assert await work.run_once() == 1
    assert (await kept(desk, good)).escalated_at == clock.now
    assert await work.run_once() == 0
    assert asked == [bad.id, good.id]
    clock.now += timedelta(minutes=11)
    await work.run_once()
    assert asked == [bad.id, good.id, bad.id]
