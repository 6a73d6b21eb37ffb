"""Starts MixMonitor on a client's leg; what happens to the recording is told by events, not here.

Both sides are written to files of their own, in step with each other: ``r`` what the client says, ``t`` what
he hears. Without a file name no mix is written. A relative name is taken below ``monitor`` in Asterisk's
spool, so ``../recording`` is, wherever the spool is, where ARI lists and serves stored recordings; Asterisk
makes the directory if need be [run on 22.10.1].
"""

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from bridge.ami.headers import Headers
from bridge.centre.ids import LegId, RecordingId
from bridge.centre.orders import StartRecording
from bridge.errors import BadInput, RequestTimeout

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Expected(Protocol):
    """Which recording MixMonitor's events on a leg are about."""

    def expect_recording(self, leg: LegId, recording: RecordingId) -> None: ...

    def recording_on(self, leg: LegId) -> RecordingId | None: ...

    def forget_recording(self, leg: LegId, recording: RecordingId) -> None: ...


async def start_recording(
    order: StartRecording, ask: Callable[..., Awaitable[Headers]], expected: Expected
) -> bool:
    """False when it runs already: the order may be sent twice, also by a process that has been restarted."""
    leg, recording = order.leg, order.recording
    for name in (leg, recording):
        if not _SAFE.fullmatch(name):
            raise BadInput(
                f"StartRecording: {name!r} cannot be part of a file name; use letters, digits, . _ -"
            )
    if expected.recording_on(leg) == recording:
        return False
    # MixMonitor itself leaves its id in this variable of the channel. A second one on the same files would
    # empty them.
    variable = f"CALLBRIDGE_RECORDING_{recording.rpartition('-')[2]}"
    known = await ask("Getvar", Channel=leg, Variable=variable)
    expected.expect_recording(leg, recording)
    if known.get("value"):
        return False
    place = f"../recording/{recording}"
    try:
        await ask("MixMonitor", Channel=leg, Options=f"r({place}-in.wav)t({place}-out.wav)i({variable})")
    except RequestTimeout:
        raise  # it may have begun all the same: its event is still expected
    except Exception:
        expected.forget_recording(leg, recording)
        raise
    return True
