"""Feature codes: what the phone hears is what has become of the agent, in his language."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.ids import CallId, Endpoint, LegId
from bridge.centre.plan import Plan
from tests.fakes import plans
from tests.fakes.plans import AGENTS, seconds
from tests.fakes.world import World, world_of

A, B = AGENTS[:2]
PHONE = Endpoint("PJSIP/1001")
S, F = AgentState, f.Feature

LOGGED_IN = ("callbridge/agent-logged-in",)
LOGGED_OUT = ("callbridge/agent-logged-out",)
READY = ("callbridge/agent-ready",)
LUNCH = ("callbridge/agent-paused", "callbridge/pause-lunch")
ENDED = ("callbridge/wrap-up-ended",)
EXTENDED = ("callbridge/wrap-up-extended",)
KEPT = ("callbridge/disposition-kept",)
NOT_NOW = ("callbridge/not-possible-now",)
NO_SUCH_CODE = ("callbridge/no-such-code",)


def the_plan(**more) -> Plan:
    plan = plans.one_queue(1, **{"wrap_up": seconds(20), **more})
    agents = {**plan.agents, A: replace(plan.agents[A], language="ru")}
    return replace(
        plan,
        agents=agents,
        language="en",
        pause_reasons={"1": "break", "2": "lunch", "3": "long_training"},
        dispositions={"1": "resolved", "2": "call_again"},
    )


def in_state(state: AgentState, **more) -> World:
    world = world_of(the_plan(**more), A)
    match state:
        case S.LOGGED_OUT:
            world.tell(f.AgentLoggedOut(A))
        case S.PAUSED:
            world.tell(f.AgentPaused(A, "break"))
        case S.RINGING | S.TALKING | S.WRAP_UP:
            world.caller()
            if state is S.TALKING:
                world.talk(A)
            elif state is S.WRAP_UP:
                world.serve(A)
    assert world.floor.agents[A].state is state
    return world


def dial(world: World, feature: f.Feature, argument: str = "", phone: Endpoint = PHONE) -> CallId:
    """Until the phone is hung up."""
    call = world.dial_code(phone, feature, argument)
    world.pump()
    return call


def heard(world: World, call: CallId) -> tuple[str, ...]:
    (sounds,) = world.said(call)
    return sounds


# ── every feature in every state ─────────────────────────────────────────────

# (feature, argument) → state he dials it in → what he hears, and what he is then, once no call holds him.
WHAT_HAPPENS = {
    (F.LOG_IN, ""): {
        S.LOGGED_OUT: (LOGGED_IN, S.READY),
        S.READY: (LOGGED_IN, S.READY),
        S.PAUSED: (LOGGED_IN, S.PAUSED),
        S.WRAP_UP: (LOGGED_IN, S.WRAP_UP),
        S.RINGING: (LOGGED_IN, S.RINGING),
        S.TALKING: (LOGGED_IN, S.TALKING),
    },
    (F.LOG_OUT, ""): {
        S.LOGGED_OUT: (LOGGED_OUT, S.LOGGED_OUT),
        S.READY: (LOGGED_OUT, S.LOGGED_OUT),
        S.PAUSED: (LOGGED_OUT, S.LOGGED_OUT),
        S.WRAP_UP: (LOGGED_OUT, S.LOGGED_OUT),
        S.RINGING: (LOGGED_OUT, S.RINGING),  # when it has stopped
        S.TALKING: (LOGGED_OUT, S.TALKING),
    },
    (F.READY, ""): {
        S.LOGGED_OUT: (READY, S.READY),
        S.READY: (READY, S.READY),
        S.PAUSED: (READY, S.READY),
        S.WRAP_UP: (READY, S.READY),
    },
    (F.PAUSE, "2"): {
        S.READY: (LUNCH, S.PAUSED),
        S.PAUSED: (LUNCH, S.PAUSED),
        S.WRAP_UP: (LUNCH, S.PAUSED),
        S.RINGING: (LUNCH, S.RINGING),
        S.TALKING: (LUNCH, S.TALKING),
    },
    (F.END_WRAP_UP, ""): {
        S.WRAP_UP: (ENDED, S.READY),
        **{s: (NOT_NOW, s) for s in S if s is not S.WRAP_UP},
    },
    (F.EXTEND_WRAP_UP, ""): {
        S.WRAP_UP: (EXTENDED, S.WRAP_UP),
        **{s: (NOT_NOW, s) for s in S if s is not S.WRAP_UP},
    },
    (F.DISPOSITION, "1"): {
        S.WRAP_UP: (KEPT, S.WRAP_UP),
        S.TALKING: (KEPT, S.TALKING),
        **{s: (NOT_NOW, s) for s in (S.LOGGED_OUT, S.READY, S.PAUSED, S.RINGING)},  # no call yet
    },
}
CASES = [
    pytest.param(*code, state, *then, id=f"{code[0].value}-{state.value}")
    for code, by_state in WHAT_HAPPENS.items()
    for state, then in by_state.items()
]


@pytest.mark.parametrize(("feature", "argument", "state", "sounds", "after"), CASES)
def test_what_is_said_is_what_has_become_of_him(
    feature: f.Feature, argument: str, state: AgentState, sounds: tuple[str, ...], after: AgentState
) -> None:
    world = in_state(state)
    call = dial(world, feature, argument)
    assert heard(world, call) == sounds
    assert world.floor.agents[A].state is after


def test_log_out_and_pause_dialled_in_a_talk_come_when_it_is_over() -> None:
    world = in_state(S.TALKING)
    dial(world, F.PAUSE, "2")
    world.hang_up(A)
    assert (world.floor.agents[A].state, world.floor.agents[A].reason) == (S.PAUSED, "lunch")


def test_second_extension_is_refused_and_said_so() -> None:
    world = in_state(S.WRAP_UP)
    assert heard(world, dial(world, F.EXTEND_WRAP_UP)) == EXTENDED
    assert heard(world, dial(world, F.EXTEND_WRAP_UP)) == NOT_NOW


def test_extension_where_the_queue_gives_none_is_refused_and_said_so() -> None:
    world = in_state(S.WRAP_UP, wrap_up_extension=seconds(0))
    assert heard(world, dial(world, F.EXTEND_WRAP_UP)) == NOT_NOW


def test_ready_that_takes_back_a_pause_asked_for_in_the_talk_is_not_called_impossible() -> None:
    world = in_state(S.TALKING, wrap_up=seconds(0))
    dial(world, F.PAUSE, "2")
    call = dial(world, F.READY)
    world.hang_up(A)
    assert world.floor.agents[A].state is S.READY
    assert heard(world, call) != NOT_NOW


def test_end_of_a_wrap_up_rings_the_next_only_when_the_phone_is_hung_up() -> None:
    world = in_state(S.WRAP_UP)
    world.caller()
    world.dial_code(PHONE, F.END_WRAP_UP)
    world.tell(world.ami.popleft())
    world.tell(world.ari.popleft())
    assert world.rung == []
    world.pump()
    assert world.rung == [A]


# ── what was dialled, by whom ────────────────────────────────────────────────


def test_answer_is_in_the_agents_own_language() -> None:
    world = world_of(the_plan(), A, B)
    for phone, language in ((PHONE, "ru"), (Endpoint("PJSIP/1002"), "en")):
        call = dial(world, F.READY, phone=phone)
        assert [order.language for order in world.of(o.Play) if order.call == call] == [language]


@pytest.mark.parametrize(("digit", "sound"), [("1", "pause-break"), ("3", "pause-long-training")])
def test_reason_of_the_pause_is_said_after_the_rest(digit: str, sound: str) -> None:
    world = in_state(S.READY)
    call = dial(world, F.PAUSE, digit)
    assert heard(world, call) == ("callbridge/agent-paused", f"callbridge/{sound}")


@pytest.mark.parametrize("feature", [F.PAUSE, F.DISPOSITION])
@pytest.mark.parametrize("argument", ["", "9", "22", "lunch", "'; --"])
def test_unknown_argument_is_no_such_code_and_changes_nothing(feature: f.Feature, argument: str) -> None:
    world = in_state(S.WRAP_UP)
    call = dial(world, feature, argument)
    assert heard(world, call) == NO_SUCH_CODE
    assert [order.language for order in world.of(o.Play) if order.call == call] == ["ru"]
    assert world.floor.agents[A].state is S.WRAP_UP
    assert world.dispositions == {}


@pytest.mark.parametrize("feature", F)
def test_phone_that_is_nobodys_is_told_so_in_the_plans_language(feature: f.Feature) -> None:
    world = in_state(S.READY)
    call = dial(world, feature, "1", Endpoint("PJSIP/kitchen"))
    assert heard(world, call) == NO_SUCH_CODE
    assert [order.language for order in world.of(o.Play) if order.call == call] == ["en"]
    assert world.floor.agents[A].free
    assert world.floor.errands == {}


def test_code_is_answered_said_and_hung_up() -> None:
    world = in_state(S.READY)
    call = dial(world, F.PAUSE, "2")
    about = [type(order) for order in world.orders if getattr(order, "call", None) == call]
    assert about == [o.Answer, o.Play, o.HangUp, o.ClearCall]
    assert world.living == {}
    assert world.floor.errands == {}


def test_code_is_no_call_so_nothing_is_kept_of_it() -> None:
    world = in_state(S.READY)
    call = dial(world, F.PAUSE, "2")
    assert call not in world.saved
    assert call not in world.tickets
    assert not world.floor.ended


def test_code_that_is_hung_up_in_the_middle_counts_all_the_same() -> None:
    world = in_state(S.READY)
    call = world.dial_code(PHONE, F.PAUSE, "2")
    world.tell(world.ami.popleft())
    world.tell(world.ari.popleft())
    world.ari.clear()  # it is still being said
    world.hang_up_client(call)
    world.pump()
    assert world.floor.agents[A].state is S.PAUSED
    assert world.floor.errands == {}
    world.tell(f.PromptEnded(call, "late"))
    assert world.floor.errands == {}


@pytest.mark.parametrize(
    "reason", [f.FailureReason.REFUSED, f.FailureReason.TIMEOUT, f.FailureReason.LINK_DOWN]
)
def test_answer_that_cannot_be_played_does_not_keep_the_line_open(reason: f.FailureReason) -> None:
    world = in_state(S.READY)
    world.fail_next["Play"] = reason
    call = dial(world, F.PAUSE, "2")
    assert o.HangUp(call, LegId(call)) in world.orders
    assert world.floor.errands == {}
    assert world.floor.agents[A].state is S.PAUSED


def test_channel_that_is_gone_before_it_could_be_answered_leaves_nothing() -> None:
    world = in_state(S.READY)
    call = world.dial_code(PHONE, F.READY)
    world.tell(world.ami.popleft())
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.tell(f.OrderFailed(call, "Answer", f.FailureReason.GONE, "no such channel", LegId(call)))
    world.tell(f.OrderFailed(call, "Play", f.FailureReason.GONE, "no such channel", LegId(call)))
    assert world.floor.errands == {}


# ── dispositions ─────────────────────────────────────────────────────────────


def test_disposition_goes_on_the_last_call_whose_ticket_it_is() -> None:
    world = world_of(the_plan(wrap_up=seconds(0)), A)
    calls = []
    for _ in range(2):
        calls.append(world.caller())
        world.serve(A)
    dial(world, F.DISPOSITION, "2")
    (order,) = world.of(o.SetDisposition)
    assert (order.call, order.agent, order.disposition) == (calls[1], A, "call_again")


def test_later_disposition_replaces_the_earlier_one() -> None:
    world = in_state(S.WRAP_UP)
    dial(world, F.DISPOSITION, "1")
    dial(world, F.DISPOSITION, "2")
    assert list(world.dispositions.values()) == ["call_again"]


def test_disposition_is_not_of_a_call_that_only_rang() -> None:
    world = in_state(S.WRAP_UP)
    world.tell(f.AgentReady(A))
    (talked,) = world.saved
    missed = world.caller()
    world.refuse(A)
    dial(world, F.DISPOSITION, "1")
    assert world.dispositions == {talked: "resolved"}
    assert missed not in world.dispositions


def test_disposition_while_the_next_phone_rings_is_still_of_the_last_call() -> None:
    world = in_state(S.WRAP_UP)
    (talked,) = world.saved
    world.tell(f.AgentReady(A))
    world.caller()
    dial(world, F.DISPOSITION, "1")
    assert world.dispositions == {talked: "resolved"}


def test_phone_does_not_ring_while_it_is_spoken_to_whichever_stream_tells_first() -> None:
    world = in_state(S.PAUSED)
    world.caller()
    call = world.dial_code(PHONE, F.READY)
    world.ami.clear()  # which has not told yet that the phone is taken
    world.pump()
    assert heard(world, call) == READY
    kinds = [type(order) for order in world.orders]
    assert kinds.index(o.HangUp) < kinds.index(o.RingAgent)
    assert world.floor.agents[A].outside == set()
