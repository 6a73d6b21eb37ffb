"""Blind transfers: by REFER, and by DTMF."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.phones import Call, Phone
from tests.replay.recording.scenario import scenario

transfer = scenario("transfer")


def client_talks(lab: Lab) -> tuple[Call, Call]:
    """The client talks with 1001: both sides."""
    return lab.talk(lab.client, "+74950000004", lab.a)


def sent(lab: Lab, there: Call, number: str, phone: Phone) -> Call:
    """``there`` is blindly transferred to ``number``, and ``phone`` rings."""
    there.refer(number)
    ringing = phone.rings()
    lab.pause()
    return ringing


@transfer
def blind(lab: Lab) -> None:
    """The agent sends the client to another, who answers."""
    client, there = client_talks(lab)
    sent(lab, there, "1002", lab.b).pick_up()
    lab.pause()
    client.ends()


@transfer
def blind_by_caller(lab: Lab) -> None:
    """Who called sends whom he called to a third."""
    out, there = lab.talk(lab.a, "1002", lab.b)
    sent(lab, out, "1003", lab.c).pick_up()
    lab.pause()
    there.ends()


@transfer
def blind_by_dtmf(lab: Lab) -> None:
    """By ## and the number."""
    out, there = lab.talk(lab.a, "500", lab.b)
    there.press("##")
    lab.pause(1.2)
    there.press("1003")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    out.ends()


@transfer
def blind_group(lab: Lab) -> None:
    """To a number that rings two phones."""
    client, there = client_talks(lab)
    there.refer("300")
    lab.b.rings()
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()


@transfer
def blind_rejected(lab: Lab) -> None:
    """The target rejects, and nobody takes the client back."""
    client, there = client_talks(lab)
    sent(lab, there, "1002", lab.b).reject(603)
    client.is_over()


@transfer
def blind_unreachable(lab: Lab) -> None:
    """The target has no phone."""
    client, there = client_talks(lab)
    there.refer("1009")
    client.is_over()


@transfer
def blind_no_answer(lab: Lab) -> None:
    """The target rings until the dialplan's time is over."""
    client, there = client_talks(lab)
    sent(lab, there, "2002", lab.b)
    client.is_over()


@transfer
def blind_busy(lab: Lab) -> None:
    """The target is busy at once: it never rings."""
    client, there = client_talks(lab)
    lab.b.becomes(busy=True)
    there.refer("1002")
    client.is_over()


@transfer
def blind_client_gives_up(lab: Lab) -> None:
    """The client hangs up while the target rings."""
    client, there = client_talks(lab)
    sent(lab, there, "1002", lab.b)
    client.ends()


@transfer
def blind_to_queue(lab: Lab) -> None:
    """The agent sends the client into a queue, where he is answered."""
    client, there = client_talks(lab)
    there.refer("400")
    lab.d.rings()
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause()
    client.ends()


@transfer
def blind_to_queue_and_abandoned(lab: Lab) -> None:
    """The agent sends the client into a queue, where he gives up."""
    client, there = client_talks(lab)
    there.refer("400")
    lab.c.rings()
    lab.d.rings()
    lab.pause()
    client.ends()


@transfer
def blind_to_outside(lab: Lab) -> None:
    """The agent sends the client out by the trunk."""
    client, there = client_talks(lab)
    sent(lab, there, "+74957654321", lab.outside).pick_up()
    lab.pause()
    client.ends()


@transfer
def blind_of_an_outgoing_call(lab: Lab) -> None:
    """The agent has called out, and sends whom he called to another agent."""
    out, there = lab.talk(lab.a, "+74957654321", lab.outside)
    sent(lab, out, "1002", lab.b).pick_up()
    lab.pause()
    there.ends()


@transfer
def blind_back_and_forth(lab: Lab) -> None:
    """1001 sends the client to 1002, who sends him back."""
    client, there = client_talks(lab)
    second = sent(lab, there, "1002", lab.b).pick_up()
    lab.pause()
    third = sent(lab, second, "1001", lab.a).pick_up()
    lab.pause()
    third.ends()
    client.is_over()


@transfer
def refer_to_self(lab: Lab) -> None:
    """The agent sends the client to his own number, and takes him again."""
    client, there = client_talks(lab)
    sent(lab, there, "1001", lab.a).pick_up()
    lab.pause()
    client.ends()


@transfer
def refer_to_nonsense(lab: Lab) -> None:
    """To a number that is none: refused, and they go on talking."""
    client, there = client_talks(lab)
    there.refer("nonsense")
    lab.pause(1.0)
    there.ends()
    client.is_over()


@transfer
def refer_to_nonsense_then_blind(lab: Lab) -> None:
    """The first number is none, the second is right."""
    client, there = client_talks(lab)
    there.refer("nonsense")
    lab.pause(1.0)
    sent(lab, there, "1002", lab.b).pick_up()
    lab.pause()
    client.ends()


@transfer
def refer_replaces_nothing(lab: Lab) -> None:
    """A REFER whose Replaces names no call here: refused, and they go on talking."""
    client, there = client_talks(lab)
    there.refer_raw(f"{lab.a.uri('1002')}?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2")
    lab.pause(1.0)
    client.ends()


@transfer
def blind_to_queue_where_nobody_is(lab: Lab) -> None:
    """The agent sends the client into a queue, none of whose members has a phone; he gives up."""
    client, there = client_talks(lab)
    there.refer("401")
    lab.pause(1.0)
    client.ends()
