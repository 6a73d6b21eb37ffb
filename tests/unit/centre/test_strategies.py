"""Each strategy's own order, on the router alone: who is asked first, and who when all is equal."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import messages as m
from bridge.centre.decision import Hindrance, OfferEnd
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Member, Strategy
from tests.fakes import plans
from tests.fakes.alone import Alone, alone
from tests.fakes.plans import AGENTS, COMMON

A, B, C, D, E = AGENTS
ONE_AT_A_TIME = [strategy for strategy in Strategy if strategy is not Strategy.RINGALL]
ORDERED = [s for s in ONE_AT_A_TIME if s not in (Strategy.RANDOM, Strategy.WRANDOM)]


# ── penalties come before everything ─────────────────────────────────────────


@pytest.mark.parametrize("strategy", ORDERED)
def test_lower_penalty_is_asked_first_whatever_the_strategy_compares(strategy: Strategy) -> None:
    desk = alone(strategy, members=plans.penalties(5, 0, 5))
    for _ in range(6):
        assert desk.served() == B  # the most calls, the most talk, the shortest idle: and still he


@pytest.mark.parametrize("strategy", [*ORDERED, Strategy.RANDOM])
def test_higher_penalty_is_asked_when_all_lower_ones_are_busy(strategy: Strategy) -> None:
    desk = alone(strategy, members=plans.penalties(5, 0, 7))
    desk.busy(B)
    assert [desk.served() for _ in range(4)] == [A] * 4


def test_random_draws_only_among_the_lowest_penalty() -> None:
    desk = alone(Strategy.RANDOM, members=plans.penalties(0, 5, 0))
    assert {desk.asked()[0] for _ in range(100)} == {A, C}


# ── ringall ──────────────────────────────────────────────────────────────────


def test_ringall_asks_all_free_ones_of_the_lowest_penalty_in_one_go() -> None:
    desk = alone(Strategy.RINGALL, 4, members=plans.penalties(0, 0, 3, 0))
    assert set(desk.asked()) == {A, B, D}


def test_ringall_asks_the_next_penalty_when_nobody_of_the_lowest_is_free() -> None:
    desk = alone(Strategy.RINGALL, 4, members=plans.penalties(0, 3, 3, 7))
    desk.busy(A)
    assert set(desk.asked()) == {B, C}


# ── linear ───────────────────────────────────────────────────────────────────


def test_linear_asks_in_the_order_of_the_list_every_time() -> None:
    desk = alone(Strategy.LINEAR)
    assert [desk.served() for _ in range(3)] == [A, A, A]


def test_linear_asks_the_next_of_the_list_when_the_first_are_busy() -> None:
    desk = alone(Strategy.LINEAR)
    desk.busy(A)
    assert desk.asked() == (B,)
    desk.busy(B)
    assert desk.asked() == (C,)


def test_linear_order_is_the_lists_and_not_the_names() -> None:
    desk = alone(Strategy.LINEAR, members=(Member(C), Member(A), Member(B)))
    assert desk.asked() == (C,)


# ── fewestcalls ──────────────────────────────────────────────────────────────


def test_fewestcalls_asks_who_has_answered_least() -> None:
    desk = alone(Strategy.FEWESTCALLS)
    assert Counter(desk.served() for _ in range(9)) == {A: 3, B: 3, C: 3}


def test_fewestcalls_tie_goes_by_the_list() -> None:
    desk = alone(Strategy.FEWESTCALLS, members=(Member(B), Member(C), Member(A)))
    assert [desk.served() for _ in range(3)] == [B, C, A]


def test_fewestcalls_counts_answers_not_offers() -> None:
    desk = alone(Strategy.FEWESTCALLS)
    for _ in range(3):
        assert desk.asked() == (A,)  # offered, never answered


def test_fewestcalls_counts_this_queue_only() -> None:
    desk = alone(Strategy.FEWESTCALLS, 2)
    call = desk.call()
    desk.ringing.pop(call)
    desk.tell(m.OfferResult(call, A, plans.GROUP, OfferEnd.ANSWERED))
    desk.tell(m.LeaveQueue(call))
    desk.free(A)
    assert desk.asked() == (A,)


@pytest.mark.parametrize("strategy", [Strategy.FEWESTCALLS, Strategy.LEASTTALK])
def test_counts_are_kept_over_a_reload(strategy: Strategy) -> None:
    plan = plans.one_queue(3, strategy=strategy)
    desk = Alone(plan)
    desk.free(A, B, C)
    assert [desk.served() for _ in range(2)] == [A, B]
    desk.load(plans.changed(plan, weight=5, members=(*plan.queues[COMMON].members, Member(D))))
    assert desk.asked() == (C,)
    desk.busy(C)
    desk.free(D)
    assert desk.asked() == (D,)


# ── leastrecent ──────────────────────────────────────────────────────────────


def test_leastrecent_asks_the_longest_idle() -> None:
    desk = alone(Strategy.LEASTRECENT, free=False)
    desk.free(B, C, A)
    assert [desk.served() for _ in range(7)] == [B, C, A, B, C, A, B]


def test_leastrecent_idle_runs_from_the_end_of_the_last_call_not_from_the_last_pause() -> None:
    desk = alone(Strategy.LEASTRECENT)
    desk.busy(A, Hindrance.PAUSED)
    desk.free(A)
    assert desk.asked() == (A,)


def test_leastrecent_is_not_misled_by_a_clock_that_steps_back() -> None:
    desk = alone(Strategy.LEASTRECENT)
    assert desk.served() == A
    desk.now -= timedelta(hours=1)
    assert desk.served() == B
    desk.now += timedelta(hours=2)
    assert [desk.served() for _ in range(4)] == [C, A, B, C]


def test_leastrecent_tie_of_those_who_never_had_a_call_goes_by_the_list() -> None:
    desk = alone(Strategy.LEASTRECENT, free=False, members=(Member(B), Member(C), Member(A)))
    desk.idle = dict.fromkeys((A, B, C))
    desk.free(A, C, B)
    assert [desk.served() for _ in range(3)] == [B, C, A]


# ── rrmemory ─────────────────────────────────────────────────────────────────


def test_rrmemory_goes_round() -> None:
    desk = alone(Strategy.RRMEMORY)
    assert [desk.served() for _ in range(7)] == [A, B, C, A, B, C, A]


def test_rrmemory_goes_on_after_who_was_asked_though_he_did_not_answer() -> None:
    desk = alone(Strategy.RRMEMORY)
    assert [desk.asked()[0] for _ in range(4)] == [A, B, C, A]


def test_rrmemory_passes_over_who_is_busy_and_takes_him_in_when_he_is_free() -> None:
    desk = alone(Strategy.RRMEMORY, 4)
    assert desk.served() == A
    desk.busy(B)
    assert [desk.served() for _ in range(3)] == [C, D, A]
    desk.free(B)
    assert [desk.served() for _ in range(4)] == [B, C, D, A]


def test_rrmemory_remembers_the_turn_over_a_reload() -> None:
    plan = plans.one_queue(4, strategy=Strategy.RRMEMORY)
    desk = Alone(plan)
    desk.free(*AGENTS[:4])
    assert [desk.served() for _ in range(2)] == [A, B]
    desk.load(plans.changed(plan, weight=3))
    assert [desk.served() for _ in range(3)] == [C, D, A]


@pytest.mark.parametrize(
    ("members", "next_"),
    [
        ((B, C, D), [C, D, B]),  # an earlier one has left
        ((E, A, B, C, D), [C, D, E]),  # a new one before
        ((D, C, B, A), [A, D, C]),  # the same in another order: after B comes A
    ],
    ids=["one_left", "one_came_before", "another_order"],
)
def test_rrmemory_goes_on_after_the_last_one_asked_when_the_list_has_changed(
    members: tuple[AgentId, ...], next_: list[AgentId]
) -> None:
    plan = plans.one_queue(4, strategy=Strategy.RRMEMORY)
    desk = Alone(plan)
    desk.free(*AGENTS)
    assert [desk.served() for _ in range(2)] == [A, B]
    desk.load(plans.changed(plan, members=tuple(Member(agent) for agent in members)))
    assert [desk.served() for _ in range(3)] == next_


def test_rrmemory_new_member_does_not_swallow_all_calls() -> None:
    plan = plans.one_queue(3, strategy=Strategy.RRMEMORY)
    desk = Alone(plan)
    desk.free(*AGENTS)
    for _ in range(30):
        desk.served()
    desk.load(plans.changed(plan, members=tuple(Member(agent) for agent in AGENTS[:4])))
    assert Counter(desk.served() for _ in range(8)) == {A: 2, B: 2, C: 2, D: 2}


# ── leasttalk ────────────────────────────────────────────────────────────────


def test_leasttalk_asks_the_lowest_average_not_the_lowest_total() -> None:
    desk = alone(Strategy.LEASTTALK, 2)
    assert desk.served(talk=100) == A
    assert desk.served(talk=60) == B
    assert desk.served(talk=60) == B  # 120 in all, 60 on average: still the lower one
    assert desk.asked() == (B,)


def test_leasttalk_moves_on_when_the_average_has_become_longer() -> None:
    desk = alone(Strategy.LEASTTALK, 2)
    assert desk.served(talk=100) == A
    assert desk.served(talk=90) == B
    assert desk.served(talk=300) == B  # 195 on average
    assert desk.asked() == (A,)


def test_leasttalk_tie_goes_by_the_list() -> None:
    desk = alone(Strategy.LEASTTALK, members=(Member(C), Member(B), Member(A)))
    assert [desk.served() for _ in range(3)] == [C, B, A]


def test_leasttalk_counts_talk_in_this_queue_only() -> None:
    desk = alone(Strategy.LEASTTALK, 2)
    desk.served(talk=10)
    desk.served(talk=20)
    desk.tell(m.AgentReleased(CallId("other"), A, plans.GROUP, timedelta(hours=1)))
    assert desk.asked() == (A,)


# ── what holds for all ───────────────────────────────────────────────────────


@pytest.mark.parametrize("strategy", ONE_AT_A_TIME)
def test_one_agent_is_asked_at_a_time(strategy: Strategy) -> None:
    assert len(alone(strategy).asked()) == 1


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("hindrance", Hindrance)
def test_who_is_hindered_is_never_asked(strategy: Strategy, hindrance: Hindrance) -> None:
    desk = alone(strategy, 2)
    desk.busy(A, hindrance)
    desk.busy(B, hindrance)
    assert desk.asked() == ()
    desk.free(B)
    assert desk.asked() == (B,)


@pytest.mark.parametrize("strategy", Strategy)
def test_strategy_may_be_changed_while_callers_wait(strategy: Strategy) -> None:
    plan = plans.one_queue(3, strategy=Strategy.LINEAR)
    desk = Alone(plan)
    calls = [desk.call() for _ in range(3)]
    desk.load(plans.changed(plan, strategy=strategy))
    desk.free(A)
    assert desk.ringing == {calls[0]: (A,)}


def test_member_of_a_penalty_changed_by_a_reload_is_asked_by_the_new_one() -> None:
    plan = plans.one_queue(2, strategy=Strategy.LINEAR)
    desk = Alone(plan)
    desk.free(A, B)
    desk.load(plans.changed(plan, members=(Member(A, 3), Member(B, 0))))
    assert desk.asked() == (B,)


def test_skills_changed_by_a_reload_count_at_once() -> None:
    plan = replace(plans.one_queue(2, strategy=Strategy.LINEAR, needs=((plans.ENGLISH, 2),)))
    desk = Alone(plans.skilled(plan, a1001=2))
    desk.free(A, B)
    assert desk.asked() == (A,)
    desk.load(plans.skilled(plan, a1001=1, a1002=2))
    assert desk.asked() == (B,)
