"""What a fault cost, counted: the telephones' truth against what the service did and wrote down. Pure.

Each counter gives findings, one for each thing that is wrong: with the number, the call's id and why, so that
it can be looked for in the log. What the numbers mean stands at each counter.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.chaos.truth import NEVER, Fault, Talk, Truth, Visit
from tests.fakes.receivers.noting import Arrival

# Two clocks of one machine, and messages on their way.
MOMENT = 0.3
# Callers who came so close to each other stand in no order that could be told from outside.
TOGETHER = 1.0
SHORTEST_RECORDED = 1.0


@dataclass(frozen=True)
class Finding:
    count: str
    why: str
    number: str = ""
    call: str = ""
    at: str = ""  # UTC, as in the service's log


@dataclass(frozen=True)
class Books:
    """What the service wrote down about these calls, as tests/chaos/lab.py reads it."""

    calls: Sequence[Mapping[str, Any]] = ()
    tickets: Sequence[Mapping[str, Any]] = ()
    recordings: Sequence[Mapping[str, Any]] = ()
    facts: Sequence[Mapping[str, Any]] = ()
    outbox: Sequence[Mapping[str, Any]] = ()

    def ids_of(self) -> dict[str, list[str]]:
        """By number; there should be one."""
        found: dict[str, list[str]] = defaultdict(list)
        for call in self.calls:
            found[call["number"] or ""].append(call["id"])
        return found


@dataclass(frozen=True)
class Streamed:
    """One event that a client of the event stream was sent."""

    id: int
    type: str


@dataclass(frozen=True)
class Left:
    """What was still there when everybody had gone."""

    channels: Sequence[str] = ()
    bridges: Sequence[str] = ()
    spool: Sequence[str] = ()  # files of recordings that hang on nothing
    unready: Mapping[str, str] = field(default_factory=dict)  # agent whose phone is free → his state


@dataclass(frozen=True)
class Evidence:
    truth: Truth
    books: Books
    native: frozenset[str] = frozenset()  # numbers that Asterisk's own queue took in
    streamed: Sequence[Streamed] = ()
    expected: Sequence[Streamed] = ()  # what the stream should have sent, by the table
    left: Left = field(default_factory=Left)
    told: Sequence[Arrival] = ()  # what the CRM took, in the order of coming
    refused: Sequence[str] = ()  # and what it did not, by its own rules


def told(at: float | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


# ── dropped: who was there and was put out ───────────────────────────────────


def dropped(seen: Evidence) -> Iterator[Finding]:
    """Calls, not dialogs: refused, ended by Asterisk though neither side hung up, or never served at all."""
    talks = seen.truth.talks_of()
    for visit in seen.truth.visits.values():
        why = _why_dropped(visit, talks.get(visit.number, []))
        if why:
            yield _about(seen, "dropped", visit.number, why, visit.ended_at or visit.invited_at)


def _why_dropped(visit: Visit, talks: Sequence[Talk]) -> str:
    last = talks[-1] if talks else None
    released = last is not None and last.ended_by == "us" and (last.ended_at or NEVER) <= _end(visit) + MOMENT
    match visit.ended_by:
        case "refused":
            return f"refused with {visit.status}"
        case "lost":
            return "Asterisk knew nothing of him any more" + _whose(talks)
        case "sweep" | "" if visit.came_at is None:
            return "never answered"
        case "sweep" | "" if last is None:
            return "waited until the suite ended, and was never served"
        case "them" if last is None:
            return f"hung up while he waited ({visit.reason})"
        case "them" if last is not None and not released:
            return f"hung up while he talked with {last.agent} ({visit.reason})"
    for talk in talks:
        if talk.ended_by == "them" and _end(visit) > (talk.ended_at or NEVER) + MOMENT:
            return f"agent {talk.agent}, who talked with him, was hung up at {told(talk.ended_at)}"
    return ""


def _end(visit: Visit) -> float:
    return visit.ended_at if visit.ended_at is not None else NEVER


def _whose(talks: Sequence[Talk]) -> str:
    return f", who had talked with {talks[-1].agent}" if talks else ", who waited"


# ── lost_place: who waited and was overtaken ─────────────────────────────────


def lost_place(seen: Evidence) -> Iterator[Finding]:
    """Who waited before a fault: overtaken after it, queued anew, or given to the native queue.

    Those whom the native queue served overtake nobody: they came while nobody was connected. One who got
    there although the service was ready lost his place as well.
    """
    served = _served(seen)
    stored = {call["number"]: call["queued_at"] for call in seen.books.calls}
    found: dict[str, Finding] = {}
    for fault in seen.truth.faults:
        for visit in seen.truth.waiting_at(fault.at):
            why = _why_lost(seen, visit, fault, served, stored)
            if why:
                found.setdefault(visit.number, _about(seen, "lost_place", visit.number, why, fault.at))
    talks = seen.truth.talks_of()
    for number in sorted((seen.native & seen.truth.visits.keys()) - found.keys()):
        came = seen.truth.visits[number].invited_at
        if away(seen.truth.faults, came) or _talked_before(seen, number, talks):
            continue
        why = "the native queue got him, who came while the service was there"
        found[number] = _about(seen, "lost_place", number, why, came)
    yield from found.values()


def _talked_before(seen: Evidence, number: str, talks: Mapping[str, Sequence[Talk]]) -> bool:
    """Whether he talked already when a fault came: he has no place in a queue."""
    own = talks.get(number, [])
    return any((talk.answered_at or NEVER) <= fault.at for talk in own for fault in seen.truth.faults)


def _served(seen: Evidence) -> dict[str, tuple[float, float]]:
    """Number → when he came, and when the phone rang that was answered; or when he left. No native calls."""
    talks = seen.truth.talks_of()
    found = {}
    for visit in seen.truth.visits.values():
        if visit.came_at is None or visit.number in seen.native:
            continue
        first = talks.get(visit.number, [])
        left = NEVER if visit.ended_by == "sweep" else _end(visit)
        found[visit.number] = (visit.came_at, first[0].rang_at if first else left)
    return found


def _why_lost(
    seen: Evidence,
    visit: Visit,
    fault: Fault,
    served: Mapping[str, tuple[float, float]],
    stored: Mapping[str, str | None],
) -> str:
    if visit.number in seen.native:
        # Who came while an earlier fault lasted waits there by right.
        return "" if away(seen.truth.faults, visit.invited_at) else "the native queue got him"
    before = fault.queued.get(visit.number)
    if before is not None and stored.get(visit.number) != before:
        return f"queued_at was {before}, is {stored.get(visit.number)}"
    came, rang = served[visit.number]
    talks = seen.truth.talks_of()
    quicker = [
        number
        for number, (other_came, other_rang) in served.items()
        if other_came > came + TOGETHER and other_rang < rang - MOMENT and other_rang > fault.at
        if number in talks
    ]
    if not quicker:
        return ""
    first = min(quicker, key=lambda number: served[number][1])
    other_came, other_rang = served[first]
    return (
        f"came {told(came)}, served {told(rang) if rang < NEVER else 'never'}; overtaken by {len(quicker)}: "
        f"{first} came {told(other_came)}, served {told(other_rang)}"
    )


def away(faults: Sequence[Fault], at: float) -> bool:
    """Whether the service was, or may have been, away: from the fault until it had found its feet."""
    for fault in faults:
        back = fault.ready_at or NEVER
        if fault.at - MOMENT <= at <= back + max(2.0, fault.converged_s or 0.0):
            return True
    return False


def unattended(faults: Sequence[Fault], talk: Talk, visit: Visit) -> bool:
    """Whether nobody could join and record them from the agent's answer until one of the two left.

    From the answer to the recorder it takes a moment: who is killed within it has not begun one yet.
    """
    answered, ended = talk.answered_at or NEVER, min(talk.ended_at or NEVER, visit.ended_at or NEVER)
    return any(
        fault.at - MOMENT <= answered and ended <= (fault.ready_at or 0.0) + MOMENT for fault in faults
    )


def _when(faults: Sequence[Fault], talks: Sequence[Talk], visit: Visit) -> str:
    """What a lost recording is looked for with: when they talked, and what was broken meanwhile."""
    talked = "; ".join(
        f"{talk.agent} talked {told(talk.answered_at)} to {told(talk.ended_at)}" for talk in talks
    )
    broken = "; ".join(f"{fault.name} {told(fault.at)}, ready {told(fault.ready_at)}" for fault in faults)
    return f"{talked}; his caller left at {told(visit.ended_at)}; {broken}"


# ── recordings and tickets ───────────────────────────────────────────────────


def recordings_lost(seen: Evidence) -> Iterator[Finding]:
    """Answered calls without exactly one attached recording, and recordings left in the spool: by call."""
    ids = seen.books.ids_of()
    attached = Counter(one["call_id"] for one in seen.books.recordings if one["state"] == "attached")
    blamed: set[str] = set()
    for number, talks in seen.truth.talks_of().items():
        visit = seen.truth.visits.get(number)
        if visit is None:
            continue
        recordable = [talk.seconds for talk in talks if not unattended(seen.truth.faults, talk, visit)]
        if max(recordable, default=0.0) < SHORTEST_RECORDED:
            continue
        count = sum(attached[call] for call in ids.get(number, []))
        if count != 1:
            states = [
                f"{one['id']} {one['state']} {one['fault']}".strip()
                for one in seen.books.recordings
                if one["call_id"] in ids.get(number, [])
            ]
            blamed.update(ids.get(number, []))
            known = ", ".join(states) or "none is known"
            why = f"{count} attached; {known}; {_when(seen.truth.faults, talks, visit)}"
            yield _about(seen, "recordings_lost", number, why, talks[0].answered_at)
    left = defaultdict(list)
    for path in seen.left.spool:
        left[path.rpartition("/")[2].partition("-rec-")[0]].append(path)
    for call in sorted(left.keys() - blamed):
        yield Finding("recordings_lost", f"left behind: {', '.join(left[call])}", call=call)


def tickets_wrong(seen: Evidence) -> Iterator[Finding]:
    """Calls that Asterisk answered and that have no ticket, or several."""
    ids = seen.books.ids_of()
    tickets = Counter(ticket["call_id"] for ticket in seen.books.tickets)
    for visit in seen.truth.visits.values():
        calls = ids.get(visit.number, [])
        count = sum(tickets[call] for call in calls)
        if visit.came_at is not None and count != 1:
            why = f"{count} tickets of {len(calls)} calls that are written down"
            yield _about(seen, "tickets_wrong", visit.number, why, visit.came_at)


# ── orphans ──────────────────────────────────────────────────────────────────


def orphans(seen: Evidence) -> Iterator[Finding]:
    """What belongs to nobody in the end, agents who cannot be asked though their phone is free, calls that
    did not end with their agent, and agents who were given a caller who talked already."""
    for channel in seen.left.channels:
        yield Finding("orphans", "channel", call=channel)
    for bridge in seen.left.bridges:
        yield Finding("orphans", "bridge", call=bridge)
    for agent, state in seen.left.unready.items():
        yield Finding("orphans", f"agent {agent} is {state}, his phone is free")
    of_number = seen.truth.talks_of()
    for number in sorted(seen.native & seen.truth.visits.keys()):
        came = seen.truth.visits[number].invited_at
        if not away(seen.truth.faults, came) and _talked_before(seen, number, of_number):
            first = of_number[number][0]
            if first.ended_by == "us":  # otherwise he was dropped
                why = f"{first.agent} had hung up, and the native queue got him"
                yield _about(seen, "orphans", number, why, first.ended_at)
    for number, talks in of_number.items():
        visit = seen.truth.visits.get(number)
        if visit is not None and visit.ended_by == "sweep" and talks[-1].ended_by == "us":
            why = f"still there though {talks[-1].agent} hung up at {told(talks[-1].ended_at)}"
            yield _about(seen, "orphans", number, why, talks[-1].ended_at)
        for earlier, later in pairwise(talks):
            if (later.answered_at or NEVER) < (earlier.ended_at or NEVER) - MOMENT:
                why = f"{later.agent} answered while {earlier.agent} still talked"
                yield _about(seen, "orphans", number, why, later.answered_at)


def _about(seen: Evidence, count: str, number: str, why: str, at: float | None) -> Finding:
    calls = seen.books.ids_of().get(number, [])
    return Finding(count, why, number, " ".join(calls), told(at))


# ── all together ─────────────────────────────────────────────────────────────


def row(
    scenario: str, seen: Evidence, events: Sequence[Finding], callbacks: Sequence[Finding]
) -> tuple[dict[str, Any], list[Finding]]:
    """The row that is printed and written, and what is behind its numbers.

    ``events``: of facts.py; ``callbacks``: of callbacks.py.
    """
    counters: dict[str, Callable[[Evidence], Iterator[Finding]]] = {
        "dropped": dropped,
        "lost_place": lost_place,
        "recordings_lost": recordings_lost,
        "tickets_wrong": tickets_wrong,
    }
    found = {name: list(count(seen)) for name, count in counters.items()}
    found["events_wrong"] = list(events)
    found["callbacks_wrong"] = list(callbacks)
    found["orphans"] = list(orphans(seen))
    faults = seen.truth.faults
    slowest = [fault.converged_s for fault in faults]
    result: dict[str, Any] = {"scenario": scenario}
    for name in (*counters, "events_wrong", "callbacks_wrong"):
        result[name] = len(found[name])
    known = [seconds for seconds in slowest if seconds is not None]
    result["converged_s"] = round(max(known), 2) if known and len(known) == len(slowest) else None
    result["orphans"] = len(found["orphans"])
    ready = [fault.ready_at - fault.over_at for fault in faults if fault.ready_at is not None]
    result["in_fallback"] = len(seen.native & seen.truth.visits.keys())
    result["calls"] = len(seen.truth.visits)
    result["faults"] = len(faults)
    result["ready_s"] = round(max(ready), 2) if ready else None
    result["callbacks"] = len(seen.told)
    result["told_again"] = sum(one.again for one in seen.told)
    return result, [finding for findings in found.values() for finding in findings]


def as_json(finding: Finding) -> dict[str, str]:
    return {name: value for name, value in asdict(finding).items() if value}
