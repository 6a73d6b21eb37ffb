"""What stands for chance, over thousands of draws: even for random, app_queue's own shares for wrandom."""

from collections import Counter
from itertools import pairwise

import pytest

from bridge.centre.ids import AgentId
from bridge.centre.plan import Strategy, Widening
from tests.fakes import plans
from tests.fakes.alone import alone
from tests.fakes.plans import AGENTS, seconds

A, B, C, D, E = AGENTS


# ── random ───────────────────────────────────────────────────────────────────


def test_random_is_uniform_over_many_calls() -> None:
    desk = alone(Strategy.RANDOM, 5)
    drawn = Counter(desk.asked()[0] for _ in range(5000))
    assert drawn.keys() == set(AGENTS)
    expected = 5000 / 5
    assert sum((n - expected) ** 2 / expected for n in drawn.values()) < 18.5  # χ², 4 degrees, p = 0.001


def test_random_does_not_follow_a_pattern_from_one_call_to_the_next() -> None:
    desk = alone(Strategy.RANDOM, 2)
    drawn = [desk.asked()[0] for _ in range(4000)]
    repeated = sum(one == after for one, after in pairwise(drawn))
    assert 1800 < repeated < 2200  # six standard deviations


@pytest.mark.parametrize("strategy", [Strategy.RANDOM, Strategy.WRANDOM])
def test_what_stands_for_chance_draws_the_same_in_a_replay(strategy: Strategy) -> None:
    first, second = (alone(strategy, 5, members=plans.penalties(0, 1, 2, 0, 1)) for _ in range(2))
    assert [first.asked() for _ in range(200)] == [second.asked() for _ in range(200)]


# ── wrandom ──────────────────────────────────────────────────────────────────


def shares(*by_penalty: int, draws: int = 8000, **fields) -> dict[AgentId, float]:
    desk = alone(Strategy.WRANDOM, len(by_penalty), members=plans.penalties(*by_penalty), **fields)
    drawn = Counter(desk.asked()[0] for _ in range(draws))
    return {agent: drawn[agent] / draws for agent in AGENTS[: len(by_penalty)]}


def app_queues(*by_penalty: int) -> list[float]:
    """app_queue's wrandom: each draws evenly below (penalty + 1) · 1000 and the lowest is asked.

    P(one is lowest) = ∫ 1/own · Π (1 − x/other) dx, summed here on a fine grid.
    """
    tops = [penalty + 1 for penalty in by_penalty]
    steps = 20_000
    found = []
    for own, top in enumerate(tops):
        total = 0.0
        for step in range(steps):
            x = (step + 0.5) * top / steps
            others = 1.0
            for other, high in enumerate(tops):
                if other != own:
                    others *= max(0.0, 1 - x / high)
            total += others / steps
        found.append(total)
    return found


@pytest.mark.parametrize(
    "by_penalty",
    [
        (0, 0, 3),
        (5, 5, 5),
        (0, 1),
        (2, 0, 1),
        (0, 4, 4, 4, 4),
        (1, 0, 0, 9),
    ],
)
def test_wrandom_is_distributed_as_app_queues(by_penalty: tuple[int, ...]) -> None:
    drawn = shares(*by_penalty)
    for agent, expected in zip(AGENTS, app_queues(*by_penalty), strict=False):
        assert drawn[agent] == pytest.approx(expected, abs=0.025)  # over four standard deviations


def test_wrandom_penalty_excludes_nobody() -> None:
    drawn = shares(0, 1, 3)
    assert drawn[A] > drawn[B] > drawn[C] > 0.04


def test_wrandom_does_not_ask_beyond_the_penalty_that_may_be_asked_by_now() -> None:
    steps = (Widening(seconds(0), 1),)
    desk = alone(Strategy.WRANDOM, members=plans.penalties(0, 1, 3), widening=steps)
    assert {desk.asked(level=1)[0] for _ in range(300)} == {A, B}


def test_wrandom_asks_who_is_free() -> None:
    desk = alone(Strategy.WRANDOM, members=plans.penalties(0, 0, 9))
    desk.busy(A)
    desk.busy(B)
    assert desk.asked() == (C,)
