"""An agent calls a number outside: his phone first, then the number; nobody is left in silence."""

from dataclasses import replace

import pytest

from bridge.centre import dial_steps as d
from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import LegId
from bridge.centre.plan import Outside, ToQueue
from tests.fakes.world import ANNA, BORIS, SALES, SUPPORT, VERA, world_of
from tests.unit.centre.dial_scene import NUMBER, OURS, dialling, is_over, outside_rings, plan, talking
from tests.unit.centre.talk_scene import (
    TO_BORIS,
    TO_SUPERVISOR,
    ends_well,
    hears,
    passes_on,
    state_of,
    wishes,
)

# ── as it should be ──────────────────────────────────────────────────────────


def test_the_agents_phone_rings_first_with_the_card_and_nothing_outside() -> None:
    world, call = dialling()
    (ring,) = world.of(o.RingAgent)
    assert (ring.agent, ring.caller_number) == (ANNA, NUMBER)
    assert world.of(o.RingNumber) == []
    assert world.cards[ANNA].call == call
    assert world.cards[ANNA].record.number == NUMBER
    assert [(look.number, look.trunk) for look in world.of(o.LookUpClient)] == [(NUMBER, "lab")]
    assert world.tickets == {}


def test_then_the_number_rings_with_the_companys_number_and_the_agent_hears_it() -> None:
    world, call = outside_rings()
    (ring,) = world.of(o.RingNumber)
    assert (ring.endpoint, ring.caller_number) == ("PJSIP/+74951112233@lab", OURS)
    assert ring.originator == f"{call}-agent-1"
    assert world.alone == {LegId(f"{call}-agent-1"): o.RingBack}
    assert state_of(world, ANNA) is AgentState.TALKING
    assert list(world.tickets) == [call]


def test_they_talk_as_in_any_call_with_one_ticket_a_recording_and_a_wrap_up() -> None:
    world, call = talking()
    assert hears(world, ANNA) == {"outside"}
    assert list(world.recording) == [call]
    wishes(world, f.Wish.HOLD)
    assert hears(world, "outside") == {"music"}
    wishes(world, f.Wish.RESUME)
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    assert hears(world, BORIS) == {"outside"}
    record = ends_well(world, call)
    assert (record.outcome, record.agent, record.dialled) == (o.Outcome.ANSWERED, BORIS, OURS)
    assert record.queue is None
    assert len(world.of(o.OpenTicket)) == 1
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    assert state_of(world, BORIS) is AgentState.WRAP_UP


def test_passed_on_to_the_supervisor_of_the_agents_own_department() -> None:
    world, call = talking()
    world.arrive(VERA)
    queues = {
        SALES: replace(plan().queues[SALES], supervisors=(BORIS,)),  # none of Anna's
        SUPPORT: replace(plan().queues[SUPPORT], supervisors=(ANNA, VERA)),
    }
    world.tell(f.PlanLoaded(replace(plan(), queues=queues)))
    passes_on(world, TO_SUPERVISOR)
    assert world.rung == [VERA]
    world.talk(VERA)
    assert hears(world, VERA) == {"outside"}
    assert ends_well(world, call).transfers[0].to == VERA


def test_the_supervisors_of_several_departments_are_asked_in_the_plans_order() -> None:
    world, _ = talking()
    world.arrive(VERA)
    world.tell(f.MemberMoved(ANNA, SALES, 0))
    sales = replace(plan().queues[SALES], supervisors=(VERA, BORIS))
    world.tell(f.PlanLoaded(replace(plan(), queues={SALES: sales, SUPPORT: plan().queues[SUPPORT]})))
    passes_on(world, TO_SUPERVISOR)
    assert world.rung == [VERA]
    world.refuse(VERA)
    assert world.rung == [BORIS]
    world.refuse(BORIS)
    assert world.rung == [ANNA]  # each once


@pytest.mark.parametrize("who", ["agent", "client"])
def test_whoever_hangs_up_first(who: str) -> None:
    world, call = talking()
    record = ends_well(world, call, by=ANNA if who == "agent" else None)
    assert record.outcome is o.Outcome.ANSWERED
    assert state_of(world, ANNA) is AgentState.WRAP_UP


@pytest.mark.parametrize("record", [True, False])
def test_recorded_only_where_the_plan_says_so(*, record: bool) -> None:
    world, call = talking(record=record)
    assert list(world.recording) == ([call] if record else [])


def test_a_plan_that_says_nothing_of_it_does_not_record() -> None:
    assert not Outside("lab", ("+7495",)).record


def test_whom_nobody_takes_goes_where_the_companys_number_leads() -> None:
    world, call = talking()
    passes_on(world, TO_BORIS)
    world.refuse(BORIS)
    world.phone(BORIS, False)
    world.refuse(ANNA)
    one = world.floor.calls[call]
    assert (one.state, one.queue) == (CallState.WAITING, SUPPORT)
    assert isinstance(plan().numbers[OURS], ToQueue)
    assert world.of(o.ToFallback) == []


def test_a_menu_is_not_spoken_over_music() -> None:
    world, call = talking()
    menu = replace(plan(), numbers={**plan().numbers, OURS: plan().numbers["100"]})
    world.tell(f.PlanLoaded(menu))
    passes_on(world, TO_BORIS)
    world.refuse(BORIS)
    assert hears(world, "outside") == {"music"}
    world.phone(BORIS, False)
    world.refuse(ANNA)
    assert world.floor.calls[call].state is CallState.MENU
    assert world.alone == {}
    assert world.said(call) == [("callbridge/main-menu",)]
    assert [play.leg for play in world.of(o.Play)] == [call]
    world.hang_up(call)
    assert world.floor.calls == {}


# ── nothing rings ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", ["+78005553535", "112@evil.example", "", "+7495x"])
def test_a_number_that_is_not_permitted_is_not_called(number: str) -> None:
    world = world_of(plan(), ANNA)
    call = world.wish(ANNA, number)
    world.pump()
    is_over(world, call)
    assert world.of(o.RingAgent) == []


def test_without_a_trunk_nobody_is_called() -> None:
    world = world_of(replace(plan(), outside=None), ANNA)
    call = world.wish(ANNA)
    is_over(world, call)


@pytest.mark.parametrize("fact", [f.AgentPaused(ANNA, "lunch"), f.AgentLoggedOut(ANNA)])
def test_an_agent_who_is_not_free_is_not_rung(fact: f.Fact) -> None:
    world = world_of(plan(), ANNA)
    world.tell(fact)
    call = world.wish(ANNA)
    world.pump()
    assert world.floor.calls == {}
    assert world.saved[call].outcome is o.Outcome.FAILED
    assert world.of(o.RingAgent) == []


def test_an_agent_who_talks_is_not_rung_and_keeps_his_card() -> None:
    world, call = talking()
    world.wish(ANNA)
    world.pump()
    assert list(world.floor.calls) == [call]
    assert world.cards[ANNA].call == call


def test_who_did_not_take_the_last_one_may_call_at_once() -> None:
    world, _ = dialling()
    world.refuse(ANNA)
    assert not world.floor.agents[ANNA].free  # rests
    world.wish(ANNA)
    world.pump()
    assert world.rung == [ANNA]


def test_while_no_phone_can_be_rung_nothing_waits_for_it() -> None:
    world = world_of(plan(), ANNA)
    world.tell(f.LinkDown())
    world.wish(ANNA)
    world.pump()
    assert world.floor.calls == {}


def test_the_same_wish_twice_is_one_call() -> None:
    world, call = dialling()
    world.tell(f.CallWished(call, ANNA, NUMBER))
    assert len(world.of(o.RingAgent)) == 1
    world.refuse(ANNA)
    world.tell(f.CallWished(call, ANNA, NUMBER))
    assert world.floor.calls == {}


# ── nobody answers ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("cause", [Cause.USER_BUSY, Cause.NO_ANSWER, Cause.SUBSCRIBER_ABSENT])
def test_the_agent_does_not_answer(cause: int) -> None:
    world, call = dialling()
    world.refuse(ANNA, cause)
    is_over(world, call)
    assert world.of(o.RingNumber) == []
    assert world.tickets == {}
    assert ANNA not in world.cards


def test_the_agents_phone_cannot_be_rung() -> None:
    world = world_of(plan(), ANNA)
    world.fail_next["RingAgent"] = f.FailureReason.TIMEOUT
    call = world.wish(ANNA)
    world.pump()
    is_over(world, call)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.USER_BUSY, d.BUSY),
        (Cause.CALL_REJECTED, d.BUSY),
        (Cause.NO_ANSWER, d.NO_ANSWER),
        (Cause.NORMAL_CLEARING, d.NO_ANSWER),
        (Cause.UNALLOCATED, d.UNREACHABLE),
        (Cause.CONGESTION, d.UNREACHABLE),
    ],
)
def test_that_the_number_is_not_reached_is_said_to_the_agent(cause: int, words: str) -> None:
    world, call = outside_rings()
    world.end_leg(LegId(call), cause)
    world.tell(world.ari.popleft())
    (play,) = world.of(o.Play)
    assert (play.leg, play.sounds) == (f"{call}-agent-1", (words,))
    assert world.alone == {}  # no tone of a ring beside it
    world.pump()
    record = is_over(world, call)
    assert {leg.id: leg.cause for leg in record.legs}[LegId(call)] == cause
    assert world.recorded == []


def test_the_number_cannot_be_rung() -> None:
    world, call = dialling()
    world.fail_next["RingNumber"] = f.FailureReason.REFUSED
    world.talk(ANNA)
    assert world.said(call) == [(d.UNREACHABLE,)]
    is_over(world, call)


def test_an_end_of_the_ring_outside_that_never_reaches_us() -> None:
    world, call = outside_rings()
    world.legs[LegId(call)].state = "gone"
    world.pass_time(60)
    assert world.said(call) == [(d.NO_ANSWER,)]
    is_over(world, call)


def test_an_end_of_the_agents_ring_that_never_reaches_us() -> None:
    world, call = dialling()
    world.legs[LegId(f"{call}-agent-1")].state = "gone"
    world.pass_time(60)
    is_over(world, call)
