"""Hypothesis plays callers, agents and the network against the floor, in any order that streams allow."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, LegId
from tests.fakes.world import ANNA, BORIS, VERA, World

AGENTS = st.sampled_from([ANNA, BORIS, VERA])


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World().start()
        self.arrived: list[CallId] = []

    # ── what people and the network do ───────────────────────────────────────

    @rule(
        dialled=st.sampled_from(["100", "200", "300", "999"]),
        number=st.sampled_from([None, "+79161234567", "+15550100"]),
    )
    def call_comes(self, dialled: str, number: str | None) -> None:
        self.arrived.append(self.world.call_in(dialled, number))

    @rule(stream=st.sampled_from(["ari", "ami", "store"]), count=st.integers(1, 5))
    def facts_arrive(self, stream: str, count: int) -> None:
        waiting = getattr(self.world, stream)
        for _ in range(min(count, len(waiting))):
            self.world.tell(waiting.popleft())

    @rule(agent=AGENTS, reachable=st.booleans())
    def phone(self, agent: str, reachable: bool) -> None:
        self.world.phone(agent, reachable)  # type: ignore[arg-type]

    @rule(agent=AGENTS)
    def agent_answers(self, agent: str) -> None:
        self.world.answer(agent)  # type: ignore[arg-type]

    @rule(agent=AGENTS)
    def agent_hangs_up(self, agent: str) -> None:
        self.world.hang_up_agent(agent)  # type: ignore[arg-type]

    @rule(
        agent=AGENTS, what=st.sampled_from([f.AgentReady, f.AgentLoggedOut, f.AgentLoggedIn, f.WrapUpEnded])
    )
    def agent_says(self, agent: str, what: type) -> None:
        self.world.tell(what(agent))

    @rule(agent=AGENTS)
    def agent_pauses(self, agent: str) -> None:
        self.world.tell(f.AgentPaused(agent, "lunch"))  # type: ignore[arg-type]

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def client_hangs_up(self, data: st.DataObject) -> None:
        self.world.hang_up_client(data.draw(st.sampled_from(self.arrived)))

    @precondition(lambda self: self.world.floor.calls)
    @rule(data=st.data(), digit=st.sampled_from("129#"))
    def client_dials(self, data: st.DataObject, digit: str) -> None:
        call = data.draw(st.sampled_from(sorted(self.world.floor.calls)))
        self.world.ari.append(f.DigitReceived(call, LegId(call), digit))

    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    # ── what must always hold ────────────────────────────────────────────────

    @invariant()
    def an_agent_is_in_one_conversation_at_most(self) -> None:
        for agent in (ANNA, BORIS, VERA):
            talking = [leg for leg in self.world.living.values() if leg.agent == agent and leg.state == "up"]
            bridged = [
                b
                for b, members in self.world.bridges.items()
                for leg in members
                if self.world.legs[leg].agent == agent
            ]
            assert len(bridged) <= 1
            assert len(talking) <= 1

    @invariant()
    def nobody_rings_who_is_not_ringing_to_us(self) -> None:
        offers = [call.offer.agent for call in self.world.floor.calls.values() if call.offer is not None]
        assert len(offers) == len(set(offers))
        for agent in offers:
            assert self.world.floor.agents[agent].state is AgentState.RINGING

    @invariant()
    def everyone_who_waits_unoffered_has_no_free_agent(self) -> None:
        floor = self.world.floor
        for name, line in floor.router.lines.items():
            if line.head() is not None:
                assert not [m for m in floor.plan.queues[name].members if floor.agents[m.agent].free]

    @invariant()
    def the_router_and_the_agents_agree_on_who_is_free(self) -> None:
        floor = self.world.floor
        assert floor.router.free == {id_ for id_, desk in floor.agents.items() if desk.free}

    def teardown(self) -> None:
        """Everyone hangs up: nothing may be left, and each call ended in exactly one outcome."""
        for call in self.arrived:
            self.world.hang_up_client(call)
        self.world.pass_time(300)
        assert self.world.floor.calls == {}
        assert self.world.living == {}
        assert self.world.bridges == {}
        assert {timer.kind for timer in self.world.timers} <= {f.TimerKind.REST, f.TimerKind.WRAP_UP}
        for call in self.arrived:
            record = self.world.saved[call]
            assert record.outcome is not None
            assert record.ended_at is not None
            assert (record.outcome is o.Outcome.ANSWERED) == (record.answered_at is not None)
            assert all(leg.ended_at is not None for leg in record.legs)
        assert sorted(self.world.attached) == sorted(self.world.recorded)
        replayed = Floor()
        for at, fact in self.world.log:
            replayed.decide(fact, at)
        assert replayed == self.world.floor


FloorMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestFloor = FloorMachine.TestCase
