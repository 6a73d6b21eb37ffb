"""Letters on a ticket's page and by the API: with their files, sent again, and what is to be said of them."""

import re
from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient

from bridge.config import Settings
from bridge.crm.attachments import Unfit
from bridge.crm.letter_headers import Automatic
from bridge.crm.letters import Fault
from bridge.store.ticket_rows import AttachmentRow, EntryRow, NewEntry
from bridge.web.context import RENDERER
from bridge.web.pages.letter_remarks import AUTOMATICS, FAULTS, UNFIT
from tests.integration.web.house_plan import settings
from tests.integration.web.web_house import API, T0, House, csrf_of, get
from tests.integration.web.web_samples import add_client, add_ticket, record
from tests.integration.web.web_tickets import HTML, attach, send

MARIA, SHOP, US = "maria@example.org", "s@shop.example", "help@daisy.example"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
TEXT = b"It burns."


@pytest.fixture
def mailing(house: House) -> House:
    """The house, with a mail server to send by, and small files only."""
    whole = settings().model_dump(exclude_unset=True)
    whole["tickets"] = {"attachments": {"largest_mb": 1, "most": 2}}
    whole["mail"] = {"host": "smtp.example.org", "sender": US}
    house.settings = Settings.model_validate(whole)
    return house


async def _ticket(house: House, *, address: str = MARIA) -> int:
    """Of a client who has a mail address."""
    who = await add_client(house.store, "Мария")
    id = await add_ticket(house, record(answered=True), recorded=False)
    async with house.store.unit() as unit:
        await unit.tickets.update(id, client=who, subject="Printer")
        await unit.emails.set(who, [address] if address else [])
    return id


async def _entries(house: House, id: int) -> list[EntryRow]:
    async with house.store.view() as unit:
        return list((await unit.entries.page(id, None, 50)).items)


async def _files(house: House, id: int) -> list[AttachmentRow]:
    async with house.store.view() as unit:
        return await unit.attachments.of_ticket(id)


def _on_disk(house: House) -> list[str]:
    place = house.recordings.parent / "attachments"
    return sorted(path.name for path in place.rglob("*") if path.is_file())


async def _form(client: TestClient, fields: dict[str, Any], *files: tuple[str, bytes]) -> FormData:
    """As a browser without scripts sends it: its secret is the first field."""
    data = FormData(quote_fields=False)  # as browsers do
    data.add_field("csrf", await csrf_of(client))
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            data.add_field(name, str(one))
    for name, content in files:
        data.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
    if not files:
        data.add_field("file", b"", filename="", content_type="application/octet-stream")
    return data


async def _write(
    client: TestClient, id: int, fields: dict[str, Any], *files: tuple[str, bytes], status: int = 303
) -> str:
    data = await _form(client, fields, *files)
    answer = await client.post(f"/tickets/{id}/entries", data=data, allow_redirects=False)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def _page(client: TestClient, id: int, status: int = 200) -> str:
    answer = await client.get(f"/tickets/{id}")
    text = await answer.text()
    assert answer.status == status, text
    return text


# ── files along with it ──────────────────────────────────────────────────────


async def test_text_and_files_are_sent_by_one_form(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    page = await _page(anna, id)
    assert 'enctype="multipart/form-data"' in page
    assert f'name="to" value="{MARIA}"' in page, "whom it goes to stands there before it is sent"
    letter = {"kind": "mail_out", "to": MARIA, "cc": f"Boss <boss@example.org>, {SHOP}", "body": "See there"}
    await _write(anna, id, letter, ("a.png", PNG), ("б.txt", TEXT))
    (entry,) = await _entries(mailing, id)
    assert (entry.kind, entry.to, entry.delivery) == ("mail_out", MARIA, "waiting")
    assert entry.cc == f"Boss <boss@example.org>, {SHOP}"
    assert entry.message_id
    assert [(one.name, one.entry) for one in await _files(mailing, id)] == [
        ("a.png", entry.id),
        ("б.txt", entry.id),
    ]
    page = await _page(anna, id)
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
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    letter = {"kind": "mail_out", "to": MARIA, "cc": SHOP, "subject": "Зима", "body": "Долгий ответ 100%"}
    for files, words in REFUSED:
        page = await _write(anna, id, letter, *files, status=400)
        assert words in page
        assert "choose the files again" in page
        assert 'aria-describedby="files-limits fault-file"' in page
        for typed in ("Долгий ответ 100%", 'value="Зима"', f'name="cc" value="{SHOP}"', f'value="{MARIA}"'):
            assert typed in page, f"what was typed is lost: {words}"
        assert re.search(r'value="mail_out"[^>]*checked', page)
        assert await _entries(mailing, id) == []
        assert await _files(mailing, id) == []
        assert _on_disk(mailing) == []


async def test_what_the_ticket_has_goes_along_and_another_s_does_not(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    browser, token = await mailing.visitor(), await mailing.token("*")
    _, mine = await attach(browser, token, id, "a.txt", TEXT)
    other = await add_ticket(mailing, record("2.2"), recorded=False)
    _, theirs = await attach(browser, token, other, "b.txt", b"Secret")
    note = {"kind": "note", "body": "See there"}
    page = await _write(anna, id, {**note, "attached": [mine["id"], theirs["id"]]}, status=400)
    assert f"attachment {theirs['id']}: ticket {id} has none of this number" in page
    assert re.search(rf'name="attached" value="{mine["id"]}" checked', page)
    await _write(anna, id, {**note, "attached": [mine["id"]]}, ("c.png", PNG))
    (entry,) = await _entries(mailing, id)
    assert {one.name: one.entry for one in await _files(mailing, id)} == {
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
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
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
    assert "a letter takes 25 MB" in await _write(anna, id, letter, status=400)
    assert await _entries(mailing, id) == []
    await _write(anna, id, {**letter, "kind": "note"})


async def test_a_ticket_that_was_merged_meanwhile_gives_the_text_back(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    other = await add_ticket(mailing, record("2.2"), recorded=False)
    async with mailing.store.unit() as unit:
        await unit.tickets.merge(id, other, by="1002", at=T0)
    for files in ([], [("a.txt", TEXT)]):
        page = await _write(anna, id, {"kind": "note", "body": "Долгая заметка"}, *files, status=400)
        assert f"it was merged into {other}" in page
        assert "Долгая заметка" in page
    assert _on_disk(mailing) == []


async def test_who_may_not_attach_sends_no_file_along(mailing: House) -> None:
    whole = mailing.settings.model_dump(exclude_unset=True)
    whole["departments"]["support"] |= {"lines": {"1": ["1001"]}, "rights": {"line1": {"deny": ["attach"]}}}
    mailing.settings = Settings.model_validate(whole)
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    assert 'type="file"' not in await _page(anna, id)
    await _write(anna, id, {"kind": "note", "body": "x"}, ("a.txt", TEXT), status=403)
    assert await _entries(mailing, id) == []
    assert _on_disk(mailing) == []


async def test_a_form_that_breaks_off_or_has_no_secret_is_refused(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
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
    assert await _entries(mailing, id) == []


async def test_a_secret_after_the_files_is_none(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
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
    assert [one.name for one in await _files(mailing, id)] == ["a.txt"]


# ── whom it goes to ──────────────────────────────────────────────────────────


NO_ADDRESSES: tuple[tuple[dict[str, str], str], ...] = (
    ({"to": "nobody"}, "to"),
    ({"to": ""}, "to"),
    ({"to": f"{MARIA}\r\nBcc: {SHOP}"}, "to"),
    ({"to": MARIA, "cc": "nobody@"}, "cc"),
    ({"to": MARIA, "cc": f"x\r\nBcc: {SHOP}"}, "cc"),
    ({"to": MARIA, "cc": ", ".join(f"a{one}@example.org" for one in range(21))}, "cc"),
    ({"kind": "partner", "supplier": "shop"}, "supplier"),
)


async def test_an_address_that_is_none_is_told_at_its_field(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    for fields, at in NO_ADDRESSES:
        page = await _write(anna, id, {"kind": "mail_out", "body": "Долгий ответ", **fields}, status=400)
        assert re.search(rf'name="{at}"[^>]*aria-invalid="true" aria-describedby="fault-{at}"', page)
        assert f'id="fault-{at}"' in page
        assert "Долгий ответ" in page
    assert await _entries(mailing, id) == []


async def test_a_word_to_a_supplier_goes_to_his_own_field_s_address(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    fields = {"kind": "partner", "to": MARIA, "cc": MARIA, "subject": "Paper", "body": "Any paper?"}
    await _write(anna, id, fields)
    await _write(anna, id, {**fields, "supplier": SHOP})
    noted, mailed = await _entries(mailing, id)
    assert (noted.to, noted.cc, noted.delivery) == ("", "", "")
    assert (mailed.to, mailed.cc, mailed.delivery) == (SHOP, "", "waiting")


async def test_a_stranger_is_not_offered_as_who_is_answered(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing, address="")
    async with mailing.store.unit() as unit:
        for number, (who, marks) in enumerate(((MARIA, {}), ("spy@example.org", {"stranger": True}))):
            entry = NewEntry("mail_in", who, T0, "Printer", "x", message_id=f"<{number}@x>", marks=marks)
            await unit.entries.append(id, entry)
    page = await _page(anna, id)
    assert f'name="to" value="{MARIA}"' in page
    assert 'name="answers" value="&lt;0@x&gt;"' in page


# ── sent again ───────────────────────────────────────────────────────────────


async def _failed(house: House, id: int, delivery: str) -> EntryRow:
    async with house.store.unit() as unit:
        entry = NewEntry(
            "mail_out", "1001", T0, "Re: x", "x", message_id="<1@us>", to=MARIA, delivery="sending"
        )
        row = await unit.entries.append(id, entry)
        await unit.deliveries.settled(row.id, delivery, f"550 {HTML}", T0)
    return row


@pytest.mark.parametrize("delivery", ["failed", "uncertain"])
async def test_what_failed_is_sent_again_from_the_page(mailing: House, delivery: str) -> None:
    anna, id = await mailing.sign_in("1001"), await _ticket(mailing)
    row = await _failed(mailing, id, delivery)
    page = await _page(anna, id)
    assert HTML not in page
    assert ("then it comes twice" in page) is (delivery == "uncertain")
    path = f"/tickets/{id}/entries/{row.id}/again"
    assert f'action="{path}"' in page
    headers = {"X-CSRF-Token": await csrf_of(anna)}
    answer = await anna.post(path, headers=headers, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/tickets/{id}?again=1#entry-{row.id}")
    (entry,) = await _entries(mailing, id)
    assert (entry.delivery, entry.fault, entry.message_id) == ("waiting", "", row.message_id)
    assert f'action="{path}"' not in await _page(anna, id)
    history = await (await anna.get(f"/tickets/{id}/history")).text()
    assert "is being sent" in history
    assert "Letter" in history
    assert (await anna.post(path, headers=headers)).status == 400, "it waits already"
    assert (await anna.post(f"/tickets/{id}/entries/9999/again", headers=headers)).status == 404


async def test_what_failed_is_sent_again_by_the_api(mailing: House) -> None:
    browser, token, id = await mailing.visitor(), await mailing.token("*"), await _ticket(mailing)
    row = await _failed(mailing, id, "failed")
    path = f"/tickets/{id}/entries/{row.id}/again"
    reader = await mailing.token("tickets:read")
    assert (await send(browser, "POST", path, reader))[0] == 403
    status, sent = await send(browser, "POST", path, token)
    assert (status, sent["delivery"], sent["id"]) == (200, "waiting", row.id)
    log = (await get(browser, f"/tickets/{id}/changes", token))["items"][0]
    assert (log["by"], log["field"], log["before"], log["after"]) == (
        "token test",
        "delivery",
        "failed",
        "waiting",
    )
    assert (await send(browser, "POST", path, token))[0] == 409
    other = await add_ticket(mailing, record("2.2"), recorded=False)
    for wrong in (f"/tickets/{other}/entries/{row.id}/again", f"/tickets/{id}/entries/9999/again"):
        assert (await send(browser, "POST", wrong, token))[0] == 404


async def test_without_the_right_or_a_mail_server_nothing_is_sent_again(mailing: House) -> None:
    id = await _ticket(mailing)
    row = await _failed(mailing, id, "failed")
    whole = mailing.settings.model_dump(exclude_unset=True)
    whole["departments"]["support"] |= {"lines": {"1": ["1001"]}, "rights": {"line1": {"deny": ["reply"]}}}
    mailing.settings = Settings.model_validate(whole)
    anna, chief, token = (
        await mailing.sign_in("1001"),
        await mailing.sign_in("chief"),
        await mailing.token("*"),
    )
    path = f"/tickets/{id}/entries/{row.id}/again"
    assert f'action="{path}"' not in await _page(anna, id)
    assert (await anna.post(path, headers={"X-CSRF-Token": await csrf_of(anna)})).status == 403
    assert f'action="{path}"' in await _page(chief, id)
    del whole["mail"]
    mailing.settings = Settings.model_validate(whole)
    assert f'action="{path}"' not in await _page(chief, id)
    assert (await chief.post(path, headers={"X-CSRF-Token": await csrf_of(chief)})).status == 400
    status, problem = await send(
        chief, "POST", f"/tickets/{id}/entries", token, {"kind": "reply", "body": "x"}
    )
    assert (status, "no mail server" in problem["detail"]) == (409, True)
    (entry,) = await _entries(mailing, id)
    assert entry.delivery == "failed"


# ── what is said of one ──────────────────────────────────────────────────────

MARKS = {
    "way": "flood",
    "sender": f"{HTML} <spy@example.org>",
    "stranger": True,
    "automatic": "reply",
    "reply_to": f"boss@example.org{HTML}",
    "faults": ["too_large", "attachments_cut", "of tomorrow"],
    "refused": [
        {"name": f"{HTML}.exe", "unfit": "program", "reason": "is a program"},
        {"name": "old.txt", "reason": "old.txt: words of old"},
    ],
    "place": "help@daisy.example@imap/INBOX, UID 7 (UIDVALIDITY 1)",
    "bytes": 100 * 2**20,
    "quoted_from": 8,
    "date": "2026-03-14T09:00:00+00:00",
}


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_what_is_to_be_said_of_a_letter_is_said_in_words(mailing: House, language: str) -> None:
    boss, id = await mailing.supervisor("boss", None, language=language), await _ticket(mailing)
    body = "Hello.\n\n> quoted words"
    async with mailing.store.unit() as unit:
        row = await unit.entries.append(id, NewEntry("mail_in", MARIA, T0, "x", body, marks=MARKS))
        await unit.entries.append(id, NewEntry("mail_in", MARIA, T0, "x", "> only", marks={"quoted_from": 0}))
        await unit.entries.append(id, NewEntry("message_in", "client", T0, body="Hi"))
    page = await _page(boss, id)
    assert HTML not in page
    gettext = _words(mailing, language)
    for word in (
        "Sender new to this conversation",
        "Automatic reply",
        "The letter is too large: only its head is here, neither its text nor its files.",
        "is a program; it may come in another way, or in a ZIP file",
        "Quoted text",
    ):
        assert gettext(word) in page, word
    assert "words of old" in page
    assert "UID 7" in page
    assert "100.0 MB" in page
    turn = page[page.index(f'id="entry-{row.id}"') :]
    assert turn.index("Hello.") < turn.index("<details") < turn.index("quoted words")
    assert '<div class="turn-body">&gt; only</div>' in page, "nothing but a quotation is not hidden"
    assert 'class="turn turn-client turn-message"' in page
    token = await mailing.token("*")
    shown, plain, _ = (await get(boss, f"/tickets/{id}/entries", token))["items"]
    assert shown["marks"]["stranger"] is True
    assert shown["marks"]["refused"][1] == {"name": "old.txt", "unfit": "", "reason": "old.txt: words of old"}
    assert (shown["marks"]["bytes"], shown["marks"]["quoted_from"]) == (100 * 2**20, 8)
    assert shown["marks"]["written_at"] == "2026-03-14T09:00:00Z"
    assert (plain["marks"]["stranger"], plain["marks"]["refused"]) == (False, [])


def _words(house: House, language: str) -> Any:
    return house.server.app[RENDERER].languages[language].gettext


def test_all_that_may_be_marked_has_words() -> None:
    for marked, words in ((Automatic, AUTOMATICS), (Fault, FAULTS), (Unfit, UNFIT)):
        assert {one.value for one in marked} == set(words)
