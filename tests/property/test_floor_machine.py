"""Hypothesis plays callers, agents, supervisors and the network against the floor, in any order of streams.

The plan has everything in it: every strategy, skills, widening, sticky and named agents, overflow, voicemail,
moves; faults are mixed in: orders that fail, phones that die, plans that lose a queue, clocks that step.
"""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bridge.centre import facts as f
from bridge.centre.ids import (
    AgentId,
    Endpoint,
    LegId,
    QueueName,
)
from bridge.centre.plan import Strategy
from tests.fakes import plans
from tests.fakes.callers import ABROAD
from tests.property.floor_invariants import Floors

AGENTS = st.sampled_from(plans.AGENTS)
QUEUES = st.sampled_from([plans.COMMON, plans.GROUP])


class FloorMachine(Floors):
    @initialize(strategy=st.sampled_from(Strategy), ready=st.sets(AGENTS))
    def begin(self, strategy: Strategy, ready: set[AgentId]) -> None:
        self.plan = plans.full(strategy)
        self.world.start(self.plan)
        for agent in sorted(ready):
            self.world.phone(agent)

    # ── what people and the network do ───────────────────────────────────────

    @rule(
        dialled=st.sampled_from(["1", "1", "1", "2", "3", "4", "5", "6", "999"]),
        number=st.sampled_from([None, "+79161234567", "+79167770000", "+15550100", ABROAD]),
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
    def link_comes_back(self) -> None:
        self.link_is_back()


FloorMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=50, deadline=None)
TestFloor = FloorMachine.TestCase
