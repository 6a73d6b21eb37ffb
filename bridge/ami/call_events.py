"""What happened to a call, in words that need no knowledge of Asterisk: the follower's output as JSON."""

from dataclasses import dataclass
from enum import Enum
from typing import Any


class CallEventType(Enum):
    RINGING = "ringing"
    RING_ENDED = "ring_ended"
    ANSWERED = "answered"
    CONSULTED = "consulted"  # by DTMF: on the line on which he has the client; else it is a call of its own
    HELD = "held"
    RESUMED = "resumed"
    PASSED_ON = "passed_on"  # blind: who did it is out, and nobody rings yet
    NOT_TAKEN = "not_taken"  # and nobody ever did
    TRANSFERRED = "transferred"
    ENDED = "ended"


class Transfer(Enum):
    BLIND = "blind"  # to a number, unseen
    ATTENDED = "attended"  # after the target had answered
    BLONDE = "blonde"  # begun as an attended one, completed while the target still rang


class Reason(Enum):
    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    REJECTED = "rejected"
    CANCELLED = "cancelled"  # the caller gave up while a phone rang
    ANSWERED_ELSEWHERE = "answered-elsewhere"
    ABANDONED = "abandoned"  # the caller gave up while he waited in a queue
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Party:
    """Someone in a call. ``number`` is None when it is not known; ``channel`` is Asterisk's channel name."""

    number: str | None
    name: str
    channel: str
    uniqueid: str = ""
    dialled: str = ""  # what this channel dialled when it came
    by_app: bool = False  # dialled by a program over ARI, not by the dialplan

    def to_dict(self) -> dict[str, str | None]:
        return {"number": self.number, "name": self.name, "channel": self.channel}


@dataclass(frozen=True, slots=True)
class CallEvent:
    """``targets`` are those who begin to ring, cease to ring, answer, or are transferred to.

    ``by`` is who holds, transfers, hangs up first in a talk, or asks somebody from a talk; ``dialled`` what
    he dialled for a transfer.
    """

    type: CallEventType
    call_id: str
    caller: Party
    targets: tuple[Party, ...] = ()
    transfer: Transfer | None = None
    reason: Reason | None = None
    by: Party | None = None
    dialled: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As ``callbridge replay`` prints it."""
        known = {"by": self.by.to_dict() if self.by else None, "dialled": self.dialled}
        return {
            "type": self.type.value,
            "call_id": self.call_id,
            "caller": self.caller.to_dict(),
            "targets": [target.to_dict() for target in self.targets],
            "transfer": self.transfer.value if self.transfer else None,
            "reason": self.reason.value if self.reason else None,
            **{name: value for name, value in known.items() if value},
        }
