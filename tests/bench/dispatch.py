"""From an agent's BYE to the next caller's INVITE at that agent: Callbridge, app_queue, and the floor of ARI.

The agent hangs up, on all three sides. Nothing is asserted: machines differ.
"""

import argparse
import asyncio

from tests.bench.lab import CALLBRIDGE, DISPATCH_AGENTS, FLOOR, NATIVE, bench_lab
from tests.bench.parts import (
    Figures,
    Inside,
    Row,
    agents,
    ari_floor,
    callbridge_sees,
    callers,
    keep,
    percentile,
    queue_sees,
    show,
    without_callbridge,
)
from tests.e2e.parts import Lab

WAITING = 20
SECONDS = 14.0  # of a quick look
LONG_SECONDS = 40.0  # so that a p99 is more than the worst of all
WARM_GAPS = 10  # per side, not counted: connections open, caches fill
ANSWER_S = 0.1
TALK_S = (0.7, 1.7)


def gaps(phones: Inside, since: int) -> list[float]:
    """Milliseconds."""
    found = [event for event in phones.events[since:] if event["event"] == "gap"]
    return [(event["invite"] - event["bye"]) / 1e6 for event in found[WARM_GAPS:]]


async def side(lab: Lab, phones: Inside, dialled: str, seconds: float) -> list[float]:
    await phones.do(do="reset")
    await phones.event("reset", phones.count("reset") + 1)
    since = len(phones.events)
    at_once = WAITING + len(DISPATCH_AGENTS)
    async with callers(lab, dialled, rate=60, at_once=at_once):
        await asyncio.sleep(seconds)
        return gaps(phones, since)


async def measure(lab: Lab, seconds: float = LONG_SECONDS) -> Figures:
    figures: Figures = {}

    def note(name: str, values: list[float]) -> None:
        figures[f"{name}_p50_ms"] = percentile(values, 0.5)
        figures[f"{name}_p99_ms"] = percentile(values, 0.99)
        figures[f"{name}_samples"] = len(values)
        print(f"  {name}: {len(values)} gaps", flush=True)

    async with agents(lab, DISPATCH_AGENTS, answer=ANSWER_S, talk=TALK_S) as phones:
        await queue_sees(lab, "bench_dispatch", len(DISPATCH_AGENTS))
        await callbridge_sees(lab, DISPATCH_AGENTS)
        note("dispatch", await side(lab, phones, CALLBRIDGE["dispatch"], seconds))
        async with without_callbridge(lab):
            note("app_queue_dispatch", await side(lab, phones, NATIVE["dispatch"], seconds))
            async with ari_floor(lab, DISPATCH_AGENTS):
                note("ari_floor", await side(lab, phones, FLOOR, seconds))
    return figures


def _times(name: str) -> Row:
    def text(figures: Figures) -> str:
        p50, p99 = figures[f"{name}_p50_ms"], figures[f"{name}_p99_ms"]
        return f"p50 {p50:7.1f}   p99 {p99:7.1f} ms"

    return name, text


ROWS: list[Row] = [
    (f"BYE to the next INVITE, Callbridge ({WAITING} wait)", _times("dispatch")[1]),
    ("  app_queue", _times("app_queue_dispatch")[1]),
    ("  ARI's floor (a crude application)", _times("ari_floor")[1]),
    (
        "  app_queue ÷ Callbridge, median",
        lambda f: f"{f['app_queue_dispatch_p50_ms'] / f['dispatch_p50_ms']:.1f}",
    ),
    ("  Callbridge ÷ floor, median", lambda f: f"{f['dispatch_p50_ms'] / f['ari_floor_p50_ms']:.2f}"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each of the three sides")
    options = parser.parse_args()
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab, options.seconds))
    keep(figures)
    show(figures, ROWS)


if __name__ == "__main__":
    main()
