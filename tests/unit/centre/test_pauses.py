"""A paused recording: from the wish on, through whatever happens to the call, and stopped if need be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.ids import CallId, Endpoint, LegId, RecordingId, recording_id
from bridge.centre.record import PauseRecord
from tests.fakes import gap
from tests.fakes.world import ANNA, BORIS, VERA, Leg, World
from tests.unit.centre.talk_scene import TO_BORIS, TO_SALES, passes_on, talking, the_plan, wishes

PAUSE, RESUME = f.Wish.PAUSE_RECORDING, f.Wish.RESUME_RECORDING
SECOND = timedelta(seconds=1)


def pause(world: World, call: CallId, *, paused: bool = True, by: str = "anna") -> None:
    world.tell(f.RecordingPauseWished(call, paused, by))
    world.pump()


def first(call: CallId) -> RecordingId:
    return recording_id(call, 1)


def pauses(world: World, call: CallId) -> list[PauseRecord]:
    return list(world.saved[call].pauses)


def mutes(world: World) -> list[tuple[str, bool]]:
    return [(order.recording, order.muted) for order in world.of(o.MuteRecording)]


def starts(world: World) -> list[tuple[str, bool, bool]]:
    return [(order.recording, order.anew, order.muted) for order in world.of(o.StartRecording)]


# ── one pause ────────────────────────────────────────────────────────────────


def test_who_and_when_and_that_asterisk_confirmed_it() -> None:
    world, call = talking()
    begun_at = world.now
    world.tell(f.RecordingPauseWished(call, True, "anna"))
    (own,) = pauses(world, call)
    assert own == PauseRecord(1, first(call), "anna", begun_at)
    world.now += SECOND
    world.pump()
    assert pauses(world, call) == [replace(own, confirmed_at=begun_at + SECOND)]
    assert world.silent == {first(call)}
    world.now += SECOND
    pause(world, call, paused=False, by="vera")
    (over,) = pauses(world, call)
    assert (over.ended_at, over.ended_by) == (begun_at + 2 * SECOND, "vera")
    assert mutes(world) == [(first(call), True), (first(call), False)]
    assert world.silent == set()
    assert world.audit == [
        ("anna", "recording.pause", first(call)),
        ("vera", "recording.resume", first(call)),
    ]


def test_a_paused_one_stays_as_it_is() -> None:
    world, call = talking()
    pause(world, call)
    before = pauses(world, call)
    pause(world, call, by="vera")
    assert pauses(world, call) == before
    assert len(mutes(world)) == len(world.audit) == 1


def test_one_that_is_not_paused_is_not_resumed() -> None:
    world, call = talking()
    pause(world, call, paused=False)
    assert pauses(world, call) == []
    assert mutes(world) == []


def test_a_second_one_is_another() -> None:
    world, call = talking()
    for paused in (True, False, True):
        pause(world, call, paused=paused)
        world.now += SECOND
    one, two = pauses(world, call)
    assert (one.number, two.number) == (1, 2)
    assert one.ended_at is not None
    assert one.ended_at <= two.begun_at
    assert two.ended_at is None


def test_a_clock_that_is_set_back_meanwhile_does_not_turn_it_round() -> None:
    world, call = talking()
    pause(world, call)
    world.step_clock(-60 * SECOND)
    pause(world, call, paused=False)
    (own,) = pauses(world, call)
    assert own.ended_at == own.begun_at


def test_where_nothing_is_recorded_nothing_is_paused() -> None:
    plan = the_plan()
    queues = {name: replace(queue, record=False) for name, queue in plan.queues.items()}
    world = World().start(replace(plan, queues=queues))
    world.arrive(ANNA)
    call = world.caller("200")
    world.talk(ANNA)
    pause(world, call)
    assert pauses(world, call) == []
    assert mutes(world) == world.audit == []


def test_nor_before_anybody_talks() -> None:
    world = World().start(the_plan())
    call = world.caller("200")
    pause(world, call)
    assert world.floor.calls[call].pauses == []


def test_a_confirmation_that_comes_late_is_none() -> None:
    world, call = talking()
    world.tell(f.RecordingPauseWished(call, True, "anna"))
    world.tell(f.RecordingPauseWished(call, False, "anna"))
    world.pump()
    (own,) = pauses(world, call)
    assert own.confirmed_at is None


# ── it outlasts ──────────────────────────────────────────────────────────────


def test_hold_and_retrieve() -> None:
    world, call = talking()
    pause(world, call)
    wishes(world, f.Wish.HOLD)
    wishes(world, f.Wish.RESUME)
    assert world.floor.calls[call].paused is not None
    assert world.silent == {first(call)}


def test_a_transfer_and_the_recorder_that_is_begun_anew_for_it() -> None:
    world, call = talking(BORIS)
    pause(world, call)
    passes_on(world, TO_BORIS)
    world.silent.clear()  # a new recorder writes what it hears
    world.talk(BORIS)
    assert starts(world) == [(first(call), False, False), (first(call), True, True)]
    assert world.silent == {first(call)}
    (own,) = pauses(world, call)
    assert own.ended_at is None
    wishes(world, RESUME, by=BORIS)
    assert pauses(world, call)[0].ended_by == "agent 1002"
    assert world.silent == set()


@pytest.mark.parametrize("step", range(6))
def test_begun_during_each_step_of_a_consultation(step: int) -> None:
    world, call = talking(BORIS)
    steps = [
        lambda: passes_on(world, TO_BORIS, attended=True),
        lambda: world.talk(BORIS),
        lambda: wishes(world, f.Wish.SWAP),
        lambda: wishes(world, f.Wish.SWAP),
        lambda: wishes(world, f.Wish.CONFERENCE),
        lambda: world.hang_up(ANNA),
    ]
    for number, do in enumerate(steps):
        do()
        if number == step:
            pause(world, call)
            world.now += SECOND
    assert world.floor.calls[call].paused is not None
    assert world.silent == {first(call)}
    world.hang_up(call)
    (own,) = pauses(world, call)
    assert own.confirmed_at is not None
    assert (own.ended_at, own.ended_by) == (world.saved[call].ended_at, "")


def test_wished_while_nobody_has_him() -> None:
    """By who sees the call, for the agents are out."""
    world, call = talking()
    passes_on(world, TO_SALES)
    pause(world, call)
    world.arrive(VERA)
    world.talk(VERA)
    assert world.silent == {first(call)}
    assert world.floor.calls[call].paused is not None


# ── its end ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["client", ANNA])
def test_the_end_of_the_call_ends_it(who: str) -> None:
    world, call = talking()
    pause(world, call)
    world.now += SECOND
    world.hang_up(call if who == "client" else ANNA)
    (own,) = pauses(world, call)
    assert (own.ended_at, own.ended_by) == (world.now, "")
    assert world.attached == [first(call)]


def test_a_client_who_leaves_two_who_go_on_has_taken_his_recording_along() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.CONFERENCE)
    pause(world, call)
    world.hang_up(call)
    assert call in world.floor.calls
    (own,) = pauses(world, call)
    assert own.ended_at is not None
    pause(world, call)
    assert pauses(world, call) == [own]


# ── what cannot be muted ─────────────────────────────────────────────────────


def test_it_is_cut_and_a_new_recording_goes_on_after_it() -> None:
    world, call = talking()
    world.cannot_mute = True
    pause(world, call)
    (own,) = pauses(world, call)
    assert (own.confirmed_at, own.ended_at) == (None, None)
    assert world.recording == {}
    assert ("anna", "recording.cut", first(call)) in world.audit
    world.cannot_mute = False
    pause(world, call, paused=False)
    assert list(world.recording.values()) == [recording_id(call, 2)]
    assert world.silent == set()
    pause(world, call)
    assert [one.recording for one in pauses(world, call)] == [first(call), recording_id(call, 2)]
    world.hang_up(call)
    assert world.attached == [first(call), recording_id(call, 2)]


def test_of_one_that_is_cut_nobody_begins_anew() -> None:
    world, call = talking(BORIS)
    world.cannot_mute = True
    pause(world, call)
    begun = len(starts(world))
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    world.tell(f.Resumed())
    world.pump()
    assert len(starts(world)) == begun
    world.cannot_mute = False
    wishes(world, RESUME, by=BORIS)
    assert starts(world)[begun:] == [(recording_id(call, 2), False, False)]


def test_one_that_was_muted_and_is_not_when_it_is_begun_anew() -> None:
    world, call = talking(BORIS)
    pause(world, call)
    world.cannot_mute = True
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    (own,) = pauses(world, call)
    assert own.confirmed_at is None
    assert world.recording == {}


@pytest.mark.parametrize("reason", [f.FailureReason.REFUSED, f.FailureReason.GONE])
@pytest.mark.parametrize("order", ["MuteRecording", "StartRecording"])
def test_of_a_recorder_that_took_an_order_badly_nothing_is_confirmed(
    order: str, reason: f.FailureReason
) -> None:
    world, call = talking()
    pause(world, call)
    world.tell(f.OrderFailed(call, order, reason, "", LegId(call)))
    (own,) = pauses(world, call)
    assert (own.confirmed_at is not None) is (reason is f.FailureReason.GONE)
    assert call in world.floor.calls


def test_told_only_after_the_pause_it_is_recorded_on_at_once() -> None:
    world, call = talking()
    world.cannot_mute = True
    world.tell(f.RecordingPauseWished(call, True, "anna"))
    world.tell(f.RecordingPauseWished(call, False, "anna"))
    world.cannot_mute = False
    world.pump()
    assert list(world.recording.values()) == [recording_id(call, 2)]
    assert world.floor.calls[call].recordings == 2  # the second order told it once more


def test_a_cut_that_is_told_after_the_call_is_nothing() -> None:
    world, call = talking()
    world.cannot_mute = True
    world.tell(f.RecordingPauseWished(call, True, "anna"))
    world.hang_up(call)
    assert world.saved[call].pauses[0].ended_at is not None
    assert len(starts(world)) == 1


# ── a new process ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("heard", [False, True])
def test_after_a_restart_it_is_muted_again(heard: bool) -> None:
    world, call = talking()
    kept = gap.checkpoint(world)
    arrivals = gap.arrivals_of(world)
    world.tell(f.RecordingPauseWished(call, True, "anna"))
    if heard:
        pause(world, call, paused=False)
    world.ami.clear()
    begun = len(starts(world))
    world = gap.killed(world, kept)
    gap.linked(world, arrivals)
    world.pump()
    assert starts(world)[begun:] == [(first(call), False, not heard)]
    assert world.silent == (set() if heard else {first(call)})
    assert mutes(world)[-1] == (first(call), not heard)
    assert (world.floor.calls[call].paused is None) is heard


# ── by phone ─────────────────────────────────────────────────────────────────


def said(world: World, feature: f.Feature, phone: str = "1001") -> tuple[str, ...]:
    code = world.dial_code(Endpoint(f"PJSIP/{phone}"), feature)
    world.pump()
    (sounds,) = world.said(code)
    return sounds


def test_an_agent_dials_it() -> None:
    world, call = talking()
    assert said(world, f.Feature.PAUSE_RECORDING) == ("callbridge/done",)
    assert said(world, f.Feature.PAUSE_RECORDING) == ("callbridge/done",)  # it is paused: that is what counts
    assert world.silent == {first(call)}
    assert said(world, f.Feature.RESUME_RECORDING) == ("callbridge/done",)
    (own,) = pauses(world, call)
    assert (own.by, own.ended_by) == ("agent 1001", "agent 1001")


def test_who_is_in_no_call_is_told_that_it_is_not_possible() -> None:
    world, call = talking(BORIS)
    assert said(world, f.Feature.PAUSE_RECORDING, "1002") == ("callbridge/not-possible-now",)
    assert pauses(world, call) == []


def test_in_a_call_outside_the_application() -> None:
    world = World().start(replace(the_plan(), record_direct=True))
    world.arrive(ANNA)
    call = CallId("out.1")
    world.legs[LegId(call)] = Leg(call, None, "up")
    world.tell(f.CallerPresented(call, "+79161234567", "", "1001", "lab"))
    world.tell(f.OutsideRinging(call, ANNA, "+79161234567", "", "1001"))
    world.tell(f.OutsideAnswered(call, ANNA))
    world.pump()
    wishes(world, PAUSE)
    assert world.silent == {first(call)}
    world.tell(f.OutsideEnded(call, "completed"))
    (own,) = pauses(world, call)
    assert own.ended_at is not None
