"""While Asterisk cannot be asked nobody is offered; afterwards all is known before the first one is."""

from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
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


def test_all_of_it_outlives_the_process() -> None:
    world, _ = rings()
    floor: Floor = recall(remember(world.floor), world.floor.planned)
    assert floor == world.floor
    assert floor.router.closed
    assert floor.overdue
    orders = floor.decide(f.LinkUp(), START)
    assert any(isinstance(order, o.CancelRing) for order in orders)
    assert floor.overdue == []
