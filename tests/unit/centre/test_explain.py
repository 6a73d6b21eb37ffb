"""Why this agent: each candidate's verdict in words, and the order in which the others would have come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre.causes import Cause
from bridge.centre.decision import Decision, Hindrance, Standing
from bridge.centre.explain import Judged, Verdict, explain
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Member, Strategy, ToAgent, ToQueue, Widening
from tests.fakes import plans
from tests.fakes.callers import known
from tests.fakes.plans import AGENTS, COMMON, ENGLISH, seconds
from tests.fakes.world import START, World, world_of

A, B, C, D, E = AGENTS


def last_decision(world: World) -> Decision:
    return list(world.offers.values())[-1].decision


def judged(world: World) -> dict[AgentId, Judged]:
    return {one.agent: one for one in explain(last_decision(world))}


# ── verdicts ─────────────────────────────────────────────────────────────────


def test_chosen_comes_first_and_the_next_after_him() -> None:
    world = world_of(plans.one_queue(3, strategy=Strategy.LINEAR), A, B, C)
    world.caller()
    verdicts = explain(last_decision(world))
    assert [(one.agent, one.verdict, one.rank) for one in verdicts] == [
        (A, Verdict.CHOSEN, 1),
        (B, Verdict.NEXT, 2),
        (C, Verdict.NEXT, 3),
    ]


def hindered(world: World, how: Hindrance) -> None:
    """The agent 1001, by his own way."""
    match how:
        case Hindrance.LOGGED_OUT:
            world.tell(f.AgentLoggedOut(A))
        case Hindrance.UNREACHABLE:
            world.phone(A, False)
        case Hindrance.PAUSED:
            world.tell(f.AgentPaused(A, "lunch"))
        case Hindrance.RINGING:
            world.caller()
        case Hindrance.TALKING:
            world.caller()
            world.talk(A)
        case Hindrance.WRAP_UP:
            world.caller()
            world.serve(A)
        case Hindrance.RESTING:
            call = world.caller()
            world.refuse(A)
            world.hang_up(call)
        case Hindrance.OUTSIDE:
            world.tell(f.PhoneTaken(CallId("private"), A, True))
    world.pump()


@pytest.mark.parametrize("how", Hindrance)
def test_who_is_hindered_is_said_by_what(how: Hindrance) -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR, wrap_up=seconds(60)), A)
    hindered(world, how)
    world.arrive(B)
    world.caller()
    verdicts = judged(world)
    assert verdicts[B].verdict is Verdict.CHOSEN
    assert verdicts[A].verdict is Verdict.HINDERED
    assert verdicts[A].detail.split()[0] == how.value
    assert verdicts[A].rank is None


def test_pause_is_said_with_its_reason() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.tell(f.AgentPaused(A, "lunch"))
    world.caller()
    assert judged(world)[A].detail == "paused lunch"


def test_who_lacks_a_skill_is_said_which_and_how_much() -> None:
    plan = plans.skilled(plans.one_queue(3, needs=((ENGLISH, 2),)), a1002=1, a1003=2)
    world = world_of(plan, A, B, C)
    world.caller()
    verdicts = judged(world)
    assert (verdicts[A].verdict, verdicts[A].detail) == (Verdict.SKILL, "english 0 < 2")
    assert (verdicts[B].verdict, verdicts[B].detail) == (Verdict.SKILL, "english 1 < 2")
    assert verdicts[C].verdict is Verdict.CHOSEN


def test_skill_is_judged_by_what_is_needed_after_widening() -> None:
    plan = plans.one_queue(2, needs=((ENGLISH, 2),), widening=(Widening(seconds(5), None, 1),))
    world = world_of(plans.skilled(plan, a1002=1), A, B)
    world.caller()
    world.pass_time(5)
    verdicts = judged(world)
    assert verdicts[A].detail == "english 0 < 1"
    assert verdicts[B].verdict is Verdict.CHOSEN


def test_who_is_not_asked_yet_is_said_by_his_penalty() -> None:
    plan = plans.one_queue(2, members=plans.penalties(0, 7), widening=(Widening(seconds(0), 3),))
    world = world_of(plan, A, B)
    world.caller()
    assert (judged(world)[B].verdict, judged(world)[B].detail) == (Verdict.PENALTY, "7 > 3")


def test_who_is_not_the_one_he_asked_for_is_said_so() -> None:
    plan = plans.one_queue(2)
    world = world_of(replace(plan, numbers={"7": ToAgent(E, COMMON, seconds(30))}), A, B, E)
    world.caller("7")
    verdicts = judged(world)
    assert verdicts[E].verdict is Verdict.CHOSEN
    assert {verdicts[agent].verdict for agent in (A, B)} == {Verdict.NOT_PREFERRED}
    assert verdicts[A].detail == E


def test_sticky_agent_is_the_reason_also_when_it_was_not_his_turn() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR, sticky=seconds(9)), A, B)
    call = world.call_in("1", "+15550100")
    world.pump("ami", "ari")
    world.store.clear()
    world.tell(known(call, agent=B))
    verdicts = judged(world)
    assert verdicts[B].verdict is Verdict.CHOSEN
    assert verdicts[A].verdict is Verdict.NOT_PREFERRED


def test_after_the_preferred_one_has_not_answered_the_strategy_is_the_reason_again() -> None:
    plan = plans.one_queue(2, strategy=Strategy.LINEAR)
    world = world_of(replace(plan, numbers={"7": ToAgent(E, COMMON, seconds(30))}), A, B, E)
    world.caller("7")
    world.refuse(E)
    verdicts = judged(world)
    assert (verdicts[A].verdict, verdicts[B].verdict) == (Verdict.CHOSEN, Verdict.NEXT)


def test_every_candidate_is_judged_once() -> None:
    plan = plans.skilled(
        plans.one_queue(5, members=plans.penalties(0, 0, 0, 9, 0)), a1001=2, a1003=2, a1004=2
    )
    plan = replace(plan, numbers={"1": ToQueue(COMMON, ((ENGLISH, 2),))})
    plan = plans.changed(plan, widening=(Widening(seconds(0), 5),))
    world = world_of(plan, A, B, C, D)
    world.caller()
    verdicts = explain(last_decision(world))
    assert sorted(one.agent for one in verdicts) == sorted(AGENTS)
    assert {one.agent: one.verdict for one in verdicts} == {
        A: Verdict.CHOSEN,
        B: Verdict.SKILL,
        C: Verdict.NEXT,
        D: Verdict.PENALTY,
        E: Verdict.HINDERED,
    }


def test_explanation_is_of_that_moment_and_does_not_change_with_the_floor() -> None:
    world = world_of(plans.one_queue(3, strategy=Strategy.LINEAR), A, B)
    world.caller()
    decision = last_decision(world)
    before = explain(decision)
    world.talk(A)
    world.tell(f.AgentPaused(B, "lunch"))
    world.arrive(C)
    assert explain(decision) == before


def test_all_who_ring_at_once_are_chosen() -> None:
    world = world_of(plans.one_queue(3, strategy=Strategy.RINGALL, members=plans.penalties(0, 0, 4)), A, B, C)
    world.caller()
    assert [(one.agent, one.verdict) for one in explain(last_decision(world))] == [
        (A, Verdict.CHOSEN),
        (B, Verdict.CHOSEN),
        (C, Verdict.NEXT),
    ]


# ── the order is the strategy's ──────────────────────────────────────────────

NOON = START
STANDINGS = (
    Standing(A, 0, 0, {}, None, idle=5, idle_since=NOON, calls=3, talked=timedelta(seconds=90)),
    Standing(B, 1, 0, {}, None, idle=2, idle_since=NOON, calls=1, talked=timedelta(seconds=50)),
    Standing(C, 2, 5, {}, None, idle=1, idle_since=NOON, calls=0, talked=timedelta(0)),
    Standing(D, 3, 0, {}, None, idle=4, idle_since=NOON, calls=2, talked=timedelta(seconds=20)),
)
ORDER = {
    Strategy.LINEAR: [A, B, D, C],
    Strategy.FEWESTCALLS: [B, D, A, C],
    Strategy.LEASTRECENT: [B, D, A, C],
    Strategy.LEASTTALK: [D, A, B, C],
    Strategy.RRMEMORY: [B, D, A, C],  # the last turn was 1001's
}


def decision(strategy: Strategy, *chosen: AgentId, turn: int = 0) -> Decision:
    return Decision(CallId("call.1"), COMMON, strategy, (), None, None, turn, 7, chosen, STANDINGS)


@pytest.mark.parametrize("strategy", ORDER)
def test_order_is_the_strategys_and_penalties_come_first(strategy: Strategy) -> None:
    order = ORDER[strategy]
    verdicts = explain(decision(strategy, order[0]))
    assert [one.agent for one in verdicts] == order
    assert [one.rank for one in verdicts] == [1, 2, 3, 4]


@pytest.mark.parametrize(("turn", "order"), [(-1, [A, B, D, C]), (1, [D, A, B, C]), (3, [A, B, D, C])])
def test_round_robin_order_begins_after_the_last_turn(turn: int, order: list[AgentId]) -> None:
    verdicts = explain(decision(Strategy.RRMEMORY, order[0], turn=turn))
    assert [one.agent for one in verdicts] == order


def test_ringall_order_is_all_of_the_lowest_penalty_then_the_others() -> None:
    verdicts = explain(decision(Strategy.RINGALL, A, B, D))
    assert [one.agent for one in verdicts] == [A, B, D, C]
    assert [one.verdict for one in verdicts] == [Verdict.CHOSEN] * 3 + [Verdict.NEXT]


@pytest.mark.parametrize("strategy", [Strategy.RANDOM, Strategy.WRANDOM])
def test_of_a_drawing_it_is_said_who_was_drawn(strategy: Strategy) -> None:
    verdicts = {one.agent: one for one in explain(decision(strategy, D))}
    assert verdicts[D].rank == 1
    assert verdicts[D].metric == "drawn"
    assert all("not drawn" in verdicts[agent].metric for agent in (A, B, C))


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (Strategy.LINEAR, "place 2"),
        (Strategy.RINGALL, "place 2"),
        (Strategy.FEWESTCALLS, "1 calls"),
        (Strategy.LEASTRECENT, "idle since 09:00:00"),
        (Strategy.LEASTTALK, "50 s on average in 1 calls"),
        (Strategy.RRMEMORY, "place 2, last turn 1"),
    ],
)
def test_what_was_compared_is_said_in_words(strategy: Strategy, words: str) -> None:
    assert {one.agent: one.metric for one in explain(decision(strategy, A))}[B] == words


@pytest.mark.parametrize("strategy", Strategy)
def test_penalty_is_said_where_there_is_one(strategy: Strategy) -> None:
    metrics = {one.agent: one.metric for one in explain(decision(strategy, A))}
    assert metrics[C].startswith("penalty 5, ")
    assert not metrics[A].startswith("penalty")


@pytest.mark.parametrize("strategy", [s for s in Strategy if s is not Strategy.RINGALL])
def test_next_in_the_explanation_is_who_is_asked_next(strategy: Strategy) -> None:
    """As long as nothing is drawn, what is explained is what happens when the first one refuses."""
    members = (Member(A, 2), Member(B), Member(C), Member(D, 1), Member(E))
    world = world_of(plans.one_queue(5, strategy=strategy, members=members), *AGENTS)
    for _ in range(7):
        call = world.caller()
        world.talk(world.rung[0])
        world.hang_up(call)
    world.caller()
    first = explain(last_decision(world))
    world.refuse(world.rung[0], Cause.CALL_REJECTED)
    second = last_decision(world).chosen[0]
    able = [one.agent for one in first if one.verdict is Verdict.NEXT]
    if strategy in (Strategy.RANDOM, Strategy.WRANDOM):
        assert second in able
    else:
        assert second == able[0]
