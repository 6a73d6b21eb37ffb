"""The router by itself: callers and agents who do as they are told, and who was asked for whom.

For tests of the choosing: nothing else of the floor is there, so thousands of choices cost nothing.
"""

from datetime import datetime, timedelta

from bridge.centre import messages as m
from bridge.centre.decision import Hindrance, OfferEnd
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Plan, Strategy
from bridge.centre.router import Router
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON
from tests.fakes.world import START


class Alone:
    """The router with callers and agents who do as they are told; a step of time each."""

    def __init__(self, plan: Plan) -> None:
        self.router = Router()
        self.now = START
        self.calls = 0
        self.idle: dict[AgentId, datetime | None] = {}
        self.ringing: dict[CallId, tuple[AgentId, ...]] = {}
        self.load(plan)

    def load(self, plan: Plan) -> None:
        self._take(lambda out: self.router.load(plan, out))

    def tell(self, event: m.Message) -> None:
        self._take(lambda out: self.router.step(event, self.now, out))

    def _take(self, step) -> None:
        self.now += timedelta(seconds=1)
        out = m.Output()
        step(out)
        for offer in out.messages:
            assert isinstance(offer, m.Offer)
            self.ringing[offer.call] = (*self.ringing.get(offer.call, ()), offer.agent)

    def free(self, *agents: AgentId) -> None:
        for agent in agents:
            idle = self.idle.setdefault(agent, self.now)
            self.tell(m.AgentChanged(agent, None, "", idle))

    def busy(self, agent: AgentId, why: Hindrance = Hindrance.TALKING) -> None:
        self.tell(m.AgentChanged(agent, why, "", self.idle.get(agent)))

    def call(self, **more) -> CallId:
        self.calls += 1
        call = CallId(f"call.{self.calls}")
        self.tell(m.EnterQueue(call, COMMON, self.calls, **more))
        return call

    def asked(self, **more) -> tuple[AgentId, ...]:
        """Who is asked for a caller that then hangs up: nobody has served anybody."""
        call = self.call(**more)
        rung = self.ringing.pop(call, ())
        for agent in rung:
            self.tell(m.OfferResult(call, agent, COMMON, OfferEnd.WITHDRAWN))
        self.tell(m.LeaveQueue(call))
        for agent in rung:
            self.free(agent)
        return rung

    def served(self, talk: float = 60, **more) -> AgentId:
        """Who serves a caller, from the ring to the hang-up; then he is free."""
        call = self.call(**more)
        (agent,) = self.ringing.pop(call)
        self.finish(call, agent, talk)
        return agent

    def finish(self, call: CallId, agent: AgentId, talk: float) -> None:
        self.tell(m.OfferResult(call, agent, COMMON, OfferEnd.ANSWERED))
        self.busy(agent)
        self.tell(m.AgentReleased(call, agent, COMMON, timedelta(seconds=talk)))
        self.idle[agent] = self.now
        self.free(agent)


def alone(strategy: Strategy, agents: int = 3, *, free: bool = True, **fields) -> Alone:
    desk = Alone(plans.one_queue(agents, strategy=strategy, **fields))
    if free:
        desk.free(*AGENTS[:agents])
    return desk
