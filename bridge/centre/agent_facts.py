"""Facts about agents: what they are ready for, and which queues they serve. Part of ``facts``."""

from dataclasses import dataclass

from bridge.centre.ids import AgentId, QueueName

# ── Agents: web, API, feature code alike ─────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AgentLoggedIn:
    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentLoggedOut:
    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentReady:
    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentPaused:
    agent: AgentId
    reason: str


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    agent: AgentId


@dataclass(frozen=True, slots=True)
class WrapUpExtended:
    """Once for each wrap-up; a second one changes nothing."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class CallDisposed:
    """How the agent's last call ended, in his own word: one of ``Plan.dispositions``' values."""

    agent: AgentId
    disposition: str


# ── Supervisors: live moves, kept in the store and told again at each start ──


@dataclass(frozen=True, slots=True)
class MemberMoved:
    """An agent serves this queue from now on, with this penalty; with None he does not any more."""

    agent: AgentId
    queue: QueueName
    penalty: int | None


@dataclass(frozen=True, slots=True)
class MemberRestored:
    """As the plan has it, again."""

    agent: AgentId
    queue: QueueName


AgentFact = (
    AgentLoggedIn | AgentLoggedOut | AgentReady | AgentPaused | WrapUpEnded | WrapUpExtended | CallDisposed
)
