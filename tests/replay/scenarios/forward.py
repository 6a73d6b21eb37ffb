"""Forwarding by the phone itself: 302 Moved Temporarily."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

forward = scenario("forward")


@forward
def moved_temporarily(lab: Lab) -> None:
    """302 at once; the other phone answers."""
    lab.b.becomes(moved_to="1003")
    out = lab.a.dial("1002")
    there = lab.c.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    out.ends()


@forward
def moved_temporarily_busy(lab: Lab) -> None:
    """302 at once; the other phone is busy."""
    lab.b.becomes(moved_to="1003")
    lab.c.becomes(busy=True)
    lab.a.dial("1002").is_over()


@forward
def moved_temporarily_no_answer(lab: Lab) -> None:
    """302 at once; the other phone rings until the dialplan's time is over."""
    lab.b.becomes(moved_to="2003")
    out = lab.a.dial("1002")
    lab.c.rings()
    out.is_over()


@forward
def moved_after_ringing(lab: Lab) -> None:
    """180, then 302: a phone whose user forwards what rings."""
    client = lab.client.dial("+74950000004")
    first = lab.a.rings()
    lab.pause()
    first.moves("1003")
    there = lab.c.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    client.ends()


@forward
def moved_to_outside(lab: Lab) -> None:
    """302 to a mobile phone beyond the trunk."""
    lab.b.becomes(moved_to="+74957654321")
    out = lab.a.dial("1002")
    there = lab.outside.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    out.ends()


@forward
def moved_in_a_group(lab: Lab) -> None:
    """Two ring; one of them is forwarded to a third, who answers."""
    lab.b.becomes(moved_to="1004")
    out = lab.a.dial("300")
    lab.c.rings()
    there = lab.d.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    out.ends()


@forward
def moved_after_blind(lab: Lab) -> None:
    """The client is sent to a phone that is forwarded."""
    client, there = lab.talk(lab.client, "+74950000004", lab.a)
    lab.b.becomes(moved_to="1003")
    there.refer("1002")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause(0.6)
    client.ends()
