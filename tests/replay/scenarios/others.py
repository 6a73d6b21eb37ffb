"""Pickup, forwarding by the phone, calls that a program originates, and several calls at once."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

pickup, forward, mixed = scenario("pickup"), scenario("forward"), scenario("mixed")
originate = scenario("originate")


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


@originate
def click_to_dial(lab: Lab) -> None:
    """A program rings an agent's phone first, then whom he wants."""
    target = {"Context": "from-agents", "Exten": "1002", "Priority": "1"}
    lab.originate(Channel="PJSIP/1001", CallerID="Click <1001>", **target)
    first = lab.a.rings()
    lab.pause()
    first.pick_up()
    there = lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    there.ends()


@originate
def refused(lab: Lab) -> None:
    """The agent's own phone is busy."""
    lab.a.becomes(busy=True)
    target = {"Context": "from-agents", "Exten": "1002", "Priority": "1"}
    lab.originate(Channel="PJSIP/1001", **target)
    lab.pause(0.5)


@originate
def local(lab: Lab) -> None:
    """Through a Local channel that stays."""
    target = {"Context": "from-agents", "Exten": "1002", "Priority": "1"}
    lab.originate(Channel="Local/1001@via/n", **target)
    first = lab.a.rings()
    lab.pause()
    first.pick_up()
    there = lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    there.ends()


@originate
def click_to_dial_transferred(lab: Lab) -> None:
    """Who clicked sends whom he called to another."""
    target = {"Context": "from-agents", "Exten": "+74957654321", "Priority": "1"}
    lab.originate(Channel="PJSIP/1001", CallerID="Click <1001>", **target)
    first = lab.a.rings()
    lab.pause()
    first.pick_up()
    there = lab.outside.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    first.refer("1002")
    last = lab.b.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    last.ends()
    there.is_over()


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
