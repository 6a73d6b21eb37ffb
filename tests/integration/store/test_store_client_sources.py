"""Clients whom external directories know: linked once, refreshed, left alone where people changed them."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.client_sources import GivenClient
from bridge.store.rows import ClientName, NumberRow

AT = datetime(2026, 11, 28, 10, tzinfo=UTC)
NUMBER, OTHER = "+79161234567", "+442071838750"


def given(id: str = "a-1", url: str = "https://crm.example/1", **values: str) -> GivenClient:
    return GivenClient(id, url, {"name": "Anna", **values})


async def keep(store: Store, *clients: GivenClient, number: str = NUMBER, source: str = "crm", at=AT):
    async with store.unit() as unit:
        return await unit.sources.keep(source, number, clients, at)


async def test_a_new_client_is_linked_and_found_by_number(store: Store) -> None:
    (kept,) = await keep(store, given(company="Acme", tier="gold", language="en", notes="hello"))
    assert kept == ClientName(kept.id, "Anna", "gold")
    async with store.view() as unit:
        (client,) = await unit.clients.by_e164(NUMBER)
        (link,) = await unit.sources.of_clients([client.id])
        assert await unit.sources.of_clients([]) == []
        assert await unit.sources.of_clients([0, 2**70]) == []
    assert (client.id, client.company, client.language, client.notes) == (kept.id, "Acme", "en", "hello")
    assert (link.client, link.source, link.external_id) == (client.id, "crm", "a-1")
    assert (link.url, link.fetched_at) == ("https://crm.example/1", AT)
    assert await store.read(lambda unit: unit.sources.of_clients([client.id])) == [link]


async def test_it_is_refreshed_where_nobody_changed_it(store: Store) -> None:
    (kept,) = await keep(store, given(company="Acme", tier="gold"))
    async with store.unit() as unit:
        await unit.clients.update(kept.id, company="Acme & Sons", numbers=[NumberRow(OTHER, OTHER)])
    (again,) = await keep(store, given(name="Anna B", company="Acme Ltd", url=""), at=AT + timedelta(hours=1))
    assert again == ClientName(kept.id, "Anna B", "gold"), "what it does not say any more stays"
    async with store.view() as unit:
        client = await unit.clients.get(kept.id)
        (link,) = await unit.sources.of_clients([kept.id])
    assert client is not None
    assert client.company == "Acme & Sons"
    assert [number.e164 for number in client.numbers] == [OTHER], "what people took away stays away"
    assert (link.url, link.fetched_at) == ("", AT + timedelta(hours=1))


async def test_a_second_number_of_his_is_kept(store: Store) -> None:
    (kept,) = await keep(store, given())
    assert await keep(store, given(), number=OTHER) == [kept]
    async with store.view() as unit:
        assert [client.id for client in await unit.clients.by_e164(OTHER)] == [kept.id]
        assert [client.id for client in await unit.clients.by_e164(NUMBER)] == [kept.id]


async def test_who_has_the_same_number_and_name_is_the_same(store: Store) -> None:
    async with store.unit() as unit:
        own = await unit.clients.add("ANNA", notes="our own", numbers=[NumberRow(NUMBER, NUMBER)])
    (kept,) = await keep(store, given(company="Acme", notes="theirs"))
    (second,) = await keep(store, given("77"), source="book")
    assert kept.id == second.id == own.id
    async with store.view() as unit:
        client = await unit.clients.get(own.id)
        assert [link.source for link in await unit.sources.of_clients([own.id])] == ["book", "crm"]
    assert client is not None
    assert (client.name, client.company, client.notes) == ("ANNA", "Acme", "our own")


async def test_several_of_one_number_are_several(store: Store) -> None:
    kept = await keep(store, given("1"), given("2", name="Boris"))
    assert [client.name for client in kept] == ["Anna", "Boris"]
    assert await keep(store, given("2", name="Boris"), given("1")) == kept[::-1]


async def test_what_is_too_long_is_not_kept_at_all(store: Store) -> None:
    (kept,) = await keep(store, given(name="A" * 300, notes="n" * 20_000))
    with pytest.raises(BadInput):
        await keep(store, given("2", name="B C"), given("3", name="B" * 301))
    async with store.view() as unit:
        assert [client.id for client in await unit.clients.by_e164(NUMBER)] == [kept.id]


async def test_tags(store: Store) -> None:
    async with store.unit() as unit:
        anna, boris = await unit.clients.add("Anna"), await unit.clients.add("Boris", tags=["x"])
        await unit.clients.update(anna.id, tags=[" VIP ", "долг", "vip", ""])
    async with store.view() as unit:
        assert [one.tags for one in await unit.clients.of_ids([anna.id, boris.id])] == [
            ("vip", "долг"),
            ("x",),
        ]
    async with store.unit() as unit:
        await unit.clients.update(anna.id, tags=[])
        assert [one.tags for one in await unit.clients.of_ids([anna.id, boris.id])] == [(), ("x",)]


@pytest.mark.parametrize("tags", [["a,b"], ["a" * 41], ["a\x00"], [f"t{number}" for number in range(21)]])
async def test_tags_that_are_refused(store: Store, tags: list[str]) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
    with pytest.raises(BadInput, match="client tag"):
        async with store.unit() as unit:
            await unit.clients.update(anna.id, tags=tags)


async def test_a_company_s_own_fields(store: Store) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        assert anna.fields == {}
        changed = await unit.clients.update(anna.id, fields={"contract": "А-7", "since": "2026-01-31"})
        assert changed is not None
        renamed = await unit.clients.update(anna.id, name="Anna B")
    assert renamed is not None
    assert renamed.fields == {"contract": "А-7", "since": "2026-01-31"}
    with pytest.raises(BadInput, match="client fields"):
        async with store.unit() as unit:
            await unit.clients.update(anna.id, fields={"a": "x" * 200_001})
