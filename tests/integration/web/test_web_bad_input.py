"""On every page at once: markup in each text. On a ticket: a field that is asked no more."""

import json
import re
from typing import Any

from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.config import Settings
from bridge.store.ticket_rows import NewEntry
from bridge.web.access import SignedIn
from bridge.web.guard import ROUTES
from tests.integration.web.web_house import T0, House, csrf_of, settings
from tests.integration.web.web_samples import add_client, card, record
from tests.integration.web.web_tickets import attach, send

HOSTILE = "<img src=x onerror=alert(1)>\"'"
SHOWN = "&lt;img src=x onerror=alert(1)&gt;"
CALL = "1710406800.7"
NO_PAGES = {
    "/events",
    "/tickets.csv",
    "/recordings/{id}.wav",
    "/tickets/{id}/files/{file}",
    "/templates/{id}/files/{file}",
    "/imports/{id}/refused.csv",
}


def _asking(house: House, *keys: str) -> None:
    """The department asks for these, and nothing may be closed without them."""
    whole = settings().model_dump(exclude_unset=True)
    whole["departments"]["support"]["fields"] = [
        {"key": key, "title": HOSTILE, "type": "text", "required": "close"} for key in keys
    ]
    house.settings = Settings.model_validate(whole)


async def _fill(house: House, token: dict[str, str]) -> dict[str, Any]:
    """Markup in all that anybody can write; the ids that the paths of pages are made of."""
    visitor = await house.visitor()
    client = await add_client(
        house.store, HOSTILE, "+79161234567", company=HOSTILE, notes=HOSTILE, tier=HOSTILE
    )
    call = record(client=client, name=HOSTILE, verdict=Verdict.KNOWN, answered=True, ended=True)
    async with house.store.unit() as unit:
        await unit.clients.update(client, tags=[HOSTILE])
        ticket = (await unit.tickets.open_for_call(call, HOSTILE, "support")).id
        template = (
            await unit.templates.save(set_name=HOSTILE, name=HOSTILE, subject=HOSTILE, body=HOSTILE)
        ).id
        await unit.filters.save(HOSTILE, json.dumps({"text": HOSTILE}), role="agent")
        for kind in ("mail_in", "note", "partner"):
            await unit.entries.append(
                ticket, NewEntry(kind, HOSTILE, T0, subject=HOSTILE, body=HOSTILE, to=HOSTILE, cc=HOSTILE)
            )
        imported = (await unit.imports.add(HOSTILE, 10, dry_run=False)).id
        await unit.audit.note(
            by=HOSTILE, action="call.steered", about=HOSTILE, call=CALL, detail=HOSTILE, at=T0
        )
    path = f"/tickets/{ticket}"
    changes = {"subject": HOSTILE, "solution": HOSTILE, "fields": {"serial": HOSTILE}}
    assert (await send(visitor, "PATCH", path, token, changes))[0] == 200
    assert (await send(visitor, "PUT", f"{path}/tags", token, {"tags": [HOSTILE]}))[0] == 200
    assert (await attach(visitor, token, ticket, f"{HOSTILE}.txt", b"hello"))[0] == 201
    rings = record("1710406800.8", client=client, name=HOSTILE, verdict=Verdict.KNOWN)
    await house.screens.open_card(card(rings, "1001", client))
    return {"/clients/{id}": client, "/calls/{id}": CALL, "/floor/agents/{id}": "1001"} | {
        "/imports/{id}": imported,
        "/tickets/{id}": ticket,
        "/templates/{id}": template,
    }


async def test_markup_in_any_text_is_text_on_every_page(house: House) -> None:
    _asking(house, "serial")
    ids = await _fill(house, await house.token("*"))
    seen: dict[str, int] = {}
    readers = [await house.sign_in("1001"), await house.sign_in("chief", language="ru")]
    for route in house.server.app[ROUTES]:
        if route.method != "GET" or not isinstance(route.access, SignedIn) or route.path in NO_PAGES:
            continue
        id = next((id for begin, id in ids.items() if route.path.startswith(begin)), "")
        path = route.path.replace("{id}", str(id))
        assert "{" not in path, f"{path}: which one?"
        for reader in readers:
            answer = await reader.get(path, params={"q": HOSTILE} if path == "/clients/options" else None)
            if answer.status == 403 and reader is readers[0]:
                continue
            page = await answer.text()
            assert answer.status == 200, (path, page)
            assert "<img src=x" not in page, path
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|javascript:", page), path
            assert "unsafe" not in answer.headers["Content-Security-Policy"], path
            seen[route.path] = seen.get(route.path, 0) + page.count(SHOWN)
    for path in (
        "/",
        "/tickets",
        "/tickets/{id}",
        "/tickets/{id}/history",
        "/clients",
        "/clients/{id}",
        "/templates",
        "/templates/{id}",
        "/audit",
    ):
        assert seen[path] > 0, f"{path}: nothing of it is shown, so nothing is proven"
    assert seen["/tickets/{id}"] > 10


async def test_a_field_that_is_asked_no_more_stays_on_its_ticket_and_in_nobody_s_way(house: House) -> None:
    visitor, token = await house.visitor(), await house.token("*")
    anna = await house.sign_in("1001")
    _asking(house, "serial", "colour")
    new = {"subject": "Printer", "department": "support", "fields": {"serial": "A-17", "colour": "red"}}
    status, ticket = await send(visitor, "POST", "/tickets", token, new)
    assert status == 201, ticket
    path = f"/tickets/{ticket['id']}"

    _asking(house, "serial")
    page = await _page(anna, path)
    assert 'name="field_colour"' not in page
    assert "<dt>colour</dt><dd>red</dd>" in page
    # Who had the page open when the file was changed: what he sees is no fault of his.
    form = {"csrf": await csrf_of(anna, path), "field_serial": "B-2", "field_colour": "red", "status": "done"}
    answer = await anna.post(path, data=form, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    status, problem = await send(visitor, "PATCH", path, token, {"fields": {"colour": "blue"}})
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/fields/colour")
    status, ticket = await send(visitor, "PATCH", path, token, {"fields": {"serial": "C-3", "colour": "red"}})
    assert (status, ticket["status"], ticket["fields"]) == (200, "done", {"serial": "C-3", "colour": "red"})

    _asking(house, "serial", "colour")
    assert 'name="field_colour" value="red"' in await _page(anna, path)


async def _page(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()
