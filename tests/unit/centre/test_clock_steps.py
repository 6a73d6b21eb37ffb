"""The wall clock steps by an hour, either way: no wait, ring or wrap-up is longer or shorter for it."""

from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre.call import CallState
from bridge.centre.plan import ToHangUp, Widening
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, seconds
from tests.fakes.world import world_of

A, B = AGENTS[:2]
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_clock_that_steps_while_he_waits_changes_nothing_of_his_wait(by: timedelta) -> None:
    steps = (Widening(seconds(0), 0), Widening(seconds(10), None))
    plan = plans.one_queue(
        2, members=plans.penalties(0, 9), widening=steps, max_wait=seconds(60), on_timeout=ToHangUp(("bye",))
    )
    world = world_of(plan, B)
    call, later = world.caller(), world.caller()
    world.pass_time(5)
    world.step_clock(by)
    assert world.rung == []
    world.pass_time(5.1)
    assert world.rung_for(B) == call
    world.talk(B)
    world.pass_time(51)
    assert world.said(later) == [("bye",)]
    assert world.floor.calls[call].state is CallState.TALKING


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_clock_that_steps_while_it_rings_changes_nothing_of_the_ring(by: timedelta) -> None:
    world = world_of(plans.one_queue(1, ring=seconds(10)), A)
    world.caller()
    world.step_clock(by)
    world.pass_time(14.9)
    assert world.rung == [A]
    world.pass_time(0.2)
    assert world.rung == []
    world.step_clock(-by)
    world.pass_time(5)
    assert world.rung == [A]


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_clock_that_steps_in_the_wrap_up_changes_nothing_of_its_length(by: timedelta) -> None:
    world = world_of(plans.one_queue(1, wrap_up=seconds(20)), A)
    world.caller()
    world.serve(A)
    world.caller()
    world.pass_time(5)
    world.step_clock(by)
    world.pass_time(14.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_extension_after_the_clock_has_stepped_is_no_longer_than_it_can_be(by: timedelta) -> None:
    world = world_of(plans.one_queue(1, wrap_up=seconds(20), wrap_up_extension=seconds(30)), A)
    world.caller()
    world.serve(A)
    world.step_clock(by)
    world.tell(f.WrapUpExtended(A))
    world.pass_time(50.1)
    assert world.floor.agents[A].free


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_clock_that_steps_spoils_no_expected_wait(by: timedelta) -> None:
    world = world_of(plans.one_queue(1), A)
    for _ in range(12):
        world.caller()
    for n in range(9):
        if n == 5:
            world.step_clock(by)
        world.talk(A)
        world.pass_time(100)
        world.hang_up(A)
    wait = world.floor.router.queues[COMMON].rate.expected(1)
    assert wait is not None
    assert wait.total_seconds() == pytest.approx(100, rel=0.05)
