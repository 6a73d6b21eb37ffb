"""What a list of tickets is asked by on its page: a filter goes through the form, and comes back whole."""

import html as markup
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from aiohttp.test_utils import TestClient

from bridge.config import Settings
from bridge.crm.ticketing import filters
from bridge.crm.ticketing.filters import Filter
from tests.integration.web.web_house import API, House, csrf_of
from tests.integration.web.web_samples import add_ticket, record
from tests.integration.web.web_tickets import created, make_strict, send, text_of

FIELDS: list[dict[str, Any]] = [
    {"key": "serial", "title": "Serial number", "type": "text"},
    {"key": "floor", "title": {"en": "Floor", "ru": "Этаж"}, "type": "number", "decimals": 1},
    {"key": "bought", "title": "Bought", "type": "date"},
    {"key": "agreed", "title": "Agreed", "type": "checkbox"},
    {"key": "story", "title": "Story", "type": "long_text"},
    {"key": "parts", "title": "Parts", "type": "multi_select", "options": ["toner", "drum"]},
]
WHOLE: dict[str, Any] = {
    "departments": ["sales", "support", "gone"],
    "lines": [1, 3],
    "kinds": ["waiting", "closed"],
    "assignees": ["me", "none", "1002", "9999"],
    "tags": ["fire", "loud noise"],
    "classes": ["hardware", "hardware/printer", "former"],
    "priorities": ["urgent", "critical"],
    "text": "принтер <b>",
    "due_within_hours": 2.5,
    "no_reaction_hours": 3,
    "created_days": 7,
    "created_from": "2026-01-01",
    "created_to": "2026-02-01",
    "updated_days": 45,
    "updated_from": "2026-01-03",
    "updated_to": "2026-01-04",
    "fields": {"serial": "A & B", "floor": "2", "agreed": "true", "parts": "drum", "lost": "<i>"},
    "order": "waiting",
}


class Form(HTMLParser):
    """What a browser sends of the form that asks for tickets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._inside, self._select, self._first = False, "", True
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "list-filter" in given.get("class", "")
        if not self._inside:
            return
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.sent.append((given["name"], given.get("value", "on")))
        elif tag == "select":
            self._select, self._first = given["name"], True
        elif tag == "option" and (self._first or "selected" in given):
            if not self._first:
                self.sent.pop()
            self.sent.append((self._select, given["value"]))
            self._first = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def furnished(house: House) -> House:
    make_strict(house)
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["support"]["fields"] = FIELDS
    file["tickets"]["statuses"] = {"waiting": {"title": "Waits", "kind": "waiting"}}
    house.settings = Settings.model_validate(file)
    return house


def said(text: str) -> Filter:
    found = re.search(r'name="query" value="([^"]*)"', text)
    assert found
    return filters.read(markup.unescape(found[1]))


async def kept(house: House, filter: dict[str, Any], **whose: str) -> int:
    async with house.store.unit() as unit:
        row = await unit.filters.save("Kept", filters.read(filter).as_json(), **whose)
    return row.id


async def test_all_that_a_saved_filter_says_is_in_the_form_and_comes_back(house: House) -> None:
    furnished(house)
    anna = await house.sign_in("1001")
    for change in ({}, {"kinds": []}, {"kinds": ["open", "working", "waiting", "temporary"]}):
        id = await kept(house, WHOLE | change, owner="1001")
        text = await text_of(anna, f"/tickets?filter={id}")
        again = await text_of(anna, f"/tickets?{urlencode(Form(text).sent)}")
        assert said(again).model_dump() == filters.read(WHOLE | change).model_dump()
        assert "<b>" not in text.replace("<b>A</b>", "")
        assert "&lt;i&gt;" in text
    both = await kept(house, {"kinds": ["open", "closed"], "statuses": ["open", "waiting"]}, owner="1001")
    text = await text_of(anna, f"/tickets?filter={both}")
    again = said(await text_of(anna, f"/tickets?{urlencode(Form(text).sent)}"))
    assert (again.kinds, again.statuses) == ((), ("open",)), "the same tickets, said shorter"


async def test_any_open_and_a_status_beside_it_are_one_or_the_other(house: House) -> None:
    furnished(house)
    anna = await house.sign_in("1001")
    both = said(await text_of(anna, "/tickets?status=any-open&status=done&order=oldest"))
    assert (both.kinds, set(both.statuses)) == ((), {"open", "in_progress", "waiting", "done"})
    for wrong in (
        "line=9",
        "status=kind:x",
        "status=kind:x&status=open",
        "due=soon",
        "created_from=x",
        "waits=-1",
    ):
        await text_of(anna, f"/tickets?{wrong}", 400)


async def test_a_list_is_asked_by_own_fields_as_people_write_them(house: House) -> None:
    furnished(house)
    client, token = await house.visitor(), await house.token("*")
    one = await created(client, token, fields={"serial": "A 1", "floor": 2.5, "parts": ["toner", "drum"]})
    await created(client, token, fields={"serial": "B", "floor": 3, "agreed": True})
    anna = await house.sign_in("1001")
    for query, count in (
        ("field_serial=A++1", 1),
        ("field_floor=2,50", 1),
        ("field_floor=3", 1),
        ("field_parts=drum", 1),
        ("field_agreed=true&field_serial=B", 1),
        ("field_agreed=true&field_serial=A+1", 0),
        ("field_bought=2026-01-01", 0),
        ("field_lost=x", 0),
    ):
        text = await text_of(anna, f"/tickets?{query}")
        assert text.count("<tr>") == (1 + count if count else 0), query
    assert f'href="/tickets/{one["id"]}"' in await text_of(anna, "/tickets?field_parts=toner&status=open")
    await text_of(anna, "/tickets?field_floor=high", 400)
    await text_of(anna, "/tickets?field_bought=2026-13-01", 400)
    part = await text_of(anna, "/tickets/own-fields?own=parts&field_floor=high&q=x")
    assert part.index('value="high"') < part.index('name="field_parts" autofocus') < part.index('name="own"')
    assert "Story" not in part, "a long text is looked for by its words"
    assert 'value="parts"' not in part
    await text_of(anna, "/tickets/own-fields?own=nothing")


async def test_the_api_asks_by_own_fields_too(house: House) -> None:
    furnished(house)
    client, token = await house.visitor(), await house.token("*")
    one = await created(client, token, fields={"serial": "A:1", "parts": ["toner", "drum"]})
    two = await created(client, token, fields={"serial": "B", "parts": ["drum"]})

    async def found(query: str, status: int = 200) -> Any:
        answer = await client.get(f"{API}/tickets?{query}", headers=token)
        assert answer.status == status, await answer.text()
        return [ticket["id"] for ticket in (await answer.json()).get("items", ())]

    assert await found("field=parts:drum") == [two["id"], one["id"]]
    assert await found("field=parts:drum,serial:A:1") == [one["id"]]
    assert await found("field=parts:drum&order=priority&closed=false") == [one["id"], two["id"]]
    for wrong in ("parts", "parts:", "colour:red", ":x"):
        await found(f"field={wrong}", 400)


async def test_a_saved_filter_is_changed_where_it_is_looked_at(house: House) -> None:
    furnished(house)
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    own = await kept(house, {"priorities": ["urgent"]}, owner="1001")
    shared = await kept(house, {"tags": ["fire"]}, role="agent")
    text = await text_of(anna, f"/tickets?of={own}&priority=urgent&priority=critical")
    assert f'action="/tickets/filters/{own}"' in text
    assert "Save it in the filter “Kept”" in text

    async def change(client: TestClient, id: int, status: int, query: str) -> None:
        form = {"csrf": await csrf_of(client, "/tickets"), "action": "change", "query": query}
        answer = await client.post(f"/tickets/filters/{id}", data=form, allow_redirects=False)
        assert answer.status == status, await answer.text()

    await change(anna, own, 303, said(text).as_json())
    assert 'value="critical" checked' in await text_of(anna, f"/tickets?filter={own}")
    assert f'action="/tickets/filters/{shared}"' not in await text_of(anna, f"/tickets?of={shared}&tag=x")
    assert f'action="/tickets/filters/{shared}"' in await text_of(chief, f"/tickets?of={shared}&tag=x")
    await change(anna, shared, 403, '{"tags": ["x"]}')
    await change(anna, own, 400, '{"colour": "red"}')
    await change(chief, shared, 303, '{"tags": ["x"]}')


async def test_the_list_that_is_shown_is_saved_as_a_file(house: House) -> None:
    furnished(house)
    client, token = await house.visitor(), await house.token("*")
    one = await created(
        client, token, fields={"serial": "=1+1", "parts": ["toner", "drum"]}, priority="urgent"
    )
    await send(client, "PUT", f"/tickets/{one['id']}/tags", token, {"tags": ["fire"]})
    await created(client, token, fields={"serial": "B"})
    chief, vera = await house.sign_in("chief"), await house.sign_in("1003")
    text = await text_of(chief, "/tickets?priority=urgent&tag=fire")
    link = re.search(r'href="(/tickets\.csv[^"]*)" download', text)
    assert link
    lines = (await text_of(chief, markup.unescape(link[1]))).splitlines()
    header = lines[0].lstrip("\ufeff").split(";")
    row = dict(zip(header, lines[1].split(";"), strict=True))
    assert len(lines) == 2
    assert (row["id"], row["tags"], row["field_parts"]) == (str(one["id"]), "fire", "toner|drum")
    assert not row["field_serial"].startswith("="), "no spreadsheet reckons with it"
    saved = await kept(house, {"priorities": ["normal"]}, owner="chief")
    assert (await text_of(chief, f"/tickets.csv?filter={saved}")).count("\n") == 2
    await text_of(chief, "/tickets.csv?filter=77777", 404)
    assert "/tickets.csv" not in await text_of(vera, "/tickets")
    await text_of(vera, "/tickets.csv", 403)
    assert "/tickets.csv" not in await text_of(chief, "/tickets?tag=nobody"), "nothing to save"


async def test_calls_are_saved_as_a_file_by_those_who_may(house: House) -> None:
    await add_ticket(house, record(answered=True), recorded=False)
    chief, anna = await house.sign_in("chief"), await house.sign_in("1001")
    link = re.search(
        r'href="(/api/v1/calls\.csv[^"]*)"', await text_of(chief, "/calls?queue=support&agent=1001")
    )
    assert link
    assert (await text_of(chief, markup.unescape(link[1]))).count("\n") == 2
    assert "calls.csv" not in await text_of(anna, "/calls")
