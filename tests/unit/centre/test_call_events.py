"""What CRMs are told of each kind of call: what, of whom, in which order, and by which name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import CallId, Endpoint, LegId, QueueName, RecordingId, TicketId
from bridge.centre.orders import CallEventKind, TellCrm
from bridge.centre.plan import Strategy, ToNumber, ToQueue, ToVoicemail
from bridge.centre.record import TransferKind
from tests.fakes import crm_events, gap, plans
from tests.fakes.crm_events import told
from tests.fakes.world import ANNA, BORIS, SALES, VERA, World, world_of
from tests.unit.centre import dial_scene
from tests.unit.centre.talk_scene import TO_BORIS, TO_NUMBER, TO_SALES, passes_on, talking, wishes

W = f.Wish
TALKS = [("offered", None), ("ringing", ANNA), ("answered", ANNA)]
OVER = ("ended", None)
OUTSIDE, CLIENT = CallId("outside.1"), "+79161234567"


def events(world: World, kind: CallEventKind) -> list[TellCrm]:
    return [order for order in world.of(TellCrm) if order.kind is kind]


def ends(world: World, call: CallId) -> None:
    world.hang_up(call)
    crm_events.assert_in_order(world, over=[call])


# ── in our application ───────────────────────────────────────────────────────


def test_a_call_by_a_queue() -> None:
    world, call = talking()
    ends(world, call)
    assert told(world, call) == [*TALKS, OVER]
    offered, ringing, answered, ended = world.of(TellCrm)
    leg = f"{call}-agent-1"
    assert [one.event for one in (offered, ringing, answered, ended)] == [
        "offered",
        f"ringing:{leg}",
        f"answered:{leg}",
        "ended",
    ]
    assert (ringing.ringing, answered.ringing) == ((ANNA,), ())
    assert (ringing.answered_by, answered.answered_by, ended.answered_by) == (None, ANNA, ANNA)
    assert ended.record is not None
    assert (ended.record.outcome, ended.cause) == (o.Outcome.ANSWERED, Cause.NORMAL_CLEARING)
    assert offered.at == ended.record.offered_at


def test_of_all_who_ring_one_answers_and_the_others_stop() -> None:
    world = world_of(plans.one_queue(3, strategy=Strategy.RINGALL), *plans.AGENTS[:3])
    call = world.caller()
    a, b, c = plans.AGENTS[:3]
    assert set(events(world, CallEventKind.RINGING)[-1].ringing) == {a, b, c}
    world.talk(b)
    assert told(world, call)[1:] == [
        ("ringing", a),
        ("ringing", b),
        ("ringing", c),
        ("ring_ended", a),
        ("ring_ended", c),
        ("answered", b),
    ]
    assert {one.reason for one in events(world, CallEventKind.RING_ENDED)} == {OfferEnd.ANSWERED_ELSEWHERE}
    ends(world, call)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Cause.NO_ANSWER, OfferEnd.NO_ANSWER),
        (Cause.USER_BUSY, OfferEnd.BUSY),
        (Cause.CALL_REJECTED, OfferEnd.REJECTED),
    ],
)
def test_a_phone_that_does_not_take_it_and_a_client_who_gives_up(cause: Cause, reason: OfferEnd) -> None:
    world = world_of(plans.one_queue(1), plans.AGENTS[0])
    call = world.caller()
    world.refuse(plans.AGENTS[0], cause)
    (ended,) = events(world, CallEventKind.RING_ENDED)
    assert (ended.agent, ended.reason, ended.cause) == (plans.AGENTS[0], reason, cause)
    ends(world, call)
    record = world.of(TellCrm)[-1].record
    assert record is not None
    assert record.outcome is o.Outcome.ABANDONED


def test_who_gives_up_while_it_rings_stops_it() -> None:
    world = world_of(plans.one_queue(1), plans.AGENTS[0])
    call = world.caller()
    ends(world, call)
    assert told(world, call) == [
        ("offered", None),
        ("ringing", plans.AGENTS[0]),
        ("ring_ended", plans.AGENTS[0]),
        OVER,
    ]
    assert events(world, CallEventKind.RING_ENDED)[0].reason is OfferEnd.WITHDRAWN


def test_a_message_left() -> None:
    plan = plans.one_queue(1)
    plan = replace(plan, numbers={"5": ToVoicemail(("callbridge/leave-message",), plans.seconds(60))})
    world = world_of(plan)
    call = world.caller("5")
    ends(world, call)
    assert told(world, call) == [("offered", None), OVER]
    record = world.of(TellCrm)[-1].record
    assert record is not None
    assert record.outcome is o.Outcome.VOICEMAIL


def test_forwarded_to_a_number_it_is_answered_by_nobody_of_ours() -> None:
    plan = plans.one_queue(1)
    out = ToNumber(
        "+74951112233", Endpoint("PJSIP/+74951112233@lab"), plans.seconds(30), ToQueue(plans.COMMON)
    )
    world = world_of(replace(plan, numbers={**plan.numbers, "5": out}))
    call = world.caller("5")
    world.answer_outside()
    world.pump()
    ends(world, call)
    assert told(world, call) == [("offered", None), ("answered", None), OVER]
    assert [one.target for one in events(world, CallEventKind.ANSWERED)] == ["+74951112233"]


# ── passed on ────────────────────────────────────────────────────────────────


def test_blind_he_is_passed_on_before_the_next_phone_rings() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    ends(world, call)
    assert told(world, call) == [
        *TALKS,
        ("transferred", BORIS),
        ("ringing", BORIS),
        ("answered", BORIS),
        OVER,
    ]
    (one,) = events(world, CallEventKind.TRANSFERRED)
    assert (one.event, one.from_agent, one.target, one.transfer) == ("transferred:1", ANNA, BORIS, "blind")


def test_attended_who_is_asked_has_him_only_when_he_is_given_over() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    assert told(world, call) == [*TALKS, ("ringing", BORIS)]
    wishes(world, W.SWAP)
    wishes(world, W.SWAP)
    wishes(world, W.COMPLETE)
    ends(world, call)
    assert told(world, call) == [
        *TALKS,
        ("ringing", BORIS),
        ("transferred", BORIS),
        ("answered", BORIS),
        OVER,
    ]
    assert events(world, CallEventKind.TRANSFERRED)[0].transfer == "attended"


def test_who_was_only_asked_never_had_him() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, W.GIVE_UP)
    ends(world, call)
    assert told(world, call) == [*TALKS, ("ringing", BORIS), ("ring_ended", BORIS), OVER]


def test_a_conference_is_an_answer_and_no_transfer() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, W.CONFERENCE)
    assert told(world, call) == [*TALKS, ("ringing", BORIS), ("answered", BORIS)]


def test_to_a_queue_and_to_a_number() -> None:
    for target, name in ((TO_SALES, SALES), (TO_NUMBER, "+74951112233")):
        world, call = talking()
        passes_on(world, target)
        (one,) = events(world, CallEventKind.TRANSFERRED)
        assert (one.agent, one.from_agent, one.target) == (None, ANNA, name)
        ends(world, call)


def test_nobody_takes_him_and_he_is_with_who_passed_him_on_again() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.refuse(BORIS)
    world.talk(ANNA)
    ends(world, call)
    assert told(world, call)[3:] == [
        ("transferred", BORIS),
        ("ringing", BORIS),
        ("ring_ended", BORIS),
        ("ringing", ANNA),
        ("answered", ANNA),
        OVER,
    ]


# ── to a number ──────────────────────────────────────────────────────────────


def test_a_call_that_an_agent_wished() -> None:
    world, call = dial_scene.outside_rings()
    assert told(world, call) == [("offered", None), ("ringing", ANNA)], "nobody hears the client yet"
    world.answer_outside()
    world.pump()
    ends(world, call)
    assert told(world, call) == [*TALKS, OVER]
    record = world.of(TellCrm)[0].record
    assert record is not None
    assert (record.direction, record.number) == ("out", dial_scene.NUMBER)


def test_a_number_that_is_not_reached() -> None:
    world, call = dial_scene.outside_rings()
    world.end_leg(LegId(call), Cause.USER_BUSY)
    world.pump()
    world.pass_time(30)
    crm_events.assert_in_order(world, over=[call])
    assert told(world, call) == [("offered", None), ("ringing", ANNA), ("ring_ended", ANNA), OVER]
    assert world.of(TellCrm)[-1].cause == Cause.USER_BUSY


# ── told by AMI alone ────────────────────────────────────────────────────────


def outside(*more: f.Fact) -> World:
    world = World().start()
    for agent in (ANNA, BORIS, VERA):
        world.phone(agent)
    world.pump()
    world.tell(f.CallerPresented(OUTSIDE, CLIENT, "", "1001", "lab"))
    assert told(world, OUTSIDE) == [], "it may be anything yet"
    world.tell(f.OutsideRinging(OUTSIDE, ANNA, CLIENT, "", "1001"))
    for fact in more:
        world.pass_time(1)
        world.tell(fact)
    world.tell(f.OutsideEnded(OUTSIDE, "completed"))
    world.pump()
    crm_events.assert_in_order(world, over=[OUTSIDE])
    return world


def test_a_call_to_an_extension() -> None:
    world = outside(f.OutsideAnswered(OUTSIDE, ANNA))
    assert told(world, OUTSIDE) == [*TALKS, OVER]


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("no-answer", OfferEnd.NO_ANSWER),
        ("busy", OfferEnd.BUSY),
        ("rejected", OfferEnd.REJECTED),
        ("answered-elsewhere", OfferEnd.ANSWERED_ELSEWHERE),
        ("cancelled", OfferEnd.WITHDRAWN),
        ("nonsense", OfferEnd.FAILED),
    ],
)
def test_of_a_ring_group_there(reason: str, end: OfferEnd) -> None:
    world = outside(
        f.OutsideRinging(OUTSIDE, BORIS, CLIENT, "", "1001"),
        f.OutsideRingEnded(OUTSIDE, ANNA, reason),
        f.OutsideAnswered(OUTSIDE, BORIS),
    )
    assert told(world, OUTSIDE)[1:-1] == [
        ("ringing", ANNA),
        ("ringing", BORIS),
        ("ring_ended", ANNA),
        ("answered", BORIS),
    ]
    assert events(world, CallEventKind.RING_ENDED)[0].reason is end


def test_passed_on_there() -> None:
    world = outside(
        f.OutsideAnswered(OUTSIDE, ANNA),
        f.OutsideTransferred(OUTSIDE, ANNA, TransferKind.BLIND, "1002"),
        f.OutsideRinging(OUTSIDE, BORIS, CLIENT, "", "1002"),
        f.OutsideAnswered(OUTSIDE, BORIS),
    )
    assert told(world, OUTSIDE) == [
        *TALKS,
        ("transferred", BORIS),
        ("ringing", BORIS),
        ("answered", BORIS),
        OVER,
    ]


def test_from_a_desk_phone() -> None:
    world = World().start()
    world.phone(ANNA)
    world.pump()
    world.tell(f.OutsideDialled(OUTSIDE, LegId("outside.1"), ANNA, CLIENT, "lab"))
    world.tell(f.OutsideAnswered(OUTSIDE, ANNA))
    world.tell(f.OutsideEnded(OUTSIDE, "completed"))
    assert told(world, OUTSIDE) == [("offered", None), ("answered", ANNA), OVER]


def test_colleagues_among_themselves_are_nobodys_clients() -> None:
    world = World().start()
    world.tell(f.OutsideRinging(OUTSIDE, BORIS, "1001", "Anna", "1002"))
    world.tell(f.OutsideAnswered(OUTSIDE, BORIS))
    world.tell(f.OutsideEnded(OUTSIDE, "completed"))
    assert told(world, OUTSIDE) == []


# ── after a gap ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_that_nobody_heard_is_told_as_far_as_it_is_known(answered: bool) -> None:
    world = World().start()
    began = datetime(2026, 11, 29, 10, tzinfo=UTC)
    at = began + timedelta(seconds=5) if answered else None
    queue = QueueName("support")
    agent = ANNA if answered else None
    world.tell(
        f.CallMissed(OUTSIDE, CLIENT, "", "200", "lab", queue, agent, began, at, began + plans.seconds(60))
    )
    world.pump()
    crm_events.assert_in_order(world, over=[OUTSIDE])
    assert told(world, OUTSIDE) == [("offered", None), *([("answered", ANNA)] if answered else []), OVER]
    assert world.of(TellCrm)[0].at == began


def test_given_back_to_the_dialplan_it_ends_when_it_has_hung_up() -> None:
    world, call = talking()
    world.tell(f.OrderFailed(call, "Connect", f.FailureReason.INTERNAL, "", LegId(call)))
    world.pump()
    assert call not in world.floor.calls
    assert OVER not in told(world, call)
    world.floor = gap.recalled(world, gap.checkpoint(world)).floor
    world.hang_up(call)
    assert told(world, call)[-1] == OVER
    assert world.of(TellCrm)[-1].record is None


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_process_that_goes_on_tells_nothing_twice(steps: int) -> None:
    world = world_of(plans.one_queue(1), plans.AGENTS[0])
    call = world.caller()
    acts: list[Callable[[], None]] = [lambda: world.talk(plans.AGENTS[0]), lambda: world.hang_up(call)]
    for act in acts[:steps]:
        act()
    before = told(world, call)
    world.floor = gap.recalled(world, gap.checkpoint(world)).floor
    for act in acts[steps:]:
        act()
    assert told(world, call)[: len(before)] == before
    crm_events.assert_in_order(world, over=[call])


def test_a_recording_is_told_after_the_end() -> None:
    world, call = talking()
    ends(world, call)
    recording = RecordingId(f"{call}-rec-1")
    for _ in range(2):
        world.tell(f.RecordingAttached(call, recording, TicketId(1)))
    (one,) = events(world, CallEventKind.RECORDING_READY)
    assert (one.event, one.recording, one.record) == (f"recording:{recording}", recording, None)
    crm_events.assert_in_order(world, over=[call])
