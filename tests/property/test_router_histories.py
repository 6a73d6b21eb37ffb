"""The router against brute force: ten thousand generated histories, each offer judged by a search.

What the router finds in sorted pools and heads of buckets must be what a search through all callers and all
members finds. Both sides of the seam are played here: who is offered rings, answers, declines, goes away.
"""

from collections import deque
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.centre import messages as m
from bridge.centre.decision import AWAY, Decision, Hindrance, OfferEnd, Standing
from bridge.centre.explain import Verdict, explain
from bridge.centre.ids import AgentId, CallId, Endpoint, QueueName, Skill
from bridge.centre.plan import Agent, Member, Needs, Plan, Queue, Strategy, Widening
from bridge.centre.router import Router
from bridge.centre.strategies import joined, lowered, metric

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
AGENTS = [AgentId(str(1001 + n)) for n in range(6)]
QUEUES = [QueueName("first"), QueueName("second")]
ENGLISH, BILLING = Skill("english"), Skill("billing")
NEEDS: list[Needs] = [(), ((ENGLISH, 1),), ((ENGLISH, 3),), ((BILLING, 2), (ENGLISH, 1))]
WIDENING = (Widening(timedelta(0), 0), Widening(timedelta(seconds=5), 5, 1), Widening(timedelta(seconds=9)))
ENDS = [
    OfferEnd.ANSWERED,
    OfferEnd.ANSWERED,
    OfferEnd.NO_ANSWER,
    OfferEnd.BUSY,
    OfferEnd.REJECTED,
    OfferEnd.UNREACHABLE,
    OfferEnd.FAILED,
]


def queues(strategies: tuple[Strategy, Strategy], weights: tuple[int, int], widen: bool) -> list[Queue]:
    return [
        Queue(
            name,
            name,
            name,
            tuple(Member(agent, 5 * (n % 3)) for n, agent in enumerate(AGENTS[part])),
            strategy=strategy,
            weight=weight,
            widening=WIDENING if widen else (),
        )
        for name, strategy, weight, part in zip(
            QUEUES, strategies, weights, (slice(0, 5), slice(2, 6)), strict=True
        )
    ]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "free", "free", "away", "end", "end", "leave", "amend"]),
        st.integers(0, 11),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=40,
)


class Reference:
    """The same two parties, kept as plainly as possible."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.router = Router()
        self.now = START
        self.places = 0
        self.entered: dict[CallId, m.EnterQueue] = {}
        self.state: dict[AgentId, Hindrance | None] = dict.fromkeys(AGENTS, Hindrance.LOGGED_OUT)
        self.idle: dict[AgentId, datetime | None] = dict.fromkeys(AGENTS)
        self.ringing: dict[CallId, list[AgentId]] = {}
        self.offers = 0
        out = m.Output()
        self.router.load(plan, out)
        assert not out.messages

    def tell(self, *messages: m.Message) -> None:
        """As the floor does: what anybody says is delivered before the next thing happens."""
        pending = deque(messages)
        self.now += timedelta(seconds=1)
        while pending:
            message = pending.popleft()
            assert not isinstance(message, m.Offer | m.PositionIs | m.TurnedAway | m.AgentBusyOutside)
            if isinstance(message, m.AgentChanged):
                self.state[message.agent] = message.hindrance
            out = m.Output()
            self.router.step(message, self.now, out)
            offers = [one for one in out.messages if isinstance(one, m.Offer)]
            assert offers == out.messages
            if offers:
                self.judge(offers[0])
            for offer in offers:
                pending.extend(self.take(offer))
        self.nobody_waits_for_who_is_free()

    def take(self, offer: m.Offer) -> list[m.Message]:
        assert offer.call in self.entered
        assert self.state[offer.agent] is None
        assert offer.agent not in [a for agents in self.ringing.values() for a in agents]
        self.offers += 1
        self.state[offer.agent] = Hindrance.RINGING
        self.ringing.setdefault(offer.call, []).append(offer.agent)
        return [self.changed(offer.agent, Hindrance.RINGING)]

    def changed(self, agent: AgentId, hindrance: Hindrance | None) -> m.AgentChanged:
        return m.AgentChanged(agent, hindrance, "", self.idle[agent])

    # ── brute force ──────────────────────────────────────────────────────────

    def able(self, agent: AgentId, caller: m.EnterQueue) -> bool:
        queue = self.plan.queues[caller.queue]
        member = next((one for one in queue.members if one.agent == agent), None)
        if member is None or self.state[agent] is not None:
            return False
        step = queue.widening[caller.level - 1] if caller.level and queue.widening else None
        needs = lowered(joined(queue.needs, caller.needs), step.lower if step else 0)
        limit = step.penalty if step else None
        skills = self.plan.agents[agent].skills
        return all(skills.get(skill, 0) >= level for skill, level in needs) and (
            limit is None or member.penalty <= limit
        )

    def judge(self, offer: m.Offer) -> None:
        """The first offer of a step, before anything else has changed."""
        decision, caller = offer.decision, self.entered[offer.call]
        assert decision.chosen[0] == offer.agent
        judged = {one.agent: one for one in explain(decision)}
        assert {a for a, one in judged.items() if one.verdict is Verdict.CHOSEN} == set(decision.chosen)
        if decision.preferred is not None:
            assert decision.chosen == (decision.preferred,)
            return
        able = [agent for agent in AGENTS if self.able(agent, caller)]
        assert set(decision.chosen) <= set(able)
        self.judge_agent(decision, able)
        self.judge_caller(offer)

    def judge_agent(self, decision: Decision, able: list[AgentId]) -> None:
        standings = {standing.agent: standing for standing in decision.standings}
        lowest = min(standings[agent].penalty for agent in able)
        chosen = [standings[agent] for agent in decision.chosen]
        if decision.strategy is Strategy.WRANDOM:
            return
        assert {standing.penalty for standing in chosen} == {lowest}
        rivals = [standings[agent] for agent in able if standings[agent].penalty == lowest]
        match decision.strategy:
            case Strategy.RINGALL:
                ringing = self.ringing.get(decision.call)
                assert ringing or {s.agent for s in chosen} == {s.agent for s in rivals}
            case Strategy.RRMEMORY:
                after = [s.position for s in rivals if s.position > decision.turn]
                assert chosen[0].position == min(after or [s.position for s in rivals])
            case Strategy.RANDOM:
                assert chosen[0] in rivals
            case _:
                assert chosen[0] == min(rivals, key=lambda s: metric(decision, s)[0])

    def judge_caller(self, offer: m.Offer) -> None:
        """Nobody whom this agent could have served has a better claim: weight, priority, place."""

        def claim(caller: m.EnterQueue) -> tuple[int, int, int]:
            return -self.plan.queues[caller.queue].weight, -caller.priority, caller.place

        mine = claim(self.entered[offer.call])
        for caller in self.entered.values():
            held = any(caller.call in callers for callers in self.router.held.values())
            if caller.call not in self.ringing and not held and self.able(offer.agent, caller):
                assert claim(caller) >= mine

    def nobody_waits_for_who_is_free(self) -> None:
        for caller in self.entered.values():
            held = any(caller.call in callers for callers in self.router.held.values())
            if not self.ringing.get(caller.call) and not held:
                assert not [agent for agent in AGENTS if self.able(agent, caller)]

    # ── what happens ─────────────────────────────────────────────────────────

    def enter(self, number: int, needs: int, queue: int) -> None:
        call = CallId(f"call.{self.places + 1}")
        self.places += 1
        preferred = AGENTS[number % 6] if number > 8 else None
        self.entered[call] = m.EnterQueue(
            call,
            QUEUES[queue % 2],
            self.places,
            NEEDS[needs % 4],
            priority=number % 3,
            level=needs % 4 if self.plan.queues[QUEUES[0]].widening else 0,
            preferred=preferred,
        )
        self.tell(self.entered[call])

    def free(self, agent: AgentId) -> None:
        if self.state[agent] is not Hindrance.RINGING:
            self.idle[agent] = self.idle[agent] or self.now
            self.tell(self.changed(agent, None))

    def away(self, agent: AgentId, how: int) -> None:
        if self.state[agent] is not Hindrance.RINGING:
            hindrance = [Hindrance.LOGGED_OUT, Hindrance.PAUSED, Hindrance.WRAP_UP, Hindrance.TALKING][how]
            self.tell(self.changed(agent, hindrance))

    def end(self, number: int, how: OfferEnd) -> None:
        rung = [(call, agent) for call, agents in self.ringing.items() for agent in agents]
        if not rung:
            return
        call, agent = rung[number % len(rung)]
        queue = self.entered[call].queue
        self.ringing[call].remove(agent)
        if how is not OfferEnd.ANSWERED:
            if not self.ringing[call]:
                del self.ringing[call]
            self.tell(m.OfferResult(call, agent, queue, how), self.changed(agent, Hindrance.RESTING))
            return
        losers = self.ringing.pop(call)
        del self.entered[call]
        self.idle[agent] = self.now
        elsewhere = OfferEnd.ANSWERED_ELSEWHERE
        self.tell(
            m.OfferResult(call, agent, queue, OfferEnd.ANSWERED),
            self.changed(agent, Hindrance.TALKING),
            *(m.OfferResult(call, loser, queue, elsewhere) for loser in losers),
            *(self.changed(loser, None) for loser in losers),
        )
        self.tell(m.AgentReleased(call, agent, queue, timedelta(seconds=int(call[5:]) % 7)))

    def leave(self, number: int) -> None:
        if self.entered:
            call = sorted(self.entered)[number % len(self.entered)]
            queue = self.entered.pop(call).queue
            losers = self.ringing.pop(call, [])
            self.tell(
                *(m.OfferResult(call, loser, queue, OfferEnd.WITHDRAWN) for loser in losers),
                m.LeaveQueue(call),
                *(self.changed(loser, None) for loser in losers),
            )

    def amend(self, number: int, level: int) -> None:
        waiting = sorted(call for call in self.entered if call not in self.ringing)
        if waiting:
            call = waiting[number % len(waiting)]
            old = self.entered[call]
            level = level if self.plan.queues[old.queue].widening else 0
            self.entered[call] = m.EnterQueue(
                call, old.queue, old.place, old.needs, number % 3, max(level, old.level), None
            )
            new = self.entered[call]
            self.tell(m.AmendWaiting(call, new.priority, new.level, None))


@settings(
    max_examples=10_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.tuples(st.sampled_from(Strategy), st.sampled_from(Strategy)),
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
    st.booleans(),
    EVENTS,
)
def test_every_offer_is_what_brute_force_finds(
    strategies: tuple[Strategy, Strategy],
    weights: tuple[int, int],
    widen: bool,
    events: list[tuple[str, int, int, int]],
) -> None:
    agents = {
        agent: Agent(agent, agent, Endpoint(f"PJSIP/{agent}"), skills={ENGLISH: n % 4, BILLING: n % 3})
        for n, agent in enumerate(AGENTS)
    }
    plan = Plan(queues={q.name: q for q in queues(strategies, weights, widen)}, agents=agents)
    reference = Reference(plan)
    for what, number, other, how in events:
        match what:
            case "enter":
                reference.enter(number, how, other)
            case "free":
                reference.free(AGENTS[other])
            case "away":
                reference.away(AGENTS[other], how)
            case "end":
                reference.end(number, ENDS[number % len(ENDS)])
            case "leave":
                reference.leave(number)
            case "amend":
                reference.amend(number, how)
    for call in list(reference.entered):
        reference.entered.pop(call)
        reference.ringing.pop(call, None)
        reference.router.step(m.LeaveQueue(call), reference.now, m.Output())
    assert not reference.router.queue_of
    assert not reference.router.held
    for served in reference.router.queues.values():
        assert (len(served.line), served.line.buckets, served.line.joinable) == (0, {}, [])


def test_away_is_what_ends_a_hold() -> None:
    assert {Hindrance.LOGGED_OUT, Hindrance.UNREACHABLE, Hindrance.PAUSED} == set(AWAY)
    assert Standing(AGENTS[0], 0, 0, {}).hindrance in AWAY
