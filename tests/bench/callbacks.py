"""How long it takes until a CRM has an event, and what a receiver that is away for minutes costs.

    python -m tests.bench.callbacks            calls at a steady pace: from the order to the receiver
    python -m tests.bench.callbacks --minutes 10   the receiver is away so long, under load

The centre's orders are made up and go through the real dispatch, outbox, store (SQLite on a file) and way
outside to a real web server on loopback, all in this one process: so its figures hold the receiver's own time
as well, and no telephony. The schedule of tries is scaled with the minutes: ten are the real one.
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from aiohttp import web

from bridge import logs
from bridge.centre.facts import Fact
from bridge.centre.orders import CallOrder, Lane, SaveCall, TellCrm
from bridge.crm.delivery import Limits
from bridge.crm.retries import DELAYS
from bridge.engine.dispatch import Dispatch, Handlers
from tests.bench.parts import keep, percentile
from tests.fakes.receiver import Receiver, takes
from tests.integration.crm.callback_house import ORDER, SECRET, House, events_of, housed

_GAP = 0.02  # seconds between one call's events


@dataclass
class Run:
    """One run: who is told, when each event was ordered, and when it arrived."""

    house: House
    receiver: Receiver
    dispatch: Dispatch = field(init=False)
    ordered: dict[tuple[str, str], float] = field(default_factory=dict)
    arrived: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dispatch = Dispatch(Handlers({Lane.RECORDS: self._records}), lambda _: None)
        self.receiver.answer = self._answer

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        self.arrived.setdefault((body["data"]["call_id"], body["type"]), time.perf_counter())
        return await takes(request, body)

    async def _records(self, order: CallOrder) -> Fact | None:
        match order:
            case SaveCall():
                await self.house.store.write(lambda unit: unit.calls.save(order.record))
            case TellCrm():
                await self.house.tell(order)
            case _:
                raise AssertionError(order)
        return None

    async def call(self, id: str) -> None:
        for order in events_of(id):
            assert order.record is not None
            self.ordered[id, order.kind.value] = time.perf_counter()
            self.dispatch.send(SaveCall(order.call, order.record))
            self.dispatch.send(order)
            await asyncio.sleep(_GAP)

    async def load(self, seconds: float, calls_per_second: float, name: str) -> None:
        """At a steady pace, whatever becomes of the calls."""
        begun, number, calls = time.perf_counter(), 0, []
        while (now := time.perf_counter()) - begun < seconds:
            calls.append(asyncio.create_task(self.call(f"{name}.{number}")))
            number += 1
            await asyncio.sleep(max(0.0, begun + number / calls_per_second - now))
        await asyncio.gather(*calls)

    async def all_told(self, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while len(self.arrived) < len(self.ordered):
                await asyncio.sleep(0.01)
            while self.house.outbox._lines and any(line.flying for line in self.house.outbox._lines.values()):
                await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Report:
    events: int
    latencies: list[float]  # seconds, sorted
    lost: int
    doubled: int  # taken more than once: each under the id that it had
    out_of_order: int
    overlapping: int
    back_to_told: float = 0.0  # seconds from the receiver's return until it had all
    tries: int = 0

    def __str__(self) -> str:
        p = quantiles(self.latencies, n=100) if len(self.latencies) > 1 else [0.0] * 99
        return (
            f"{self.events} events, {self.tries} tries: lost {self.lost}, doubled {self.doubled}, "
            f"out of order {self.out_of_order}, overlapping {self.overlapping}\n"
            f"from the order to the receiver: p50 {p[49] * 1e3:.1f} ms, p95 {p[94] * 1e3:.1f} ms, "
            f"p99 {p[98] * 1e3:.1f} ms, most {self.latencies[-1] * 1e3:.1f} ms"
        )


def report(run: Run, back_to_told: float = 0.0) -> Report:
    taken = run.receiver.accepted
    wrong = doubled = 0
    for one in {call for call, _ in run.ordered}:
        told = taken.get(one, [])
        doubled += len(told) - len(set(told))
        wrong += [kind for _, kind in dict.fromkeys(told)] != ORDER
    return Report(
        events=len(run.ordered),
        latencies=sorted(run.arrived[key] - at for key, at in run.ordered.items() if key in run.arrived),
        lost=len(run.ordered.keys() - run.arrived.keys()),
        doubled=doubled,
        out_of_order=wrong,
        overlapping=run.receiver.overlaps,
        back_to_told=back_to_told,
        tries=len(run.receiver.tries),
    )


async def steady(directory: Path, seconds: float, calls_per_second: float) -> Report:
    async with housed(directory) as house:
        run = Run(house, Receiver(SECRET))
        await run.receiver.start()
        house.limits = Limits()
        await house.subscribe(run.receiver.url)
        await run.load(1, calls_per_second, "warm")
        await run.all_told(30)
        run.ordered.clear()
        run.arrived.clear()
        await run.load(seconds, calls_per_second, "call")
        await run.all_told(60)
        made = report(run)
        await run.receiver.stop()
        return made


async def outage(directory: Path, minutes: float, calls_per_second: float, around: float) -> Report:
    """Away for ``minutes`` in the middle; ``around``: seconds of load before, and after."""
    async with housed(directory) as house:
        run = Run(house, Receiver(SECRET))
        await run.receiver.start()
        house.limits = Limits(delays=tuple(delay * (minutes / 10) for delay in DELAYS))
        await house.subscribe(run.receiver.url)
        await run.load(around, calls_per_second, "before")
        await run.receiver.stop()
        await run.load(60 * minutes, calls_per_second, "away")
        await run.receiver.start()
        back = time.perf_counter()
        await run.load(around, calls_per_second, "after")
        await run.all_told(60 + 60 * minutes * 4)
        made = report(run, time.perf_counter() - back)
        await run.receiver.stop()
        return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="the receiver is away so long")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load (before, and after)")
    parser.add_argument("--calls", type=float, default=20.0, help="per second")
    options = parser.parse_args()
    logs.configure()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        if options.minutes:
            made = asyncio.run(outage(place, options.minutes, options.calls, options.seconds))
            print(f"away for {options.minutes:g} min at {options.calls:g} calls/s of 4 events")
            print(made)
            print(f"from its return until it had been told all: {made.back_to_told:.1f} s")
        else:
            made = asyncio.run(steady(place, options.seconds, options.calls))
            print(f"{options.calls:g} calls/s of 4 events")
            print(made)
            for name, share in (("p50", 0.5), ("p95", 0.95)):
                keep({f"callback_{name}_ms": percentile(made.latencies, share) * 1000})


if __name__ == "__main__":
    main()
