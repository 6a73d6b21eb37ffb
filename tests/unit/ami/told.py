"""A translator as the link asks it, and the plan of three agents that it knows."""

from bridge.ami import Remembered
from bridge.ami.headers import Headers, read
from bridge.ami.translate import Translator
from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId, Endpoint
from bridge.centre.plan import Agent, Plan


def agent(number: str, phone: str = "") -> Agent:
    return Agent(AgentId(number), f"Agent {number}", Endpoint(f"PJSIP/{phone or number}"))


def plan(*agents: Agent) -> Plan:
    return Plan(agents={one.id: one for one in agents})


PLAN = plan(agent("1001"), agent("1002"), agent("1003"))


class Told:
    """A translator, and what it said; as the link does, it is asked again when the plan has changed."""

    def __init__(self, known: Plan = PLAN, remembered: Remembered | None = None) -> None:
        self.plan = known
        self.remembered = remembered or Remembered()
        self.made = Translator(lambda: self.plan, lambda: {"trunk1"}, lambda: self.remembered)

    def __call__(self, *events: Headers) -> list[Fact]:
        facts: list[Fact] = []
        for headers in events:
            if self.made.plan_changed():
                facts += self.made.refresh()
            message = read(headers)
            facts += self.made.take(message) if message is not None else []
        return facts
