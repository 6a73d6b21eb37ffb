"""Pickup: a phone takes the call that rings at another."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

pickup = scenario("pickup")


@pickup
def star(lab: Lab) -> None:
    """*8 takes what rings in the group."""
    lab.a.dial("1002")
    lab.b.rings()
    lab.pause()
    taker = lab.c.dial("*8").is_up()
    lab.pause()
    taker.ends()


@pickup
def directed(lab: Lab) -> None:
    """*8 and the number take what rings there: the client's call, of two that ring."""
    client = lab.client.dial("+74950000004")
    lab.a.rings()
    other = lab.b.dial("1003")
    lab.c.rings()
    lab.pause()
    lab.d.dial("*81001").is_up()
    lab.pause()
    client.ends()
    other.ends()


@pickup
def of_a_group(lab: Lab) -> None:
    """Three ring for the client, and a fourth takes it."""
    client = lab.client.dial("+74950000005")
    for phone in (lab.a, lab.b, lab.c):
        phone.rings()
    lab.pause()
    lab.d.dial("*8").is_up()
    lab.pause()
    client.ends()


@pickup
def of_a_queue(lab: Lab) -> None:
    """A member rings for a waiting client, and somebody else takes it."""
    client = lab.client.dial("+74950000002")
    lab.a.rings()
    lab.b.rings()
    lab.pause()
    lab.c.dial("*81001").is_up()
    lab.pause()
    client.ends()


@pickup
def of_a_blind_transfer(lab: Lab) -> None:
    """The client was sent to a phone that rings, and another takes it."""
    client, there = lab.talk(lab.client, "+74950000004", lab.a)
    there.refer("1002")
    lab.b.rings()
    lab.pause()
    lab.c.dial("*8").is_up()
    lab.pause()
    client.ends()


@pickup
def nothing_rings(lab: Lab) -> None:
    """*8 while nothing rings."""
    lab.c.dial("*8").is_over()


@pickup
def taken_and_transferred(lab: Lab) -> None:
    """Who took the client's call sends it on."""
    client = lab.client.dial("+74950000004")
    lab.a.rings()
    lab.pause()
    taker = lab.b.dial("*8").is_up()
    lab.pause()
    taker.refer("1003")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()
