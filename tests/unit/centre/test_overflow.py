"""Where a queue sends a caller whom it did not serve in time, and that no such way is endless."""

from dataclasses import replace

import pytest

from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, Endpoint, MenuName
from bridge.centre.plan import (
    Destination,
    Empty,
    Menu,
    Plan,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, GROUP, seconds
from tests.fakes.world import World, world_of

A, B, C, D, E = AGENTS
GREETING, TICK = ("callbridge/please-wait",), ("callbridge/all-busy",)
NUMBER = ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToHangUp(("sorry",)))
FAR = seconds(3600)
SORRY = ToHangUp(("callbridge/closed",))


# ── max_wait and overflow ────────────────────────────────────────────────────


def overflowing(to: Destination, **more) -> Plan:
    plan = plans.one_queue(1, max_wait=seconds(30), on_timeout=to, **more)
    second = replace(plan.queues[COMMON], name=GROUP, max_wait=None, members=plans.group().members)
    menu = Menu(MenuName("after"), ("callbridge/after",), {"1": ToQueue(GROUP)}, ToHangUp())
    return replace(plan, queues={**plan.queues, GROUP: second}, menus={menu.name: menu})


def timed_out(world: World) -> CallId:
    call = world.call_in("1", "+15550100")
    world.pass_time(29.9)
    assert world.floor.calls[call].queue == COMMON
    assert world.floor.calls[call].state is CallState.WAITING
    world.pass_time(0.2)
    return call


def test_longest_wait_leads_to_another_queue() -> None:
    world = world_of(overflowing(ToQueue(GROUP)))
    call = timed_out(world)
    assert world.floor.calls[call].queue == GROUP
    world.arrive(C)
    assert world.rung_for(C) == call


def test_who_overflows_keeps_his_place_in_the_order_of_coming() -> None:
    plan = overflowing(ToQueue(GROUP))
    world = world_of(replace(plan, numbers={**plan.numbers, "2": ToQueue(GROUP)}))
    old = world.caller()
    world.pass_time(20)
    young = world.caller("2")
    world.pass_time(11)
    assert world.floor.calls[old].queue == GROUP
    world.arrive(C)
    assert [world.serve(C), world.serve(C)] == [old, young]


def test_wait_runs_from_the_first_entry_whatever_queue_he_is_in() -> None:
    world = world_of(overflowing(ToQueue(GROUP)))
    began = world.now
    call = timed_out(world)
    assert world.floor.calls[call].queued_at == began


def test_longest_wait_leads_to_an_agent() -> None:
    world = world_of(overflowing(ToAgent(E, GROUP, seconds(10))), D, E)
    timed_out(world)
    assert world.rung == [E]


def test_longest_wait_leads_to_voicemail() -> None:
    world = world_of(overflowing(ToVoicemail(("leave",))))
    call = timed_out(world)
    assert world.said(call) == [("leave", "beep")]
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.VOICEMAIL


def test_longest_wait_leads_to_an_announcement() -> None:
    world = world_of(overflowing(SORRY))
    call = timed_out(world)
    assert world.said(call) == [SORRY.sounds]
    assert world.saved[call].outcome is o.Outcome.TIMED_OUT
    assert world.living == {}


def test_longest_wait_leads_to_a_number() -> None:
    world = world_of(overflowing(NUMBER))
    call = timed_out(world)
    assert [order.endpoint for order in world.of(o.RingNumber)] == [NUMBER.endpoint]
    world.answer_outside()
    world.pump()
    assert world.saved[call].outcome is o.Outcome.FORWARDED


def test_longest_wait_leads_to_a_menu_and_on() -> None:
    world = world_of(overflowing(ToMenu(MenuName("after"))))
    call = timed_out(world)
    assert world.said(call) == [("callbridge/after",)]
    world.press(call, "1")
    assert world.floor.calls[call].queue == GROUP


def test_longest_wait_ends_while_a_phone_rings_and_the_phone_stops() -> None:
    world = world_of(overflowing(SORRY, ring=FAR), A)
    call = timed_out(world)
    assert world.rung == []
    assert world.floor.agents[A].free
    assert world.saved[call].outcome is o.Outcome.TIMED_OUT


def test_longest_wait_is_the_whole_wait_also_after_an_agent_was_lost() -> None:
    """An answer that came to nothing does not begin his wait anew."""
    world = world_of(overflowing(SORRY, wrap_up=FAR), A)
    call = world.caller()
    world.pass_time(25)
    world.answer_and_die(A)
    assert world.floor.calls[call].state is CallState.WAITING
    world.pass_time(6)
    assert SORRY.sounds in world.said(call)


def test_who_talks_is_not_timed_out() -> None:
    world = world_of(overflowing(SORRY), A)
    call = world.caller()
    world.talk(A)
    world.pass_time(300)
    assert world.floor.calls[call].state is CallState.TALKING


# ── circles ──────────────────────────────────────────────────────────────────


def circle(**fields) -> Plan:
    """Two queues that send their callers to one another."""
    plan = plans.one_queue(1, **fields)
    there = {key: ToQueue(COMMON) for key in fields if key.startswith("on_")}
    second = replace(plan.queues[COMMON], name=GROUP, **there)
    return replace(plan, queues={**plan.queues, GROUP: second})


CIRCLES = {
    "empty": {"refuse_when": Empty.NOBODY_LOGGED_IN, "on_empty": ToQueue(GROUP)},
    "full": {"max_waiting": 0, "on_full": ToQueue(GROUP)},
    "timeout": {"max_wait": seconds(10), "on_timeout": ToQueue(GROUP)},
    "itself": {"max_wait": seconds(10), "on_timeout": ToQueue(COMMON)},
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_circle_of_overflows_ends_and_the_caller_is_told(kind: str) -> None:
    world = world_of(circle(**CIRCLES[kind]))
    call = world.call_in("1")
    world.pass_time(3600)
    assert world.said(call) == [("callbridge/no-agents",)]
    assert world.floor.calls == {}
    assert world.living == {}


@pytest.mark.parametrize(("kind", "outcome"), [("empty", "turned_away"), ("timeout", "timed_out")])
def test_outcome_at_the_end_of_a_circle_is_the_queues_not_the_callers(kind: str, outcome: str) -> None:
    """He did not hang up: we ended the call."""
    world = world_of(circle(**CIRCLES[kind]))
    call = world.call_in("1")
    world.pass_time(3600)
    assert world.saved[call].outcome is o.Outcome(outcome)


def test_outcome_of_a_wait_that_timed_out_is_not_abandoned_when_the_number_behind_it_is_silent() -> None:
    world = world_of(overflowing(NUMBER))
    call = timed_out(world)
    outside = next(leg for leg, one in world.legs.items() if one.number)
    world.end_leg(outside, Cause.NO_ANSWER)
    world.pump()
    assert world.said(call)[-1] == ("sorry",)
    assert world.floor.calls == {}
    assert world.saved[call].outcome is not o.Outcome.ABANDONED


def test_circle_of_menus_ends_by_silence() -> None:
    plan = plans.one_queue(1)
    menus = {
        MenuName(name): Menu(MenuName(name), (name,), {}, ToMenu(MenuName(other)), retries=0)
        for name, other in (("one", "two"), ("two", "one"))
    }
    world = world_of(replace(plan, numbers={"1": ToMenu(MenuName("one"))}, menus=menus))
    world.call_in("1")
    world.pass_time(3600)
    assert world.floor.calls == {}


def test_menu_that_the_caller_walks_round_himself_never_ends() -> None:
    plan = plans.one_queue(1)
    menu = Menu(MenuName("one"), ("one",), {"1": ToMenu(MenuName("one"))}, ToHangUp())
    world = world_of(replace(plan, numbers={"1": ToMenu(menu.name)}, menus={menu.name: menu}))
    call = world.caller()
    for _ in range(50):
        world.press(call, "1")
    assert world.floor.calls[call].state is CallState.MENU


@pytest.mark.parametrize("goes", [ToHangUp(("sorry",)), ToHangUp()], ids=["told", "at_once"])
def test_whom_we_hang_up_after_a_breakout_has_not_abandoned(goes: ToHangUp) -> None:
    """He chose it; an abandoned call is one whose caller hung up first while he waited."""
    world = world_of(plans.one_queue(1, breakout={"1": goes}))
    call = world.caller()
    world.press(call, "1")
    assert world.floor.calls == {}
    assert world.saved[call].outcome is not o.Outcome.ABANDONED


@pytest.mark.parametrize("hangs_up", ["waiting", "greeting"])
def test_who_hangs_up_first_while_he_waits_has_abandoned(hangs_up: str) -> None:
    world = world_of(plans.one_queue(1, greeting=("hello",)))
    call = world.call_in("1")
    world.pump(*(("ami", "ari", "store") if hangs_up == "waiting" else ("ami",)))
    world.hang_up_client(call)
    world.pump()
    assert world.saved[call].outcome is o.Outcome.ABANDONED


def test_caller_who_breaks_out_from_queue_to_queue_himself_is_never_stopped() -> None:
    plan = circle(breakout={"1": ToQueue(GROUP)})
    plan = plans.changed(plan, GROUP, breakout={"1": ToQueue(COMMON)})
    world = world_of(plan)
    call = world.caller()
    for _ in range(50):
        world.press(call, "1")
    assert world.floor.calls[call].state is CallState.WAITING
