"""Reads an attended transfer: who is handed to whom, and whether that one had answered. Pure.

Asterisk before 14 does not name the transferee and the target, and a Local channel that was not optimised
away may stand in the place of either: then they are found in the two calls themselves.
"""

from dataclasses import dataclass

from bridge.ami.call_events import Transfer
from bridge.ami.calls import Call
from bridge.ami.legs import Leg


@dataclass(frozen=True, slots=True)
class Handover:
    kind: Transfer
    transferee: Leg
    targets: tuple[Leg, ...]


def attended(
    dest_type: str,
    call: Call,
    consulted: Call | None,
    original: Leg,
    second: Leg,
    transferee: Leg | None,
    target: Leg | None,
) -> Handover | None:
    """None when the event does not end in a transfer (three-way, failure), or tells too little."""
    if dest_type in ("Threeway", "Fail"):
        return None
    if transferee is None or not transferee.real:
        transferee = call.other_party(original)
    if transferee is None or transferee in (original, second):
        return None
    if dest_type == "App":
        ringing = tuple(consulted.targets.values()) if consulted is not None else ()
        return Handover(
            Transfer.BLONDE, transferee, tuple(leg for leg in ringing if leg not in (original, second))
        )
    if (target is None or not target.real) and consulted is not None:
        target = consulted.other_party(second)
        if consulted is call:
            # Asked for by DTMF: the consultation was made on the same channel, so it was no call of its own.
            spoken_to = (leg for leg in call.targets.values() if leg.up)
            target = next((leg for leg in spoken_to if leg not in (original, transferee)), None)
    if target is None or target is transferee:
        return None
    return Handover(Transfer.ATTENDED, transferee, (target,))
