"""The outbox with a real store, a real way outside, and what the centre says of a call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyrage import x25519

from bridge.centre.ids import AgentId, CallId, LegId
from bridge.centre.orders import CallEventKind, CallRecord, Outcome, TellCrm
from bridge.crm.addresses import Allowed
from bridge.crm.delivery import Limits
from bridge.crm.formats import Steer
from bridge.crm.outbox import Outbox
from bridge.crm.outside import Outside
from bridge.crm.subscribers import Subscribers
from bridge.store import Store
from tests.fakes.databases import fill_sqlite
from tests.fakes.world import plan

K = CallEventKind
SECRET = "whsec_" + "c2VjcmV0" * 4  # 24 bytes
ALLOWED = Allowed.of(["127.0.0.1"])
ORDER = ["call.offered", "call.ringing", "call.answered", "call.ended"]
QUICK = tuple(timedelta(seconds=seconds) for seconds in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4))


def events_of(call: str, at: datetime | None = None) -> list[TellCrm]:
    """A whole call: offered, ringing, answered, ended."""
    now = at or datetime.now(UTC)
    anna, leg = AgentId("1001"), LegId(f"{call}-agent-1")
    ringing = record(call, now)
    over = record(call, now, ended_at=now + timedelta(seconds=60), outcome=Outcome.ANSWERED)
    return [
        TellCrm(CallId(call), "offered", K.OFFERED, now, ringing),
        TellCrm(
            CallId(call), f"ringing:{leg}", K.RINGING, now, ringing, agent=anna, leg=leg, ringing=(anna,)
        ),
        TellCrm(
            CallId(call), f"answered:{leg}", K.ANSWERED, now, ringing, agent=anna, leg=leg, answered_by=anna
        ),
        TellCrm(CallId(call), "ended", K.ENDED, now, over, answered_by=anna, cause=16),
    ]


def record(call: str, at: datetime, **more: object) -> CallRecord:
    values: dict[str, object] = {
        "id": CallId(call),
        "number": "+79161234567",
        "e164": None,
        "name": "Анна",
        "withheld": False,
        "dialled": "200",
        "trunk": "lab",
        "direction": "in",
        "offered_at": at,
    }
    return CallRecord(**{**values, **more})  # type: ignore[arg-type]


@dataclass
class House:
    store: Store
    subscribers: Subscribers
    outside: Outside
    limits: Limits = field(default_factory=lambda: Limits(seconds=0.5, delays=QUICK))
    steered: list[tuple[str, Steer]] = field(default_factory=list)
    outbox: Outbox = field(init=False)
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.anew()

    def anew(self) -> None:
        """As after a restart: of what was in memory nothing is left."""
        self.outbox = Outbox(
            self.store,
            self.subscribers,
            self.outside,
            plan=plan,
            region_of_trunk=lambda _: "RU",
            email_of=lambda agent: f"{agent}@example.org",
            public_url="https://calls.example.org",
            limits=lambda: self.limits,
            at_once=lambda: 4,
            steer=lambda call, steer, by: self.steered.append((call, steer)),
        )

    def begin(self) -> None:
        self.task = asyncio.create_task(self.outbox.run())

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None

    async def restart(self) -> None:
        await self.end()
        self.anew()
        self.begin()

    async def subscribe(self, url: str, name: str = "crm", format: str = "standard", **more) -> int:
        made = await self.subscribers.add(name, format, url, secret=SECRET, by="chief", **more)
        await self.outbox.look()
        return made.row.id

    async def tell(self, *orders: TellCrm) -> None:
        for order in orders:
            telling = await self.outbox.telling(order)
            telling.then(await self.store.write(telling.do))

    async def states(self) -> list[str]:
        page = await self.store.read(lambda unit: unit.outbox.page(None, 500))
        return [row.state for row in reversed(page.items)]


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def housed(directory: Path) -> AsyncIterator[House]:
    store = await Store.open(await fill_sqlite(directory / "callbridge.db"))
    subscribers = Subscribers(store, str(x25519.Identity.generate()), allowed=lambda: ALLOWED)
    async with Outside(lambda: ALLOWED) as outside:
        house = House(store, subscribers, outside)
        house.begin()
        try:
            yield house
        finally:
            await house.end()
    await store.close()
