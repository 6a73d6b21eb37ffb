"""The plan of the house that the web room's tests live in, and a file that it could be of."""

from datetime import timedelta

from bridge.centre.ids import AgentId, Endpoint, QueueName, Skill
from bridge.centre.plan import Agent, Member, Plan, Queue, Strategy
from bridge.config import Settings


def plan() -> Plan:
    names = {"1001": "Анна Смирнова", "1002": "Борис Орлов", "1003": "Vera Lind"}
    agents = {
        AgentId(id): Agent(AgentId(id), name, Endpoint(f"PJSIP/{id}"), "ru", {Skill("english"): int(id[-1])})
        for id, name in names.items()
    }
    support = Queue(
        QueueName("support"),
        "Поддержка",
        "support",
        tuple(Member(agent, place) for place, agent in enumerate(agents)),
    )
    sales = Queue(
        QueueName("sales"),
        "Продажи",
        "sales",
        (Member(AgentId("1002")),),
        Strategy.RRMEMORY,
        weight=5,
        needs=((Skill("english"), 2),),
        wrap_up_extension=timedelta(0),
    )
    return Plan(
        agents=agents,
        queues={support.name: support, sales.name: sales},
        pause_reasons={"1": "break", "2": "lunch", "3": "training"},
        dispositions={"1": "resolved", "2": "follow_up", "3": "wrong_number", "4": "доставка"},
    )


def settings() -> Settings:
    """The file that the plan could be of, as far as tickets need it; departments without lines."""
    return Settings.model_validate(
        {
            "company": {"name": "Ромашка", "region": "RU"},
            "agents": {agent.id: {"name": agent.name} for agent in plan().agents.values()},
            "departments": {"support": {"title": "Поддержка"}, "sales": {"title": "Продажи"}},
            "queues": {
                "support": {"title": "Поддержка", "department": "support"},
                "sales": {"title": "Продажи", "department": "sales"},
            },
            "clients": {"fields": [{"key": "contract", "title": "Contract", "type": "text"}]},
            # The plan has one that no file could have: what is shown must hold it nevertheless.
            "dispositions": {key: word for key, word in plan().dispositions.items() if word.isascii()},
        }
    )
