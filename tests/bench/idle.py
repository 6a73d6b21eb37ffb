"""What 500 callers who only wait cost: the processor's share of Callbridge, and of Asterisk on either side.

They hear music and say nothing; there is no agent and no announcement. Nothing is asserted: machines differ.
"""

import argparse
import asyncio
import time

from tests.bench.lab import CALLBRIDGE, NATIVE, bench_lab
from tests.bench.parts import (
    Figures,
    Processor,
    Row,
    callers,
    channels,
    counted,
    keep,
    packets_sent,
    show,
    without_callbridge,
)
from tests.e2e.parts import Lab, eventually

CALLERS = 500
RATE = 12.0  # their arrival is not what is measured
LOOK_S = 20.0
SETTLED_S = 5.0
TICKETS = "callbridge_tickets_opened_total"


async def side(lab: Lab, dialled: str, count: int, services: tuple[str, ...]) -> list[float]:
    """Percent of one core, by service, while all of them wait."""
    tickets = (await counted(lab))[TICKETS] if "callbridge" in services else 0.0
    running = [await Processor.of(lab, service) for service in services]
    async with callers(lab, dialled, rate=RATE, calls=count, at_once=count, sound=False):
        await eventually(lambda: channels(lab), lambda now: now == count, count / RATE + 30)
        if "callbridge" in services:  # everybody has his ticket: what their arrival left to do is done
            await eventually(lambda: counted(lab), lambda now: now[TICKETS] - tickets >= count, 60)
        await asyncio.sleep(SETTLED_S)
        packets = await packets_sent(lab)
        before, began = [one.seconds() for one in running], time.monotonic()
        await asyncio.sleep(LOOK_S)
        used, took = [one.seconds() for one in running], time.monotonic() - began
        heard = (await packets_sent(lab) - packets) / took / count
        print(f"  each caller hears {heard:.1f} packets a second", flush=True)
        assert await channels(lab) == count, "somebody went away meanwhile"
    return [(now - then) / took * 100 for now, then in zip(used, before, strict=True)]


async def measure(lab: Lab, count: int = CALLERS) -> Figures:
    app, driven = await side(lab, CALLBRIDGE["idle"], count, ("callbridge", "asterisk"))
    print(f"  Callbridge's {count}: {app:.1f} % itself, {driven:.1f} % Asterisk", flush=True)
    async with without_callbridge(lab):
        (alone,) = await side(lab, NATIVE["idle"], count, ("asterisk",))
    print(f"  app_queue's {count}: {alone:.1f} % Asterisk", flush=True)
    return {
        "idle_callers": count,
        "idle_cpu_callbridge_process": app,
        "idle_cpu_callbridge_asterisk": driven,
        "idle_cpu_callbridge": app + driven,
        "idle_cpu_app_queue": alone,
    }


ROWS: list[Row] = [
    (
        "processor with callers only waiting, Callbridge's side",
        lambda f: f"{f['idle_cpu_callbridge']:9.1f} % of a core, {f['idle_callers']:.0f} callers",
    ),
    ("  of which Callbridge's process", lambda f: f"{f['idle_cpu_callbridge_process']:9.1f} %"),
    ("  of which Asterisk", lambda f: f"{f['idle_cpu_callbridge_asterisk']:9.1f} %"),
    ("  app_queue's side (Asterisk alone)", lambda f: f"{f['idle_cpu_app_queue']:9.1f} %"),
    (
        "  Callbridge ÷ app_queue",
        lambda f: f"{f['idle_cpu_callbridge'] / f['idle_cpu_app_queue']:10.2f}",
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=CALLERS)
    options = parser.parse_args()
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab, options.callers))
    keep(figures)
    show(figures, ROWS)


if __name__ == "__main__":
    main()
