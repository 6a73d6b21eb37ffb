"""AMI: who is calling, whose phone rings, what is recorded; and the replay of recorded traces."""

from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason, Transfer
from bridge.ami.ended import EndedRow
from bridge.ami.link import AmiLink
from bridge.ami.native_queues import NativeMember
from bridge.ami.remembered import Remembered
from bridge.ami.replay import replay

__all__ = [
    "AmiLink",
    "CallEvent",
    "CallEventType",
    "EndedRow",
    "NativeMember",
    "Party",
    "Reason",
    "Remembered",
    "Transfer",
    "replay",
]
