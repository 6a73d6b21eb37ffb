"""The client's leg of a call that an agent wished: made before anything rings, and dialled after his answer.

Asterisk makes no channel with whose id that of a living channel begins, and the call's own id is such a one.
"""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, LegId
from bridge.engine.adopt import Reconciled, ask, reconcile, unrung
from tests.fakes import gap
from tests.fakes.world import ANNA, World, world_of
from tests.unit.centre.dial_scene import NUMBER, OURS, dialling, is_over, outside_rings, plan
from tests.unit.centre.talk_scene import hears, state_of


def being_made() -> tuple[World, CallId]:
    """Ordered, and nothing is heard of it yet."""
    world = world_of(plan(), ANNA)
    call = world.wish(ANNA)
    assert [order.leg for order in world.of(o.MakeLeg)] == [call]
    assert world.of(o.RingAgent) == []
    return world, call


def of_media(world: World) -> list[type]:
    kinds = (o.MakeLeg, o.RingAgent, o.RingNumber)
    return [type(order) for order in world.orders if isinstance(order, kinds)]


# ── its order ────────────────────────────────────────────────────────────────


def test_it_is_made_then_his_phone_rings_then_it_is_dialled() -> None:
    world, call = outside_rings()
    assert of_media(world) == [o.MakeLeg, o.RingAgent, o.RingNumber]
    (make,) = world.of(o.MakeLeg)
    assert (make.leg, make.endpoint, make.caller_number) == (call, "PJSIP/+74951112233@lab", OURS)


def test_it_does_not_ring_before_it_is_dialled() -> None:
    world, call = dialling()
    client = world.floor.calls[call].legs[LegId(call)]
    assert (client.ringing_at, client.answered_at, client.ended_at) == (None, None, None)
    world.pass_time(5)
    world.talk(ANNA)
    assert client.created_at < (client.ringing_at or client.created_at)


def test_he_is_kept_for_it_while_it_is_made() -> None:
    world, call = being_made()
    assert state_of(world, ANNA) is AgentState.RINGING
    second = world.wish(ANNA)
    world.pump()
    assert world.saved[second].outcome is o.Outcome.FAILED
    assert world.rung == [ANNA]
    assert list(world.floor.calls) == [call]


def test_that_it_is_made_may_be_told_twice() -> None:
    world, call = dialling()
    world.tell(f.LegMade(call, LegId(call)))
    assert len(world.of(o.RingAgent)) == 1
    world.refuse(ANNA)
    world.tell(f.LegMade(call, LegId(call)))
    is_over(world, call)


# ── it cannot be made ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (f.FailureReason.UNREACHABLE, Cause.NETWORK_OUT_OF_ORDER),
        (f.FailureReason.REFUSED, Cause.TEMPORARY_FAILURE),
        (f.FailureReason.TIMEOUT, Cause.TEMPORARY_FAILURE),
        (f.FailureReason.LINK_DOWN, Cause.TEMPORARY_FAILURE),
    ],
)
def test_then_his_phone_never_rings_and_the_record_tells_why(reason: f.FailureReason, cause: Cause) -> None:
    world = world_of(plan(), ANNA)
    world.fail_next["MakeLeg"] = reason
    call = world.wish(ANNA)
    world.pump()
    record = is_over(world, call)
    assert world.of(o.RingAgent) == []
    assert [(leg.kind, leg.cause) for leg in record.legs] == [(o.LegKind.CLIENT, cause)]
    assert world.cards[ANNA].record.ended_at is not None  # that it did not come about
    assert record.agent == ANNA


def test_what_may_exist_all_the_same_is_ended() -> None:
    world = world_of(plan(), ANNA)
    world.fail_next["MakeLeg"] = f.FailureReason.TIMEOUT
    call = world.wish(ANNA)
    world.pump()
    assert [order.leg for order in world.of(o.CancelRing)] == [call]
    world.tell(f.LegMade(call, LegId(call)))  # it came after all
    assert [order.leg for order in world.of(o.HangUp)] == [call]


# ── it is hung up undialled ──────────────────────────────────────────────────


@pytest.mark.parametrize("cause", [Cause.USER_BUSY, Cause.CALL_REJECTED, Cause.SUBSCRIBER_ABSENT])
def test_when_he_does_not_take_it(cause: Cause) -> None:
    world, call = dialling()
    world.refuse(ANNA, cause)
    record = is_over(world, call)
    client = next(leg for leg in record.legs if leg.kind is o.LegKind.CLIENT)
    assert (client.ringing_at, client.answered_at) == (None, None)
    assert of_media(world) == [o.MakeLeg, o.RingAgent]


def test_when_he_is_not_planned_any_more() -> None:
    world, call = being_made()
    world.tell(f.PlanLoaded(replace(plan(), agents={})))
    world.pump()
    assert (world.floor.calls, world.living) == ({}, {})
    assert world.saved[call].outcome is o.Outcome.FAILED


def test_when_our_own_fault_ends_the_call() -> None:
    world, call = being_made()
    for order in world.floor.give_up(call, world.now):
        world.carry_out(order)
    world.pump()
    assert (world.floor.calls, world.living) == ({}, {})
    assert state_of(world, ANNA) is AgentState.READY


def test_its_end_before_he_answers_ends_his_ring() -> None:
    world, call = dialling()
    world.end_leg(LegId(call), Cause.CONGESTION)
    world.pump()
    is_over(world, call)
    assert world.said(call) == []
    assert world.cards[ANNA].record.ended_at is not None


def test_its_end_before_it_is_told_that_it_is_made() -> None:
    world, call = being_made()
    world.ari.clear()
    world.end_leg(LegId(call), Cause.CONGESTION)
    world.pump()
    is_over(world, call)
    assert world.of(o.RingAgent) == []


# ── a gap ────────────────────────────────────────────────────────────────────


def after_a_gap(world: World) -> World:
    return gap.killed(world, gap.checkpoint(world))


def test_killed_before_it_was_made_it_is_made_once_more() -> None:
    world, call = being_made()
    world.legs.pop(LegId(call))
    world = after_a_gap(world)
    gap.linked(world, {})
    assert of_media(world) == [o.MakeLeg, o.MakeLeg, o.RingAgent]
    assert world.rung == [ANNA]


def test_killed_before_it_was_made_and_the_number_is_forbidden_meanwhile() -> None:
    world, call = being_made()
    world.legs.pop(LegId(call))
    world = after_a_gap(world)
    world.tell(f.PlanLoaded(replace(plan(), outside=None)))
    gap.linked(world, {})
    is_over(world, call)


def test_killed_before_it_was_told_his_phone_rings() -> None:
    world, _ = being_made()
    world = after_a_gap(world)
    gap.linked(world, {})
    assert of_media(world) == [o.MakeLeg, o.RingAgent]
    world.talk(ANNA)
    world.answer_outside()
    world.pump()
    assert hears(world, ANNA) == {"outside"}


def test_killed_while_his_phone_rings_it_waits_on_undialled_and_unanswered() -> None:
    world, call = dialling()
    world = after_a_gap(world)
    gap.linked(world, {})
    assert of_media(world) == [o.MakeLeg, o.RingAgent]
    assert world.of(o.Answer) == []
    assert world.legs[LegId(call)].state == "made"
    world.talk(ANNA)
    assert world.legs[LegId(call)].state == "ringing"


def test_killed_before_his_phone_rang_it_rings() -> None:
    world, call = dialling()
    world.legs.pop(LegId(f"{call}-agent-1"))
    world = after_a_gap(world)
    gap.linked(world, {})
    assert world.rung == [ANNA]
    world.talk(ANNA)
    assert [order.originator for order in world.of(o.RingNumber)] == [f"{call}-agent-2"]


def test_it_is_gone_while_his_phone_rings() -> None:
    """It cannot be made again, for his leg lives."""
    world, call = dialling()
    world = after_a_gap(world)
    world.end_leg(LegId(call))
    world.ari.clear()
    gap.linked(world, {})
    is_over(world, call)
    assert len(world.of(o.MakeLeg)) == 1


def test_undialled_nobody_waits_for_it_to_ring() -> None:
    world, call = dialling()
    found = reconcile(world.floor, ask(world.floor), gap.survey_of(world, {}), {}, world.now)
    assert found.silent == frozenset()
    assert unrung(world.floor, {LegId(call)}, {LegId(call): "Down"}) == Reconciled((), ())


def test_that_may_have_been_dialled_and_does_not_ring_is_ended_and_he_is_told() -> None:
    """A second dial would end one that was dialled and has not rung yet."""
    world, call = dialling()
    world.answer(ANNA)
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.legs[LegId(call)].state = "made"
    survey = gap.survey_of(world, {})
    found = reconcile(world.floor, ask(world.floor), survey, {}, world.now)
    assert found.silent == {call}
    lost = unrung(world.floor, found.silent, survey.legs)
    assert lost.orders == (o.HangUp(call, LegId(call)),)
    for told in lost.facts:
        world.tell(told.fact)
    for order in lost.orders:
        world.carry_out(order)
    assert len(world.said(call)) == 1
    world.pump()
    is_over(world, call)
    assert len(world.of(o.RingNumber)) == 1


def test_its_record_is_kept_before_anything_is_made_and_at_once() -> None:
    world, call = being_made()
    (saved,) = world.of(o.SaveCall)
    assert (saved.call, saved.record.number, saved.record.legs, saved.awaited) == (call, NUMBER, (), True)
    assert world.floor.calls[call].state is CallState.DIALLING
