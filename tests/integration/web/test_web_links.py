"""Links to recordings as they are made, mailed and revoked: by page and API, with a real mail server."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from bridge.crm.access import hash_token
from bridge.store.rows import LinkRow
from bridge.web.links import MOST_GOOD
from tests.fakes.mail_server import MailServer, mail_server
from tests.integration.web.web_house import API, House, close_house, csrf_of, open_house
from tests.integration.web.web_samples import add_ticket, record

CALL = "1710406800.7"
ID = f"{CALL}-rec-1"
LINK = re.compile(r"http://callbridge\.test/r/([A-Za-z0-9_-]{43})")


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture
async def mailing(tmp_path: Path, mail: MailServer) -> AsyncIterator[House]:
    """A house that has a mail server, and a recorded call."""
    house = await open_house(tmp_path, mailer=mail.mailer())
    await add_ticket(house, record(answered=True, ended=True))
    yield house
    await close_house(house)


async def share(client: TestClient, recipient: str = "", hours: str = "72", id: str = ID) -> ClientResponse:
    data = {"csrf": await csrf_of(client), "recipient": recipient, "hours": hours}
    return await client.post(f"/recordings/{id}/links", data=data, allow_redirects=False)


async def links(house: House) -> list[LinkRow]:
    """The latest first."""
    async with house.store.view() as unit:
        return await unit.links.of_recordings([ID])


async def audited(house: House) -> list[tuple[str, str, str]]:
    """The oldest first."""
    return [(row.by, row.action, row.detail) for row in reversed(await house.audit(about=[ID], call=CALL))]


@pytest.mark.parametrize(
    ("language", "subject", "words", "until"),
    [
        (
            "en",
            "Recording of a call · ООО «Ромашка»",
            "please do not pass it on",
            "{0.day} {0:%B} {0.year}, ",
        ),
        ("ru", "Запись разговора · ООО «Ромашка»", "не передавайте её другим", " {0.year}, {0:%H:%M} UTC"),
    ],
)
async def test_a_link_is_mailed_in_the_sender_s_language(
    mailing: House, mail: MailServer, language: str, subject: str, words: str, until: str
) -> None:
    anna = await mailing.sign_in("1001")
    await anna.post("/language", data={"language": language, "csrf": await csrf_of(anna)})
    answer = await share(anna, "maria@example.org", "24")
    assert (answer.status, answer.headers["Location"]) == (303, f"/calls/{CALL}?sent=1#links-title")
    ((envelope, message),) = mail.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("calls@example.org", ["maria@example.org"])
    assert message["Subject"] == subject
    text = message.get_content()
    (link,) = await links(mailing)
    assert words in text
    assert until.format(link.expires_at) in text
    (token,) = LINK.findall(text)
    assert (link.recording, link.recipient, link.created_by) == (ID, "maria@example.org", "1001")
    assert abs(link.expires_at - link.created_at - timedelta(hours=24)) < timedelta(seconds=5)
    async with mailing.store.view() as unit:
        assert await unit.links.by_hash(hash_token(token)) == link
    assert await audited(mailing) == [("1001", "recording.link", "maria@example.org, 24 h")]
    html = await (await anna.get(answer.headers["Location"])).text()
    assert "maria@example.org" in html
    assert token not in html, "it is the recipient's"


async def test_without_an_address_the_link_is_shown_once(mailing: House, mail: MailServer) -> None:
    chief = await mailing.sign_in("chief")
    answer = await share(chief)
    assert answer.status == 200
    (token,) = LINK.findall(await answer.text())
    assert mail.taken == []
    assert (await (await mailing.visitor()).get(f"/r/{token}")).status == 200
    assert token not in await (await chief.get(f"/calls/{CALL}")).text()
    assert await audited(mailing) == [
        ("chief", "recording.link", "72 h"),
        ("link", "recording.link_opened", "link 1"),
    ]


async def test_without_a_mail_server_the_form_says_so(house: House) -> None:
    await add_ticket(house, record(answered=True, ended=True))
    chief, token = await house.sign_in("chief"), await house.token("links:write")
    html = await (await chief.get(f"/calls/{CALL}")).text()
    assert "No mail server is set up" in html
    assert 'name="recipient"' not in html
    answer = await share(chief, "maria@example.org")
    assert answer.status == 409
    assert "Leave the address empty, and pass the link on by hand." in await answer.text()
    answer = await chief.post(
        f"{API}/recordings/{ID}/links", json={"recipient": "maria@example.org"}, headers=token
    )
    assert answer.status == 409
    assert await links(house) == []
    assert LINK.search(await (await share(chief)).text())


HOSTILE = [
    "maria@example.org\r\nBcc: evil@example.org",
    "maria@example.org\n",
    "maria@example.org, evil@example.org",
    "Maria <maria@example.org>",
    '"<script>alert(1)</script>"@example.org',
    "maria@exam\x00ple.org",
    "мария@example.org",
    "maria@[127.0.0.1]",
    "maria@" + "e" * 300 + ".org",
    "../../etc/passwd",
]


@pytest.mark.parametrize("address", HOSTILE)
async def test_what_is_no_address_is_asked_again(mailing: House, mail: MailServer, address: str) -> None:
    chief, token = await mailing.sign_in("chief"), await mailing.token("links:write")
    answer = await share(chief, address, "48")
    html = await answer.text()
    assert answer.status == 400
    assert "Mail address: give one mail address, as name@example.org." in html
    assert 'name="hours" value="48"' in html, "what was right need not be typed again"
    assert "<script>alert" not in html
    answer = await chief.post(f"{API}/recordings/{ID}/links", json={"recipient": address}, headers=token)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["pointer"] == "#/recipient"
    assert (mail.taken, await links(mailing), await audited(mailing)) == ([], [], [])


@pytest.mark.parametrize("hours", ["0", "721", "-1", "1.5", "", "9" * 30, "١", "72; DROP TABLE"])
async def test_hours_have_their_bounds(mailing: House, hours: str) -> None:
    chief = await mailing.sign_in("chief")
    answer = await share(chief, "", hours)
    assert answer.status == 400
    assert "Hours: give a " in await answer.text()
    assert await links(mailing) == []


@pytest.mark.parametrize("hours", ["1", "720"])
async def test_the_bounds_themselves_are_fine(mailing: House, hours: str) -> None:
    assert (await share(await mailing.sign_in("chief"), "", hours)).status == 200
    (link,) = await links(mailing)
    assert abs(link.expires_at - datetime.now(UTC) - timedelta(hours=int(hours))) < timedelta(minutes=5)


async def test_a_mail_that_is_refused_is_told_and_its_link_is_good_for_nobody(
    mailing: House, mail: MailServer
) -> None:
    mail.refusal = "550 5.1.1 maria@example.org: <b>no such user</b>"
    chief, token = await mailing.sign_in("chief"), await mailing.token("links:write")
    with capture_logs() as logs:
        answer = await share(chief, "maria@example.org")
    html = await answer.text()
    assert answer.status == 502
    assert "The mail was not sent, and its link is revoked." in html
    assert "550 5.1.1 maria@example.org: &lt;b&gt;no such user&lt;/b&gt;" in html
    assert 'value="maria@example.org"' in html
    (told,) = [entry for entry in logs if entry.get("action") == "mail"]
    assert (told["log_level"], told["recording_id"]) == ("warning", ID)
    assert "550 5.1.1" in told["reason"]
    assert "maria@example.org" not in str(told), "people's addresses are not logged"
    answer = await chief.post(
        f"{API}/recordings/{ID}/links", json={"recipient": "maria@example.org"}, headers=token
    )
    assert answer.status == 502
    assert "550 5.1.1" in (await answer.json())["detail"]
    assert [link.revoked_at is not None for link in await links(mailing)] == [True, True]
    assert [(by, action) for by, action, _ in await audited(mailing)] == [
        ("chief", "recording.link"),
        ("chief", "recording.link_revoked"),
        ("token test", "recording.link"),
        ("token test", "recording.link_revoked"),
    ]


async def test_a_mail_server_that_is_away_is_told_too(tmp_path: Path) -> None:
    async with mail_server() as gone:
        mailer = gone.mailer()
    house = await open_house(tmp_path, mailer=mailer)
    await add_ticket(house, record(answered=True, ended=True))
    answer = await share(await house.sign_in("chief"), "maria@example.org")
    assert answer.status == 502
    assert f"mail server 127.0.0.1:{mailer.port}" in await answer.text()
    await close_house(house)


async def test_who_may_not_hear_may_not_share_nor_see_the_links(mailing: House) -> None:
    chief = await mailing.sign_in("chief")
    await share(chief)
    mailing.departments["sales"] = ["1009"]
    for client in (await mailing.supervisor("olga", "1009"), await mailing.sign_in("1002")):
        heard = (await client.get(f"/recordings/{ID}.wav")).status == 200
        assert ((await share(client)).status == 200) == heard
        html = await (await client.get(f"/calls/{CALL}")).text()
        assert ("Links to the recording" in html) == heard
        revoked = await client.post(
            f"/recordings/{ID}/links/1/revoke", data={"csrf": await csrf_of(client)}, allow_redirects=False
        )
        assert revoked.status == 403
    assert [link.created_by for link in await links(mailing)] == ["1002", "chief"]


async def revoke(client: TestClient, link: int | str, id: str = ID) -> ClientResponse:
    data = {"csrf": await csrf_of(client)}
    return await client.post(f"/recordings/{id}/links/{link}/revoke", data=data, allow_redirects=False)


async def test_an_agent_revokes_his_own_a_supervisor_any(mailing: House) -> None:
    anna, boris, chief = [await mailing.sign_in(login) for login in ("1001", "1002", "chief")]
    for client in (anna, boris):
        await share(client)
    html = await (await anna.get(f"/calls/{CALL}")).text()
    assert f"/recordings/{ID}/links/1/revoke" in html
    assert f"/recordings/{ID}/links/2/revoke" not in html
    refused = await revoke(anna, 2)
    assert (refused.status, "Ask him, or a supervisor" in await refused.text()) == (403, True)
    answer = await revoke(anna, 1)
    assert (answer.status, answer.headers["Location"]) == (303, f"/calls/{CALL}?revoked=1#links-title")
    assert "The link is revoked." in await (await anna.get(answer.headers["Location"])).text()
    for _ in range(2):
        assert (await revoke(chief, 2)).status == 303
    assert [link.revoked_at is not None for link in await links(mailing)] == [True, True]
    assert [(by, action) for by, action, _ in await audited(mailing)][2:] == [
        ("1001", "recording.link_revoked"),
        ("chief", "recording.link_revoked"),
    ], "to revoke once more is no deed"


@pytest.mark.parametrize("link", ["0", "99", "x", "9" * 30, "-1", "%00", "1%2e"])
async def test_a_link_that_is_none_cannot_be_revoked(mailing: House, link: str) -> None:
    chief = await mailing.sign_in("chief")
    await share(chief)
    assert (await revoke(chief, link)).status == 404
    other = record("1710406800.8", answered=True, ended=True)
    await add_ticket(mailing, other)
    assert (await revoke(chief, 1, f"{other.id}-rec-1")).status == 404, "it is another recording's"
    assert [one.revoked_at for one in await links(mailing)] == [None]


async def test_a_form_from_elsewhere_makes_no_link(mailing: House) -> None:
    chief = await mailing.sign_in("chief")
    for data, headers in (
        ({"hours": "72"}, {}),
        ({"hours": "72", "csrf": await csrf_of(chief)}, {"Origin": "https://evil.example"}),
    ):
        answer = await chief.post(f"/recordings/{ID}/links", data=data, headers=headers)
        assert answer.status == 403
    assert await links(mailing) == []


async def test_there_are_not_more_than_somebody_can_look_through(mailing: House) -> None:
    chief = await mailing.sign_in("chief")
    async with mailing.store.unit() as unit:
        for number in range(MOST_GOOD):
            expires_at = datetime.now(UTC) + timedelta(hours=1)
            await unit.links.add(ID, f"hash-{number}", by="crm", recipient="", expires_at=expires_at)
    answer = await share(chief)
    assert answer.status == 409
    assert "There are many links to this recording already." in await answer.text()
    assert (await revoke(chief, 1)).status == 303
    assert (await share(chief)).status == 200


@pytest.mark.parametrize("id", ["unknown", "..%2f..%2fcallbridge.db", "%3Cscript%3E", "r"])
async def test_only_what_is_there_is_shared(mailing: House, id: str) -> None:
    async with mailing.store.unit() as unit:
        await unit.recordings.note("r", CALL, datetime.now(UTC))
    chief = await mailing.sign_in("chief")
    answer = await share(chief, id=id)
    assert answer.status == (409 if id == "r" else 404)


# ── the API ──────────────────────────────────────────────────────────────────


async def call_api(client: TestClient, method: str, path: str, token: dict[str, str], **body: Any) -> Any:
    answer = await client.request(method, f"{API}/recordings/{ID}{path}", headers=token, **body)
    return answer.status, await answer.json()


async def test_a_program_makes_lists_and_revokes(mailing: House, mail: MailServer) -> None:
    client, token = await mailing.visitor(), await mailing.token("links:read", "links:write")
    body = {"recipient": "Maria@Example.org", "hours": 1, "language": "ru"}
    status, made = await call_api(client, "POST", "/links", token, json=body)
    assert (status, made["recipient"], made["created_by"], made["good"]) == (
        201,
        "Maria@example.org",
        "token test",
        True,
    )
    assert mail.taken[0][1]["Subject"].startswith("Запись разговора")
    assert made.pop("url") in mail.taken[0][1].get_content()
    status, listed = await call_api(client, "GET", "/links", token)
    assert (status, listed) == (200, {"items": [made], "next": None})
    assert "token_hash" not in listed["items"][0]
    status, revoked = await call_api(client, "DELETE", f"/links/{made['id']}", token)
    assert (status, revoked["good"]) == (200, False)
    status, _ = await call_api(client, "DELETE", "/links/99", token)
    assert status == 404
    status, default = await call_api(client, "POST", "/links", token, json={})
    lasts = datetime.fromisoformat(default["expires_at"]) - datetime.fromisoformat(default["created_at"])
    assert (status, default["recipient"], round(lasts / timedelta(hours=1))) == (201, "", 72)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"hours": 0}, "#/hours"),
        ({"hours": 721}, "#/hours"),
        ({"hours": "72"}, "#/hours"),
        ({"recipient": None}, "#/recipient"),
        ({"recipient": "a" * 255}, "#/recipient"),
        ({"language": "de"}, "#/language"),
        ({"token": "mine"}, "#/token"),
    ],
)
async def test_what_a_program_sends_is_checked(mailing: House, body: dict[str, Any], pointer: str) -> None:
    client, token = await mailing.visitor(), await mailing.token("links:write")
    status, problem = await call_api(client, "POST", "/links", token, json=body)
    assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
    assert await links(mailing) == []


async def test_sharing_has_a_scope_of_its_own(mailing: House) -> None:
    client, token = await mailing.visitor(), await mailing.token("recordings:read", "links:read")
    status, problem = await call_api(client, "POST", "/links", token, json={})
    assert (status, "lacks the scope links:write" in problem["detail"]) == (403, True)
