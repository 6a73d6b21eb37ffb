"""A CRM says where a caller is to go. It is obeyed while nobody talks with him, as far as the plan leads."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, MenuName
from bridge.centre.plan import Menu, Outside, Plan, Target, TargetKind, ToHangUp, ToMenu, ToQueue
from bridge.centre.steer_steps import NOT_STEERED, STEERED
from bridge.centre.wish_facts import Refusal
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, GROUP, seconds
from tests.fakes.world import World, world_of

A, B = AGENTS[0], AGENTS[1]
TOLD = ("callbridge/recorded",)
TO_GROUP = Target(TargetKind.QUEUE, GROUP)
TO_B = Target(TargetKind.AGENT, B)
TO_NUMBER = Target(TargetKind.NUMBER, "+74951112233")


def the_plan(**fields) -> Plan:
    """Dial 1 for the common queue of A, 2 for a menu that leads there. B serves the group."""
    plan = plans.one_queue(1, **fields)
    there = plans.one_queue(2).queues[COMMON]
    menu = Menu(MenuName("menu"), ("callbridge/menu",), {"1": ToQueue(COMMON)}, ToHangUp())
    return replace(
        plan,
        numbers={**plan.numbers, "2": ToMenu(menu.name)},
        menus={menu.name: menu},
        queues={**plan.queues, GROUP: replace(there, name=GROUP, members=there.members[1:])},
        agents=plans.one_queue(2).agents,
        outside=Outside("lab", ("+7495",)),
    )


def steer(world: World, call: CallId, to: Target | None = None, refusal: Refusal | None = None) -> None:
    world.tell(f.CallSteered(call, "crm", to, refusal))
    world.pump()


def noted(world: World, action: str = STEERED) -> list[str]:
    return [order.detail for order in world.of(o.NoteAudit) if order.action == action]


# ── refused ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("refusal", "cause"), [(Refusal.BUSY, Cause.USER_BUSY), (Refusal.REJECTED, Cause.CALL_REJECTED)]
)
@pytest.mark.parametrize("dialled", ["1", "2"])
def test_refused(dialled: str, refusal: Refusal, cause: Cause) -> None:
    world = world_of(the_plan())
    call = world.call_in(dialled, "+15550100")
    world.pump()
    steer(world, call, refusal=refusal)
    assert [order.cause for order in world.of(o.HangUp)] == [cause]
    assert world.saved[call].outcome is o.Outcome.REFUSED
    assert world.floor.calls == {}
    assert noted(world) == [refusal.value]


def test_refused_while_a_phone_rings_for_him() -> None:
    world = world_of(the_plan(), A)
    call = world.call_in("1", "+15550100")
    world.pump()
    assert world.rung == [A]
    steer(world, call, refusal=Refusal.REJECTED)
    assert [order.reason for order in world.of(o.CancelRing)] == [o.CancelReason.CALLER_GONE]
    assert world.saved[call].outcome is o.Outcome.REFUSED
    assert world.floor.agents[A].free
    assert world.living == {}


def test_refused_while_he_is_told_that_he_is_recorded() -> None:
    world = world_of(the_plan(record=True, consent=TOLD))
    call = world.call_in("1", "+15550100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    assert world.floor.calls[call].state is CallState.CONSENT
    steer(world, call, refusal=Refusal.BUSY)
    assert world.saved[call].outcome is o.Outcome.REFUSED
    assert world.living == {}


# ── to somebody else ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialled", ["1", "2"])
def test_to_another_queue(dialled: str) -> None:
    world = world_of(the_plan(), B)
    call = world.call_in(dialled, "+15550100")
    world.pump()
    steer(world, call, TO_GROUP)
    assert world.rung_for(B) == call
    assert noted(world) == [f"queue {GROUP}"]
    world.talk(B)
    world.hang_up(call)
    assert world.saved[call].queue == GROUP
    assert world.saved[call].outcome is o.Outcome.ANSWERED


def test_to_another_queue_while_a_phone_rings_for_him() -> None:
    world = world_of(the_plan(), A, B)
    call = world.call_in("1", "+15550100")
    world.pump()
    steer(world, call, TO_GROUP)
    assert world.rung_for(B) == call
    assert world.floor.agents[A].free


def test_to_an_agent_who_does_not_serve_that_queue_and_back_to_it_when_he_does_not_answer() -> None:
    world = world_of(the_plan())
    call = world.call_in("1", "+15550100")
    world.pump()
    steer(world, call, TO_B)
    assert world.floor.calls[call].queue == COMMON
    world.arrive(A)
    world.pass_time(21)
    world.pump()
    assert world.rung_for(A) == call


def test_to_an_agent_from_a_menu_is_by_a_queue_that_he_serves() -> None:
    world = world_of(the_plan(), B)
    call = world.call_in("2", "+15550100")
    world.pump()
    steer(world, call, TO_B)
    assert world.rung_for(B) == call
    assert world.floor.calls[call].queue == GROUP


def test_to_a_number_and_back_to_his_queue_when_nobody_answers_there() -> None:
    world = world_of(the_plan())
    call = world.call_in("1", "+15550100")
    world.pump()
    steer(world, call, TO_NUMBER)
    outside = next(leg for leg, one in world.legs.items() if one.number)
    world.end_leg(outside, Cause.NO_ANSWER)
    world.pump()
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.floor.calls[call].queue == COMMON


def test_what_he_is_told_first_he_hears_to_its_end() -> None:
    world = world_of(the_plan(record=True, consent=TOLD), B)
    call = world.call_in("1", "+15550100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.tell(f.CallSteered(call, "crm", TO_GROUP))
    assert world.floor.calls[call].state is CallState.CONSENT
    assert world.rung == []
    world.pump()
    assert world.rung_for(B) == call


# ── not obeyed ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "to",
    [
        Target(TargetKind.QUEUE, "nowhere"),
        Target(TargetKind.AGENT, "9999"),
        Target(TargetKind.NUMBER, "+3901234567"),  # no agent may call it either
        Target(TargetKind.NUMBER, "1"),  # the company's own
        Target(TargetKind.SUPERVISOR),
    ],
    ids=str,
)
def test_what_is_not_planned_changes_nothing(to: Target) -> None:
    world = world_of(the_plan(), A)
    call = world.call_in("1", "+15550100")
    world.pump()
    steer(world, call, to)
    assert world.rung_for(A) == call
    assert noted(world) == []
    assert noted(world, NOT_STEERED) == [str(to)], "who wished it finds out"


@pytest.mark.parametrize("steered", [{"to": TO_GROUP}, {"refusal": Refusal.REJECTED}], ids=["to", "refused"])
def test_of_a_call_that_is_answered_it_changes_nothing(steered: dict) -> None:
    world = world_of(the_plan(), A, B)
    call = world.caller()
    world.talk(A)
    steer(world, call, **steered)
    assert world.floor.calls[call].state is CallState.TALKING
    assert noted(world) == []
    assert len(noted(world, NOT_STEERED)) == 1
    world.pass_time(5)
    assert world.floor.calls[call].agent == A


def test_who_has_been_passed_on_is_no_new_caller() -> None:
    world = world_of(the_plan(), A)
    call = world.caller()
    world.talk(A)
    world.tell(f.TransferWished(A, TO_GROUP, attended=False))
    world.pump()
    assert world.floor.calls[call].state is CallState.WAITING
    steer(world, call, refusal=Refusal.REJECTED)
    assert world.floor.calls[call].state is CallState.WAITING


def test_of_a_call_that_nobody_knows_it_changes_nothing() -> None:
    world = world_of(the_plan(), A)
    world.tell(f.CallSteered(CallId("gone"), "crm", TO_GROUP))
    assert world.floor.strays == 1


def test_no_reply_sends_him_round_for_ever() -> None:
    """Each is a wish of its own, and each is obeyed; the queue's longest wait runs from his first entry."""
    world = world_of(the_plan(max_wait=seconds(30), on_timeout=ToHangUp(("sorry",))))
    call = world.call_in("1", "+15550100")
    world.pump()
    for _ in range(30):
        steer(world, call, Target(TargetKind.QUEUE, COMMON))
    world.pass_time(31)
    assert world.floor.calls == {}
