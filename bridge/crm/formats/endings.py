"""How a call ended, in one word from which every format takes its own: by outcome, and by the Q.850 cause.

For an incoming call the outcome says it: the client's channel ends with "normal clearing" whatever happened.
For an outgoing one that nobody answered the cause does.
"""

from enum import Enum

from bridge.centre.causes import Cause
from bridge.centre.record import Outcome
from bridge.crm.told import Told


class Ending(Enum):
    TALKED = "talked"
    FORWARDED = "forwarded"  # talked with an outside number
    VOICEMAIL = "voicemail"
    CANCELLED = "cancelled"  # the caller gave up
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    ELSEWHERE = "elsewhere"  # answered by somebody else
    NOT_FOUND = "not_found"  # no such number, or nobody is registered under it
    CONGESTED = "congested"  # the network, or nobody was there to take it
    FAILED = "failed"


# Q.850 (ITU-T, 05/98) 2.2.5. Without an entry: FAILED.
_BY_CAUSE = {
    Cause.UNALLOCATED: Ending.NOT_FOUND,
    2: Ending.NOT_FOUND,  # no route to the transit network
    3: Ending.NOT_FOUND,  # no route to the destination
    Cause.NORMAL_CLEARING: Ending.CANCELLED,
    Cause.USER_BUSY: Ending.BUSY,
    Cause.NO_USER_RESPONSE: Ending.NO_ANSWER,
    Cause.NO_ANSWER: Ending.NO_ANSWER,
    Cause.SUBSCRIBER_ABSENT: Ending.NOT_FOUND,
    Cause.CALL_REJECTED: Ending.REJECTED,
    22: Ending.NOT_FOUND,  # number changed
    Cause.ANSWERED_ELSEWHERE: Ending.ELSEWHERE,  # Asterisk's own use of "non-selected user clearing"
    27: Ending.NOT_FOUND,  # destination out of order
    28: Ending.NOT_FOUND,  # invalid number format
    31: Ending.CANCELLED,  # normal, unspecified
    34: Ending.CONGESTED,  # no circuit
    Cause.NETWORK_OUT_OF_ORDER: Ending.CONGESTED,
    Cause.TEMPORARY_FAILURE: Ending.CONGESTED,
    Cause.CONGESTION: Ending.CONGESTED,
    44: Ending.CONGESTED,  # circuit not available
    47: Ending.CONGESTED,  # resource unavailable
    55: Ending.REJECTED,  # incoming calls barred
    57: Ending.REJECTED,  # bearer capability not authorised
    58: Ending.CONGESTED,  # bearer capability not available now
    Cause.RECOVERY_ON_TIMER_EXPIRE: Ending.CONGESTED,
}
_BY_OUTCOME = {
    Outcome.ANSWERED: Ending.TALKED,
    Outcome.FORWARDED: Ending.FORWARDED,
    Outcome.VOICEMAIL: Ending.VOICEMAIL,
    Outcome.ABANDONED: Ending.CANCELLED,
    Outcome.IVR: Ending.CANCELLED,
    Outcome.TIMED_OUT: Ending.NO_ANSWER,
    Outcome.FALLBACK: Ending.NO_ANSWER,  # nobody says who took it there: somebody has to look
    Outcome.TURNED_AWAY: Ending.CONGESTED,
    Outcome.REFUSED: Ending.REJECTED,
    Outcome.FAILED: Ending.FAILED,
}
_REFUSALS = (Ending.BUSY, Ending.REJECTED)


def by_cause(cause: int | None) -> Ending:
    return Ending.FAILED if cause is None else _BY_CAUSE.get(cause, Ending.FAILED)


def ending(told: Told) -> Ending:
    """Of any event; before the end it is what would be told if it ended so."""
    try:
        outcome = Outcome(told.outcome) if told.outcome else None
    except ValueError:  # of a later version
        outcome = None
    if outcome in (Outcome.ANSWERED, Outcome.FORWARDED, Outcome.VOICEMAIL):
        return _BY_OUTCOME[outcome]
    if told.answered_at is not None:
        return Ending.TALKED
    seen = by_cause(told.cause)
    if told.direction == "out" and told.cause is not None:
        return seen
    if outcome is None:
        return seen
    if outcome is Outcome.REFUSED and seen in _REFUSALS:
        return seen
    if outcome is Outcome.FAILED:
        return seen
    return _BY_OUTCOME[outcome]
