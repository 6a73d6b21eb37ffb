"""The simulated day: small ones whose end can be worked out by hand, and what holds for every one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre.ids import AgentId, CallId, Endpoint, QueueName, Skill
from bridge.centre.plan import (
    Agent,
    Destination,
    Empty,
    Member,
    Plan,
    Queue,
    Strategy,
    ToAgent,
    ToHangUp,
    ToQueue,
    ToVoicemail,
    Widening,
)
from bridge.centre.simulation import Arrival, Day, Shift, Visit, VisitEnd, simulate

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = AGENTS = tuple(AgentId(name) for name in ("1001", "1002", "1003"))
SUPPORT, SALES = QueueName("support"), QueueName("sales")
ENGLISH = Skill("english")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def queue(name: QueueName = SUPPORT, members: Sequence[AgentId] = AGENTS[:2], **how: object) -> Queue:
    plain = Queue(
        name,
        name,
        name,
        tuple(Member(agent) for agent in members),
        strategy=Strategy.LINEAR,
        wrap_up=seconds(10),
    )
    return replace(plain, **how)  # type: ignore[arg-type]


def plan(*queues: Queue) -> Plan:
    return Plan(
        queues={queue.name: queue for queue in queues},
        agents={
            agent: Agent(agent, agent, Endpoint(f"PJSIP/{agent}"), skills={ENGLISH: n})
            for n, agent in enumerate(AGENTS)
        },
    )


def caller(name: str, at: float, talk: float = 30, **how: object) -> Arrival:
    return replace(Arrival(CallId(name), SUPPORT, START + seconds(at), seconds(talk)), **how)  # type: ignore[arg-type]


def shift(agent: AgentId, begins: float = 0, ends: float = 100, ring: float = 2, last: bool = False) -> Shift:
    return Shift(agent, START + seconds(begins), START + seconds(ends), seconds(ring), last)


def ends(day: Day) -> list[tuple[str, VisitEnd, float, AgentId | None]]:
    return [(visit.call, visit.end, visit.wait.total_seconds(), visit.agent) for visit in day.visits]


A, B, L, W = VisitEnd.ANSWERED, VisitEnd.ABANDONED, VisitEnd.LEFT, VisitEnd.WAITING
THREE = [caller("a", 0, 30), caller("b", 1, 20), caller("c", 5, 40)]


def test_two_agents_and_three_callers() -> None:
    day = simulate(plan(queue()), THREE, [shift(FIRST), shift(SECOND)])
    assert ends(day) == [
        ("a", A, 2, FIRST),  # rings 0 to 2, talk to 32, wrap-up to 42
        ("b", A, 2, SECOND),  # rings 1 to 3, talk to 23, wrap-up to 33
        ("c", A, 30, SECOND),  # rings 33 to 35
    ]
    assert [(visit.talk, visit.wrap_up) for visit in day.visits] == [
        (seconds(30), seconds(10)),
        (seconds(20), seconds(10)),
        (seconds(40), seconds(10)),
    ]
    assert day.presence == {FIRST: seconds(100), SECOND: seconds(100)}


def test_one_agent_goes_after_the_call_that_he_is_in_when_his_shift_ends() -> None:
    day = simulate(plan(queue()), THREE, [shift(FIRST)])
    assert ends(day) == [
        ("a", A, 2, FIRST),  # to 42
        ("b", A, 43, FIRST),  # answered at 44, to 74
        ("c", A, 71, FIRST),  # answered at 76, to 116: past the end of his shift
    ]
    assert day.visits[2].wrap_up == seconds(0)
    assert day.presence == {FIRST: seconds(116)}


def test_a_wrap_up_ends_with_the_shift() -> None:
    day = simulate(plan(queue()), [caller("a", 60)], [shift(FIRST)])
    assert day.visits[0].wrap_up == seconds(8), "answered at 62, over at 92, gone at 100"
    assert day.presence == {FIRST: seconds(100)}


def test_whoever_is_there_last_leaves_nobody_waiting() -> None:
    callers = [caller("a", 90), caller("b", 95), caller("c", 134)]
    day = simulate(plan(queue()), callers, [shift(FIRST, last=True)])
    assert ends(day) == [
        ("a", A, 2, FIRST),
        ("b", A, 39, FIRST),  # he is free again at 132, rings to 134
        ("c", A, 42, FIRST),  # came while he worked on
    ]
    assert day.presence == {FIRST: seconds(216)}
    callers[2] = caller("c", 175)
    late = simulate(plan(queue()), callers, [shift(FIRST, last=True)])
    assert ends(late)[2] == ("c", W, 0, None), "at 174 he was free and nobody waited"
    gone = simulate(plan(queue()), callers, [shift(FIRST)])
    assert [end for _, end, _, _ in ends(gone)] == [A, W, W]


def test_who_has_no_patience_left_hangs_up() -> None:
    callers = [
        caller("a", 0),
        caller("b", 1, patience=seconds(40)),
        caller("c", 2, patience=seconds(42)),
        caller("d", 3, patience=seconds(3), hangs_up=False),
    ]
    day = simulate(plan(queue()), callers, [shift(FIRST)])
    assert ends(day) == [
        ("a", A, 2, FIRST),
        ("b", B, 40, None),  # gives up at 41
        ("c", B, 42, None),  # gives up at 44, in the moment in which his ring would be answered
        ("d", L, 3, None),
    ]
    more = simulate(plan(queue()), callers, [shift(FIRST), shift(SECOND)])
    assert ends(more)[1] == ("b", A, 2, SECOND)


def test_the_phone_of_who_hung_up_is_free_again() -> None:
    callers = [caller("a", 0, patience=seconds(1)), caller("b", 0.5)]
    day = simulate(plan(queue()), callers, [shift(FIRST)])
    assert ends(day) == [("a", B, 1, None), ("b", A, 2.5, FIRST)]


def test_ringall_the_first_one_answers() -> None:
    both = queue(strategy=Strategy.RINGALL)
    callers = [caller("a", 0), caller("b", 1)]
    day = simulate(plan(both), callers, [shift(FIRST, ring=5), shift(SECOND, ring=2)])
    assert ends(day) == [("a", A, 2, SECOND), ("b", A, 6, FIRST)], "the other phone rings anew, from 2 to 7"


def test_a_phone_is_answered_before_the_queue_would_give_up() -> None:
    day = simulate(plan(queue(ring=seconds(4))), [caller("a", 0)], [shift(FIRST, ring=9)])
    assert ends(day) == [("a", A, 4, FIRST)]


def test_agents_come_when_their_shift_begins() -> None:
    day = simulate(plan(queue()), [caller("a", 0)], [shift(FIRST, begins=30), shift(SECOND, begins=20)])
    assert ends(day) == [("a", A, 22, SECOND)]


def test_needs_and_widening() -> None:
    steps = (Widening(seconds(0), 0), Widening(seconds(10)), Widening(seconds(25), None, 1))
    members = (Member(FIRST), Member(SECOND, 5))
    wide = replace(queue(widening=steps), members=members)
    callers = [caller("a", 0), caller("b", 1), caller("c", 20, needs=((ENGLISH, 2),))]
    day = simulate(plan(wide), callers, [shift(FIRST), shift(SECOND)])
    assert ends(day) == [
        ("a", A, 2, FIRST),
        ("b", A, 12, SECOND),  # whose penalty is asked from 10 seconds on
        ("c", A, 35, SECOND),  # who has English 1, which is enough from 45 on; he is free at 53
    ]


@pytest.mark.parametrize("strategy", Strategy)
def test_priority_comes_first(strategy: Strategy) -> None:
    callers = [caller("a", 0), caller("b", 1), caller("c", 2, priority=1)]
    day = simulate(plan(queue(members=[FIRST], strategy=strategy)), callers, [shift(FIRST, ends=500)])
    assert ends(day) == [("a", A, 2, FIRST), ("b", A, 85, FIRST), ("c", A, 42, FIRST)]


@pytest.mark.parametrize(
    ("destination", "end"),
    [
        (ToHangUp(), ("b", L, 20, None)),
        (ToVoicemail(("callbridge/leave-message",)), ("b", L, 20, None)),
        (ToQueue(QueueName("nowhere")), ("b", L, 20, None)),
        (ToQueue(SALES), ("b", A, 22, SECOND)),
        (ToAgent(FIRST, SALES, seconds(5)), ("b", A, 22, SECOND)),
    ],
)
def test_overflow(destination: Destination, end: tuple[str, VisitEnd, float, AgentId | None]) -> None:
    support = queue(members=[FIRST], max_wait=seconds(20), on_timeout=destination)
    day = simulate(
        plan(support, queue(SALES, [SECOND])),
        [caller("a", 0), caller("b", 1)],
        [shift(FIRST), shift(SECOND)],
    )
    assert ends(day)[1] == end
    assert day.visits[1].queue == SUPPORT, "counted where he came to"


def test_a_circle_of_queues_ends() -> None:
    support = queue(max_wait=seconds(1), on_timeout=ToQueue(SALES))
    sales = queue(SALES, refuse_when=Empty.NOBODY_LOGGED_IN, on_empty=ToQueue(SUPPORT))
    day = simulate(plan(support, sales), [caller("a", 0)], [])
    assert [visit.end for visit in day.visits] == [L]


def test_a_phone_that_rings_anew_is_answered_anew() -> None:
    support = queue(members=[FIRST], max_wait=seconds(3), on_timeout=ToQueue(SALES))
    day = simulate(plan(support, queue(SALES, [FIRST])), [caller("a", 0)], [shift(FIRST, ring=5)])
    assert ends(day) == [("a", A, 8, FIRST)], "the ring for support ended at 3, the one for sales began then"


def test_what_the_queue_before_had_in_mind_is_forgotten() -> None:
    support = queue(
        members=[FIRST],
        refuse_when=Empty.NOBODY_LOGGED_IN,
        on_empty=ToQueue(SALES),
        max_wait=seconds(6),
        widening=(Widening(seconds(5)),),
    )
    sales = queue(SALES, widening=(Widening(seconds(0), 0), Widening(seconds(20))))
    sales = replace(sales, members=(Member(SECOND, 5),))
    day = simulate(plan(support, sales), [caller("a", 0)], [shift(SECOND)])
    assert ends(day) == [("a", A, 22, SECOND)]


def test_turned_away() -> None:
    full = queue(max_waiting=1, leave_when=Empty.NOBODY_LOGGED_IN)
    callers = [caller("a", 0, 200), caller("b", 10), caller("c", 20), caller("d", 300)]
    day = simulate(plan(full), callers, [shift(FIRST)])
    assert ends(day) == [
        ("a", A, 2, FIRST),
        ("b", L, 192, None),  # nobody is left when he who talks goes, at 202
        ("c", L, 0, None),  # no room
        ("d", L, 0, None),  # nor may he wait where nobody is
    ]


def test_nobody_at_all() -> None:
    assert simulate(plan(queue()), [], []) == Day((), {})
    assert simulate(plan(queue()), [], [shift(FIRST)]) == Day((), {FIRST: seconds(100)})


def test_progress_is_told() -> None:
    told: list[int] = []
    callers = [caller(str(n), n, 0, patience=seconds(1)) for n in range(1200)]
    simulate(plan(queue()), callers, [], told.append)
    assert told == [500, 1000]


# ── any day ──────────────────────────────────────────────────────────────────

MOMENTS = st.integers(0, 300)
QUEUES = st.builds(
    lambda strategy, widen, max_wait, waiting, leave, ringing, wrap_up: {
        "strategy": strategy,
        "widening": (Widening(seconds(0), 0), Widening(seconds(20), None, 1)) if widen else (),
        "max_wait": None if max_wait is None else seconds(max_wait),
        "max_waiting": waiting,
        "leave_when": leave,
        "ring": seconds(ringing),
        "wrap_up": seconds(wrap_up),
    },
    st.sampled_from(Strategy),
    st.booleans(),
    st.none() | st.integers(1, 100),
    st.none() | st.integers(1, 3),
    st.sampled_from(Empty),
    st.integers(3, 20),
    st.sampled_from([0, 7]),
)
PLANS = st.builds(
    lambda support, sales: plan(
        replace(queue(members=AGENTS[:2], on_timeout=ToQueue(SALES), weight=1), **support),
        replace(
            queue(SALES, on_timeout=ToQueue(SUPPORT), on_full=ToQueue(SUPPORT)),
            **{**sales, "members": (Member(THIRD), Member(SECOND, 3))},
        ),
    ),
    QUEUES,
    QUEUES,
)
CALLERS = st.lists(
    st.builds(
        lambda at, talk, patience, queue, level, hangs_up: caller(
            "",
            at,
            talk,
            patience=None if patience is None else seconds(patience),
            queue=queue,
            needs=((ENGLISH, level),) if level else (),
            hangs_up=hangs_up,
        ),
        MOMENTS,
        st.integers(0, 60),
        st.none() | st.integers(0, 90),
        st.sampled_from([SUPPORT, SALES]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=25,
).map(lambda callers: [replace(one, call=CallId(f"c{n}")) for n, one in enumerate(callers)])
SHIFTS = st.tuples(*[st.tuples(MOMENTS, MOMENTS, st.integers(0, 25), st.booleans())] * 3).map(
    lambda some: [
        shift(agent, min(one, other), max(one, other), ring, last)
        for agent, (one, other, ring, last) in zip(AGENTS, some, strict=True)
        if one != other
    ]
)


@settings(deadline=None, max_examples=200)
@given(PLANS, CALLERS, SHIFTS)
def test_every_day(plan: Plan, callers: list[Arrival], shifts: list[Shift]) -> None:
    day = simulate(plan, callers, shifts)
    assert simulate(plan, callers, shifts) == day
    assert Counter(visit.call for visit in day.visits) == Counter(one.call for one in callers)
    arrivals = {one.call: one for one in callers}
    there = {one.agent: one for one in shifts}
    for visit in day.visits:
        arrival = arrivals[visit.call]
        assert (visit.queue, visit.at) == (arrival.queue, arrival.at)
        match visit.end:
            case VisitEnd.ANSWERED:
                assert visit.agent is not None
                assert visit.at + visit.wait >= there[visit.agent].begins
                assert visit.talk == arrival.talk
                assert arrival.patience is None or visit.wait <= arrival.patience
            case VisitEnd.ABANDONED:
                assert arrival.hangs_up
                assert visit.wait == arrival.patience
            case VisitEnd.LEFT:
                assert visit.agent is None
            case VisitEnd.WAITING:
                assert arrival.patience is None, "who loses patience does not wait for ever"
    nobody_does_two_things_at_once(day, there)


def nobody_does_two_things_at_once(day: Day, there: dict[AgentId, Shift]) -> None:
    for agent, one in there.items():
        work = sorted(
            ((visit.at + visit.wait, visit) for visit in day.visits if visit.agent == agent),
            key=lambda answered: (answered[0], answered[1].talk),
        )
        for (begin, visit), (following, _) in pairwise(work):
            assert begin + busy(visit) <= following
        assert sum((busy(visit) for _, visit in work), seconds(0)) <= day.presence[agent]
        assert day.presence[agent] >= one.ends - one.begins


def busy(visit: Visit) -> timedelta:
    return visit.talk + visit.wrap_up
