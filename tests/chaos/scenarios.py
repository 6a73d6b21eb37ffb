"""The faults: what is broken, for how long, and how it is mended. Not the load, not the counting."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.chaos.lab import APP, DATA, Chaos
from tests.chaos.load import Load
from tests.chaos.truth import Fault
from tests.chaos.watch import LOOK_S, Watch
from tests.fakes.receivers.noting import Noting

ARI, AMI = 8088, 5038
KILLS = 20
ROW = 5  # kills a load run
BETWEEN_KILLS_S = (2.0, 8.0)
SLOW_S = 7.0  # the service waits 5 s for a reply


@dataclass
class Stage:
    """What a scenario has at hand. ``times`` and ``seconds`` may be shorter than the whole suite's."""

    chaos: Chaos
    load: Load
    watch: Watch
    receiver: Noting
    chance: random.Random
    times: int
    seconds: float
    other: str = APP  # the image of another version, if there is one
    notes: dict[str, float | str] = field(default_factory=dict)

    @asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[Fault]:
        """From the injection to its end; then until the service is ready and its floor is right."""
        fault = Fault(name, 0.0, queued=await self.chaos.queued())
        self.load.truth.faults.append(fault)
        fault.at = time.time()
        try:
            yield fault
        finally:
            fault.over_at = time.time()
        if await self.watch.until_ready(fault):
            await self.watch.until_converged(fault)
        print(f"    {told(fault)}", flush=True)

    async def a_moment(self) -> None:
        """Faults come at any moment of the service's work."""
        await asyncio.sleep(self.chance.uniform(*BETWEEN_KILLS_S))


def told(fault: Fault) -> str:
    if fault.ready_at is None:
        return f"{fault.name}: {fault.why}"
    ready = (
        f"{fault.name}: {fault.over_at - fault.at:.1f} s, ready {fault.ready_at - fault.over_at:.2f} s later"
    )
    if fault.converged_s is None:
        return f"{ready}, the floor never right: {fault.why}"
    until = f" (until then: {fault.why})" if fault.why else ""
    return f"{ready}, the floor right after {fault.converged_s:.2f} s{until}"


# ── the service ──────────────────────────────────────────────────────────────


async def calm(stage: Stage) -> None:
    """No fault at all: what is counted here is the suite's own, or a fault without a cause."""
    await asyncio.sleep(stage.seconds)
    async with stage.fault("calm"):
        pass


async def kill9(stage: Stage) -> None:
    for _ in range(stage.times):
        await stage.a_moment()
        async with stage.fault("kill9"):
            await stage.chaos.kill()
            await stage.chaos.start()


async def kill9_during_adoption(stage: Stage) -> None:
    for _ in range(stage.times):
        await stage.a_moment()
        async with stage.fault("kill9, twice"):
            await stage.chaos.kill()
            await stage.chaos.start()
            await stage.chaos.logged("AMI connected", "link to ARI is up")
            await asyncio.sleep(stage.chance.uniform(0, 0.5))
            await stage.chaos.kill()
            await stage.chaos.start()


async def sigstop(stage: Stage) -> None:
    async with stage.fault("SIGSTOP"):
        await stage.chaos.signal(stage.chaos.app, "STOP")
        await asyncio.sleep(stage.seconds)
        await stage.chaos.signal(stage.chaos.app, "CONT")


async def orderly_stop(stage: Stage) -> None:
    async with stage.fault("SIGTERM"):
        await stage.chaos.stop()
        await stage.chaos.start()


async def update(stage: Stage) -> None:
    """To the other version and back, on one database; where none was named, both are the same."""
    web = stage.watch.web
    async with AsyncExitStack() as other:
        async with stage.fault("to the other version"):
            await stage.chaos.stop()
            stage.watch.web = await other.enter_async_context(stage.chaos.beside(stage.other))
        await asyncio.sleep(stage.seconds)
        async with stage.fault("and back"):
            await other.aclose()
            stage.watch.web = web
            await stage.chaos.start()


async def take_over(stage: Stage) -> None:
    """A second process takes over from the first, which then goes; and hands over to it again.

    Docker's engine starts the first again and again meanwhile, and each time it is refused.
    """
    web = stage.watch.web
    async with AsyncExitStack() as second:
        async with stage.fault("taken over"):
            stage.watch.web = await second.enter_async_context(stage.chaos.beside(APP, "--take-over"))
        await asyncio.sleep(stage.seconds)
        await stage.chaos.stop()
        async with stage.fault("handed back"):
            await second.aclose()
            stage.watch.web = web
            await stage.chaos.start()


# ── the links ────────────────────────────────────────────────────────────────


async def _cut(stage: Stage, *ports: int) -> None:
    async with stage.fault(f"no {' and '.join(map(str, ports))}"):
        await stage.chaos.cut(*ports)
        try:
            await asyncio.sleep(stage.seconds)
        finally:
            await stage.chaos.mend(*ports)


async def ari_cut(stage: Stage) -> None:
    await _cut(stage, ARI)


async def ami_cut(stage: Stage) -> None:
    await _cut(stage, AMI)


async def both_cut(stage: Stage) -> None:
    await _cut(stage, ARI, AMI)


# ── Asterisk ─────────────────────────────────────────────────────────────────


async def asterisk_restarted(stage: Stage) -> None:
    """All calls end; whose phone does not notice hangs up."""
    async with stage.fault("Asterisk restarted"):
        await stage.chaos.lab.asterisk("core restart now")
        await asyncio.sleep(1)
        await stage.chaos.asterisk_is_up()
        await stage.load.start_again()


async def asterisk_hung(stage: Stage) -> None:
    """It must be noticed while it lasts."""
    async with stage.fault("Asterisk hung") as fault:
        await stage.chaos.signal(stage.chaos.asterisk, "STOP")
        noticed = None
        while time.time() < fault.at + stage.seconds:
            if noticed is None and not await stage.watch.ready():
                noticed = time.time() - fault.at
            await asyncio.sleep(LOOK_S)
        await stage.chaos.signal(stage.chaos.asterisk, "CONT")
        stage.notes["noticed_s"] = "never" if noticed is None else round(noticed, 2)


# ── what it writes to ────────────────────────────────────────────────────────

LOCK = """
import sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
base.execute("BEGIN EXCLUSIVE")
time.sleep(float(sys.argv[2]))
base.execute("ROLLBACK")
"""


async def database_stopped(stage: Stage) -> None:
    """Another process holds it: nothing can be written."""
    async with stage.fault("database held"):
        await stage.chaos.python(LOCK, f"{DATA}/callbridge.db", str(stage.seconds))


async def disk_full(stage: Stage) -> None:
    full = f"{DATA}/.chaos-full"
    async with stage.fault("disk full"):
        # By large pieces, then to the last byte.
        fill = "; ".join(f"dd if=/dev/zero bs={size} >>{full} 2>/dev/null || true" for size in ("1M", "512"))
        try:
            await stage.chaos.keeper(fill)
            await asyncio.sleep(stage.seconds)
        finally:
            await stage.chaos.keeper(f"rm -f {full}")


async def clock_stepped(stage: Stage) -> None:
    """An hour forth, and back again."""
    for step in ("+3600", "+0"):
        async with stage.fault(f"clock {step}"):
            await stage.chaos.clock(step)
            await asyncio.sleep(stage.seconds)


# ── the CRM that is told ─────────────────────────────────────────────────────


async def receiver_down(stage: Stage) -> None:
    """Its port refuses. When it answers again it is told at once what waited."""
    async with stage.fault("CRM down"):
        await stage.receiver.stop()
        await asyncio.sleep(stage.seconds)
        await stage.receiver.start()


async def receiver_fails(stage: Stage) -> None:
    """For less than the first two tries are apart: then the third would come after minutes."""
    async with stage.fault("CRM answers 500"):
        stage.receiver.status = 500
        await asyncio.sleep(stage.seconds)
        stage.receiver.status = 0


async def receiver_slow(stage: Stage) -> None:
    """It takes what it is told after the service has given it up: so it is told that again."""
    async with stage.fault("CRM slow"):
        stage.receiver.slow_s = SLOW_S
        await asyncio.sleep(stage.seconds)
        stage.receiver.slow_s = 0.0
        await asyncio.sleep(SLOW_S)  # what it still holds


async def receiver_down_and_kill9(stage: Stage) -> None:
    """What is written down and not told when the service is killed, the next process tells.

    Killed before the second try, as in ``receiver_fails``.
    """
    for _ in range(stage.times):
        await stage.a_moment()
        async with stage.fault("CRM down, kill9"):
            await stage.receiver.stop()
            await asyncio.sleep(stage.seconds)
            await stage.chaos.kill()
            await stage.receiver.start()
            await stage.chaos.start()


@dataclass(frozen=True)
class Scenario:
    run: Callable[[Stage], Awaitable[None]]
    seconds: float = 0.0
    times: int = 1
    rows: int = 1
    asterisk_lives: bool = True
    own_clock: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "kill9": Scenario(kill9, times=ROW, rows=KILLS // ROW),
    "kill9_during_adoption": Scenario(kill9_during_adoption, times=3),
    "sigstop_15s": Scenario(sigstop, 15),
    "ari_cut": Scenario(ari_cut, 20),
    "ami_cut": Scenario(ami_cut, 20),
    "both_cut": Scenario(both_cut, 20),
    "asterisk_restarted": Scenario(asterisk_restarted, asterisk_lives=False),
    "asterisk_hung": Scenario(asterisk_hung, 15),
    "database_stopped_60s": Scenario(database_stopped, 60),
    "disk_full": Scenario(disk_full, 20),
    "clock_stepped": Scenario(clock_stepped, 10, own_clock=True),
    "orderly_stop": Scenario(orderly_stop),
    "update": Scenario(update, 10),
    "take_over": Scenario(take_over, 10),
    "receiver_down": Scenario(receiver_down, 20),
    "receiver_fails": Scenario(receiver_fails, 4),
    "receiver_slow": Scenario(receiver_slow, 4),
    "receiver_down_and_kill9": Scenario(receiver_down_and_kill9, 2, times=3),
    "calm": Scenario(calm, 20),  # only when it is asked for
}
ASKED_ONLY = frozenset({"calm"})
