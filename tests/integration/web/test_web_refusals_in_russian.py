"""What a Russian page says when something is refused: no English sentence, whatever came in."""

import asyncio
import csv
import html
import io
import re

from aiohttp import FormData
from aiohttp.test_utils import TestClient

from bridge.config import Settings
from bridge.store.tickets import TicketChange
from tests.integration.web.web_house import DEADLINE, House, csrf_of
from tests.integration.web.web_samples import add_ticket, record

# Words of the company's file and of whoever asked stay as they are; so do names of formats.
VALUES = re.compile(
    r"Support desk|hardware|printer|sales|text/plain|name@example\.org|\bRU\b|\S+\.(txt|png)|\S*\.exe\b"
)


def _settings(house: House) -> Settings:
    """Line 1 may not close, and others may not even read; Vera is in no line of support."""
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["support"] |= {
        "title": "Support desk",
        "supervisors": [],
        "lines": {"1": ["1001"], "2": ["1002"]},
        "rights": {"line1": {"deny": ["close", "tag", "note"]}, "others": [], "line3": {"deny": ["merge"]}},
        "classification": {"hardware": {"title": "Железо", "below": {"printer": "Принтер"}}},
        "classify_leaves_only": True,
        "sla": [{"reaction_hours": 1, "resolution_hours": 8}],
    }
    return Settings.model_validate(file)


async def said(client: TestClient, path: str, status: int, /, **data: str) -> str:
    """The notice that a page is answered by, without tags."""
    headers = {"HX-Request": "true", "X-CSRF-Token": await csrf_of(client)}
    answer = await client.post(path, data=data, headers=headers)
    text = await answer.text()
    assert answer.status == status, text
    return html.unescape(re.sub(r"<[^>]*>", " ", text)).strip()


def english(text: str) -> list[str]:
    """Latin words that are no values: of a value the letters stand in quotes, too."""
    return re.findall(r"[A-Za-z]{2,}", VALUES.sub(" ", re.sub(r"'[^']*'|“[^”]*”|«[^»]*»", " ", text)))


REFUSED: tuple[tuple[str, str, int, dict[str, str]], ...] = (
    ("1003", "/tickets/{id}", 403, {"subject": "x"}),
    ("1003", "/tickets/{id}/entries", 403, {"kind": "note", "body": "x"}),
    ("1001", "/tickets/{id}", 403, {"status": "done"}),
    ("1001", "/tickets/{id}/tags", 403, {"tags": "x"}),
    ("1001", "/tickets/{id}/merge", 403, {"target": "{other}"}),
    ("1001", "/tickets/999", 404, {"subject": "x"}),
    ("1001", "/tickets/{id}/files/999/remove", 404, {}),
    ("1001", "/tickets/filters", 403, {"name": "x", "role": "agent", "query": "{}"}),
    ("1002", "/tickets/{id}/merge", 400, {"target": "{id}"}),
    ("1002", "/tickets/{id}/merge", 404, {"target": "999"}),
    ("1002", "/tickets/{merged}", 400, {"subject": "x"}),
    ("1002", "/tickets/{id}/merge", 400, {"target": "{closed}"}),
    ("1002", "/tickets/{merged}/merge", 400, {"target": "{id}"}),
    ("1002", "/tickets/{id}/links", 400, {"other": "{id}", "kind": "related", "on": "1"}),
    ("1002", "/tickets/{id}/links", 404, {"other": "999", "kind": "related", "on": "1"}),
    ("1002", "/tickets/{id}/tags", 400, {"tags": "ж" * 100}),
    ("1002", "/tickets/{id}/tags", 400, {"tags": ",".join(f"{number}" for number in range(200))}),
    ("1002", "/tickets/{id}", 400, {"classification": "принтеры"}),
    ("1002", "/tickets/{id}", 400, {"classification": "hardware"}),
    ("1002", "/tickets/{other}", 400, {"classification": "принтеры", "department": "sales"}),
    ("1002", "/tickets/filters", 400, {"name": "ж" * 101, "query": "{}"}),
    ("1002", "/clients", 400, {"name": "Мария", "numbers": "112"}),
    ("1002", "/clients", 400, {"name": "Мария", "numbers": "104"}),
    ("1002", "/clients", 400, {"name": "Мария", "numbers": "+7 916 ж"}),
    ("1002", "/clients", 400, {"name": "Мария", "numbers": "9" * 30}),
    ("1002", "/clients", 400, {"name": "Мария", "numbers": "anonymous"}),
    ("1002", "/clients", 400, {"name": "Мария", "emails": "мария"}),
    ("1002", "/card/1.1/take", 404, {"ticket": "{id}"}),
)


async def test_refusals_are_in_russian(house: House) -> None:
    house.settings = _settings(house)
    names = ("id", "other", "merged", "closed")
    ids = {name: await add_ticket(house, record(name), recorded=False) for name in names}
    async with house.store.unit() as unit:
        closing: TicketChange = {"status": "done", "closed_at": record().offered_at}
        await unit.tickets.change(
            ids["closed"], if_version=None, fields=closing, by="", at=record().offered_at
        )
        await unit.tickets.merge(ids["merged"], ids["other"], by="", at=record().offered_at)
    people = {login: await russian(house, login) for login in ("1001", "1002", "1003")}
    for login, path, status, sent in REFUSED:
        fields = {key: _with(value, ids) for key, value in sent.items()}
        text = await said(people[login], path.format(**ids), status, **fields)
        assert re.search(r"[а-я]{3}", text), (path, sent, text)
        assert english(text) == [], (path, sent, text)


async def russian(house: House, login: str) -> TestClient:
    client = await house.sign_in(login, language="ru")
    await client.post("/language", data={"language": "ru", "csrf": await csrf_of(client)})
    return client


def _with(value: str, ids: dict[str, int]) -> str:
    return str(ids[value[1:-1]]) if value[1:-1] in ids else value


async def test_a_file_that_is_not_taken_is_refused_in_russian(house: House) -> None:
    house.settings = _settings(house)
    id = await add_ticket(house, record(), recorded=False)
    client = await russian(house, "1002")
    headers = {"X-CSRF-Token": await csrf_of(client), "HX-Request": "true"}
    for name, content in (
        ("а.txt", b"MZ\x90\x00" * 10),
        ("а.png", b"text"),
        ("а.txt", b""),
        ("а.exe", b"text"),
    ):
        form = FormData()
        form.add_field("file", content, filename=name)
        answer = await client.post(f"/tickets/{id}/files", data=form, headers=headers)
        text = html.unescape(re.sub(r"<[^>]*>", " ", await answer.text())).strip()
        assert answer.status == 400, text
        assert english(text) == [], text


FILES: tuple[tuple[str, int], ...] = (  # with so many lines that are refused; -1: the whole file is
    ('name;number\n;+79161234567\nЖан;\nЖан;ж\nЖан;112\nЖан;+79161234567;ж;ж\n"Жан;+79161234567\n', 6),
    ("name;number;language;notes\nЖан;+79161234567;1;\nЖан;+79161234567;;\0\n", 2),
    ("name;number;email;tags\nЖан;+79161234567;ж;\nЖан;+79161234567;;" + "ж" * 100 + "\n", 2),
    ("name;number;field_debt\nЖан;+79161234567;\nЖан;+79161234567;ж\nЖан;+79161234567;-11\n", 3),
    ("name;number;field_ж\nЖан;+79161234567;\n", -1),
    ("имя;телефон\nЖан;+79161234567\n", -1),
    ("\n", -1),
    ("ж" * 70_000, -1),
)


async def test_an_import_tells_its_reasons_in_russian(house: House) -> None:
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    debt = {"title": {"en": "Debt", "ru": "Долг"}, "type": "number", "at_least": -10, "required": "create"}
    file["clients"] = {"fields": [{"key": "debt", **debt}]}
    house.settings = Settings.model_validate(file)
    chief = await russian(house, "chief")
    headers = {"X-CSRF-Token": await csrf_of(chief, "/imports"), "Content-Type": "text/csv"}
    columns = re.compile(r"\b(name(?!@)|number|company|language|notes|tags|field_debt|ru|en|UTF-8|CSV)\b")
    for text, refused in FILES:
        place = (await chief.post("/imports", data=text.encode(), headers=headers)).headers["Location"]
        async with asyncio.timeout(DEADLINE):
            while "hx-get" in (page := await (await chief.get(f"{place}/state")).text()):
                await asyncio.sleep(0.02)
        fault = re.search(r'class="fault" role="alert">([^<]*)', page)
        report = await (await chief.get(f"{place}/refused.csv")).text()
        reasons = [row[1] for row in csv.reader(io.StringIO(report))][1:]
        told = reasons if fault is None else [html.unescape(fault[1])]
        assert (len(reasons) if fault is None else -1) == refused, (text[:80], told)
        for words in told:
            assert re.search(r"[а-я]{3}", words), (text[:80], words)
            assert english(columns.sub("", words)) == [], (text[:80], words)


async def test_due_times_say_their_rule_in_russian(house: House) -> None:
    house.settings = _settings(house)
    token = await house.token("tickets:write")
    client = await russian(house, "1002")
    given = {"subject": "x", "department": "support"}
    made = await (await client.post("/api/v1/tickets", json=given, headers=token)).json()
    text = await (await client.get(f"/tickets/{made['id']}")).text()
    found = re.search(r'<ul class="dues".*?</ul>', text, re.S)
    assert found
    assert "Правило: все обращения" in found[0]
    assert 'title="support: sla[0]"' in found[0], "for who looks after the file"
