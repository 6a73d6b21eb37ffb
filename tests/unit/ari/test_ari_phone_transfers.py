"""Holds and transfers that phones make by themselves: which facts they are, and that no half is left."""

import asyncio
from typing import Any

import msgspec
import pytest

from bridge.ari import AriLink
from bridge.ari.decoding import decode_event
from bridge.ari.stasis import BadArguments, DialledArguments, TransferArguments, read_arguments
from bridge.ari.translate import WANTED_EVENTS, translate
from bridge.centre.facts import (
    AgentDialled,
    CallOffered,
    Fact,
    LegEnded,
    LegHeld,
    LegResumed,
    PhoneJoined,
    PhonePassedOn,
)
from bridge.centre.ids import CallId, Endpoint, LegId, agent_leg_id, outside_leg_id
from tests.fakes.ari_calls import connected, sent
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox, until

CALL, OTHER = CallId("ast1-1795430565.25"), CallId("ast1-1795430565.31")
LEG, LINE = agent_leg_id(CALL, 1), LegId("ast1-1795430565.40")
STAMP = "2026-11-23T10:00:00.000+0000"
DIALPLAN = {"context": "from-agents", "exten": "s", "priority": 1, "app_name": "", "app_data": ""}
HALVES = ("Local/1002@callbridge-transfer-00000001;1", "Local/1002@callbridge-transfer-00000001;2")


def channel(id_: str, name: str = "PJSIP/1001-00000001") -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "state": "Up",
        "protocol_id": "x",
        "caller": {"name": "Mallory", "number": "1999"},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": DIALPLAN,
        "creationtime": STAMP,
        "language": "en",
    }


def facts_of(type_: str, **fields: Any) -> tuple[Fact, ...]:
    event = {"type": type_, "application": "callbridge", "timestamp": STAMP, **fields}
    return translate(decode_event(msgspec.json.encode(event)))


def blind(leg: str, result: str = "Success", exten: str = "1002", **fields: Any) -> dict[str, Any]:
    return {
        "channel": channel(leg),
        "exten": exten,
        "context": "callbridge-transfer",
        "result": result,
        "is_external": True,
        **fields,
    }


def attended(first: str, second: str, result: str = "Success", **fields: Any) -> dict[str, Any]:
    return {
        "transferer_first_leg": channel(first),
        "transferer_second_leg": channel(second),
        "result": result,
        "is_external": True,
        "destination_type": "link" if result == "Success" else "fail",
        **fields,
    }


# ── the facts ────────────────────────────────────────────────────────────────


def test_their_events_are_asked_for() -> None:
    kinds = {"ChannelHold", "ChannelUnhold", "BridgeBlindTransfer", "BridgeAttendedTransfer", "StasisStart"}
    assert kinds <= set(WANTED_EVENTS)


@pytest.mark.parametrize(("type_", "fact"), [("ChannelHold", LegHeld), ("ChannelUnhold", LegResumed)])
@pytest.mark.parametrize("leg", [LEG, outside_leg_id(CALL, 1)])
def test_phone_holds(type_: str, fact: type[LegHeld] | type[LegResumed], leg: LegId) -> None:
    assert facts_of(type_, channel=channel(leg)) == (fact(CALL, leg),)
    assert facts_of("ChannelHold", channel=channel(leg), musicclass="default") == (LegHeld(CALL, leg),)


@pytest.mark.parametrize("type_", ["ChannelHold", "ChannelUnhold"])
@pytest.mark.parametrize("leg", [CALL, LINE, "nobody", f"{LEG}-snoop-in", f"{CALL}-talk"])
def test_hold_of_who_is_no_leg_of_ours(type_: str, leg: str) -> None:
    assert facts_of(type_, channel=channel(leg)) == ()


def test_phone_passes_on() -> None:
    assert facts_of("BridgeBlindTransfer", **blind(LEG)) == (PhonePassedOn(CALL, LEG, "1002"),)
    fields: dict[str, Any] = {"transferee": channel(CALL), "replace_channel": channel("x", HALVES[0])}
    assert facts_of("BridgeBlindTransfer", **blind(LEG, exten="", **fields)) == (
        PhonePassedOn(CALL, LEG, ""),
    )


@pytest.mark.parametrize("result", ["Invalid", "Fail", "Not Permitted", "success", ""])
def test_transfer_that_failed_changes_nothing(result: str) -> None:
    assert facts_of("BridgeBlindTransfer", **blind(LEG, result)) == ()
    assert facts_of("BridgeAttendedTransfer", **attended(LEG, LINE, result)) == ()


@pytest.mark.parametrize("leg", [CALL, LINE, "nobody", f"{LEG}-snoop-in"])
def test_transfer_by_who_is_no_leg_of_ours(leg: str) -> None:
    assert facts_of("BridgeBlindTransfer", **blind(leg)) == ()
    assert facts_of("BridgeAttendedTransfer", **attended(leg, LINE)) == ()
    assert facts_of("BridgeAttendedTransfer", **attended(LINE, leg)) == ()


@pytest.mark.parametrize(
    ("first", "second", "leg", "other"),
    [
        (LEG, LINE, LEG, LINE),
        (LINE, LEG, LEG, LINE),
        (LEG, OTHER, LEG, OTHER),
        (OTHER, LEG, LEG, OTHER),
        (agent_leg_id(CALL, 12), LINE, agent_leg_id(CALL, 12), LINE),
        (LEG, agent_leg_id(OTHER, 2), LEG, agent_leg_id(OTHER, 2)),  # both of ours: the first one tells
        (agent_leg_id(OTHER, 2), LEG, agent_leg_id(OTHER, 2), LEG),
        (LEG, agent_leg_id(CALL, 2), LEG, agent_leg_id(CALL, 2)),
        (LEG, LEG, LEG, LEG),
    ],
)
def test_phone_joins_its_two_lines(first: LegId, second: LegId, leg: LegId, other: LegId) -> None:
    facts = facts_of("BridgeAttendedTransfer", **attended(first, second))
    (fact,) = facts
    assert isinstance(fact, PhoneJoined)
    assert (fact.leg, fact.other) == (leg, other)
    assert leg.startswith(fact.call)


# ── arguments ────────────────────────────────────────────────────────────────


def test_arguments() -> None:
    assert read_arguments(["dialled", "1002"]) == DialledArguments("1002")
    assert read_arguments(["transfer", "1002"]) == TransferArguments()
    assert read_arguments(["transfer", ""]) == TransferArguments()


@pytest.mark.parametrize(
    "args",
    [
        ["dialled"],
        ["dialled", ""],
        ["dialled", "1002", "more"],
        ["transfer"],
        ["transfer", "1002", "more"],
        ["Dialled", "1002"],
        [" transfer", "1002"],
    ],
)
def test_malformed_arguments(args: list[str]) -> None:
    with pytest.raises(BadArguments):
        read_arguments(args)
    with pytest.raises(BadArguments):
        facts_of("StasisStart", channel=channel(LINE), args=args)


def test_phone_that_dials_on_another_line_is_known_by_its_channel() -> None:
    told = facts_of("StasisStart", channel=channel(LINE), args=["dialled", "1002"])
    assert told == (AgentDialled(CallId(LINE), LINE, Endpoint("PJSIP/1001"), "1002"),)
    told = facts_of("StasisStart", channel=channel(LINE, "PJSIP/desk-7-00000001"), args=["dialled", "8"])
    assert told == (AgentDialled(CallId(LINE), LINE, Endpoint("PJSIP/desk-7"), "8"),)


def test_half_of_a_transfer_and_what_takes_anothers_place_are_no_calls() -> None:
    half = channel("ast1-1795430565.50", HALVES[1])
    assert facts_of("StasisStart", channel=half, args=["transfer", "1002"]) == ()
    for args in (["inbound", "+74950000001", "trunk", "allowed"], ["dialled", "1002"], ["who", "knows"], []):
        assert facts_of("StasisStart", channel=half, args=args, replace_channel=channel(LEG)) == ()


# ── the link ─────────────────────────────────────────────────────────────────


async def half_of(fake: FakeAsterisk) -> str:
    """What Asterisk has put in the place of a phone that transfers."""
    return fake._new_channel("Up", number="", name="").id


async def settled(fake: FakeAsterisk, inbox: FactInbox) -> None:
    """Everything that was sent before is read, and what it set off is under way."""
    call = await fake.call_in()
    await inbox.wait(CallOffered, call=call)
    await fake.hang_up(call)
    await inbox.wait(LegEnded, leg=call)
    await asyncio.sleep(0.02)


def ended(fake: FakeAsterisk) -> list[str]:
    return [one.ids[0] for one in fake.requests if one.operation == "channels.hangup"]


async def test_half_of_a_blind_transfer_is_ended_once(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    half = await half_of(fake)
    await fake.emit(
        "BridgeBlindTransfer", **blind(f"{call}-agent-1", replace_channel=channel(half, HALVES[0]))
    )
    await fake._enter(fake.channels[half], ["transfer", "1002"])
    await until(lambda: half not in fake.channels)
    await settled(fake, inbox)
    assert ended(fake) == [half]
    assert [(fact.leg, fact.dialled) for fact in inbox.of(PhonePassedOn)] == [(f"{call}-agent-1", "1002")]
    assert half not in {fact.call for fact in inbox.of(CallOffered)}
    assert fake.continued == {}
    assert fake.channels[call].bridge == f"{call}-talk"


@pytest.mark.parametrize(
    "names", [("destination_link_first_leg", "destination_link_second_leg"), ("replace_channel",)]
)
async def test_half_of_an_attended_transfer_is_ended_once(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, names: tuple[str, ...]
) -> None:
    call = await connected(fake, link, inbox)
    line = await fake.call_in(args=["dialled", "1002"])
    halves = [await half_of(fake) for _ in names]
    fields: dict[str, Any] = {
        name: channel(half, HALVES[0]) for name, half in zip(names, halves, strict=True)
    }
    await fake.emit("BridgeAttendedTransfer", **attended(line, f"{call}-agent-1", **fields))
    await until(lambda: halves[0] not in fake.channels)
    await settled(fake, inbox)
    assert ended(fake) == halves[:1]  # with it the other one goes
    assert [(fact.leg, fact.other) for fact in inbox.of(PhoneJoined)] == [(f"{call}-agent-1", line)]


async def test_the_link_is_ended_when_a_replacement_is_told_as_well(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    half, other = await half_of(fake), await half_of(fake)
    fields: dict[str, Any] = {"destination_link_first_leg": channel(half), "replace_channel": channel(other)}
    await fake.emit("BridgeAttendedTransfer", **attended(f"{call}-agent-1", "1795430565.1", **fields))
    await until(lambda: half not in fake.channels)
    await settled(fake, inbox)
    assert ended(fake) == [half]


async def test_transfer_that_failed_ends_nothing(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    for result in ("Invalid", "Fail", "Not Permitted"):
        await fake.emit("BridgeAttendedTransfer", **attended(f"{call}-agent-1", "1795430565.1", result))
        await fake.emit("BridgeBlindTransfer", **blind(f"{call}-agent-1", result))
    await settled(fake, inbox)
    assert ended(fake) == []
    assert (inbox.of(PhoneJoined), inbox.of(PhonePassedOn)) == ([], [])
    assert fake.bridges == {f"{call}-talk": [call, f"{call}-agent-1"]}


async def test_half_that_is_gone_already_does_no_harm(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fields: dict[str, Any] = {"destination_link_first_leg": channel("gone")}
    await fake.emit("BridgeAttendedTransfer", **attended("1795430565.1", "1795430565.2", **fields))
    await settled(fake, inbox)
    assert link.state.up
    assert len(sent(fake, "channels.hangup")) == 1


async def test_what_takes_anothers_place_is_no_call(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    before = len(inbox.facts)
    half = await half_of(fake)
    args = ["inbound", "+74950000001", "trunk", "allowed"]
    replaced = fake._shown(fake.channels[f"{call}-agent-1"])
    shown = fake._shown(fake.channels[half])
    await fake.emit("StasisStart", channel=shown, args=args, replace_channel=replaced)
    await fake.emit("StasisStart", channel=shown, args=[], replace_channel=replaced)
    await settled(fake, inbox)
    assert [fact for fact in inbox.facts[before:] if getattr(fact, "leg", None) == half] == []
    assert (ended(fake), fake.continued) == ([], {})
