"""Hold: nobody leaves the call by it."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario
from tests.replay.scenarios.blind import client_talks

hold = scenario("hold")


@hold
def held_and_back(lab: Lab) -> None:
    """The agent holds the client, takes him back, and hangs up."""
    client, there = client_talks(lab)
    there.hold()
    lab.pause()
    there.back()
    lab.pause()
    there.ends()
    client.is_over()


@hold
def hang_up_while_held(lab: Lab) -> None:
    """The agent hangs up on the client whom he holds."""
    client, there = client_talks(lab)
    there.hold()
    lab.pause()
    there.ends()
    client.is_over()


@hold
def client_hangs_up_while_held(lab: Lab) -> None:
    """The client does not wait."""
    client, there = client_talks(lab)
    there.hold()
    lab.pause()
    client.ends()
    there.is_over()


@hold
def both_hold(lab: Lab) -> None:
    """Each holds the other, and both come back."""
    client, there = client_talks(lab)
    there.hold()
    client.hold()
    lab.pause()
    there.back()
    client.back()
    lab.pause()
    client.ends()


@hold
def second_call_answered(lab: Lab) -> None:
    """The agent holds the client, talks with another who calls, and goes back."""
    client, there = client_talks(lab)
    there.hold()
    _, second = lab.talk(lab.b, "1001", lab.a)
    second.ends()
    there.back()
    lab.pause()
    client.ends()
