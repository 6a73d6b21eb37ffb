"""Facts that come again though nothing new has happened."""

from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre.ids import CallId, RecordingId, TicketId
from bridge.centre.memory import recall, remember
from bridge.centre.told import Told
from tests.fakes.world import START, World

CALL = CallId("call.1")
FACTS = (
    f.RecordingStarted(CALL, RecordingId("call.1-rec-1")),
    f.RecordingAttached(CALL, RecordingId("call.1-rec-1"), TicketId(1)),
    f.TicketOpened(CALL, TicketId(1)),
)


@pytest.mark.parametrize("fact", FACTS)
def test_it_is_told_once_by_this_process_and_by_the_next(fact: f.Fact) -> None:
    world = World().start()
    assert not world.floor.knows(fact)
    world.tell(fact)
    assert world.floor.knows(fact)
    assert recall(remember(world.floor), world.floor.planned).knows(fact)


def test_another_recording_is_news() -> None:
    told = Told(timedelta(minutes=1))
    told.take(FACTS[0], START, ())
    assert not told.knows(f.RecordingStarted(CALL, RecordingId("call.1-rec-2")))
    assert not told.knows(f.RecordingEnded(CALL, RecordingId("call.1-rec-1")))


def test_of_calls_that_are_over_it_is_forgotten_in_time() -> None:
    told, calls = Told(timedelta(minutes=1)), {CallId("call.7")}
    for second in range(5_000):
        ticket = f.TicketOpened(CallId(f"call.{second}"), TicketId(second))
        told.take(ticket, START + timedelta(seconds=second), calls)
    assert told.knows(f.TicketOpened(CallId("call.7"), TicketId(7)))
    assert told.knows(f.TicketOpened(CallId("call.4999"), TicketId(1)))
    assert not told.knows(f.TicketOpened(CallId("call.8"), TicketId(8)))
    assert len(told.since) <= 1_000
