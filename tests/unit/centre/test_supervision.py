"""A supervisor beside an agent: who hears whom, in every way of it, whatever happens to the call."""

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import Doing, TransferKind
from tests.fakes.world import ANNA, BORIS, SALES, SUPPORT, VERA, World
from tests.unit.centre.talk_scene import TO_BORIS, did, ends_well, hears, passes_on, talking, wishes

W = f.Supervise
# how → who hears whom: client, agent, supervisor
TABLE = {
    W.LISTEN: ({ANNA}, {"client"}, {"client", ANNA}),
    W.WHISPER: ({ANNA}, {"client", VERA}, {"client", ANNA}),
    W.BARGE: ({ANNA, VERA}, {"client", VERA}, {"client", ANNA}),
}


def supervises(
    world: World, how: W, *, agent: AgentId = ANNA, by: AgentId = VERA, trainee: AgentId | None = None
) -> None:
    world.tell(f.SupervisionWished(by, agent, how, "vera", trainee))
    world.pump()


def watched(how: W = W.LISTEN, *also: AgentId) -> tuple[World, CallId]:
    world, call = talking(VERA, *also)
    supervises(world, how)
    world.talk(VERA)
    return world, call


def table(world: World) -> tuple[set[str], set[str], set[str]]:
    return hears(world, "client"), hears(world, ANNA), hears(world, VERA)


@pytest.mark.parametrize("how", TABLE)
def test_who_hears_whom(how: W) -> None:
    world, call = watched(how)
    assert table(world) == TABLE[how]
    assert world.audit == [("vera", how.value, ANNA)]
    ends_well(world, call)
    assert world.floor.agents[VERA].state is AgentState.READY
    assert world.floor.agents[VERA].outside == set()


@pytest.mark.parametrize("after", TABLE)
@pytest.mark.parametrize("before", TABLE)
def test_every_switch_on_one_leg(before: W, after: W) -> None:
    world, _ = watched(before)
    rings = len(world.of(o.RingAgent))
    supervises(world, after)
    assert table(world) == TABLE[after]
    assert len(world.of(o.RingAgent)) == rings
    assert len(world.audit) == (1 if before is after else 2)


@pytest.mark.parametrize(("digit", "how"), [("4", W.LISTEN), ("5", W.WHISPER), ("6", W.BARGE)])
def test_from_a_desk_phone_by_code_and_digits(digit: str, how: W) -> None:
    world, call = talking(VERA)
    line = world.dial_code(Endpoint(f"PJSIP/{VERA}"), f.Feature.SUPERVISE, ANNA)
    world.pump()
    leg = LegId(line)
    assert world.whom_it_hears(leg) == {LegId(call), LegId(f"{call}-agent-1")}
    world.press(line, digit)
    assert world.floor.calls[call].watches[leg].how is how
    assert world.audit[0] == (f"agent {VERA}", "listen", ANNA)
    world.press(line, "1")  # means nothing
    assert world.floor.calls[call].watches[leg].how is how
    world.hang_up(line)
    assert hears(world, ANNA) == {"client"}
    assert world.floor.calls[call].watches == {}
    assert world.floor.lines == {}
    assert world.floor.agents[VERA].free
    ends_well(world, call)


@pytest.mark.parametrize("argument", [BORIS, "9999", ""])
def test_code_for_whom_he_may_not_or_cannot_supervise(argument: str) -> None:
    world, call = talking(VERA)
    line = world.dial_code(Endpoint(f"PJSIP/{VERA}"), f.Feature.SUPERVISE, argument)
    world.pump()
    assert world.said(line) == [("callbridge/not-possible-now",)]
    assert world.floor.calls[call].watches == {}


def test_only_over_agents_of_his_own_groups() -> None:
    world, call = talking(VERA, BORIS)
    world.tell(f.SupervisionWished(ANNA, ANNA, W.LISTEN, "anna"))  # she supervises nobody
    world.tell(f.SupervisionWished(AgentId("9999"), ANNA, W.LISTEN, "nobody"))
    world.pump()
    assert world.floor.calls[call].watches == {}
    assert world.audit == []


def test_take_over_makes_the_client_his() -> None:
    world, call = watched()
    supervises(world, W.TAKE_OVER)
    assert hears(world, "client") == {VERA}
    assert hears(world, VERA) == {"client"}
    assert world.floor.agents[ANNA].state is AgentState.WRAP_UP
    assert (world.floor.agents[VERA].state, world.floor.agents[VERA].call) == (AgentState.TALKING, call)
    assert world.cards[VERA].call == call
    wishes(world, f.Wish.HOLD, by=VERA)
    assert hears(world, "client") == {"music"}
    record = ends_well(world, call)
    assert record.agent == VERA
    assert [(one.kind, one.by, one.to) for one in record.transfers] == [(TransferKind.TAKE_OVER, VERA, VERA)]
    assert [entry[1] for entry in world.audit] == ["listen", "take_over"]


def test_take_over_while_the_agent_consults_gives_the_consultation_up() -> None:
    world, call = watched(W.LISTEN, BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    supervises(world, W.TAKE_OVER)
    assert hears(world, "client") == {VERA}
    assert world.floor.agents[BORIS].free
    ends_well(world, call)


def test_a_paused_supervisor_is_paused_again_afterwards() -> None:
    world, call = talking(VERA)
    world.tell(f.AgentPaused(VERA, "meeting"))
    supervises(world, W.LISTEN)
    world.talk(VERA)
    supervises(world, W.TAKE_OVER)
    ends_well(world, call)
    assert (world.floor.agents[VERA].state, world.floor.agents[VERA].reason) == (AgentState.PAUSED, "meeting")


def test_he_hears_the_consultation_and_follows_the_client_to_the_next_agent() -> None:
    world, call = watched(W.WHISPER, BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    assert hears(world, VERA) == {ANNA, BORIS}
    assert hears(world, ANNA) == {BORIS, VERA}
    wishes(world, f.Wish.COMPLETE)
    assert hears(world, VERA) == {"client", BORIS}
    assert hears(world, BORIS) == {"client", VERA}
    assert world.audit[-1] == ("vera", "whisper", BORIS)
    ends_well(world, call)


def test_while_nobody_has_the_client_he_hears_music() -> None:
    world, call = watched(W.BARGE, BORIS)
    passes_on(world, TO_BORIS)
    assert hears(world, VERA) == {"music"}
    assert hears(world, "client") == {"music"}
    world.talk(BORIS)
    assert hears(world, VERA) == {"client", BORIS}
    assert hears(world, "client") == {VERA, BORIS}
    ends_well(world, call)


def test_it_ends_where_the_client_goes_to_somebody_who_is_none_of_his() -> None:
    world, call = talking(BORIS)
    world.tell(f.MemberMoved(VERA, SALES, None))  # nobody's agent now
    world.arrive(VERA)
    supervises(world, W.LISTEN, by=BORIS)
    world.talk(BORIS)
    passes_on(world, Target(TargetKind.AGENT, VERA))
    world.talk(VERA)
    assert world.floor.calls[call].watches == {}
    assert hears(world, "client") == {VERA}
    assert world.floor.agents[BORIS].free
    ends_well(world, call)


def test_whisper_to_an_agent_whose_client_is_on_hold() -> None:
    world, call = watched(W.WHISPER)
    wishes(world, f.Wish.HOLD)
    assert hears(world, ANNA) == {VERA}
    assert hears(world, VERA) == {ANNA}
    assert hears(world, "client") == {"music"}
    world.pass_time(3)
    world.orders.clear()
    wishes(world, f.Wish.RESUME)
    # He is out of her room before the client comes back to it.
    assert [type(order) for order in world.orders if isinstance(order, o.Watch | o.Join)] == [o.Watch, o.Join]
    assert table(world) == TABLE[W.WHISPER]
    record = ends_well(world, call)
    assert {one.agent for one in record.segments} == {ANNA}


def test_two_supervisors_beside_one_agent() -> None:
    world, call = watched(W.WHISPER, BORIS)
    supervises(world, W.BARGE, by=BORIS)
    world.talk(BORIS)
    assert hears(world, "client") == {ANNA, BORIS}
    assert hears(world, ANNA) == {"client", BORIS, VERA}
    assert hears(world, VERA) == {"client", ANNA, BORIS}
    world.hang_up(BORIS)
    assert table(world) == TABLE[W.WHISPER]
    supervises(world, W.LEAVE)
    assert hears(world, ANNA) == {"client"}
    assert world.audit[-1] == ("vera", "leave", ANNA)
    ends_well(world, call)


def test_trainee_is_let_in_to_listen_and_to_nothing_else() -> None:
    world, call = talking(VERA, BORIS)
    supervises(world, W.BARGE, trainee=BORIS)
    world.talk(BORIS)
    assert hears(world, BORIS) == {"client", ANNA}
    assert hears(world, ANNA) == {"client"}
    for how in (W.BARGE, W.TAKE_OVER):
        supervises(world, how, trainee=BORIS)
        assert hears(world, ANNA) == {"client"}
    assert world.audit == [("vera", "listen", ANNA)]
    supervises(world, W.LEAVE, trainee=BORIS)
    assert world.floor.calls[call].watches == {}
    ends_well(world, call)


@pytest.mark.parametrize("how", TABLE)
def test_supervisors_phone_dies(how: W) -> None:
    world, call = watched(how)
    world.hang_up(VERA)
    assert hears(world, "client") == {ANNA}
    assert hears(world, ANNA) == {"client"}
    assert world.floor.agents[VERA].free
    assert world.audit[-1][1] == "leave"
    ends_well(world, call)


def test_he_does_not_answer() -> None:
    world, call = talking(VERA)
    supervises(world, W.LISTEN)
    world.refuse(VERA)
    assert world.floor.calls[call].watches == {}
    assert world.floor.agents[VERA].free
    assert world.audit == []
    ends_well(world, call)


def test_end_of_his_ring_is_never_told() -> None:
    world, call = talking(VERA)
    supervises(world, W.LISTEN)
    world.ari.clear()
    world.pass_time(31)
    assert world.floor.calls[call].watches == {}
    assert world.floor.agents[VERA].free


def test_his_phone_is_not_rung_for_a_caller_meanwhile() -> None:
    world, _ = watched()
    world.caller("300")
    assert world.rung == []
    supervises(world, W.LEAVE)
    assert world.rung == [VERA]


def test_who_has_a_call_himself_is_not_rung() -> None:
    world, call = talking(VERA)
    world.caller("300")
    world.talk(VERA)
    supervises(world, W.LISTEN)
    assert world.floor.calls[call].watches == {}


def test_whoever_takes_over_from_a_desk_phone_is_on_the_recording() -> None:
    """His line is none that we made; it comes into the call's Conversation as any other."""
    world, call = talking(VERA)
    line = world.dial_code(Endpoint(f"PJSIP/{VERA}"), f.Feature.SUPERVISE, ANNA)
    world.pump()
    anew = []
    for digit in "69":
        world.press(line, digit)
        world.pump()
        anew.append(sum(order.anew for order in world.of(o.StartRecording)))
    assert anew == [1, 2]
    assert world.whom_it_hears(LegId(call)) == {LegId(line)}
    world.hang_up(line)
    assert world.floor.calls == {}


def test_client_hangs_up_and_he_is_let_go() -> None:
    world, call = watched(W.BARGE)
    world.hang_up(call)
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.floor.agents[VERA].free


def test_barge_is_a_part_of_what_is_recorded() -> None:
    world, call = watched(W.BARGE)
    world.pass_time(3)
    supervises(world, W.LISTEN)
    world.pass_time(3)
    record = ends_well(world, call)
    found = [(one.agent, one.doing) for one in record.segments]
    assert found.count((VERA, Doing.CONFERENCE)) == 1
    assert (ANNA, Doing.CONFERENCE) in found
    assert found[-1] == (ANNA, Doing.TALK)


def test_hold_is_a_hold_whoever_is_beside_the_agent() -> None:
    """The two of them talk, and the client hears music: no figure may call that a talk with him."""
    world, call = watched(W.BARGE)
    world.pass_time(3)
    wishes(world, f.Wish.HOLD)
    assert hears(world, "client") == {"music"}
    world.pass_time(7)
    wishes(world, f.Wish.RESUME)
    world.pass_time(2)
    record = ends_well(world, call)
    assert did(record) == [
        (ANNA, Doing.CONFERENCE, 3),
        (VERA, Doing.CONFERENCE, 3),
        (ANNA, Doing.HOLD, 7),
        (ANNA, Doing.CONFERENCE, 2),
        (VERA, Doing.CONFERENCE, 2),
    ]


def test_agents_of_a_queue_by_live_moves_count() -> None:
    world, call = talking(VERA)
    world.tell(f.MemberMoved(ANNA, SUPPORT, None))
    supervises(world, W.LISTEN)
    assert world.floor.calls[call].watches == {}  # she serves no queue of his any more


@pytest.mark.parametrize("fact", [f.Resumed(), f.CallAdopted(CallId("call.1"), True, False, True)])
def test_after_a_gap_he_is_brought_there_again(fact: f.Fact) -> None:
    world, call = watched(W.WHISPER)
    world.orders.clear()
    world.tell(fact)
    (order,) = world.of(o.Watch)
    assert (order.how, order.target) == (W.WHISPER, LegId(f"{call}-agent-1"))
    assert table(world) == TABLE[W.WHISPER]


@pytest.mark.parametrize("reason", f.FailureReason)
def test_order_that_fails_leaves_agent_and_client_alone(reason: f.FailureReason) -> None:
    world, call = watched()
    (leg,) = world.floor.calls[call].watches
    world.tell(f.OrderFailed(call, "Watch", reason, "", leg))
    world.pump()
    assert hears(world, "client") == {ANNA}
    assert (leg in world.floor.calls[call].watches) is (reason is f.FailureReason.GONE)
    ends_well(world, call)
    assert world.floor.agents[VERA].free
