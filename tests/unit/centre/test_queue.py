"""A queue and who waits in it: breakout digits, who may come in, who may stay, wrap-up."""

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.ids import CallId, Endpoint, LegId
from bridge.centre.plan import (
    Empty,
    Strategy,
    ToHangUp,
    ToNumber,
    ToVoicemail,
)
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, seconds
from tests.fakes.world import World, world_of

A, B, C, D, E = AGENTS
GREETING, TICK = ("callbridge/please-wait",), ("callbridge/all-busy",)
NUMBER = ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToHangUp(("sorry",)))
FAR = seconds(3600)


# ── breakout ─────────────────────────────────────────────────────────────────


def test_breakout_digit_leads_where_the_queue_lets_him_go() -> None:
    world = world_of(plans.one_queue(1, breakout={"1": NUMBER}))
    call = world.caller()
    world.press(call, "1")
    assert world.floor.calls[call].state is CallState.FORWARDING
    assert world.floor.router.queue_of == {}


def test_breakout_while_a_phone_rings_stops_the_phone() -> None:
    world = world_of(plans.one_queue(1, breakout={"1": ToVoicemail(("leave",))}), A)
    call = world.caller()
    world.press(call, "1")
    assert world.rung == []
    assert world.floor.agents[A].free
    assert world.floor.calls[call].state is CallState.VOICEMAIL


@pytest.mark.parametrize("digit", ["2", "#", "*", "0"])
def test_digit_that_leads_nowhere_leaves_him_in_his_place(digit: str) -> None:
    world = world_of(plans.one_queue(1, breakout={"1": NUMBER}))
    calls = [world.caller(), world.caller()]
    world.press(calls[0], digit)
    world.arrive(A)
    assert world.rung_for(A) == calls[0]


def test_agents_digit_is_no_breakout() -> None:
    world = world_of(plans.one_queue(1, breakout={"1": NUMBER}), A)
    call = world.caller()
    world.tell(f.DigitReceived(call, LegId(f"{call}-agent-1"), "1"))
    assert world.floor.calls[call].state is CallState.WAITING


# ── refuse_when, leave_when ──────────────────────────────────────────────────

SORRY = ToHangUp(("callbridge/closed",))
STATES = ("nobody", "all_paused", "all_busy", "free")
EMPTY_IN = {
    Empty.NEVER: (),
    Empty.NOBODY_LOGGED_IN: ("nobody",),
    Empty.NOBODY_READY: ("nobody", "all_paused"),
}


def bring_into(world: World, how: str) -> None:
    """The queue's only agent."""
    if how == "nobody":
        world.tell(f.AgentLoggedOut(A))
    elif how == "all_paused":
        world.tell(f.AgentPaused(A, "lunch"))
    elif how == "all_busy":
        world.tell(f.PhoneTaken(CallId("private"), A, True))
    world.pump()


@pytest.mark.parametrize("how", STATES)
@pytest.mark.parametrize("when", Empty)
def test_refuse_when_decides_who_may_come_in(when: Empty, how: str) -> None:
    world = world_of(plans.one_queue(1, refuse_when=when, on_empty=SORRY), A)
    bring_into(world, how)
    call = world.call_in("1")
    world.pump()
    refused = how in EMPTY_IN[when]
    assert (SORRY.sounds in world.said(call)) is refused
    if refused:
        assert world.saved[call].outcome is o.Outcome.TURNED_AWAY
        assert world.floor.calls == {}
    else:
        assert world.floor.calls[call].state is CallState.WAITING


@pytest.mark.parametrize("how", ["nobody", "all_paused", "all_busy"])
@pytest.mark.parametrize("when", Empty)
def test_leave_when_decides_who_may_stay(when: Empty, how: str) -> None:
    world = world_of(plans.one_queue(1, leave_when=when, on_empty=SORRY), A)
    world.caller()
    world.talk(A)  # who waits is a second one
    call = world.caller()
    if how == "nobody":
        world.tell(f.AgentLoggedOut(A))
    elif how == "all_paused":
        world.tell(f.AgentPaused(A, "lunch"))
    else:
        world.tell(f.PhoneTaken(CallId("private"), A, True))
    assert world.floor.calls[call].state is CallState.WAITING
    world.hang_up(A)
    left = how in EMPTY_IN[when]
    assert (SORRY.sounds in world.said(call)) is left
    assert (call in world.floor.calls) is not left
    if left:
        assert world.saved[call].outcome is o.Outcome.TURNED_AWAY


@pytest.mark.parametrize("when", [Empty.NOBODY_LOGGED_IN, Empty.NOBODY_READY])
def test_leave_when_counts_also_for_who_was_let_in_when_it_was_empty_already(when: Empty) -> None:
    world = world_of(plans.one_queue(1, leave_when=when, on_empty=SORRY))
    call = world.call_in("1")
    world.pump()
    assert SORRY.sounds in world.said(call)


def test_wrapping_up_is_being_there() -> None:
    plan = plans.one_queue(1, refuse_when=Empty.NOBODY_READY, on_empty=SORRY, wrap_up=seconds(30))
    world = world_of(plan, A)
    world.caller()
    world.serve(A)
    assert world.floor.calls[world.caller()].state is CallState.WAITING


def test_whom_a_phone_rings_for_is_not_sent_away_but_when_it_is_not_answered_in_an_empty_queue() -> None:
    world = world_of(plans.one_queue(1, leave_when=Empty.NOBODY_LOGGED_IN, on_empty=SORRY), A)
    call = world.caller()
    world.tell(f.MemberMoved(A, COMMON, None))
    assert world.rung_for(A) == call
    world.refuse(A)
    assert SORRY.sounds in world.said(call)


# ── max_waiting ──────────────────────────────────────────────────────────────


def test_line_that_is_full_turns_away_and_lets_in_again_when_there_is_room() -> None:
    full = ToHangUp(("callbridge/queue-full",))
    world = world_of(plans.one_queue(1, max_waiting=2, on_full=full))
    first, _, third = world.caller(), world.caller(), world.call_in("1")
    world.pump()
    assert full.sounds in world.said(third)
    assert world.saved[third].outcome is o.Outcome.TURNED_AWAY
    world.hang_up(first)
    assert world.floor.calls[world.caller()].state is CallState.WAITING


def test_who_talks_does_not_wait() -> None:
    world = world_of(plans.one_queue(1, max_waiting=1), A)
    world.caller()
    world.talk(A)
    assert world.floor.calls[world.caller()].state is CallState.WAITING


# ── wrap-up ──────────────────────────────────────────────────────────────────


def wrapping_up(**more) -> World:
    fields = {"wrap_up": seconds(20), "wrap_up_extension": seconds(30), **more}
    world = world_of(plans.one_queue(1, strategy=Strategy.LINEAR, **fields), A)
    world.caller()
    world.serve(A)
    world.caller()
    return world


def test_wrap_up_ends_by_itself_at_its_limit_and_calls_resume() -> None:
    world = wrapping_up()
    world.pass_time(19.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


def test_wrap_up_may_be_ended_early() -> None:
    world = wrapping_up()
    world.pass_time(3)
    world.tell(f.WrapUpEnded(A))
    assert world.rung == [A]
    world.talk(A)
    world.pass_time(60)  # the first wrap-up's timer does not come back
    assert world.floor.agents[A].state is AgentState.TALKING


def test_wrap_up_may_be_extended_exactly_once_from_the_end_that_it_has() -> None:
    world = wrapping_up()
    world.pass_time(5)
    world.tell(f.WrapUpExtended(A))
    world.tell(f.WrapUpExtended(A))
    world.pass_time(44.9)  # 20 + 30 in all
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


def test_each_wrap_up_has_its_own_extension() -> None:
    world = wrapping_up()
    world.tell(f.WrapUpExtended(A))
    world.pass_time(50)
    world.serve(A)
    world.caller()
    world.tell(f.WrapUpExtended(A))
    world.pass_time(49.9)
    assert world.rung == []


def test_queue_without_an_extension_gives_none() -> None:
    world = wrapping_up(wrap_up_extension=seconds(0))
    world.tell(f.WrapUpExtended(A))
    world.pass_time(20.1)
    assert world.rung == [A]


def test_queue_without_wrap_up_rings_the_next_at_once() -> None:
    assert wrapping_up(wrap_up=seconds(0)).rung == [A]


@pytest.mark.parametrize("word", [f.AgentReady(A), f.AgentLoggedOut(A), f.AgentPaused(A, "lunch")])
def test_word_of_the_agent_in_his_wrap_up_counts_at_once(word: f.Fact) -> None:
    world = wrapping_up()
    world.tell(word)
    assert world.floor.agents[A].state is not AgentState.WRAP_UP
    assert world.timers.keys().isdisjoint({f.Timer(f.TimerKind.WRAP_UP, A)})
