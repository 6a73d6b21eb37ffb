"""Clients on both databases: numbers, search by prefix, pages."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.client_values import NewClient
from bridge.store.rows import ClientName, NumberRow


def number(e164: str, written: str | None = None) -> NumberRow:
    return NumberRow(e164, written or e164)


async def test_a_number_finds_all_who_have_it(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add(
            "Анна", "Ромашка", "ru", "gold", "note", [number("+79161234567"), number("+74950000000")]
        )
        boris = await unit.clients.add("Boris", numbers=[number("+79161234567", "8 916 123-45-67")])
        await unit.clients.add("Clara", numbers=[number("+79161234568")])
    async with store.view() as unit:
        assert await unit.clients.by_e164("+79161234567") == [anna, boris]
        assert await unit.clients.by_e164("+7916123456") == []
        assert await unit.clients.names_by_e164("+79161234567") == [
            ClientName(anna.id, "Анна", "gold"),
            ClientName(boris.id, "Boris", ""),
        ]
        assert await unit.clients.names_by_e164("+7916123456") == []
        assert await unit.clients.get(anna.id) == anna
        assert await unit.clients.get(2**80) is None
    assert [one.e164 for one in anna.numbers] == ["+79161234567", "+74950000000"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ел", ["Анна Ёлкина"]),
        ("ЁЛК", ["Анна Ёлкина"]),
        ("елкина анна", ["Анна Ёлкина"]),
        ("анна петрова", []),
        ("ромаш", ["Анна Ёлкина", "Anna_100%"]),
        ("anna", ["Anna_100%"]),
        ("100", ["Anna_100%"]),
        ("_", []),
        ("%", []),
        ("\\", []),
        ("", []),
        ("+7 916", ["Анна Ёлкина"]),
        ("8 (916)", ["Анна Ёлкина"]),
        ("916", []),
        ("4420", ["Anna_100%"]),
        ("\0'\"; --", []),
        ("а" * 10_000, []),
    ],
)
async def test_search_is_by_prefix_without_wildcards(store: Store, text: str, names: list[str]) -> None:
    async with store.unit() as unit:
        await unit.clients.add(
            "Анна Ёлкина", "ООО «Ромашка»", numbers=[number("+79161234567", "8 (916) 123-45-67")]
        )
        await unit.clients.add("Anna_100%", "Ромашка-2", numbers=[number("+442071838750")])
        found = await unit.clients.search(text, 10)
    assert [client.name for client in found] == names


async def test_an_update_changes_what_is_named_and_nothing_else(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna", "Old", notes="keep", numbers=[number("+79161234567")])
        changed = await unit.clients.update(anna.id, company="New", numbers=[number("+74950000001")])
        assert changed is not None
        assert (changed.name, changed.company, changed.notes) == ("Anna", "New", "keep")
        assert [one.e164 for one in changed.numbers] == ["+74950000001"]
        assert changed.updated_at >= anna.updated_at
        assert await unit.clients.search("old", 5) == []
        assert [client.id for client in await unit.clients.search("new", 5)] == [anna.id]
        assert await unit.clients.by_e164("+79161234567") == []
        assert await unit.clients.update(anna.id + 1, name="X") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"name": "x" * 301},
        {"notes": "x" * 20_001},
        {"numbers": [number("89161234567")]},
        {"numbers": [number("+7916\n")]},
        {"numbers": [number(f"+7916000{n:04}") for n in range(51)]},
        {"colour": "red"},
    ],
)
async def test_a_bad_field_is_refused_by_name(store: Store, fields: dict) -> None:  # type: ignore[type-arg]
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
    with pytest.raises(BadInput, match="client"):
        async with store.unit() as unit:
            await unit.clients.update(anna.id, **fields)
    async with store.view() as unit:
        assert await unit.clients.get(anna.id) == anna


async def test_many_at_once_keep_their_order_and_numbers(store: Store) -> None:
    async with store.unit() as unit:
        ids = await unit.clients.add_many(
            [NewClient(f"Client {n}", numbers=(number(f"+7916{n:07}"),)) for n in range(1200)]
        )
        assert ids == sorted(ids)
        for n in (0, 601, 1199):
            (found,) = await unit.clients.by_e164(f"+7916{n:07}")
            assert (found.id, found.name) == (ids[n], f"Client {n}")
        seen, cursor = [], None
        while True:
            page = await unit.clients.page(cursor, 500)
            seen += [client.id for client in page.items]
            if (cursor := page.cursor) is None:
                break
        assert seen == ids


async def test_looking_up_a_number_uses_the_index(tmp_path: Path) -> None:
    """On SQLite, whose plan does not depend on how many rows there are."""
    store = await Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    plans = []
    async with store.view() as unit:
        session = unit.clients._session
        for query in (
            "SELECT client_id FROM client_numbers WHERE e164 = '+7'",
            "SELECT client_id FROM client_numbers WHERE digits >= '8' AND digits < '9'",
            "SELECT client_id FROM client_words WHERE word >= 'a' AND word < 'b'",
            "SELECT id FROM calls WHERE client_id = 1 ORDER BY offered_at DESC, id DESC LIMIT 5",
            "SELECT id FROM calls WHERE agent = '1' ORDER BY offered_at DESC, id DESC LIMIT 5",
            "SELECT id FROM calls ORDER BY offered_at DESC, id DESC LIMIT 5",
            "SELECT id FROM tickets WHERE call_id = '1'",
            "SELECT id FROM tickets WHERE client_id = 1 AND status IN ('open', 'in_progress')",
            "SELECT id FROM recordings WHERE call_id = '1'",
            "SELECT id FROM recordings WHERE state = 'pending' ORDER BY created_at",
            "SELECT id FROM facts WHERE call = '1' ORDER BY id",
        ):
            rows = await session.execute(text(f"EXPLAIN QUERY PLAN {query}"))
            plans.append((query, " / ".join(row[3] for row in rows)))
    await store.close()
    assert [query for query, plan in plans if "USING" not in plan or "TEMP B-TREE" in plan] == []


async def test_tags_and_fields_are_kept_with_the_client_and_found_by(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna", fields={"contract": "A"}, tags=["VIP", "debtor", "vip"])
        boris = await unit.clients.add("Boris", tags=["vip"])
        await unit.clients.add("Clara")
        assert (anna.tags, anna.fields) == (("debtor", "vip"), {"contract": "A"})
        assert [one.id for one in (await unit.clients.page(None, 10, ["Vip"])).items] == [anna.id, boris.id]
        assert [one.id for one in await unit.clients.search("b", 10, ["vip"])] == [boris.id]
        assert (await unit.clients.page(None, 10, ["vip", "other"])).items == ()
        changed = await unit.clients.update(anna.id, tags=["new"])
        assert changed is not None
        assert (changed.tags, changed.fields) == (("new",), {"contract": "A"})
        assert changed.updated_at >= anna.updated_at
        await unit.clients.update(anna.id, fields={})
        row = await unit.clients.get(anna.id)
        assert row is not None
        assert (row.tags, row.fields) == (("new",), {})


async def test_what_cannot_be_kept_changes_nothing_of_the_client(store: Store) -> None:
    many = [number(f"+7916{n:07}") for n in range(51)]
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna", numbers=[number("+79161234567")], tags=["vip"])
        for wrong in (
            {"numbers": many},
            {"tags": ["a,b"]},
            {"emails": ["x" * 300]},
            {"fields": {"k": "x" * 200_001}},
        ):
            with pytest.raises(BadInput):
                await unit.clients.update(anna.id, name="Other", **wrong)  # type: ignore[arg-type]
        assert await unit.clients.get(anna.id) == anna


async def test_owners_of_numbers_in_one_go(store: Store) -> None:
    async with store.unit() as unit:
        shared, own = number("+74950000000"), number("+79161234567")
        anna = await unit.clients.add("Anna", numbers=[shared, own])
        boris = await unit.clients.add("Boris", numbers=[shared])
    found = await store.read(lambda unit: unit.clients.owners({shared.e164, own.e164, "+7999"}))
    assert sorted(found) == sorted(
        [(anna.id, "Anna", own.e164), (anna.id, "Anna", shared.e164), (boris.id, "Boris", shared.e164)]
    )
    assert await store.read(lambda unit: unit.clients.owners(set())) == []
