"""CSV over the API and on the supervisor's page: out page by page, in as a job that answers for itself."""

import asyncio
import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.web import ApiRules
from bridge.web.api import exports
from bridge.web.uploads import JOBS
from tests.integration.web.web_house import API, DEADLINE, House, csrf_of, get
from tests.integration.web.web_samples import add_client, add_ticket, record

GOOD = "name;numbers;notes\nАнна;+79161234567;\nБорис;8 (495) 111-22-33;перезвонить\n"
CSV = {"Content-Type": "text/csv"}


async def _send(
    client: TestClient, token: dict[str, str], text: str | bytes, status: int = 202, query: str = ""
) -> Any:
    body = text.encode() if isinstance(text, str) else text
    answer = await client.post(f"{API}/clients/import{query}", data=body, headers={**token, **CSV})
    assert answer.status == status, await answer.text()
    return await answer.json()


async def _done(client: TestClient, token: dict[str, str], id: int) -> Any:
    async with asyncio.timeout(DEADLINE):
        while (job := await get(client, f"/imports/{id}", token))["state"] == "running":
            await asyncio.sleep(0.02)
    return job


async def _clients(house: House) -> list[str]:
    async with house.store.view() as unit:
        return [row.name for row in (await unit.clients.page(None, 100)).items]


async def test_a_file_is_tried_and_then_brought(house: House) -> None:
    client, token = await house.visitor(), await house.token("clients:read", "clients:write")
    await add_client(house.store, "Анна", "+79161234567")
    text = GOOD + "Анна;+79161234567|+74950000001;\nБорис;84951112233;\n;1;\nКто;нет;\n"
    counts = []
    for query in ("?dry_run=true", ""):
        begun = await _send(client, token, text, query=query)
        job = await _done(client, token, begun["id"])
        assert (job["state"], job["dry_run"], job["read_bytes"]) == ("done", bool(query), job["bytes"])
        counts.append([job[name] for name in ("added", "updated", "unchanged", "refused", "lines")])
        assert await _clients(house) == (["Анна"] if query else ["Анна", "Борис"])
        answer = await client.get(f"{API}/imports/{begun['id']}/report", headers=token)
        rows = list(csv.reader(io.StringIO(await answer.text())))
        assert answer.content_type == "text/csv"
        assert [row[0] for row in rows] == ["line", "6", "7"]
    assert counts[0] == counts[1], "a trial says what will be"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [(b"", CSV, 400), (b"x", {"Content-Type": "application/json"}, 415), (b"x" * 5000, CSV, 413)],
)
async def test_what_is_no_file_is_refused(
    house: House, body: bytes, headers: dict[str, str], status: int
) -> None:
    client, token = await house.visitor(), await house.token("*")
    house.rules = ApiRules(import_bytes=4096)
    answer = await client.post(f"{API}/clients/import", data=body, headers={**token, **headers})
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    async with house.store.view() as unit:
        assert await unit.imports.last(10) == []


async def test_a_file_of_another_kind_fails_with_its_reason(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    job = await _done(client, token, (await _send(client, token, "{}\n"))["id"])
    assert job["state"] == "failed"
    assert "the header needs" in job["fault"]


async def test_a_wrong_byte_is_named_by_its_place(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    head = GOOD.encode()
    job = await _done(client, token, (await _send(client, token, head + b"V\xffra;+79160000000;\n"))["id"])
    assert (job["added"], job["refused"]) == (2, 1)
    report = await (await client.get(f"{API}/imports/{job['id']}/report", headers=token)).text()
    assert f"byte {len(head) + 1} of the file is no UTF-8" in report


async def test_after_a_restart_an_unfinished_one_says_so(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    async with house.store.unit() as unit:
        row = await unit.imports.add("token crm", 10, dry_run=False)
    await house.server.app[JOBS].start()  # as at the start of the service
    job = await get(client, f"/imports/{row.id}", token)
    assert job["state"] == "interrupted"
    await get(client, f"/imports/{row.id}/report", token, 410)


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_supervisor_s_page(house: House, language: str) -> None:
    chief = await house.sign_in("chief", language=language)
    headers = {"X-CSRF-Token": await csrf_of(chief, "/imports"), **CSV}
    answer = await chief.post("/imports", data=GOOD.encode(), headers=headers)
    assert answer.status == 201, await answer.text()
    place = answer.headers["Location"]
    async with asyncio.timeout(DEADLINE):
        while "hx-get" in (html := await (await chief.get(f"{place}/state")).text()):
            await asyncio.sleep(0.02)
    assert "<progress" in html
    assert await _clients(house) == []
    html = await (await chief.get(place)).text()  # a reload loses nothing
    csrf = re.search(r'name="csrf" value="([^"]+)"', html)
    assert csrf
    answer = await chief.post(place, data={"csrf": await csrf_of(chief, place)}, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    async with asyncio.timeout(DEADLINE):
        while "hx-get" in await (await chief.get(f"{answer.headers['Location']}/state")).text():
            await asyncio.sleep(0.02)
    assert await _clients(house) == ["Анна", "Борис"]
    assert (await chief.get("/imports")).status == 200


async def test_pages_of_imports_are_for_supervisors_and_their_own_forms(house: House) -> None:
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    assert (await anna.get("/imports")).status == 403
    assert (await chief.post("/imports", data=GOOD.encode(), headers=CSV)).status in {403, 415}
    async with house.store.view() as unit:
        assert await unit.imports.last(10) == []


@pytest.mark.parametrize("delimiter", ["comma", "semicolon", "tab"])
@pytest.mark.parametrize("bom", ["true", "false"])
async def test_what_goes_out_comes_in_again(
    house: House, delimiter: str, bom: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_PAGE", 2)
    client, token = await house.visitor(), await house.token("*")
    for number, name in enumerate(('=cmd|"/c calc"!A0', "@Роза", "-Ира; дочь", "Анна\tПетровна", "'Ы")):
        who = await add_client(house.store, name, f"+7916123456{number}", notes="строка\nещё, одна;")
        async with house.store.unit() as unit:
            await unit.emails.set(who, [f"{number}@example.org", f"={number}@example.org"])
    answer = await client.get(f"{API}/clients.csv?delimiter={delimiter}&bom={bom}", headers=token)
    raw = await answer.read()
    assert raw.startswith(b"\xef\xbb\xbf") is (bom == "true")
    sign = {"comma": ",", "semicolon": ";", "tab": "\t"}[delimiter]
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=sign))
    assert len(rows) == 5
    assert [row["name"][0] for row in rows][:3] == ["'", "'", "'"]
    assert rows[0]["numbers"] == "+79161234560"
    assert rows[0]["emails"] == "0@example.org|=0@example.org"
    job = await _done(client, token, (await _send(client, token, raw))["id"])
    assert (job["added"], job["updated"], job["refused"]) == (0, 0, 0), job


async def test_tickets_and_calls_go_out(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    who = await add_client(house.store, "Мария", "+79161234567")
    await add_ticket(house, record("a", client=who, answered=True, ended=True), recorded=False)
    for path, column, value in (
        ("/tickets.csv", "subject", "Не включается телефон"),
        ("/tickets.csv?status=done", "subject", None),
        ("/calls.csv?queue=support", "number", "+79161234567"),
        ("/calls.csv?agent=1002", "number", None),
    ):
        text = await (await client.get(API + path, headers=token)).text()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [row[column] for row in rows] == ([value] if value else []), path
    for path in ("/tickets.csv?delimiter=dot", "/calls.csv?since=1", "/clients.csv?x=1"):
        answer = await client.get(API + path, headers=token)
        assert (answer.status, answer.content_type) == (400, "application/problem+json")


async def test_nothing_is_left_over(house: House, tmp_path: Path) -> None:
    client, token = await house.visitor(), await house.token("*")
    jobs = house.server.app[JOBS]
    await _done(client, token, (await _send(client, token, GOOD))["id"])
    directory = jobs._directory
    assert directory is not None
    assert list(directory.glob("*.part")) == []
    await jobs.stop()
    assert not directory.exists()
