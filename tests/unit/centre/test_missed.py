"""Calls that nobody of us heard: what the dialplan wrote down about them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import Outcome, SaveCall
from tests.fakes.world import ANNA, START, SUPPORT, World, plan

CALL = CallId("call.1")
END = START + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("queue", "agent", "outcome"),
    [
        (None, None, Outcome.IVR),
        (SUPPORT, None, Outcome.ABANDONED),
        (SUPPORT, ANNA, Outcome.ANSWERED),
    ],
)
def test_it_is_kept_as_what_was_read_afterwards(
    queue: QueueName | None, agent: AgentId | None, outcome: Outcome
) -> None:
    world = World().start()
    answered_at = START + timedelta(seconds=9) if agent else None
    world.tell(f.CallMissed(CALL, "+79161234567", "", "200", "lab", queue, agent, START, answered_at, END))
    world.pump()
    saved = [order.record for order in world.orders if isinstance(order, SaveCall)]
    assert saved
    assert all(record.afterwards for record in saved)
    assert (saved[-1].outcome, saved[-1].offered_at, saved[-1].ended_at) == (outcome, START, END)


def test_a_call_that_was_heard_is_not() -> None:
    world = World().start()
    call = world.caller()
    world.hang_up_client(call)
    world.pump()
    saved = [order.record for order in world.orders if isinstance(order, SaveCall)]
    assert saved
    assert not any(record.afterwards for record in saved)


@pytest.mark.parametrize("given_back", [True, False])
def test_what_became_of_a_call_is_read_afterwards_only_if_the_dialplan_had_it_back(given_back: bool) -> None:
    world = World().start()
    call = world.caller("200")
    if given_back:
        world.tell(f.PlanLoaded(replace(plan(), queues={})))
    else:
        world.hang_up_client(call)
    world.pump()
    assert call not in world.floor.calls
    assert call in world.floor.recent
    talked = START + timedelta(seconds=9)
    world.tell(f.CallMissed(call, "+79161234567", "", "200", "lab", SUPPORT, ANNA, START, talked, END))
    world.pump()
    saved = [order.record for order in world.of(SaveCall) if order.record.afterwards]
    assert [record.agent for record in saved[-1:]] == ([ANNA] if given_back else [])
