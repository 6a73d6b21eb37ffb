"""Calls that AMI alone tells of: who talks, who is asked, who has the client next, and what is kept of it."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.change_facts import TransferEnded
from bridge.centre.ids import AgentId, CallId, LegId, RecordingId
from bridge.centre.record import Doing, Segment, TransferEnd, TransferKind
from tests.fakes.world import ANNA, BORIS, SUPPORT, VERA, Leg, World, plan

CALL, ASKED = CallId("outside.1"), CallId("outside.2")
CLIENT = "+79161234567"


@pytest.fixture
def world() -> World:
    made = World().start()
    for agent in (ANNA, BORIS, VERA):
        made.phone(agent)
    made.pump()
    return made


def talks(world: World, agent: AgentId = ANNA) -> World:
    """Somebody outside has called the agent's extension, who talks with him for a minute."""
    world.tell(f.CallerPresented(CALL, CLIENT, "", "200", "lab"))
    world.tell(f.OutsideRinging(CALL, agent, CLIENT, "", "1001"))
    world.pass_time(5)
    world.tell(f.OutsideAnswered(CALL, agent))
    world.pass_time(60)
    return world


def asks(world: World, *, answered: bool) -> World:
    """On another line: a call of its own, of which all that is kept is kept with the client's."""
    world.tell(f.OutsideHeld(CALL, ANNA))
    world.tell(f.OutsideRinging(ASKED, BORIS, "1001", "Anna", "1002", about=CALL))
    world.tell(f.OutsideConsulting(CALL, ANNA, "1002", BORIS))
    world.pass_time(5)
    if answered:
        world.tell(f.OutsideAnswered(ASKED, BORIS))
        world.tell(f.OutsideConsulted(CALL, ANNA, BORIS))
        world.pass_time(20)
    return world


def did(world: World) -> list[tuple[AgentId | None, Doing, float]]:
    def seconds(one: Segment) -> float:
        return ((one.until or world.now) - one.since).total_seconds()

    found = [(one.agent, one.doing, seconds(one)) for one in world.floor.calls[CALL].segments]
    return [one for one in found if one[2]]


def last(world: World) -> tuple[TransferKind, str, TransferEnd | None, AgentId | None]:
    record = world.saved[CALL].transfers[-1]
    return record.kind, record.target, record.end, record.to


def test_what_is_kept_of_an_agents_part(world: World) -> None:
    talks(world).tell(f.OutsideEnded(CALL, "completed"))
    (leg,) = world.saved[CALL].legs
    assert leg.ringing_at is not None
    assert leg.answered_at is not None
    assert (leg.agent, leg.ended_at) == (ANNA, world.now)
    (segment,) = world.saved[CALL].segments
    assert (segment.agent, segment.doing, segment.until) == (ANNA, Doing.TALK, world.now)


def test_hold_by_the_phone(world: World) -> None:
    talks(world).tell(f.OutsideHeld(CALL, ANNA))
    world.pass_time(10)
    world.tell(f.OutsideResumed(CALL, ANNA))
    world.pass_time(3)
    assert did(world) == [(ANNA, Doing.TALK, 60), (ANNA, Doing.HOLD, 10), (ANNA, Doing.TALK, 3)]


def test_blind(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    assert world.floor.agents[ANNA].free
    assert last(world) == (TransferKind.BLIND, "agent 1002", None, None)
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    assert world.cards[BORIS].record.transfers[-1].by == ANNA
    world.pass_time(4)
    world.tell(f.OutsideAnswered(CALL, BORIS))
    world.pass_time(30)
    assert last(world) == (TransferKind.BLIND, "agent 1002", TransferEnd.COMPLETED, BORIS)
    assert did(world) == [(ANNA, Doing.TALK, 60), (BORIS, Doing.TALK, 30)]
    assert world.saved[CALL].agent == BORIS
    world.tell(f.OutsideEnded(CALL, "completed"))
    assert world.floor.agents[BORIS].free
    assert list(world.tickets) == [CALL]


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("busy", TransferEnd.BUSY),
        ("rejected", TransferEnd.REJECTED),
        ("no-answer", TransferEnd.NO_ANSWER),
        ("cancelled", TransferEnd.CLIENT_GONE),
    ],
)
def test_blind_that_nobody_takes(world: World, reason: str, end: TransferEnd) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    world.tell(f.OutsideRingEnded(CALL, BORIS, reason))
    assert BORIS not in world.cards
    world.tell(f.OutsideEnded(CALL, reason))
    assert last(world) == (TransferKind.BLIND, "agent 1002", end, None)
    assert world.saved[CALL].outcome is o.Outcome.ANSWERED


def test_of_these_calls_only_the_end_of_a_transfer_is_told_by_us(world: World) -> None:
    talks(world).tell(f.OutsideHeld(CALL, ANNA))
    world.tell(f.OutsideResumed(CALL, ANNA))
    world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    world.tell(f.OutsideRingEnded(CALL, BORIS, "busy"))
    world.tell(f.OutsideAnswered(CALL, ANNA))
    assert [fact for _, fact in world.log if isinstance(fact, f.ChangeFact)] == [
        TransferEnded(CALL, ANNA, TransferKind.BLIND, "agent 1002", "busy", None)
    ]


def test_blind_to_a_phone_that_is_not_there(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    world.tell(f.OutsideNotTaken(CALL, "completed"))
    world.tell(f.OutsideEnded(CALL, "completed"))
    assert last(world)[2] is TransferEnd.UNREACHABLE


def test_rings_back_at_who_passed_on(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLONDE, "1002"))
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    world.tell(f.OutsideRingEnded(CALL, BORIS, "rejected"))
    world.tell(f.OutsideAnswered(CALL, ANNA))
    assert last(world) == (TransferKind.BLONDE, "agent 1002", TransferEnd.REJECTED, None)
    assert len({leg.id for leg in world.saved[CALL].legs if leg.agent == ANNA}) == 2


def test_attended(world: World) -> None:
    asks(talks(world), answered=False)
    assert world.cards[BORIS].call == CALL
    world.tell(f.OutsideAnswered(ASKED, BORIS))
    world.tell(f.OutsideConsulted(CALL, ANNA, BORIS))
    world.pass_time(20)
    world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.ATTENDED, "1002"))
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    world.tell(f.OutsideAnswered(CALL, BORIS))
    world.tell(f.OutsideEnded(ASKED, "completed"))
    assert not world.floor.agents[BORIS].free
    world.pass_time(40)
    assert last(world) == (TransferKind.ATTENDED, "agent 1002", TransferEnd.COMPLETED, BORIS)
    assert did(world) == [
        (ANNA, Doing.TALK, 60),
        (ANNA, Doing.HOLD, 5),
        (ANNA, Doing.CONSULT, 20),
        (BORIS, Doing.CONSULT, 20),
        (BORIS, Doing.TALK, 40),
    ]
    assert ASKED not in world.saved
    assert list(world.tickets) == [CALL]


@pytest.mark.parametrize(
    ("reason", "by_target", "end"),
    [
        ("completed", False, TransferEnd.GIVEN_UP),
        ("completed", True, TransferEnd.HUNG_UP),
        ("busy", False, TransferEnd.BUSY),
    ],
)
def test_consultation_that_comes_to_nothing(
    world: World, reason: str, by_target: bool, end: TransferEnd
) -> None:
    asks(talks(world), answered=True)
    world.tell(f.OutsideConsultEnded(CALL, ANNA, reason, by_target))
    world.tell(f.OutsideEnded(ASKED, reason))
    world.tell(f.OutsideResumed(CALL, ANNA))
    world.pass_time(7)
    assert last(world) == (TransferKind.ATTENDED, "agent 1002", end, None)
    assert did(world)[-1] == (ANNA, Doing.TALK, 7)
    assert world.floor.calls[CALL].agent == ANNA
    assert world.floor.agents[BORIS].free
    assert not world.floor.agents[ANNA].free


def test_blonde(world: World) -> None:
    asks(talks(world), answered=False)
    world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLONDE, "1002"))
    world.tell(f.OutsideRinging(CALL, BORIS, CLIENT, "", "1001"))
    world.tell(f.OutsideEnded(ASKED, "completed"))
    assert world.floor.agents[ANNA].free
    world.tell(f.OutsideAnswered(CALL, BORIS))
    assert last(world) == (TransferKind.BLONDE, "agent 1002", TransferEnd.COMPLETED, BORIS)
    assert len(world.saved[CALL].transfers) == 1


def test_passed_on_to_a_queue_has_arrived_there(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "702"))
    world.tell(f.FallbackEntered(CALL, SUPPORT))
    assert last(world) == (TransferKind.BLIND, "queue support", TransferEnd.COMPLETED, None)


def test_passed_on_to_somebody_outside(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "+74951112233"))
    world.tell(f.OutsideReached(CALL, "+74951112233"))
    world.pass_time(9)
    assert last(world) == (TransferKind.BLIND, "number +74951112233", TransferEnd.COMPLETED, None)
    assert did(world)[-1] == (None, Doing.TALK, 9)
    assert world.floor.calls[CALL].agent == ANNA


def test_client_who_leaves_two_agents_together(world: World) -> None:
    talks(world).tell(f.OutsideTransferred(CALL, None, TransferKind.ATTENDED, "1002"))
    world.tell(f.OutsideAnswered(CALL, BORIS))
    assert world.saved[CALL].transfers == ()
    assert not world.floor.agents[ANNA].free  # he talks with the other one
    world.tell(f.OutsideEnded(CALL, "completed"))
    assert world.floor.agents[ANNA].free
    assert world.floor.agents[BORIS].free


def test_group_and_pickup_close_the_cards_of_who_did_not_get_him(world: World) -> None:
    for agent in (ANNA, BORIS):
        world.tell(f.OutsideRinging(CALL, agent, CLIENT, "", "300"))
    assert set(world.cards) == {ANNA, BORIS}
    world.tell(f.OutsideRingEnded(CALL, ANNA, "answered-elsewhere"))
    world.tell(f.OutsideAnswered(CALL, VERA))
    assert set(world.cards) == {VERA}
    assert world.floor.agents[ANNA].free
    assert world.floor.agents[BORIS].free


def test_told_again_after_a_gap_changes_nothing(world: World) -> None:
    asks(talks(world), answered=True)
    before = world.floor.calls[CALL].record()
    world.tell(f.OutsideAnswered(CALL, ANNA))
    assert world.floor.calls[CALL].record() == before


@pytest.mark.parametrize("then", ["ended", "answered", "transferred"])
def test_call_from_a_checkpoint_without_legs(world: World, then: str) -> None:
    """Written by a version that kept only the agents: they are free again when their parts end."""
    call = talks(world).floor.calls[CALL]
    call.legs.clear()
    call.segments.clear()
    if then == "answered":
        world.tell(f.OutsideAnswered(CALL, BORIS))
    elif then == "transferred":
        world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    else:
        world.tell(f.OutsideEnded(CALL, "completed"))
    assert world.floor.agents[ANNA].free


# ── from a desk phone ────────────────────────────────────────────────────────

LINE = LegId("line.1")


def test_call_to_a_number_outside(world: World) -> None:
    world.tell(f.PhoneTaken(CALL, ANNA, True))
    world.tell(f.OutsideDialled(CALL, ANNA, LINE, CLIENT, "lab"))
    world.pump()
    assert world.cards[ANNA].candidates == (7,)
    world.pass_time(8)
    world.tell(f.OutsideAnswered(CALL, ANNA))
    world.pass_time(50)
    world.tell(f.OutsideEnded(CALL, "completed"))
    record = world.saved[CALL]
    assert (record.direction, record.number, record.agent, record.trunk) == ("out", CLIENT, ANNA, "lab")
    assert record.outcome is o.Outcome.ANSWERED
    assert [(one.agent, one.doing) for one in record.segments] == [(ANNA, Doing.TALK)]
    assert CALL in world.tickets


def test_nobody_there_is_no_abandoned_call(world: World) -> None:
    world.tell(f.OutsideDialled(CALL, ANNA, LINE, CLIENT, "lab"))
    world.tell(f.OutsideEnded(CALL, "cancelled"))
    assert world.saved[CALL].outcome is o.Outcome.FAILED
    assert ANNA in world.cards  # he may write why he called


def test_number_outside_that_is_asked_about_a_client_has_no_ticket_of_its_own(world: World) -> None:
    talks(world).tell(f.OutsideDialled(ASKED, ANNA, LINE, "+74951112233", "lab", about=CALL))
    world.tell(f.OutsideConsulting(CALL, ANNA, "+74951112233", None))
    world.tell(f.OutsideAnswered(ASKED, ANNA))
    world.tell(f.OutsideConsulted(CALL, ANNA, None))
    world.pass_time(6)
    assert did(world)[-2:] == [(ANNA, Doing.CONSULT, 6), (None, Doing.CONSULT, 6)]
    world.tell(f.OutsideEnded(ASKED, "completed"))
    world.pump()
    assert list(world.tickets) == [CALL]
    assert world.cards[ANNA].call == CALL


# ── recordings ───────────────────────────────────────────────────────────────


def recorder(world: World) -> list[o.StartRecording]:
    return [order for order in world.orders if isinstance(order, o.StartRecording)]


def recording_world() -> World:
    world = World().start(replace(plan(), record_direct=True))
    for leg in (LegId(CALL), LINE):
        world.legs[leg] = Leg(CALL, None, "up")
    return world


def test_direct_calls_are_recorded_only_if_it_is_said_so(world: World) -> None:
    assert not recorder(talks(world))


def test_one_recording_on_the_clients_channel_through_every_transfer() -> None:
    world = talks(recording_world())
    recording = RecordingId(f"{CALL}-rec-1")
    begun = o.StartRecording(CALL, LegId(CALL), recording)
    world.tell(f.OutsideHeld(CALL, ANNA))
    world.tell(f.OutsideResumed(CALL, ANNA))
    world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.BLIND, "1002"))
    assert recorder(world) == [begun]  # nobody else is heard yet
    world.tell(f.OutsideAnswered(CALL, BORIS))
    assert recorder(world) == [begun, replace(begun, anew=True, just_answered=True)]
    world.tell(f.OutsideEnded(CALL, "completed"))
    world.tell(f.RecordingEnded(CALL, recording))
    assert world.attached == [recording]


def test_of_an_outgoing_call_it_is_the_other_sides_channel() -> None:
    world = recording_world()
    world.tell(f.OutsideDialled(CALL, ANNA, LINE, CLIENT, "lab"))
    assert not recorder(world)
    world.tell(f.OutsideAnswered(CALL, ANNA))
    world.tell(f.OutsideTransferred(CALL, ANNA, TransferKind.ATTENDED, "1002"))
    world.tell(f.OutsideAnswered(CALL, BORIS))
    assert [(order.leg, order.anew) for order in recorder(world)] == [(LINE, False), (LINE, True)]


def test_what_the_native_queue_records_is_not_recorded_twice() -> None:
    world = recording_world()
    world.tell(f.CallerPresented(CALL, CLIENT, "", "200", "lab"))
    world.tell(f.FallbackEntered(CALL, SUPPORT))
    world.tell(f.OutsideRinging(CALL, ANNA, CLIENT, "", "200"))
    world.tell(f.OutsideAnswered(CALL, ANNA))
    assert not recorder(world)


def test_agents_among_themselves_are_not_recorded() -> None:
    world = recording_world()
    world.tell(f.OutsideRinging(CALL, BORIS, "1001", "Anna", "1002"))
    world.tell(f.OutsideAnswered(CALL, BORIS))
    assert not recorder(world)
