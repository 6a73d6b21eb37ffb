"""Complete calls a second that Callbridge and app_queue sustain, and the processor time that a call costs.

A call arrives, is answered, waits, rings at an agent, is talked and recorded, and the agent hangs up; on
Callbridge's side it also gets its ticket, and the recording is fetched, joined and hung on it. Nothing is
asserted: machines differ.
"""

import argparse
import asyncio
from dataclasses import dataclass

from tests.bench.lab import AGENTS, CALLBRIDGE, FLOOR, NATIVE, bench_lab
from tests.bench.parts import (
    Figures,
    Inside,
    Processor,
    Row,
    agents,
    ari_floor,
    callbridge_sees,
    callers,
    counted,
    keep,
    queue_sees,
    show,
    without_callbridge,
)
from tests.e2e.parts import Lab

ANSWER_S = 0.1
TALK_S = (0.3, 0.5)
STEP_S = 8.0  # of arrivals, at each rate
LATE_S = 4.0  # a call that arrived last may take so long; a longer backlog means: not sustained
FILED_S = 8.0  # and so long until the last recording hangs on its ticket
COST_RATE = 5.0  # at which a call's cost is read: below what either side sustains
FIRST_RATE = 5.0
LAST_RATE = 100.0  # 60 agents take hardly more
HALVINGS = 2
SPOOL = "/var/spool/asterisk/recording"


@dataclass(frozen=True)
class Step:
    rate: float
    sustained: bool
    why: str
    asterisk_ms: float  # processor time a call
    callbridge_ms: float


async def recorded(lab: Lab) -> int:
    """Files of recordings that Asterisk holds."""
    return len((await lab.docker("exec", lab.containers["asterisk"], "ls", SPOOL)).split())


async def filed(lab: Lab, before: dict[str, float], calls: int) -> str:
    """Empty once Callbridge has closed the books on all calls; else what is missing when the time is up."""
    wanted = {
        "calls answered": 'callbridge_calls_total{outcome="answered"}',
        "tickets": "callbridge_tickets_opened_total",
        "recordings": "callbridge_recordings_attached_total",
    }
    try:
        async with asyncio.timeout(FILED_S):
            while True:
                now = await counted(lab)
                missing = {name: calls - (now[key] - before[key]) for name, key in wanted.items()}
                if all(count <= 0 for count in missing.values()):
                    return ""
                await asyncio.sleep(0.1)
    except TimeoutError:
        return ", ".join(f"{count:.0f} {name} missing" for name, count in missing.items() if count > 0)


async def step(lab: Lab, phones: Inside, dialled: str, rate: float, *, callbridge: bool) -> Step:
    calls = round(rate * STEP_S)
    before_answers = phones.count("answered")
    before = await counted(lab) if callbridge else {}
    asterisk = await Processor.of(lab, "asterisk")
    app = await Processor.of(lab, "callbridge") if callbridge else None
    used = asterisk.seconds(), app.seconds() if app else 0.0
    why = ""
    async with callers(lab, dialled, rate=rate, calls=calls, at_once=10 * calls) as load:
        try:
            done = await load.event("done", seconds=STEP_S + LATE_S)
        except AssertionError:
            why = "backlog"
        else:
            answered = phones.count("answered") - before_answers
            if done["failed"] or done["successful"] < calls or answered < calls:
                why = f"{calls - min(answered, done['successful'])} calls failed"
            elif callbridge:
                why = await filed(lab, before, calls)
        costs = asterisk.seconds() - used[0], (app.seconds() if app else 0.0) - used[1]
    if not callbridge:
        await lab.docker("exec", lab.containers["asterisk"], "sh", "-c", f"rm -f {SPOOL}/native-*")
    elif why:
        await settled(lab)
    found = Step(rate, not why, why, costs[0] / calls * 1000, costs[1] / calls * 1000)
    print(
        f"  {rate:5.1f} calls/s  {'sustained' if found.sustained else why:40}"
        f"  ms a call: Asterisk {found.asterisk_ms:5.1f}  Callbridge {found.callbridge_ms:5.1f}",
        flush=True,
    )
    return found


async def settled(lab: Lab) -> None:
    """What was left undone before must not be the next step's load."""
    last = -1.0
    for _ in range(40):
        now = await counted(lab)
        done = now["callbridge_recordings_attached_total"] + now["callbridge_tickets_opened_total"]
        if done == last:
            return
        last = done
        await asyncio.sleep(1)


async def best(lab: Lab, phones: Inside, dialled: str, *, callbridge: bool) -> float:
    """Doubled until it is too much, then halved in between."""
    good, bad = 0.0, 0.0
    rate = FIRST_RATE
    while not bad and good < LAST_RATE:
        if (await step(lab, phones, dialled, rate, callbridge=callbridge)).sustained:
            good, rate = rate, min(rate * 2, LAST_RATE)
        else:
            bad = rate
    for _ in range(HALVINGS if bad else 0):
        rate = round((good + bad) / 2)
        if (await step(lab, phones, dialled, rate, callbridge=callbridge)).sustained:
            good = rate
        else:
            bad = rate
    return good


async def measure(lab: Lab) -> Figures:
    figures: Figures = {}
    async with agents(lab, AGENTS, answer=ANSWER_S, talk=TALK_S) as phones:
        await queue_sees(lab, "bench_throughput", len(AGENTS))
        await callbridge_sees(lab, AGENTS)
        await settled(lab)
        print("Callbridge", flush=True)
        ours = CALLBRIDGE["throughput"]
        await step(lab, phones, ours, COST_RATE, callbridge=True)  # warms up
        cost = await step(lab, phones, ours, COST_RATE, callbridge=True)
        figures["cpu_ms_per_call_callbridge"] = cost.callbridge_ms
        figures["cpu_ms_per_call_asterisk"] = cost.asterisk_ms
        figures["throughput_cps"] = await best(lab, phones, ours, callbridge=True)
        print("app_queue", flush=True)
        async with without_callbridge(lab):
            theirs = NATIVE["throughput"]
            await step(lab, phones, theirs, COST_RATE, callbridge=False)
            cost = await step(lab, phones, theirs, COST_RATE, callbridge=False)
            figures["app_queue_cpu_ms_per_call_asterisk"] = cost.asterisk_ms
            figures["app_queue_throughput_cps"] = await best(lab, phones, theirs, callbridge=False)
            print("ARI's floor", flush=True)
            async with ari_floor(lab, AGENTS):
                await step(lab, phones, FLOOR, COST_RATE, callbridge=False)
                figures["ari_floor_throughput_cps"] = await best(lab, phones, FLOOR, callbridge=False)
    return figures


ROWS: list[Row] = [
    ("complete calls a second without a failure, Callbridge", lambda f: f"{f['throughput_cps']:9.1f}"),
    ("  app_queue", lambda f: f"{f['app_queue_throughput_cps']:9.1f}"),
    (
        "  ARI's floor (a crude application, no recording, no ticket)",
        lambda f: f"{f['ari_floor_throughput_cps']:9.1f}",
    ),
    (
        "  Callbridge ÷ app_queue",
        lambda f: f"{f['throughput_cps'] / f['app_queue_throughput_cps']:10.2f}",
    ),
    (
        "processor time a call, Callbridge's process",
        lambda f: f"{f['cpu_ms_per_call_callbridge']:9.1f} ms",
    ),
    ("  Asterisk, driven by Callbridge", lambda f: f"{f['cpu_ms_per_call_asterisk']:9.1f} ms"),
    ("  Asterisk, with app_queue", lambda f: f"{f['app_queue_cpu_ms_per_call_asterisk']:9.1f} ms"),
    (
        "  Callbridge ÷ Asterisk",
        lambda f: f"{f['cpu_ms_per_call_callbridge'] / f['cpu_ms_per_call_asterisk']:10.2f}",
    ),
]


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab))
    keep(figures)
    show(figures, ROWS)


if __name__ == "__main__":
    main()
