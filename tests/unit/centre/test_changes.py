"""What is told of our own calls: who holds the client, how he is passed on, and what became of that."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.causes import Cause
from bridge.centre.change_facts import (
    ClientHeld,
    ClientPassedOn,
    ClientResumed,
    ConsultAnswered,
    ConsultBegun,
    ConsultEnded,
    TransferEnded,
)
from bridge.centre.ids import AgentId, CallId, LegId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import TransferKind
from tests.fakes import desk_phone
from tests.fakes.world import ANNA, BORIS, SALES, VERA, World
from tests.unit.centre.talk_scene import (
    TO_BORIS,
    TO_NUMBER,
    TO_SALES,
    TO_SUPERVISOR,
    ends_well,
    passes_on,
    talking,
    wishes,
)

W = f.Wish
CALL = CallId("call.1")
HELD, RESUMED = ClientHeld(CALL, ANNA), ClientResumed(CALL, ANNA)
BEGUN = ConsultBegun(CALL, ANNA, BORIS, f"agent {BORIS}", BORIS)
ANSWERED = ConsultAnswered(CALL, ANNA, BORIS)
OF_QUEUE = {"dialled": "701", "target": f"queue {SALES}"}


def told(world: World) -> list[f.ChangeFact]:
    """In the log, with the rest."""
    return [fact for _, fact in world.log if isinstance(fact, f.ChangeFact)]


def passed_on(kind: TransferKind, dialled: str = BORIS, target: str = f"agent {BORIS}") -> ClientPassedOn:
    return ClientPassedOn(CALL, ANNA, kind, dialled, target)


def over(
    kind: TransferKind, reason: str = "completed", agent: str | None = BORIS, target: str = f"agent {BORIS}"
) -> TransferEnded:
    return TransferEnded(CALL, ANNA, kind, target, reason, AgentId(agent) if agent else None)


# ── hold ─────────────────────────────────────────────────────────────────────


def test_hold_by_page_and_by_the_phone_are_told_alike_and_once() -> None:
    world, call = talking()
    assert call == CALL
    for _ in range(2):
        wishes(world, W.HOLD)
    for _ in range(2):
        wishes(world, W.RESUME)
    assert told(world) == [HELD, RESUMED]
    desk_phone.hold(world, ANNA)
    desk_phone.hold(world, ANNA, holds=False)
    world.pump()
    assert told(world) == [HELD, RESUMED] * 2
    ends_well(world, call)
    assert told(world) == [HELD, RESUMED] * 2, "whose client hangs up has not resumed him"


def test_a_wish_that_does_not_fit_tells_nothing() -> None:
    world, call = talking(BORIS)
    for wish in W:
        if wish is not W.HOLD:
            wishes(world, wish)
    wishes(world, W.HOLD, by=BORIS)
    passes_on(world, Target(TargetKind.NUMBER, "+1900"))
    passes_on(world, TO_BORIS, by=BORIS)
    passes_on(world, Target(TargetKind.AGENT, ANNA), attended=True)
    assert told(world) == []
    ends_well(world, call)


# ── blind ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "passes",
    [
        lambda world: passes_on(world, TO_BORIS),
        lambda world: desk_phone.refer(world, ANNA, BORIS),
        lambda world: world.dial_code(world.floor.plan.agents[ANNA].endpoint, f.Feature.TRANSFER, BORIS),
    ],
    ids=["page", "refer", "code"],
)
def test_blind(passes: Callable[[World], object]) -> None:
    world, call = talking(BORIS)
    passes(world)
    world.pump()
    assert told(world) == [passed_on(TransferKind.BLIND)]
    world.talk(BORIS)
    assert told(world)[1:] == [over(TransferKind.BLIND)]
    ends_well(world, call)
    assert len(told(world)) == 2


@pytest.mark.parametrize(("cause", "reason"), [(Cause.USER_BUSY, "busy"), (Cause.NO_ANSWER, "no_answer")])
def test_blind_that_nobody_takes_has_ended_when_somebody_has_him_again(cause: int, reason: str) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    world.refuse(BORIS, cause)
    world.talk(ANNA)
    assert told(world) == [passed_on(TransferKind.BLIND), over(TransferKind.BLIND, reason, None)]
    ends_well(world, call)


def test_blind_to_a_queue_has_ended_when_he_waits_there() -> None:
    world, call = talking()
    passes_on(world, TO_SALES)
    of_queue = passed_on(TransferKind.BLIND, **OF_QUEUE)
    assert told(world) == [of_queue, over(TransferKind.BLIND, agent=None, target=of_queue.target)]
    ends_well(world, call)


def test_blind_whose_client_hangs_up() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS)
    ends_well(world, call)
    assert told(world) == [passed_on(TransferKind.BLIND), over(TransferKind.BLIND, "client_gone", None)]


# ── attended ─────────────────────────────────────────────────────────────────


def test_attended_with_a_swap() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    assert told(world) == [HELD, BEGUN]
    world.talk(BORIS)
    wishes(world, W.SWAP)
    wishes(world, W.SWAP)
    assert told(world)[2:] == [ANSWERED, RESUMED, HELD]
    wishes(world, W.COMPLETE)
    assert told(world)[5:] == [passed_on(TransferKind.ATTENDED), over(TransferKind.ATTENDED)]
    ends_well(world, call)


def test_attended_by_the_phones_own_lines_is_told_as_by_page() -> None:
    world, call = talking(BORIS)
    desk_phone.hold(world, ANNA)
    desk_phone.dial(world, ANNA, BORIS)
    world.pump()
    world.talk(BORIS)
    desk_phone.refer_replaces(world, ANNA)
    world.pump()
    assert told(world) == [
        HELD,
        BEGUN,
        ANSWERED,
        passed_on(TransferKind.ATTENDED),
        over(TransferKind.ATTENDED),
    ]
    ends_well(world, call)


def test_consultations_that_end_without_a_transfer_say_why() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.refuse(BORIS, Cause.USER_BUSY)
    assert told(world) == [HELD, BEGUN, ConsultEnded(CALL, ANNA, "busy"), RESUMED]
    world.pass_time(60)
    passes_on(world, TO_BORIS, attended=True)
    wishes(world, W.GIVE_UP)
    assert told(world)[4:] == [HELD, BEGUN, ConsultEnded(CALL, ANNA, "given_up"), RESUMED]
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    world.hang_up(BORIS)
    assert told(world)[8:] == [HELD, BEGUN, ANSWERED, ConsultEnded(CALL, ANNA, "hung_up"), RESUMED]
    ends_well(world, call)


def test_to_whom_nobody_can_be_rung_it_has_begun_and_ended() -> None:
    world, call = talking()
    passes_on(world, TO_BORIS, attended=True)
    assert told(world) == [HELD, BEGUN, ConsultEnded(CALL, ANNA, "busy"), RESUMED]
    ends_well(world, call)


def test_conference_is_the_end_of_the_consultation_and_all_hear_the_client() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, W.CONFERENCE)
    assert told(world) == [HELD, BEGUN, ANSWERED, ConsultEnded(CALL, ANNA, "conference"), RESUMED]
    world.hang_up(ANNA)
    assert len(told(world)) == 5
    wishes(world, W.HOLD, by=BORIS)
    assert told(world)[5:] == [ClientHeld(CALL, BORIS)]
    ends_well(world, call)


def test_blonde() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    wishes(world, W.COMPLETE)
    assert told(world) == [HELD, BEGUN, passed_on(TransferKind.BLONDE)]
    world.talk(BORIS)
    assert told(world)[3:] == [over(TransferKind.BLONDE)]
    ends_well(world, call)


@pytest.mark.parametrize(
    ("target", "dialled", "agent"),
    [(TO_NUMBER, "+74951112233", None), (TO_SUPERVISOR, "700", None), (TO_SALES, "701", None)],
)
def test_whom_he_asks_is_told_as_a_phone_would_dial_it(
    target: Target, dialled: str, agent: str | None
) -> None:
    world, call = talking(VERA)
    passes_on(world, target, attended=True)
    (begun,) = (one for one in told(world) if isinstance(one, ConsultBegun))
    assert (begun.dialled, begun.target, begun.agent) == (dialled, str(target), agent)
    wishes(world, W.GIVE_UP)
    ends_well(world, call)


# ── whoever else ─────────────────────────────────────────────────────────────


def test_take_over_of_a_client_on_hold() -> None:
    world, call = talking(VERA)
    wishes(world, W.HOLD)
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.LISTEN, "vera"))
    world.pump()
    world.talk(VERA)
    assert told(world) == [HELD], "who listens is not told"
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.TAKE_OVER, "vera"))
    world.pump()
    kind, target = TransferKind.TAKE_OVER, f"agent {VERA}"
    assert told(world)[1:] == [
        ClientPassedOn(CALL, VERA, kind, VERA, target),
        TransferEnded(CALL, VERA, kind, target, "completed", VERA),
    ]
    ends_well(world, call)


def test_barge_does_not_resume_a_client_on_hold() -> None:
    world, call = talking(VERA)
    wishes(world, W.HOLD)
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.BARGE, "vera"))
    world.pump()
    world.talk(VERA)
    assert told(world) == [HELD]
    ends_well(world, call)


def test_the_target_is_not_planned_any_more() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_NUMBER, attended=True)
    plan = replace(world.floor.planned, outside=None)
    world.tell(f.PlanLoaded(plan))
    world.pump()
    assert told(world)[2:] == [ConsultEnded(CALL, ANNA, "failed"), RESUMED]
    ends_well(world, call)


def test_client_who_is_given_back_to_the_dialplan_is_not_consulted_about_any_more() -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.tell(f.OrderFailed(call, "Hold", f.FailureReason.REFUSED, "", LegId(call)))
    world.pump()
    assert told(world) == [HELD, BEGUN, ConsultEnded(CALL, ANNA, "failed")]


def test_it_is_ordered_behind_what_it_tells_of() -> None:
    world, _ = talking()
    before = len(world.orders)
    wishes(world, W.HOLD)
    kinds = [type(order) for order in world.orders[before:]]
    assert kinds.index(o.Tell) > kinds.index(o.Hold)
