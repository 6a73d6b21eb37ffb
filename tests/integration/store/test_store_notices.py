"""What people were told of tickets and have not put away, on both databases."""

from datetime import datetime, timedelta

from bridge.store import Store, Unit
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import NoticeRow
from tests.integration.store.conftest import START

HOUR = timedelta(hours=1)
DUE, LATER = START + HOUR, START + 8 * HOUR


async def new(unit: Unit, **fields: object) -> TicketRow:
    given = {"subject": "s", "reaction_due_at": DUE, "resolution_due_at": LATER, **fields}
    return await unit.tickets.create(source="web", fields=given, by="anna", at=START)  # type: ignore[arg-type]


async def people(unit: Unit) -> list[int]:
    return [(await unit.users.add(login, "-", "agent")).id for login in ("anna", "boris")]


def brief(rows: list[NoticeRow]) -> list[tuple[int, str, str, datetime]]:
    return [(row.ticket.id, row.clock, row.step, row.due_at) for row in rows]


async def test_each_has_his_own_until_he_puts_it_away(store: Store) -> None:
    async with store.unit() as unit:
        anna, boris = await people(unit)
        one, two = await new(unit), await new(unit)
        notices = unit.notices
        await notices.tell([anna, boris], one.id, [("reaction", "warn", DUE)], START)
        await notices.tell([anna], two.id, [("resolution", "warn", LATER)], START + HOUR)
        await notices.tell([anna], one.id, [("reaction", "escalate", DUE)], START + 2 * HOUR)
        await notices.tell([], one.id, [("reaction", "escalate", DUE)], START)
        assert brief(await notices.of(anna, 9)) == [
            (one.id, "reaction", "escalate", DUE),
            (two.id, "resolution", "warn", LATER),
        ]
        assert brief(await notices.of(anna, 1)) == [(one.id, "reaction", "escalate", DUE)]
        (his,) = await notices.of(boris, 9)
        assert (his.step, his.at, his.ticket.subject) == ("warn", START, "s")
        await notices.put_away(anna, one.id, "resolution")
        await notices.put_away(anna, 2**70, "reaction")
        await notices.put_away(anna, one.id, "reaction")
        assert brief(await notices.of(anna, 9)) == [(two.id, "resolution", "warn", LATER)]
        await notices.put_all_away(anna)
        assert await notices.of(anna, 9) == []
        assert len(await notices.of(boris, 9)) == 1
        await notices.sweep(START)
        assert len(await notices.of(boris, 9)) == 1
        await notices.sweep(START + HOUR)
        assert await notices.of(boris, 9) == []


async def test_what_is_not_true_any_more_is_not_told(store: Store) -> None:
    async with store.unit() as unit:
        anna, _ = await people(unit)
        both = [("reaction", "warn", DUE), ("resolution", "warn", LATER)]
        reacted, closed, put_off, merged, open_still = [await new(unit) for _ in range(5)]
        for row in (reacted, closed, put_off, merged, open_still):
            await unit.notices.tell([anna], row.id, both, START)
        for row, change in (
            (reacted, {"reacted_at": START}),
            (closed, {"closed_at": START}),
            (put_off, {"resolution_due_at": LATER + HOUR, "reaction_due_at": None}),
        ):
            await unit.tickets.change(row.id, if_version=None, fields=change, by="anna", at=START)  # type: ignore[arg-type]
        await unit.tickets.merge(merged.id, open_still.id, by="anna", at=START)
        assert set(brief(await unit.notices.of(anna, 99))) == {
            (reacted.id, "resolution", "warn", LATER),
            (open_still.id, "reaction", "warn", DUE),
            (open_still.id, "resolution", "warn", LATER),
        }
