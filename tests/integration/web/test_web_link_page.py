"""What a link opens to somebody without a log-in, for how long, and what is written down of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from bridge.crm.access import hash_token, new_link_token
from bridge.errors import LinkDown
from bridge.store.audit import Audit
from bridge.store.rows import LinkRow
from bridge.web.context import LINK_THROTTLE
from bridge.web.sessions import LinkThrottle
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_client, add_ticket, record

CALL = "1710406800.7"
ID = f"{CALL}-rec-1"


async def add_link(house: House, *, recipient: str = "maria@example.org", hours: float = 1) -> str:
    token, digest = new_link_token()
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    async with house.store.unit() as unit:
        await unit.links.add(ID, digest, by="chief", recipient=recipient, expires_at=expires_at)
    return token


@pytest.fixture
async def token(house: House) -> str:
    """Of a good link to a recorded call."""
    who = await add_client(house.store, "Мария Секретова", "+79161234567")
    await add_ticket(house, record(client=who, name="Secret Caller", answered=True, ended=True))
    return await add_link(house)


async def link(house: House, id: int = 1) -> LinkRow:
    async with house.store.view() as unit:
        found = await unit.links.get(id)
    assert found is not None
    return found


async def written(house: House) -> list[tuple[str, str, str, str]]:
    """The oldest first."""
    return [(row.by, row.action, row.about, row.detail) for row in reversed(await house.audit(call=CALL))]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Recording of a call", "Download", "do not pass it on")),
        ("ru", ("Запись разговора", "Скачать")),
    ],
)
async def test_a_good_link_opens_a_player_and_nothing_else(
    house: House, token: str, language: str, words: tuple[str, ...]
) -> None:
    visitor = await house.visitor(language=language)
    answer = await visitor.get(f"/r/{token}")
    html = await answer.text()
    assert answer.status == 200
    for word in words:
        assert word in html
    for secret in ("Секретова", "Secret", "9161234567", "4950000001", "maria@", "Анна", "chief", CALL):
        assert secret not in html, secret
    source = re.search(r'<audio controls preload="none" src="([^"]+)"', html)
    assert source
    sound = await visitor.get(source[1])
    assert (sound.status, sound.content_type) == (200, "audio/wav")
    assert (await sound.read()) == (house.recordings / f"{CALL}.wav").read_bytes()
    part = await visitor.get(source[1], headers={"Range": "bytes=0-3"})
    assert (part.status, await part.read()) == (206, b"RIFF")
    download = await visitor.get(f"{source[1]}?download=1")
    assert download.headers["Content-Disposition"].startswith("attachment; filename=")


async def test_each_opening_and_hearing_is_written_down(house: House, token: str) -> None:
    visitor = await house.visitor()
    for path in ("", "/recording.wav", "", "/recording.wav?download=1", "/recording.wav"):
        assert (await visitor.get(f"/r/{token}{path}")).status == 200
    assert await written(house) == [
        ("link", "recording.link_opened", ID, "maria@example.org"),
        ("link", "recording.listen", ID, "maria@example.org"),
        ("link", "recording.link_opened", ID, "maria@example.org"),
        ("link", "recording.download", ID, "maria@example.org"),
    ]
    opened = await link(house)
    assert opened.opened == 2
    assert opened.last_opened_at is not None
    for path in ("", "/recording.wav"):
        assert (await visitor.head(f"/r/{token}{path}")).status == 200
    assert len(await written(house)) == 4, "to look whether it leads somewhere opens nothing"
    assert await link(house) == opened


async def test_two_recipients_are_told_apart(house: House, token: str) -> None:
    visitor = await house.visitor()
    for one in (
        token,
        await add_link(house, recipient="boss@example.org"),
        await add_link(house, recipient=""),
    ):
        assert (await visitor.get(f"/r/{one}/recording.wav")).status == 200
    assert [detail for *_, detail in await written(house)] == [
        "maria@example.org",
        "boss@example.org",
        "link 3",
    ]


async def test_a_signed_in_person_with_a_link_is_a_person_with_a_link(house: House, token: str) -> None:
    agent = await house.sign_in("1001")
    assert (await agent.get(f"/r/{token}/recording.wav")).status == 200
    assert [by for by, *_ in await written(house)] == ["link"]


async def refusal(visitor: TestClient, token: str, status: int = 404) -> str:
    """What both doors say; they say the same."""
    page, sound = await visitor.get(f"/r/{token}"), await visitor.get(f"/r/{token}/recording.wav")
    assert (page.status, sound.status, page.content_type) == (status, status, "text/html")
    html = await page.text()
    assert "<audio" not in html
    words = re.findall(r"<p>(.*?)</p>", html)
    assert words == re.findall(r"<p>(.*?)</p>", await sound.text())
    return re.sub(r'content="\d+"', "", html)


async def test_expired_revoked_pending_and_unknown_look_the_same(house: House, token: str) -> None:
    visitor = await house.visitor()
    expired = await add_link(house, hours=-0.001)
    async with house.store.unit() as unit:
        await unit.recordings.note("r", CALL, datetime.now(UTC))
        pending, digest = new_link_token()
        later = datetime.now(UTC) + timedelta(hours=1)
        await unit.links.add("r", digest, by="chief", recipient="", expires_at=later)
        revoked = token
        await unit.links.revoke(1)
    unknown, _ = new_link_token()
    pages = {await refusal(visitor, one) for one in (expired, revoked, pending, unknown)}
    assert len(pages) == 1
    assert "it has expired, was revoked, or was not copied whole" in pages.pop()
    assert await written(house) == []
    assert (await link(house)).opened == 0


async def test_a_link_ends_while_its_page_is_open(house: House, token: str) -> None:
    visitor = await house.visitor()
    assert (await visitor.get(f"/r/{token}")).status == 200
    async with house.store.unit() as unit:
        await unit.links.revoke(1)
    assert (await visitor.get(f"/r/{token}/recording.wav")).status == 404
    assert [action for _, action, *_ in await written(house)] == ["recording.link_opened"]


@pytest.mark.parametrize(
    "hostile",
    [
        "x",
        "..%2f..%2fcallbridge.db",
        "%00",
        "%ff%fe",
        "' OR '1'='1",
        "<script>alert(1)</script>",
        "%",
        "a" * 3000,
        "🎧",
    ],
)
async def test_a_hostile_token_is_an_unknown_one(house: House, token: str, hostile: str) -> None:
    visitor = await house.visitor()
    for path in (f"/r/{hostile}", f"/r/{hostile}/recording.wav", f"/r/{token}x", f"/r/{token[:-1]}"):
        answer = await visitor.get(path)
        assert answer.status == 404, path
        assert "<script>alert" not in await answer.text()
    assert (await visitor.get(f"/r/{token}/../../recordings/{ID}.wav", allow_redirects=False)).status in {
        303,
        404,
    }
    assert (await visitor.get(f"/r/{token}/other.wav")).status == 404
    assert await written(house) == []


async def test_a_hash_is_no_token(house: House, token: str) -> None:
    """Who reads the database, or a copy of it, cannot open anything with what stands there."""
    assert (await (await house.visitor()).get(f"/r/{hash_token(token)}")).status == 404


async def test_the_address_leaks_nowhere(house: House, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = await house.visitor()
    for path in (f"/r/{token}", f"/r/{token}/recording.wav", "/r/unknown", "/r/a/b/c"):
        answer = await visitor.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer", path
        assert "noindex" in answer.headers["X-Robots-Tag"], path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers or path == "/r/a/b/c"
    html = await (await visitor.get(f"/r/{token}")).text()
    assert '<meta name="robots" content="noindex, nofollow, noarchive">' in html
    assert not re.search(r'(?:href|src)="(?!/)', html), "nothing there is another site's"
    assert (await visitor.get(f"/r/{token}")).headers["Cache-Control"] == "no-store"

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("bridge.store.links.Links.by_hash", broken)
    with capture_logs() as logs:
        assert (await visitor.get(f"/r/{token}")).status == 500
    assert logs
    assert token not in str(logs), "who reads the log must not be able to listen"


async def test_without_the_log_nothing_is_opened(
    house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise LinkDown("the database does not answer")

    visitor = await house.visitor()
    with monkeypatch.context() as broken:
        broken.setattr(Audit, "note", away)
        assert "Who hears a recording is written down" in await refusal(visitor, token, 503)
    assert (await link(house)).opened == 0, "what is not written down did not happen"
    assert (await visitor.get(f"/r/{token}/recording.wav")).status == 200


async def test_a_file_that_is_gone_is_told_on_the_same_page(house: House, token: str) -> None:
    (house.recordings / f"{CALL}.wav").unlink()
    answer = await (await house.visitor()).get(f"/r/{token}/recording.wav")
    assert answer.status == 404
    html = await answer.text()
    assert "The recording&#39;s file is missing" in html
    assert "<nav" not in html


async def test_guessing_is_slowed_down(house: House, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    throttle = house.server.app[LINK_THROTTLE]
    now = 1000.0
    monkeypatch.setattr(throttle, "_clock", lambda: now)
    visitor = await house.visitor()
    for number in range(LinkThrottle.PER_ADDRESS.failures):
        assert (await visitor.get(f"/r/guess-{number}")).status == 404
    answer = await visitor.get("/r/guess")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "This was tried very often." in await answer.text()
    assert (await visitor.get(f"/r/{token}/recording.wav")).status == 429, "a right guess is not told either"
    now += LinkThrottle.PER_ADDRESS.within.total_seconds() + 1
    assert (await visitor.get(f"/r/{token}")).status == 200


async def test_a_link_that_is_opened_without_end_fills_no_log(house: House, token: str) -> None:
    visitor = await house.visitor()
    statuses = [(await visitor.get(f"/r/{token}")).status for _ in range(LinkThrottle.PER_LOGIN.failures + 2)]
    assert statuses == [200] * LinkThrottle.PER_LOGIN.failures + [429, 429]
    assert len(await written(house)) == LinkThrottle.PER_LOGIN.failures
    other = await add_link(house)
    assert (await visitor.get(f"/r/{other}")).status == 200, "of other links nothing is taken"
