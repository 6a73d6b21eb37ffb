"""Hypothesis plays callers, agents, supervisors and the network against the floor, in any order of streams.

The plan has everything in it: every strategy, skills, widening, sticky and named agents, overflow, voicemail,
moves; faults are mixed in: orders that fail, phones that die, plans that lose a queue, clocks that step.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.floor import Floor
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName
from bridge.centre.plan import Strategy
from tests.fakes import gap, plans
from tests.fakes.world import World

AGENTS = st.sampled_from(plans.AGENTS)
QUEUES = st.sampled_from([plans.COMMON, plans.GROUP])


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.arrived: list[CallId] = []
        self.kept: gap.Kept | None = None

    @initialize(strategy=st.sampled_from(Strategy), ready=st.sets(AGENTS))
    def begin(self, strategy: Strategy, ready: set[AgentId]) -> None:
        self.plan = plans.full(strategy)
        self.world.start(self.plan)
        for agent in sorted(ready):
            self.world.phone(agent)

    # ── what people and the network do ───────────────────────────────────────

    @rule(
        dialled=st.sampled_from(["1", "1", "1", "2", "3", "4", "5", "6", "999"]),
        number=st.sampled_from([None, "+79161234567", "+79167770000", "+15550100"]),
    )
    def call_comes(self, dialled: str, number: str | None) -> None:
        self.arrived.append(self.world.call_in(dialled, number))

    @rule(stream=st.sampled_from(["ari", "ami", "store"]), count=st.integers(1, 6))
    def facts_arrive(self, stream: str, count: int) -> None:
        waiting = getattr(self.world, stream)
        for _ in range(min(count, len(waiting))):
            self.world.tell(waiting.popleft())

    @rule()
    def all_is_quiet(self) -> None:
        self.world.pump()

    @rule(agent=AGENTS, reachable=st.booleans())
    def phone(self, agent: AgentId, reachable: bool) -> None:
        self.world.phone(agent, reachable)

    @rule()
    def all_leave_at_once(self) -> None:
        for agent in plans.AGENTS:
            self.world.tell(f.AgentLoggedOut(agent))

    @rule(agent=AGENTS)
    def agent_answers(self, agent: AgentId) -> None:
        self.world.answer(agent)

    @rule()
    def all_who_ring_answer_in_the_same_instant(self) -> None:
        for agent in plans.AGENTS:
            self.world.answer(agent)

    @rule(agent=AGENTS)
    def agent_answers_and_his_phone_dies(self, agent: AgentId) -> None:
        self.world.answer(agent)
        self.world.hang_up_agent(agent)

    @rule(agent=AGENTS, cause=st.sampled_from([16, 17, 18, 19, 20, 21, 38]))
    def agent_does_not_take_it(self, agent: AgentId, cause: int) -> None:
        leg = self.world.ringing_leg(agent)
        if leg is not None:
            self.world.end_leg(leg, cause)

    @rule(agent=AGENTS)
    def agent_hangs_up(self, agent: AgentId) -> None:
        self.world.hang_up_agent(agent)

    @rule(
        agent=AGENTS,
        what=st.sampled_from(
            [f.AgentReady, f.AgentLoggedOut, f.AgentLoggedIn, f.WrapUpEnded, f.WrapUpExtended]
        ),
    )
    def agent_says(self, agent: AgentId, what: type) -> None:
        self.world.tell(what(agent))

    @rule(agent=AGENTS)
    def agent_pauses(self, agent: AgentId) -> None:
        self.world.tell(f.AgentPaused(agent, "lunch"))

    @rule(agent=AGENTS, feature=st.sampled_from(f.Feature), argument=st.sampled_from(["", "1", "9"]))
    def agent_dials_a_code(self, agent: AgentId, feature: f.Feature, argument: str) -> None:
        self.world.dial_code(Endpoint(f"PJSIP/{agent}"), feature, argument)

    @rule(agent=AGENTS, queue=QUEUES, penalty=st.sampled_from([None, 0, 10]))
    def supervisor_moves(self, agent: AgentId, queue: QueueName, penalty: int | None) -> None:
        self.world.tell(f.MemberMoved(agent, queue, penalty))

    @rule(agent=AGENTS, queue=QUEUES)
    def supervisor_undoes(self, agent: AgentId, queue: QueueName) -> None:
        self.world.tell(f.MemberRestored(agent, queue))

    @rule(gone=st.sampled_from([None, plans.COMMON, plans.GROUP]))
    def plan_changes(self, gone: QueueName | None) -> None:
        self.world.tell(f.PlanLoaded(self.plan if gone is None else plans.without(self.plan, gone)))

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def client_hangs_up(self, data: st.DataObject) -> None:
        self.world.hang_up_client(data.draw(st.sampled_from(self.arrived)))

    @precondition(lambda self: self.world.floor.calls)
    @rule(data=st.data(), digit=st.sampled_from("12#"))
    def client_dials(self, data: st.DataObject, digit: str) -> None:
        call = data.draw(st.sampled_from(sorted(self.world.floor.calls)))
        self.world.ari.append(f.DigitReceived(call, LegId(call), digit))

    @rule()
    def outside_number_answers(self) -> None:
        self.world.answer_outside()

    @rule(
        order=st.sampled_from(["RingAgent", "RingNumber", "Play", "LookUpClient"]),
        reason=st.sampled_from(
            [f.FailureReason.UNREACHABLE, f.FailureReason.TIMEOUT, f.FailureReason.REFUSED]
        ),
    )
    def next_order_fails(self, order: str, reason: f.FailureReason) -> None:
        self.world.fail_next[order] = reason

    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(hours=st.sampled_from([-1, 1]))
    def clock_steps(self, hours: int) -> None:
        self.world.step_clock(timedelta(hours=hours))

    @rule()
    def link_is_lost(self) -> None:
        self.world.tell(f.LinkDown())

    @rule()
    def link_is_back(self) -> None:
        self.world.pump("ari")  # what came meanwhile is told before
        self.world.tell(f.LinkUp())

    # ── the process ──────────────────────────────────────────────────────────

    @rule()
    def a_checkpoint_is_written(self) -> None:
        self.kept = gap.checkpoint(self.world)

    @precondition(lambda self: self.kept)
    @rule()
    def process_is_killed_and_continued(self) -> None:
        """Of the checkpoint and the facts after it the floor is what it was, to the last counter."""
        assert self.kept is not None
        floor = gap.recalled(self.world, self.kept).floor
        assert comparable(floor) == comparable(self.world.floor)
        self.world.floor = floor

    # ── what must always hold ────────────────────────────────────────────────

    @invariant()
    def an_agent_is_in_one_conversation_at_most(self) -> None:
        for agent in plans.AGENTS:
            bridged = [
                bridge
                for bridge, members in self.world.bridges.items()
                for leg in members
                if self.world.legs[leg].agent == agent
            ]
            assert len(bridged) <= 1

    @invariant()
    def nobody_rings_who_is_not_ringing_to_us(self) -> None:
        offers = [offer.agent for call in self.world.floor.calls.values() for offer in call.offers.values()]
        assert len(offers) == len(set(offers))
        for agent in offers:
            assert self.world.floor.agents[agent].state is AgentState.RINGING

    @invariant()
    def who_waits_unoffered_has_no_free_agent(self) -> None:
        router = self.world.floor.router
        for served in router.queues.values():
            for kind in served.line.buckets:
                assert router.closed or served.members.choose(*kind, 0) == ()
            for _, _, call in served.line.joinable:
                assert served.line.callers[call].ringing
                assert router.closed or served.joining(served.line.callers[call], 0) == ()

    @invariant()
    def who_waits_for_one_agent_waits_for_one_who_may_come(self) -> None:
        router = self.world.floor.router
        for agent, callers in router.held.items():
            hindrance = router.states[agent].hindrance
            if hindrance is None:
                assert router.closed
                continue
            assert hindrance.value not in ("logged_out", "unreachable", "paused")
            assert callers

    @invariant()
    def the_router_and_the_agents_agree_on_who_is_free(self) -> None:
        floor = self.world.floor
        planned = {id_: desk for id_, desk in floor.agents.items() if id_ in floor.plan.agents}
        assert floor.router.free == {id_ for id_, desk in planned.items() if desk.free}

    @invariant()
    def who_waits_for_the_floor_waits_for_the_router(self) -> None:
        floor = self.world.floor
        waiting = {
            call.id
            for call in floor.calls.values()
            if call.state is CallState.WAITING and call.waiting is not None and not call.waiting.asking
        }
        assert set(floor.router.queue_of) == waiting
        assert {call for q in floor.router.queues.values() for call in q.line.callers} == waiting

    def teardown(self) -> None:
        """Everyone hangs up: nothing may be left, and each call ended in exactly one outcome."""
        self.link_is_back()
        self.world.fail_next.clear()
        for leg in [leg for leg, one in self.world.legs.items() if one.agent is None]:
            self.world.end_leg(leg)
        self.world.pass_time(300)
        assert self.world.floor.calls == {}
        assert self.world.floor.errands == {}
        assert self.world.living == {}
        assert self.world.bridges == {}
        assert {timer.kind for timer in self.world.timers} <= {f.TimerKind.REST, f.TimerKind.WRAP_UP}
        outcomes = 0
        for call in self.arrived:
            record = self.world.saved[call]
            assert record.outcome is not None
            assert record.ended_at is not None
            assert (record.outcome is o.Outcome.ANSWERED) <= (record.answered_at is not None)
            assert all(leg.ended_at is not None for leg in record.legs)
            outcomes += 1
        assert sum(self.world.floor.ended.values()) == outcomes
        assert self.world.offers.keys() == self.world.offer_ends.keys()
        assert sorted(self.world.attached) == sorted(self.world.recorded)
        replayed = Floor()
        for at, fact in self.world.log:
            replayed.decide(fact, at)
        assert comparable(replayed) == comparable(self.world.floor)


def comparable(floor: Floor) -> Floor:
    """Without queues that are not planned any more and empty."""
    queues = {name: one for name, one in floor.router.queues.items() if name in floor.plan.queues or one.line}
    return replace(floor, router=replace(floor.router, queues=queues))


FloorMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=50, deadline=None)
TestFloor = FloorMachine.TestCase
