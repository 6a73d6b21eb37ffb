"""Calls that never touch us, from recorded traces to what is kept: segments, transfers, cards, tickets."""

import re
from itertools import pairwise

import pytest

from bridge.ami.headers import Headers, read
from bridge.ami.trace import entries
from bridge.ami.translate import Translator
from bridge.centre.facts import OutsideEnded, PlanLoaded
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId
from bridge.centre.record import CallRecord
from bridge.config.tickets import Policy
from bridge.crm.tickets import CallTickets
from bridge.traced import calls_of
from tests.fakes.clock import START
from tests.replay.calls import PLAN, TABLE, told, traces

TRACES = traces()
EXPECTED = {
    lines[0]: lines[1:]
    for block in re.split(r"\n(?=\S)", TABLE.read_text(encoding="utf-8").rstrip("\n"))
    if (lines := block.split("\n"))
}
CUTS = (0.2, 0.35, 0.5, 0.65, 0.8)  # of a trace, from where on it is heard


def records(name: str) -> list[CallRecord]:
    return [call.record for call in calls_of(TRACES[name].read_bytes(), PLAN, {"trunk1"})]


@pytest.mark.parametrize("name", TRACES)
def test_what_becomes_of_the_calls(name: str) -> None:
    assert told(TRACES[name].read_bytes()) == EXPECTED[name]


def test_the_table_has_no_other_traces() -> None:
    assert EXPECTED.keys() == TRACES.keys()


@pytest.mark.parametrize(
    ("name", "support", "second", "gets"),
    [
        ("queue/answered", Policy.EVERY_CALL, Policy.EVERY_CALL, True),
        ("queue/answered", Policy.ON_REQUEST, Policy.EVERY_CALL, False),
        ("queue/answered", Policy.UNRESOLVED, Policy.EVERY_CALL, True),  # nobody said that it is resolved
        ("queue/timeout", Policy.ON_REQUEST, Policy.EVERY_CALL, False),
        ("queue/transferred_to_another_queue", Policy.ON_REQUEST, Policy.EVERY_CALL, True),
        (
            "queue/transferred_to_another_queue",
            Policy.EVERY_CALL,
            Policy.ON_REQUEST,
            True,
        ),  # it had it before
        ("queue/transferred_to_another_queue", Policy.ON_REQUEST, Policy.ON_REQUEST, False),
        ("direct/answered", Policy.ON_REQUEST, Policy.ON_REQUEST, True),  # it never came to a queue
    ],
)
def test_a_call_gets_its_ticket_as_its_queue_says(
    name: str, support: Policy, second: Policy, *, gets: bool
) -> None:
    tickets = CallTickets(lambda _: "", {"support": support, "second": second})
    (call,) = calls_of(TRACES[name].read_bytes(), PLAN, {"trunk1"}, tickets)
    assert (call.ticket is not None) is gets


@pytest.mark.parametrize("name", TRACES)
def test_nobody_does_two_things_at_once_and_everything_ends(name: str) -> None:
    for record in records(name):
        assert record.ended_at is not None
        assert all(one.until is not None for one in record.segments)
        assert all(leg.ended_at is not None for leg in record.legs)
        assert all(step.end is not None and step.ended_at is not None for step in record.transfers)
        by_leg = {leg.id: [one for one in record.segments if one.leg == leg.id] for leg in record.legs}
        for mine in by_leg.values():
            assert all(a.until <= b.since for a, b in pairwise(mine) if a.until)
        talks = [one for one in record.segments if one.doing.value == "talk"]
        if record.direction != "internal":  # of agents among themselves both are in it
            assert all(a.until <= b.since for a, b in pairwise(talks) if a.until)


@pytest.mark.parametrize("name", [name for name in TRACES if not name.startswith("middle/")])
def test_a_clients_channel_is_his_for_the_whole_call(name: str) -> None:
    """So a recorder on it records the whole call: he is neither given another one nor another id."""
    born: dict[str, str] = {}
    headers: list[Headers] = [entry.headers for entry in entries(TRACES[name].read_bytes())]
    for event in headers:
        if event.get("event") == "Newchannel":
            born[event["uniqueid"]] = event["channel"]
    for event in headers:
        if event.get("event") == "Hangup" and event["channel"].startswith("PJSIP/trunk1-"):
            assert born[event["uniqueid"]] == event["channel"]
    for call in calls_of(TRACES[name].read_bytes(), PLAN, {"trunk1"}):
        if call.recorded is not None:
            assert born[call.recorded].startswith("PJSIP/trunk1-")


@pytest.mark.parametrize("name", TRACES)
def test_heard_from_the_middle_on(name: str) -> None:
    """No failure, no phantom: every call that is told of ends once, and nobody is left busy."""
    events = [entry.headers for entry in entries(TRACES[name].read_bytes())]
    for cut in {1, *(int(len(events) * part) for part in CUTS)}:
        floor, translator = Floor(), Translator(lambda: PLAN, lambda: {"trunk1"})
        floor.decide(PlanLoaded(PLAN), START)
        ends: list[CallId] = []
        for headers in events[cut:]:
            message = read(headers)
            for fact in translator.take(message) if message is not None else ():
                floor.decide(fact, START)
                ends += [fact.call] if isinstance(fact, OutsideEnded) else []

        assert len(ends) == len(set(ends)), f"cut at {cut}"
        assert floor.calls == {}, f"cut at {cut}"
        assert {id_ for id_, desk in floor.agents.items() if desk.outside} == set(), f"cut at {cut}"
