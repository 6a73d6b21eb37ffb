"""What is counted of callbacks: nothing where all was told as it happened, and each thing that was not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.callbacks import (
    ANSWERED,
    ENDED,
    OFFERED,
    READY,
    RING_ENDED,
    RINGING,
    callbacks_wrong,
    in_order,
)
from tests.chaos.counts import Books, Evidence
from tests.chaos.truth import Fault, Talk, Truth, Visit
from tests.fakes.receivers.noting import Arrival

AT = 1_000.0
FAULT = AT + 50
NUMBER, CALL, RECORDING = "+79000000001", "1.1", "1.1-rec-1"
ANNA, BORIS = "1001", "1002"

DELIVERED = {"state": "delivered", "tries": 1, "last_error": ""}

Events = list[Arrival]


def event(id: str, type: str, agent: str = "", recording: str = "", at: float = AT) -> Arrival:
    return Arrival(at, at, id, type, CALL, NUMBER, agent, recording)


def told() -> Events:
    """Anna's phone rang in vain, Boris has answered."""
    return [
        event("a", OFFERED),
        event("b", RINGING, ANNA),
        event("c", RING_ENDED, ANNA),
        event("d", RINGING, BORIS),
        event("e", ANSWERED, BORIS),
        event("f", ENDED),
        event("g", READY, recording=RECORDING),
    ]


def seen(events: Events | None = None, rows: list[dict[str, Any]] | None = None, **other: Any) -> Evidence:
    visit = Visit(NUMBER, AT, AT, AT + 30, "them")
    hers = Talk(ANNA, NUMBER, AT + 1, None, AT + 5, "cancel")
    his = Talk(BORIS, NUMBER, AT + 6, AT + 8, AT + 30, "us")
    truth = Truth({NUMBER: visit}, [hers, his], [Fault("kill9", FAULT, FAULT + 1, FAULT + 3, 0.5)])
    books = Books(
        calls=[{"id": CALL, "number": NUMBER}],
        recordings=[{"id": RECORDING, "call_id": CALL, "state": "attached"}],
        outbox=kept() if rows is None else rows,
    )
    return replace(Evidence(truth, books, told=told() if events is None else events), **other)


def kept(**changed: Any) -> list[dict[str, Any]]:
    """The outbox, with the last event's row changed."""
    rows = [
        {
            "call_id": CALL,
            "event": one.type,
            "event_id": one.id,
            "state": "delivered",
            "tries": 1,
            "last_error": "",
        }
        for one in told()
    ]
    rows[-1] |= changed
    return rows


def whys(evidence: Evidence) -> list[str]:
    return [one.why for one in callbacks_wrong(evidence)]


def test_nothing_is_wrong() -> None:
    assert whys(seen()) == []


@pytest.mark.parametrize("lost", range(7))
def test_whatever_is_not_told_is_missed(lost: int) -> None:
    """Also when the outbox knows nothing of it: the telephones do. But not that a phone rang no more."""
    events, rows = told(), kept()
    one = events.pop(lost)
    del rows[lost]
    found = whys(seen(events, rows))
    if one.type == RING_ENDED:
        assert found == [f"{ANNA} still rings at the end"]
    else:
        assert f"never told: {one.type} {one.agent or one.recording}".strip() in found


def test_what_was_marked_as_told_and_never_arrived_is_missed() -> None:
    assert whys(seen(told()[:-1])) == [
        f"never told: {READY} {RECORDING}",
        f"{READY} is delivered after 1 tries, no error, and never arrived",
    ]


@pytest.mark.parametrize("state", ["waiting", "dead", "skipped"])
def test_what_is_not_delivered_in_the_end(state: str) -> None:
    rows = kept(state=state, tries=2, last_error="HTTP 500")
    assert whys(seen(rows=rows)) == [f"{READY} is {state} after 2 tries, HTTP 500, and arrived"]


def test_what_the_outbox_has_not() -> None:
    assert whys(seen(rows=kept()[:-1])) == [f"arrived, and the outbox knows nothing of it: {READY}"]


def test_what_was_told_in_another_order_than_it_happened() -> None:
    rows = kept()
    rows[2], rows[3] = rows[3], rows[2]
    (found,) = whys(seen(rows=rows))
    assert found.startswith("in another order than they were written down: call.offered, call.ringing")


@pytest.mark.parametrize("which", [0, 5, 6])
def test_one_thing_under_two_ids(which: int) -> None:
    events, rows = told(), kept()
    double = replace(events[which], id="z")
    events.insert(which + 1, double)
    rows.insert(which + 1, {**rows[which], "event_id": "z"})
    assert any("told 2 times, each under an id of its own" in why for why in whys(seen(events, rows)))


def test_the_same_id_again_where_nothing_was_broken() -> None:
    (found,) = whys(seen([*told(), replace(told()[-1], again=True)]))
    assert found.startswith(f"{READY} was told again, though nothing was broken")


def test_the_same_id_again_after_a_fault() -> None:
    events = [*told()[:-1], event("g", READY, recording=RECORDING, at=FAULT - 0.1)]
    assert whys(seen([*events, replace(events[-1], again=True, at=FAULT + 4)])) == []


def test_who_rang_or_answered_while_nobody_was_there_need_not_be_told() -> None:
    events = [told()[0], *told()[5:]]
    rows = [kept()[0], *kept()[5:]]
    evidence = seen(events, rows)
    evidence.truth.faults[:] = [Fault("kill9", AT + 0.5, AT + 1, AT + 31, 0.5)]
    assert whys(evidence) == []


def test_a_call_of_which_nothing_was_told() -> None:
    evidence = seen([], [], native=frozenset())
    assert whys(evidence)[0].startswith("never told: call.offered, call.ended")
    assert whys(replace(evidence, native=frozenset({NUMBER}))) == []  # Asterisk's own queue had it
    evidence.truth.visits[NUMBER].came_at = None
    assert whys(evidence) == []


def test_what_the_crm_refuses() -> None:
    assert whys(seen(refused=["signature"])) == ["the CRM refused: signature"]


def moved(events: Events, one: int, to: int) -> Events:
    events.insert(to, events.pop(one))
    return events


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda events: moved(events, 0, 1), "call.offered came after call.ringing"),
        (lambda events: events[1:], "call.ringing came first"),
        (lambda events: moved(events, 4, 5), "call.answered came after call.ended"),
        (lambda events: moved(events, 6, 5), "recording.ready came before call.ended"),
        (lambda events: moved(events, 2, 1), "1001 rings no more, and never rang"),
        (lambda events: [*events[:2], *events[1:]], "1001 rings, and rang already"),
        (lambda events: events[:4] + events[5:], "1002 still rings at the end"),
    ],
)
def test_orders(change: Callable[[Events], Events], why: str) -> None:
    assert list(in_order(told())) == []
    assert why in list(in_order(change(told())))
