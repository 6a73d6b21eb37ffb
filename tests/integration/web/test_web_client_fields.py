"""Clients' fields of the company's own, tags, sources: on the pages, on the card, in the API and in CSV."""

import asyncio
import csv
import html as markup
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.config import Settings
from bridge.store.client_sources import GivenClient
from bridge.store.rows import ClientRow
from tests.integration.web.web_house import API, DEADLINE, House, csrf_of, get, settings
from tests.integration.web.web_samples import add_client, card, record

NUMBER = "+79161234567"
HOSTILE = "<img src=x onerror=alert(1)>"
FIELDS = [
    {"key": "contract", "title": {"en": "Contract", "ru": "Договор"}, "type": "text", "required": "create"},
    {"key": "make", "title": "Make", "type": "dropdown", "options": {"hp": "HP", "canon": "Canon"}},
    {
        "key": "model",
        "title": "Model",
        "type": "dependent_dropdown",
        "depends_on": "make",
        "options_by_parent": {"hp": ["LJ-12"], "canon": ["C5"]},
    },
    {"key": "parts", "title": "Parts", "type": "multi_select", "options": ["toner", "drum"]},
    {"key": "debt", "title": "Debt", "type": "number", "at_least": -10},
]


@pytest.fixture
def asking(house: House) -> House:
    house.settings = with_fields(*FIELDS)
    return house


def with_fields(*fields: dict[str, Any]) -> Settings:
    whole = settings().model_dump(exclude_unset=True)
    return Settings.model_validate({**whole, "clients": {"fields": list(fields)}})


async def row_of(house: House, id: int) -> ClientRow:
    async with house.store.view() as unit:
        row = await unit.clients.get(id)
    assert row is not None
    return row


async def newest(house: House) -> ClientRow | None:
    async with house.store.view() as unit:
        found = (await unit.clients.page(None, 100)).items
    return found[-1] if found else None


async def post(client: TestClient, path: str, code: int, /, *, htmx: bool = False, **data: str) -> str:
    headers = {"HX-Request": "true"} if htmx else {}
    form = {"csrf": await csrf_of(client), **data}
    answer = await client.post(path, data=form, allow_redirects=False, headers=headers)
    text = await answer.text()
    assert answer.status == code, text
    return text


async def page(client: TestClient, path: str = "/", *, until: str) -> str:
    async with asyncio.timeout(DEADLINE):
        while until not in (text := await (await client.get(path)).text()):
            await asyncio.sleep(0.02)
    return text


# ── pages ────────────────────────────────────────────────────────────────────


async def test_a_new_client_is_asked_for_what_is_required(asking: House) -> None:
    anna = await asking.sign_in("1001")
    shown = await (await anna.get("/clients")).text()
    assert 'name="client_field_contract"' in shown
    typed = {"name": "Иван", "numbers": NUMBER, "client_field_debt": "-11"}
    again = await post(anna, "/clients", 400, **typed)
    assert "Fill this in before the client is saved." in again
    assert 'aria-describedby="fault-client_field_contract" autofocus' in again
    assert 'value="Иван"' in again, "what was typed stays"
    wrong = await post(anna, "/clients", 400, **typed, client_field_contract="A-17")
    assert "Give a number within the limits." in wrong
    assert await newest(asking) is None
    await post(
        anna,
        "/clients",
        303,
        **{**typed, "client_field_debt": "1 000"},
        client_field_contract="A-17",
        client_field_parts="drum\ntoner",
    )
    client = await newest(asking)
    assert client is not None
    assert client.fields == {"contract": "A-17", "debt": "1000", "parts": "toner\ndrum"}


async def test_a_clients_form_changes_what_was_changed(asking: House) -> None:
    anna = await asking.sign_in("1001")
    async with asking.store.unit() as unit:
        ivan = await unit.clients.add("Иван", fields={"contract": "A", "make": "hp", "model": "LJ-12"})
    path = f"/clients/{ivan.id}"
    await page(anna, path, until='<option value="LJ-12" selected>')
    drawn = await post(anna, f"{path}/fields", 200, htmx=True, name="Иван", client_field_make="canon")
    assert '<option value="C5"' in drawn
    assert 'id="client-fields"' in drawn
    new = await post(anna, "/clients/fields", 200, htmx=True, client_field_make="hp")
    assert '<option value="LJ-12"' in new
    sent = {
        "name": "Иван",
        "tags": "VIP, долг",
        "shown_client_field_make": "hp",
        "client_field_make": "canon",
        "shown_client_field_model": "LJ-12",
        "client_field_model": "LJ-12",
    }
    await post(anna, path, 303, **sent)
    row = await row_of(asking, ivan.id)
    assert row.fields == {"contract": "A", "make": "canon"}, "what depends on it is emptied"
    assert row.tags == ("vip", "долг")
    again = await post(
        anna, path, 400, name="Иван", shown_client_field_contract="A", client_field_contract=""
    )
    assert "Fill this in before the client is saved." in again
    assert (await row_of(asking, ivan.id)).fields == row.fields
    async with asking.store.unit() as unit:
        await unit.clients.update(ivan.id, fields={"contract": "B", "make": "canon"})
    met = await post(anna, path, 409, **{**sent, "client_field_make": "", "client_field_model": ""})
    assert "Canon" in met
    assert (await row_of(asking, ivan.id)).fields["contract"] == "B"


async def test_a_field_that_is_not_asked_any_more_is_shown_and_kept(asking: House) -> None:
    anna = await asking.sign_in("1001")
    async with asking.store.unit() as unit:
        fields = {"contract": "A-17", "make": "hp", "colour": HOSTILE}
        ivan = await unit.clients.add("Иван", fields=fields)
    path = f"/clients/{ivan.id}"
    shown = await page(anna, path, until="Former fields")
    assert markup.escape(HOSTILE) in shown
    assert HOSTILE not in shown
    await post(anna, path, 303, name="Иван", shown_client_field_contract="A-17", client_field_contract="B")
    assert (await row_of(asking, ivan.id)).fields == fields | {"contract": "B"}
    await asking.screens.open_card(card(record(verdict=Verdict.KNOWN, client=ivan.id), "1001", ivan.id))
    drawn = await page(anna, until="no longer in use")
    assert markup.escape(HOSTILE) in drawn
    assert '<dt>Make</dt><dd class="said">HP</dd>' in drawn


async def test_who_calls_and_is_new_is_asked_on_the_card(asking: House) -> None:
    anna = await asking.sign_in("1001")
    call = record()
    await asking.screens.open_card(card(call))
    drawn = await page(anna, until='name="client_field_contract"')
    assert 'hx-post="/clients/fields"' in drawn
    path = f"/card/{call.id}/new-client"
    again = await post(anna, path, 400, htmx=True, name="Пётр", number=NUMBER, notes="звонил")
    assert "Fill this in before the client is saved." in again
    assert again.lstrip().startswith('<form id="new-client-')
    assert "звонил" in again
    assert "contract" in await post(anna, path, 400, name="Пётр", number=NUMBER), "without scripts too"
    assert await newest(asking) is None
    await post(anna, path, 200, htmx=True, name="Пётр", number=NUMBER, client_field_contract="A-1")
    client = await newest(asking)
    assert client is not None
    assert client.fields == {"contract": "A-1"}
    await page(anna, until='<dt>Contract</dt><dd class="said">A-1</dd>')


# ── the API ──────────────────────────────────────────────────────────────────


async def test_the_api_takes_and_tells_them(asking: House) -> None:
    client, token = await asking.visitor(), await asking.token("clients:read", "clients:write")
    fields = await get(client, "/clients/fields", token)
    assert [(one["key"], one["type"], one["required"]) for one in fields["items"]][:2] == [
        ("contract", "text", "create"),
        ("make", "dropdown", "no"),
    ]

    async def send(method: str, path: str, status: int, **body: Any) -> Any:
        answer = await client.request(method, API + path, json=body, headers=token)
        assert answer.status == status, await answer.text()
        return await answer.json()

    refused = await send("POST", "/clients", 422, name="Иван", fields={"debt": 1.5, "colour": "x"})
    assert [one["pointer"] for one in refused["errors"]] == [
        "#/fields/colour",
        "#/fields/debt",
        "#/fields/contract",
    ]
    refused = await send("POST", "/clients", 422, name="Иван")
    assert [one["pointer"] for one in refused["errors"]] == ["#/fields/contract"]
    made = await send(
        "POST",
        "/clients",
        201,
        name="Иван",
        tags=["VIP", "долг"],
        fields={"contract": "A-17", "debt": -5, "parts": ["drum"]},
    )
    assert made["fields"] == {"contract": "A-17", "debt": "-5", "parts": "drum"}
    assert (made["tags"], made["sources"]) == (["vip", "долг"], [])
    path = f"/clients/{made['id']}"
    first = await client.get(API + path, headers=token)
    changed = await send("PATCH", path, 200, fields={"debt": None, "make": "hp"}, tags=["new"])
    assert changed["fields"] == {"contract": "A-17", "make": "hp", "parts": "drum"}
    assert changed["tags"] == ["new"]
    assert (await send("PATCH", path, 200, name="Пётр"))["fields"] == changed["fields"]
    refused = await send("PATCH", path, 422, fields={"contract": ""})
    assert [one["pointer"] for one in refused["errors"]] == ["#/fields/contract"]
    refused = await send("PATCH", path, 422, tags=["ok", "a\u202eb"])
    assert [one["pointer"] for one in refused["errors"]] == ["#/tags/1"]
    stale = await client.patch(
        API + path, json={"tags": []}, headers={**token, "If-Match": first.headers["ETag"]}
    )
    assert stale.status == 412, "a tag is a change like any other"


async def test_who_lacks_a_field_is_asked_by_who_touches_his_fields(asking: House) -> None:
    client, token = await asking.visitor(), await asking.token("*")
    async with asking.store.unit() as unit:
        (known,) = await unit.sources.keep(
            "crm", NUMBER, [GivenClient("7", "https://crm.example/7", {"name": "Зоя"})], datetime.now(UTC)
        )
    path = f"{API}/clients/{known.id}"
    said = await get(client, f"/clients/{known.id}", token)
    assert [(one["name"], one["title"], one["id"], one["url"]) for one in said["sources"]] == [
        ("crm", "Our CRM", "7", "https://crm.example/7")
    ]
    assert (await client.patch(path, json={"notes": "x"}, headers=token)).status == 200
    assert (await client.patch(path, json={"fields": {"debt": 1}}, headers=token)).status == 422
    assert (await client.patch(path, json={"sources": []}, headers=token)).status == 422
    filled = await client.patch(path, json={"fields": {"debt": 1, "contract": "Z"}}, headers=token)
    assert filled.status == 200


async def test_lists_are_asked_by_tag(asking: House) -> None:
    client, token = await asking.visitor(), await asking.token("*")
    for name, tags in (("Анна", ["vip", "new"]), ("Борис", ["vip"]), ("Вера", [])):
        async with asking.store.unit() as unit:
            await unit.clients.add(name, fields={"contract": name}, tags=tags)
    for asked, names in (
        ("tag=VIP", ["Анна", "Борис"]),
        ("tag=vip,new", ["Анна"]),
        ("tag=new&q=бор", []),
        ("tag=vip&q=бор", ["Борис"]),
        ("tag=,", []),
        ("tag=other", []),
    ):
        found = await get(client, f"/clients?{asked}", token)
        assert [one["name"] for one in found["items"]] == names, asked
    paged = await get(client, "/clients?tag=vip&limit=1", token)
    rest = await get(client, f"/clients?tag=vip&limit=1&cursor={paged['next']}", token)
    assert [one["name"] for one in rest["items"]] == ["Борис"]
    text = await (await client.get(f"{API}/clients.csv?tag=new", headers=token)).text()
    assert [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))] == ["Анна"]


# ── CSV ──────────────────────────────────────────────────────────────────────


async def test_what_goes_out_comes_in_again(asking: House) -> None:
    client, token = await asking.visitor(), await asking.token("*")
    fields = {"contract": "=1+1", "make": "hp", "model": "LJ-12", "parts": "toner\ndrum", "debt": "-5"}
    ivan = await add_client(asking.store, "Иван", NUMBER)
    async with asking.store.unit() as unit:
        await unit.clients.update(ivan, fields=fields | {"former": "x"}, tags=("долг", "vip"))
        await unit.sources.keep("crm", NUMBER, [GivenClient("7", "", {"name": "Иван"})], datetime.now(UTC))
    raw = await (await client.get(f"{API}/clients.csv", headers=token)).read()
    (row,) = csv.DictReader(io.StringIO(raw.decode(), newline=""))
    assert row["field_contract"] == "'=1+1"
    assert (row["field_parts"], row["tags"], row["sources"]) == ("toner|drum", "vip, долг", "crm:7")
    assert "field_former" not in row
    before = await row_of(asking, ivan)

    async def bring(text: bytes) -> Any:
        answer = await client.post(
            f"{API}/clients/import", data=text, headers={**token, "Content-Type": "text/csv"}
        )
        assert answer.status == 202, await answer.text()
        async with asyncio.timeout(DEADLINE):
            while (job := await get(client, f"/imports/{(await answer.json())['id']}", token))[
                "state"
            ] == "running":
                await asyncio.sleep(0.02)
        return job

    job = await bring(raw)
    assert (job["state"], job["unchanged"]) == ("done", 1), job
    assert await row_of(asking, ivan) == before
    job = await bring(f"name,number,field_debt\nИван,{NUMBER},-11\nНовый,+79160000000,1\n".encode())
    assert (job["refused"], job["added"]) == (2, 0)
    report = await (await client.get(f"{API}/imports/{job['id']}/report", headers=token)).text()
    assert "2,field debt: must be at least -10" in report
    assert "3,field contract: is required to create: fill it" in report


async def test_a_call_tells_how_its_agent_wound_it_up(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    async with house.store.unit() as unit:
        await unit.calls.save(record("a", answered=True, ended=True))
    await house.store.write(lambda unit: unit.cases.dispose("a", "1001", "wrong_number"))
    assert (await get(client, "/calls/a", token))["disposition"] == "wrong_number"
    assert (await get(client, "/calls", token))["items"][0]["disposition"] == "wrong_number"
    text = await (await client.get(f"{API}/calls.csv", headers=token)).text()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["disposition"] == "wrong_number"
