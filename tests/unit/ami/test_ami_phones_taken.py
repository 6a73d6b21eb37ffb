"""Who dials from an agent's phone takes it: one fact for each channel and edge, wherever the link is lost."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from bridge.ami.headers import Headers
from bridge.ami.phones import endpoint_of
from bridge.ami.trace import entries
from bridge.centre.facts import Fact, PhoneTaken
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Plan
from tests.unit.ami.told import PLAN, Told, agent, plan

TRACES = Path(__file__).parents[2] / "replay" / "traces"
SCENARIOS = [str(path.relative_to(TRACES)) for path in sorted(TRACES.glob("*/*.ami"))]
ANNA, CALL = AgentId("1001"), CallId("lab-1700000000.7")
BOOTED, CHANNELS_END = {"event": "FullyBooted"}, {"event": "CoreShowChannelsComplete"}
NONE: Headers = {}
TAKEN, FREE = PhoneTaken(CALL, ANNA, True), PhoneTaken(CALL, ANNA, False)


def channel(event: str, state: int = 4, headers: Headers = NONE) -> Headers:
    return {
        "event": event,
        "channel": "PJSIP/1001-0000002a",
        "uniqueid": CALL,
        "linkedid": CALL,
        "channelstate": str(state),
        "exten": "*41",
        **headers,
    }


def test_an_agent_who_dials_is_taken_until_he_hangs_up() -> None:
    told = Told()

    assert told(channel("Newchannel")) == [TAKEN]
    assert told(channel("Newstate", 6), channel("CoreShowChannel", 6), channel("Newchannel")) == []
    assert told(channel("Hangup", 6), channel("Hangup", 6)) == [FREE]


@pytest.mark.parametrize(
    "headers",
    [
        {"channelstate": "0"},  # a leg towards the phone
        {"channelstate": "0", "uniqueid": "1700000000.1-agent-1"},  # ours
        {"channel": "PJSIP/2001-0000002a"},
        {"channel": "AsyncGoto/PJSIP/1001-0000002a", "channelstate": "6"},
        {"channel": "Local/1001@from-agents-0000002a;2"},
    ],
)
def test_channels_that_take_no_phone(headers: dict[str, str]) -> None:
    told = Told()
    rings = {**headers, "channelstate": "5"}

    assert told(channel("Newchannel", 4, headers), channel("Newstate", 5, rings)) == []
    assert told(channel("Hangup", 6, headers)) == []


def test_two_lines_of_one_phone() -> None:
    second = CallId("lab-1700000000.9")
    other = {"uniqueid": second}
    told = Told()

    assert told(channel("Newchannel"), channel("Newchannel", 4, other)) == [
        TAKEN,
        PhoneTaken(second, ANNA, True),
    ]
    assert told(channel("Hangup")) == [FREE]
    assert told(channel("Hangup", 6, other)) == [PhoneTaken(second, ANNA, False)]


def test_asterisk_ends() -> None:
    told = Told()
    told(channel("Newchannel"))

    assert told({"event": "Shutdown"}) == [FREE]


def test_the_plan_changes_while_he_dials() -> None:
    told = Told(plan(agent("1002")))
    assert told(channel("Newchannel")) == []

    told.plan = PLAN
    assert told({}) == [TAKEN]
    told.plan = plan(agent("1007", phone="1001"))
    assert told({}) == [FREE, PhoneTaken(CALL, AgentId("1007"), True)]
    told.plan = Plan()
    assert told({}) == [PhoneTaken(CALL, AgentId("1007"), False)]
    assert told(channel("Hangup")) == []


# ── after a reconnect ────────────────────────────────────────────────────────


def test_who_hung_up_while_we_were_away_is_released() -> None:
    told = Told()
    told(channel("Newchannel"))

    assert told(BOOTED) == []
    assert told(CHANNELS_END) == [FREE]


def test_who_still_dials_after_a_reconnect_is_not_told_again() -> None:
    told = Told()
    told(channel("Newchannel"))
    still = channel("CoreShowChannel", 6, {"applicationdata": "PJSIP/1002,20"})

    assert told(BOOTED, still, CHANNELS_END) == []
    assert told(channel("Hangup")) == [FREE]


def test_who_dialled_while_we_were_away_is_taken() -> None:
    told = Told()

    assert told(BOOTED, channel("CoreShowChannel", 6, {"applicationdata": "support"}), CHANNELS_END) == [
        TAKEN
    ]
    assert told(BOOTED, channel("CoreShowChannel", 6), CHANNELS_END) == []
    assert told(channel("Hangup")) == [FREE]


def test_who_dials_between_the_login_and_the_list() -> None:
    assert Told()(BOOTED, channel("Newchannel"), CHANNELS_END) == [TAKEN]


@pytest.mark.parametrize(
    "headers",
    [
        {"applicationdata": "(Outgoing Line)"},  # Dial, Queue, Originate
        {"channelstate": "5"},
        {"channelstate": "0"},
        {"uniqueid": "1700000000.1-agent-1", "applicationdata": "callbridge"},
        {"uniqueid": "some-program-chose-it"},
    ],
)
def test_legs_in_the_list_that_were_dialled(headers: dict[str, str]) -> None:
    assert Told()(BOOTED, channel("CoreShowChannel", 6, headers), CHANNELS_END) == []


def test_a_leg_that_was_dialled_and_goes_on_elsewhere_takes_nothing() -> None:
    """After a transfer it runs an application as a channel does that called in."""
    told = Told()
    told(channel("Newchannel", 0))

    assert told(BOOTED, channel("CoreShowChannel", 6, {"applicationdata": "60"}), CHANNELS_END) == []


# ── in recorded calls, wherever the connection is lost ───────────────────────


def recorded(scenario: str) -> list[Headers]:
    return [entry.headers for entry in entries((TRACES / scenario).read_bytes())]


def living(events: Iterable[Headers]) -> Iterator[Headers]:
    """The list of channels as Asterisk would give it after these events."""
    channels: dict[str, dict[str, str]] = {}
    for headers in events:
        match headers.get("event"):
            case "Newchannel":
                dialled = headers["channelstate"] != "4"
                channels[headers["uniqueid"]] = {
                    **headers,
                    "event": "CoreShowChannel",
                    "applicationdata": "(Outgoing Line)" if dialled else "",
                }
            case "Newstate":
                channels[headers["uniqueid"]]["channelstate"] = headers["channelstate"]
            case "Hangup":
                channels.pop(headers["uniqueid"], None)
            case _:
                pass
    return iter(channels.values())


def taken(facts: Iterable[Fact]) -> list[PhoneTaken]:
    return [fact for fact in facts if isinstance(fact, PhoneTaken)]


def open_at_the_end(facts: Iterable[PhoneTaken]) -> set[tuple[CallId, AgentId]]:
    still: set[tuple[CallId, AgentId]] = set()
    for fact in facts:
        key = (fact.call, fact.agent)
        assert (key in still) is not fact.taken, f"told twice: {fact}"
        (still.add if fact.taken else still.discard)(key)
    return still


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_phone_that_is_taken_is_released(scenario: str) -> None:
    events = recorded(scenario)
    callers = {
        CallId(headers["uniqueid"])
        for headers in events
        if headers.get("event") == "Newchannel"
        and headers["channelstate"] == "4"
        and endpoint_of(headers["channel"]) in ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003")
    }
    facts = taken(Told()(*events))

    assert {fact.call for fact in facts} == callers
    assert open_at_the_end(facts) == set()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_reconnect_at_any_moment_changes_nothing(scenario: str) -> None:
    events = recorded(scenario)
    whole = taken(Told()(*events))
    for cut in range(len(events)):
        before, after = events[:cut], events[cut:]
        lists = [BOOTED, *living(before), CHANNELS_END]

        assert taken(Told()(*before, *lists, *after)) == whole


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_start_in_the_middle_tells_of_those_who_dial(scenario: str) -> None:
    events = recorded(scenario)
    so_far, over = Told(), set[CallId]()
    calls = {fact.call for fact in taken(Told()(*events))}
    for cut, headers in enumerate(events):
        facts = taken(Told()(BOOTED, *living(events[:cut]), CHANNELS_END, *events[cut:]))

        assert open_at_the_end(facts) == set()
        assert {fact.call for fact in facts} == calls - over
        over |= {fact.call for fact in taken(so_far(headers)) if not fact.taken}
