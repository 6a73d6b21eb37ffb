"""Whether the log of facts and the event stream tell one story, once, in order. Pure.

The log is read as its table has it: id, run, seq, at, call, type, body.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.counts import Evidence, Finding, Streamed

Fact = Mapping[str, Any]

# What may be told of a call whose client has gone: its books, its other legs, what was under way.
AFTERWARDS = frozenset(
    {
        *("TicketOpened", "RecordingStarted", "RecordingEnded", "RecordingAttached", "ClientIdentified"),
        *("OutsideEnded", "CallMissed", "LegEnded", "LegLeft", "PromptEnded", "OrderFailed"),
        "LegRinging",  # a phone may begin to ring before it learns that he has hung up
    }
)
ONCE = ("LegAnswered", "LegEnded")
ONCE_OF_CALL = ("TicketOpened", "RecordingStarted", "RecordingEnded", "RecordingAttached")
LIFE = ("LegRinging", "LegAnswered", "LegJoined", "LegEnded")
SHOWN = 5


def events_wrong(seen: Evidence) -> Iterator[Finding]:
    yield from runs(seen.books.facts)
    of_calls: dict[str, list[Fact]] = defaultdict(list)
    for fact in seen.books.facts:
        if fact["call"] is not None:
            of_calls[fact["call"]].append(fact)
    numbers = {call["id"]: call["number"] for call in seen.books.calls}
    ours = seen.truth.visits.keys()
    for call, facts in of_calls.items():
        number = numbers.get(call) or _number(facts)
        if number in ours:
            yield from story(call, number, facts, native=number in seen.native)
    told = {_number(facts) for facts in of_calls.values()} | {numbers.get(call) for call in of_calls}
    for number in sorted(ours - seen.native - told):
        if seen.truth.visits[number].came_at is not None:
            yield Finding("events_wrong", "no fact of this call at all", number)
    yield from stream(seen.streamed, seen.expected)


def _number(facts: Sequence[Fact]) -> str:
    return next((fact["body"]["number"] for fact in facts if fact["body"].get("number")), "")


def runs(facts: Sequence[Fact]) -> Iterator[Finding]:
    """Each run of the process numbers its facts 1, 2, 3 …, and they stand in that order."""
    last: dict[str, int] = {}
    missing: dict[str, list[int]] = defaultdict(list)
    again: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        run, seq = fact["run"], fact["seq"]
        before = last.get(run, 0)
        if seq <= before:
            again[run].append(seq)
        else:
            missing[run] += range(before + 1, seq)
            last[run] = seq
    for run in last:
        late = set(again[run])
        gone = [seq for seq in missing[run] if seq not in late]
        if gone:
            yield Finding("events_wrong", f"run {run}: {len(gone)} missing: {_some(gone)} of {last[run]}")
        if again[run]:
            yield Finding("events_wrong", f"run {run}: {len(again[run])} double or late: {_some(again[run])}")


def story(call: str, number: str, facts: Sequence[Fact], *, native: bool) -> Iterator[Finding]:
    """One call from its offer to its end."""

    def wrong(why: str, fact: Fact | None = None) -> Finding:
        return Finding("events_wrong", why, number, call, str(fact["at"]) if fact else "")

    kinds = Counter(fact["type"] for fact in facts)
    offers = kinds["CallOffered"]
    if offers != 1 and not (native and offers == 0):
        yield wrong(f"{offers} CallOffered")
    for (kind, what), times in Counter(
        (fact["type"], str(fact["body"].get("recording", ""))) for fact in facts
    ).items():
        if kind in ONCE_OF_CALL and times > 1:
            yield wrong(f"{times} {kind} {what}".strip())
    of_legs: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        if "leg" in fact["body"]:
            of_legs[fact["body"]["leg"]].append(fact["type"])
    for leg, told in of_legs.items():
        for kind in ONCE:
            if told.count(kind) > 1:
                yield wrong(f"{leg}: {told.count(kind)} {kind}")
        steps = [LIFE.index(kind) for kind in dict.fromkeys(told) if kind in LIFE]
        if steps != sorted(steps):
            yield wrong(f"{leg}: in a wrong order: {', '.join(told)}")
    end = next((i for i, fact in enumerate(facts) if _ends(fact, call)), None)
    if end is None and not (native or kinds["CallMissed"]):
        yield wrong("its end is not told")
    begun = next((i for i, fact in enumerate(facts) if fact["type"] == "CallOffered"), 0)
    for fact in facts[:begun]:
        if fact["type"].startswith("Leg"):
            yield wrong(f"{fact['type']} before CallOffered", fact)
    for fact in facts[end + 1 :] if end is not None else ():
        if fact["type"] not in AFTERWARDS:
            yield wrong(f"{fact['type']} after its end", fact)


def _ends(fact: Fact, call: str) -> bool:
    return bool(fact["type"] == "LegEnded" and fact["body"].get("leg") == call)


def stream(streamed: Sequence[Streamed], expected: Sequence[Streamed]) -> Iterator[Finding]:
    """The client, who resumes from the last id that he has, is told each fact once, in the table's order."""
    ids = [event.id for event in streamed]
    if ids != sorted(ids):
        at = next(i for i in range(1, len(ids)) if ids[i] < ids[i - 1])
        yield Finding("events_wrong", f"stream: {ids[at]} came after {ids[at - 1]}")
    double = [id for id, count in Counter(ids).items() if count > 1]
    if double:
        yield Finding("events_wrong", f"stream: {len(double)} told twice: {_some(double)}")
    wanted, got = {one.id: one.type for one in expected}, {one.id: one.type for one in streamed}
    missing, surplus = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    if missing:
        yield Finding("events_wrong", f"stream: {len(missing)} never told: {_some(missing)}")
    if surplus:
        yield Finding("events_wrong", f"stream: {len(surplus)} told that the table has not: {_some(surplus)}")
    other = [id for id in wanted.keys() & got.keys() if wanted[id] != got[id]]
    if other:
        yield Finding("events_wrong", f"stream: {len(other)} told as something else: {_some(sorted(other))}")


def _some(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:SHOWN])) + (" …" if len(values) > SHOWN else "")
