"""Plans that have everything in them: for tests that play the whole router, not one of its rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.centre.ids import AgentId, Endpoint, QueueName, Skill
from bridge.centre.plan import (
    Agent,
    Announcements,
    Empty,
    Member,
    Outside,
    Plan,
    Queue,
    Strategy,
    ToAgent,
    ToHangUp,
    ToNumber,
    ToQueue,
    ToVoicemail,
    Widening,
)

ENGLISH = Skill("english")
AGENTS = tuple(AgentId(str(1001 + n)) for n in range(5))
COMMON, GROUP = QueueName("common"), QueueName("group")
TIERS = {"gold": 10, "silver": 5}


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def common(strategy: Strategy = Strategy.LEASTRECENT) -> Queue:
    """All five, the last two only after a while; everything switched on."""
    return Queue(
        COMMON,
        "Common",
        "support",
        tuple(Member(agent, 0 if n < 3 else 10) for n, agent in enumerate(AGENTS)),
        strategy=strategy,
        weight=1,
        widening=(Widening(seconds(0), 0), Widening(seconds(8), 10, 1), Widening(seconds(30), None, 5)),
        ring=seconds(10),
        pause_after=2,
        wrap_up=seconds(6),
        wrap_up_extension=seconds(10),
        sticky=seconds(5),
        max_wait=seconds(60),
        max_waiting=6,
        leave_when=Empty.NOBODY_LOGGED_IN,
        on_timeout=ToQueue(GROUP),
        on_full=ToVoicemail(("callbridge/leave-message",), seconds(20)),
        on_empty=ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToQueue(GROUP)),
        breakout={"1": ToVoicemail(("callbridge/leave-message",), seconds(20)), "2": ToQueue(GROUP)},
        greeting=("callbridge/please-wait",),
        announce=Announcements(
            True, True, True, seconds(5), seconds(10), ("callbridge/all-busy",), seconds(15)
        ),
        supervisors=AGENTS[3:],
    )


def group() -> Queue:
    return Queue(
        GROUP,
        "Group",
        "sales",
        tuple(Member(agent) for agent in AGENTS[2:]),
        strategy=Strategy.RINGALL,
        ring=seconds(12),
        wrap_up=seconds(0),
        max_wait=seconds(90),
        refuse_when=Empty.NOBODY_READY,
        on_timeout=ToHangUp(("callbridge/no-agents",)),
        on_empty=ToHangUp(("callbridge/no-agents",)),
    )


def full(strategy: Strategy = Strategy.LEASTRECENT) -> Plan:
    """Dial 1 the common queue, 2 ringall, 3 needs English, 4 a named agent, 5 a number, 6 voicemail."""
    return Plan(
        numbers={
            "1": ToQueue(COMMON),
            "2": ToQueue(GROUP),
            "3": ToQueue(COMMON, ((ENGLISH, 2),), 1),
            "4": ToAgent(AGENTS[0], GROUP, seconds(7)),
            "5": ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToQueue(COMMON)),
            "6": ToVoicemail(("callbridge/leave-message",), seconds(20)),
        },
        queues={COMMON: common(strategy), GROUP: group()},
        agents={
            agent: Agent(agent, f"Agent {agent}", Endpoint(f"PJSIP/{agent}"), skills={ENGLISH: n})
            for n, agent in enumerate(AGENTS)
        },
        priority_of_tier=TIERS,
        pause_reasons={"1": "break", "2": "lunch"},
        dispositions={"1": "resolved"},
        outside=Outside("lab", ("+7495",), caller_id="1", record=True),
    )


def without(plan: Plan, queue: QueueName) -> Plan:
    """As if the engineer had deleted it, and everything that led there."""
    numbers = {number: to for number, to in plan.numbers.items() if getattr(to, "queue", None) != queue}
    queues = {
        name: replace(one, on_timeout=ToHangUp(), on_full=ToHangUp(), on_empty=ToHangUp(), breakout={})
        for name, one in plan.queues.items()
        if name != queue
    }
    numbers["5"] = ToHangUp()
    return replace(plan, numbers=numbers, queues=queues)


def one_queue(agents: int = 3, **fields: Any) -> Plan:
    """Dial 1 for the common queue of the first ``agents``; nothing is switched on but what is asked for."""
    members = tuple(Member(agent) for agent in AGENTS[:agents])
    queue = Queue(COMMON, "Common", "support", members, wrap_up=seconds(0), record=False)
    return Plan(
        numbers={"1": ToQueue(COMMON)},
        queues={COMMON: replace(queue, **fields)},
        agents={agent: Agent(agent, f"Agent {agent}", Endpoint(f"PJSIP/{agent}")) for agent in AGENTS},
        priority_of_tier=TIERS,
    )


def penalties(*by_agent: int) -> tuple[Member, ...]:
    return tuple(Member(agent, penalty) for agent, penalty in zip(AGENTS, by_agent, strict=False))


def changed(plan: Plan, queue: QueueName = COMMON, **fields: Any) -> Plan:
    """The plan with this one queue otherwise."""
    return replace(plan, queues={**plan.queues, queue: replace(plan.queues[queue], **fields)})


def skilled(plan: Plan, **levels: int) -> Plan:
    """``a1001=3``: agent 1001 speaks English so well."""
    agents = {
        agent: replace(one, skills={ENGLISH: levels[f"a{agent}"]} if f"a{agent}" in levels else {})
        for agent, one in plan.agents.items()
    }
    return replace(plan, agents=agents)
