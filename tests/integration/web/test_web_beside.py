"""Beside a recording: where it was paused, by whom, what was found; and who was on the agent's side when."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.ids import AgentId, CallId, LegId, RecordingId
from bridge.centre.record import CallRecord, Doing, PauseRecord, Segment, WrapUp
from bridge.store.rows import Found
from bridge.web import labels
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


async def test_each_ones_time_is_told_apart_and_hold_is_no_talk(house: House) -> None:
    assert CALL.ended_at is not None
    wrap_up = WrapUp(AgentId("1001"), CALL.ended_at, CALL.ended_at + timedelta(seconds=25))
    await house.store.write(lambda unit: unit.talks.save_wrap_up(CALL.id, wrap_up))
    client = await house.supervisor("olga", None)
    page = await page_of(client, f"/calls/{CALL.id}")
    times = page[page.index('id="spent-title"') :]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', times)
    assert heads[1:7] == [*(labels.DOINGS[doing.value].capitalize() for doing in Doing), "Wrap-up"]
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', times, re.DOTALL)
    cells = {who: re.findall(r"\d+:\d\d|–", cells) for who, cells in rows}
    lasted = (CALL.ended_at - after(1.5)).total_seconds()
    assert cells["Анна Смирнова"] == ["0:11", "0:00", "–", "–", "–", "0:25"]
    assert cells["Number outside"][4] == f"{int(lasted // 60)}:{int(lasted % 60):02}"
    token = await house.token("calls:read")
    call = await get(await house.visitor(), f"/calls/{CALL.id}", token)
    anna, outside = call["spent"]
    assert anna == {
        "agent": "1001",
        "talk_ms": 11_000,
        "hold_ms": 500,
        "consult_ms": 0,
        "held_ms": 0,
        "conference_ms": 0,
        "wrap_up_ms": 25_000,
    }
    assert (outside["agent"], outside["conference_ms"]) == (None, round(lasted * 1000))


async def test_talk_time_in_lists_is_without_hold(house: House) -> None:
    assert CALL.ended_at is not None
    begun = after(100)
    segments = (
        Segment(LegId("l-agent-1"), AgentId("1001"), Doing.TALK, begun, begun + timedelta(seconds=60)),
        Segment(LegId("l-agent-1"), AgentId("1001"), Doing.HOLD, begun + timedelta(seconds=60)),
    )
    over = begun + timedelta(seconds=160)
    other = replace(CALL, id=CallId("l"), answered_at=begun, ended_at=over, legs=(), segments=segments)
    await house.store.write(lambda unit: unit.calls.save(other))
    page = await page_of(await house.supervisor("olga", None), "/calls")
    (row,) = [row for row in page.split("<tr>") if "/calls/l" in row]
    (cell,) = re.findall(r'<td class="number">(.*?)</td>', row, re.DOTALL)
    assert re.sub(r"<[^>]+>", " ", cell).split() == ["1:00", "hold", "1:40"]


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
