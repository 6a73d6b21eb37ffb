"""Records the traces anew: ``python -m tests.replay.record [SCENARIO …] [--list] [--out DIR] [--accept]``.

For people, not for the suite: it starts a real Asterisk 22 in a container of its own, plays each scenario
with real SIP phones, and writes DIR/SCENARIO.ami. Then it prints how what the follower says of it differs
from what stands beside the committed trace. Read that, think, and only then let it be written with --accept.

    python -m tests.replay.record transfer/blonde             into build/replay; the difference is printed
    python -m tests.replay.record transfer --accept           writes them where the suite reads them

Exit codes: 0 all recorded, and no difference; 1 something differs, or a scenario failed; 2 wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.replay.recording import expectation
from tests.replay.recording.asterisk import CannotRecord, running
from tests.replay.recording.scenario import Scenario, all_scenarios, chosen

HERE = Path(__file__).parent
BUILD = Path(__file__).parents[2] / "build" / "replay"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replay.record", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("scenario", nargs="*", help="transfer/blonde, or a whole topic: transfer")
    parser.add_argument("--list", action="store_true", help="print the scenarios and what they are about")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: build/replay, or with --accept here"
    )
    parser.add_argument("--accept", action="store_true", help="what the follower says is right: write it")
    options = parser.parse_args()
    known = all_scenarios()
    try:
        wanted = chosen(options.scenario, known)
    except KeyError as error:
        parser.error(f"{error} is no scenario; --list prints them")
    if options.list:
        for one in wanted:
            print(f"{one.name:48} {one.about}")
        return 0
    out = options.out or (None if options.accept else BUILD)
    try:
        return record(wanted, out, accept=options.accept)
    except CannotRecord as error:
        print(error, file=sys.stderr)
        return 1


def record(wanted: list[Scenario], out: Path | None, *, accept: bool) -> int:
    from tests.replay.recording.lab import lab_on
    from tests.replay.recording.phones import ScenarioFailed

    worst = 0
    with running() as asterisk, lab_on(asterisk) as lab:
        for one in wanted:
            try:
                trace = lab.record(one)
            except ScenarioFailed as error:
                print(f"{one.name}: FAILED: {error}", flush=True)
                worst = 1
                continue
            differs = compared(one, trace, out, accept=accept)
            print(f"{one.name}: {differs or 'as expected'}", flush=True)
            worst = worst or int(bool(differs) and not accept)
    return worst


def home(one: Scenario) -> Path:
    """Where the suite has its trace. Other tests take every one in traces/ for whole calls."""
    return (HERE if one.in_the_middle else HERE / "traces") / f"{one.name}.ami"


def compared(one: Scenario, trace: bytes, out: Path | None, *, accept: bool) -> str:
    """Writes what there is to write; returns the differences."""
    committed = home(one)
    file = out / f"{one.name}.ami" if out is not None else committed
    file.parent.mkdir(parents=True, exist_ok=True)
    said = {".json": expectation.said_of(trace)}
    if one.in_the_middle:
        said[".resumed.json"] = expectation.resumed(trace)
    differences = []
    for suffix, told in said.items():
        before = committed.with_suffix(suffix)
        expected = json.loads(before.read_text(encoding="utf-8")) if before.exists() else []
        difference = expectation.difference(expected, told)
        if difference:
            differences.append(f"differs from {one.name}{suffix}\n{difference}")
        if accept:
            file.with_suffix(suffix).write_text(expectation.as_text(told), encoding="utf-8")
    file.write_bytes(trace)
    return "\n".join(differences)


if __name__ == "__main__":
    sys.exit(main())
