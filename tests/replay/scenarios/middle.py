"""Recording begins in the middle of calls, as after a restart: with the list of channels."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario
from tests.replay.scenarios.attended import handed_over
from tests.replay.scenarios.blind import client_talks, sent

middle = scenario("middle", in_the_middle=True)


@middle
def nothing(lab: Lab) -> None:
    """The list is empty; then a call."""
    lab.listen()
    _, there = client_talks(lab)
    there.ends()


@middle
def talking(lab: Lab) -> None:
    """They talk, and go on until the agent hangs up."""
    client, there = client_talks(lab)
    lab.listen()
    lab.pause()
    there.ends()
    client.is_over()


@middle
def ringing_then_answered(lab: Lab) -> None:
    """A phone rings."""
    client = lab.client.dial("+74950000004")
    there = lab.a.rings()
    lab.pause()
    lab.listen()
    there.pick_up()
    lab.pause()
    client.ends()


@middle
def ringing_then_cancelled(lab: Lab) -> None:
    """A phone rings, and the client gives up."""
    client = lab.client.dial("+74950000004")
    lab.a.rings()
    lab.pause()
    lab.listen()
    client.ends()


@middle
def group_ringing(lab: Lab) -> None:
    """Three ring, one answers."""
    client = lab.client.dial("+74950000005")
    lab.a.rings()
    there = lab.b.rings()
    lab.c.rings()
    lab.pause()
    lab.listen()
    there.pick_up()
    lab.pause()
    client.ends()


@middle
def queue_ringing(lab: Lab) -> None:
    """The client waits in a queue, and its members ring."""
    client = lab.client.dial("+74950000002")
    there = lab.a.rings()
    lab.b.rings()
    lab.pause()
    lab.listen()
    there.pick_up()
    lab.pause()
    client.ends()


@middle
def queue_abandoned(lab: Lab) -> None:
    """The client waits in a queue, its members ring, and he gives up."""
    client = lab.client.dial("+74950000002")
    lab.a.rings()
    lab.b.rings()
    lab.pause()
    lab.listen()
    client.ends()


@middle
def talking_then_blind(lab: Lab) -> None:
    """They talk, and the client is sent on."""
    client, there = client_talks(lab)
    lab.listen()
    sent(lab, there, "1002", lab.b).pick_up()
    lab.pause()
    client.ends()


@middle
def talking_then_attended(lab: Lab) -> None:
    """They talk; consultation and transfer are heard whole."""
    client, there = client_talks(lab)
    lab.listen()
    handed_over(lab, there, "1002", lab.b)
    client.ends()


@middle
def held_then_back(lab: Lab) -> None:
    """The client is held."""
    client, there = client_talks(lab)
    there.hold()
    lab.listen()
    there.back()
    lab.pause()
    client.ends()


@middle
def consulting_then_attended(lab: Lab) -> None:
    """The consultation was answered before."""
    client, there = client_talks(lab)
    there.hold()
    consulting, _ = lab.talk(lab.a, "1002", lab.b)
    lab.listen()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    client.ends()


@middle
def consulting_then_blonde(lab: Lab) -> None:
    """The target rings, the client is left with it, and it answers."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("1002")
    ringing = lab.b.rings()
    consulting.hears_ringing()
    lab.pause()
    lab.listen()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    ringing.pick_up()
    lab.pause()
    client.ends()


@middle
def transferred_blind_before(lab: Lab) -> None:
    """The client was sent on, and the target rings."""
    client, there = client_talks(lab)
    ringing = sent(lab, there, "1002", lab.b)
    lab.listen()
    ringing.pick_up()
    lab.pause()
    client.ends()


@middle
def transferred_attended_before(lab: Lab) -> None:
    """The client was handed over."""
    client, there = client_talks(lab)
    last = handed_over(lab, there, "1002", lab.b)
    lab.listen()
    lab.pause()
    last.ends()
    client.is_over()


@middle
def outgoing_talking(lab: Lab) -> None:
    """An agent has called out, and talks."""
    out, _ = lab.talk(lab.a, "+74957654321", lab.outside)
    lab.listen()
    lab.pause()
    out.ends()


@middle
def two_calls(lab: Lab) -> None:
    """One is talked in, one rings; both end, and a third comes."""
    client, there = client_talks(lab)
    other = lab.b.dial("1003")
    lab.c.rings()
    lab.pause()
    lab.listen()
    other.ends()
    there.ends()
    client.is_over()
    _, last = lab.talk(lab.outside, "+74950000007", lab.b)
    last.ends()
