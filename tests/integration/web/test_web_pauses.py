"""The recording of a call is paused by page and API: who may, what is told, and when it is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.centre.facts import RecordingCut, RecordingPaused, RecordingPauseWished
from bridge.centre.ids import CallId, recording_id
from bridge.centre.record import PauseRecord
from bridge.web.context import PARTS
from tests.integration.web.test_web_talks import ANNA, BORIS, CALL, CONSULTED, passed_on, talks
from tests.integration.web.web_house import API, T0, House, csrf_of, get
from tests.integration.web.web_samples import record

ONE = CallId("c1")
PAUSED = PauseRecord(1, recording_id(ONE, 1), "agent 1001", T0, T0 + timedelta(seconds=1))
RECORDING = f"{API}/calls/c1/recording"
WISHES = {"pause_recording": True, "resume_recording": False}


def shown(house: House, **fields: Any) -> None:
    """Anna's call, with these."""
    calls = tuple(
        replace(call, **fields) if call.call == ONE else replace(call, recorded=True)
        for call in house.desk.view.calls
    )
    house.desk.show(replace(house.desk.view, calls=calls))


async def ordered(house: House, path: str, body: dict[str, Any], status: int = 202) -> dict[str, Any]:
    client, token = await house.visitor(), await house.token("calls:write", "agents:write")
    answer = await client.post(path, json=body, headers=token)
    assert answer.status == status, await answer.text()
    told: dict[str, Any] = await answer.json()
    return told


# ── API ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("paused", [True, False])
async def test_by_the_call_and_by_its_agent(house: House, paused: bool) -> None:
    talks(house)
    shown(house, recorded=True, pauses=() if paused else (PAUSED,))
    do = next(name for name, one in WISHES.items() if one is paused)
    for path, body in ((RECORDING, {"paused": paused}), (CALL, {"do": do})):
        house.desk.submitted.clear()
        assert (await ordered(house, path, body))["call_id"] == "c1"
        assert house.desk.submitted == [RecordingPauseWished(ONE, paused, "token test")]


async def test_of_a_call_that_is_not_steered_too(house: House) -> None:
    talks(house, steered=False)
    shown(house, recorded=True)
    for path, body in ((RECORDING, {"paused": True}), (CALL, {"do": "pause_recording"})):
        await ordered(house, path, body)
    client = await house.sign_in("1001")
    page = await (await client.get("/")).text()
    assert ('value="pause_recording"' in page, 'value="mute"' in page) == (True, False)
    answer = await client.post("/talk", data={"csrf": await csrf_of(client), "wish": "pause_recording"})
    assert answer.status == 200
    assert [type(fact) for fact in house.desk.submitted] == [RecordingPauseWished] * 3


async def test_in_every_stage_of_a_transfer_and_by_who_is_consulted_too(house: House) -> None:
    for stage in ("", "ringing", "consulting", "swapped"):
        talks(house, *CONSULTED, stage=stage, transfers=(passed_on(1),) if stage else ())
        shown(house, recorded=True)
        for agent in (ANNA, BORIS):
            await ordered(house, f"{API}/agents/{agent}/call", {"do": "pause_recording"})
    assert house.desk.submitted == [RecordingPauseWished(ONE, True, "token test")] * 8


@pytest.mark.parametrize(
    ("recorded", "pauses", "paused", "words"),
    [
        (False, (), True, "Nothing of this call is recorded"),
        (False, (PAUSED,), False, "Nothing of this call is recorded"),
        (True, (), False, "not paused"),
        (True, (replace(PAUSED, ended_at=T0 + timedelta(seconds=9)),), False, "not paused"),
    ],
)
async def test_what_does_not_fit_is_refused(
    house: House, recorded: bool, pauses: tuple[PauseRecord, ...], paused: bool, words: str
) -> None:
    talks(house)
    shown(house, recorded=recorded, pauses=pauses)
    do = next(name for name, one in WISHES.items() if one is paused)
    for path, body in ((RECORDING, {"paused": paused}), (CALL, {"do": do})):
        assert words in (await ordered(house, path, body, 409))["detail"]
    assert house.desk.submitted == []


async def test_a_call_that_is_not_there_and_a_body_that_says_nothing(house: House) -> None:
    talks(house)
    shown(house, recorded=True)
    await ordered(house, f"{API}/calls/c9/recording", {"paused": True}, 404)
    for body in ({}, {"paused": None}, {"paused": True, "by": "anna"}):
        await ordered(house, RECORDING, body, 422)
    client, token = await house.visitor(), await house.token("calls:read")
    assert (await client.post(RECORDING, json={"paused": True}, headers=token)).status == 403
    assert house.desk.submitted == []


async def test_his_call_tells_it(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    talks(house)
    shown(house, recorded=True, pauses=(PAUSED,))
    told = await get(client, "/agents/1001/call", token)
    assert (told["recorded"], told["recording_paused"]) == (True, True)
    (pause,) = told["pauses"]
    assert {name: pause[name] for name in ("number", "recording", "by", "ended_at", "ended_by")} == {
        "number": 1,
        "recording": PAUSED.recording,
        "by": "agent 1001",
        "ended_at": None,
        "ended_by": "",
    }
    assert pause["begun_at"] < pause["confirmed_at"]


async def test_a_call_by_its_id_and_in_the_list_tells_it_while_it_is_so(house: House) -> None:
    client, token = await house.visitor(), await house.token("calls:read")
    async with house.store.unit() as unit:
        await unit.calls.save(replace(record(), id=ONE))
        await unit.calls.save(replace(record(), id=CallId("c5")))
    for pauses in ((), (PAUSED,), (replace(PAUSED, ended_at=T0 + timedelta(seconds=9)),)):
        talks(house)
        shown(house, recorded=True, pauses=pauses)
        paused = pauses == (PAUSED,)
        assert (await get(client, "/calls/c1", token))["recording_paused"] is paused
        told = (await get(client, "/calls", token))["items"]
        assert {one["id"]: one["recording_paused"] for one in told} == {"c1": paused, "c5": False}


async def test_events(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    stream = await house.listen(client, f"{API}/events", **token)
    recording = recording_id(ONE, 1)
    await house.log(
        RecordingPauseWished(ONE, True, "anna"),
        RecordingPaused(ONE, recording),
        RecordingPauseWished(ONE, False, "vera"),
        RecordingCut(ONE, recording),
    )
    told = []
    for _ in range(4):
        sent = await stream.next()
        assert sent is not None
        body = json.loads(sent.data)
        told.append((sent.event, body["call_id"], body["data"]))
    assert told == [
        ("recording.pause", "c1", {"by": "anna"}),
        ("recording.paused", "c1", {"recording": recording}),
        ("recording.resume", "c1", {"by": "vera"}),
        ("recording.cut", "c1", {"recording": recording}),
    ]


# ── pages ────────────────────────────────────────────────────────────────────


async def test_the_agent_sees_it_and_presses(house: House) -> None:
    client = await house.sign_in("1001")
    csrf = await csrf_of(client)
    talks(house)
    for pauses, button, other in (((), "pause", "resume"), ((PAUSED,), "resume", "pause")):
        shown(house, recorded=True, pauses=pauses)
        page = await (await client.get("/")).text()
        assert f'value="{button}_recording"' in page
        assert f'value="{other}_recording"' not in page
        assert ("The recording is paused since <time " in page) is bool(pauses)
        answer = await client.post("/talk", data={"csrf": csrf, "wish": f"{button}_recording"})
        assert answer.status == 200
    assert [(fact.paused, fact.by) for fact in house.desk.submitted] == [(True, "1001"), (False, "1001")]


async def test_who_paused_it_and_that_asterisk_has_not_confirmed_it(house: House) -> None:
    client = await house.sign_in("1001")
    talks(house)
    shown(house, recorded=True, pauses=(replace(PAUSED, confirmed_at=None),))
    page = await (await client.get("/")).text()
    name = house.server.app[PARTS].plan().agents[ANNA].name
    assert f"({name})" in page or f"by {name}" in page
    assert "has not confirmed" in page


async def test_where_nothing_is_recorded_there_is_no_button(house: House) -> None:
    client = await house.sign_in("1001")
    talks(house)
    page = await (await client.get("/")).text()
    assert "pause_recording" not in page


FORM = "/floor/calls/c1/recording"


async def test_a_supervisor_of_the_whole_centre(house: House) -> None:
    talks(house)
    shown(house, recorded=True)
    client = await house.sign_in("chief")
    csrf = await csrf_of(client)
    assert FORM in await (await client.get("/floor")).text()
    answer = await client.post(FORM, data={"csrf": csrf, "do": "pause"}, headers={"HX-Request": "true"})
    assert answer.status == 200
    assert house.desk.submitted == [RecordingPauseWished(ONE, True, "chief")]
    assert (await client.post(FORM.replace("c1", "c9"), data={"csrf": csrf, "do": "pause"})).status == 404


@pytest.mark.parametrize("own", [True, False])
async def test_one_of_a_department_only_over_its_calls(house: House, own: bool) -> None:
    client = await house.supervisor("head", "1002")
    csrf = await csrf_of(client)
    talks(house)
    plan = house.server.app[PARTS].plan()
    queues = {
        name: replace(queue, department="a" if queue.name == "support" else "b", members=())
        for name, queue in plan.queues.items()
    }
    object.__setattr__(plan, "queues", queues)
    house.departments["a" if own else "b"] = ["1002"]
    shown(house, recorded=True)
    answer = await client.post(FORM, data={"csrf": csrf, "do": "pause"}, headers={"HX-Request": "true"})
    shows = FORM in await (await client.get("/floor")).text()
    assert (answer.status, shows) == ((200, True) if own else (403, False))


async def test_an_agent_has_no_say_over_calls_of_others(house: House) -> None:
    client = await house.sign_in("1002")
    csrf = await csrf_of(client)
    talks(house)
    shown(house, recorded=True)
    assert (await client.post(FORM, data={"csrf": csrf, "do": "pause"})).status == 403
    assert (await client.post("/talk", data={"csrf": csrf, "wish": "pause_recording"})).status == 409
    assert house.desk.submitted == []
