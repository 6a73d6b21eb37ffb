"""What is concluded from a day's calls, what is changed of it, and the figures of a day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre.figures import Figures, figures_of
from bridge.centre.ids import AgentId, CallId, Endpoint, MenuName, QueueName, Skill
from bridge.centre.orders import Outcome
from bridge.centre.plan import (
    Agent,
    Destination,
    Member,
    Menu,
    Plan,
    Queue,
    Strategy,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
)
from bridge.centre.recorded import (
    Change,
    RecordedCall,
    RecordedLeg,
    Staffing,
    arrivals_of,
    changed,
    day_of,
    staffing_of,
)
from bridge.centre.simulation import Day, Shift, Visit, VisitEnd, simulate

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FIRST, SECOND, THIRD, HELPER = (AgentId(name) for name in ("1001", "1002", "1003", "2001"))
SUPPORT, SALES = QueueName("support"), QueueName("sales")
ENGLISH = Skill("english")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def at(value: float) -> datetime:
    return START + seconds(value)


PLAN = Plan(
    queues={
        SUPPORT: Queue(SUPPORT, "", "", (Member(FIRST), Member(SECOND, 5)), wrap_up=seconds(10)),
        SALES: Queue(SALES, "", "", (Member(SECOND), Member(THIRD)), wrap_up=seconds(10)),
    },
    agents={
        agent: Agent(agent, agent, Endpoint(f"PJSIP/{agent}"), skills={ENGLISH: n})
        for n, agent in enumerate((FIRST, SECOND, THIRD))
    },
)


def answered(
    name: str, queued: float, agent: AgentId | None, talk: float = 30, ring: float = 2, **how: object
) -> RecordedCall:
    """Rung at once, for as long as ``ring``."""
    begin, end = at(queued + ring), at(queued + ring + talk)
    legs = (RecordedLeg(agent, at(queued), at(queued), begin, end),) if agent is not None else ()
    call = RecordedCall(CallId(name), SUPPORT, at(queued), begin, end, Outcome.ANSWERED, agent, legs=legs)
    return replace(call, **how)  # type: ignore[arg-type]


def lost(name: str, queued: float, wait: float, outcome: Outcome = Outcome.ABANDONED) -> RecordedCall:
    return RecordedCall(CallId(name), SUPPORT, at(queued), None, at(queued + wait), outcome)


def shift_of(staffing: Staffing, agent: AgentId) -> Shift:
    return next(shift for shift in staffing.shifts if shift.agent == agent)


def members(staffing: Staffing, queue: QueueName = SUPPORT) -> list[tuple[AgentId, int]]:
    return [(member.agent, member.penalty) for member in staffing.plan.queues[queue].members]


# ── who came ─────────────────────────────────────────────────────────────────


def test_arrivals() -> None:
    calls = [
        lost("d", 40, 7),
        answered("b", 10, FIRST, talk=30),
        answered("a", 0, FIRST, talk=10),
        lost("c", 20, 60, Outcome.TIMED_OUT),
    ]
    found = arrivals_of(PLAN, calls)
    assert [one.call for one in found] == ["a", "b", "c", "d"], "in the order of their coming"
    assert [one.talk for one in found] == [seconds(10), seconds(30), seconds(20), seconds(20)]
    assert [one.patience for one in found] == [None, None, seconds(60), seconds(7)]
    assert [one.hangs_up for one in found][2:] == [False, True]


def test_a_queue_without_an_answer_talks_as_long_as_the_others() -> None:
    calls = [answered("a", 0, FIRST, talk=12), replace(lost("b", 1, 5), queue=SALES)]
    assert arrivals_of(PLAN, calls)[1].talk == seconds(12)


def test_a_clock_that_was_set_back() -> None:
    call = answered("a", 10, FIRST, talk=-3)
    early = replace(call, queued_at=at(60))
    assert arrivals_of(PLAN, [early])[0].talk == seconds(0)
    visit = day_of(staffing_of(PLAN, [early]), [early]).visits[0]
    assert (visit.wait, visit.talk) == (seconds(0), seconds(0))


ENGLISH_2 = ((ENGLISH, 2),)
WAY = ToQueue(SUPPORT, ENGLISH_2, 3)


@pytest.mark.parametrize(
    ("destination", "found"),
    [
        (WAY, (ENGLISH_2, 3)),
        (ToNumber("+7495", Endpoint("PJSIP/x"), seconds(9), WAY), (ENGLISH_2, 3)),
        (ToMenu(MenuName("one")), (ENGLISH_2, 3)),  # which leads there in two ways that are the same
        (ToMenu(MenuName("two")), ((), 0)),  # two different ways: no telling which
        (ToAgent(FIRST, SUPPORT, seconds(5)), ((), 0)),
        (ToQueue(SALES, ENGLISH_2, 3), ((), 0)),  # he came to support by another way
        (ToMenu(MenuName("gone")), ((), 0)),
        (ToHangUp(), ((), 0)),
    ],
)
def test_needs_are_those_of_the_way(destination: Destination, found: tuple[object, int]) -> None:
    one = {"1": WAY, "2": ToQueue(SALES), "0": ToMenu(MenuName("one"))}
    two = {"1": WAY, "2": ToQueue(SUPPORT)}
    menus = {
        MenuName("one"): Menu(MenuName("one"), (), one, WAY),
        MenuName("two"): Menu(MenuName("two"), (), two, ToHangUp()),
    }
    plan = replace(PLAN, numbers={"100": destination}, menus=menus)
    arrival = arrivals_of(plan, [answered("a", 0, FIRST, dialled="100")])[0]
    assert (arrival.needs, arrival.priority) == found
    assert arrivals_of(plan, [answered("a", 0, FIRST, dialled="200")])[0].needs == ()


# ── who was there ────────────────────────────────────────────────────────────


def test_an_agent_is_there_from_his_first_leg_to_his_last() -> None:
    unanswered = RecordedLeg(SECOND, at(100), at(101), None, at(120))
    calls = [
        answered("a", 10, FIRST, ring=2),
        answered("b", 50, FIRST, ring=4, legs=(unanswered, *answered("b", 50, FIRST, ring=4).legs)),
    ]
    staffing = staffing_of(PLAN, calls)
    assert staffing.shifts == (
        Shift(FIRST, at(10), at(94), seconds(3), True),  # the last talk ends at 84, its wrap-up at 94
        Shift(SECOND, at(100), at(120), seconds(3), True),  # nothing known of him: as the others
    )
    assert members(staffing) == [(FIRST, 0), (SECOND, 5)]
    assert members(staffing, SALES) == [(SECOND, 0)], "the third one was not there"


def test_who_goes_before_the_last_one_who_is_served_may_leave_some_waiting() -> None:
    calls = [answered("a", 0, FIRST), answered("b", 43, SECOND), lost("c", 500, 5)]
    staffing = staffing_of(PLAN, calls)
    assert [(shift.agent, shift.is_last) for shift in staffing.shifts] == [(FIRST, False), (SECOND, True)]


def test_ringing_is_measured_from_the_ring() -> None:
    leg = RecordedLeg(FIRST, at(0), at(1), at(4), at(34))
    staffing = staffing_of(PLAN, [answered("a", 0, FIRST, ring=4, legs=(leg,))])
    assert shift_of(staffing, FIRST).answers_after == seconds(3)
    silent = replace(leg, ringing_at=None)
    staffing = staffing_of(PLAN, [answered("a", 0, FIRST, ring=4, legs=(silent,))])
    assert shift_of(staffing, FIRST).answers_after == seconds(4)


def test_who_helped_out_serves_the_queue_as_well() -> None:
    staffing = staffing_of(
        PLAN, [answered("a", 0, THIRD), answered("b", 1, HELPER), answered("c", 99, HELPER)]
    )
    assert members(staffing) == [(THIRD, 0), (HELPER, 0)]
    assert staffing.plan.agents[HELPER].skills == {}
    assert {shift.agent for shift in staffing.shifts} == {THIRD, HELPER}


def test_who_serves_no_queue_is_not_there() -> None:
    rung = RecordedLeg(HELPER, at(0), at(0), None, at(5))
    call = answered("a", 0, FIRST)
    staffing = staffing_of(PLAN, [replace(call, legs=(rung, *call.legs))])
    assert {shift.agent for shift in staffing.shifts} == {FIRST}


def test_a_log_without_legs() -> None:
    calls = [answered("a", 0, FIRST, legs=()), answered("b", 50, FIRST, legs=())]
    assert staffing_of(PLAN, calls).shifts == (Shift(FIRST, at(2), at(92), seconds(0), True),)


def test_a_log_that_names_nobody_has_all_members_all_day() -> None:
    calls = [answered("a", 0, None), lost("b", 5, 100), replace(answered("c", 7, THIRD), queue=SALES)]
    staffing = staffing_of(PLAN, calls)
    assert members(staffing) == [(FIRST, 0), (SECOND, 5)]
    for agent in (FIRST, SECOND):
        shift = shift_of(staffing, agent)
        assert (shift.begins, shift.ends, shift.is_last) == (at(0), at(105), True)
    assert members(staffing, SALES) == [(SECOND, 0), (THIRD, 0)], "as one of support's he is there for sales"


# ── what became of it ────────────────────────────────────────────────────────


def test_the_day_as_it_was() -> None:
    calls = [
        answered("a", 0, FIRST),  # to 32, and his next leg begins at 36
        answered("b", 36, FIRST),
        lost("c", 40, 3),
        lost("d", 41, 30, Outcome.VOICEMAIL),
    ]
    day = day_of(staffing_of(PLAN, calls), calls)
    assert day.visits == (
        Visit(CallId("a"), SUPPORT, at(0), VisitEnd.ANSWERED, seconds(2), FIRST, seconds(30), seconds(4)),
        Visit(CallId("b"), SUPPORT, at(36), VisitEnd.ANSWERED, seconds(2), FIRST, seconds(30), seconds(10)),
        Visit(CallId("c"), SUPPORT, at(40), VisitEnd.ABANDONED, seconds(3)),
        Visit(CallId("d"), SUPPORT, at(41), VisitEnd.LEFT, seconds(30)),
    )
    assert day.presence == {FIRST: seconds(78)}


def test_a_day_that_went_as_in_the_model_is_met_exactly() -> None:
    """One agent, wrap-ups in full, nobody who would have had to wait longer."""
    calls = [answered(str(n), 42.0 * n, FIRST) for n in range(20)] + [lost("x", 10, 20)]
    staffing = staffing_of(PLAN, calls)
    assert simulate(staffing.plan, arrivals_of(PLAN, calls), staffing.shifts) == day_of(staffing, calls)


# ── what is changed ──────────────────────────────────────────────────────────

THREE_SHIFTS = [
    answered("a", 0, FIRST),
    answered("b", 5, SECOND),
    answered("c", 50, SECOND),
    replace(answered("d", 1, THIRD), queue=SALES),
    replace(answered("e", 700, THIRD), queue=SALES),
]


def test_a_strategy_in_one_queue_or_in_all() -> None:
    before = staffing_of(PLAN, THREE_SHIFTS)

    def strategies(change: Change) -> list[Strategy]:
        return [queue.strategy for queue in changed(before, change).plan.queues.values()]

    assert strategies(Change(None, Strategy.RINGALL)) == [Strategy.RINGALL, Strategy.RINGALL]
    assert strategies(Change(SALES, Strategy.RINGALL)) == [Strategy.LEASTRECENT, Strategy.RINGALL]
    assert changed(before, Change()) == before


def test_fewer_agents_are_the_first_of_the_list() -> None:
    after = changed(staffing_of(PLAN, THREE_SHIFTS), Change(SUPPORT, agents=1))
    assert members(after) == [(FIRST, 0)]
    assert members(after, SALES) == [(SECOND, 0), (THIRD, 0)], "there he still serves"
    assert {shift.agent for shift in after.shifts} == {FIRST, SECOND, THIRD}
    after = changed(after, Change(SALES, agents=1))
    assert {shift.agent for shift in after.shifts} == {FIRST, SECOND}


def test_more_agents_are_copies_of_the_middle_one() -> None:
    before = staffing_of(PLAN, THREE_SHIFTS)
    after = changed(before, Change(SALES, agents=4))
    # Of two the one with the shorter shift: second (5 to 92), not third (1 to 742).
    copies = [AgentId("1002+1"), AgentId("1002+2")]
    assert members(after, SALES) == [(SECOND, 0), (THIRD, 0), *((copy, 0) for copy in copies)]
    assert members(after) == members(before), "copies serve this queue alone"
    for copy in copies:
        assert replace(shift_of(after, copy), agent=SECOND) == shift_of(before, SECOND)
        assert after.plan.agents[copy].skills == {ENGLISH: 1}
    taken = {**before.plan.agents, copies[0]: before.plan.agents[FIRST]}
    after = changed(replace(before, plan=replace(before.plan, agents=taken)), Change(SALES, agents=3))
    assert members(after, SALES)[-1] == (copies[1], 0), "the other name is somebody's"


def test_one_more_agent_serves_who_gave_up() -> None:
    calls = [answered("a", 0, FIRST), lost("b", 1, 20)]
    staffing = changed(staffing_of(PLAN, calls), Change(SUPPORT, agents=2))
    day = simulate(staffing.plan, arrivals_of(PLAN, calls), staffing.shifts)
    assert [(visit.end, visit.agent) for visit in day.visits] == [
        (VisitEnd.ANSWERED, FIRST),
        (VisitEnd.ANSWERED, AgentId("1001+1")),
    ]


# ── figures ──────────────────────────────────────────────────────────────────


def visit(name: str, wait: float, end: VisitEnd = VisitEnd.ANSWERED, agent: AgentId | None = FIRST) -> Visit:
    if end is VisitEnd.ANSWERED:
        return Visit(CallId(name), SUPPORT, START, end, seconds(wait), agent, seconds(30), seconds(10))
    return Visit(CallId(name), SUPPORT, START, end, seconds(wait))


def figures(visits: Sequence[Visit], agents: Sequence[AgentId] = (FIRST, SECOND)) -> Figures:
    day = Day(tuple(visits), dict.fromkeys(agents, seconds(200)))
    return figures_of(day, visits, agents, {SUPPORT: seconds(20)})


def test_figures() -> None:
    found = figures(
        [
            visit("a", 20),  # in time: within T is up to T
            visit("b", 4),
            visit("c", 21, agent=SECOND),
            visit("d", 4.999, VisitEnd.ABANDONED),  # short
            visit("e", 5, VisitEnd.ABANDONED),
            visit("f", 60, VisitEnd.LEFT),
            visit("g", 90, VisitEnd.WAITING),
        ]
    )
    assert found == Figures(
        offered=7,
        answered=3,
        abandoned=2,
        short_abandons=1,
        left=1,
        waiting=1,
        sl=2 / 6,
        sl2=2 / 3,
        wait_mean=seconds(15),
        wait_p50=seconds(20),
        wait_p90=seconds(21),
        wait_max=seconds(21),
        aht=seconds(40),
        occupancy=120 / 400,
        agents=2,
        calls_min=1,
        calls_max=2,
    )


def test_percentiles_are_waits_that_somebody_had() -> None:
    found = figures([visit(str(n), n) for n in range(1, 11)])
    assert (found.wait_p50, found.wait_p90, found.wait_max) == (seconds(5), seconds(9), seconds(10))


def test_nothing_is_measured_of_nothing() -> None:
    found = figures([visit("a", 1, VisitEnd.ABANDONED)], agents=())
    assert (found.offered, found.sl, found.sl2, found.wait_mean, found.wait_p90) == (
        1,
        None,
        None,
        None,
        None,
    )
    assert (found.aht, found.occupancy, found.calls_min) == (None, None, None)
    idle = figures([])
    assert (idle.occupancy, idle.calls_min, idle.calls_max) == (0, 0, 0)


def test_whose_calls_they_were_is_not_known() -> None:
    found = figures([visit("a", 1), visit("b", 1, agent=None)])
    assert (found.occupancy, found.calls_min, found.aht) == (None, None, seconds(40))


def test_occupancy_is_of_all_that_the_queues_agents_did() -> None:
    ours, theirs = visit("a", 1), replace(visit("b", 1), queue=SALES)
    day = Day((ours, theirs), {FIRST: seconds(100)})
    found = figures_of(day, [ours], [FIRST], {SUPPORT: seconds(20)})
    assert (found.occupancy, found.calls_max) == (0.8, 1)
    short = Day((ours, theirs), {FIRST: seconds(50)})
    assert figures_of(short, [ours], [FIRST], {SUPPORT: seconds(20)}).occupancy == 1
