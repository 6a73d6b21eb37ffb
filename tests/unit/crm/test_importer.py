"""Clients come in once, are brought up to date, and share numbers when they do."""

import io
from typing import Any

import pytest

from bridge.config.custom_fields import FieldSettings
from bridge.crm.client_numbers import lines_of
from bridge.crm.importer import BATCH, ImportReport, import_clients
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.api_rows import ImportCounts
from bridge.store.rows import ClientRow, NumberRow

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


# ── extensions, tags, fields of the company's own ────────────────────────────

FIELDS = [
    {"key": "contract", "title": "Contract", "type": "text", "required": "create"},
    {"key": "debt", "title": "Debt", "type": "number", "decimals": 2},
    {"key": "make", "title": "Make", "type": "dropdown", "options": ["hp", "canon"]},
    {
        "key": "model",
        "title": "Model",
        "type": "dependent_dropdown",
        "depends_on": "make",
        "options_by_parent": {"hp": ["LJ-12"], "canon": ["C5"]},
    },
    {"key": "parts", "title": "Parts", "type": "multi_select", "options": ["toner", "drum"]},
]
OWN = [FieldSettings.model_validate(one) for one in FIELDS]
OWN_HEADER = "name;number;tags;field_contract;field_make;field_model;field_parts;field_debt\n"


async def bring_own(store: Store, text: str, header: str = OWN_HEADER, **how: Any) -> ImportReport:
    return await import_clients(store, io.StringIO(header + text, newline=""), "RU", fields=OWN, **how)


async def all_clients(store: Store) -> list[ClientRow]:
    async with store.view() as unit:
        return list((await unit.clients.page(None, 100)).items)


@pytest.mark.parametrize("between", ["", "".join(f"X{n};+7917{n:07}\n" for n in range(BATCH))])
async def test_another_extension_of_a_known_number_comes_along(store: Store, between: str) -> None:
    first, more = "Anna;+74951234567 ext. 12\n", "Anna;+74951234567 ext. 34\n"
    await bring(store, first + between + more + more, "name;number\n")
    report = await bring(store, more, "name;number\n")
    assert (report.added, report.updated, report.unchanged) == (0, 0, 1)
    anna = (await all_clients(store))[0]
    assert lines_of(anna.numbers, "RU") == ["+74951234567 ext. 12", "+74951234567 ext. 34"]


async def test_own_fields_and_tags_come_in_and_are_brought_up_to_date(store: Store) -> None:
    report = await bring_own(
        store,
        "Anna;89161234567;VIP, долг;A-17;hp;LJ-12;drum|toner;'-12,5\n"
        "Boris;89160000000;;B-1;;;;\n"
        "Anna;89161234567;vip,new;;canon;;;\n",
    )
    assert report == ImportReport(2, 1, ())
    anna, boris = await all_clients(store)
    assert anna.fields == {"contract": "A-17", "make": "canon", "parts": "toner\ndrum", "debt": "-12.5"}
    assert anna.tags == ("new", "vip", "долг")
    assert (boris.fields, boris.tags) == ({"contract": "B-1"}, ())
    assert (await bring_own(store, "Anna;89161234567;VIP;A-17;;;;\n")).unchanged == 1


async def test_wrong_values_are_refused_lines_in_the_order_of_the_file(store: Store) -> None:
    await bring_own(store, "Anna;89161234567;;A-17;hp;;;\n")
    text = (
        "Anna;89161234567;;;;C5;;\n"  # no model of hp
        ";89161234567;;;;;;\n"
        "Boris;89160000000;;;;;;\n"  # no contract
        "Clara;89160000001;;C;sharp;;;\n"
        "Dora;89160000002;a\x07b;D;;;;\n"
        "Emil;89160000003;;E;;;;1,234\n"
        "Anna;89161234567;ok;;;LJ-12;;\n"
    )
    rehearsed, told = [], []
    dry = await bring_own(store, text, refuse=rehearsed.append, dry_run=True)
    report = await bring_own(store, text, refuse=told.append)
    assert dry == report
    assert rehearsed == told == list(report.refused)
    assert [(one.line, one.reason.partition(":")[0]) for one in told] == [
        (2, "field model"),
        (3, "name"),
        (4, "field contract"),
        (5, "field make"),
        (6, "client tag 'a\\x07b'"),
        (7, "field debt"),
    ]
    assert (report.added, report.updated) == (0, 1)
    (anna,) = await all_clients(store)
    assert (anna.fields, anna.tags) == ({"contract": "A-17", "make": "hp", "model": "LJ-12"}, ("ok",))


async def test_a_field_that_is_not_asked_any_more_keeps_its_value(store: Store) -> None:
    await bring_own(store, "Anna;89161234567;;A-17;hp;;;\n")
    text = "name;number;field_contract\nAnna;89161234567;B-18\n"
    await import_clients(store, io.StringIO(text), "RU", fields=OWN[:1])
    (anna,) = await all_clients(store)
    assert anna.fields == {"contract": "B-18", "make": "hp"}


@pytest.mark.parametrize("column", ["field_colour", "field_"])
async def test_a_column_of_a_field_that_there_is_not_refuses_the_file(store: Store, column: str) -> None:
    with pytest.raises(BadInput, match="no such field; there are: field_contract, field_debt"):
        await bring_own(store, "Anna;89161234567;x\n", f"name;number;{column}\n")
    assert await all_clients(store) == []


async def test_a_client_who_gets_too_many_numbers_spoils_his_line_only(store: Store) -> None:
    many = "|".join(f"+7916{n:07}" for n in range(50))
    header = "name;numbers;emails\n"
    await bring(store, f"Anna;{many};\n", header)
    mails = "|".join(f"{n}@example.org" for n in range(21))
    report = await bring(
        store,
        f"Anna;+79160000000|+79170000000;\nBoris;+79170000001;\nClara;+79170000002;{mails}\n",
        header,
    )
    assert (report.added, [one.line for one in report.refused]) == (1, [2, 4])
    assert "at most 50" in report.refused[0].reason
    assert "at most 20" in report.refused[1].reason


async def test_of_two_who_fit_the_older_is_meant_in_a_batch_and_across(store: Store) -> None:
    async with store.unit() as unit:
        for number in ("+79160000001", "+79160000002"):
            await unit.clients.add("Anna", numbers=[NumberRow(number, number)])
    await bring(store, "Anna;;+79160000001|+79160000002;;;\nAnna;Rose;+79160000002;;;\n")
    await bring(store, "Anna;;+79160000002;;gold;\n")
    older, younger = await all_clients(store)
    assert (older.company, older.tier, younger.company) == ("Rose", "gold", "")
