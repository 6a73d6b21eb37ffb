"""One call rings several phones."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

group = scenario("group")


@group
def answered_elsewhere(lab: Lab) -> None:
    """Two ring, one answers."""
    out = lab.a.dial("300")
    lab.b.rings()
    there = lab.c.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    out.ends()


@group
def nobody(lab: Lab) -> None:
    """One is busy, the other rejects."""
    out = lab.a.dial("300")
    one, other = lab.b.rings(), lab.c.rings()
    lab.pause()
    one.reject(486)
    lab.pause()
    other.reject(603)
    out.is_over()


@group
def local_channels(lab: Lab) -> None:
    """Each is dialled through a Local channel that is optimised away."""
    out = lab.a.dial("301")
    there = lab.b.rings()
    lab.c.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    out.ends()


@group
def ring_all_one_transfers(lab: Lab) -> None:
    """Three ring for the client; who answers sends him on blindly."""
    client = lab.client.dial("+74950000005")
    lab.a.rings()
    lab.c.rings()
    there = lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    there.refer("1004")
    last = lab.d.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()


@group
def ring_all_one_consults(lab: Lab) -> None:
    """Three ring for the client; who answers hands him to one whose phone had rung as well."""
    client = lab.client.dial("+74950000005")
    lab.a.rings()
    lab.c.rings()
    there = lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    there.hold()
    consulting, _ = lab.talk(lab.b, "1003", lab.c)
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    client.ends()


@group
def caller_gives_up(lab: Lab) -> None:
    """Three ring, and the client hangs up."""
    client = lab.client.dial("+74950000005")
    for phone in (lab.a, lab.b, lab.c):
        phone.rings()
    lab.pause()
    client.ends()
