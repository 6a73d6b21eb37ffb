"""Agents as members of Asterisk's own queues, and a link that keeps them so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.ami import AmiLink, NativeMember
from bridge.ami.listener import Timing
from bridge.ami.native_queues import Pace
from bridge.centre.ids import AgentId, Endpoint, QueueName
from bridge.centre.plan import Agent, Plan
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import PATIENT, FakeAmi, running, until
from tests.unit.ami.fake_queues import ACTIONS

SUPPORT, SALES = QueueName("support"), QueueName("sales")
ANNA, BORIS, VERA = Endpoint("PJSIP/1001"), Endpoint("PJSIP/1002"), Endpoint("PJSIP/1003")
NAMES = {ANNA: "Anna", BORIS: "Boris", VERA: "Вера"}
QUICK = Pace(rest=0.0, learn=60, again=0.01, list=5)


def ready(endpoint: Endpoint, penalty: int = 0) -> NativeMember:
    return NativeMember(NAMES[endpoint], penalty, paused=False, reason="")


def paused(endpoint: Endpoint, reason: str, penalty: int = 0) -> NativeMember:
    return NativeMember(NAMES[endpoint], penalty, paused=True, reason=reason)


class Floor:
    """What the composition root knows: the agents, and who serves which queue."""

    def __init__(self, *agents: Endpoint) -> None:
        self.wanted: dict[QueueName, dict[Endpoint, NativeMember]] = {}
        self.plan = Plan(
            agents={
                AgentId(endpoint[6:]): Agent(AgentId(endpoint[6:]), NAMES[endpoint], endpoint)
                for endpoint in agents or NAMES
            }
        )
        self.asked = 0

    def __call__(self) -> dict[QueueName, dict[Endpoint, NativeMember]]:
        self.asked += 1
        return self.wanted


def sent(fake: FakeAmi, *without: str) -> list[dict[str, str]]:
    """The queue actions after QueueStatus, in order, without what every action has."""
    return [
        {name: value for name, value in action.items() if name != "actionid"}
        for action in fake.actions
        if action["action"] in ACTIONS - {"QueueStatus", *without}
    ]


def link_of(
    port: int, floor: Floor, pace: Pace, timing: Timing, inbox: FactInbox, host: str = "127.0.0.1"
) -> AmiLink:
    return AmiLink(
        host=host,
        port=port,
        username="callbridge",
        secret="right",
        inbox=inbox,
        plan=lambda: floor.plan,
        trunks=lambda: {"trunk1"},
        timing=timing,
        wanted=floor,
        pace=pace,
    )


@asynccontextmanager
async def kept(
    fake: FakeAmi, floor: Floor, pace: Pace = QUICK, timing: Timing = PATIENT, inbox: FactInbox | None = None
) -> AsyncIterator[AmiLink]:
    ami = link_of(fake.port, floor, pace, timing, inbox or FactInbox())
    async with running(ami.run):
        yield ami


async def compared(ami: AmiLink, floor: Floor) -> None:
    """Until a comparison is over that began after this."""
    for _ in range(2):
        before = floor.asked
        ami.queues_changed()
        await until(lambda before=before: floor.asked > before)  # type: ignore[misc]
