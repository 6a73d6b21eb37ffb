"""Each hearing is written down before a byte goes out: a player's many requests once, none not at all."""

import asyncio

import pytest

from bridge.errors import LinkDown
from bridge.store.audit import Audit
from bridge.web.listening import LISTENINGS, ONE_ENTRY
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_recording, add_ticket, record

ID = "1710406800.7-rec-1"


async def recorded(house: House) -> None:
    await add_ticket(house, record(answered=True, ended=True))


async def written(house: House) -> list[tuple[str, str, str, str]]:
    """The oldest first."""
    rows = [row for row in await house.audit() if row.action.startswith("recording.")]
    assert all(row.call == "1710406800.7" for row in rows)
    return [(row.by, row.action, row.about, row.detail) for row in reversed(rows)]


async def test_playing_and_downloading_are_told_apart_and_by_whom(house: House) -> None:
    await recorded(house)
    anna, token = await house.sign_in("1001"), await house.token("recordings:read")
    program = await house.visitor()
    for client, path, headers in (
        (anna, f"/recordings/{ID}.wav", {}),
        (anna, f"/recordings/{ID}.wav?download=1", {}),
        (anna, f"/api/v1/recordings/{ID}/file", {}),  # she has just heard it on the page
        (program, f"/api/v1/recordings/{ID}/file", token),
        (program, f"/api/v1/recordings/{ID}/file?download=true", token),
    ):
        answer = await client.get(path, headers=headers)
        assert answer.status == 200
        assert (await answer.read())[:4] == b"RIFF"
    assert await written(house) == [
        ("1001", "recording.listen", ID, "127.0.0.1"),
        ("1001", "recording.download", ID, "127.0.0.1"),
        ("token test", "recording.listen", ID, "127.0.0.1"),
        ("token test", "recording.download", ID, "127.0.0.1"),
    ]


async def test_a_player_s_many_requests_are_one_entry_until_some_minutes_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorded(house)
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    now = 1000.0
    monkeypatch.setattr(house.server.app[LISTENINGS], "_clock", lambda: now)
    path = f"/recordings/{ID}.wav"
    pieces = [anna.get(path, headers={"Range": f"bytes={at}-{at + 99}"}) for at in range(0, 1000, 100)]
    assert {answer.status for answer in await asyncio.gather(*pieces)} == {206}
    assert len(await written(house)) == 1
    now += ONE_ENTRY.total_seconds() - 1
    await anna.get(path)
    assert len(await written(house)) == 1
    await chief.get(path)
    assert [by for by, *_ in await written(house)] == ["1001", "chief"]
    now += 1
    await anna.get(path, headers={"Range": "bytes=500-"})
    assert [by for by, *_ in await written(house)] == ["1001", "chief", "1001"]


async def test_another_recording_is_another_entry(house: House) -> None:
    call = record(answered=True, ended=True)
    ticket = await add_ticket(house, call)
    other = record("1710406800.8", answered=True, ended=True)
    async with house.store.unit() as unit:
        await unit.calls.save(other)
    await add_recording(house, other, ticket)
    anna = await house.sign_in("1001")
    for id in (ID, "1710406800.8-rec-1", ID):
        assert (await anna.get(f"/recordings/{id}.wav")).status == 200
    assert {row.about for row in await house.audit()} == {ID, "1710406800.8-rec-1"}
    assert len(await house.audit()) == 2


async def test_a_page_or_a_head_hears_nothing(house: House) -> None:
    await recorded(house)
    anna = await house.sign_in("1001")
    html = await (await anna.get("/calls/1710406800.7")).text()
    assert '<audio controls preload="none"' in html, "a page that loads sound by itself would count as heard"
    assert (await anna.head(f"/recordings/{ID}.wav")).status == 200
    assert (await anna.get(f"/api/v1/recordings/{ID}")).status == 200
    assert await written(house) == []


async def test_what_was_played_again_from_the_browser_s_own_copy_counts_too(house: House) -> None:
    await recorded(house)
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    tag = (await anna.get(f"/recordings/{ID}.wav")).headers["ETag"]
    assert (await chief.get(f"/recordings/{ID}.wav", headers={"If-None-Match": tag})).status == 304
    assert [by for by, *_ in await written(house)] == ["1001", "chief"]


async def test_who_is_refused_has_heard_nothing(house: House) -> None:
    call = record(answered=True, ended=True)
    await add_ticket(house, call, recorded=False)
    async with house.store.unit() as unit:
        await unit.recordings.note(ID, call.id, call.offered_at)
    anna = await house.sign_in("1001")
    assert (await anna.get(f"/recordings/{ID}.wav")).status == 404, "it is not there yet"
    assert (await anna.get("/recordings/unknown.wav")).status == 404
    assert await written(house) == []


@pytest.mark.parametrize("range_", [{}, {"Range": "bytes=100-199"}])
async def test_without_the_log_no_byte_goes_out(
    house: House, monkeypatch: pytest.MonkeyPatch, range_: dict[str, str]
) -> None:
    await recorded(house)
    anna, token = await house.sign_in("1001"), await house.token("recordings:read")

    async def away(*_: object, **__: object) -> None:
        raise LinkDown("the database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Audit, "note", away)
        for path, headers in ((f"/recordings/{ID}.wav", {}), (f"/api/v1/recordings/{ID}/file", token)):
            answer = await anna.get(path, headers={**headers, **range_})
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "60"
            assert "Who hears a recording is written down" in await answer.text()
            assert answer.content_type in {"text/html", "application/problem+json"}
    assert await written(house) == []
    assert (await anna.get(f"/recordings/{ID}.wav", headers=range_)).status in {200, 206}
    assert [by for by, *_ in await written(house)] == ["1001"], "a failure is not remembered as written"
