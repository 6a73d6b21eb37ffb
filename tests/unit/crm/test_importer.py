"""Clients come in once, are brought up to date, and share numbers when they do."""

import io

import pytest

from bridge.crm.importer import BATCH, ImportReport, import_clients
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.api_rows import ImportCounts

HEADER = "name;company;numbers;language;tier;notes\n"


async def bring(store: Store, text: str, header: str = HEADER) -> ImportReport:
    return await import_clients(store, io.StringIO(header + text, newline=""), "RU")


async def names(store: Store, e164: str) -> list[str]:
    async with store.view() as unit:
        return [client.name for client in await unit.clients.by_e164(e164)]


async def test_again_changes_nothing(store: Store) -> None:
    text = "Anna;Rose;+79161234567|84950000001;ru;gold;x\nBoris;;89160000000;;;\n"
    assert await bring(store, text) == ImportReport(2, 0, ())
    async with store.view() as unit:
        before = (await unit.clients.page(None, 10)).items
    assert await bring(store, text) == ImportReport(0, 0, (), unchanged=2)
    async with store.view() as unit:
        assert (await unit.clients.page(None, 10)).items == before


async def test_the_same_name_and_number_is_brought_up_to_date(store: Store) -> None:
    await bring(store, "Anna;Rose;+79161234567;ru;;keep\n")
    assert await bring(store, "  anna ;New;+79160000009|+79161234567;;gold;\n") == ImportReport(0, 1, ())
    async with store.view() as unit:
        (anna,) = (await unit.clients.page(None, 10)).items
    assert (anna.name, anna.company, anna.language, anna.tier, anna.notes) == (
        "Anna",
        "New",
        "ru",
        "gold",
        "keep",
    )
    assert [number.e164 for number in anna.numbers] == ["+79161234567", "+79160000009"]


async def test_mail_addresses_come_along_and_stay(store: Store) -> None:
    header = "name;number;emails;email2\n"
    for line, report in (
        ("Anna;89161234567;a@example.org|b@example.org;\n", ImportReport(1, 0, ())),
        ("Anna;89161234567;A@example.org;c@example.org\n", ImportReport(0, 1, ())),
        ("Anna;89161234567;;\n", ImportReport(0, 0, (), unchanged=1)),
    ):
        assert await bring(store, line, header) == report
    async with store.view() as unit:
        (anna,) = (await unit.clients.page(None, 10)).items
        assert await unit.emails.owners("B@example.org") == [anna.id]
    assert anna.emails == ("a@example.org", "b@example.org", "c@example.org")
    report = await bring(store, "Boris;89160000000;nobody;\n", header)
    assert (report.added, report.refused[0].line) == (0, 2)
    assert "nobody" in report.refused[0].reason


async def test_two_clients_may_share_a_number(store: Store) -> None:
    assert (await bring(store, "Anna;;+79161234567;;;\nBoris;;+79161234567;;;\n")).added == 2
    assert await names(store, "+79161234567") == ["Anna", "Boris"]


async def test_one_client_on_several_lines_of_one_file(store: Store) -> None:
    report = await bring(
        store, "Anna;;+79161234567;;;\nAnna;Rose;+79161234567|+79160000001;;;\nANNA;;+79160000001;;gold;\n"
    )
    assert (report.added, report.updated) == (1, 2)
    async with store.view() as unit:
        (anna,) = (await unit.clients.page(None, 10)).items
    assert (anna.company, anna.tier, len(anna.numbers)) == ("Rose", "gold", 2)


async def test_one_client_on_lines_of_different_batches(store: Store) -> None:
    filler = "".join(f"Client {n};;+7917{n:07};;;\n" for n in range(BATCH + 5))
    report = await bring(store, f"Anna;;+79161234567;;;\n{filler}Anna;Rose;+79161234567;;;\n")
    assert (report.added, report.updated) == (BATCH + 6, 1)


async def test_bad_lines_are_refused_and_the_rest_comes_in(store: Store) -> None:
    report = await bring(
        store, "Anna;;+79161234567;;;\n;;+79160000000;;;\nBoris;;no;;;\nClara;;+79160000001;;;\n"
    )
    assert report.added == 2
    assert [refusal.line for refusal in report.refused] == [3, 4]
    assert await names(store, "+79160000000") == []


async def test_progress_and_a_large_file(store: Store) -> None:
    told: list[ImportCounts] = []
    text = "name,number\n" + "".join(f"Client {n},+7916{n:07}\n" for n in range(1000))
    report = await import_clients(store, io.StringIO(text), "RU", told.append)
    assert report == ImportReport(1000, 0, ())
    assert [one.lines for one in told] == sorted(one.lines for one in told)
    assert told[-1] == ImportCounts(0, 1001, 1000)


async def test_a_file_without_a_header_brings_nothing(store: Store) -> None:
    with pytest.raises(BadInput, match="header"):
        await bring(store, "Anna;+79161234567\n", header="")
    async with store.view() as unit:
        assert (await unit.clients.page(None, 10)).items == ()
