"""After a gap: calls that go on, are over, or came meanwhile, by the list of channels. Each is told once."""

import itertools
from datetime import UTC, datetime

import pytest

from bridge.ami import Remembered
from bridge.ami.headers import Headers
from bridge.centre.facts import (
    CallerPresented,
    Fact,
    FallbackEntered,
    OutsideAnswered,
    OutsideEnded,
    OutsideRinging,
    PhoneTaken,
)
from bridge.centre.ids import AgentId, CallId, QueueName
from tests.unit.ami.told import Told, agent, plan

CALL, PHONE = CallId("1.1"), "1.2"
ANNA = AgentId("1001")
BOOTED, END = {"event": "FullyBooted"}, {"event": "CoreShowChannelsComplete"}
CAME = {"chanvariable": "CALLBRIDGE_ARRIVED=1.000|+74950000001|trunk1"}
IN_QUEUE = {"application": "Queue", "applicationdata": "support,,,,60"}
DIALLED = {"applicationdata": "(Outgoing Line)"}
PRESENTED = CallerPresented(CALL, "+79161234567", "Ivan", "+74950000001", "trunk1")
ENTERED = FallbackEntered(CALL, QueueName("support"))
RINGING = OutsideRinging(CALL, ANNA, "+79161234567", "Ivan", "+74950000001")
ANSWERED = OutsideAnswered(CALL, ANNA)


def caller(event: str = "CoreShowChannel", state: int | str = 6, **headers: str) -> Headers:
    return {
        "event": event,
        "channel": "PJSIP/trunk1-00000001",
        "uniqueid": CALL,
        "linkedid": CALL,
        "channelstate": str(state),
        "calleridnum": "+79161234567",
        "calleridname": "Ivan",
        "exten": "+74950000001",
        "context": "from-trunk",
        **headers,
    }


def phone(
    event: str = "CoreShowChannel", state: int | str = 6, channel: str = PHONE, **headers: str
) -> Headers:
    more = DIALLED if event == "CoreShowChannel" else {}
    return {
        "event": event,
        "channel": "PJSIP/1001-00000002",
        "uniqueid": channel,
        "linkedid": CALL,
        "channelstate": str(state),
        **more,
        **headers,
    }


def dial(event: str = "DialBegin", state: int | str = 0, **headers: str) -> Headers:
    dest = {f"dest{name}": value for name, value in phone("", state).items() if name != "event"}
    return {**caller(event), **dest, "dialstring": "1001", **headers}


def hangup(of: Headers, cause: int = 16) -> Headers:
    return {**of, "event": "Hangup", "cause": str(cause)}


def enters(of: Headers, bridge: str = "b") -> Headers:
    return {**of, "event": "BridgeEnter", "bridgeuniqueid": bridge}


def after_restart(*, presented: bool = False, outside: bool = False) -> Told:
    return Told(
        remembered=Remembered(frozenset({CALL} if presented else ()), frozenset({CALL} if outside else ()))
    )


# ── over ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", ["presented", "outside"])
def test_what_an_earlier_process_told_and_is_gone_has_ended_once(which: str) -> None:
    told = after_restart(presented=which == "presented", outside=which == "outside")
    assert told(BOOTED) == []
    assert told(END) == [OutsideEnded(CALL, "cancelled")]
    told.remembered = Remembered()
    assert told(hangup(caller()), END, BOOTED, END) == []


def test_many_that_are_over_are_told_in_one_order() -> None:
    calls = frozenset(CallId(f"1.{number}") for number in range(50))
    facts = Told(remembered=Remembered(outside=calls))(BOOTED, END)
    assert facts == [OutsideEnded(call, "cancelled") for call in sorted(calls)]


def test_nothing_is_over_before_the_list_is_whole() -> None:
    assert after_restart(outside=True)(BOOTED, phone(), hangup(phone())) == []


# ── going on ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "channels", list(itertools.permutations([caller(bridgeid="b"), phone(bridgeid="b")]))
)
def test_a_talk_goes_on_whatever_is_listed_first(channels: tuple[Headers, ...]) -> None:
    told = after_restart(outside=True)
    assert told(BOOTED, *channels) == []
    assert told(END) == [RINGING, ANSWERED]
    assert told(BOOTED, *channels, END) == []
    assert told(hangup(phone()), hangup(caller())) == [OutsideEnded(CALL, "completed")]


def test_a_phone_that_rings_goes_on_ringing_and_is_answered() -> None:
    told = after_restart(presented=True)
    assert told(BOOTED, caller(state=4), phone(state=5), END) == [RINGING]
    assert told(phone("Newstate", 5), dial("DialBegin", 5), dial("DialState", 5, dialstatus="RINGING")) == []
    assert told(phone("Newstate", 6), enters(phone()), enters(caller())) == [ANSWERED]


def test_a_leg_that_callbridge_made_is_nobodys_ring() -> None:
    told = after_restart(presented=True)
    ours = phone(channel=f"{CALL}-agent-1", bridgeid="b")
    assert told(BOOTED, caller(bridgeid="b"), ours, END) == []
    assert told(hangup(ours), hangup(caller())) == [OutsideEnded(CALL, "completed")]


def test_a_call_that_was_announced_and_reaches_a_phone_later() -> None:
    told = after_restart(presented=True)
    assert told(BOOTED, caller(state=4, **CAME), END) == []
    assert told(dial(), phone("Newstate", 5)) == [RINGING]
    assert told(hangup(phone()), hangup(caller(state=4))) != []


def test_of_strangers_calls_nothing_is_told() -> None:
    assert Told()(BOOTED, caller(bridgeid="b"), phone(bridgeid="b"), END) == []


def test_a_caller_who_was_passed_on_while_his_own_channel_is_gone() -> None:
    """The call lives as long as somebody of it does."""
    told = after_restart(outside=True)
    assert told(BOOTED, phone(bridgeid="b"), END) == []
    assert told(hangup(phone())) == [OutsideEnded(CALL, "completed")]


@pytest.mark.parametrize("first", [CALL, CallId("1.0")])
def test_of_two_calls_of_which_one_channel_is_left_both_end(first: CallId) -> None:
    """After an attended transfer the consultation's channel has the first call's Linkedid."""
    second, left = CallId("1.5"), caller(uniqueid="1.5", linkedid=first)
    told = Told(remembered=Remembered(outside=frozenset({first, second})))
    assert told(BOOTED, left, END) == [OutsideEnded(first, "cancelled")]
    assert [fact for fact in told(hangup(left)) if isinstance(fact, OutsideEnded)] == [
        OutsideEnded(second, "completed")
    ]


# ── in a gap of a link that followed before ──────────────────────────────────


def test_who_was_dialled_and_answered_in_the_gap_is_told() -> None:
    told = Told()
    assert told(caller("Newchannel", 4)) == [PRESENTED]
    told.remembered = Remembered(presented=frozenset({CALL}))
    facts = told(BOOTED, caller(bridgeid="b"), phone(bridgeid="b"), END)
    assert facts == [RINGING, ANSWERED]
    assert told(hangup(phone()), hangup(caller())) == [OutsideEnded(CALL, "completed")]


def test_a_phone_that_began_to_ring_in_the_gap_is_told() -> None:
    told = Told()
    told(caller("Newchannel", 4), phone("Newchannel", 0), dial())
    assert told(BOOTED, caller(state=4), phone(state=5)) == [RINGING]
    assert told(END, phone("Newstate", 5)) == []


def test_a_transferer_whose_channel_still_lives_is_not_dialled_again() -> None:
    told = Told()
    told(caller("Newchannel", 4), phone("Newchannel", 0), dial(), phone("Newstate", 5), phone("Newstate", 6))
    told(enters(caller()), enters(phone()))
    transfer = {f"transferer{name}": value for name, value in phone("").items()} | {
        f"transferee{name}": value for name, value in caller("").items()
    }
    told({**transfer, "event": "BlindTransfer", "result": "Success", "extension": "1002"})
    assert told(BOOTED, caller(), phone(), END) == []


# ── came meanwhile ───────────────────────────────────────────────────────────


def test_who_came_meanwhile_is_presented_with_what_he_dialled() -> None:
    told = Told()
    assert told(BOOTED, caller(exten="s", context="callbridge-fallback", **CAME)) == [PRESENTED]
    assert told(END, BOOTED, caller(**CAME), END) == []
    assert told(hangup(caller())) == [OutsideEnded(CALL, "completed")]


def test_who_came_meanwhile_and_talks_already() -> None:
    facts = Told()(BOOTED, caller(bridgeid="b", **CAME, **IN_QUEUE), phone(bridgeid="b"), END)
    assert facts == [PRESENTED, ENTERED, RINGING, ANSWERED]


def test_what_came_meanwhile_is_dated_by_what_the_dialplan_noted() -> None:
    talks = {"chanvariable": "CALLBRIDGE_TALKING=1795476540.500"}
    came = {"chanvariable": "CALLBRIDGE_ARRIVED=1795476536.368|+74950000001|trunk1"}
    told = Told()
    told(BOOTED, caller(bridgeid="b", **came, **IN_QUEUE), phone(bridgeid="b", **talks), END)
    moments = {fact: told.made.happened_at(fact) for fact in (PRESENTED, ENTERED, RINGING, ANSWERED)}
    arrived = datetime(2026, 11, 23, 23, 28, 56, 368_000, tzinfo=UTC)
    answered = datetime(2026, 11, 23, 23, 29, 0, 500_000, tzinfo=UTC)
    assert moments == {PRESENTED: arrived, ENTERED: arrived, RINGING: None, ANSWERED: answered}
    told({**caller("QueueCallerJoin"), "queue": "support"})
    assert told.made.happened_at(ENTERED) is None, "the next queue is entered now"


def test_who_keeps_his_number_back_is_not_shown() -> None:
    withheld = {"chanvariable": f"{CAME['chanvariable']}\nCALLBRIDGE_PRESENTATION=withheld"}
    (fact,) = Told()(BOOTED, caller(**withheld), END)
    assert fact == CallerPresented(CALL, None, "", "+74950000001", "trunk1")


@pytest.mark.parametrize("arrived", ["", "x", "||", "1.000|+74950000001|trunk1|more"])
def test_what_the_dialplan_cannot_have_noted_ends_nothing(arrived: str) -> None:
    facts = Told()(BOOTED, caller(chanvariable=f"CALLBRIDGE_ARRIVED={arrived}"), END)
    assert [type(fact) for fact in facts] == ([CallerPresented] if arrived else [])


def test_a_stranger_who_sets_the_variable_is_no_caller() -> None:
    assert Told()(BOOTED, caller(channel="PJSIP/2001-00000001", **CAME), END) == []


# ── native queues ────────────────────────────────────────────────────────────


def test_who_waits_in_a_native_queue_is_known_and_leaving_it_is_abandoned() -> None:
    told = after_restart(outside=True)
    assert told(BOOTED, caller(**CAME, **IN_QUEUE), END) == [ENTERED]
    ends = told(caller("HangupRequest"), hangup(caller()))
    assert ends == [OutsideEnded(CALL, "abandoned")]


def test_a_stranger_in_a_native_queue_is_not_told() -> None:
    assert Told()(BOOTED, caller(**IN_QUEUE), END, caller("QueueCallerJoin", queue="support")) == []


# ── any order that Asterisk can produce ──────────────────────────────────────


def _without_fallback(facts: list[Fact]) -> list[Fact]:
    """That he waits there may be said again."""
    return [fact for fact in facts if not isinstance(fact, FallbackEntered)]


def test_the_list_overtakes_events_that_wait_to_be_sent() -> None:
    """Asterisk answers an action before it goes on with events that have happened already."""
    late = [
        caller("Newchannel", 4),
        caller("QueueCallerJoin", queue="support"),
        phone("Newchannel", 0),
        dial(),
        phone("Newstate", 5),
        phone("Newstate", 6),
        enters(phone()),
        enters(caller()),
    ]
    lists = [BOOTED, caller(bridgeid="b", **CAME, **IN_QUEUE), phone(bridgeid="b"), END]
    for overtaken in range(len(late) + 1):
        told = Told()
        facts = told(*late[:overtaken], *lists, *late[overtaken:])
        assert _without_fallback(facts) == [PRESENTED, RINGING, ANSWERED], overtaken
        assert ENTERED in facts
        assert told(hangup(phone()), hangup(caller())) == [OutsideEnded(CALL, "completed")]


@pytest.mark.parametrize("presented", [True, False])
def test_an_end_between_the_login_and_the_list(presented: bool) -> None:
    told = after_restart(presented=presented, outside=not presented)
    assert told(BOOTED, hangup(caller())) == []
    assert told(END) == [OutsideEnded(CALL, "cancelled")]


def test_asterisk_says_that_it_has_booted_after_the_lists() -> None:
    told = after_restart(outside=True)
    told(BOOTED, caller(bridgeid="b"), phone(bridgeid="b"), END)
    assert told(BOOTED) == []
    assert told(hangup(phone()), hangup(caller())) == [OutsideEnded(CALL, "completed")]


# ── phones.resume ────────────────────────────────────────────────────────────


def dialling(channel: str = "1.9", state: int | str = 6) -> Headers:
    return phone(channel=channel, linkedid=channel, state=state, applicationdata="1002,20")


def remembers(agent_id: str = "1001", *channels: str) -> Remembered:
    return Remembered(taken={AgentId(agent_id): frozenset(map(CallId, channels or ("1.9",)))})


def test_a_phone_that_is_still_taken_is_not_told_again_and_released_once() -> None:
    told = Told(remembered=remembers())
    assert told(BOOTED, dialling(), END) == []
    assert told(hangup(dialling()), hangup(dialling())) == [PhoneTaken(CallId("1.9"), ANNA, False)]


def test_a_phone_that_was_taken_and_is_not_any_more_is_released_by_the_list() -> None:
    told = Told(remembered=remembers("1001", "1.8", "1.9"))
    assert told(BOOTED) == []
    assert told(dialling(), END) == [PhoneTaken(CallId("1.8"), ANNA, False)]


def test_a_phone_that_changed_hands_meanwhile() -> None:
    told = Told(plan(agent("1007", phone="1001"), agent("1001", phone="1009")), remembers())
    facts = told(BOOTED, dialling(), END)
    assert facts == [PhoneTaken(CallId("1.9"), ANNA, False), PhoneTaken(CallId("1.9"), AgentId("1007"), True)]


def test_an_agent_who_is_gone_from_the_plan_is_nobody_to_release() -> None:
    assert Told(plan(agent("1002")), remembers())(BOOTED, END) == []


def test_what_is_followed_already_is_not_replaced_by_what_is_remembered() -> None:
    told = Told(remembered=remembers())
    assert told({**dialling(state=4), "event": "Newchannel"}) == [PhoneTaken(CallId("1.9"), ANNA, True)]
    assert told(BOOTED, dialling(), END) == []
    assert told(hangup(dialling())) == [PhoneTaken(CallId("1.9"), ANNA, False)]
