"""One call's way through the floor: what is ordered, what is saved, whose screen shows what."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, LegId, RecordingId
from tests.fakes.world import ANNA, BORIS, SALES, SUPPORT, World, plan


@pytest.fixture
def world() -> World:
    return World().start()


def of(world: World, kind: type) -> list:
    return [order for order in world.orders if isinstance(order, kind)]


def test_whole_call_through_the_menu(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("100")
    world.pump()
    assert world.floor.calls[call].state is CallState.MENU
    assert of(world, o.Play)[0].sounds == ("callbridge/main-menu",)
    assert of(world, o.Play)[0].language == "ru"

    world.tell(f.DigitReceived(call, LegId(call), "2"))
    assert of(world, o.RingAgent)[0].agent == ANNA
    assert ANNA not in world.cards  # the phone does not ring yet
    world.pump()
    assert world.cards[ANNA].candidates == (7,)
    assert world.cards[ANNA].record.client == 7

    world.answer(ANNA)
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    assert world.bridges[f"{call}-talk"] == {LegId(call), LegId(f"{call}-agent-1")}
    assert [order.recording for order in of(world, o.StartRecording)] == [f"{call}-rec-1"]

    world.hang_up_client(call)
    world.pump()
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    record = world.saved[call]
    assert record.outcome is o.Outcome.ANSWERED
    assert (record.queue, record.agent, record.client) == (SUPPORT, ANNA, 7)
    assert world.tickets.keys() == {call}
    assert world.attached == [f"{call}-rec-1"]
    assert world.floor.agents[ANNA].state is AgentState.WRAP_UP
    world.pass_time(10)
    assert world.floor.agents[ANNA].state is AgentState.READY


def test_ringing_the_agent_is_ordered_before_anything_waits_for_the_callers_music(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    kinds = [type(order) for order in world.orders if getattr(order, "call", None) == call]
    assert o.RingAgent in kinds
    # The ring goes by its own leg's lane: nothing about the client's leg can hold it up.
    assert of(world, o.RingAgent)[0].leg != call


def test_agent_hangs_up_first(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    world.answer(ANNA)
    world.pump()
    world.hang_up_agent(ANNA)
    world.pump()
    assert world.living == {}
    assert world.saved[call].outcome is o.Outcome.ANSWERED


def test_caller_who_hangs_up_while_it_rings_is_abandoned_and_the_phone_stops(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    world.hang_up_client(call)
    world.pump()
    assert of(world, o.CancelRing)[0].reason is o.CancelReason.CALLER_GONE
    assert world.saved[call].outcome is o.Outcome.ABANDONED
    assert ANNA not in world.cards
    assert world.living == {}
    assert world.floor.agents[ANNA].state is AgentState.READY


def test_unanswered_ring_goes_to_the_next_agent_and_the_card_moves(world: World) -> None:
    world.phone(ANNA)
    world.phone(BORIS)
    call = world.call_in("200")
    world.pump()
    first = of(world, o.RingAgent)[0].agent
    world.hang_up_agent(first)
    world.pump()
    second = of(world, o.RingAgent)[1].agent
    assert {first, second} == {ANNA, BORIS}
    assert world.cards.keys() == {second}
    assert world.floor.calls[call].queued_at == world.now


def test_answer_in_the_instant_of_the_withdrawal_is_hung_up(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    ring = f.Timer(f.TimerKind.RING, f"{call}-agent-1")
    world.tell(f.TimerFired(ring))
    world.orders.clear()
    world.tell(f.LegAnswered(call, LegId(f"{call}-agent-1")))
    assert o.HangUp(call, LegId(f"{call}-agent-1"), 26) in world.orders


def test_agent_who_vanishes_between_answer_and_media_leaves_the_client_at_his_place(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    queued_at = world.floor.calls[call].queued_at
    world.answer(ANNA)
    world.tell(world.ari.popleft())  # the answer; the media are being joined
    world.ari.clear()
    world.hang_up_agent(ANNA)
    world.pump()
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.floor.calls[call].queued_at == queued_at
    assert len(world.floor.router.queues[SUPPORT].line) == 1


def test_silence_in_the_menu_repeats_then_goes_to_otherwise(world: World) -> None:
    call = world.call_in("100")
    world.pump()
    world.pass_time(5.1)
    assert world.floor.calls[call].state is CallState.MENU
    world.pass_time(5.1)
    assert world.floor.calls[call].queue == SUPPORT


def test_wrong_digit_is_told_and_the_menu_repeated(world: World) -> None:
    call = world.call_in("100")
    world.pump()
    world.tell(f.DigitReceived(call, LegId(call), "7"))
    assert of(world, o.Play)[-1].sounds == ("callbridge/invalid-option", "callbridge/main-menu")


def test_end_of_an_older_prompt_does_not_start_the_menus_clock(world: World) -> None:
    call = world.call_in("100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    stale = world.ari.popleft()
    world.tell(f.DigitReceived(call, LegId(call), "7"))
    world.ari.clear()
    world.tell(stale)
    assert f.Timer(f.TimerKind.MENU, call) not in world.timers


def test_withheld_number_is_a_verdict_of_its_own_even_if_ami_saw_one(world: World) -> None:
    """A trunk may assert the number while the caller asked for privacy: then nobody is looked up by it."""
    world.phone(ANNA)
    call = world.call_in("200")
    world.ari.clear()
    world.ari.append(f.CallOffered(call, LegId(call), None, "", "200", "lab"))
    world.tell(world.ami.popleft())  # the phone
    world.pump()
    assert world.saved[call].withheld
    assert world.saved[call].verdict is f.Verdict.WITHHELD
    assert world.cards[ANNA].candidates == ()
    assert of(world, o.RingAgent)[0].caller_number == ""


def test_shared_number_is_a_choice_never_the_first(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200", "+79165550000")
    world.pump()
    assert world.cards[ANNA].candidates == (8, 9)
    assert world.saved[call].client is None


def test_slow_directory_does_not_delay_the_ring_and_fills_the_card_later(world: World) -> None:
    world.phone(ANNA)
    world.call_in("200")
    world.pump("ari", "ami")
    assert world.cards[ANNA].candidates == ()
    world.pump("store")
    assert world.cards[ANNA].candidates == (7,)


def unreachable(world: World) -> None:
    """Anna's phone is registered, and yet Asterisk cannot make a channel to it."""
    world.phone(ANNA)
    world.pump()
    call = world.call_in("200")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.ari.clear()
    leg = LegId(f"{call}-agent-1")
    world.legs.pop(leg)
    world.tell(f.OrderFailed(call, "RingAgent", f.FailureReason.UNREACHABLE, "Allocation failed", leg))


def test_unreachable_phone_rests_for_a_while_and_is_then_tried_again(world: World) -> None:
    unreachable(world)
    world.pass_time(59)
    assert len(of(world, o.RingAgent)) == 1
    world.pass_time(2)
    assert len(of(world, o.RingAgent)) == 2


def test_unreachable_phone_that_registers_anew_is_tried_at_once(world: World) -> None:
    unreachable(world)
    for reachable in (False, True):
        world.phone(ANNA, reachable)
    world.pump()
    assert len(of(world, o.RingAgent)) == 2


def test_client_whom_the_dialplan_cannot_take_back_is_hung_up(world: World) -> None:
    call = world.call_in("200")
    world.pump()
    world.tell(f.OrderFailed(call, "EnterWaitingRoom", f.FailureReason.TIMEOUT, "no reply", LegId(call)))
    world.pump()
    world.tell(f.OrderFailed(call, "ToFallback", f.FailureReason.TIMEOUT, "no reply", LegId(call)))
    assert world.orders[-1] == o.HangUp(call, LegId(call), Cause.TEMPORARY_FAILURE)


def test_callers_of_a_queue_or_menu_that_is_not_planned_any_more_are_handed_back(world: World) -> None:
    in_menu, in_queue = world.call_in("100"), world.call_in("300")
    world.pump()
    changed = plan()
    world.tell(f.PlanLoaded(replace(changed, menus={}, queues={SUPPORT: changed.queues[SUPPORT]})))
    world.pump()
    handed = {order.call for order in world.orders if isinstance(order, o.ToFallback)}
    assert handed == {in_menu, in_queue}
    assert world.floor.calls == {}
    assert {world.saved[call].outcome for call in handed} == {o.Outcome.FALLBACK}


def test_call_that_rang_a_phone_in_the_dialplan_first_is_taken_when_it_comes(world: World) -> None:
    world.phone(ANNA)
    world.pump()
    call = world.call_in("200")
    world.tell(world.ami.popleft())
    world.tell(f.OutsideRinging(call, ANNA, "+79161234567", "", "1001"))
    world.tell(f.OutsideRingEnded(call, ANNA, "no-answer"))
    world.pump("ari", "store")
    assert [order.agent for order in of(world, o.RingAgent)] == [ANNA]


def test_look_up_that_fails_before_the_call_comes_is_not_waited_for(world: World) -> None:
    call = world.call_in("200")
    world.tell(world.ami.popleft())
    world.store.clear()
    world.tell(f.OrderFailed(call, "LookUpClient", f.FailureReason.LINK_DOWN, "database is away"))
    world.pump()
    world.hang_up_client(call)
    world.pump()
    assert world.floor.calls == {}


def test_agent_who_did_not_answer_rests_before_he_is_rung_again(world: World) -> None:
    world.phone(ANNA)
    world.call_in("200")
    world.pump()
    world.hang_up_agent(ANNA)
    world.pump()
    assert len(of(world, o.RingAgent)) == 1
    world.pass_time(5)
    assert len(of(world, o.RingAgent)) == 2


def test_failed_connect_gives_the_client_back_to_the_dialplan(world: World) -> None:
    world.phone(ANNA)
    call = world.call_in("200")
    world.pump()
    world.answer(ANNA)
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.tell(f.OrderFailed(call, "Connect", f.FailureReason.TIMEOUT, "no reply", LegId(call)))
    world.pump()
    assert o.ToFallback(call, LegId(call), SUPPORT) in world.orders
    assert world.saved[call].outcome is o.Outcome.FALLBACK
    assert world.living == {}
    assert world.floor.agents[ANNA].state is AgentState.WRAP_UP


def test_prompt_that_cannot_be_played_does_not_hold_the_caller(world: World) -> None:
    call = world.call_in("100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.tell(f.OrderFailed(call, "Play", f.FailureReason.REFUSED, "no such sound", LegId(call)))
    assert f.Timer(f.TimerKind.MENU, call) in world.timers


def test_number_that_nobody_planned_is_refused(world: World) -> None:
    call = world.call_in("999")
    world.pump()
    assert of(world, o.HangUp)[0].cause == Cause.UNALLOCATED
    assert world.saved[call].outcome is o.Outcome.FAILED


def test_longest_wait_ends_with_an_announcement() -> None:
    world = World().start(plan(max_wait=30))
    call = world.call_in("200")
    world.pass_time(31)
    assert of(world, o.Play)[-1].sounds == ("callbridge/no-agents",)
    assert world.floor.calls == {}
    assert world.saved[call].outcome is o.Outcome.TIMED_OUT


def test_recording_that_ends_after_its_call_is_forgotten_is_attached_all_the_same(world: World) -> None:
    world.tell(f.RecordingEnded(CallId("gone.1"), RecordingId("gone.1-rec-1")))
    assert o.AttachRecording(CallId("gone.1"), RecordingId("gone.1-rec-1")) in world.orders


def test_orphaned_agent_leg_is_ended(world: World) -> None:
    leg = LegId("old.1-agent-1")
    world.tell(f.LegAnswered(CallId("old.1"), leg))
    assert o.HangUp(CallId("old.1"), leg) in world.orders


def test_call_outside_the_application_gets_a_card_and_keeps_the_router_away(world: World) -> None:
    world.phone(ANNA)
    world.pump()
    outside = CallId("outside.1")
    world.tell(f.CallerPresented(outside, "+79161234567", "", "200", "lab"))
    world.tell(f.OutsideRinging(outside, ANNA, "+79161234567", "", "1001"))
    world.pump()
    assert world.cards[ANNA].candidates == (7,)
    call = world.call_in("200")
    world.pump()
    assert of(world, o.RingAgent) == []
    world.tell(f.OutsideAnswered(outside, ANNA))
    world.tell(f.OutsideEnded(outside, "completed"))
    world.pump()
    assert world.saved[outside].outcome is o.Outcome.ANSWERED
    assert outside in world.tickets
    assert [order.call for order in of(world, o.RingAgent)] == [call]


def test_outside_caller_who_asks_for_privacy_is_nobody_that_the_number_says(world: World) -> None:
    world.phone(ANNA)
    outside = CallId("outside.1")
    world.tell(f.CallerPresented(outside, "+79161234567", "Иван", "200", "lab"))
    world.pump()
    world.tell(f.OutsideRinging(outside, ANNA, None, "", "1001"))
    world.pump()
    record = world.saved[outside]
    assert (record.number, record.name, record.client, record.withheld) == (None, "", None, True)
    assert record.verdict is f.Verdict.WITHHELD
    assert world.cards[ANNA].candidates == ()


def test_outside_call_that_is_passed_on_frees_the_first_agent(world: World) -> None:
    world.phone(ANNA)
    world.phone(BORIS)
    world.pump()
    outside = CallId("outside.1")
    for agent in (ANNA, BORIS):
        world.tell(f.OutsideRinging(outside, agent, "+79161234567", "", agent))
        world.tell(f.OutsideAnswered(outside, agent))
    assert world.floor.agents[ANNA].free
    assert not world.floor.agents[BORIS].free
    world.tell(f.OutsideEnded(outside, "completed"))
    assert world.floor.agents[BORIS].free


def test_echo_call_leaves_nothing(world: World) -> None:
    echo = CallId("echo.1")
    world.tell(f.CallerPresented(echo, "+79161234567", "", "900", "lab"))
    world.tell(f.OutsideEnded(echo, "completed"))
    world.pump()
    assert world.floor.calls == {}
    assert echo not in world.saved
    assert echo not in world.tickets


def test_plan_change_keeps_who_waits(world: World) -> None:
    call = world.call_in("300")
    world.pump()
    world.tell(f.PlanLoaded(plan(wrap_up=1)))
    assert len(world.floor.router.queues[SALES].line) == 1
    world.phone(BORIS)
    world.pump()
    assert of(world, o.RingAgent)[0].call == call
