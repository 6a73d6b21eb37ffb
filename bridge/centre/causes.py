"""Why a leg ended, as the telephone network says it (Q.850). What follows from a cause is not here."""

from enum import IntEnum


class Cause(IntEnum):
    """Q.850 causes that decide something here (Asterisk ``AST_CAUSE_*``); others stay plain numbers."""

    NOT_DEFINED = 0
    UNALLOCATED = 1
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    ANSWERED_ELSEWHERE = 26
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    CONGESTION = 42
    RECOVERY_ON_TIMER_EXPIRE = 102
    INTERWORKING = 127
