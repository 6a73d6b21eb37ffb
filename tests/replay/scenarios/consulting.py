"""Consultations that end otherwise than by a transfer to whom answered: blonde ones, and those given up."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.phones import Call
from tests.replay.recording.scenario import scenario
from tests.replay.scenarios.blind import client_talks

transfer = scenario("transfer")


def blonde_to(lab: Lab, number: str = "1002") -> tuple[Call, Call]:
    """The client is left with a phone that still rings: his side, and that phone's."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial(number)
    ringing = lab.b.rings()
    consulting.hears_ringing()
    lab.pause()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    return client, ringing


@transfer
def blonde(lab: Lab) -> None:
    """The transferor leaves before the target has answered; the target answers, the client hangs up."""
    client, ringing = blonde_to(lab)
    ringing.pick_up()
    lab.pause()
    client.ends()


@transfer
def blonde_answered(lab: Lab) -> None:
    """The same, and the target hangs up."""
    client, ringing = blonde_to(lab)
    ringing.pick_up()
    lab.pause()
    ringing.ends()
    client.is_over()


@transfer
def blonde_rejected(lab: Lab) -> None:
    """The target rejects."""
    client, ringing = blonde_to(lab)
    ringing.reject(603)
    client.is_over()


@transfer
def blonde_busy(lab: Lab) -> None:
    """The target rings, then says that it is busy."""
    client, ringing = blonde_to(lab)
    ringing.reject(486)
    client.is_over()


@transfer
def blonde_no_answer(lab: Lab) -> None:
    """The target rings until the dialplan's time is over."""
    client, _ = blonde_to(lab, "2002")
    client.is_over()


@transfer
def blonde_client_gives_up(lab: Lab) -> None:
    """The client hangs up while the target rings."""
    client, _ = blonde_to(lab)
    client.ends()


@transfer
def blonde_by_dtmf(lab: Lab) -> None:
    """By *2 and the number, and hung up while it rings; the target answers."""
    out, there = lab.talk(lab.a, "500", lab.b)
    there.press("*2")
    lab.pause(1.5)
    there.press("1003")
    last = lab.c.rings()
    lab.pause()
    there.ends()
    lab.pause(0.6)
    last.pick_up()
    lab.pause(0.6)
    out.ends()


@transfer
def consultation_given_up(lab: Lab) -> None:
    """The target does not answer, the agent goes back to the client."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("1002")
    lab.b.rings()
    consulting.hears_ringing()
    lab.pause()
    consulting.ends()
    there.back()
    lab.pause()
    client.ends()


@transfer
def consultation_rejected(lab: Lab) -> None:
    """The target rejects, the agent goes back to the client."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("1002")
    ringing = lab.b.rings()
    lab.pause()
    ringing.reject(486)
    consulting.is_over()
    there.back()
    lab.pause()
    client.ends()


@transfer
def transferor_hangs_up_while_consulting(lab: Lab) -> None:
    """He hangs up on the client, and goes on talking with whom he consulted."""
    client, there = client_talks(lab)
    there.hold()
    consulting, _ = lab.talk(lab.a, "1002", lab.b)
    there.ends()
    client.is_over()
    lab.pause()
    consulting.ends()


@transfer
def target_hangs_up_while_consulted(lab: Lab) -> None:
    """Whom he consulted hangs up; he goes back to the client."""
    client, there = client_talks(lab)
    there.hold()
    consulting, last = lab.talk(lab.a, "1002", lab.b)
    last.ends()
    consulting.is_over()
    there.back()
    lab.pause()
    there.ends()
    client.is_over()


@transfer
def client_hangs_up_while_consulting(lab: Lab) -> None:
    """The client does not wait; the consultation goes on."""
    client, there = client_talks(lab)
    there.hold()
    consulting, _ = lab.talk(lab.a, "1002", lab.b)
    client.ends()
    there.is_over()
    lab.pause()
    consulting.ends()


@transfer
def client_hangs_up_while_target_rings(lab: Lab) -> None:
    """The client does not wait; the target answers the agent."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("1002")
    ringing = lab.b.rings()
    consulting.hears_ringing()
    client.ends()
    there.is_over()
    ringing.pick_up()
    lab.pause()
    consulting.ends()


@transfer
def consulted_twice(lab: Lab) -> None:
    """The first whom he consults declines after talking, the second gets the client."""
    client, there = client_talks(lab)
    there.hold()
    first, other = lab.talk(lab.a, "1002", lab.b)
    other.ends()
    first.is_over()
    second, _ = lab.talk(lab.a, "1003", lab.c)
    there.refer_to(second)
    there.is_over()
    lab.pause()
    client.ends()


@transfer
def blonde_by_dtmf_rejected(lab: Lab) -> None:
    """By *2, and hung up while it rings; the target rejects, and Asterisk rings the transferor again."""
    out, there = lab.talk(lab.a, "500", lab.b)
    there.press("*2")
    lab.pause(1.5)
    there.press("1003")
    last = lab.c.rings()
    lab.pause()
    there.ends()
    lab.pause(0.6)
    last.reject(603)
    again = lab.b.rings()
    lab.pause()
    again.pick_up()
    lab.pause(0.6)
    out.ends()


@transfer
def consultation_by_dtmf_rejected(lab: Lab) -> None:
    """By *2 and the number; the target rejects, and they go on talking."""
    out, there = lab.talk(lab.a, "500", lab.b)
    there.press("*2")
    lab.pause(1.5)
    there.press("1003")
    last = lab.c.rings()
    lab.pause()
    last.reject(603)
    lab.pause(4.0)
    there.ends()
    out.is_over()


@transfer
def blonde_to_a_queue(lab: Lab) -> None:
    """The agent waits in a queue, and leaves the client there in his place; a member answers."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("402").is_up()
    last = lab.c.rings()
    lab.d.rings()
    lab.pause()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    last.pick_up()
    lab.pause(1.2)
    client.ends()


@transfer
def blonde_to_a_queue_and_abandoned(lab: Lab) -> None:
    """The agent waits in a queue, and leaves the client there in his place; he gives up."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("402").is_up()
    lab.c.rings()
    lab.d.rings()
    lab.pause()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    client.ends()


@transfer
def blonde_to_a_queue_where_nobody_is(lab: Lab) -> None:
    """The agent leaves the client in a queue none of whose members has a phone; he gives up."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("403").is_up()
    lab.pause()
    there.refer_to(consulting)
    there.is_over()
    lab.pause(1.2)
    client.ends()
