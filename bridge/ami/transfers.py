"""Reads an attended transfer: who is handed to whom, and whether that one had answered. Pure.

Asterisk before 14 does not name the transferee and the target, and a Local channel that was not optimised
away may stand in the place of either: then they are found in the two calls themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.ami.call_events import Transfer
from bridge.ami.calls import Call
from bridge.ami.legs import Leg


@dataclass(frozen=True, slots=True)
class Handover:
    kind: Transfer
    transferee: Leg
    targets: tuple[Leg, ...]


def loses_its_caller(call: Call | None, consulted: Call | None, original: Leg, second: Leg) -> bool:
    """Whether ``consulted`` is the call that goes on, though the transfer was asked for in the other one.

    A phone may send its REFER in either of its calls. The one in which it was called is somebody's who waits
    in it; that one's call does not end by it.
    """
    if call is None or consulted is None or consulted is call:
        return False
    return call.caller is original and consulted.caller is not second


def recalled(leg: Leg, together: Iterable[Leg], call_of: Mapping[str, Call]) -> Call | None:
    """The call whose caller waits in the bridge that ``leg`` has come to.

    After a transfer by DTMF that failed, Asterisk rings the transferer in what seems a new call [run].
    """
    own = call_of.get(leg.uniqueid)
    if own is None or own.caller is not leg or not own.originated or own.targets or own.told:
        return None
    calls = [(other, call_of.get(other.uniqueid)) for other in together if other is not leg]
    waiting = (call for other, call in calls if call is not None and call.caller is other)
    return next((call for call in waiting if not call.answered), None)


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
            asked = [leg for leg in call.targets.values() if leg not in (original, transferee)]
            target = next((leg for leg in asked if leg.up), None)
            if target is None and asked:
                return Handover(Transfer.BLONDE, transferee, tuple(asked))
    if target is None or target is transferee:
        return None
    return Handover(Transfer.ATTENDED, transferee, (target,))
