"""Asterisk's own queues, which serve while Callbridge is away."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.phones import Call
from tests.replay.recording.scenario import scenario

queue = scenario("queue")


def served(lab: Lab) -> tuple[Call, Call]:
    """The client waits in queue support, 1001 and 1002 ring, 1001 answers: both sides."""
    client = lab.client.dial("+74950000002")
    there = lab.a.rings()
    lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause()
    return client, there


@queue
def answered(lab: Lab) -> None:
    """Two members ring, one answers."""
    client, _ = served(lab)
    client.ends()


@queue
def abandoned(lab: Lab) -> None:
    """The client gives up while two members ring."""
    client = lab.client.dial("+74950000002")
    lab.a.rings()
    lab.b.rings()
    lab.pause()
    client.ends()


@queue
def abandoned_between_rings(lab: Lab) -> None:
    """Both members reject, and the client gives up before they ring again."""
    client = lab.client.dial("+74950000002")
    one, other = lab.a.rings(), lab.b.rings()
    lab.pause()
    one.reject(486)
    other.reject(486)
    client.ends()


@queue
def local_members(lab: Lab) -> None:
    """The members are Local channels."""
    client = lab.client.dial("+74950000006")
    there = lab.a.rings()
    lab.b.rings()
    lab.pause()
    there.pick_up()
    lab.pause(0.6)
    client.ends()


@queue
def timeout(lab: Lab) -> None:
    """The queue's own time is over while a member rings."""
    client = lab.client.dial("+74950000003")
    lab.a.rings()
    client.is_over()


@queue
def transferred_blind(lab: Lab) -> None:
    """Who got the client from the queue sends him on blindly."""
    client, there = served(lab)
    there.refer("1003")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()


@queue
def transferred_attended(lab: Lab) -> None:
    """Who got the client from the queue consults, and hands him over."""
    _, there = served(lab)
    there.hold()
    consulting, last = lab.talk(lab.a, "1003", lab.c)
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    last.ends()


@queue
def transferred_to_another_queue(lab: Lab) -> None:
    """Who got the client from the queue sends him into another, where he is answered."""
    client, there = served(lab)
    there.refer("400")
    lab.d.rings()
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()


@queue
def transferred_to_another_queue_and_abandoned(lab: Lab) -> None:
    """Who got the client from the queue sends him into another, where he gives up."""
    client, there = served(lab)
    there.refer("400")
    lab.c.rings()
    lab.d.rings()
    lab.pause()
    client.ends()


@queue
def rejected_then_answered(lab: Lab) -> None:
    """One member rejects, the other answers."""
    client = lab.client.dial("+74950000002")
    one, other = lab.a.rings(), lab.b.rings()
    lab.pause()
    one.reject(603)
    lab.pause()
    other.pick_up()
    lab.pause()
    client.ends()


@queue
def timeout_where_nobody_is(lab: Lab) -> None:
    """No member has a phone, until the queue's own time is over."""
    lab.client.dial("+74950000008").is_over()


@queue
def abandoned_where_nobody_is(lab: Lab) -> None:
    """No member has a phone, and the client gives up."""
    client = lab.client.dial("+74950000008").is_up()
    lab.pause()
    client.ends()
