"""From an agent's phone that begins to ring to the CRM that is told of it, with real telephony, under load.

Callers are SIPp's, agents answer, talk and hang up, everything is recorded; the CRM is a web server of this
process, on the machine that Callbridge runs on. All times are of one clock. Nothing is asserted.

- From the ring: the agent's phone is about to send its 180 → the headers of ``call.ringing`` are at the CRM.
  In between are Asterisk, ARI, the decision, the outbox's transaction, and HTTP.
- From the INVITE: SIPp has sent the trunk's INVITE → the headers of ``call.offered`` are at the CRM.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence

from bridge.crm.formats.standard import new_secret
from tests.bench.lab import AGENTS, CALLBRIDGE, bench_lab
from tests.bench.parts import Figures, Row, agents, callbridge_sees, callers, keep, percentile, show
from tests.e2e.neighbours import gateway, told
from tests.e2e.parts import Lab, api_of, eventually
from tests.fakes.receivers.noting import Arrival, Noting, noting

RATE = 20.0
SECONDS = 30.0
WARM_S = 5.0  # not counted: connections open, caches fill
ANSWER_S = 0.5
TALK_S = (0.5, 1.0)
LATE_S = 30.0  # what has not come by then is counted as lost
NAMES = {"ring": "ring_to_callback", "invite": "invite_to_callback"}


def first_of(arrivals: Sequence[Arrival], type: str) -> dict[str, float]:
    """By the caller's number: each calls once."""
    return {one.number: one.at for one in reversed(arrivals) if one.type == type}


def spans(begun: Mapping[str, float], arrived: Mapping[str, float], since: float) -> list[float]:
    """Milliseconds, of what began after ``since`` (Unix seconds)."""
    return [(arrived[who] - at) * 1000 for who, at in begun.items() if at >= since and who in arrived]


async def load(lab: Lab, crm: Noting, rate: float, seconds: float) -> Figures:
    calls = round(rate * (WARM_S + seconds))
    async with agents(lab, AGENTS, answer=ANSWER_S, talk=TALK_S) as phones:
        await callbridge_sees(lab, AGENTS)
        there = callers(
            lab, CALLBRIDGE["throughput"], rate=rate, calls=calls, at_once=10 * calls, invites=True
        )
        async with there as people:
            await people.event("done", seconds=WARM_S + seconds + LATE_S)
            invited = {one["number"]: one["at"] for one in people.events_of("invited")}
            rang = {one["number"]: one["at"] / 1e9 for one in reversed(phones.events_of("rings"))}

            async def told_of() -> int:
                return len(first_of(crm.arrivals, "call.ended").keys() & invited.keys())

            try:
                await eventually(told_of, lambda count: count == calls, LATE_S)
            except AssertionError:
                print(f"  {calls - await told_of()} calls were not told to their end within {LATE_S:g} s")
    since = min(invited.values()) + WARM_S
    ringing, offered = first_of(crm.arrivals, "call.ringing"), first_of(crm.arrivals, "call.offered")
    found = {"ring": spans(rang, ringing, since), "invite": spans(invited, offered, since)}
    figures: Figures = {"first_ring_rate_cps": rate, "first_ring_calls": calls}
    figures["first_ring_lost"] = len(rang.keys() - ringing.keys()) + len(invited.keys() - offered.keys())
    for name, values in found.items():
        figures |= {
            f"{NAMES[name]}_{label}_ms": percentile(values, share)
            for label, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        }
        figures[f"{NAMES[name]}_samples"] = len(values)
        print(f"  {NAMES[name]}: {len(values)} of {calls} calls", flush=True)
    return figures


async def measure(lab: Lab, rate: float = RATE, seconds: float = SECONDS) -> Figures:
    secret = new_secret()
    async with (
        api_of(lab) as api,
        noting(await gateway(lab), secret) as crm,
        told(api, "first_ring", crm.url, secret),
    ):
        figures = await load(lab, crm, rate, seconds)
    if crm.problems:
        raise AssertionError(f"the CRM refused: {crm.problems[:3]}")
    return figures


def _times(figures: Figures, name: str) -> str:
    words = (f"{label} {figures[f'{name}_{label}_ms']:7.1f}" for label in ("p50", "p95", "p99"))
    return "   ".join(words) + f" ms   at {figures['first_ring_rate_cps']:g} calls/s"


ROWS: list[Row] = [
    ("agent's phone rings to call.ringing at the CRM", lambda f: _times(f, NAMES["ring"])),
    ("trunk's INVITE to call.offered at the CRM", lambda f: _times(f, NAMES["invite"])),
    ("  of these never told", lambda f: f"{f['first_ring_lost']:9.0f}"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, default=RATE, help="calls a second")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab, options.rate, options.seconds))
    keep(figures)
    show(figures, ROWS)


if __name__ == "__main__":
    main()
