"""Two people at one ticket, or one client: nothing is overwritten unseen, nothing typed is lost."""

import html as markup
import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.integration.web.web_house import House, csrf_in
from tests.integration.web.web_samples import add_client, add_ticket, record


async def _form(client: TestClient, path: str) -> dict[str, str]:
    """What the page's form would send, untouched."""
    text = await (await client.get(path)).text()
    form = text[text.rindex(f'action="{path}"') :]  # before it: what one click does
    form = form[: form.index("</form>")]
    fields = {
        name: markup.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)
    }
    for name, body in re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)</textarea>', form):
        fields[name] = markup.unescape(body)
    for name, body in re.findall(r'<select name="(\w+)">(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)"\s+selected', body)
        fields[name] = chosen[1] if chosen else ""
    fields.pop("q", None)
    assert csrf_in(text) == fields["csrf"]
    return fields


async def _ticket(house: House) -> int:
    return await add_ticket(house, record(answered=True), recorded=False)


async def _row(house: House, ticket: int) -> Any:
    async with house.store.view() as unit:
        return await unit.tickets.get(ticket)


async def test_different_fields_do_not_meet(house: House) -> None:
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    ticket = await _ticket(house)
    path = f"/tickets/{ticket}"
    one, two = await _form(anna, path), await _form(boris, path)
    for client, form in (
        (anna, {**one, "status": "done"}),
        (boris, {**two, "solution": "Перезагрузить\nеё"}),
    ):
        answer = await client.post(path, data=form, allow_redirects=False)
        assert answer.status == 303, await answer.text()
    row = await _row(house, ticket)
    assert (row.status, row.solution) == ("done", "Перезагрузить\nеё")


async def test_of_one_field_both_values_are_shown_and_he_chooses(house: House) -> None:
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    ticket = await _ticket(house)
    path = f"/tickets/{ticket}"
    one, two = await _form(anna, path), await _form(boris, path)
    first = {**one, "solution": "Заменить <телефон>", "priority": "urgent"}
    assert (await anna.post(path, data=first, allow_redirects=False)).status == 303
    answer = await boris.post(path, data={**two, "solution": "Ждать", "status": "in_progress"})
    text = await answer.text()
    assert answer.status == 409
    for words in ("Somebody else has changed this meanwhile", "Заменить &lt;телефон&gt;", "Ждать"):
        assert words in text
    row = await _row(house, ticket)
    assert (row.solution, row.status, row.priority) == ("Заменить <телефон>", "open", "urgent"), "nothing yet"
    chosen = await _conflict_form(text, path)
    assert "solution" not in chosen
    saved = await boris.post(path, data={**chosen, "solution": "Ждать"}, allow_redirects=False)
    assert saved.status == 303, await saved.text()
    row = await _row(house, ticket)
    assert (row.solution, row.status, row.priority) == ("Ждать", "in_progress", "urgent")


async def _conflict_form(text: str, path: str) -> dict[str, str]:
    form = text[text.index(f'<form method="post" action="{path}"') :]
    return {
        name: markup.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


async def test_a_third_change_in_between_is_asked_about_again(house: House) -> None:
    anna = await house.sign_in("1001")
    ticket = await _ticket(house)
    path = f"/tickets/{ticket}"
    form = await _form(anna, path)
    async with house.store.unit() as unit:
        await unit.tickets.update(ticket, subject="Первая")
    text = await (await anna.post(path, data={**form, "subject": "Моя"})).text()
    async with house.store.unit() as unit:
        await unit.tickets.update(ticket, subject="Вторая")
    answer = await anna.post(path, data={**await _conflict_form(text, path), "subject": "Моя"})
    assert answer.status == 409
    assert "Вторая" in await answer.text()
    assert (await _row(house, ticket)).subject == "Вторая"


async def test_the_same_change_by_both_is_no_conflict(house: House) -> None:
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    path = f"/tickets/{await _ticket(house)}"
    one, two = await _form(anna, path), await _form(boris, path)
    for client, form in ((anna, one), (boris, two)):
        answer = await client.post(path, data={**form, "status": "done"}, allow_redirects=False)
        assert answer.status == 303


@pytest.mark.parametrize("words", ["As it is now", "What you typed"])
async def test_a_client_is_not_overwritten_either(house: House, words: str) -> None:
    anna = await house.sign_in("1001", language="en")
    who = await add_client(house.store, "Мария", "+79161234567")
    path = f"/clients/{who}"
    form = await _form(anna, path)
    async with house.store.unit() as unit:
        await unit.clients.update(who, notes="строка\nдругая", tier="gold")
    answer = await anna.post(path, data={**form, "notes": "моя", "company": "Роза", "emails": "m@x.org\r\n"})
    text = await answer.text()
    assert answer.status == 409
    assert words in text
    chosen = {**await _conflict_form(text, path), "notes": "строка\r\nдругая"}
    saved = await anna.post(path, data=chosen, allow_redirects=False)
    assert saved.status == 303
    async with house.store.view() as unit:
        row = await unit.clients.get(who)
    assert row is not None
    assert (row.notes, row.company, row.tier) == ("строка\nдругая", "Роза", "gold")
    assert [number.e164 for number in row.numbers] == ["+79161234567"]
    assert row.emails == ("m@x.org",)
    form = await _form(anna, path)
    assert form["emails"] == "m@x.org"
    older = {name: value for name, value in form.items() if not name.endswith("emails")}
    assert (await anna.post(path, data=older, allow_redirects=False)).status == 303
    wrong = await anna.post(path, data={**form, "emails": "nobody"})
    assert (wrong.status, "nobody" in await wrong.text()) == (400, True)
    async with house.store.view() as unit:
        assert await unit.emails.of(who) == ("m@x.org",), "a page from before has no such field"
