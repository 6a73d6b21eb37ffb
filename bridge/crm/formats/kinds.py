"""What events are called on the wire: CallEventKind's values, which others rely on and so never change."""

OFFERED = "call.offered"
RINGING = "call.ringing"
RING_ENDED = "call.ring_ended"
ANSWERED = "call.answered"
TRANSFERRED = "call.transferred"
ENDED = "call.ended"
RECORDING_READY = "recording.ready"

ALL = (OFFERED, RINGING, RING_ENDED, ANSWERED, TRANSFERRED, ENDED, RECORDING_READY)
