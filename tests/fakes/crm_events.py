"""What CRMs have been told in a World, and what must hold of it for every call."""

from collections.abc import Collection

from bridge.centre.ids import CallId
from bridge.centre.orders import CallEventKind, TellCrm
from tests.fakes.world import World

K = CallEventKind


def told(world: World, call: CallId) -> list[tuple[str, str | None]]:
    """Kind without its prefix, and whom it is about: ("ringing", "1001")."""
    mine = [order for order in world.of(TellCrm) if order.call == call]
    return [(order.kind.value.partition(".")[2], order.agent) for order in mine]


def assert_in_order(world: World, over: Collection[CallId] = ()) -> None:
    """``over``: calls of which all has been told."""
    by_call: dict[CallId, list[TellCrm]] = {}
    known: dict[tuple[CallId, str], TellCrm] = {}
    for order in world.of(TellCrm):
        first = known.setdefault((order.call, order.event), order)
        if first is order:
            by_call.setdefault(order.call, []).append(order)
        else:  # told once more by a process that goes on for a killed one: it is the same
            assert (first.kind, first.agent, first.leg) == (order.kind, order.agent, order.leg)
    for call, events in by_call.items():
        names = [order.event for order in events]
        assert names[0] == "offered", names
        if "ended" in names:
            after = events[names.index("ended") + 1 :]
            assert all(order.kind is K.RECORDING_READY for order in after), names
            assert call not in world.floor.calls or world.floor.calls[call].told_over
        _phones(events)
    for call in over:
        kinds = [order.kind for order in by_call[call]]
        assert kinds.count(K.OFFERED) == kinds.count(K.ENDED) == 1, kinds
        ends = {order.leg for order in by_call[call] if order.kind in (K.RING_ENDED, K.ANSWERED)}
        assert {order.leg for order in by_call[call] if order.kind is K.RINGING} <= ends


def _phones(events: list[TellCrm]) -> None:
    """Each rings once, and then is answered or stops; ``ringing`` is who rings after each event."""
    rings: dict[str, str] = {}
    done: set[str] = set()
    for order in events:
        match order.kind:
            case K.RINGING:
                assert order.leg not in done
                rings[order.leg or ""] = order.agent or ""
            case K.RING_ENDED:
                assert rings.pop(order.leg or "") == order.agent
                done.add(order.leg or "")
            case K.ANSWERED:
                assert order.leg not in done
                rings.pop(order.leg or "", None)
                done.add(order.leg or "")
            case _:
                pass
        if order.record is not None:
            assert sorted(order.ringing) == sorted(rings.values())
