"""A letter and its files: sent by one form, together or not at all."""

import re

from aiohttp import FormData

from bridge.config import Settings
from tests.integration.web.web_house import API, T0, House, csrf_of
from tests.integration.web.web_letters import (
    MARIA,
    PNG,
    SHOP,
    TEXT,
    entries_of,
    files_of,
    on_disk,
    ticket_of,
    ticket_page,
    write_letter,
)
from tests.integration.web.web_samples import add_ticket, record
from tests.integration.web.web_tickets import attach, send


async def test_text_and_files_are_sent_by_one_form(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    page = await ticket_page(anna, id)
    assert 'enctype="multipart/form-data"' in page
    assert f'name="to" value="{MARIA}"' in page, "whom it goes to stands there before it is sent"
    letter = {"kind": "mail_out", "to": MARIA, "cc": f"Boss <boss@example.org>, {SHOP}", "body": "See there"}
    await write_letter(anna, id, letter, ("a.png", PNG), ("б.txt", TEXT))
    (entry,) = await entries_of(mailing, id)
    assert (entry.kind, entry.to, entry.delivery) == ("mail_out", MARIA, "waiting")
    assert entry.cc == f"Boss <boss@example.org>, {SHOP}"
    assert entry.message_id
    assert [(one.name, one.entry) for one in await files_of(mailing, id)] == [
        ("a.png", entry.id),
        ("б.txt", entry.id),
    ]
    page = await ticket_page(anna, id)
    turn = page[page.index(f'id="entry-{entry.id}"') :]
    for word in (MARIA, "boss@example.org", "a.png", "б.txt"):
        assert word in turn[: turn.index("</ol>")]


REFUSED = (
    ([("a.png", PNG), ("setup.exe", TEXT)], "setup.exe: is a program"),
    ([("large.txt", b"x" * (2**20 + 1)), ("a.txt", TEXT)], "large.txt: is larger than 1 MB"),
    ([("a.txt", TEXT), ("empty.txt", b"")], "empty.txt: is empty"),
    ([("page.txt", b"<!DOCTYPE html><script>1</script>")], "page.txt: is text/html, which is not taken"),
    ([("a.pdf", PNG)], "a.pdf: is image/png, and not what its name says"),
    ([("1.txt", b"1"), ("2.txt", b"2"), ("3.txt", b"3")], "at most 2 go with one message"),
)


async def test_a_refused_file_leaves_no_letter_and_no_file_and_the_text_stays(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    letter = {"kind": "mail_out", "to": MARIA, "cc": SHOP, "subject": "Зима", "body": "Долгий ответ 100%"}
    for files, words in REFUSED:
        page = await write_letter(anna, id, letter, *files, status=400)
        assert words in page
        assert "choose the files again" in page
        assert 'aria-describedby="files-limits fault-file"' in page
        for typed in ("Долгий ответ 100%", 'value="Зима"', f'name="cc" value="{SHOP}"', f'value="{MARIA}"'):
            assert typed in page, f"what was typed is lost: {words}"
        assert re.search(r'value="mail_out"[^>]*checked', page)
        assert await entries_of(mailing, id) == []
        assert await files_of(mailing, id) == []
        assert on_disk(mailing) == []


async def test_what_the_ticket_has_goes_along_and_another_s_does_not(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    browser, token = await mailing.visitor(), await mailing.token("*")
    _, mine = await attach(browser, token, id, "a.txt", TEXT)
    other = await add_ticket(mailing, record("2.2"), recorded=False)
    _, theirs = await attach(browser, token, other, "b.txt", b"Secret")
    note = {"kind": "note", "body": "See there"}
    page = await write_letter(anna, id, {**note, "attached": [mine["id"], theirs["id"]]}, status=400)
    assert f"attachment {theirs['id']}: ticket {id} has none of this number" in page
    assert re.search(rf'name="attached" value="{mine["id"]}" checked', page)
    await write_letter(anna, id, {**note, "attached": [mine["id"]]}, ("c.png", PNG))
    (entry,) = await entries_of(mailing, id)
    assert {one.name: one.entry for one in await files_of(mailing, id)} == {
        "a.txt": entry.id,
        "c.png": entry.id,
    }
    path = f"/tickets/{id}/entries"
    reply = {"kind": "reply", "body": "x", "attachments": [mine["id"], theirs["id"]]}
    status, problem = await send(browser, "POST", path, token, reply)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/attachments/1")
    status, problem = await send(browser, "POST", path, token, {**reply, "attachments": [mine["id"], 9999]})
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/attachments/1")
    status, sent = await send(browser, "POST", path, token, {**reply, "attachments": [mine["id"]]})
    assert (status, sent["delivery"], sent["to"]) == (201, "waiting", MARIA)
    assert [(one["name"], one["entry"]) for one in sent["attachments"]] == [("a.txt", sent["id"])]
    octets = {**token, "Content-Type": "application/octet-stream"}
    late = f"{API}/tickets/{id}/attachments?name=late.txt&entry={sent['id']}"
    assert (await browser.post(late, data=b"x", headers=octets)).status == 409, "it has left without it"
    file = f"/tickets/{id}/attachments/{sent['attachments'][0]['id']}"
    assert (await send(browser, "DELETE", file, token))[0] == 409, "it leaves with its files"


async def test_all_files_of_a_letter_together_are_what_a_mail_server_takes(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    async with mailing.store.unit() as unit:
        huge = await unit.attachments.add(
            name="huge.txt",
            media_type="text/plain",
            bytes=30 * 2**20,
            sha256="0" * 64,
            file="00/" + "0" * 64,
            by="1001",
            at=T0,
            ticket=id,
        )
    letter = {"kind": "mail_out", "to": MARIA, "body": "See there", "attached": [huge.id]}
    assert "a letter takes 25 MB" in await write_letter(anna, id, letter, status=400)
    assert await entries_of(mailing, id) == []
    await write_letter(anna, id, {**letter, "kind": "note"})


async def test_a_ticket_that_was_merged_meanwhile_gives_the_text_back(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    other = await add_ticket(mailing, record("2.2"), recorded=False)
    async with mailing.store.unit() as unit:
        await unit.tickets.merge(id, other, by="1002", at=T0)
    for files in ([], [("a.txt", TEXT)]):
        page = await write_letter(anna, id, {"kind": "note", "body": "Долгая заметка"}, *files, status=400)
        assert f"it was merged into {other}" in page
        assert "Долгая заметка" in page
    assert on_disk(mailing) == []


async def test_who_may_not_attach_sends_no_file_along(mailing: House) -> None:
    whole = mailing.settings.model_dump(exclude_unset=True)
    whole["departments"]["support"] |= {"lines": {"1": ["1001"]}, "rights": {"line1": {"deny": ["attach"]}}}
    mailing.settings = Settings.model_validate(whole)
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    assert 'type="file"' not in await ticket_page(anna, id)
    await write_letter(anna, id, {"kind": "note", "body": "x"}, ("a.txt", TEXT), status=403)
    assert await entries_of(mailing, id) == []
    assert on_disk(mailing) == []


async def test_a_form_that_breaks_off_or_has_no_secret_is_refused(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    field = "--x\r\nContent-Disposition: form-data; name=csrf\r\n\r\n"
    for content in ("", "--x\r\n", field, f"{field}1", f"{field}1\r\n--x--"):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await anna.post(f"/tickets/{id}/entries", data=content.encode(), headers=headers)
        assert answer.status in {400, 403}, content
    for kind in ("multipart/form-data", "multipart/mixed; boundary=x", "multipart/form-data; boundary="):
        headers = {"Content-Type": kind, "X-CSRF-Token": await csrf_of(anna)}
        answer = await anna.post(f"/tickets/{id}/entries", data=b"--x--", headers=headers)
        assert answer.status in {400, 415}, await answer.text()
    many = "".join(f"--x\r\nContent-Disposition: form-data; name=f{one}\r\n\r\n1\r\n" for one in range(1001))
    large = f"--x\r\nContent-Disposition: form-data; name=body\r\n\r\n{'x' * 600_000}\r\n"
    for content, status in ((many, 400), (large, 413)):
        headers = {"Content-Type": "multipart/form-data; boundary=x", "X-CSRF-Token": await csrf_of(anna)}
        body = f"{content}--x--".encode()
        answer = await anna.post(f"/tickets/{id}/entries", data=body, headers=headers)
        assert answer.status == status, await answer.text()
    assert await entries_of(mailing, id) == []


async def test_a_secret_after_the_files_is_none(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    data = FormData()
    data.add_field("file", TEXT, filename="a.txt")
    for name, value in (("csrf", await csrf_of(anna)), ("kind", "note"), ("body", "x")):
        data.add_field(name, value)
    assert (await anna.post(f"/tickets/{id}/entries", data=data)).status == 403
    data = FormData()
    data.add_field("file", TEXT, filename="a.txt")
    data.add_field("kind", "note")
    data.add_field("body", "x")
    headers = {"X-CSRF-Token": await csrf_of(anna)}
    answer = await anna.post(f"/tickets/{id}/entries", data=data, headers=headers)
    assert answer.status == 200, "any order is read once it is known whose it is"
    assert [one.name for one in await files_of(mailing, id)] == ["a.txt"]
