"""The plan of a small contact centre: two queues, three agents, a number for each way in."""

from datetime import timedelta

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName
from bridge.centre.plan import (
    Agent,
    Member,
    Menu,
    Plan,
    Queue,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
)

RING = timedelta(seconds=20)
SUPPORT, SALES = QueueName("support"), QueueName("sales")
ANNA, BORIS, VERA = AgentId("1001"), AgentId("1002"), AgentId("1003")


def plan(*, wrap_up: int = 10, record: bool = True, max_wait: int | None = None) -> Plan:
    def queue(name: QueueName, *agents: AgentId) -> Queue:
        return Queue(
            name,
            name.title(),
            name,
            tuple(Member(agent) for agent in agents),
            wrap_up=timedelta(seconds=wrap_up),
            record=record,
            max_wait=None if max_wait is None else timedelta(seconds=max_wait),
        )

    main = Menu(
        MenuName("main"),
        ("callbridge/main-menu",),
        {"1": ToQueue(SALES), "2": ToQueue(SUPPORT), "9": ToHangUp(("callbridge/goodbye",))},
        ToQueue(SUPPORT),
        retries=1,
        invalid=("callbridge/invalid-option",),
    )
    return Plan(
        numbers={
            "100": ToMenu(main.name),
            "200": ToQueue(SUPPORT),
            "300": ToQueue(SALES),
            "400": ToNumber("+74950009999", Endpoint("PJSIP/+74950009999@lab"), RING, ToQueue(SALES)),
            "500": ToVoicemail(("callbridge/leave-message",)),
            "600": ToAgent(VERA, SALES, RING),
        },
        menus={main.name: main},
        queues={SUPPORT: queue(SUPPORT, ANNA, BORIS), SALES: queue(SALES, BORIS, VERA)},
        agents={a: Agent(a, f"Agent {a}", Endpoint(f"PJSIP/{a}")) for a in (ANNA, BORIS, VERA)},
        language="ru",
        language_of_prefix={"+7": "ru", "+": "en"},
    )
