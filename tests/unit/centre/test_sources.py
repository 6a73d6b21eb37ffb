"""Whose voice a client hears, and that his recorder is begun anew when another one takes him."""

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.ids import LegId
from bridge.centre.sources import source_of
from tests.fakes.world import BORIS, VERA, World
from tests.unit.centre.talk_scene import TO_BORIS, ends_well, passes_on, talking, wishes


def begun_anew(world: World) -> int:
    return sum(order.anew for order in world.of(o.StartRecording))


def test_a_plain_call_is_begun_once() -> None:
    world, call = talking()
    assert [order.anew for order in world.of(o.StartRecording)] == [False]
    wishes(world, f.Wish.HOLD)
    wishes(world, f.Wish.RESUME)  # the same voice as before
    assert begun_anew(world) == 0
    ends_well(world, call)


def test_each_who_takes_him_once() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    assert begun_anew(world) == 0  # nobody has taken him yet
    world.talk(BORIS)
    assert begun_anew(world) == 1
    assert len(world.attached) == 0
    ends_well(world, call)
    assert len(world.attached) == 1


def test_of_a_process_that_was_killed_in_the_midst_of_it_the_next_begins_it_again() -> None:
    world, _ = talking(BORIS)
    world.tell(f.Resumed())
    assert begun_anew(world) == 0  # nobody had taken him
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    world.pass_time(5)
    world.tell(f.Resumed())
    assert begun_anew(world) == 2
    world.pass_time(600)
    world.tell(f.Resumed())
    assert begun_anew(world) == 2  # that was carried out long ago
    assert not world.of(o.StartRecording)[-1].anew


def test_not_who_is_only_consulted() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.SWAP)
    wishes(world, f.Wish.GIVE_UP)
    assert begun_anew(world) == 0
    ends_well(world, call)


def test_of_three_who_stays_with_him() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.CONFERENCE)
    call_ = world.floor.calls[call]
    assert source_of(call_, call_.legs[LegId(call)]) is None
    assert begun_anew(world) == 1
    world.hang_up("1001")
    assert begun_anew(world) == 2
    ends_well(world, call)


def test_who_stay_when_one_of_four_has_left() -> None:
    world, call = talking(BORIS, VERA)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.CONFERENCE)
    world.tell(f.SupervisionWished(VERA, "1001", f.Supervise.BARGE, "vera"))  # type: ignore[arg-type]
    world.pump()
    world.talk(VERA)
    assert begun_anew(world) == 2
    world.hang_up(VERA)
    assert begun_anew(world) == 3
    world.hang_up(BORIS)
    assert begun_anew(world) == 4
    ends_well(world, call)


def test_who_is_alone_with_him_again_after_three() -> None:
    world, call = talking(VERA)
    world.tell(f.SupervisionWished(VERA, "1001", f.Supervise.BARGE, "vera"))  # type: ignore[arg-type]
    world.pump()
    world.talk(VERA)
    wishes(world, f.Wish.HOLD)
    assert begun_anew(world) == 1
    world.tell(f.SupervisionWished(VERA, "1001", f.Supervise.LEAVE, "vera"))  # type: ignore[arg-type]
    world.pump()
    wishes(world, f.Wish.RESUME)
    assert begun_anew(world) == 2  # the same voice, and something else in between
    ends_well(world, call)


def test_a_supervisor_who_takes_over() -> None:
    world, call = talking(VERA)
    world.tell(f.SupervisionWished(VERA, "1001", f.Supervise.BARGE, "vera"))  # type: ignore[arg-type]
    world.pump()
    world.talk(VERA)
    assert begun_anew(world) == 1
    world.tell(f.SupervisionWished(VERA, "1001", f.Supervise.TAKE_OVER, "vera"))  # type: ignore[arg-type]
    world.pump()
    assert begun_anew(world) == 2
    ends_well(world, call)
