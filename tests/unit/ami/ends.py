"""A link whose Asterisk has rows of ended calls, and an inbox that keeps when facts happened."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bridge.ami import AmiLink, Remembered
from bridge.ami.ended import Upkeep
from bridge.ami.listener import Timing
from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId, CallId, Endpoint
from bridge.centre.plan import Agent, Plan
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import PATIENT, FakeAmi, ami_link, event, running

PLAN = Plan(agents={AgentId("1001"): Agent(AgentId("1001"), "Anna", Endpoint("PJSIP/1001"))})
END = datetime(2026, 11, 23, 23, 29, 5, 43_000, tzinfo=UTC)
BEGIN = datetime(2026, 11, 23, 23, 28, 56, 368_000, tzinfo=UTC)
CALL = CallId("1795476536.0")
ARRIVED = "1795476536.368|+74950000002|lab|allowed|+79161234567"
QUEUED = f"call|1795476545.043|16|{ARRIVED}|support|PJSIP/1001|1504"
LEFT = f"call|1795476545.043|16|{ARRIVED}|support||"
SERVED = f"call|1795476545.043|16|{ARRIVED}|||"
PLACE = "/callbridge-ended/17954765/"
QUICK_UPKEEP = Upkeep(every=0.01, settled=0.05)
TICKING = Timing(connect=5, reply=5, ping=0.02, first_retry=0.01, longest_retry=0.05, refused_retry=0.05)


class DatedInbox(FactInbox):
    """Also keeps when a fact happened, if that was said."""

    def __init__(self) -> None:
        super().__init__()
        self.dated: list[tuple[Fact, datetime | None]] = []

    async def put(self, fact: Fact, at: datetime | None = None) -> None:
        self.dated.append((fact, at))
        await super().put(fact)


def known_of(known: Collection[CallId]) -> Callable[[Collection[CallId]], Awaitable[Collection[CallId]]]:
    async def among(calls: Collection[CallId]) -> Collection[CallId]:
        return {call for call in calls if call in known}

    return among


@asynccontextmanager
async def linked(
    fake: FakeAmi,
    inbox: DatedInbox,
    *,
    known: Collection[CallId] | None = (),
    remembered: Remembered | None = None,
    timing: Timing = PATIENT,
    upkeep: Upkeep | None = None,
    ends_needed: Callable[[], bool] = lambda: False,
) -> AsyncIterator[AmiLink]:
    ami = ami_link(
        fake,
        inbox,
        PLAN,
        trunk="lab",
        timing=timing,
        remembered=lambda: remembered or Remembered(),
        known=None if known is None else known_of(known),
        upkeep=upkeep,
        ends_needed=ends_needed,
    )
    async with running(ami.run):
        yield ami


def hangup(channel: str, timestamp: str = "1795476545.043") -> bytes:
    return event(
        "Hangup",
        Timestamp=timestamp,
        Channel="PJSIP/lab-00000001",
        Uniqueid=channel,
        Linkedid=channel,
        Cause="16",
    )
