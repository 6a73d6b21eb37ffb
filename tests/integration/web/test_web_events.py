"""The API's event stream: facts in order with ids that resume, cards with their timing."""

import json

import pytest
from sqlalchemy import event

from bridge.centre.change_facts import (
    ClientHeld,
    ClientPassedOn,
    ClientResumed,
    ConsultAnswered,
    ConsultBegun,
    ConsultEnded,
    TransferEnded,
)
from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    CallDisposed,
    CallOffered,
    Fact,
    Feature,
    FeatureDialled,
    LegEnded,
    LegJoined,
    LegRinging,
    MemberMoved,
    MemberRestored,
    OutsideConsulted,
    OutsideConsultEnded,
    OutsideConsulting,
    OutsideHeld,
    OutsideResumed,
    OutsideTransferred,
    RecordingAttached,
    TicketOpened,
    TransferKind,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import (
    AgentId,
    CallId,
    Endpoint,
    LegId,
    QueueName,
    RecordingId,
    TicketId,
    outside_leg_id,
)
from bridge.web.api.events import _newest
from tests.integration.web.web_house import API, House
from tests.integration.web.web_samples import add_ticket, card, record

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
    "agent.ready",
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
    assert [body["call_id"] for body in bodies] == [
        None if event.startswith("agent.") else CALL for event in EVENTS
    ]
    assert bodies[1]["data"]["agent"] == "1001"
    ids = [int(one.id) for one in sent if one and one.id]
    assert ids == sorted(set(ids))
    assert [body["id"] for body in bodies] == ids
    again = await house.listen(client, f"{API}/events", **token, **{"Last-Event-ID": str(ids[2])})
    rest = [await again.next() for _ in EVENTS[3:]]
    assert [(one.event, one.id) for one in rest if one] == [(one.event, one.id) for one in sent[3:] if one]
    everything = await house.listen(client, f"{API}/events", **token, **{"Last-Event-ID": "0"})
    await everything.until("agent.ready", "1003")
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
    await house.log(TicketOpened(CALL, TicketId(1)))
    # The cards and the log are two streams: each in its order, not one against the other.
    found = [sent for sent in [await stream.next() for _ in range(3)] if sent is not None]
    (sent,) = (one for one in found if one.event == "card.opened")  # sent again is not opened again
    assert sent.id is None
    body = json.loads(sent.data)
    assert body["data"]["agent"] == "1001"
    assert isinstance(body["data"]["ring_to_card_ms"], int | float)
    assert [one.event for one in found if one is not sent] == ["call.ringing", "ticket.opened"]


async def test_what_agents_ask_for_and_moves_are_events_by_page_and_phone_alike(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    anna, dialled = AgentId("1001"), CallId("9.9")

    def by_phone(feature: Feature, argument: str = "", phone: str = "1001") -> FeatureDialled:
        return FeatureDialled(dialled, LegId(dialled), Endpoint(f"PJSIP/{phone}"), feature, argument)

    facts: list[tuple[Fact, str, dict[str, object]]] = [
        (AgentLoggedIn(anna), "log_in", {}),
        (by_phone(Feature.LOG_IN), "log_in", {}),
        (AgentLoggedOut(anna), "log_out", {}),
        (by_phone(Feature.LOG_OUT), "log_out", {}),
        (by_phone(Feature.READY), "ready", {}),
        (AgentPaused(anna, "lunch"), "pause", {"reason": "lunch"}),
        (by_phone(Feature.PAUSE, "2"), "pause", {"reason": "lunch"}),
        (by_phone(Feature.PAUSE), "pause", {"reason": "break"}),
        (by_phone(Feature.PAUSE, "9"), "pause", {"reason": None}),
        (WrapUpEnded(anna), "end_wrap_up", {}),
        (by_phone(Feature.END_WRAP_UP), "end_wrap_up", {}),
        (WrapUpExtended(anna), "extend_wrap_up", {}),
        (by_phone(Feature.EXTEND_WRAP_UP), "extend_wrap_up", {}),
        (CallDisposed(anna, "resolved"), "dispose", {"disposition": "resolved"}),
        (by_phone(Feature.DISPOSITION, "1"), "dispose", {"disposition": "resolved"}),
        (by_phone(Feature.PAUSE_RECORDING), "recording.pause", {}),
        (by_phone(Feature.RESUME_RECORDING), "recording.resume", {}),
        (MemberMoved(anna, QueueName("sales"), 3), "moved", {"queue": "sales", "penalty": 3}),
        (MemberMoved(anna, QueueName("sales"), None), "moved", {"queue": "sales", "penalty": None}),
        (MemberRestored(anna, QueueName("sales")), "restored", {"queue": "sales"}),
    ]
    about_calls = {Feature.TRANSFER, Feature.CONSULT, Feature.COMPLETE, Feature.GIVE_UP}
    about_calls |= {Feature.SWAP, Feature.CONFERENCE, Feature.SUPERVISE}
    told = {fact.feature for fact, _, _ in facts if isinstance(fact, FeatureDialled)}
    assert told == set(Feature) - about_calls
    stream = await house.listen(client, f"{API}/events", **token)
    untold = (by_phone(feature, "1001") for feature in sorted(about_calls, key=str))
    await house.log(by_phone(Feature.READY, phone="nobody"), *untold, *(fact for fact, _, _ in facts))
    for _, kind, data in facts:
        sent = await stream.next()
        assert sent is not None
        body = json.loads(sent.data)
        assert (sent.event, body["call_id"]) == (kind if "." in kind else f"agent.{kind}", None)
        assert body["data"] == {"agent": "1001", **data}


async def test_the_end_of_a_leg_to_an_outside_number_is_not_the_call_s(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    stream = await house.listen(client, f"{API}/events", **token)
    out = outside_leg_id(CALL, 1)
    await house.log(
        LegRinging(CALL, out), LegJoined(CALL, out), LegEnded(CALL, out, 16), LegEnded(CALL, LegId(CALL), 16)
    )
    sent = [await stream.next() for _ in range(4)]
    assert [one.event for one in sent if one] == [
        "call.forwarding",
        "call.forwarded",
        "call.leg_ended",
        "call.ended",
    ]
    assert [json.loads(one.data)["data"]["leg"] for one in sent if one] == [out, out, out, CALL]


async def test_holds_and_transfers_are_told_alike_whoever_serves_the_call(house: House) -> None:
    """As AMI tells them, and as the centre does."""
    client, token = await house.visitor(), await house.token("events:read")
    by, to, blind = AgentId("1001"), AgentId("1002"), TransferKind.BLIND
    target = {"dialled": "1002", "target": "agent 1002"}
    pairs: list[tuple[Fact, Fact, str, dict[str, object]]] = [
        (OutsideHeld(CALL, by), ClientHeld(CALL, by), "held", {"agent": by}),
        (OutsideResumed(CALL, by), ClientResumed(CALL, by), "resumed", {"agent": by}),
        (
            OutsideConsulting(CALL, by, "1002", to),
            ConsultBegun(CALL, by, "1002", "agent 1002", to),
            "consulting",
            {"by": by, "agent": to, **target},
        ),
        (
            OutsideConsulted(CALL, by, to),
            ConsultAnswered(CALL, by, to),
            "consulted",
            {"by": by, "agent": to},
        ),
        (
            OutsideConsultEnded(CALL, by, "no-answer"),
            ConsultEnded(CALL, by, "no_answer"),
            "consult_ended",
            {"by": by, "reason": "no_answer"},
        ),
        (
            OutsideConsultEnded(CALL, by, "completed", by_target=True),
            ConsultEnded(CALL, by, "hung_up"),
            "consult_ended",
            {"by": by, "reason": "hung_up"},
        ),
        (
            OutsideTransferred(CALL, by, blind, "1002"),
            ClientPassedOn(CALL, by, blind, "1002", "agent 1002"),
            "transferred",
            {"by": by, "kind": "blind", **target},
        ),
    ]
    stream = await house.listen(client, f"{API}/events", **token)
    ended = TransferEnded(CALL, by, blind, "agent 1002", "busy", None)
    await house.log(*(fact for outside, own, _, _ in pairs for fact in (outside, own)), ended)
    for _, _, kind, data in pairs:
        for _ in ("AMI", "the centre"):
            sent = await stream.next()
            assert sent is not None
            body = json.loads(sent.data)
            assert (sent.event, body["call_id"], body["data"]) == (f"call.{kind}", CALL, data)
    sent = await stream.next()
    assert sent is not None
    assert sent.event == "call.transfer_ended"
    assert json.loads(sent.data)["data"] == {
        "by": by,
        "kind": "blind",
        "target": "agent 1002",
        "reason": "busy",
        "agent": None,
    }


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40, "１"])
async def test_a_wrong_last_event_id_is_refused(house: House, last: str) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    answer = await client.get(f"{API}/events", headers={**token, "Last-Event-ID": last})
    assert answer.status == 400
    assert "Last-Event-ID" in (await answer.json())["detail"]


async def test_a_recording_whose_call_has_no_ticket_names_none(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    stream = await house.listen(client, f"{API}/events", **token)
    await house.log(RecordingAttached(CALL, RecordingId(f"{CALL}-rec-1"), TicketId(0)))
    sent = await stream.next()
    assert sent is not None
    assert sent.event == "recording.attached"
    assert json.loads(sent.data)["data"] == {"recording": f"{CALL}-rec-1"}
