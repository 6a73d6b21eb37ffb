"""AMI messages as facts of the centre, from recorded traces and single events."""

from pathlib import Path

import pytest

from bridge.ami.headers import Headers, read
from bridge.ami.trace import entries
from bridge.ami.translate import Translator
from bridge.centre.facts import (
    CallerPresented,
    Fact,
    OutsideAnswered,
    OutsideConsulted,
    OutsideConsulting,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
    OutsideTransferred,
    PhoneTaken,
    RecordingEnded,
    RecordingStarted,
    TransferKind,
)
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, RecordingId
from bridge.centre.plan import Agent, Plan

TRACES = Path(__file__).parents[2] / "replay" / "traces"


def agent(number: str) -> Agent:
    return Agent(AgentId(number), f"Agent {number}", Endpoint(f"PJSIP/{number}"))


PLAN = Plan(agents={AgentId(number): agent(number) for number in ("1001", "1002", "1003")})


def translator(plan: Plan = PLAN) -> Translator:
    return Translator(lambda: plan, lambda: {"trunk1", "trunk-two"})


def take(made: Translator, headers: Headers) -> list[Fact]:
    message = read(headers)
    return made.take(message) if message is not None else []


def facts_of(scenario: str, made: Translator | None = None) -> list[Fact]:
    made = made or translator()
    return [
        fact
        for entry in entries((TRACES / f"{scenario}.ami").read_bytes())
        for fact in take(made, entry.headers)
    ]


def kinds(facts: list[Fact]) -> list[tuple[str, str]]:
    return [(type(fact).__name__, getattr(fact, "agent", "")) for fact in facts]


def newchannel(**headers: str) -> Headers:
    return {
        "event": "Newchannel",
        "channel": "PJSIP/trunk1-00000001",
        "uniqueid": "1.1",
        "linkedid": "1.1",
        "channelstate": "4",
        "calleridnum": "+79161234567",
        "calleridname": "Иван",
        "exten": "+74950000001",
        **headers,
    }


# ── who is calling ───────────────────────────────────────────────────────────


def test_a_caller_is_presented_at_the_first_event() -> None:
    assert take(translator(), newchannel()) == [
        CallerPresented(CallId("1.1"), "+79161234567", "Иван", "+74950000001", "trunk1")
    ]


@pytest.mark.parametrize("number", ["<unknown>", "", "anonymous", "Anonymous", "Restricted", "unavailable"])
def test_no_number(number: str) -> None:
    (fact,) = take(translator(), newchannel(calleridnum=number))

    assert isinstance(fact, CallerPresented)
    assert (fact.number, fact.name) == (None, "")


def test_a_trunk_with_a_hyphen() -> None:
    (fact,) = take(translator(), newchannel(channel="PJSIP/trunk-two-00000001"))

    assert isinstance(fact, CallerPresented)
    assert fact.trunk == "trunk-two"


@pytest.mark.parametrize(
    "headers",
    [
        {"channel": "PJSIP/2001-00000001"},  # a phone
        {"channel": "SIP/trunk1-00000001"},  # another technology
        {"channelstate": "0"},  # a leg that Asterisk makes towards the trunk
        {"linkedid": "1.0"},
    ],
)
def test_what_is_no_caller(headers: dict[str, str]) -> None:
    assert take(translator(), newchannel(**headers)) == []


# ── calls that never touch the application ───────────────────────────────────


def test_direct_call_from_a_trunk() -> None:
    facts = facts_of("direct/answered")

    assert kinds(facts) == [
        ("CallerPresented", ""),
        ("OutsideRinging", "1001"),
        ("OutsideAnswered", "1001"),
        ("OutsideEnded", ""),
    ]
    ringing = facts[1]
    assert isinstance(ringing, OutsideRinging)
    assert (ringing.number, ringing.name, ringing.dialled) == ("+79161234567", "Иван Петров", "+74950000004")


def test_group_call_between_extensions() -> None:
    facts = facts_of("group/answered_elsewhere")

    assert kinds(facts) == [
        ("PhoneTaken", "1001"),
        ("OutsideRinging", "1002"),
        ("OutsideRinging", "1003"),
        ("OutsideRingEnded", "1002"),
        ("OutsideAnswered", "1003"),
        ("OutsideEnded", ""),
        ("PhoneTaken", "1001"),
    ]
    call = facts[0].call  # type: ignore[union-attr]
    assert facts[3] == OutsideRingEnded(call, AgentId("1002"), "answered-elsewhere")
    assert facts[-2] == OutsideEnded(call, "completed")


def test_native_queue_while_the_application_is_away() -> None:
    facts = facts_of("queue/abandoned")

    assert {name for name, _ in kinds(facts)} == {
        "CallerPresented",
        "OutsideRinging",
        "OutsideRingEnded",
        "OutsideEnded",
    }
    assert facts[-1].reason == "abandoned"  # type: ignore[union-attr]


def withheld_facts(scenario: str, variable: str) -> list[Fact]:
    """The recorded call, with what Asterisk adds once the dialplan has set the trunk channel's variable."""
    made = translator()
    facts: list[Fact] = []
    for entry in entries((TRACES / f"{scenario}.ami").read_bytes()):
        headers = dict(entry.headers)
        if headers.get("event") != "Newchannel":
            for prefix in ("", "dest", "origtransferer", "secondtransferer", "transferee"):
                if headers.get(f"{prefix}channel", "").startswith("PJSIP/trunk1-"):
                    headers[f"{prefix}chanvariable"] = variable
        facts += take(made, headers)
    return facts


@pytest.mark.parametrize(
    "scenario", ["direct/answered", "queue/answered", "queue/local_members", "transfer/attended_abbcac"]
)
def test_a_caller_who_withholds_his_number_is_not_shown(scenario: str) -> None:
    def ringing(variable: str) -> list[OutsideRinging]:
        facts = withheld_facts(scenario, f"CALLBRIDGE_PRESENTATION={variable}")
        outside = [fact for fact in facts if isinstance(fact, OutsideRinging)]
        return [fact for fact in outside if fact.call == facts[0].call]  # type: ignore[union-attr]

    assert {(fact.number, fact.name) for fact in ringing("allowed")} == {("+79161234567", "Иван Петров")}
    assert {(fact.number, fact.name) for fact in ringing("withheld")} == {(None, "")}
    assert [fact.agent for fact in ringing("withheld")] == [fact.agent for fact in ringing("allowed")]


@pytest.mark.parametrize("number", ["anonymous", "Anonymous", "Restricted"])
def test_an_anonymous_caller_is_not_shown(number: str) -> None:
    made = translator()
    facts: list[Fact] = []
    for entry in entries((TRACES / "queue/answered.ami").read_bytes()):
        headers = {
            name: number if value == "+79161234567" else value for name, value in entry.headers.items()
        }
        facts += take(made, headers)

    ringing = [fact for fact in facts if isinstance(fact, OutsideRinging)]
    assert {(fact.number, fact.name) for fact in ringing} == {(None, "")}


def test_what_was_withheld_once_stays_withheld() -> None:
    made = translator()
    take(made, newchannel())
    take(made, newchannel(event="Newstate", chanvariable="CALLBRIDGE_PRESENTATION=withheld"))
    take(made, newchannel(event="NewCallerid", chanvariable="CALLBRIDGE_PRESENTATION=allowed"))
    phone = {
        "destchannel": "PJSIP/1001-00000002",
        "destuniqueid": "1.2",
        "destlinkedid": "1.1",
        "destchannelstate": "5",
    }

    facts = take(made, newchannel(event="DialBegin", **phone))

    assert facts == [OutsideRinging(CallId("1.1"), AgentId("1001"), None, "", "+74950000001")]


def test_legs_that_the_application_dials_are_not_outside() -> None:
    assert kinds(facts_of("stasis/recorded")) == [("CallerPresented", ""), ("OutsideEnded", "")]


def test_a_caller_who_reaches_nobody_ends_all_the_same() -> None:
    assert kinds(facts_of("transfer/blind_unreachable"))[0] == ("CallerPresented", "")
    made = translator()
    take(made, newchannel())
    assert take(made, newchannel(event="Hangup", cause="16")) == [OutsideEnded(CallId("1.1"), "failed")]


def test_attended_transfer_keeps_the_new_agent_busy_without_a_gap() -> None:
    facts = facts_of("transfer/attended_abbcac")
    first, second = facts[0].call, facts[3].call  # type: ignore[union-attr]

    assert facts[3:] == [
        PhoneTaken(second, AgentId("1001"), True),
        OutsideRinging(second, AgentId("1002"), "1001", "Agent 1001", "1002", first),
        OutsideConsulting(first, AgentId("1001"), "1002", AgentId("1002")),
        OutsideAnswered(second, AgentId("1002")),
        OutsideConsulted(first, AgentId("1001"), AgentId("1002")),
        OutsideTransferred(first, AgentId("1001"), TransferKind.ATTENDED, "1002"),
        OutsideRinging(first, AgentId("1002"), "+79161234567", "Иван Петров", "+74950000004"),
        OutsideAnswered(first, AgentId("1002")),
        OutsideEnded(second, "completed"),
        PhoneTaken(second, AgentId("1001"), False),
        OutsideEnded(first, "completed"),
    ]


def test_pickup_by_an_agent() -> None:
    assert kinds(facts_of("pickup/star"))[1:6] == [
        ("OutsideRinging", "1002"),
        ("PhoneTaken", "1003"),
        ("OutsideRingEnded", "1002"),
        ("OutsideAnswered", "1003"),
        ("PhoneTaken", "1003"),  # its channel is gone, but not the call that it took
    ]


def test_strangers_phones_tell_nothing() -> None:
    assert facts_of("direct/cancelled", translator(Plan())) == []


# ── recordings ───────────────────────────────────────────────────────────────

LEG, RECORDING = LegId("1.1"), RecordingId("1.1-rec-1")


def test_a_recording_ends_with_its_channel() -> None:
    made = translator()
    made.recordings.expect(LEG, RECORDING)

    assert take(made, newchannel(event="MixMonitorStart")) == [RecordingStarted(CallId("1.1"), RECORDING)]
    assert take(made, newchannel(event="Hangup")) == [RecordingEnded(CallId("1.1"), RECORDING)]
    assert made.recordings.on(LEG) is None


def test_a_recording_that_is_stopped_ends_once() -> None:
    made = translator()
    made.recordings.expect(LEG, RECORDING)
    take(made, newchannel(event="MixMonitorStart"))

    assert take(made, newchannel(event="MixMonitorStop")) == [RecordingEnded(CallId("1.1"), RECORDING)]
    assert take(made, newchannel(event="Hangup")) == []


def test_a_recording_that_never_began_does_not_end() -> None:
    made = translator()
    made.recordings.expect(LEG, RECORDING)

    assert take(made, newchannel(event="Hangup")) == []
    assert made.recordings.on(LEG) is None


def test_after_a_gap_a_recording_may_run_but_is_not_taken_as_running() -> None:
    made = translator()
    take(made, newchannel())
    made.recordings.expect(LEG, RECORDING)
    take(made, {"event": "FullyBooted"})
    take(made, newchannel(event="CoreShowChannel", application="Stasis"))
    take(made, {"event": "CoreShowChannelsComplete"})

    assert not made.recordings.runs(LEG, RECORDING)  # so the next attempt asks, and starts it if need be
    assert RecordingEnded(CallId("1.1"), RECORDING) in take(made, newchannel(event="Hangup"))


def test_somebody_elses_recording_is_not_ours() -> None:
    assert take(translator(), newchannel(event="MixMonitorStart")) == []


# ── what was missed ──────────────────────────────────────────────────────────


def test_what_ended_while_we_were_away_ends_after_the_list_of_channels() -> None:
    made = translator()
    trace = list(entries((TRACES / "direct/answered.ami").read_bytes()))
    facts = [
        fact for entry in trace for fact in take(made, entry.headers) if entry.headers["event"] != "Hangup"
    ]
    made = translator()
    for entry in trace:
        if entry.headers["event"] == "HangupRequest":
            break
        take(made, entry.headers)
    leg = LegId(facts[0].call)  # type: ignore[union-attr]
    made.recordings.expect(leg, RecordingId(f"{leg}-rec-1"))

    assert take(made, {"event": "FullyBooted"}) == []
    assert take(made, {"event": "CoreShowChannelsComplete"}) == [
        OutsideEnded(CallId(leg), "completed"),
        RecordingEnded(CallId(leg), RecordingId(f"{leg}-rec-1")),
    ]


def test_what_still_lives_is_left_alone_after_a_reconnect() -> None:
    made = translator()
    take(made, newchannel())
    take(made, {"event": "FullyBooted"})
    take(made, newchannel(event="CoreShowChannel", application="Stasis"))

    assert take(made, {"event": "CoreShowChannelsComplete"}) == []
    assert take(made, newchannel(event="Hangup", cause="16")) == [OutsideEnded(CallId("1.1"), "failed")]


def test_a_shutdown_ends_every_call() -> None:
    made = translator()
    take(made, newchannel())

    assert take(made, {"event": "Shutdown"}) == [OutsideEnded(CallId("1.1"), "failed")]
