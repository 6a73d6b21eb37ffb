"""One scenario from an empty lab to a counted row: load, fault, convergence, drain, filing, counting."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.chaos.callbacks import callbacks_wrong
from tests.chaos.counts import Books, Evidence, Finding, Left, as_json, row
from tests.chaos.crm import crm
from tests.chaos.facts import events_wrong
from tests.chaos.lab import AGENTS, APP, Chaos
from tests.chaos.load import Load, Size, load
from tests.chaos.scenarios import Scenario, Stage
from tests.chaos.truth import native_numbers
from tests.chaos.watch import AWAY, Watch, expected, watch
from tests.e2e.parts import ROOT, eventually
from tests.fakes.receivers.noting import Noting

BUILD = ROOT / "build"
SETTLE_S = (2.0, 6.0)
RUN_ON_S = 15.0
FILED_WITHIN_S = 150.0
STILL_S = 40.0  # nothing new is written any more: what is missing then is lost
HEAVY = ["--memory", "4g", "--memory-swap", "4g"]


@dataclass(frozen=True)
class Result:
    row: dict[str, Any]
    findings: list[Finding]
    faults: list[dict[str, Any]]
    log: Path

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.row["scenario"],
            "row": self.row,
            "faults": self.faults,
            "findings": [as_json(finding) for finding in self.findings],
            "log": str(self.log),
        }


async def prepare(chaos: Chaos, scenario: Scenario) -> int:
    """An idle Asterisk, a service that has just been started, and the last fact before it."""

    async def left() -> int:
        count = int((await chaos.lab.asterisk("core show channels count")).split()[0])
        if count:
            await chaos.lab.asterisk("channel request hangup all")
        return count

    await chaos.start()
    await eventually(left, lambda count: count == 0, 30)
    await chaos.stop()
    await chaos.keeper("find /var/spool/asterisk/recording -type f -delete")
    await chaos.own_clock(scenario.own_clock)
    facts = (await chaos.books())["facts"]
    await chaos.start()
    await eventually(chaos.lab.is_ready, seconds=60)
    return int(facts[-1]["id"]) if facts else 0


async def run(
    chaos: Chaos,
    name: str,
    scenario: Scenario,
    size: Size,
    seed: str,
    *,
    run_on_s: float = RUN_ON_S,
    label: str = "",
    other: str = APP,
    say: Callable[[str], None] = print,
) -> Result:
    """``label``: of the files under build/, where a scenario has several rows. ``other``: see Stage."""
    begun = time.time()
    last = await prepare(chaos, scenario)
    agents = AGENTS[: size.talking]
    # Later runs in one lab have later numbers; so many calls a second come in none.
    first = 9_000_000_000 + int(begun * 4) % 900_000_000
    async with (
        crm(chaos, own_clock=scenario.own_clock) as receiver,
        watch(chaos, agents, last) as eyes,
        load(chaos, size, seed, first) as made,
    ):
        await eventually(lambda: unready(eyes, agents), lambda found: not found, 60)
        say("    load …")
        await made.ramp()
        chance = random.Random(seed)
        await asyncio.sleep(chance.uniform(*SETTLE_S))
        truth = made.truth
        say(f"    {truth.talking()} talk, {truth.waiting()} wait, {size.rate:g} a second come")
        stage = Stage(chaos, made, eyes, receiver, chance, scenario.times, scenario.seconds, other)
        await scenario.run(stage)
        await asyncio.sleep(run_on_s)
        say(f"    {truth.talking()} talk, {truth.waiting()} wait; all end …")
        await made.drain()
        say("    filing …")
        evidence = await filed(chaos, eyes, receiver, made, last)
    found_row, findings = counted(name, evidence)
    found_row |= stage.notes
    files = BUILD / f"chaos-{label or name}"
    BUILD.mkdir(exist_ok=True)
    log = files.with_suffix(".log")
    log.write_bytes(await chaos.log(chaos.app, begun))
    files.with_name(f"{files.name}-asterisk.log").write_bytes(await chaos.log(chaos.asterisk, begun))
    facts = "".join(json.dumps(fact) + "\n" for fact in evidence.books.facts)
    files.with_name(f"{files.name}-facts.jsonl").write_text(facts)
    arrivals = "".join(json.dumps(asdict(one)) + "\n" for one in evidence.told)
    files.with_name(f"{files.name}-callbacks.jsonl").write_text(arrivals)
    faults = [{**vars(fault), "queued": len(fault.queued)} for fault in truth.faults]
    return Result(found_row, findings, faults, log)


async def unready(eyes: Watch, agents: Sequence[str]) -> dict[str, str]:
    """Agents of ours who are not ready."""
    try:
        items = (await eyes.get("/api/v1/agents"))["items"]
    except AWAY as error:
        return {"nobody": f"is known: {error!r}"}
    states = {one["id"]: one["state"] for one in items}
    return {agent: states.get(agent, "unknown") for agent in agents if states.get(agent) != "ready"}


def counted(name: str, seen: Evidence) -> tuple[dict[str, Any], list[Finding]]:
    return row(name, seen, list(events_wrong(seen)), list(callbacks_wrong(seen)))


async def filed(chaos: Chaos, eyes: Watch, receiver: Noting, made: Load, last: int) -> Evidence:
    """Once nothing is wrong any more, or nothing has changed for long."""
    until = time.monotonic() + FILED_WITHIN_S
    before, since = "", time.monotonic()
    while True:
        seen = await gather(chaos, eyes, receiver, made, last)
        # By its name alone each finding's row says how far the service is.
        state = json.dumps([len(seen.books.facts), seen.books.recordings, seen.left.spool, len(seen.told)])
        if state != before:
            before, since = state, time.monotonic()
        _, findings = counted("", seen)
        late = time.monotonic() > until or time.monotonic() - since > STILL_S
        if late or not findings:
            await eyes.told_until(seen.expected[-1].id if seen.expected else 0)
            return await gather(chaos, eyes, receiver, made, last)
        await asyncio.sleep(1.5)


async def gather(chaos: Chaos, eyes: Watch, receiver: Noting, made: Load, last: int) -> Evidence:
    books = await chaos.books(last)
    native = await chaos.native_log()
    channels = await eyes.ari("/channels")
    bridges = await eyes.ari("/bridges")
    left = Left(
        channels=[f"{one['id']} {one['name']} {one['state']}" for one in channels],
        bridges=[one["id"] for one in bridges],
        spool=await chaos.spool(),
        unready=await unready(eyes, eyes.agents),
    )
    wanted = expected(books["facts"])
    edge = books["facts"][-1]["id"] if books["facts"] else 0
    return Evidence(
        truth=made.truth,
        books=Books(**books),
        native=frozenset(native_numbers(native)),
        streamed=[one for one in eyes.streamed if one.id <= edge],
        expected=wanted,
        left=left,
        told=list(receiver.arrivals),
        refused=list(receiver.problems),
    )


def smaller(scenario: Scenario, *, times: int | None = None, seconds: float | None = None) -> Scenario:
    """For the short form."""
    return replace(
        scenario,
        times=scenario.times if times is None else times,
        seconds=scenario.seconds if seconds is None else seconds,
    )
