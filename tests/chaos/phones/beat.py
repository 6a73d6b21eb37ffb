"""The beat that all voices keep: every BEAT_S of the clock they stop for GAP_S, in seconds."""

BEAT_S, GAP_S = 5.0, 0.1
