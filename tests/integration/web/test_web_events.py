"""The API's event stream: facts in order with ids that resume, cards with their timing."""

import json

import pytest
from sqlalchemy import event

from bridge.centre.facts import (
    AgentReady,
    CallOffered,
    LegEnded,
    LegJoined,
    LegRinging,
    RecordingAttached,
    TicketOpened,
)
from bridge.centre.ids import AgentId, CallId, LegId, RecordingId, TicketId
from bridge.web.api.events import _newest
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_ticket, card, record

API = "/api/v1"
CALL = CallId("1710406800.7")
AGENT_LEG = LegId(f"{CALL}-agent-1")
FACTS = (
    CallOffered(CALL, LegId(CALL), "+79161234567", "x\r\ny", "+74950000001", "city"),
    LegRinging(CALL, AGENT_LEG),
    LegJoined(CALL, LegId(CALL)),
    LegJoined(CALL, AGENT_LEG),
    TicketOpened(CALL, TicketId(1)),
    AgentReady(AgentId("1001")),
    LegEnded(CALL, AGENT_LEG, 16),
    LegEnded(CALL, LegId(CALL), 16),
    RecordingAttached(CALL, RecordingId(f"{CALL}-rec-1"), TicketId(1)),
)
EVENTS = [
    "call.offered",
    "call.ringing",
    "call.answered",
    "ticket.opened",
    "call.leg_ended",
    "call.ended",
    "recording.attached",
]


async def test_facts_come_as_events_and_can_be_resumed(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    await house.log(AgentReady(AgentId("1003")), LegRinging(CallId("0.0"), LegId("0.0-agent-1")))
    await add_ticket(house, record(answered=True), recorded=False)
    stream = await house.listen(client, f"{API}/events", **token)
    await house.log(*FACTS)
    sent = [await stream.next() for _ in EVENTS]
    assert [one.event for one in sent if one] == EVENTS, "from now on, without what was before"
    bodies = [json.loads(one.data) for one in sent if one]
    assert all(body["call_id"] == CALL for body in bodies)
    assert bodies[1]["data"]["agent"] == "1001"
    ids = [int(one.id) for one in sent if one and one.id]
    assert ids == sorted(set(ids))
    assert [body["id"] for body in bodies] == ids
    again = await house.listen(client, f"{API}/events", **token, **{"Last-Event-ID": str(ids[2])})
    rest = [await again.next() for _ in EVENTS[3:]]
    assert [(one.event, one.id) for one in rest if one] == [(one.event, one.id) for one in sent[3:] if one]
    everything = await house.listen(client, f"{API}/events", **token, **{"Last-Event-ID": "0"})
    first = await everything.next()
    assert first is not None
    assert json.loads(first.data)["call_id"] == "0.0"


async def test_the_newest_event_is_asked_for_once(house: House) -> None:
    assert await _newest(house.store) == 0
    await house.log(*FACTS)
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = house.store._engines.reader.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    assert await _newest(house.store) == len(FACTS)
    assert len([one for one in asked if one.startswith("SELECT")]) == 1


async def test_a_card_that_opened_is_an_event_with_its_timing(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    stream = await house.listen(client, f"{API}/events", **token)
    call = record()
    await house.screens.open_card(card(call))
    await house.screens.open_card(card(call))
    await house.log(LegRinging(CALL, AGENT_LEG))
    sent = await stream.next()
    assert sent is not None
    assert (sent.event, sent.id) == ("card.opened", None)
    body = json.loads(sent.data)
    assert body["data"]["agent"] == "1001"
    assert isinstance(body["data"]["ring_to_card_ms"], int | float)
    following = await stream.next()
    assert following is not None
    assert following.event == "call.ringing", "sent again is not opened again"


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40, "１"])
async def test_a_wrong_last_event_id_is_refused(house: House, last: str) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    answer = await client.get(f"{API}/events", headers={**token, "Last-Event-ID": last})
    assert answer.status == 400
    assert "Last-Event-ID" in (await answer.json())["detail"]
