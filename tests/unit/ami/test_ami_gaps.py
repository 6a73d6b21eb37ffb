"""Recorded calls with a gap at any moment, of any length: nothing is told twice, nobody stays busy."""

import pytest

from bridge.ami.headers import Headers
from bridge.ami.phones import endpoint_of
from bridge.centre.facts import Fact, FallbackEntered
from bridge.centre.ids import AgentId, CallId
from tests.unit.ami.gaps import TRACES, Fold, listed, recorded
from tests.unit.ami.told import Told

SCENARIOS = [str(path.relative_to(TRACES))[:-4] for path in sorted(TRACES.glob("*/*.ami"))]
# When a gap hides that the caller himself passed his call on, it ends with his channel, and begins again. The
# same where a client's call ended in another's, while his own channel lives on.
_CALLER_TRANSFERS = {
    "transfer/blind_by_caller",
    "transfer/attended_by_client",
    "transfer/attended_of_two_clients",
    "transfer/blind_of_an_outgoing_call",
    "originate/click_to_dial_transferred",
}
# Who talks with whom after a transfer in a gap, the list of channels does not tell.
WITHOUT_TRANSFERS = [
    one
    for one in SCENARIOS
    if not one.startswith(("transfer/", "pickup/"))
    and b"Transfer\r\n" not in (TRACES / f"{one}.ami").read_bytes()
]
GAPS = (1, 5, 13, 21)


def plain(facts: list[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, FallbackEntered)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_reconnect_at_any_moment_tells_nothing_anew(scenario: str) -> None:
    events = recorded(scenario)
    whole = plain(Told()(*events))
    for cut in range(len(events) + 1):
        told = Told()
        facts = told(*events[:cut])
        told.remembered = Fold(facts).remembered()
        facts += told(*listed(events[:cut]), *events[cut:])

        assert plain(facts) == whole, f"cut at {cut}"


def _after_gap(events: list[Headers], cut: int, gap: int, *, restart: bool) -> Fold:
    """The fold right after the list, and the rest of the events taken."""
    told, fold = Told(), Fold()
    for fact in told(*events[:cut]):
        fold.take(fact)
    told = Told(remembered=fold.remembered()) if restart else told
    told.remembered = fold.remembered()
    for fact in told(*listed(events[: cut + gap])):
        fold.take(fact)
    fold.then = dict(fold.talking)
    for fact in told(*events[cut + gap :]):
        fold.take(fact)
    return fold


@pytest.mark.parametrize("restart", [False, True], ids=["reconnect", "restart"])
@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one not in _CALLER_TRANSFERS])
def test_each_call_ends_once_and_everybody_is_free_again(scenario: str, restart: bool) -> None:
    events = recorded(scenario)
    for cut in range(len(events)):
        for gap in (0, *GAPS):
            fold = _after_gap(events, cut, gap, restart=restart)
            here = f"cut at {cut}, {gap} events missed"

            assert fold.ends.keys() == fold.told, here
            assert (fold.taken, fold.talking, fold.ringing) == (set(), {}, set()), here
            assert all(times == 1 for times in fold.presented.values()), here


def _bridged(events: list[Headers]) -> set[str]:
    """Clients by their calls, and agents by their ids, who are in a bridge now."""
    bridged = [one for one in listed(events) if one.get("bridgeid")]
    clients = {one["uniqueid"] for one in bridged if "chanvariable" in one}
    return clients | {endpoint_of(one["channel"]).removeprefix("PJSIP/") for one in bridged}


@pytest.mark.parametrize("restart", [False, True], ids=["reconnect", "restart"])
@pytest.mark.parametrize("scenario", WITHOUT_TRANSFERS)
def test_who_talks_with_a_client_is_known_after_the_list(scenario: str, restart: bool) -> None:
    events = recorded(scenario)
    talks: list[dict[CallId, AgentId]] = [{}]  # after so many events
    told, fold = Told(), Fold()
    for count, headers in enumerate(events, 1):
        for fact in told(headers):
            fold.take(fact)
        bridged = _bridged(events[:count])
        talks.append({call: agent for call, agent in fold.talking.items() if {call, agent} <= bridged})
    for now, talk in enumerate(talks):
        for gap in (gap for gap in GAPS if talk and gap <= now):
            then = _after_gap(events, now - gap, gap, restart=restart).then
            assert {call: then.get(call) for call in talk} == talk, f"{gap} events missed before {now}"
