"""Owns which disposition each agent gave his last call, as far as his screen shows it. Tickets keep them.

The ticket is written a moment after the agent chose, in a lane of its own: the screen does not wait for it.
"""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bridge.centre.facts import CallDisposed, Feature, FeatureDialled
from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.engine.ports import StampedFact


class Disposed:
    def __init__(self, plan: Callable[[], Plan]) -> None:
        self._plan = plan
        self._last: dict[AgentId, tuple[datetime, str]] = {}

    def note(self, agent: AgentId, disposition: str, at: datetime) -> None:
        self._last[agent] = (at, disposition)

    def fact(self, stamped: StampedFact) -> AgentId | None:
        """Whose screen is out of date now, if anybody's."""
        match stamped.fact:
            case CallDisposed(agent, disposition):
                self.note(agent, disposition, stamped.at)
                return agent
            case FeatureDialled(endpoint=endpoint, feature=Feature.DISPOSITION, argument=digit):
                plan = self._plan()
                who, word = plan.agent_at(endpoint), plan.dispositions.get(digit)
                if who is not None and word is not None:
                    self.note(who.id, word, stamped.at)
                    return who.id
        return None

    def since(self, agent: AgentId, begin: datetime) -> str | None:
        """What he chose since then: the word for an earlier call says nothing of this one."""
        at, disposition = self._last.get(agent, (begin, None))
        return disposition if at >= begin else None


DISPOSED: web.AppKey[Disposed] = web.AppKey("disposed", Disposed)
