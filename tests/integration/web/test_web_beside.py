"""Beside a recording: where it was paused, by whom, what was found; and who was on the agent's side when."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.ids import AgentId, CallId, LegId, RecordingId
from bridge.centre.record import CallRecord, Doing, PauseRecord, Segment
from bridge.store.rows import Found
from tests.integration.web.web_house import API, House, close_house, get, open_house
from tests.integration.web.web_samples import add_recording, record

CALL = record(answered=True, ended=True)
ID = RecordingId(f"{CALL.id}-rec-1")
assert CALL.answered_at is not None
ANSWERED = CALL.answered_at


def after(seconds: float) -> datetime:
    return ANSWERED + timedelta(seconds=seconds)


def paused_call() -> CallRecord:
    anna, outside = LegId(f"{CALL.id}-agent-1"), LegId(f"{CALL.id}-out-1")
    return replace(
        CALL,
        segments=(
            Segment(anna, AgentId("1001"), Doing.TALK, ANSWERED, after(1)),
            Segment(anna, AgentId("1001"), Doing.HOLD, after(1), after(1.5)),
            Segment(outside, None, Doing.CONFERENCE, after(1.5)),
            Segment(anna, AgentId("1001"), Doing.TALK, after(50), after(60)),  # the recorder had stopped
        ),
        pauses=(
            PauseRecord(1, ID, "agent 1001", after(0.2), after(0.3), after(1), "agent 1001"),
            PauseRecord(2, ID, "boris", after(2)),
        ),
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await open_house(tmp_path)
    call = paused_call()
    async with opened.store.unit() as unit:
        await unit.calls.save(call)
        ticket = await unit.tickets.open_for_call(call, "Printer", "support")
    await add_recording(opened, call, ticket.id)
    async with opened.store.unit() as unit:
        row = await unit.recordings.get(ID)
        assert row is not None
        kept = {
            name: getattr(row, name) for name in ("ticket", "file", "bytes", "duration_ms", "sample_rate")
        }
        await unit.recordings.attach(
            ID, **kept, channels=2, sha256=row.sha256, begun_at=ANSWERED, ended_at=after(3)
        )
    await check(opened, 1, Found.SILENT, 0, 1000)
    yield opened
    await close_house(opened)


async def check(house: House, number: int, found: Found, from_ms: int, until_ms: int) -> None:
    await house.store.write(lambda unit: unit.pauses.check(CALL.id, number, found, from_ms, until_ms))


async def page_of(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


@pytest.mark.parametrize("path", [f"/calls/{CALL.id}", "/tickets/1"])
async def test_the_page_says_where_it_was_paused_and_who_was_there(house: House, path: str) -> None:
    client = await house.supervisor("olga", None)
    page = await page_of(client, path)
    assert "paused 0:00–0:01 by Анна Смирнова; silence verified" in page
    assert "Paused by boris, but that is known only since" in page
    assert page.count('class="bar-pause"') == 2  # in the bar of each
    await check(house, 2, Found.CUT, 1700, 3000)
    page = await page_of(client, path)
    assert "paused 0:02–0:03 by boris; cut out, silence verified" in page
    assert "known only since" not in page
    assert page.count('class="bar-pause"') == 2 * 2
    whose = page[page.index("On the agent") : page.index("Legs of the call")]
    assert whose.count('class="leg-name"') == 2  # a person, a bar
    assert "0:00–0:01 with the client · 0:01–0:02 the client hears music</span>" in whose
    assert "0:02–0:03 all together</span>" in whose
    assert "0:50" not in whose


async def test_the_page_says_it_in_russian(house: House) -> None:
    client = await house.supervisor("olga", None, language="ru")
    page = await page_of(client, f"/calls/{CALL.id}")
    assert "пауза 0:00–0:01 (Анна Смирнова); тишина проверена" in page
    assert "стала известна уже после сохранения записи" in page


async def test_the_api_says_it_too(house: House) -> None:
    client, token = await house.visitor(), await house.token("recordings:read", "calls:read")
    recording = await get(client, f"/recordings/{ID}", token)
    assert (await get(client, "/recordings", token))["items"] == [recording]
    first, second = recording["pauses"]
    checked = first.pop("checked_at")
    assert checked is not None
    assert first == {
        "number": 1,
        "recording": ID,
        "by": "agent 1001",
        "begun_at": "2026-03-14T09:00:16.200000Z",
        "confirmed_at": "2026-03-14T09:00:16.300000Z",
        "ended_at": "2026-03-14T09:00:17Z",
        "ended_by": "agent 1001",
        "found": "silent",
        "from_ms": 0,
        "until_ms": 1000,
    }
    assert [second[name] for name in ("checked_at", "found", "from_ms", "until_ms")] == [None] * 4
    assert recording["timeline"] == [
        {"from_ms": 0, "until_ms": 1000, "agent": "1001", "doing": "talk"},
        {"from_ms": 1000, "until_ms": 1500, "agent": "1001", "doing": "hold"},
        {"from_ms": 1500, "until_ms": 3000, "agent": None, "doing": "conference"},
    ]
    assert (recording["begun_at"], recording["ended_at"]) == ("2026-03-14T09:00:16Z", "2026-03-14T09:00:19Z")
    call = await get(client, f"/calls/{CALL.id}", token)
    assert [(one["number"], one["by"], one["ended_by"]) for one in call["pauses"]] == [
        (1, "agent 1001", "agent 1001"),
        (2, "boris", ""),
    ]


async def test_without_a_file_there_is_no_timeline(house: House) -> None:
    async with house.store.unit() as unit:
        row = await unit.recordings.get(ID)
        assert row is not None
        await unit.stored.removed(ID, row.file)
        await unit.recordings.note(f"{CALL.id}-rec-2", CALL.id, ANSWERED)
        await unit.calls.save(replace(CALL, id=CallId("other.1"), legs=()))
        await unit.recordings.note("other.1-rec-1", "other.1", ANSWERED)
    client, token = await house.visitor(), await house.token("recordings:read")
    for recording in (await get(client, "/recordings", token))["items"]:
        assert recording["timeline"] == []
        assert bool(recording["pauses"]) is (recording["id"] == ID)


async def test_what_may_be_heard_of_a_pause_is_handed_to_nobody(house: House) -> None:
    supervisor, token = await house.supervisor("olga", None), await house.token("recordings:read")
    program = await house.visitor()
    doors = (
        (supervisor, f"/recordings/{ID}.wav", {}),
        (supervisor, f"/recordings/{ID}.wav?download=1", {}),
        (program, f"{API}/recordings/{ID}/file", token),
    )
    for client, path, headers in doors:
        answer = await client.get(path, headers=headers)
        assert answer.status == 409
        assert b"RIFF" not in await answer.read()
    await check(house, 2, Found.CUT, 1700, 3000)
    for client, path, headers in doors:
        answer = await client.get(path, headers=headers)
        assert answer.status == 200
        assert (await answer.read()).startswith(b"RIFF")
