"""Each ARI event that means something, and those that must mean nothing."""

from typing import Any

import msgspec
import pytest

from bridge.ari.decoding import UnknownEvent, decode_event
from bridge.ari.stasis import BadArguments
from bridge.ari.translate import WANTED_EVENTS, leg_of, translate
from bridge.centre.facts import (
    CallOffered,
    DigitReceived,
    Fact,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegLeft,
    LegMade,
    LegRinging,
    PromptEnded,
)
from bridge.centre.ids import CallId, LegId, PromptId, wished_call_id

CALL = "ast1-1795430565.25"
AGENT = f"{CALL}-agent-1"
TALK = f"{CALL}-talk"
LINE = "1700000000.99"
WISHED = wished_call_id(1_795_430_565_000, 25)  # its client's leg is one that we made
STAMP = "2026-11-23T10:00:00.000+0000"


def channel(id_: str = CALL, state: str = "Up", number: str = "", name: str = "") -> dict[str, Any]:
    return {
        "id": id_,
        "name": "PJSIP/trunk-00000001",
        "state": state,
        "protocol_id": "x",
        "caller": {"name": name, "number": number},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": {"context": "from-trunk", "exten": "s", "priority": 1, "app_name": "", "app_data": ""},
        "creationtime": STAMP,
        "language": "en",
    }


def bridge(id_: str) -> dict[str, Any]:
    return {
        "id": id_,
        "technology": "simple_bridge",
        "bridge_type": "mixing",
        "bridge_class": "stasis",
        "creator": "Stasis",
        "name": "",
        "channels": [],
        "creationtime": STAMP,
    }


def playback(id_: str, state: str, target: str = f"channel:{CALL}") -> dict[str, Any]:
    return {"id": id_, "media_uri": "sound:hello", "target_uri": target, "language": "en", "state": state}


def facts_of(type_: str, **fields: Any) -> tuple[Fact, ...]:
    event = {"type": type_, "application": "callbridge", "timestamp": STAMP, **fields}
    return translate(decode_event(msgspec.json.encode(event)))


def entered(*args: str, **of_channel: Any) -> tuple[Fact, ...]:
    return facts_of("StasisStart", channel=channel(**of_channel), args=list(args))


def offered(number: str | None, name: str) -> CallOffered:
    return CallOffered(CallId(CALL), LegId(CALL), number, name, "+74950000001", "trunk")


INBOUND = ("inbound", "+74950000001", "trunk", "allowed")
WITHHELD = ("inbound", "+74950000001", "trunk", "withheld")


def test_client_enters() -> None:
    assert entered(*INBOUND, number="+79161234567", name="Иван") == (offered("+79161234567", "Иван"),)


def test_withheld_caller_has_neither_number_nor_name() -> None:
    assert entered(*WITHHELD, number="+79161234567", name="Ivan") == (offered(None, ""),)


def test_caller_without_number() -> None:
    assert entered(*INBOUND, number="", name="Ivan") == (offered(None, "Ivan"),)


def test_hostile_caller_is_bounded_and_printable() -> None:
    (fact,) = entered(*INBOUND, number="+7\r\nX: 1\x00", name="a" * 5000 + "\u2028")
    assert isinstance(fact, CallOffered)
    assert fact.number == "+7 X: 1"
    assert fact.name == "a" * 80


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("inbound",),
        ("inbound", "+74950000001", "trunk"),
        ("inbound", "+74950000001", "trunk", "perhaps"),
        ("inbound", "", "trunk", "allowed"),
        ("inbound", "+74950000001", "", "allowed"),
        ("inbound", "+74950000001", "trunk", "allowed", "more"),
        ("agent",),
        ("agent", ""),
        ("outbound", "1"),
    ],
)
def test_malformed_arguments(args: tuple[str, ...]) -> None:
    with pytest.raises(BadArguments, match="none of ours"):
        entered(*args)


def test_agents_leg_enters_without_a_fact() -> None:
    assert entered("agent", CALL, id_=AGENT) == ()


def test_client_whom_an_agent_calls_is_made_and_has_not_come() -> None:
    assert entered("agent", WISHED, id_=WISHED, state="Down") == (LegMade(WISHED, LegId(WISHED)),)


def test_channel_that_replaces_another_is_no_new_call() -> None:
    assert (
        facts_of("StasisStart", channel=channel(), args=list(INBOUND), replace_channel=channel("1.2")) == ()
    )


EVENTS = [
    ("ChannelStateChange", {"channel": channel(AGENT, "Ringing")}, LegRinging(CallId(CALL), LegId(AGENT))),
    ("ChannelStateChange", {"channel": channel(AGENT, "Up")}, LegAnswered(CallId(CALL), LegId(AGENT))),
    ("ChannelStateChange", {"channel": channel(AGENT, "Down")}, None),
    ("ChannelStateChange", {"channel": channel(CALL, "Up")}, None),
    ("ChannelStateChange", {"channel": channel(CALL, "Ringing")}, None),
    (
        "Dial",
        {"peer": channel(AGENT, "Down"), "dialstatus": "PROGRESS"},
        LegRinging(CallId(CALL), LegId(AGENT)),
    ),
    ("ChannelStateChange", {"channel": channel(WISHED, "Ringing")}, LegRinging(WISHED, LegId(WISHED))),
    ("ChannelStateChange", {"channel": channel(WISHED, "Up")}, LegAnswered(WISHED, LegId(WISHED))),
    ("Dial", {"peer": channel(WISHED), "dialstatus": "PROGRESS"}, LegRinging(WISHED, LegId(WISHED))),
    ("Dial", {"peer": channel(AGENT, "Down"), "dialstatus": "RINGING"}, None),
    ("Dial", {"peer": channel("ast1-17.9", "Down"), "dialstatus": "PROGRESS"}, None),
    (
        "ChannelDestroyed",
        {"channel": channel(AGENT), "cause": 17, "cause_txt": "User busy", "tech_cause": 486},
        LegEnded(CallId(CALL), LegId(AGENT), 17, 486),
    ),
    (
        "ChannelDestroyed",
        {"channel": channel(CALL), "cause": 16, "cause_txt": "Normal Clearing"},
        LegEnded(CallId(CALL), LegId(CALL), 16, 0),
    ),
    ("ChannelDestroyed", {"channel": channel("snoop-of-somebody"), "cause": 16, "cause_txt": ""}, None),
    ("StasisEnd", {"channel": channel(CALL)}, None),
    ("StasisEnd", {"channel": channel(AGENT)}, None),
    (
        "ChannelDtmfReceived",
        {"channel": channel(CALL), "digit": "#", "duration_ms": 100},
        DigitReceived(CallId(CALL), LegId(CALL), "#"),
    ),
    ("ChannelDtmfReceived", {"channel": channel(CALL), "digit": "12", "duration_ms": 1}, None),
    ("ChannelDtmfReceived", {"channel": channel(CALL), "digit": "", "duration_ms": 1}, None),
    ("ChannelDtmfReceived", {"channel": channel(CALL), "digit": "٣", "duration_ms": 1}, None),
    ("PlaybackStarted", {"playback": playback(f"{CALL}-prompt-1", "playing")}, None),
    ("PlaybackContinuing", {"playback": playback(f"{CALL}-prompt-1", "continuing")}, None),
    (
        "PlaybackFinished",
        {"playback": playback(f"{CALL}-prompt-1", "done")},
        PromptEnded(CallId(CALL), PromptId(f"{CALL}-prompt-1")),
    ),
    (
        "PlaybackFinished",
        {"playback": playback(f"{CALL}-prompt-2", "failed")},
        PromptEnded(CallId(CALL), PromptId(f"{CALL}-prompt-2"), played=False),
    ),
    ("PlaybackFinished", {"playback": playback("somebody-elses", "done")}, None),
    (
        "ChannelEnteredBridge",
        {"channel": channel(CALL), "bridge": bridge(TALK)},
        LegJoined(CallId(CALL), LegId(CALL)),
    ),
    (
        "ChannelEnteredBridge",
        {"channel": channel(AGENT), "bridge": bridge(TALK)},
        LegJoined(CallId(CALL), LegId(AGENT)),
    ),
    (
        "ChannelEnteredBridge",  # a supervisor's own line, from his desk phone
        {"channel": channel(LINE), "bridge": bridge(TALK)},
        LegJoined(CallId(CALL), LegId(LINE)),
    ),
    ("ChannelEnteredBridge", {"channel": channel(CALL), "bridge": bridge(f"{CALL}-hall")}, None),
    ("ChannelEnteredBridge", {"channel": channel("somebody-elses"), "bridge": bridge(TALK)}, None),
    ("ChannelEnteredBridge", {"bridge": bridge(TALK)}, None),
    (
        "ChannelLeftBridge",
        {"channel": channel(CALL), "bridge": bridge(TALK)},
        LegLeft(CallId(CALL), LegId(CALL)),
    ),
    (
        "ChannelLeftBridge",
        {"channel": channel(LINE), "bridge": bridge(TALK)},
        LegLeft(CallId(CALL), LegId(LINE)),
    ),
    ("ChannelLeftBridge", {"channel": channel(CALL), "bridge": bridge(f"{CALL}-hall")}, None),
    ("ChannelVarset", {"variable": "A", "value": "1"}, None),
    ("ApplicationReplaced", {}, None),
]


@pytest.mark.parametrize(("type_", "fields", "fact"), EVENTS)
def test_events(type_: str, fields: dict[str, Any], fact: Fact | None) -> None:
    assert facts_of(type_, **fields) == (() if fact is None else (fact,))


def test_unknown_event_means_nothing() -> None:
    assert translate(UnknownEvent("ChannelTelepathy")) == ()


def test_every_event_that_means_something_is_asked_for() -> None:
    assert {type_ for type_, _, fact in EVENTS if fact is not None} <= set(WANTED_EVENTS)


@pytest.mark.parametrize(
    ("channel_id", "ours"),
    [
        ("1795430565.25", True),
        ("ast1-1795430565.25", True),
        ("my-host-1795430565.25", True),
        (AGENT, True),
        (f"{CALL}-snoop-1", False),
        ("abc;1", False),
        ("", False),
    ],
)
def test_whose_channel(channel_id: str, ours: bool) -> None:
    assert leg_of(channel_id) == (channel_id if ours else None)
