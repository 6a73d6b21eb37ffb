"""All benchmarks on the real Asterisk, in one lab, and one table at the end: python -m tests.bench"""

import argparse
import asyncio

from tests.bench import dispatch, first_ring, idle, one_call, throughput
from tests.bench.lab import bench_lab
from tests.bench.parts import Figures, keep, show
from tests.e2e.parts import Lab

PARTS = {
    "one_call": one_call.measure,
    "first_ring": first_ring.measure,
    "dispatch": dispatch.measure,
    "throughput": throughput.measure,
    "idle": idle.measure,
}
ROWS = [*one_call.ROWS, *first_ring.ROWS, *dispatch.ROWS, *throughput.ROWS, *idle.ROWS]


async def measure(lab: Lab, parts: list[str]) -> Figures:
    figures: Figures = {}
    for name in parts:
        print(f"{name} …", flush=True)
        found = await PARTS[name](lab)
        keep(found)  # what is measured stays, also when the next part fails
        figures |= found
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().parts
    if unknown := set(parts) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: there are only {', '.join(PARTS)}")
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab, parts))
    print()
    show(figures, ROWS)


if __name__ == "__main__":
    main()
