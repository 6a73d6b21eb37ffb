"""Everything at once, at random: python -m tests.chaos.at_random [--minutes M] [--calls N] [--seed S] …

So many live calls on the real Asterisk, and everything that agents and supervisors can do in them: holds,
mutes, transfers of each kind, conferences, supervision, pauses of the recording. Then each call must have its
ticket and its recording, and the recording must hold what the call's own story says. Prints what was done and
what was found; exits with 1 if anything is wrong.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import lab as labs
from tests.chaos.lab import Chaos
from tests.chaos.players import Floor, Live, Manner, floor
from tests.chaos.run import prepare
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.sides import Checked, Segment, Story, check
from tests.e2e.parts import ROOT, eventually
from tests.e2e.scene import moment
from tests.e2e.sound import Sound

FILED_WITHIN_S = 90.0
KEPT = ROOT / "build" / "at_random"

# ── afterwards ───────────────────────────────────────────────────────────────


def story_of(live: Live, call: dict[str, Any]) -> Story:
    ended = call["ended_at"]
    segments = [
        Segment(one["agent"], one["doing"], moment(one["since"]), moment(one["until"] or ended))
        for one in call["segments"]
    ]
    pauses = [(moment(one["begun_at"]), moment(one["ended_at"] or ended)) for one in call["pauses"]]
    return Story(live.number, moment(call["answered_at"]), segments, pauses, live.unsure)


async def judge(made: Floor, live: Live) -> Checked:
    """What of one call is wrong, once it is filed."""
    found = Checked()
    call = await made.api.get(f"/calls/{live.call}")
    tickets = await made.api.all("/tickets", call_id=live.call)
    if len(tickets) != 1 or call["outcome"] != "answered":
        found.wrong.append(f"{len(tickets)} tickets, {call['outcome']}")
        return found
    recordings = (await made.api.get(f"/tickets/{tickets[0]['id']}"))["recordings"]
    states = [one["state"] for one in recordings]
    if states != ["attached"]:
        found.wrong.append(f"recordings: {states}")
        return found
    file = await made.api.file(recordings[0]["url"])
    tones = {**made.tones, live.number: live.hertz}
    found = await asyncio.to_thread(check, Sound.read(file), story_of(live, call), tones)
    if found.wrong:
        (folder_of(live) / "recording.wav").write_bytes(file)
    return found


def folder_of(live: Live) -> Path:
    folder = KEPT / live.call
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def keep(made: Floor, live: Live) -> None:
    """What there is of a call that is wrong, for who looks for the cause: the lab will be gone."""
    call = await made.api.get(f"/calls/{live.call}")
    audit = (await made.api.get("/audit", call=live.call))["items"]
    facts = [one for one in (await made.chaos.books())["facts"] if live.call in json.dumps(one)]
    known = {**call, "audit": audit, "unsure": live.unsure, "facts": facts}
    (folder_of(live) / "call.json").write_text(json.dumps(known, indent=1))


async def filed(made: Floor) -> list[str]:
    """What is left in Asterisk, and of recordings on their way, once nothing changes any more."""

    async def left() -> list[str]:
        channels = (await made.api.lab.asterisk("core show channels concise")).splitlines()
        bridges = (await made.api.lab.asterisk("bridge show all")).splitlines()[1:]
        pending = [one for one in (await made.chaos.books())["recordings"] if one["state"] == "pending"]
        return [line for line in channels if "!" in line] + bridges + await made.chaos.spool() + pending

    try:
        return await eventually(left, lambda found: not found, FILED_WITHIN_S)
    except AssertionError:
        return [f"left over: {one}" for one in await left()]


async def failed(chaos: Chaos, since: float) -> list[str]:
    """What Callbridge could not do. Nothing is broken here, so there is nothing of the kind."""
    log = (await chaos.log(chaos.app, since)).decode(errors="replace")
    return [line for line in log.splitlines() if "[warning" in line or "[error" in line]


@dataclass
class Outcome:
    wrong: list[str]
    lines: list[str]


async def at_random(chaos: Chaos, minutes: float, manner: Manner) -> Outcome:
    await prepare(chaos, SCENARIOS["calm"])
    async with floor(chaos, manner) as made:
        begun = time.time()
        made.until = time.monotonic() + minutes * 60
        await asyncio.gather(*(made.play(player) for player in range(manner.calls)))
        made.wrong += await filed(made) + await failed(chaos, begun)
        total = Checked()
        longest = Checked()
        recorded = 0
        for live in made.lives:
            if not live.call:
                continue
            try:
                found = await judge(made, live)
            except AssertionError as error:  # of the API: the others are judged all the same
                found = Checked([str(error)])
            recorded += not found.wrong
            made.wrong += [f"{live.number} {live.call}: {one}" for one in found.wrong]
            if any(live.call in one for one in made.wrong):
                await keep(made, live)
            total.pieces, total.silent = total.pieces + found.pieces, total.silent + found.silent
            total.steps += found.steps
            total.lost = max(total.lost, found.lost)
            longest = max(longest, found, key=lambda one: one.seconds)
    steps = sorted(map(abs, total.steps)) or [0.0]
    tenth = len(longest.steps) // 10 or 1
    first, last = sorted(longest.steps[:tenth]) or [0.0], sorted(longest.steps[-tenth:]) or [0.0]
    lines = [
        f"{len(made.lives)} calls, {manner.calls} at once, seed {manner.seed}",
        f"{recorded} recordings as their story says",
        ", ".join(f"{count} {name}" for name, count in made.done.most_common()),
        "answers: " + ", ".join(f"{count} × {status}" for status, count in sorted(made.answers.items())),
        f"{total.pieces} half seconds compared on both sides, {total.silent} of them silent in a pause",
        f"the sides apart at {len(steps)} beats: {_ms(steps, 0.5)} ms in the middle, {_ms(steps, 0.95)} for "
        f"19 of 20, {_ms(steps, 1.0)} at most",
        f"in the longest, of {longest.seconds:.0f} s, the right side is later by {_ms(first, 0.5)} ms in the "
        f"middle of its first tenth, by {_ms(last, 0.5)} in its last",
        f"a recording lost at most {total.lost * 1000:.0f} ms of its talk",
        f"{len(made.wrong)} wrong",
    ]
    return Outcome(made.wrong, lines)


def _ms(steps: Sequence[float], share: float) -> int:
    return round(steps[min(int(len(steps) * share), len(steps) - 1)] * 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--calls", type=int, default=20, help="at once, at most 20: each has its own tone")
    parser.add_argument("--whole", type=int, default=0, help="of these, so many last from beginning to end")
    parser.add_argument("--seed", default="1", help="of what is done and when")
    parser.add_argument("--keep", action="store_true", help="the lab that is up, as it is; it stays up")
    options = parser.parse_args()
    manner = Manner(options.calls, options.whole, options.seed)
    if not options.keep:
        labs.down()
    # Callbridge's data are in the machine's memory: each minute of a call is 1.9 MB there.
    os.environ.setdefault("CHAOS_DISK", f"{2048 + round(2 * options.minutes * options.calls)}m")
    chaos = (labs.found() if options.keep else None) or labs.up()
    try:
        outcome = asyncio.run(at_random(chaos, options.minutes, manner))
    finally:
        if not options.keep:
            labs.down()
    print("\n".join([*outcome.wrong[:40], *outcome.lines]))
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
