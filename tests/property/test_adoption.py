"""For any history and any cut: the floor rebuilt from Asterisk's lists and the log is the one never cut.

The histories are the floor machine's. At a cut the world is doubled. In the one, the process goes on and
hears everything; in the other it is killed, perhaps between a decision and what it orders, then things happen
in Asterisk that nobody hears, and a new process takes over. In the end people must see the same in both.
Nobody is offered meanwhile, in either: which of two agents was free first, nobody can tell afterwards.

Left out is what nobody could know afterwards: which digit was pressed, why a phone stopped ringing (it is
rung again, once), how far he had come who hung up, and what was first of an agent's code and a look-up.
"""

import copy
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.ids import AgentId, CallId
from tests.fakes import gap
from tests.fakes.world import Leg, World
from tests.property.test_floor_machine import AGENTS, FloorMachine

GAPS = st.lists(
    st.tuples(st.sampled_from(["answers", "hangs up", "client hangs up"]), AGENTS, st.integers(0, 20)),
    max_size=3,
    unique_by=lambda one: one[1],
)


class AdoptionMachine(FloorMachine):
    @precondition(lambda self: self.kept)
    @rule(half_done=st.booleans(), gaps=GAPS)
    def process_is_cut_off(self, half_done: bool, gaps: list[tuple[str, AgentId, int]]) -> None:
        assert self.kept is not None
        self.world.fail_next.clear()
        self.world.pump("ami")
        while any(self.cannot_be_known(fact) for fact in self.world.ari):
            self.world.tell(self.world.ari.popleft())
        self.know_what_codes_found()
        self.world.pump("ami")
        whole = copy.deepcopy(self.world)
        arrivals = gap.arrivals_of(whole)
        if half_done and whole.ari:
            # The last fact was decided and logged; what was ordered then was not carried out.
            last = whole.ari[0]
            whole.tell(whole.ari.popleft())
            self.world.log.append((self.world.now, last))
        cut = gap.killed(self.world, self.kept)
        whole.tell(f.LinkDown())
        whole.pump()
        happened = self.happen(whole, gaps, cut)
        whole.pump()
        whole.tell(f.LinkUp())
        whole.pump()
        cut.pump("ami")
        for what, who in happened:
            self.happens(cut, what, who)
        cut.ari.clear()
        gap.linked(cut, arrivals)
        cut.pump()
        assert gap.seen(cut) == gap.seen(whole)
        self.world = cut
        self.kept = gap.checkpoint(cut)

    def cannot_be_known(self, fact: f.Fact) -> bool:
        match fact:
            case f.LegEnded(call=id_, leg=leg):
                call = self.world.floor.calls.get(id_)
                known = call.legs.get(leg) if call is not None else None
                if known is None:
                    return False
                if known.kind is o.LegKind.CLIENT:
                    return not self.is_heard_of(self.ahead(), self.world, id_)
                return known.answered_at is None
            case f.CallOffered(leg=leg) | f.FeatureDialled(leg=leg):
                return self.world.legs[leg].state == "gone"  # only the dialplan has seen it
            case f.DigitReceived() | f.OrderFailed():
                return True
            case _:
                return False

    def know_what_codes_found(self) -> None:
        """Whether a caller was identified, and lined up, before an agent dialled himself in."""
        if any(isinstance(fact, f.FeatureDialled) for fact in self.world.ari):
            while not isinstance(self.world.ari[0], f.FeatureDialled):
                self.world.tell(self.world.ari.popleft())
            self.world.pump("store")

    def ahead(self) -> World:
        """As it would be if all were told but who has hung up."""
        ahead = copy.deepcopy(self.world)
        ahead.ari = deque(
            fact for fact in ahead.ari if not (isinstance(fact, f.LegEnded) and fact.leg == fact.call)
        )
        ahead.pump()
        return ahead

    def happen(self, world: World, gaps: list[tuple[str, AgentId, int]], cut: World) -> list[tuple[str, str]]:
        """One thing to each call at most: what of two of them was the first, nobody can tell afterwards."""
        touched, happened = set(), []
        for what, agent, number in gaps:
            if what == "client hangs up":
                calls = [id_ for id_ in sorted(world.floor.calls) if self.is_heard_of(world, cut, id_)]
                if not calls or (call := calls[number % len(calls)]) in touched:
                    continue
                who: str = call
            else:
                here, there = self.leg_of(world, agent), self.leg_of(cut, agent)
                if here is None or here != there or here.call in touched:
                    continue
                if here.state != ("ringing" if what == "answers" else "up"):
                    continue
                known = cut.floor.agents[agent].state is AgentState.TALKING
                if known is not (what == "hangs up"):
                    continue  # his answer and his hang-up both unheard: then he has never been there
                call_ = cut.floor.calls.get(here.call)
                if known and (call_ is None or call_.state is not CallState.TALKING):
                    continue  # that the two were joined was not heard: then they have not talked
                call, who = here.call, agent
            touched.add(call)
            happened.append((what, who))
            self.happens(world, what, who)
        return happened

    @staticmethod
    def leg_of(world: World, agent: AgentId) -> Leg | None:
        legs = [leg for leg in world.living.values() if leg.agent == agent]
        return legs[0] if len(legs) == 1 else None

    @staticmethod
    def is_heard_of(world: World, cut: World, id_: CallId) -> bool:
        """Nobody can tell afterwards how far he had come who hung up."""
        here, there = world.floor.calls.get(id_), cut.floor.calls.get(id_)
        if here is None or there is None or there.state is CallState.PRESENTED:
            return False
        return (here.state, here.outcome, here.queue) == (there.state, there.outcome, there.queue)

    @staticmethod
    def happens(world: World, what: str, who: str) -> None:
        match what:
            case "answers":
                world.answer(AgentId(who))
            case "hangs up":
                world.hang_up_agent(AgentId(who))
            case "client hangs up":
                world.end_leg(who)  # type: ignore[arg-type]


AdoptionMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
TestAdoption = AdoptionMachine.TestCase
