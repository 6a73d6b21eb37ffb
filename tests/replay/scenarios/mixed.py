"""Several calls at once."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

mixed = scenario("mixed")


@mixed
def two_calls(lab: Lab) -> None:
    """Two at once that have nothing to do with each other."""
    client = lab.client.dial("+74950000004")
    there = lab.a.rings()
    other = lab.b.dial("1003")
    lab.c.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    other.ends()
    lab.pause()
    client.ends()


@mixed
def call_waiting(lab: Lab) -> None:
    """An agent who talks is rung by a second client, who gives up."""
    client, there = lab.talk(lab.client, "+74950000004", lab.a)
    other = lab.outside.dial("+74950000004")
    lab.a.rings()
    lab.pause()
    other.ends()
    lab.pause()
    there.ends()
    client.is_over()


@mixed
def transfers_at_once(lab: Lab) -> None:
    """Two agents each send their client to the other."""
    client, one = lab.talk(lab.client, "+74950000004", lab.a)
    outside, other = lab.talk(lab.outside, "+74950000007", lab.b)
    one.refer("1002")
    other.refer("1001")
    first, second = lab.b.rings(), lab.a.rings()
    lab.pause()
    first.pick_up()
    second.pick_up()
    lab.pause()
    client.ends()
    outside.ends()
