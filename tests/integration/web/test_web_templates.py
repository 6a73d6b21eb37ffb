"""Templates of answers on their pages and by the API: written, previewed, met, used, with their files."""

from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient

from bridge.config import Settings
from tests.integration.web.web_house import API, House, csrf_of, get
from tests.integration.web.web_tickets import HTML, created, send

HELLO = {
    "set_name": "Answers",
    "name": "Hello",
    "department": "support",
    "language": "ru",
    "subject": "Ticket {ticket}",
    "body": "Dear {client_name},\n\n{solution}\n{agent}",
}
TEXT = b"How to replace the cartridge."


async def post(client: TestClient, path: str, **fields: Any) -> aiohttp.ClientResponse:
    data = {"csrf": await csrf_of(client), **fields}
    return await client.post(path, data=data, allow_redirects=False)


async def made(client: TestClient, **fields: str) -> int:
    answer = await post(client, "/templates", **{**HELLO, **fields})
    assert answer.status == 303, await answer.text()
    return int(answer.headers["Location"].removeprefix("/templates/").partition("?")[0])


async def page(client: TestClient, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.text()


async def upload(client: TestClient, id: int, name: str = "how.txt", data: bytes = TEXT) -> int:
    form = aiohttp.FormData()
    form.add_field("file", data, filename=name)
    headers = {"X-CSRF-Token": await csrf_of(client), "HX-Request": "true"}
    answer = await client.post(f"/templates/{id}/files", data=form, headers=headers)
    return answer.status


def kept_files(house: House) -> list[str]:
    return [one.name for one in (house.recordings.parent / "attachments").rglob("*") if one.is_file()]


def without_others(house: House) -> None:
    """Vera is in no line of support, whose others may not read there."""
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["support"] |= {"lines": {"1": ["1001"]}, "rights": {"others": []}}
    house.settings = Settings.model_validate(file)


async def test_a_supervisor_keeps_templates_and_agents_read_them(house: House) -> None:
    chief, anna = await house.sign_in("chief"), await house.sign_in("1001")
    assert "no templates yet" in await page(anna, "/templates")
    id = await made(chief)
    listed = await page(chief, "/templates")
    assert f'href="/templates/{id}"' in listed
    assert 'href="/templates" aria-current="page"' in listed, "it stands in the navigation"
    shown = await page(anna, f"/templates/{id}")
    assert "Dear {client_name}" in shown
    assert 'name="body"' not in shown
    assert "/templates/new" not in await page(anna, "/templates")
    for path, fields in (
        ("/templates", HELLO),
        (f"/templates/{id}", HELLO),
        (f"/templates/{id}/remove", {"version": "1"}),
    ):
        assert (await post(anna, path, **fields)).status == 403, path
    assert await upload(anna, id) == 403
    assert (await anna.get("/templates/new")).status == 403
    assert kept_files(house) == []


async def test_a_supervisor_of_one_department_keeps_its_own(house: House) -> None:
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["support"]["supervisors"] = ["1002"]
    house.settings = Settings.model_validate(file)
    boris = await house.supervisor("boris", "1002")
    form = await page(boris, "/templates/new")
    assert 'value="support"' in form
    assert 'value="sales"' not in form
    await made(boris)
    for department in ("sales", ""):
        answer = await post(boris, "/templates", **{**HELLO, "name": "Other", "department": department})
        assert answer.status in (400, 403), department


async def test_what_is_no_template_is_asked_again_with_the_remedy(house: House) -> None:
    chief = await house.sign_in("chief")
    wrong = {**HELLO, "subject": "{", "body": "Dear {client_nam}, {colour} {x", "name": ""}
    answer = await post(chief, "/templates", **wrong)
    text = await answer.text()
    assert answer.status == 400
    assert "There is no variable “{client_nam}”: do you mean {client_name}?" in text
    assert "There is no variable “{colour}”: choose one of the list." in text
    assert "A single “{” is left over: write “{{” for a brace." in text
    assert "Dear {client_nam}, {colour}" in text, "what was typed stays"
    assert 'id="fault-name"' in text
    await made(chief)
    answer = await post(chief, "/templates", **HELLO)
    assert answer.status == 400
    assert "There is one of this name and language in the set" in await answer.text()


async def test_the_preview_is_what_an_answer_would_be(house: House) -> None:
    chief = await house.sign_in("chief")
    token = await house.token("*")
    ticket = await created(chief, token, fields={}, subject=HTML, solution="New cartridge")
    await csrf_of(chief)
    headers = {"HX-Request": "true"}

    async def seen(**fields: str) -> str:
        data = {"csrf": await csrf_of(chief), **HELLO, **fields}
        answer = await chief.post("/templates/preview", data=data, headers=headers)
        assert answer.status == 200
        return await answer.text()

    example = await seen()
    assert "Ticket 1042" in example
    assert "Dear Анна Миллер" in example, "the example speaks the template's language"
    with_ticket = await seen(ticket=str(ticket["id"]), body="{subject} {solution} {company}")
    assert "&lt;script&gt;" in with_ticket
    assert "New cartridge Ромашка" in with_ticket
    assert "<script>" not in with_ticket
    assert "no such ticket" in await seen(ticket="999")
    assert "no such ticket" in await seen(ticket="x")
    assert "There is no variable “{colour}”" in await seen(body="{colour}")
    data = {"csrf": await csrf_of(chief), **HELLO, "body": "Not saved {agent}"}
    whole = await (await chief.post("/templates/preview", data=data)).text()
    assert "Not saved chief" in whole, "without scripts it is the page again"
    assert "Not saved {agent}" in whole


async def test_nobody_sees_a_hidden_ticket_by_the_preview(house: House) -> None:
    without_others(house)
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["sales"]["supervisors"] = ["1003"]
    house.settings = Settings.model_validate(file)
    vera = await house.supervisor("vera", "1003")
    ticket = await created(vera, await house.token("*"), fields={}, subject="A secret")
    data = {"csrf": await csrf_of(vera), "body": "{subject}", "ticket": str(ticket["id"])}
    answer = await vera.post("/templates/preview", data=data, headers={"HX-Request": "true"})
    text = await answer.text()
    assert "A secret" not in text
    assert "may not read it" in text


async def test_two_who_edit_one_template_meet(house: House) -> None:
    chief, other = await house.sign_in("chief"), await house.supervisor("olga", None)
    id = await made(chief)
    shown = {f"shown_{name}": value for name, value in HELLO.items() if name != "body"}
    mine = {**HELLO, **shown, "subject": "Mine"}
    assert (await post(other, f"/templates/{id}", **{**mine, "subject": "Theirs"})).status == 303
    answer = await post(chief, f"/templates/{id}", **mine)
    assert answer.status == 409
    text = await answer.text()
    assert "Theirs" in text
    assert "Mine" in text
    assert (await post(chief, f"/templates/{id}", **{**HELLO, **shown, "name": "Hi"})).status == 303
    async with house.store.view() as unit:
        row = await unit.templates.get(id)
    assert row is not None
    assert (row.name, row.subject, row.version) == ("Hi", "Theirs", 3), "different fields do not meet"
    assert (await post(chief, f"/templates/{id}/remove", version="1")).status == 409
    assert (await post(chief, f"/templates/{id}/remove", version="3")).status == 303
    await page(chief, f"/templates/{id}", 404)


async def test_its_files_come_and_go_with_their_bytes(house: House) -> None:
    chief, anna = await house.sign_in("chief"), await house.sign_in("1001")
    id = await made(chief)
    assert await upload(chief, id) == 204
    assert await upload(chief, id, "run.exe", b"MZ" + bytes(80)) == 400
    (file,) = (await get(chief, f"/templates/{id}", {}))["attachments"]
    assert file["name"] == "how.txt"
    answer = await anna.get(f"/templates/{id}/files/{file['id']}")
    assert (answer.status, await answer.read()) == (200, TEXT)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert (await post(anna, f"/templates/{id}/files/{file['id']}/remove")).status == 403
    other = await made(chief, name="Other")
    for path in (f"/templates/{other}/files/{file['id']}", f"/templates/77/files/{file['id']}"):
        assert (await anna.get(path)).status == 404
    assert (await post(chief, f"/templates/{id}/files/{file['id']}/remove")).status == 303
    assert kept_files(house) == []
    assert await upload(chief, id) == 204
    assert await upload(chief, other) == 204
    assert (await post(chief, f"/templates/{id}/remove", version="1")).status == 303
    assert len(kept_files(house)) == 1, "the other one has it still"
    assert (await post(chief, f"/templates/{other}/remove", version="1")).status == 303
    assert kept_files(house) == []


async def test_a_template_s_files_go_along_with_the_answer(house: House) -> None:
    chief, anna = await house.sign_in("chief"), await house.sign_in("1001")
    id = await made(chief)
    assert await upload(chief, id) == 204
    token = await house.token("*")
    ticket = (await created(chief, token, fields={}))["id"]
    assert "/templates?department=support" in await page(anna, f"/tickets/{ticket}")
    text = await (
        await post(anna, f"/tickets/{ticket}/template", kind="note", template=str(id), body="So:")
    ).text()
    assert "how.txt" in text
    assert "Анна Смирнова" in text
    (file,) = (await get(chief, f"/templates/{id}", {}))["attachments"]
    assert f'name="attached" value="{file["id"]}" checked' in text
    assert (await get(chief, f"/tickets/{ticket}/attachments", {}))["items"] == [], "nothing is kept yet"
    wrote = await post(anna, f"/tickets/{ticket}/entries", kind="note", body="See", attached=str(file["id"]))
    assert wrote.status == 303, await wrote.text()
    (kept,) = (await get(chief, f"/tickets/{ticket}/attachments", {}))["items"]
    assert (kept["name"], kept["id"] != file["id"]) == ("how.txt", True)
    assert (await post(chief, f"/templates/{id}/remove", version="1")).status == 303
    answer = await chief.get(f"/tickets/{ticket}/files/{kept['id']}")
    assert await answer.read() == TEXT, "the ticket has it still"
    for attached in (str(file["id"]), "x", "9" * 30):
        wrote = await post(anna, f"/tickets/{ticket}/entries", kind="note", body="See", attached=attached)
        assert wrote.status in (400, 409), attached


async def test_another_department_s_template_gives_no_file(house: House) -> None:
    chief = await house.sign_in("chief")
    id = await made(chief, department="sales")
    assert await upload(chief, id) == 204
    (file,) = (await get(chief, f"/templates/{id}", {}))["attachments"]
    ticket = (await created(chief, await house.token("*"), fields={}))["id"]
    wrote = await post(chief, f"/tickets/{ticket}/entries", kind="note", body="See", attached=str(file["id"]))
    assert wrote.status in (400, 409)
    assert (await get(chief, f"/tickets/{ticket}/attachments", {}))["items"] == []


async def test_a_template_of_a_department_that_is_gone_can_be_moved_and_removed(house: House) -> None:
    chief = await house.sign_in("chief")
    id = await made(chief)
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    del file["departments"]["support"], file["queues"]["support"]
    house.settings = Settings.model_validate(file)
    assert 'name="body"' in await page(chief, f"/templates/{id}")
    assert (await post(chief, f"/templates/{id}", **{**HELLO, "department": "sales"})).status == 303
    assert (await post(chief, f"/templates/{id}/remove", version="2")).status == 303


# ── the API ──────────────────────────────────────────────────────────────────

OCTETS = {"Content-Type": "application/octet-stream"}


async def test_programs_keep_templates_under_a_condition(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    body = {"set": "Answers", "name": "Hello", "body": "Dear {client_name}"}
    _, new = await send(client, "POST", "/templates", token, body)
    path = f"/templates/{new['id']}"
    answer = await client.get(API + path, headers=token)
    tag = answer.headers["ETag"]
    assert (await send(client, "PATCH", path, token, {"subject": "a"}, **{"If-Match": tag}))[0] == 200
    status, problem = await send(client, "PATCH", path, token, {"subject": "b"}, **{"If-Match": tag})
    assert (status, problem["type"].rpartition(":")[2]) == (412, "stale")
    assert (await get(client, path, token))["subject"] == "a"


async def test_programs_give_templates_files(house: House) -> None:
    client, token = await house.visitor(), await house.token("*")
    body = {"set": "Answers", "name": "Hello", "body": "Dear {client_name}"}
    _, new = await send(client, "POST", "/templates", token, body)
    path = f"{API}/templates/{new['id']}/attachments"
    answer = await client.post(f"{path}?name=how.txt", data=TEXT, headers={**token, **OCTETS})
    file = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (201, file["url"])
    again = await client.post(f"{path}?name=how.txt", data=TEXT, headers={**token, **OCTETS})
    assert (await again.json())["id"] == file["id"], "noted twice"
    listed = await get(client, path.removeprefix(API), token)
    assert listed["items"] == [file] == (await get(client, f"/templates/{new['id']}", token))["attachments"]
    content = await client.get(file["url"], headers=token)
    assert (await content.read(), content.content_type) == (TEXT, "application/octet-stream")
    html = await client.post(f"{path}?name=a.png", data=b"<html><script>", headers={**token, **OCTETS})
    assert html.status == 422
    nowhere = f"{API}/templates/77/attachments?name=a.txt"
    assert (await client.post(nowhere, data=TEXT, headers={**token, **OCTETS})).status == 404
    status, gone = await send(client, "DELETE", f"/templates/{new['id']}/attachments/{file['id']}", token)
    assert (status, gone) == (200, file)
    assert kept_files(house) == []
    await client.post(f"{path}?name=how.txt", data=TEXT, headers={**token, **OCTETS})
    assert (await send(client, "DELETE", f"/templates/{new['id']}", token))[0] == 200
    assert kept_files(house) == [], "its bytes stayed"


async def test_html_in_a_template_is_shown_as_it_is(house: House) -> None:
    chief = await house.sign_in("chief")
    id = await made(chief, set_name=HTML, name=HTML, subject=HTML, body=HTML)
    for path in ("/templates", f"/templates/{id}"):
        text = await page(chief, path)
        assert "&lt;script&gt;alert(1)" in text
        assert HTML not in text
