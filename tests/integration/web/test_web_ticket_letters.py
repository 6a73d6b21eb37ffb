"""Letters on a ticket's page and by the API: to whom, sent again, and what is to be said of them."""

import re
from typing import Any

import pytest

from bridge.config import Settings
from bridge.crm.attachments import Unfit
from bridge.crm.letter_headers import Automatic
from bridge.crm.letters import Fault
from bridge.store.ticket_rows import EntryRow, NewEntry
from bridge.web.context import RENDERER
from bridge.web.pages.letter_remarks import AUTOMATICS, FAULTS, UNFIT
from tests.integration.web.web_house import T0, House, csrf_of, get
from tests.integration.web.web_letters import (
    MARIA,
    SHOP,
    entries_of,
    ticket_of,
    ticket_page,
    write_letter,
)
from tests.integration.web.web_samples import add_ticket, record
from tests.integration.web.web_tickets import HTML, send

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
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    for fields, at in NO_ADDRESSES:
        page = await write_letter(
            anna, id, {"kind": "mail_out", "body": "Долгий ответ", **fields}, status=400
        )
        assert re.search(rf'name="{at}"[^>]*aria-invalid="true" aria-describedby="fault-{at}"', page)
        assert f'id="fault-{at}"' in page
        assert "Долгий ответ" in page
    assert await entries_of(mailing, id) == []


async def test_a_word_to_a_supplier_goes_to_his_own_field_s_address(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    fields = {"kind": "partner", "to": MARIA, "cc": MARIA, "subject": "Paper", "body": "Any paper?"}
    await write_letter(anna, id, fields)
    await write_letter(anna, id, {**fields, "supplier": SHOP})
    noted, mailed = await entries_of(mailing, id)
    assert (noted.to, noted.cc, noted.delivery) == ("", "", "")
    assert (mailed.to, mailed.cc, mailed.delivery) == (SHOP, "", "waiting")


async def test_a_stranger_is_not_offered_as_who_is_answered(mailing: House) -> None:
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing, address="")
    async with mailing.store.unit() as unit:
        for number, (who, marks) in enumerate(((MARIA, {}), ("spy@example.org", {"stranger": True}))):
            entry = NewEntry("mail_in", who, T0, "Printer", "x", message_id=f"<{number}@x>", marks=marks)
            await unit.entries.append(id, entry)
    page = await ticket_page(anna, id)
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
    anna, id = await mailing.sign_in("1001"), await ticket_of(mailing)
    row = await _failed(mailing, id, delivery)
    page = await ticket_page(anna, id)
    assert HTML not in page
    assert ("then it comes twice" in page) is (delivery == "uncertain")
    path = f"/tickets/{id}/entries/{row.id}/again"
    assert f'action="{path}"' in page
    headers = {"X-CSRF-Token": await csrf_of(anna)}
    answer = await anna.post(path, headers=headers, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/tickets/{id}?again=1#entry-{row.id}")
    (entry,) = await entries_of(mailing, id)
    assert (entry.delivery, entry.fault, entry.message_id) == ("waiting", "", row.message_id)
    assert f'action="{path}"' not in await ticket_page(anna, id)
    history = await (await anna.get(f"/tickets/{id}/history")).text()
    assert "is being sent" in history
    assert "Letter" in history
    assert (await anna.post(path, headers=headers)).status == 400, "it waits already"
    assert (await anna.post(f"/tickets/{id}/entries/9999/again", headers=headers)).status == 404


async def test_what_failed_is_sent_again_by_the_api(mailing: House) -> None:
    browser, token, id = await mailing.visitor(), await mailing.token("*"), await ticket_of(mailing)
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
    id = await ticket_of(mailing)
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
    assert f'action="{path}"' not in await ticket_page(anna, id)
    assert (await anna.post(path, headers={"X-CSRF-Token": await csrf_of(anna)})).status == 403
    assert f'action="{path}"' in await ticket_page(chief, id)
    del whole["mail"]
    mailing.settings = Settings.model_validate(whole)
    assert f'action="{path}"' not in await ticket_page(chief, id)
    assert (await chief.post(path, headers={"X-CSRF-Token": await csrf_of(chief)})).status == 400
    status, problem = await send(
        chief, "POST", f"/tickets/{id}/entries", token, {"kind": "reply", "body": "x"}
    )
    assert (status, "no mail server" in problem["detail"]) == (409, True)
    (entry,) = await entries_of(mailing, id)
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
    boss, id = await mailing.supervisor("boss", None, language=language), await ticket_of(mailing)
    body = "Hello.\n\n> quoted words"
    async with mailing.store.unit() as unit:
        row = await unit.entries.append(id, NewEntry("mail_in", MARIA, T0, "x", body, marks=MARKS))
        await unit.entries.append(id, NewEntry("mail_in", MARIA, T0, "x", "> only", marks={"quoted_from": 0}))
        await unit.entries.append(id, NewEntry("message_in", "client", T0, body="Hi"))
    page = await ticket_page(boss, id)
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
