"""Whether a CRM was told all that happened, each thing once, in the order of its call. Pure.

Asked are the telephones (what should have been told), the CRM (what it took) and the outbox (what the service
believes). An event is told at least once: one that comes again under the same id is counted, and is wrong
only where no fault explains it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.counts import (
    MOMENT,
    SHORTEST_RECORDED,
    Evidence,
    Finding,
    away,
    told,
    unattended,
)
from tests.chaos.truth import Fault, Talk, Visit
from tests.fakes.receivers.noting import Arrival

OFFERED, ENDED, READY = "call.offered", "call.ended", "recording.ready"
RINGING, RING_ENDED, ANSWERED = "call.ringing", "call.ring_ended", "call.answered"
ONCE = (OFFERED, ENDED)


def callbacks_wrong(seen: Evidence) -> Iterator[Finding]:
    for problem in seen.refused:
        yield Finding("callbacks_wrong", f"the CRM refused: {problem}")
    of_calls: dict[str, list[Arrival]] = defaultdict(list)
    for one in seen.told:
        if not one.again:
            of_calls[one.call].append(one)
    yield from _demanded(seen, of_calls)
    yield from _believed(seen, of_calls)
    for call, events in of_calls.items():
        for why in in_order(events):
            yield Finding("callbacks_wrong", why, events[0].number, call, told(events[0].at))
    yield from _again(seen.told, seen.truth.faults)


# ── what the telephones demand ───────────────────────────────────────────────


def _demanded(seen: Evidence, of_calls: Mapping[str, Sequence[Arrival]]) -> Iterator[Finding]:
    of_number: dict[str, list[Arrival]] = defaultdict(list)
    for events in of_calls.values():
        of_number[events[0].number] += events
    talks: dict[str, list[Talk]] = defaultdict(list)
    for talk in seen.truth.talks:
        talks[talk.number].append(talk)
    ids = seen.books.ids_of()
    for number, visit in seen.truth.visits.items():
        got, native = of_number[number], number in seen.native
        if visit.came_at is None or (native and not got):
            continue
        asked = [*((kind, "") for kind in ONCE), *((READY, one) for one in _kept(seen, ids.get(number, [])))]
        if not native:
            asked += _of_talks(talks[number], visit, seen.truth.faults)
        for why in _compared(asked, got):
            yield Finding("callbacks_wrong", why, number, " ".join(ids.get(number, [])), told(visit.came_at))


def _compared(asked: Sequence[tuple[str, str]], got: Sequence[Arrival]) -> Iterator[str]:
    """By kind, and by the agent or the recording where one is asked for."""
    times = Counter((one.type, "" if one.type in ONCE else one.agent or one.recording) for one in got)
    missing = [f"{kind} {what}".strip() for kind, what in asked if not times[kind, what]]
    if missing:
        yield f"never told: {', '.join(missing)}"
    for (kind, what), count in times.items():
        if kind in (*ONCE, READY) and count > 1:
            yield f"{kind} {what}".strip() + f" told {count} times, each under an id of its own"


def _kept(seen: Evidence, calls: Sequence[str]) -> list[str]:
    attached = [one for one in seen.books.recordings if one["state"] == "attached"]
    return [one["id"] for one in attached if one["call_id"] in calls]


def _of_talks(talks: Sequence[Talk], visit: Visit, faults: Sequence[Fault]) -> Iterator[tuple[str, str]]:
    """What of an agent's side somebody was there to see, and lasted long enough to be seen."""
    for talk in talks:
        answered = talk.answered_at is not None
        rang = (talk.answered_at or talk.ended_at or talk.rang_at) - talk.rang_at
        if rang > MOMENT and not away(faults, talk.rang_at):
            yield RINGING, talk.agent
        if answered and talk.seconds >= SHORTEST_RECORDED and not unattended(faults, talk, visit):
            yield ANSWERED, talk.agent


# ── what the outbox believes ─────────────────────────────────────────────────


def _believed(seen: Evidence, of_calls: Mapping[str, Sequence[Arrival]]) -> Iterator[Finding]:
    """Its rows are those that arrived, in their order, and none of them waits or is given up."""
    rows: dict[str, list[str]] = defaultdict(list)
    taken = {one.id for events in of_calls.values() for one in events}
    for row in seen.books.outbox:
        rows[row["call_id"]].append(row["event_id"])
        if row["state"] != "delivered" or row["event_id"] not in taken:
            arrived = "arrived" if row["event_id"] in taken else "never arrived"
            state = f"{row['state']} after {row['tries']} tries, {row['last_error'] or 'no error'}"
            why = f"{row['event']} is {state}, and {arrived}"
            yield Finding("callbacks_wrong", why, call=row["call_id"])
    for call, events in of_calls.items():
        ids = [one.id for one in events]
        unknown = [one.type for one in events if one.id not in rows[call]]
        if unknown:
            why = f"arrived, and the outbox knows nothing of it: {', '.join(unknown)}"
            yield Finding("callbacks_wrong", why, events[0].number, call)
        elif ids != [id for id in rows[call] if id in ids]:
            why = f"in another order than they were written down: {', '.join(one.type for one in events)}"
            yield Finding("callbacks_wrong", why, events[0].number, call, told(events[0].at))


# ── one call ─────────────────────────────────────────────────────────────────


def in_order(events: Sequence[Arrival]) -> Iterator[str]:
    """Offered first, ended last but for its recording; a phone rings before it rings no more."""
    ringing: set[str] = set()
    over = False
    for number, one in enumerate(events):
        if number == 0 and one.type != OFFERED:
            yield f"{one.type} came first"
        if number and one.type == OFFERED:
            yield f"{OFFERED} came after {events[number - 1].type}"
        if over and one.type not in (READY, *ONCE):
            yield f"{one.type} came after {ENDED}"
        match one.type:
            case "call.ringing" if one.agent in ringing:
                yield f"{one.agent} rings, and rang already"
            case "call.ringing":
                ringing.add(one.agent)
            case "call.ring_ended" if one.agent not in ringing:
                yield f"{one.agent} rings no more, and never rang"
            case "call.ring_ended" | "call.answered":
                ringing.discard(one.agent)
            case "call.ended":
                over = True
                if ringing:
                    yield f"{', '.join(sorted(ringing))} still rings at the end"
            case "recording.ready" if not over:
                yield f"{READY} came before {ENDED}"


def _again(arrivals: Sequence[Arrival], faults: Sequence[Fault]) -> Iterator[Finding]:
    first = {one.id: one for one in reversed(arrivals) if not one.again}
    for one in arrivals:
        if one.again and not away(faults, first[one.id].taken_at):
            why = f"{one.type} was told again, though nothing was broken at {told(first[one.id].taken_at)}"
            yield Finding("callbacks_wrong", why, one.number, one.call, told(one.at))
