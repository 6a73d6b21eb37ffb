"""Full text on both databases, with the same expectations of both."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bridge.crm import ticket_index
from bridge.errors import LinkDown
from bridge.store import Store, Unit, ticket_filters, ticket_lists
from bridge.store.rows import NumberRow
from bridge.store.ticket_query import TicketOrder, TicketQuery
from bridge.store.ticket_rows import NewEntry
from bridge.store.ticket_search import MAX_WORDS, asked
from tests.integration.store.conftest import START, record

LATER = START + timedelta(hours=1)


async def new(unit: Unit, subject: str, **fields: object) -> int:
    row = await unit.tickets.create(
        source="web",
        fields={"subject": subject, **fields},  # type: ignore[typeddict-item]
        by="anna",
        at=START,
    )
    return row.id


async def found(unit: Unit, words: str, **query: object) -> list[int]:
    page = await unit.ticket_lists.page(TicketQuery(text=words, **query), None, 100)  # type: ignore[arg-type]
    return [row.id for row in page.items]


async def test_words_of_everything_in_any_writing(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add(
            "Пётр Ёлкин", company="Šimek & Co", numbers=[NumberRow("+79161234567", "8 (916) 123-45-67")]
        )
        one = await new(unit, "Не печатает ПРИНТЕР №5", client=anna.id, solution="Cafe\u0301 naïve")
        two = await new(unit, "printer")
        await unit.entries.append(
            two, NewEntry("note", "x", START, subject="Внутри", body="<b>секретный</b> код A-17/x")
        )
        await unit.entries.append(two, NewEntry("mail_in", "x", START, body="e-mail me@example.org"))
        for words, expected in {
            "принтер": [one],
            "ПРИНТ": [one],
            "елкин": [one],
            "Ёлкин петр": [one],
            "пётр печат": [one],
            "печат пётр": [],  # only the last word goes on
            "simek": [one],
            "café NAIVE": [one],
            "+79161234567": [one],
            "79161234567": [one],
            "+7 916 123-45-67": [one],
            "8 (916) 123": [one],
            "9161234": [one],
            "916123456789": [],
            "printer": [two],
            "секретн": [two],
            "внутри код": [two],
            "me@example.org": [two],
            "a-17/x": [two],
            "printer принтер": [],
            "5": [one],
            "": [two, one],
        }.items():
            assert await found(unit, words) == expected, words


@pytest.mark.parametrize("by_itself", [True, False], ids=["at once", "later"])
async def test_it_follows_every_change(store: Store, by_itself: bool) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        one, two = await new(unit, "alpha", client=anna.id), await new(unit, "beta")
        if not by_itself:
            # As if it had been written by a version that knows nothing of it.
            await unit.ticket_search.catch_up()
            session = unit.tickets._session
            await session.execute(
                text(f"UPDATE tickets SET subject = 'gamma', client_id = NULL WHERE id = {one}")
            )
            assert await found(unit, "gamma") == []
            assert await unit.ticket_search.catch_up() == 1
        else:
            await unit.tickets.change(
                one, if_version=1, fields={"subject": "gamma", "client": None}, by="x", at=LATER
            )
        assert await found(unit, "alpha") == await found(unit, "anna") == []
        assert await found(unit, "gamma") == [one]
        await unit.tickets.change(two, if_version=None, fields={"client": anna.id}, by="x", at=LATER)
        await unit.ticket_search.catch_up()
        await unit.clients.update(anna.id, name="Clara", numbers=[NumberRow("+79169999999", "9999999")])
        assert await unit.ticket_search.left(10) == 2
        await unit.ticket_search.catch_up()
        assert await found(unit, "clara") == await found(unit, "+79169999999") == [two]
        assert await found(unit, "anna") == []
        await unit.entries.append(two, NewEntry("note", "x", START, body="delta"))
        await unit.tickets.merge(two, one, by="x", at=LATER)
        assert await found(unit, "delta") == [one]


async def test_a_calls_ticket_is_found_when_the_marks_are_worked_off(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(record(), "Anna · +7 916 123-45-67", "support")
        await unit.tickets.follow_call(record().id, "Anna Karenina", "support")
        assert await found(unit, "karenina") == []
        assert await unit.ticket_search.catch_up(1) == 1
        assert await unit.ticket_search.left(5) == 1
        assert await unit.ticket_search.catch_up() == 1
        assert await unit.ticket_search.catch_up() == 0
        assert await found(unit, "karenina") == await found(unit, "89161234567") == [ticket.id]


async def test_within_rights_and_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ticket_lists, ticket_filters):
        monkeypatch.setattr(module, "WITHIN", 7)
    async with store.unit() as unit:
        ids = [await new(unit, f"common word{number}", department=f"d{number % 5}") for number in range(40)]
        seen: list[int] = []
        cursor, pages = None, 0
        query = TicketQuery(text="common", departments=frozenset({"d1"}))
        while True:
            page = await unit.ticket_lists.page(query, cursor, 3)
            seen += [row.id for row in page.items]
            assert {row.department for row in page.items} <= {"d1"}
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
        assert seen == [id for number, id in enumerate(ids) if number % 5 == 1][::-1]
        assert pages > 3
        assert await found(unit, "common", departments=frozenset()) == []
        assert await found(unit, "word7", departments=frozenset({"d1"})) == []
        assert await found(unit, "word7", departments=frozenset({"d2"}), order=TicketOrder.OLDEST) == [ids[7]]
        assert str(await unit.ticket_lists.count(TicketQuery(text="common"))) == "7"


HOSTILE = [
    '"',
    "'",
    'a" OR b',
    "NEAR(a b)",
    "words: x*",
    "a AND",
    "^a",
    "a:*b",
    "a & | !",
    "\\",
    "'\\'':*",
    "\0",
    "\ud800",
    "😀",
    "a" * 10_000,
    "w " * 5_000,
    "%_",
    "-",
    "(((",
    "९१६१२३४",
    "ﬁne ½ Ⅷ",
    "ก็ हिन्दी 漢字",
    "+7" * 100,
]


async def test_no_text_is_an_error(store: Store) -> None:
    async with store.unit() as unit:
        ids = {words: await new(unit, f"x {words}"[:400]) for words in HOSTILE}
        for words, id in ids.items():
            await found(unit, words)
            if asked(words[:390]) is not None:
                assert id in await found(unit, words[:390]), f"{words[:40]!r}: what is written is found"
            assert await unit.ticket_lists.count(TicketQuery(text=words)) is not None


async def test_an_endless_thread_is_indexed_as_far_as_it_fits(store: Store) -> None:
    async with store.unit() as unit:
        one = await new(unit, "long")
        for part in range(5):
            body = " ".join(f"{part}{'ж' * 50}{number}" for number in range(1_500))
            await unit.entries.append(one, NewEntry("mail_in", "x", START, body=body))
        assert MAX_WORDS < 5 * 1_500
        assert await found(unit, "long") == [one]
        assert await found(unit, f"4{'ж' * 50}7") == [one], "the latest first"


async def test_the_index_follows_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_index, "AT_ONCE", 3)
    async with store.unit() as unit:
        ids = [
            (await unit.tickets.open_for_call(record(f"c{number}"), "behind", "support")).id
            for number in range(8)
        ]
    running = asyncio.create_task(ticket_index.TicketIndex(store, every=0.01).run())
    async with asyncio.timeout(30):
        while True:
            async with store.view() as unit:
                if await found(unit, "behind") == ids[::-1]:
                    break
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with store.view() as unit:
        assert await unit.ticket_search.left(1) == 0


async def test_the_index_outlives_a_fault(store: Store) -> None:
    async with store.unit() as unit:
        one = (await unit.tickets.open_for_call(record(), "behind", "support")).id
    index = ticket_index.TicketIndex(store, every=0.01)
    failed = 0

    async def fails() -> int:
        nonlocal failed
        failed += 1
        if failed < 3:
            raise LinkDown("gone") if failed == 1 else ZeroDivisionError
        return await ticket_index.TicketIndex.run_once(index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "run_once", fails)
        running = asyncio.create_task(index.run())
        async with asyncio.timeout(30):
            while failed < 4:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    async with store.view() as unit:
        assert await found(unit, "behind") == [one]
