"""One side of a call in a World: what Asterisk has of it."""

from dataclasses import dataclass

from bridge.centre.ids import AgentId, CallId


@dataclass
class Leg:
    call: CallId
    agent: AgentId | None
    state: str  # "made" | "ringing" | "up" | "gone" | "fallback": in the dialplan, beyond ARI
    number: str = ""  # outside, that it rings
