"""While Asterisk cannot be asked nobody is offered; afterwards all is known before the first one is."""

from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.decision import OfferEnd
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, LegId
from bridge.centre.memory import recall, remember
from bridge.centre.plan import Plan, ToAgent
from tests.fakes.world import ANNA, BORIS, RING, SALES, START, VERA, World, plan


def down(*free: str) -> World:
    world = World().start()
    world.arrive(*(one for one in (ANNA, BORIS, VERA) if one in free))
    world.tell(f.LinkDown())
    return world


def test_nobody_is_offered_until_the_link_is_up() -> None:
    world = down(ANNA)
    call = world.caller("200")
    world.arrive(BORIS)
    world.tell(f.PlanLoaded(plan()))
    assert world.rung == []
    assert world.of(o.SaveOffer) == []
    world.tell(f.LinkUp())
    assert world.rung == [ANNA]
    assert world.rung_for(ANNA) == call


def test_who_waited_longest_is_offered_first_whoever_was_free_first() -> None:
    world = down()
    calls = [world.caller("200"), world.caller("300")]
    world.arrive(VERA, BORIS)
    world.tell(f.LinkUp())
    # Boris could serve either: he is the only one for the first caller.
    assert (world.rung_for(BORIS), world.rung_for(VERA)) == (calls[0], calls[1])


def test_who_hung_up_meanwhile_is_offered_to_nobody() -> None:
    world = World().start()
    world.arrive(ANNA)
    first = world.caller("200")
    world.talk(ANNA)
    gone, there = world.caller("200"), world.caller("200")
    world.tell(f.LinkDown())
    for fact in (f.LegEnded(first, LegId(f"{first}-agent-1")), f.LegEnded(gone, LegId(gone))):
        world.tell(fact)
    world.pass_time(11)  # her wrap-up
    assert world.rung == []
    world.tell(f.LinkUp())
    assert world.rung_for(ANNA) == there
    assert [order.call for order in world.of(o.SaveOffer)] == [first, there]


def named() -> Plan:
    numbers = {**plan().numbers, "600": ToAgent(VERA, SALES, timedelta(minutes=5))}
    return Plan(numbers, plan().menus, plan().queues, plan().agents, language="ru")


@pytest.mark.parametrize("dialled", [("600", "300"), ("300", "600")])
def test_who_waits_for_one_agent_has_him_when_the_link_is_up(dialled: tuple[str, str]) -> None:
    world = World().start(named())
    world.arrive(BORIS, VERA)
    world.tell(f.LinkDown())
    calls = dict(zip(dialled, map(world.caller, dialled), strict=True))
    assert world.rung == []
    world.tell(f.LinkUp())
    assert (world.rung_for(VERA), world.rung_for(BORIS)) == (calls["600"], calls["300"])
    assert world.floor.router.held == {}


def test_who_came_before_him_who_waits_for_one_agent_is_first() -> None:
    world = World().start(named())
    world.arrive(VERA)
    world.tell(f.LinkDown())
    first, hers = world.caller("300"), world.caller("600")
    world.tell(f.LinkUp())
    assert world.rung_for(VERA) == first
    world.talk(VERA)
    world.hang_up(VERA)
    world.pass_time(11)  # her wrap-up
    assert world.rung_for(VERA) == hers


def rings() -> tuple[World, CallId]:
    world = World().start()
    world.arrive(ANNA)
    call = world.caller("200")
    world.tell(f.LinkDown())
    world.pass_time(RING.total_seconds() * 1.5 + 1)
    return world, call


def test_ring_that_should_have_ended_meanwhile_is_decided_on_afterwards() -> None:
    world, _ = rings()
    assert world.of(o.CancelRing) == []
    world.tell(f.LinkUp())
    assert [order.reason for order in world.of(o.CancelRing)] == [o.CancelReason.NO_ANSWER]
    assert list(world.offer_ends.values()) == [OfferEnd.NO_ANSWER]


def test_who_was_rung_in_vain_keeps_his_place_before_those_who_came_later() -> None:
    world, first = rings()
    world.caller("200")
    world.arrive(BORIS)
    world.tell(f.LinkUp())
    assert world.rung_for(BORIS) == first


def test_ring_that_was_answered_meanwhile_is_a_talk() -> None:
    world, call = rings()
    world.answer(ANNA)
    world.pump()
    world.tell(f.LinkUp())
    assert world.of(o.CancelRing) == []
    assert world.floor.agents[ANNA].call == call
    assert world.bridges[f"{call}-talk"] == {LegId(call), LegId(f"{call}-agent-1")}


def test_a_menu_waits_for_its_caller_until_the_link_is_back() -> None:
    """He may have pressed a digit, and could not be told that he should press another."""
    world = World().start()
    call = world.call_in("100")
    world.pump()
    said = list(world.said(call))
    world.tell(f.LinkDown())
    world.pass_time(60)
    assert world.floor.calls[call].state is CallState.MENU
    assert world.said(call) == said
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    world.tell(f.LinkUp())
    assert world.said(call) == [*said, said[-1]], "from the last prompt, once"
    assert world.floor.calls[call].state is CallState.MENU


@pytest.mark.parametrize(("dialled", "state"), [("100", CallState.MENU), ("500", CallState.VOICEMAIL)])
def test_what_could_not_be_said_is_said_when_the_link_is_back(dialled: str, state: CallState) -> None:
    world = World().start()
    world.tell(f.LinkDown())
    world.fail_next["Play"] = f.FailureReason.LINK_DOWN
    call = world.call_in(dialled)
    world.pump()
    said = list(world.said(call))
    world.pass_time(60)
    assert world.floor.calls[call].state is state
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    world.tell(f.LinkUp())
    assert world.said(call) == [*said, said[-1]]
    assert world.floor.calls[call].state is state


def test_a_prompt_that_fails_while_the_link_is_up_does_not_hold_him_up() -> None:
    world = World().start()
    world.fail_next["Play"] = (
        f.FailureReason.LINK_DOWN
    )  # one connection's fault: nothing is compared after it
    call = world.call_in("100")
    world.pump()
    world.pass_time(600)
    assert call not in world.floor.calls or world.floor.calls[call].state is not CallState.MENU


@pytest.mark.parametrize("link_comes_back", [True, False])
def test_who_came_and_left_while_only_ami_heard_him_is_in_the_books(link_comes_back: bool) -> None:
    world = World().start()
    world.tell(f.LinkDown())
    call = CallId("call.1")
    world.tell(f.CallerPresented(call, "+79161234567", "", "200", "lab"))
    world.pass_time(5)
    world.tell(f.OutsideEnded(call, "cancelled"))
    left = world.now
    world.pass_time(5)
    if not link_comes_back:
        world.floor = recall(remember(world.floor), world.floor.planned)  # another process
    world.tell(f.LinkUp())
    world.pump()
    record = world.saved[call]
    assert (record.outcome, record.offered_at, record.ended_at) == (o.Outcome.IVR, START, left)
    assert call in world.tickets
    assert call not in world.floor.calls


def test_who_was_with_us_after_all_is_told_by_us() -> None:
    """AMI's word of his end overtook what ARI held back while it was compared."""
    world = World().start()
    world.tell(f.LinkDown())
    call = world.call_in("200")
    world.end_leg(LegId(call))
    world.pump("ami")
    world.pump()
    world.tell(f.LinkUp())
    world.pump()
    assert world.saved[call].outcome is o.Outcome.ABANDONED
    assert not world.saved[call].afterwards
    assert sum(world.floor.ended.values()) == 1


def test_a_call_that_is_not_for_us_leaves_nothing() -> None:
    world = World().start()
    world.tell(f.LinkDown())
    world.tell(f.CallerPresented(CallId("call.1"), "+79161234567", "", "+70000000000", "lab"))
    world.tell(f.OutsideEnded(CallId("call.1"), "cancelled"))
    world.tell(f.LinkUp())
    world.pump()
    assert world.saved == {}
    assert world.floor.calls == {}


def test_all_of_it_outlives_the_process() -> None:
    world, _ = rings()
    floor: Floor = recall(remember(world.floor), world.floor.planned)
    assert floor == world.floor
    assert floor.router.closed
    assert floor.overdue
    orders = floor.decide(f.LinkUp(), START)
    assert any(isinstance(order, o.CancelRing) for order in orders)
    assert floor.overdue == []
