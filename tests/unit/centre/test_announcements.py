"""What a waiting caller hears, and when nothing is said; how long he is told that it will take."""

from dataclasses import replace

import pytest

from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, Endpoint
from bridge.centre.plan import Announcements, Plan, ToHangUp, ToNumber, ToQueue
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, ENGLISH, seconds
from tests.fakes.world import World, world_of

A, B, C = AGENTS[:3]
GREETING, TICK = ("callbridge/please-wait",), ("callbridge/all-busy",)
NUMBER = ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToHangUp(("sorry",)))
FAR = seconds(3600)


# ── what he hears ────────────────────────────────────────────────────────────


def test_greeting_is_played_once_at_the_entry_and_music_behind_it() -> None:
    world = world_of(plans.one_queue(1, greeting=GREETING, music="jazz"), A)
    call = world.caller()
    assert [order.music for order in world.of(o.EnterWaitingRoom)] == ["jazz"]
    world.refuse(A)
    world.pass_time(30)
    assert world.said(call) == [GREETING]


def test_greeting_does_not_delay_the_ring() -> None:
    world = world_of(plans.one_queue(1, greeting=GREETING), A)
    world.call_in("1")
    world.tell(world.ami.popleft())
    world.tell(world.ari.popleft())
    assert world.rung == [A]


def test_queue_without_announcements_says_nothing() -> None:
    world = world_of(plans.one_queue(1))
    call = world.caller()
    world.pass_time(600)
    assert world.said(call) == []


def announced(**more) -> Plan:
    return plans.one_queue(1, announce=Announcements(True, first=seconds(5), every=seconds(10), **more))


def test_position_is_said_after_the_first_time_then_only_when_it_is_better() -> None:
    world = world_of(announced())
    calls = [world.caller() for _ in range(3)]
    world.pass_time(4.9)
    assert world.said(calls[2]) == []
    world.pass_time(0.2)
    assert world.said(calls[2]) == [("callbridge/your-position", "digits/3")]
    world.pass_time(20)
    assert len(world.said(calls[2])) == 1
    world.hang_up(calls[0])
    world.pass_time(10)
    assert world.said(calls[2])[1:] == [("callbridge/your-position", "digits/2")]
    world.hang_up(calls[1])
    world.pass_time(10)
    assert world.said(calls[2])[2:] == [("callbridge/you-are-next",)]


def test_position_is_said_every_time_when_the_queue_says_so() -> None:
    world = world_of(announced(only_better=False))
    world.caller()
    call = world.caller()
    world.pass_time(26)
    assert world.said(call) == [("callbridge/your-position", "digits/2")] * 3


def test_position_that_became_worse_is_not_said() -> None:
    world = world_of(announced())
    world.caller()
    call = world.caller()
    world.pass_time(6)
    world.caller(number="+79167770000")  # gold: before them both
    world.pass_time(20)
    assert world.said(call) == [("callbridge/your-position", "digits/2")]


def test_nothing_is_said_while_a_phone_rings_for_him() -> None:
    announce = Announcements(True, False, True, seconds(5), seconds(5), TICK, seconds(7))
    world = world_of(plans.one_queue(1, announce=announce, ring=FAR), A)
    call = world.caller()
    world.pass_time(60)
    assert world.said(call) == []
    world.refuse(A, Cause.SUBSCRIBER_ABSENT)
    world.pass_time(20)
    assert world.said(call) != []


def test_periodic_announcement_comes_at_its_interval() -> None:
    world = world_of(plans.one_queue(1, announce=Announcements(sounds=TICK, sounds_every=seconds(20))))
    call = world.caller()
    world.pass_time(19.9)
    assert world.said(call) == []
    world.pass_time(45)
    assert world.said(call) == [TICK] * 3


def test_nothing_is_said_over_another_prompt() -> None:
    world = world_of(plans.one_queue(1, greeting=GREETING, announce=Announcements(sounds=TICK)))
    call = world.call_in("1")
    world.tell(world.ami.popleft())
    world.tell(world.ari.popleft())
    world.ari.clear()  # the greeting goes on and on
    world.pass_time(90)
    assert world.said(call) == [GREETING]


def test_announcements_stop_when_he_is_answered() -> None:
    announce = Announcements(True, False, False, seconds(5), seconds(5), TICK, seconds(5))
    world = world_of(plans.one_queue(1, announce=announce), A)
    call = world.caller()
    world.talk(A)
    world.pass_time(60)
    assert world.said(call) == []
    assert world.timers == {}


# ── the expected wait ────────────────────────────────────────────────────────


def expected(world: World, call: CallId) -> float | None:
    """As the router tells it: in seconds."""
    served = world.floor.router.queues[COMMON]
    wait = served.rate.expected(served.line.position(served.line.callers[call]))
    return None if wait is None else wait.total_seconds()


def test_expected_wait_is_not_said_until_service_has_been_measured() -> None:
    announce = Announcements(False, False, True, seconds(5), seconds(10))
    world = world_of(plans.one_queue(1, announce=announce))
    call = world.caller()
    world.pass_time(60)
    assert world.said(call) == []


@pytest.mark.parametrize("agents", [1, 2, 4])
def test_expected_wait_comes_near_the_true_service_rate(agents: int) -> None:
    """Each talks 120 s and wraps up 60 s: the queue takes a caller every 180 s ÷ agents."""
    world = world_of(plans.one_queue(agents, wrap_up=seconds(60)), *AGENTS[:agents])
    for _ in range(12 * agents):
        world.caller()
    for n in range(agents):  # not all at the same moment
        world.talk(AGENTS[n])
        world.pass_time(180 / agents)
    for _ in range(10 * agents):
        for n in range(agents):
            if world.rung_for(AGENTS[n]):
                world.talk(AGENTS[n])
            elif world.floor.agents[AGENTS[n]].state is AgentState.TALKING:
                since = world.floor.agents[AGENTS[n]].since
                if (world.now - since).total_seconds() >= 120:
                    world.hang_up(AGENTS[n])
        world.pass_time(30)
    last = world.caller()
    waiting = len(world.floor.router.queues[COMMON].line)
    assert waiting > 2
    assert expected(world, last) == pytest.approx(waiting * 180 / agents, rel=0.35)


def test_service_is_measured_also_when_the_last_who_waited_is_answered() -> None:
    """He waited from one answer to the next: that is the interval, though nobody waits after him."""
    world = world_of(plans.one_queue(1), A)
    world.caller()
    world.caller()
    world.talk(A)
    world.pass_time(180)
    world.hang_up(A)
    world.talk(A)
    assert expected(world, world.caller()) == pytest.approx(180)


def test_time_in_which_nobody_waited_says_nothing_about_the_service() -> None:
    world = world_of(plans.one_queue(1), A)
    for _ in range(3):
        world.caller()
        world.serve(A)
        world.pass_time(1000)
    assert world.floor.router.queues[COMMON].rate.interval is None


def test_expected_wait_is_said_in_minutes() -> None:
    announce = Announcements(True, False, True, seconds(5), seconds(10))
    world = world_of(plans.one_queue(1, announce=announce), A)
    calls = [world.caller() for _ in range(4)]
    world.talk(A)
    for _ in range(2):
        world.pass_time(100)
        world.hang_up(A)
        world.talk(A)
    world.pass_time(10)
    assert world.said(calls[3])[-1] == (
        "callbridge/you-are-next",
        "callbridge/expected-wait-minutes",
        "digits/2",
    )


def test_answers_of_callers_whose_phones_rang_at_once_are_no_measure_of_the_service() -> None:
    """No line stood: that they were answered 3 s apart says nothing of how fast one would move."""
    world = world_of(plans.one_queue(3), A, B, C)
    for _ in range(3):
        world.caller()
    for agent in (A, B, C):
        world.talk(agent)
        world.pass_time(3)
    assert world.floor.router.queues[COMMON].rate.interval is None


def test_caller_for_whom_nobody_can_come_does_not_make_the_queue_look_slow() -> None:
    """He waits on; the others are answered as they come, minutes apart."""
    plan = replace(plans.one_queue(1), numbers={"1": ToQueue(COMMON), "2": ToQueue(COMMON, ((ENGLISH, 2),))})
    world = world_of(plan, A)
    world.caller("2")
    for _ in range(5):
        world.caller("1")
        world.serve(A)
        world.pass_time(600)
    assert world.floor.router.queues[COMMON].rate.interval is None
