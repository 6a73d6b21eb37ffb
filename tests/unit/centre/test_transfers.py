"""An agent passes his client on: whatever becomes of it, the client is with somebody, or at his old place."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import LegId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import TransferEnd, TransferKind
from tests.fakes.callers import known
from tests.fakes.world import ANNA, BORIS, SALES, VERA
from tests.unit.centre.talk_scene import (
    TO_BORIS,
    TO_NUMBER,
    TO_SALES,
    TO_SUPERVISOR,
    ends_well,
    hears,
    last,
    passes_on,
    state_of,
    talking,
    wishes,
)

# ── blind ────────────────────────────────────────────────────────────────────


def test_blind_who_passes_on_is_out_at_once_and_the_card_opens_at_the_ring() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    assert hears(world, "client") == {"music"}
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    assert world.rung == [BORIS]
    assert world.cards[BORIS].call == call
    (shown,) = world.cards[BORIS].record.transfers
    assert (shown.by, shown.kind, shown.target) == (ANNA, TransferKind.BLIND, "agent 1002")
    world.talk(BORIS)
    assert hears(world, "client") == {BORIS}
    assert last(world, call) == (TransferKind.BLIND, TransferEnd.COMPLETED)
    record = ends_well(world, call)
    assert (record.agent, record.outcome) == (BORIS, o.Outcome.ANSWERED)
    assert state_of(world, BORIS) is AgentState.WRAP_UP


@pytest.mark.parametrize(
    ("cause", "end"),
    [
        (Cause.USER_BUSY, TransferEnd.BUSY),
        (Cause.NO_ANSWER, TransferEnd.NO_ANSWER),
        (Cause.CALL_REJECTED, TransferEnd.REJECTED),
        (Cause.SUBSCRIBER_ABSENT, TransferEnd.UNREACHABLE),
    ],
)
def test_blind_that_nobody_takes_comes_back_to_who_passed_on(cause: int, end: TransferEnd) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.refuse(BORIS, cause)
    assert world.rung == [ANNA]  # out of his wrap-up: it is his own client
    assert hears(world, "client") == {"music"}
    world.talk(ANNA)
    assert hears(world, "client") == {ANNA}
    assert last(world, call) == (TransferKind.BLIND, end)
    assert world.floor.calls[call].agent == ANNA
    assert ends_well(world, call).transfers[0].to is None


def test_blind_that_nobody_takes_not_even_who_passed_on_waits_at_his_old_place() -> None:
    world, call = talking(VERA)
    later = world.caller("200", "+15550177")
    assert world.floor.calls[later].state is CallState.WAITING
    passes_on(world, Target(TargetKind.AGENT, VERA))
    world.refuse(VERA)
    world.refuse(ANNA)
    assert world.floor.calls[call].state is CallState.WAITING
    world.arrive(BORIS)
    assert world.rung_for(BORIS) == call  # before who came later
    world.talk(BORIS)
    assert last(world, call) == (TransferKind.BLIND, TransferEnd.NO_ANSWER)
    world.hang_up(later)
    assert ends_well(world, call).agent == BORIS


def test_at_his_old_place_one_of_a_higher_priority_goes_before_him_all_the_same() -> None:
    world, call = talking(VERA)
    world.tell(f.PlanLoaded(replace(world.floor.plan, priority_of_tier={"gold": 1})))
    later = world.caller("200", "+15550177")
    world.tell(known(later, "gold"))
    passes_on(world, Target(TargetKind.AGENT, VERA))
    world.refuse(VERA)
    world.refuse(ANNA)
    world.arrive(BORIS)
    assert world.rung_for(BORIS) == later
    assert world.floor.calls[call].state is CallState.WAITING


def test_blind_to_one_who_is_not_free_comes_back_at_once() -> None:
    world, call = talking()
    passes_on(world, TO_BORIS)  # he is not even there
    assert world.rung == [ANNA]
    world.talk(ANNA)
    assert last(world, call) == (TransferKind.BLIND, TransferEnd.BUSY)
    ends_well(world, call)


def test_who_passed_on_and_has_gone_home_meanwhile_is_not_rung() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.tell(f.AgentLoggedOut(ANNA))
    world.refuse(BORIS)
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.rung_for(ANNA) is None
    ends_well(world, call)


def test_blind_to_a_queue_he_waits_there_by_its_rules() -> None:
    world, call = talking()
    passes_on(world, TO_SALES)
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.floor.calls[call].queue == SALES
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    world.arrive(VERA)
    world.talk(VERA)
    assert last(world, call) == (TransferKind.BLIND, TransferEnd.COMPLETED)
    assert hears(world, "client") == {VERA}
    assert ends_well(world, call).queue == SALES


def test_blind_to_a_number_outside() -> None:
    world, call = talking()
    passes_on(world, TO_NUMBER)
    (order,) = world.of(o.RingNumber)
    assert order.endpoint == "PJSIP/+74951112233@lab"
    assert order.caller_number == "200"  # the company's own
    world.answer_outside()
    world.pump()
    assert hears(world, "client") == {"outside"}
    record = ends_well(world, call)
    assert (record.outcome, record.agent) == (o.Outcome.ANSWERED, ANNA)
    assert record.transfers[0].end is TransferEnd.COMPLETED


@pytest.mark.parametrize(
    ("cause", "end"),
    [
        (Cause.USER_BUSY, TransferEnd.BUSY),
        (Cause.CALL_REJECTED, TransferEnd.REJECTED),
        (Cause.UNALLOCATED, TransferEnd.UNREACHABLE),
        (Cause.NORMAL_CLEARING, TransferEnd.NO_ANSWER),
    ],
)
def test_outside_number_that_does_not_answer(cause: Cause, end: TransferEnd) -> None:
    world, call = talking()
    passes_on(world, TO_NUMBER)
    world.tell(f.LegEnded(call, LegId(f"{call}-out-1"), cause))
    world.end_leg(LegId(f"{call}-out-1"))
    world.pump()
    assert world.rung == [ANNA]
    world.talk(ANNA)
    assert [one.end for one in ends_well(world, call).transfers] == [end]


def test_no_transfer_to_where_the_plan_does_not_lead() -> None:
    world, call = talking(BORIS)
    for target in (
        Target(TargetKind.NUMBER, "+88005553535"),
        Target(TargetKind.AGENT, "9999"),
        Target(TargetKind.QUEUE, "nothing"),
        Target(TargetKind.AGENT, ANNA),  # himself
    ):
        passes_on(world, target)
        assert hears(world, "client") == {ANNA}
    assert world.floor.calls[call].transfers == []
    ends_well(world, call)


def test_supervisor_the_first_one_who_is_free() -> None:
    world, call = talking(VERA)  # Boris, the first one, is not there
    passes_on(world, TO_SUPERVISOR)
    assert world.rung == [VERA]
    world.talk(VERA)
    assert world.floor.calls[call].transfers[-1].to == VERA
    ends_well(world, call)


def test_supervisors_who_do_not_answer_are_asked_one_after_another() -> None:
    world, call = talking(BORIS, VERA)
    passes_on(world, TO_SUPERVISOR)
    assert world.rung == [BORIS]
    world.refuse(BORIS)
    assert world.rung == [VERA]
    world.refuse(VERA)
    assert world.rung == [ANNA]
    ends_well(world, call)


# ── attended ─────────────────────────────────────────────────────────────────


def test_attended_they_talk_first_then_the_client_has_him() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    assert hears(world, "client") == {"music"}
    assert hears(world, ANNA) == {"ring"}
    assert world.cards[BORIS].call == call
    world.talk(BORIS)
    assert hears(world, ANNA) == {BORIS}
    assert hears(world, "client") == {"music"}
    wishes(world, f.Wish.COMPLETE)
    assert hears(world, "client") == {BORIS}
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    record = ends_well(world, call)
    (transfer,) = record.transfers
    assert (transfer.kind, transfer.end, transfer.to) == (TransferKind.ATTENDED, TransferEnd.COMPLETED, BORIS)


def test_attended_swap_between_both_and_give_up() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.SWAP)
    assert hears(world, ANNA) == {"client"}
    assert hears(world, BORIS) == {"music"}
    wishes(world, f.Wish.SWAP)
    assert hears(world, ANNA) == {BORIS}
    assert hears(world, "client") == {"music"}
    wishes(world, f.Wish.GIVE_UP)
    assert hears(world, "client") == {ANNA}
    assert state_of(world, BORIS) is AgentState.READY  # who was only consulted has nothing to wrap up
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.GIVEN_UP)
    ends_well(world, call)


def test_attended_given_up_while_it_rings() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    wishes(world, f.Wish.GIVE_UP)
    assert world.rung == []
    assert BORIS not in world.cards
    assert hears(world, "client") == {ANNA}
    assert state_of(world, BORIS) is AgentState.READY
    ends_well(world, call)


@pytest.mark.parametrize("cause", [Cause.USER_BUSY, Cause.NO_ANSWER, Cause.CALL_REJECTED])
def test_attended_that_nobody_answers_the_two_talk_again(cause: int) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.refuse(BORIS, cause)
    assert hears(world, "client") == {ANNA}
    assert hears(world, ANNA) == {"client"}
    ends_well(world, call)


def test_target_hangs_up_while_he_is_consulted() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    world.hang_up(BORIS)
    assert hears(world, "client") == {ANNA}
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.HUNG_UP)
    ends_well(world, call)


@pytest.mark.parametrize("swapped", [False, True])
def test_who_passes_on_hangs_up_in_the_consultation_the_client_has_the_other(swapped: bool) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    if swapped:
        wishes(world, f.Wish.SWAP)
    world.hang_up(ANNA)
    assert hears(world, "client") == {BORIS}
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.COMPLETED)
    ends_well(world, call)


@pytest.mark.parametrize("step", ["ringing", "consulting", "swapped", "alone", "returning"])
def test_client_hangs_up_at_each_step_and_nothing_is_left(step: str) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=step in ("ringing", "consulting", "swapped"))
    if step in ("consulting", "swapped"):
        world.talk(BORIS)
    if step == "swapped":
        wishes(world, f.Wish.SWAP)
    if step == "returning":
        world.refuse(BORIS)
        assert world.rung == [ANNA]
    record = ends_well(world, call)
    assert record.outcome is o.Outcome.ANSWERED
    gone = TransferEnd.NO_ANSWER if step == "returning" else TransferEnd.CLIENT_GONE
    assert record.transfers[-1].end is gone
    world.pass_time(60)
    assert state_of(world, ANNA) is state_of(world, BORIS) is AgentState.READY


def test_attended_to_a_queue_he_who_passes_on_waits_for_its_first_free_agent() -> None:
    world, call = talking()
    passes_on(world, TO_SALES, attended=True)
    assert hears(world, ANNA) == {"ring"}
    world.arrive(VERA)
    assert world.rung == [VERA]
    world.talk(VERA)
    assert hears(world, ANNA) == {VERA}
    wishes(world, f.Wish.COMPLETE)
    assert hears(world, "client") == {VERA}
    assert world.floor.calls[call].transfers[-1].target == "queue sales"
    ends_well(world, call)


# ── blonde ───────────────────────────────────────────────────────────────────


def test_blonde_completed_while_it_still_rings() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    wishes(world, f.Wish.COMPLETE)
    assert world.rung == [BORIS]  # the same ring goes on
    assert len(world.of(o.RingAgent)) == 2
    assert hears(world, "client") == {"music"}
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    world.talk(BORIS)
    assert hears(world, "client") == {BORIS}
    assert last(world, call) == (TransferKind.BLONDE, TransferEnd.COMPLETED)
    ends_well(world, call)


def test_blonde_that_nobody_answers_comes_back() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.hang_up(ANNA)  # who hangs up while it rings has passed him on
    assert last(world, call) == (TransferKind.BLONDE, None)
    world.refuse(BORIS)
    assert world.rung == [ANNA]
    world.talk(ANNA)
    assert hears(world, "client") == {ANNA}
    ends_well(world, call)


def test_blonde_to_a_queue_he_waits_there_himself() -> None:
    world, call = talking()
    passes_on(world, TO_SALES, attended=True)
    wishes(world, f.Wish.COMPLETE)
    assert world.floor.calls[call].state is CallState.WAITING
    world.arrive(VERA)
    world.talk(VERA)
    assert hears(world, "client") == {VERA}
    assert last(world, call) == (TransferKind.BLONDE, TransferEnd.COMPLETED)
    ends_well(world, call)


def test_who_took_him_dies_before_the_media_meet() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.answer_and_die(BORIS)
    assert world.rung == [ANNA]
    assert hears(world, "client") == {"music"}
    world.talk(ANNA)
    ends_well(world, call)
