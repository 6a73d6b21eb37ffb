"""A call that no agent takes: what he says into the voice mailbox, and an outside number rung for him."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, Endpoint, LegId, outside_leg_id
from bridge.centre.plan import Destination, Plan, ToHangUp, ToNumber, ToQueue, ToVoicemail
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, seconds
from tests.fakes.world import World, world_of

A = AGENTS[0]
MAILBOX = ToVoicemail(("callbridge/leave-message",), seconds(60))
BACK = ToQueue(COMMON)
OUT = Endpoint("PJSIP/+74951112233@lab")


def leading_to(destination: Destination, **more) -> Plan:
    """Dial 1 for the queue, 5 for the destination."""
    plan = plans.one_queue(1, **more)
    return replace(plan, numbers={**plan.numbers, "5": destination})


# ── voice mailbox ────────────────────────────────────────────────────────────


def mailbox() -> tuple[World, CallId]:
    """Up to the prompt, which has not ended yet."""
    world = world_of(leading_to(MAILBOX))
    call = world.call_in("5", "+15550100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    return world, call


def test_prompt_then_the_tone_then_the_recording() -> None:
    world, call = mailbox()
    assert world.said(call) == [(*MAILBOX.sounds, "beep")]
    assert world.of(o.StartRecording) == []
    world.pump()
    assert [order.leg for order in world.of(o.StartRecording)] == [call]


def test_message_ended_by_the_hash_is_thanked_for_and_hung_up() -> None:
    world, call = mailbox()
    world.pump()
    world.pass_time(10)
    world.press(call, "#")
    assert world.said(call)[-1] == ("callbridge/message-taken",)
    assert_kept(world, call)


def test_message_ended_by_hanging_up_is_kept() -> None:
    world, call = mailbox()
    world.pump()
    world.pass_time(10)
    world.hang_up(call)
    assert_kept(world, call)


def test_message_ends_at_its_time_limit() -> None:
    world, call = mailbox()
    world.pump()
    world.pass_time(59.9)
    assert world.floor.calls[call].state is CallState.VOICEMAIL
    world.pass_time(0.2)
    assert world.said(call)[-1] == ("callbridge/message-taken",)
    assert_kept(world, call)


def assert_kept(world: World, call: CallId) -> None:
    assert world.saved[call].outcome is o.Outcome.VOICEMAIL
    assert call in world.tickets
    assert world.attached == [f"{call}-rec-1"]
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.timers == {}


@pytest.mark.parametrize("digit", ["1", "*", "0"])
def test_other_digits_are_part_of_the_message(digit: str) -> None:
    world, call = mailbox()
    world.pump()
    world.press(call, digit)
    assert world.floor.calls[call].state is CallState.VOICEMAIL


def test_hang_up_before_the_tone_leaves_no_message() -> None:
    world, call = mailbox()
    world.hang_up_client(call)
    world.ari = type(world.ari)(fact for fact in world.ari if isinstance(fact, f.LegEnded))
    world.pump()
    assert world.saved[call].outcome is o.Outcome.IVR
    assert world.attached == []
    assert call in world.tickets


def test_hash_before_the_tone_does_not_end_what_has_not_begun() -> None:
    world, call = mailbox()
    world.tell(f.DigitReceived(call, LegId(call), "#"))
    assert world.floor.calls[call].state is CallState.VOICEMAIL
    world.pump()
    assert world.floor.calls[call].state is CallState.VOICEMAIL


def test_prompt_that_cannot_be_played_does_not_keep_him_from_leaving_a_message() -> None:
    world = world_of(leading_to(MAILBOX))
    world.fail_next["Play"] = f.FailureReason.REFUSED
    call = world.caller("5")
    world.pass_time(5)
    world.hang_up(call)
    assert_kept(world, call)


def test_message_is_recorded_though_the_queue_records_nothing() -> None:
    world = world_of(leading_to(MAILBOX, breakout={"1": MAILBOX}, record=False))
    call = world.caller("1")
    world.press(call, "1")
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.VOICEMAIL
    assert len(world.attached) == 1


def test_voice_mailbox_is_one_for_each_call() -> None:
    world = world_of(leading_to(MAILBOX))
    calls = [world.caller("5") for _ in range(3)]
    world.press(calls[1], "#")
    assert [world.floor.calls[call].state for call in (calls[0], calls[2])] == [CallState.VOICEMAIL] * 2


# ── an outside number ────────────────────────────────────────────────────────


def forwarded(otherwise: Destination = BACK, **more) -> tuple[World, CallId]:
    world = world_of(leading_to(ToNumber("+74951112233", OUT, seconds(15), otherwise), **more))
    call = world.caller("5")
    assert world.floor.calls[call].state is CallState.FORWARDING
    return world, call


def test_number_is_rung_from_the_number_that_was_dialled() -> None:
    world, call = forwarded()
    (ring,) = world.of(o.RingNumber)
    assert (ring.endpoint, ring.ring, ring.caller_number) == (OUT, seconds(15), "5")
    assert ring.originator == call


def test_number_that_answers_has_him() -> None:
    world, call = forwarded()
    world.answer_outside()
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    assert world.bridges[f"{call}-talk"] == {LegId(call), outside_leg_id(call, 1)}
    assert world.saved[call].outcome is o.Outcome.FORWARDED
    world.hang_up(call)
    assert_over(world, call, o.Outcome.FORWARDED)


@pytest.mark.parametrize("answered", [False, True])
def test_who_hangs_up_while_he_is_forwarded_has_not_abandoned_the_queue(answered: bool) -> None:
    """Whether or not the number has answered, as long as the two have not heard each other."""
    to_number = ToNumber("+74951112233", OUT, seconds(15), ToHangUp())
    world = world_of(plans.one_queue(1, max_waiting=0, on_full=to_number))
    call = world.caller()
    assert world.floor.calls[call].state is CallState.FORWARDING
    if answered:
        world.tell(f.LegAnswered(call, outside_leg_id(call, 1)))
        assert world.floor.calls[call].state is CallState.CONNECTING
    world.hang_up(call)
    assert_over(world, call, o.Outcome.TURNED_AWAY)


def test_number_that_hangs_up_first_ends_the_call() -> None:
    world, call = forwarded()
    world.answer_outside()
    world.pump()
    world.end_leg(outside_leg_id(call, 1))
    world.pump()
    assert_over(world, call, o.Outcome.FORWARDED)


def assert_over(world: World, call: CallId, outcome: o.Outcome) -> None:
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    assert world.saved[call].outcome is outcome
    assert all(leg.ended_at is not None for leg in world.saved[call].legs)


@pytest.mark.parametrize(
    "cause", [Cause.NO_ANSWER, Cause.USER_BUSY, Cause.CALL_REJECTED, Cause.CONGESTION, 0]
)
def test_number_that_does_not_answer_leads_on(cause: int) -> None:
    world, call = forwarded()
    world.end_leg(outside_leg_id(call, 1), cause)
    world.pump()
    assert world.floor.calls[call].queue == COMMON
    world.arrive(A)
    assert world.rung_for(A) == call


@pytest.mark.parametrize(
    "reason", [f.FailureReason.UNREACHABLE, f.FailureReason.REFUSED, f.FailureReason.TIMEOUT]
)
def test_order_to_ring_the_number_that_fails_leads_on(reason: f.FailureReason) -> None:
    world = world_of(leading_to(ToNumber("+7495", OUT, seconds(15), ToQueue(COMMON))), A)
    world.fail_next["RingNumber"] = reason
    call = world.caller("5")
    assert world.rung_for(A) == call


def test_number_that_never_tells_its_end_does_not_hold_him_for_ever() -> None:
    """As with agents' phones: the end of a ring may never reach us."""
    world, call = forwarded()
    world.pass_time(600)
    assert world.floor.calls[call].state is CallState.WAITING


def test_client_who_hangs_up_while_the_number_rings_stops_it() -> None:
    world, call = forwarded()
    world.hang_up(call)
    assert_over(world, call, o.Outcome.IVR)


def test_number_that_is_lost_before_the_media_met_leads_on() -> None:
    world, call = forwarded()
    world.answer_outside()
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.end_leg(outside_leg_id(call, 1))
    world.pump()
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.saved[call].outcome is None


def test_number_that_answers_after_the_client_has_gone_is_hung_up() -> None:
    world, call = forwarded()
    world.answer_outside()
    world.hang_up_client(call)
    world.pump()
    assert_over(world, call, o.Outcome.IVR)


def test_number_behind_a_number_is_tried_by_a_leg_of_its_own() -> None:
    second = ToNumber("+7812", Endpoint("PJSIP/+7812@lab"), seconds(15), ToHangUp(("sorry",)))
    world, call = forwarded(second)
    world.end_leg(outside_leg_id(call, 1), Cause.USER_BUSY)
    world.pump()
    assert [ring.leg for ring in world.of(o.RingNumber)] == [
        outside_leg_id(call, 1),
        outside_leg_id(call, 2),
    ]
    world.end_leg(outside_leg_id(call, 2), Cause.USER_BUSY)
    world.pump()
    assert world.said(call)[-1] == ("sorry",)
    assert world.floor.calls == {}


def test_talk_with_an_outside_number_is_recorded_when_it_came_from_a_queue_that_records() -> None:
    number = ToNumber("+7495", OUT, seconds(15), ToHangUp())
    world = world_of(leading_to(number, breakout={"1": number}, record=True))
    call = world.caller("1")
    world.press(call, "1")
    world.answer_outside()
    world.pump()
    assert [order.leg for order in world.of(o.StartRecording)] == [call]


def test_numbers_that_send_their_callers_to_one_another_end() -> None:
    """A plan cannot say this today; a circle would have to be broken all the same."""
    circle: Destination = ToQueue(COMMON)
    for _ in range(30):
        circle = ToNumber("+7495", OUT, seconds(15), circle)
    world = world_of(leading_to(circle))
    call = world.caller("5")
    for n in range(1, 40):
        world.end_leg(outside_leg_id(call, n), Cause.USER_BUSY)
        world.pump()
    assert len(world.of(o.RingNumber)) <= 20
    assert world.floor.calls == {}
