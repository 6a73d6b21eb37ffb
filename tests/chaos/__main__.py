"""The fault suite: python -m tests.chaos [--scenario NAME] [--seed SEED]

Real Asterisk, real SIP: about a hundred talk, fifty wait, two a second come, and then something breaks.
Prints a table, writes build/chaos.json (the rows) and build/chaos-details.json (what is behind each number).
Exits with 0 when it ran to its end; with --strict, with 1 when a target is missed.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from tests.chaos import lab
from tests.chaos.load import Size
from tests.chaos.run import BUILD, RUN_ON_S, Result, run, smaller
from tests.chaos.scenarios import ASKED_ONLY, SCENARIOS

COUNTS = (
    *("dropped", "lost_place", "recordings_lost", "tickets_wrong", "events_wrong", "callbacks_wrong"),
    "orphans",
)
COLUMNS = (
    *COUNTS[:-1],
    *("converged_s", "orphans", "in_fallback", "calls", "faults", "ready_s", "callbacks", "told_again"),
)
CONVERGED_S, AFTER_ASTERISK_S = 2.0, 5.0  # agents register anew with a restarted Asterisk
SHOWN = 6


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--scenario", action="append", choices=list(SCENARIOS), help="only this; again: these"
    )
    parser.add_argument("--seed", default="1", help="of the load and of the moments; the same gives the same")
    parser.add_argument("--talking", type=int, default=100)
    parser.add_argument("--waiting", type=int, default=50)
    parser.add_argument("--rate", type=float, default=2.0, help="new calls a second")
    parser.add_argument("--times", type=int, help="faults a load run, where there are several")
    parser.add_argument("--rows", type=int, help="load runs, where there are several")
    parser.add_argument("--seconds", type=float, help="how long the fault lasts")
    parser.add_argument("--run-on", type=float, default=RUN_ON_S, help="seconds of load after the last fault")
    parser.add_argument(
        "--former", metavar="REVISION", help="another version, as git has it: the update goes there and back"
    )
    parser.add_argument("--as-built", action="store_true", help="take the images that are there")
    parser.add_argument("--keep", action="store_true", help="the lab that is up, as it is; it stays up")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    return parser.parse_args()


def missed(row: dict[str, Any]) -> bool:
    """Of a scenario that leaves Asterisk alive; the calls of one that does not are Asterisk's."""
    lives = SCENARIOS[row["scenario"]].asterisk_lives
    if lives and any(row[name] for name in COUNTS):
        return True
    return row["converged_s"] is None or row["converged_s"] > (CONVERGED_S if lives else AFTER_ASTERISK_S)


def show(rows: list[dict[str, Any]]) -> None:
    print(f"\n{'scenario':22}" + "".join(f"{name.replace('_', ' '):>16}" for name in COLUMNS))
    for row in rows:
        words = ("never" if row.get(name) is None else str(row[name]) for name in COLUMNS)
        more = "  ".join(f"{name} {row[name]}" for name in row.keys() - {"scenario", *COLUMNS})
        print(f"{row['scenario']:22}" + "".join(f"{word:>16}" for word in words) + f"  {more}")


def explain(result: Result) -> None:
    """What each number was, the first of them; all are in the details."""
    by_count: dict[str, list[str]] = {}
    for one in result.findings:
        words = (one.at, one.number, one.call, one.why)
        by_count.setdefault(one.count, []).append("  ".join(word for word in words if word))
    for count, lines in by_count.items():
        print(f"    {count} {len(lines)}:")
        print("".join(f"      {line}\n" for line in lines[:SHOWN]), end="")
        if len(lines) > SHOWN:
            print(f"      … and {len(lines) - SHOWN} more")


def keep(results: list[Result]) -> None:
    """After each row: what is measured stays, also when the next one fails."""
    BUILD.mkdir(exist_ok=True)
    rows = [result.row for result in results]
    (BUILD / "chaos.json").write_text(json.dumps(rows, indent=2) + "\n")
    details = [result.as_json() for result in results]
    (BUILD / "chaos-details.json").write_text(json.dumps(details, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    options = options_of()
    size = Size(options.talking, options.waiting, options.rate)
    names = options.scenario or [name for name in SCENARIOS if name not in ASKED_ONLY]
    results: list[Result] = []
    as_built = options.as_built
    try:
        for name in names:
            scenario = smaller(SCENARIOS[name], times=options.times, seconds=options.seconds)
            rows = options.rows or scenario.rows
            for number in range(rows):
                print(f"{time.strftime('%H:%M:%S')} {name} …", flush=True)
                if not options.keep:
                    lab.down()
                chaos = (lab.found() if options.keep else None) or lab.up(
                    as_built=as_built, former=options.former
                )
                as_built = True  # one version for all rows
                seed = f"{options.seed} {name} {number}"
                label = name if rows == 1 else f"{name}-{number + 1}"
                found = asyncio.run(
                    run(
                        *(chaos, name, scenario, size, seed),
                        run_on_s=options.run_on,
                        label=label,
                        other=lab.FORMER if options.former else lab.APP,
                    )
                )
                results.append(found)
                keep(results)
                explain(found)
    finally:
        if not options.keep:
            lab.down()
        show([result.row for result in results])
    if options.strict and any(missed(result.row) for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
