"""One phone calls another, or a line beyond the trunk."""

from tests.replay.recording.lab import Lab
from tests.replay.recording.scenario import scenario

direct = scenario("direct")
OUTSIDE = "+74957654321"


@direct
def answered(lab: Lab) -> None:
    """The client calls an agent, who answers and hangs up."""
    _, there = lab.talk(lab.client, "+74950000004", lab.a)
    there.ends()


@direct
def answered_caller_hangs_up(lab: Lab) -> None:
    """An agent calls another, and hangs up."""
    out, _ = lab.talk(lab.a, "1002", lab.b)
    out.ends()


@direct
def no_answer(lab: Lab) -> None:
    """The phone rings until the dialplan's time is over."""
    out = lab.a.dial("2002")
    lab.b.rings()
    out.is_over()


@direct
def busy(lab: Lab) -> None:
    """486 at once."""
    lab.b.becomes(busy=True)
    lab.a.dial("1002").is_over()


@direct
def busy_after_ringing(lab: Lab) -> None:
    """180, then 486."""
    out = lab.a.dial("1002")
    there = lab.b.rings()
    lab.pause()
    there.reject(486)
    out.is_over()


@direct
def rejected(lab: Lab) -> None:
    """180, then 603."""
    out = lab.a.dial("1002")
    there = lab.b.rings()
    lab.pause()
    there.reject(603)
    out.is_over()


@direct
def cancelled(lab: Lab) -> None:
    """The caller gives up while the phone rings."""
    out = lab.a.dial("1002")
    lab.b.rings()
    out.hears_ringing()
    lab.pause()
    out.ends()


@direct
def unreachable(lab: Lab) -> None:
    """The agent has no phone."""
    lab.a.dial("1009").is_over()


@direct
def echo(lab: Lab) -> None:
    """Nobody is dialled: the dialplan answers by itself."""
    out = lab.a.dial("*43").is_up()
    lab.pause()
    out.ends()


@direct
def local_not_optimised(lab: Lab) -> None:
    """The phone is dialled through a Local channel that stays."""
    out, _ = lab.talk(lab.a, "302", lab.b)
    out.ends()


@direct
def outgoing_answered(lab: Lab) -> None:
    """A desk phone calls by the trunk, is answered, and hangs up."""
    out, _ = lab.talk(lab.a, OUTSIDE, lab.outside)
    out.ends()


@direct
def outgoing_they_hang_up(lab: Lab) -> None:
    """A desk phone calls by the trunk, and the other side hangs up."""
    _, there = lab.talk(lab.a, OUTSIDE, lab.outside)
    there.ends()


@direct
def outgoing_busy(lab: Lab) -> None:
    """A desk phone calls by the trunk, which says 486 without ringing."""
    lab.outside.becomes(busy=True)
    lab.a.dial(OUTSIDE).is_over()


@direct
def outgoing_cancelled(lab: Lab) -> None:
    """A desk phone calls by the trunk, and gives up while it rings."""
    out = lab.a.dial(OUTSIDE)
    lab.outside.rings()
    out.hears_ringing()
    lab.pause()
    out.ends()


@direct
def fell_through_no_answer(lab: Lab) -> None:
    """The dialplan ends after Dial: the caller is hung up before the phone that did not answer."""
    out = lab.a.dial("3002")
    lab.b.rings()
    out.is_over()


@direct
def fell_through_rejected(lab: Lab) -> None:
    """The dialplan ends after Dial: Asterisk tells the caller of congestion."""
    out = lab.a.dial("3002")
    there = lab.b.rings()
    lab.pause()
    there.reject(603)
    out.is_over()


@direct
def fell_through_busy(lab: Lab) -> None:
    """The dialplan ends after Dial: Asterisk tells the caller that it is busy."""
    lab.b.becomes(busy=True)
    lab.a.dial("3002").is_over()


@direct
def fell_through_unreachable(lab: Lab) -> None:
    """The dialplan ends after Dial, which could dial nobody."""
    lab.a.dial("3009").is_over()
