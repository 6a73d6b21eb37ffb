"""The fault suite's counters, on a made-up story in which nothing is wrong, and on ones where a thing is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.counts import (
    Books,
    Evidence,
    Left,
    Streamed,
    dropped,
    lost_place,
    orphans,
    recordings_lost,
    row,
    tickets_wrong,
)
from tests.chaos.facts import events_wrong, runs, stream
from tests.chaos.truth import Fault, Talk, Truth, Visit, native_numbers

AT = 1_000.0
FAULT = AT + 10


def number(name: int) -> str:
    return f"+7900000000{name}"


def story() -> Truth:
    """Four callers a second and a half apart; at the fault two of them talk, two wait. All is well."""
    truth = Truth()
    for name in range(1, 5):
        came = AT + 1.5 * name
        truth.visits[number(name)] = Visit(number(name), came - 0.1, came, AT + 60 + name, "them")
        rang = came + 1 if name <= 2 else FAULT + 2 * name
        truth.talks.append(Talk(f"100{name}", number(name), rang, rang + 1, AT + 59.9 + name, "us"))
    truth.faults.append(Fault("kill9", FAULT, FAULT + 1, FAULT + 3, 0.5))
    return truth


def facts_of(call: str, name: int, first: int) -> list[dict[str, Any]]:
    leg = f"{call}-agent-1"
    told: list[tuple[str, Mapping[str, Any]]] = [
        ("CallOffered", {"leg": call, "number": number(name)}),
        ("LegRinging", {"leg": leg}),
        ("LegAnswered", {"leg": leg}),
        ("LegJoined", {"leg": leg}),
        ("LegEnded", {"leg": leg}),
        ("LegEnded", {"leg": call}),
        ("RecordingAttached", {"recording": f"{call}-rec-1"}),
    ]
    return [
        {"id": first + i, "run": "a", "seq": first + i, "at": "", "call": call, "type": kind, "body": body}
        for i, (kind, body) in enumerate(told)
    ]


def evidence(truth: Truth | None = None, **other: Any) -> Evidence:
    calls, facts, recordings, tickets = [], [], [], []
    for name in range(1, 5):
        call = f"1.{name}"
        calls.append({"id": call, "number": number(name), "queued_at": f"queued {name}"})
        facts += facts_of(call, name, 1 + 7 * (name - 1))
        recording = {"id": f"{call}-rec-1", "call_id": call, "state": "attached", "fault": ""}
        recordings.append(recording)
        tickets.append({"id": name, "call_id": call})
    books = Books(calls, tickets, recordings, facts)
    told = [Streamed(fact["id"], fact["type"]) for fact in facts]
    return Evidence(truth or story(), books, streamed=told, expected=told, **other)


def whys(found: Any) -> list[str]:
    return [one.why for one in found]


def test_nothing_is_wrong() -> None:
    seen = evidence()
    found, findings = row("kill9", seen, list(events_wrong(seen)), [])
    assert not findings
    assert list(found) == [
        *("scenario", "dropped", "lost_place", "recordings_lost", "tickets_wrong", "events_wrong"),
        *("callbacks_wrong", "converged_s", "orphans", "in_fallback", "calls", "faults", "ready_s"),
        *("callbacks", "told_again"),
    ]
    assert found["converged_s"] == 0.5
    assert found["ready_s"] == 2.0


def test_one_fault_that_was_never_got_over() -> None:
    seen = evidence()
    seen.truth.faults.append(Fault("kill9", FAULT, FAULT + 1, FAULT + 3, None, "why"))
    assert row("kill9", seen, [], [])[0]["converged_s"] is None


# ── dropped ──


def refused(truth: Truth) -> None:
    truth.visits[number(4)] = Visit(number(4), AT, None, AT + 1, "refused", 503)


def waited_and_put_out(truth: Truth) -> None:
    truth.talks = [talk for talk in truth.talks if talk.number != number(4)]


def talked_and_put_out(truth: Truth) -> None:
    truth.talks[3].ended_by = "them"


def agent_put_out_first(truth: Truth) -> None:
    truth.visits[number(4)].ended_by = "us"
    truth.talks[3].ended_at, truth.talks[3].ended_by = FAULT + 12, "them"


def never_served(truth: Truth) -> None:
    waited_and_put_out(truth)
    truth.visits[number(4)].ended_by = "sweep"


def never_answered(truth: Truth) -> None:
    never_served(truth)
    truth.visits[number(4)].came_at = None


def forgotten(truth: Truth) -> None:
    truth.visits[number(4)].ended_by = "lost"


def agent_hung_up_after_him(truth: Truth) -> None:
    truth.talks[3].ended_at = AT + 70


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (refused, "refused with 503"),
        (waited_and_put_out, "while he waited"),
        (talked_and_put_out, "while he talked with 1004"),
        (agent_put_out_first, "agent 1004, who talked with him, was hung up"),
        (never_served, "never served"),
        (never_answered, "never answered"),
        (forgotten, "knew nothing of him"),
        (agent_hung_up_after_him, "while he talked with 1004"),
    ],
)
def test_dropped(change: Callable[[Truth], None], why: str) -> None:
    truth = story()
    change(truth)
    (found,) = dropped(evidence(truth))
    assert why in found.why
    assert (found.number, found.call) == (number(4), "1.4")


def test_who_hangs_up_himself_is_not_dropped() -> None:
    truth = story()
    visit, talk = truth.visits[number(4)], truth.talks[3]
    visit.ended_by, talk.ended_by, talk.ended_at = "us", "them", (visit.ended_at or 0) + 0.05
    never_mind = truth.visits[number(3)]
    never_mind.ended_by = "us"
    truth.talks.pop(2)
    assert not list(dropped(evidence(truth)))


# ── lost_place ──


def test_overtaken() -> None:
    truth = story()
    third, fourth = truth.talks[2], truth.talks[3]
    third.rang_at, fourth.rang_at = fourth.rang_at, third.rang_at
    (found,) = lost_place(evidence(truth))
    assert found.number == number(3)
    assert f"overtaken by 1: {number(4)}" in found.why


def test_overtaken_and_never_served() -> None:
    truth = story()
    truth.talks.pop(2)
    truth.visits[number(3)].ended_by = "sweep"
    assert [one.number for one in lost_place(evidence(truth))] == [number(3)]


def test_who_rang_at_the_fault_may_be_overtaken() -> None:
    truth = story()
    truth.talks.insert(0, Talk("1009", number(3), FAULT - 0.5, None, FAULT + 1, "cancel"))
    third, fourth = truth.talks[3], truth.talks[4]
    third.rang_at, fourth.rang_at = fourth.rang_at, third.rang_at
    assert not list(lost_place(evidence(truth)))


def test_the_native_queue_got_one_who_waited() -> None:
    (found,) = lost_place(evidence(native=frozenset({number(3)})))
    assert (found.number, found.why) == (number(3), "the native queue got him")


def test_the_native_queue_serves_who_comes_while_nobody_is_there() -> None:
    truth = story()
    truth.visits[number(5)] = Visit(number(5), FAULT + 1, FAULT + 1.1, FAULT + 9, "them")
    truth.talks.append(Talk("1005", number(5), FAULT + 1.2, FAULT + 2, FAULT + 8.9, "us"))
    seen = evidence(truth, native=frozenset({number(5), "+70000000000"}))
    assert not list(lost_place(seen))
    assert row("", seen, [], [])[0]["in_fallback"] == 1


def test_who_waits_in_the_native_queue_since_an_earlier_fault_lost_nothing() -> None:
    truth = story()
    truth.visits[number(5)] = Visit(number(5), FAULT + 1, FAULT + 1.1, FAULT + 90, "us")
    truth.faults.append(Fault("kill9", FAULT + 20, FAULT + 21, FAULT + 23, 0.5))
    assert not list(lost_place(evidence(truth, native=frozenset({number(5)}))))


def test_the_native_queue_got_one_who_came_later() -> None:
    truth = story()
    truth.visits[number(5)] = Visit(number(5), FAULT + 30, FAULT + 31, FAULT + 40, "us")
    (found,) = lost_place(evidence(truth, native=frozenset({number(5)})))
    assert "while the service was there" in found.why


def test_the_native_queue_got_one_who_had_talked() -> None:
    seen = evidence(native=frozenset({number(1)}))
    assert not list(lost_place(seen))
    (found,) = orphans(seen)
    assert "1001 had hung up, and the native queue got him" in found.why


def test_queued_anew() -> None:
    truth = story()
    truth.faults[0].queued = {number(3): "queued 3", number(4): "queued before"}
    (found,) = lost_place(evidence(truth))
    assert (found.number, found.why) == (number(4), "queued_at was queued before, is queued 4")


# ── recordings, tickets, orphans ──


@pytest.mark.parametrize("count", [0, 2])
def test_recordings(count: int) -> None:
    seen = evidence()
    one = {**seen.books.recordings[3], "fault": "no files"}
    states = [{**one, "state": "faulty"}] if not count else [one, one]
    books = replace(seen.books, recordings=[*seen.books.recordings[:3], *states])
    (found,) = recordings_lost(replace(seen, books=books))
    assert found.number == number(4)
    assert found.why.startswith(f"{count} attached")


def test_a_talk_while_nobody_was_there_has_no_recording() -> None:
    truth = story()
    answered, ended = FAULT + 0.1, FAULT + 2.9
    truth.talks[3] = Talk("1004", number(4), FAULT - 1, answered, ended, "them")
    seen = evidence(truth)
    books = replace(seen.books, recordings=seen.books.recordings[:3])
    assert not list(recordings_lost(replace(seen, books=books)))
    truth.talks[3].ended_at = FAULT + 4.5  # he waited in silence for his caller, who had left before
    truth.visits[number(4)].ended_at = FAULT + 2.9
    assert not list(recordings_lost(replace(seen, books=books)))
    truth.talks[3].answered_at = FAULT - 0.05  # killed before its recorder could begin
    assert not list(recordings_lost(replace(seen, books=books)))
    truth.talks[3].answered_at = FAULT - 1.0
    (found,) = recordings_lost(replace(seen, books=books))
    assert "1004 talked" in found.why
    assert "kill9" in found.why
    truth.talks[3].answered_at = answered
    truth.visits[number(4)].ended_at = FAULT + 4.5
    assert [found.number for found in recordings_lost(replace(seen, books=books))] == [number(4)]


def test_recordings_left_behind() -> None:
    left = Left(spool=["/spool/9.9-rec-1-in.wav", "/spool/9.9-rec-1-out.wav"])
    (found,) = recordings_lost(evidence(left=left))
    assert found.call == "9.9"


@pytest.mark.parametrize("count", [0, 2])
def test_tickets(count: int) -> None:
    seen = evidence()
    tickets = [*seen.books.tickets[:3], *[{"id": 9, "call_id": "1.4"}] * count]
    (found,) = tickets_wrong(replace(seen, books=replace(seen.books, tickets=tickets)))
    assert (found.number, found.why[:1]) == (number(4), str(count))


def test_a_call_that_is_not_written_down_has_no_ticket() -> None:
    seen = evidence()
    seen.truth.visits[number(5)] = Visit(number(5), AT, AT, AT + 90, "us")
    assert whys(tickets_wrong(seen)) == ["0 tickets of 0 calls that are written down"]


def test_orphans() -> None:
    left = Left(channels=["1.4 PJSIP/lab-1 Up"], bridges=["1.4-talk"], unready={"1001": "talking"})
    assert len(list(orphans(evidence(left=left)))) == 3


def test_a_caller_without_his_agent_is_an_orphan() -> None:
    truth = story()
    truth.visits[number(4)].ended_by = "sweep"
    (found,) = orphans(evidence(truth))
    assert "though 1004 hung up" in found.why


def test_two_agents_at_once() -> None:
    truth = story()
    truth.talks.append(Talk("1005", number(4), FAULT + 12, FAULT + 13, AT + 63.9, "us"))
    (found,) = orphans(evidence(truth))
    assert "1005 answered while 1004 still talked" in found.why


# ── facts ──


def numbered(*seqs: int, run: str = "a") -> list[dict[str, Any]]:
    return [{"id": i, "run": run, "seq": seq} for i, seq in enumerate(seqs, 1)]


def test_runs() -> None:
    assert not list(runs([*numbered(1, 2, 3), *numbered(1, 2, run="b")]))
    assert whys(runs(numbered(1, 2, 5))) == ["run a: 2 missing: 3, 4 of 5"]
    assert whys(runs(numbered(2, 3))) == ["run a: 1 missing: 1 of 3"]
    assert whys(runs(numbered(1, 2, 2))) == ["run a: 1 double or late: 2"]
    assert whys(runs(numbered(1, 3, 2))) == ["run a: 1 double or late: 2"]


def changed(change: Callable[[list[dict[str, Any]]], None]) -> list[str]:
    """What is wrong once the last call's facts are changed; their numbers are put right again."""
    seen = evidence()
    facts = [dict(fact) for fact in seen.books.facts]
    own = facts[21:]
    change(own)
    facts = [*facts[:21], *own]
    for i, fact in enumerate(facts, 1):
        fact["id"] = fact["seq"] = i
    return whys(events_wrong(replace(seen, books=replace(seen.books, facts=facts), streamed=(), expected=())))


def test_stories() -> None:
    assert changed(lambda facts: None) == []
    assert changed(lambda facts: facts.insert(1, dict(facts[0]))) == ["2 CallOffered"]
    assert changed(lambda facts: facts.clear()) == ["no fact of this call at all"]
    assert changed(lambda facts: facts.insert(4, dict(facts[2]))) == ["1.4-agent-1: 2 LegAnswered"]
    assert changed(lambda facts: facts.insert(5, dict(facts[4]))) == ["1.4-agent-1: 2 LegEnded"]
    assert "in a wrong order" in changed(lambda facts: facts.insert(1, facts.pop(3)))[0]
    assert changed(lambda facts: facts.append(dict(facts[6]))) == ["2 RecordingAttached 1.4-rec-1"]
    assert changed(lambda facts: facts.append(facts.pop(3))) == [
        "1.4-agent-1: in a wrong order: LegRinging, LegAnswered, LegEnded, LegJoined",
        "LegJoined after its end",
    ]
    assert changed(lambda facts: facts.insert(1, facts.pop(0))) == ["LegRinging before CallOffered"]

    def endless(facts: list[dict[str, Any]]) -> None:
        del facts[5]

    assert changed(endless) == ["its end is not told"]


def test_a_call_that_only_the_native_queue_saw() -> None:
    seen = evidence(native=frozenset({number(4)}))
    books = replace(seen.books, facts=seen.books.facts[:21])
    seen = replace(seen, books=books, streamed=(), expected=())
    assert not list(events_wrong(seen))


def test_the_stream() -> None:
    table = [Streamed(1, "a"), Streamed(3, "b"), Streamed(4, "c")]
    assert not list(stream(table, table))
    assert whys(stream(table[:2], table)) == ["stream: 1 never told: 4"]
    assert whys(stream(table, table[:2])) == ["stream: 1 told that the table has not: 4"]
    assert whys(stream([*table, table[2]], table)) == ["stream: 1 told twice: 4"]
    assert whys(stream([table[0], table[2], table[1]], table)) == ["stream: 3 came after 4"]
    assert whys(stream([table[0], Streamed(3, "x"), table[2]], table)) == [
        "stream: 1 told as something else: 3"
    ]


def test_the_native_queues_log() -> None:
    lines = ["1|NONE|NONE|NONE|QUEUESTART|", "2|1.5|chaos|NONE|ENTERQUEUE||+79000000005|1", "odd"]
    assert native_numbers(lines) == {"+79000000005"}
