"""Calls that a program originates."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

originate = scenario("originate")


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
