"""The pages of tickets: forms with a company's own fields, the thread, files, filters, the card's ticket."""

import html as markup
import re
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.config import Settings
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import NewEntry
from tests.integration.web.web_house import T0, House, csrf_of, settings
from tests.integration.web.web_samples import add_client, add_ticket, card, record
from tests.integration.web.web_tickets import text_of, until_shown

HOSTILE = "<img src=x onerror=alert(1)>"
FIELDS = [
    {"key": "contract", "title": {"en": "Contract", "ru": "Договор"}, "type": "text", "required": "create"},
    {"key": "agreed", "title": "Agreed", "type": "checkbox", "required": "close"},
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


def _settings(**department: Any) -> Settings:
    whole = settings().model_dump(exclude_unset=True)
    whole["departments"]["support"] |= department
    whole["tickets"] = {"statuses": {"waiting": {"title": {"en": "Waits", "ru": "Ждём"}, "kind": "waiting"}}}
    return Settings.model_validate(whole)


async def _row(house: House, id: int) -> TicketRow:
    async with house.store.view() as unit:
        row = await unit.tickets.get(id)
    assert row is not None
    return row


async def _post(client: TestClient, path: str, code: int = 303, /, **data: str) -> str:
    csrf = await csrf_of(client, "/tickets")
    answer = await client.post(path, data={"csrf": csrf, **data}, allow_redirects=False)
    text = await answer.text()
    assert answer.status == code, text
    return answer.headers.get("Location", text)


def _marks(text: str) -> dict[str, str]:
    return {
        name: markup.unescape(value)
        for name, value in re.findall(r'name="(shown_\w+)" value="([^"]*)"', text)
    }


async def test_what_is_required_is_asked_at_its_field_and_nothing_typed_is_lost(house: House) -> None:
    house.settings = _settings(fields=FIELDS)
    anna = await house.sign_in("1001")
    id = await add_ticket(house, record(answered=True), recorded=False)
    path = f"/tickets/{id}"
    shown = _marks(await text_of(anna, path))
    typed = {**shown, "status": "done", "field_make": "hp", "field_model": "LJ-12", "solution": HOSTILE}
    text = await _post(anna, path, 400, **typed)
    for key in ("contract", "agreed"):
        assert re.search(
            rf'name="field_{key}"[^>]*aria-invalid="true" aria-describedby="fault-field_{key}"', text
        )
        assert f'id="fault-field_{key}"' in text
    assert text.count(" autofocus") == 1
    assert re.search(r'name="field_contract"[^>]* autofocus', text), "the first of them"
    assert '<option value="LJ-12" selected>' in text
    assert markup.escape(HOSTILE) in text
    assert (await _row(house, id)).status == "open"
    whole = {**typed, "field_contract": "A-17", "field_agreed": "true"}
    csrf = await csrf_of(anna)
    both = [*{**whole, "csrf": csrf}.items(), ("field_parts", "toner"), ("field_parts", "drum")]
    answer = await anna.post(path, data=both, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    row = await _row(house, id)
    assert row.status == "done"
    assert row.fields == {
        "contract": "A-17",
        "agreed": "true",
        "make": "hp",
        "model": "LJ-12",
        "parts": "toner\ndrum",
    }


async def test_what_a_dropdown_leads_is_drawn_anew_when_it_changes(house: House) -> None:
    house.settings = _settings(fields=FIELDS)
    anna = await house.sign_in("1001")
    id = await add_ticket(house, record(), recorded=False)
    text = await _post(anna, f"/tickets/{id}/fields", 200, field_make="canon", field_contract="A <b>")
    assert '<option value="C5"' in text
    assert "LJ-12" not in text
    assert 'value="A &lt;b&gt;"' in text


async def test_of_an_own_field_both_values_are_shown(house: House) -> None:
    house.settings = _settings(fields=FIELDS)
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    id = await add_ticket(house, record(), recorded=False)
    shown = _marks(await text_of(anna, f"/tickets/{id}"))
    await _post(anna, f"/tickets/{id}", **shown, field_contract="A-1", field_make="hp")
    text = await _post(boris, f"/tickets/{id}", 409, **shown, field_contract="B-2", field_make="canon")
    for word in ("A-1", "B-2", "Contract", "hp", "canon"):
        assert word in text


@pytest.mark.parametrize(("language", "word"), [("en", "Waits"), ("ru", "Ждём")])
async def test_statuses_are_the_company_s_own(house: House, language: str, word: str) -> None:
    house.settings = _settings()
    boss = await house.supervisor("boss", None, language=language)
    id = await add_ticket(house, record(), recorded=False)
    shown = _marks(await text_of(boss, f"/tickets/{id}"))
    await _post(boss, f"/tickets/{id}", **shown, status="waiting")
    assert f'<span class="chip chip-waiting">{word}</span>' in await text_of(boss, "/tickets")


async def test_notes_are_no_answers_and_the_client_s_eye_is_named(house: House) -> None:
    anna = await house.sign_in("1001")
    id = await add_ticket(house, record(answered=True), recorded=False)
    for kind, body in (("note", f"n {HOSTILE}"), ("partner", f"p {HOSTILE}")):
        where = await _post(anna, f"/tickets/{id}/entries", kind=kind, body=body)
        assert re.fullmatch(rf"/tickets/{id}\?wrote=(\d+)#entry-\1", where)
    async with house.store.unit() as unit:
        await unit.entries.append(id, NewEntry("mail_in", HOSTILE, T0, subject=HOSTILE, body=HOSTILE))
    text = await text_of(anna, f"/tickets/{id}")
    assert HOSTILE not in text
    for kind, words in (("note", "Colleagues only"), ("partner", "The client does not see this")):
        turn = text[text.index(f'class="turn turn-{kind}"') :]
        assert words in turn[: turn.index("</li>")]
    assert 'value="mail_out"' not in text, "no mail is set up: an answer is not offered"
    refused = await _post(anna, f"/tickets/{id}/entries", 400, kind="mail_out", body="Ответ", to="a@b.org")
    assert "mail is not set up" in refused
    assert "Ответ" in refused
    assert "Fill" not in await _post(anna, f"/tickets/{id}/entries", 400, kind="note", body=" ")


async def test_a_template_is_put_after_what_is_typed(house: House) -> None:
    anna = await house.sign_in("1001")
    who = await add_client(house.store, HOSTILE)
    id = await add_ticket(house, record(client=who), recorded=False)
    async with house.store.unit() as unit:
        await unit.tickets.update(id, client=who)
        one = await unit.templates.save(
            set_name=HOSTILE, name=HOSTILE, subject="№ {ticket}", body="Dear {client_name}, {company}"
        )
    assert one is not None
    text = await _post(anna, f"/tickets/{id}/template", 200, kind="note", body="Typed", template=str(one.id))
    assert f"Typed\nDear {markup.escape(HOSTILE)}, Ромашка" in text
    assert f'value="№ {id}"' in text
    assert HOSTILE not in text


async def test_what_he_may_not_do_is_not_offered_and_refused(house: House) -> None:
    house.settings = _settings(lines={"1": ["1001"]}, rights={"line1": {"deny": ["close", "tag"]}})
    anna, vera = await house.sign_in("1001"), await house.sign_in("1003")
    id = await add_ticket(house, record(agent="1002"), recorded=False)
    hers, others = await text_of(anna, f"/tickets/{id}"), await text_of(vera, f"/tickets/{id}")
    assert '<option value="done"' not in hers
    assert f'action="/tickets/{id}/tags"' not in hers
    assert f'action="/tickets/{id}"' not in others
    assert 'value="note"' in others
    assert 'value="partner"' not in others
    await _post(anna, f"/tickets/{id}/tags", 403, tags="x")
    await _post(anna, f"/tickets/{id}", 403, status="done")
    assert (await _row(house, id)).status == "open"


async def test_tags_links_merging_and_history(house: House) -> None:
    house.settings = _settings()
    chief = await house.sign_in("chief")
    one = await add_ticket(house, record("1.1"), recorded=False)
    two = await add_ticket(house, record("2.2"), recorded=False)
    await _post(chief, f"/tickets/{one}/tags", tags=f"{HOSTILE}, Printer ,printer")
    await _post(chief, f"/tickets/{one}/links", other=str(two), kind="child", on="1")
    text = await text_of(chief, f"/tickets/{one}")
    assert HOSTILE not in text
    assert "printer" in text
    assert "is below" in text
    await _post(chief, f"/tickets/{one}/links", other=str(two), kind="child", on="0")
    assert await _post(chief, f"/tickets/{one}/merge", target=str(two)) == f"/tickets/{two}?merged={one}"
    text = await text_of(chief, f"/tickets/{one}")
    assert f'href="/tickets/{two}"' in text
    assert 'name="status"' not in text
    history = await text_of(chief, f"/tickets/{two}/history")
    assert "chief" in history
    assert "Merged" in history


async def test_files_are_sent_given_out_as_something_to_save_and_removed_by_right(house: House) -> None:
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    id = await add_ticket(house, record(), recorded=False)

    def form(content: bytes) -> FormData:
        data = FormData()
        data.add_field("file", content, filename=f"{HOSTILE}.txt", content_type="text/html")
        return data

    path = f"/tickets/{id}/files"
    headers = {"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"}
    assert (await anna.post(path, data=form(b"hello"))).status == 403, "without its secret"
    page = b"<script>alert(1)</script>"
    assert (await anna.post(path, data=form(page), headers=headers)).status == 400, "by what is in it"
    answer = await anna.post(path, data=form(b"hello"), headers=headers)
    assert answer.status == 204, await answer.text()
    data = FormData()
    data.add_field("csrf", headers["X-CSRF-Token"])
    data.add_field("file", b"hello again", filename="b.txt")
    answer = await anna.post(path, data=data, allow_redirects=False)
    assert answer.status == 303, "without scripts its secret comes first in the form"
    text = await text_of(anna, f"/tickets/{id}")
    assert HOSTILE not in text
    found = re.search(rf'href="(/tickets/{id}/files/\d+)" download', text)
    assert found
    answer = await anna.get(found[1])
    assert await answer.read() == b"hello"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    await _post(anna, f"{found[1]}/remove", 403)
    await _post(chief, f"{found[1]}/remove")
    assert (await anna.get(found[1])).status == 404


async def test_filters_are_counted_saved_renamed_and_removed(house: House) -> None:
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    first = await add_ticket(house, record("1.1"), recorded=False)
    await add_ticket(house, record("2.2"), recorded=False)
    async with house.store.unit() as unit:
        await unit.tickets.update(first, priority="urgent", subject="Принтер горит")
    text = await text_of(anna, "/tickets?priority=urgent")
    assert text.index("No reaction for 3 h") < text.index("Mine") < text.index("All open")
    assert text.count("<tr>") == 2
    found = re.search(r'name="query" value="([^"]*)"', text)
    assert found
    where = await _post(anna, "/tickets/filters", name=HOSTILE, query=markup.unescape(found[1]))
    number = re.search(r"filter=(\d+)", where)
    assert number
    text = await text_of(anna, where)
    assert HOSTILE not in text
    assert re.search(r'aria-current="page"[^>]*>.*?<span class="count">1</span>', text, re.S)
    assert text.count("<tr>") == 2
    await text_of(boris, f"/tickets?filter={number[1]}", 404)
    await _post(boris, f"/tickets/filters/{number[1]}", 404, action="remove")
    await _post(anna, f"/tickets/filters/{number[1]}", action="rename", name="Горит")
    assert "Горит" in await text_of(anna, "/tickets")
    await _post(anna, f"/tickets/filters/{number[1]}", action="remove")
    assert "Горит" not in await text_of(anna, "/tickets")
    assert (await text_of(anna, "/tickets?q=принтер")).count("<tr>") == 2
    await text_of(anna, "/tickets?filter=no_reaction")
    await _post(boris, "/tickets/filters", 403, name="x", query="{}", role="agent")


async def test_a_ticket_is_opened_by_hand_with_what_its_department_demands(house: House) -> None:
    house.settings = _settings(fields=FIELDS)
    anna = await house.sign_in("1001")
    who = await add_client(house.store, "Мария")
    assert "Мария" in await text_of(anna, f"/tickets/new?client={who}")
    typed = {"subject": HOSTILE, "department": "support", "client": str(who), "note": f"n {HOSTILE}"}
    text = await _post(anna, "/tickets/new", 400, **typed)
    assert 'id="fault-field_contract"' in text
    assert text.count(markup.escape(HOSTILE)) >= 2
    assert HOSTILE not in text
    where = await _post(anna, "/tickets/new", **typed, field_contract="A-1")
    found = re.fullmatch(r"/tickets/(\d+)\?created=1", where)
    assert found
    row = await _row(house, int(found[1]))
    assert (row.subject, row.client, row.source, row.fields) == (HOSTILE, who, "web", {"contract": "A-1"})


async def test_beside_the_card_the_ticket_is_taken_opened_and_filled_in(house: House) -> None:
    house.settings = _settings(fields=FIELDS)
    anna = await house.sign_in("1001")
    who = await add_client(house.store, "Мария", "+79161234567")
    before = await add_ticket(house, record("1.1", client=who), recorded=False)
    async with house.store.unit() as unit:
        await unit.tickets.update(before, client=who)
        call = record("2.2", client=who, verdict=Verdict.KNOWN, answered=True)
        await unit.calls.save(call)
    await house.screens.open_card(card(call, "1001", who))
    text = await until_shown(anna, 'action="/card/2.2/take"')
    assert 'action="/card/2.2/open-ticket"' in text
    htmx = {"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"}
    answer = await anna.post("/card/2.2/open-ticket", headers=htmx)
    assert answer.status == 400
    assert 'id="fault-field_contract"' in await answer.text()
    answer = await anna.post("/card/2.2/take", data={"ticket": str(before)}, headers=htmx)
    assert answer.status == 200, await answer.text()
    text = await until_shown(anna, 'action="/card/2.2/ticket"')
    form = {**_marks(text), "ticket": str(before), "status": "in_progress", "note": HOSTILE}
    answer = await anna.post("/card/2.2/ticket", data=form, headers=htmx)
    text = await answer.text()
    assert answer.status == 400
    assert markup.escape(HOSTILE) in text, "the note is not lost"
    form |= {"field_contract": "A-1"}
    answer = await anna.post("/card/2.2/ticket", data=form, headers=htmx)
    assert answer.status == 200
    assert "Saved." in await answer.text()
    row = await _row(house, before)
    assert (row.status, row.fields) == ("in_progress", {"contract": "A-1"})
    async with house.store.view() as unit:
        entries = (await unit.entries.page(before, None, 10)).items
        mine = await unit.tickets.by_call("2.2")
    assert [(one.kind, one.body) for one in entries] == [("note", HOSTILE)]
    assert mine is not None
    assert mine.id == before
    stale = {**form, "field_contract": "B-2"}  # with the marks from before
    answer = await anna.post("/card/2.2/ticket", data=stale, headers=htmx)
    assert answer.status == 409
    assert "data-begun" in await answer.text()
