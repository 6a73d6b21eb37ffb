"""A client who comes from a queue that records to one that does not, and back. Fail closed."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Plan, Target, TargetKind, ToQueue
from tests.fakes.world import ANNA, BORIS, SALES, SUPPORT, VERA, World, plan
from tests.unit.centre.talk_scene import TO_BORIS, TO_SALES, passes_on, wishes

TO_SUPPORT = Target(TargetKind.QUEUE, SUPPORT)
TO_ANNA = Target(TargetKind.AGENT, ANNA)
TOLD = ("callbridge/recorded",)


def the_plan(records: bool = True, **support) -> Plan:
    """Support as wanted; sales (Boris, Vera) does not record."""
    base = plan(wrap_up=0)
    queues = {
        SUPPORT: replace(base.queues[SUPPORT], record=records, **support),
        SALES: replace(base.queues[SALES], record=False),
    }
    return replace(base, queues=queues)


def talking(the: Plan | None = None, dialled: str = "200", agent: AgentId = ANNA) -> tuple[World, CallId]:
    world = World().start(the or the_plan())
    world.arrive(agent)
    call = world.caller(dialled)
    world.talk(agent)
    assert world.floor.calls[call].state is CallState.TALKING
    return world, call


def runs(world: World, call: CallId) -> str | None:
    """What of the call is recorded now."""
    return next((one for leg, one in world.recording.items() if world.legs[leg].call == call), None)


def sent_on(target: Target = TO_SALES, *, attended: bool = False) -> tuple[World, CallId]:
    """Anna's client, whom Vera takes."""
    world, call = talking()
    world.arrive(VERA)
    passes_on(world, target, attended=attended)
    if not attended:
        assert runs(world, call) is None, "from when he comes in"
    world.talk(VERA)
    return world, call


def test_whom_a_queue_that_records_has() -> None:
    world, call = talking()
    assert runs(world, call) == f"{call}-rec-1"


def test_passed_on_into_the_queue_he_is_not_recorded_any_more() -> None:
    world, call = sent_on()
    assert runs(world, call) is None
    assert world.attached == [f"{call}-rec-1"], "what there is of it"
    assert len(world.of(o.StopRecording)) == 1
    wishes(world, f.Wish.HOLD, VERA)
    wishes(world, f.Wish.RESUME, VERA)
    assert len(world.of(o.StartRecording)) == 1, "nobody begins it anew"


def test_passed_on_while_it_rings() -> None:
    world, call = talking()
    world.arrive(VERA)
    passes_on(world, TO_SALES, attended=True)
    wishes(world, f.Wish.COMPLETE)
    assert runs(world, call) is None
    assert world.floor.calls[call].state is CallState.WAITING


@pytest.mark.parametrize("wish", [f.Wish.COMPLETE, f.Wish.CONFERENCE])
def test_joined_with_who_was_consulted_there(wish: f.Wish) -> None:
    world, call = sent_on(attended=True)
    assert runs(world, call) == f"{call}-rec-1", "he hears music meanwhile"
    wishes(world, wish)
    assert world.floor.calls[call].state is CallState.TALKING
    assert runs(world, call) is None
    if wish is f.Wish.CONFERENCE:
        world.hang_up(VERA)
    assert runs(world, call) is None, "nor afterwards"


def test_a_consultation_that_is_given_up_changes_nothing() -> None:
    world, call = sent_on(attended=True)
    wishes(world, f.Wish.GIVE_UP)
    assert runs(world, call) == f"{call}-rec-1"
    assert world.of(o.StopRecording) == []


def test_agents_among_each_other_keep_it_as_it_is() -> None:
    world, call = talking()
    world.arrive(BORIS)
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    assert runs(world, call) == f"{call}-rec-1"

    world, call = sent_on(attended=True)
    wishes(world, f.Wish.COMPLETE)
    passes_on(world, TO_ANNA, by=VERA)
    world.talk(ANNA)
    assert world.floor.calls[call].agent == ANNA
    assert runs(world, call) is None, "though it is the first queue's call by the books"


def test_overflow_and_breakout_lead_off_the_record_too() -> None:
    the = the_plan(
        on_timeout=ToQueue(SALES), breakout={"1": ToQueue(SALES)}, max_wait=plan().queues[SALES].ring
    )
    for leave in (lambda world, call: world.press(call, "1"), lambda world, _: world.pass_time(21)):
        world, call = talking(the)
        passes_on(world, TO_SUPPORT)
        world.tell(f.AgentPaused(ANNA, "lunch"))
        world.pump()
        assert runs(world, call) == f"{call}-rec-1", "in a queue that records"
        leave(world, call)
        assert world.floor.calls[call].queue == SALES
        assert runs(world, call) is None


def back(the: Plan) -> tuple[World, CallId]:
    """From Anna to Vera's queue, and from there to Anna's again, where she is free."""
    world, call = talking(the)
    world.arrive(VERA)
    passes_on(world, TO_SALES)
    world.talk(VERA)
    passes_on(world, TO_SUPPORT, by=VERA)
    return world, call


def test_back_in_a_queue_that_records_a_second_recording_begins() -> None:
    world, call = back(the_plan())
    assert runs(world, call) is None, "not before he talks"
    world.talk(ANNA)
    assert runs(world, call) == f"{call}-rec-2"
    assert [order.anew for order in world.of(o.StartRecording)] == [False, False]
    world.hang_up(call)
    assert world.attached == [f"{call}-rec-1", f"{call}-rec-2"]


def test_consent_that_he_has_given_before_counts_there() -> None:
    world, call = back(the_plan(consent=TOLD))
    world.talk(ANNA)
    assert world.said(call) == [TOLD]
    assert runs(world, call) == f"{call}-rec-2"


def from_sales(the: Plan) -> tuple[World, CallId]:
    """Vera consults Anna's queue about a client of her own, and hands him over."""
    world, call = talking(the, "300", VERA)
    assert runs(world, call) is None
    world.arrive(ANNA)
    passes_on(world, TO_SUPPORT, attended=True, by=VERA)
    world.talk(ANNA)
    wishes(world, f.Wish.COMPLETE, VERA)
    assert world.floor.calls[call].agent == ANNA
    return world, call


def test_handed_over_to_a_queue_that_records_he_is_recorded() -> None:
    world, call = from_sales(the_plan())
    assert runs(world, call) == f"{call}-rec-1"


def test_but_not_unless_he_has_been_told() -> None:
    world, call = from_sales(the_plan(consent=TOLD))
    assert world.said(call) == []
    assert runs(world, call) is None


def test_into_a_queue_that_says_it_he_is_told_before_he_waits() -> None:
    world, call = talking(the_plan(consent=TOLD), "300", VERA)
    world.arrive(ANNA)
    passes_on(world, TO_SUPPORT, by=VERA)
    assert world.said(call) == [TOLD]
    world.talk(ANNA)
    assert runs(world, call) == f"{call}-rec-1"


def test_given_back_to_the_dialplan_it_records_by_itself() -> None:
    world, call = talking()
    for order in world.floor.give_up(call, world.now):
        world.orders.append(order)
        world.carry_out(order)
    assert [order.recording for order in world.of(o.StopRecording)] == [f"{call}-rec-1"]
    assert runs(world, call) is None


def test_a_process_that_begins_anew_begins_only_what_runs() -> None:
    world, call = sent_on()
    before = len(world.of(o.StartRecording))
    world.tell(f.Resumed())
    world.pump()
    assert len(world.of(o.StartRecording)) == before
    assert [order.recording for order in world.of(o.StopRecording)] == [f"{call}-rec-1"] * 2, "perhaps undone"

    world, call = talking()
    world.tell(f.Resumed())
    assert [order.recording for order in world.of(o.StartRecording)] == [f"{call}-rec-1"] * 2
