"""Recordings at rest as people and programs meet them: encrypted, compressed, removed, damaged."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.config import keyfile
from bridge.crm.retention import KeepRules, Retention
from bridge.crm.upkeep import Upkeep
from bridge.store.rows import RecordingRow
from tests.integration.web.web_house import API, HASH, House, close_house, get, open_house
from tests.integration.web.web_samples import add_ticket, record

CALL = record(answered=True, ended=True)
ID = f"{CALL.id}-rec-1"
PAGE, FILE = f"/recordings/{ID}.wav", f"{API}/recordings/{ID}/file"
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "recordings.key"
    keyfile.make(path)
    return path


@pytest.fixture
async def sealed(tmp_path: Path, key: Path) -> AsyncIterator[House]:
    """A house whose one recording is encrypted."""
    house = await open_house(tmp_path, key_file=key)
    await add_ticket(house, CALL)
    await work(house, None)
    yield house
    await close_house(house)


async def work(house: House, hours: int | None) -> None:
    """What the sample's row says of its checksum is made true, and the upkeep does its work."""
    row = await row_of(house)
    if not row.encrypted and row.compressed_at is None:
        truth = await asyncio.to_thread(house.vault.measure, row.file)
        async with house.store.unit() as unit:
            await unit.recordings.attach(
                ID,
                ticket=row.ticket or 0,
                file=row.file,
                bytes=truth.bytes,
                duration_ms=row.duration_ms,
                sample_rate=8000,
                channels=2,
                sha256=truth.sha256,
            )
    after = timedelta(hours=hours) if hours is not None else None
    report = await Upkeep(house.store, house.vault, lambda: after, clock=lambda: FAR).run_once()
    assert report.failed == 0
    assert report.done > 0


async def row_of(house: House) -> RecordingRow:
    async with house.store.view() as unit:
        row = await unit.recordings.get(ID)
    assert row is not None
    return row


async def sound_of(house: House) -> bytes:
    row = await row_of(house)
    content = await house.vault.opened(row.file, row.stored_sha256 or "")
    return content.read_bytes() if isinstance(content, Path) else bytes(content[:])


async def test_an_encrypted_one_is_played_as_if_it_were_not(sealed: House) -> None:
    anna = await sealed.sign_in("1001")
    token = await sealed.token("recordings:read")
    sound = await sound_of(sealed)
    assert sound.startswith(b"RIFF")
    for path, headers in ((PAGE, {}), (FILE, token)):
        answer = await anna.get(path, headers=headers)
        assert answer.status == 200
        assert answer.content_type == "audio/wav"
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Content-Disposition"].startswith("inline; filename=")
        assert await answer.read() == sound
    answer = await anna.get(f"{PAGE}?download=1")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert ".wav" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=90000-", 90000, None),
        ("bytes=-500", -500, None),
        ("bytes=95000-999999999", 95000, None),
        ("bytes=-999999999", 0, None),
    ],
)
async def test_a_player_seeks_in_it(
    sealed: House, hidden: bool, asked: str, first: int, last: int | None
) -> None:
    if not hidden:
        row = await row_of(sealed)
        sound = await sound_of(sealed)
        (sealed.recordings / "plain.wav").write_bytes(sound)
        async with sealed.store.unit() as unit:
            assert await unit.stored.replaced(
                ID, row.file, file="plain.wav", bytes=len(sound), sha256="", encrypted=False
            )
    anna = await sealed.sign_in("1001")
    sound = await sound_of(sealed)
    wanted = sound[first:] if last is None else sound[first : last + 1]
    answer = await anna.get(PAGE, headers={"Range": asked})
    assert await answer.read() == wanted
    begin = first if first >= 0 else len(sound) + first
    assert answer.status == (200 if len(wanted) == len(sound) and hidden else 206)
    if answer.status == 206:
        assert answer.headers["Content-Range"] == (f"bytes {begin}-{begin + len(wanted) - 1}/{len(sound)}")


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5"])
async def test_a_part_that_is_not_there(sealed: House, asked: str) -> None:
    anna = await sealed.sign_in("1001")
    answer = await anna.get(PAGE, headers={"Range": asked})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(await sound_of(sealed))}"


async def test_what_the_browser_has_already_is_not_sent_again(sealed: House) -> None:
    anna = await sealed.sign_in("1001")
    sound = await sound_of(sealed)
    first = await anna.get(PAGE)
    tag = first.headers["ETag"]
    same = await anna.get(PAGE, headers={"If-None-Match": tag})
    assert (same.status, await same.read()) == (304, b"")
    part = await anna.get(PAGE, headers={"Range": "bytes=0-9", "If-Range": tag})
    assert (part.status, await part.read()) == (206, sound[:10])
    whole = await anna.get(PAGE, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (whole.status, await whole.read()) == (200, sound)
    head = await anna.head(PAGE)
    assert (head.status, head.content_length) == (200, len(sound))


async def test_a_compressed_one_is_ogg_under_the_same_address(sealed: House) -> None:
    await work(sealed, 24)
    anna = await sealed.sign_in("1001")
    answer = await anna.get(f"{PAGE}?download=1")
    assert answer.content_type == "audio/ogg"
    assert ".opus" in answer.headers["Content-Disposition"]
    content = await answer.read()
    assert content.startswith(b"OggS")
    assert PAGE in await (await anna.get(f"/calls/{CALL.id}")).text()
    token = await sealed.token("recordings:read")
    told = await get(anna, f"/recordings/{ID}", token)
    assert (told["format"], told["state"], told["url"]) == ("opus", "attached", FILE)
    assert told["bytes"] == (await row_of(sealed)).bytes, "of the WAV file that it was"
    assert not {"file", "encrypted", "stored_sha256"} & told.keys(), (
        "how it lies on disk is nobody's business"
    )
    part = await anna.get(FILE, headers={**token, "Range": "bytes=4-7"})
    assert await part.read() == content[4:8]


async def test_one_that_is_replaced_in_this_very_moment_is_played(
    sealed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await sealed.sign_in("1001")
    real = sealed.vault.opened
    compressed = False

    async def opened(file: str, checksum: str) -> object:
        nonlocal compressed
        if not compressed:
            compressed = True
            await work(sealed, 24)
        return await real(file, checksum)

    monkeypatch.setattr(type(sealed.vault), "opened", lambda _, *given: opened(*given))
    answer = await anna.get(PAGE)
    assert (answer.status, answer.content_type) == (200, "audio/ogg")


@pytest.mark.parametrize("how", ["no key", "wrong key", "damaged", "unreadable"])
async def test_one_that_cannot_be_opened_is_told_without_where_the_key_is(
    sealed: House, key: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await row_of(sealed)
    match how:
        case "no key":
            key.unlink()
        case "wrong key":
            key.unlink()
            keyfile.make(key)
        case "damaged":
            path = sealed.recordings / row.file
            path.write_bytes(path.read_bytes()[:-10])
        case "unreadable":

            async def refused(*_: object) -> object:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(type(sealed.vault), "opened", refused)
    anna = await sealed.sign_in("1001")
    answer = await anna.get(PAGE)
    assert answer.status == 503
    html = await answer.text()
    assert ("damaged on disk" if how == "damaged" else "cannot be opened now") in html
    assert str(key) not in html
    told = await get(anna, f"/recordings/{ID}/file", await sealed.token("recordings:read"), 503)
    assert str(key) not in told["detail"]


async def remove(house: House) -> None:
    rules = KeepRules(timedelta(days=30))
    await Retention(house.store, house.vault, lambda: rules, clock=lambda: FAR).run_once()


@pytest.mark.parametrize(
    ("language", "words", "chip"),
    [("en", "kept for a limited time", "removed"), ("ru", "записи хранятся ограниченное время", "удалена")],
)
async def test_a_removed_one_is_shown_as_removed(sealed: House, language: str, words: str, chip: str) -> None:
    async with sealed.store.unit() as unit:
        ticket = await unit.tickets.by_call(CALL.id)
        await unit.users.add("olga", HASH, "supervisor", None, language)
    assert ticket is not None
    olga = await sealed.sign_in("olga")
    assert (await olga.get(PAGE)).status == 200  # it is open in memory, and must not be handed out from there
    await remove(sealed)
    answer = await olga.get(PAGE)
    assert answer.status == 410
    assert words in await answer.text()
    for path in (f"/calls/{CALL.id}", f"/tickets/{ticket.id}"):
        page = await olga.get(path)
        html = await page.text()
        assert page.status == 200
        assert words in html
        assert PAGE not in html
    html = await (await olga.get("/calls")).text()
    assert chip in html
    assert PAGE not in html


async def test_a_program_is_told_that_it_was_removed(sealed: House) -> None:
    await remove(sealed)
    client, token = await sealed.visitor(), await sealed.token("recordings:read", "tickets:read")
    told = await get(client, f"/recordings/{ID}", token)
    assert (told["state"], told["url"]) == ("removed", None)
    assert told["removed_at"] is not None
    refused = await get(client, f"/recordings/{ID}/file", token, 410)
    assert "was removed on" in refused["detail"]
    async with sealed.store.view() as unit:
        ticket = await unit.tickets.by_call(CALL.id)
    assert ticket is not None
    (recording,) = (await get(client, f"/tickets/{ticket.id}", token))["recordings"]
    assert (recording["state"], recording["url"]) == ("removed", None)


async def test_a_program_sees_what_the_upkeep_has_to_do(house: House) -> None:
    house.metrics.watch_upkeep(lambda: 7, lambda: 4096)
    answer = await (await house.visitor()).get("/metrics")
    text = await answer.text()
    assert "callbridge_recordings_to_work_on 7.0" in text
    assert "callbridge_recordings_saved_bytes 4096.0" in text
