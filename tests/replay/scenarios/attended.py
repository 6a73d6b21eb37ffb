"""Attended transfers: two calls of one phone, the first held, are made one."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.phones import Call, Phone
from tests.replay.recording.scenario import scenario
from tests.replay.scenarios.blind import client_talks, sent

transfer = scenario("transfer")


def handed_over(lab: Lab, there: Call, number: str, target: Phone) -> Call:
    """Whose call is ``there`` consults ``number``, where ``target`` answers and gets the call."""
    there.hold()
    consulting, last = lab.talk(there.phone, number, target)
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    return last


@transfer
def attended_abacbc(lab: Lab) -> None:
    """a calls b, a calls c, and leaves them together."""
    out, _ = lab.talk(lab.a, "1002", lab.b)
    handed_over(lab, out, "1003", lab.c).ends()


@transfer
def attended_abbcac(lab: Lab) -> None:
    """The client calls a, a calls b, and leaves them together."""
    client, there = client_talks(lab)
    handed_over(lab, there, "1002", lab.b)
    client.ends()


@transfer
def attended_abcbac(lab: Lab) -> None:
    """b calls a, c calls a, and a leaves them together: c in the place where a talked with b."""
    first, there = lab.talk(lab.b, "1001", lab.a)
    there.hold()
    _, second = lab.talk(lab.c, "1001", lab.a)
    second.refer_to(there)
    there.is_over()
    lab.pause()
    first.ends()


@transfer
def attended_by_dtmf(lab: Lab) -> None:
    """By *2 and the number."""
    out, there = lab.talk(lab.a, "500", lab.b)
    there.press("*2")
    lab.pause(1.5)
    there.press("1003")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause(0.6)
    there.ends()
    lab.pause(0.6)
    out.ends()


@transfer
def attended_by_client(lab: Lab) -> None:
    """The client calls 1001, then 1002, and leaves them together."""
    out, first = lab.talk(lab.client, "+74950000004", lab.a)
    out.hold()
    other, _ = lab.talk(lab.client, "+74950000007", lab.b)
    out.refer_to(other)
    out.is_over()
    lab.pause()
    first.ends()


@transfer
def attended_to_outside(lab: Lab) -> None:
    """The agent calls out by the trunk, and leaves the client with whom he called."""
    client, there = client_talks(lab)
    handed_over(lab, there, "+74957654321", lab.outside)
    client.ends()


@transfer
def attended_from_the_second_call(lab: Lab) -> None:
    """The REFER is sent in the consultation, not in the client's call."""
    client, there = client_talks(lab)
    there.hold()
    consulting, _ = lab.talk(lab.a, "1002", lab.b)
    consulting.hold()
    consulting.refer_to(there)
    consulting.is_over()
    lab.pause()
    client.ends()


@transfer
def attended_of_two_clients(lab: Lab) -> None:
    """Two who called the agent from outside are left together."""
    client, there = client_talks(lab)
    there.hold()
    _, second = lab.talk(lab.outside, "+74950000004", lab.a)
    there.refer_to(second)
    there.is_over()
    lab.pause()
    client.ends()


@transfer
def attended_to_a_queue(lab: Lab) -> None:
    """The consultation is with a member of a queue."""
    client, there = client_talks(lab)
    there.hold()
    consulting = lab.a.dial("400")
    lab.d.rings()
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    consulting.is_up()
    lab.pause()
    there.refer_to(consulting)
    there.is_over()
    lab.pause()
    client.ends()


@transfer
def attended_and_back(lab: Lab) -> None:
    """1001 hands the client to 1002, who hands him back."""
    client, there = client_talks(lab)
    second = handed_over(lab, there, "1002", lab.b)
    handed_over(lab, second, "1001", lab.a)
    client.ends()


@transfer
def chain_of_three(lab: Lab) -> None:
    """The client is handed from 1001 to 1002, to 1003, to 1004."""
    client, there = client_talks(lab)
    second = handed_over(lab, there, "1002", lab.b)
    third = handed_over(lab, second, "1003", lab.c)
    handed_over(lab, third, "1004", lab.d)
    client.ends()


@transfer
def chain_blind_attended_blind(lab: Lab) -> None:
    """The same, by turns."""
    client, there = client_talks(lab)
    second = sent(lab, there, "1002", lab.b).pick_up()
    lab.pause()
    third = handed_over(lab, second, "1003", lab.c)
    last = sent(lab, third, "1004", lab.d).pick_up()
    lab.pause()
    last.ends()
    client.is_over()


@transfer
def attended_by_dtmf_of_caller(lab: Lab) -> None:
    """Who called presses *2, and leaves whom he called with a third."""
    out, there = lab.talk(lab.a, "500", lab.b)
    out.press("*2")
    lab.pause(1.5)
    out.press("1003")
    last = lab.c.rings()
    lab.pause()
    last.pick_up()
    lab.pause(0.6)
    out.ends()
    lab.pause(0.6)
    there.ends()
