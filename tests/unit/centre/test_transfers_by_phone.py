"""A desk phone passes the client on by itself: REFER, REFER with Replaces, and its other line."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState, Stage
from bridge.centre.ids import CallId
from bridge.centre.plan import ToHangUp, ToQueue
from bridge.centre.record import Doing, TransferEnd, TransferKind
from tests.fakes import desk_phone
from tests.fakes.world import ANNA, BORIS, SALES, VERA, World
from tests.unit.centre.talk_scene import ends_well, hears, last, state_of, talking, the_plan


def consulting(*also: str) -> tuple[World, CallId]:
    """Anna has held her client and talks with Boris on her other line."""
    world, call = talking(BORIS, *[VERA for one in also if one == VERA])
    desk_phone.hold(world, ANNA)
    desk_phone.dial(world, ANNA, BORIS)
    world.pump()
    world.talk(BORIS)
    return world, call


def with_whom(world: World, call: CallId) -> set[str]:
    """Whom Boris hears: Anna's other line has no agent in Asterisk's eyes."""
    line = desk_phone.line_of(world, ANNA)
    assert line is not None
    return {str(other) for other in world.with_whom(line)}


# ── blind ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialled", [BORIS, "701"])
def test_refer(dialled: str) -> None:
    world, call = talking(BORIS)
    desk_phone.refer(world, ANNA, dialled)
    world.pump()
    assert hears(world, "client") == {"music"} or world.floor.calls[call].state is CallState.WAITING
    assert world.rung == [BORIS]
    world.talk(BORIS)
    assert hears(world, "client") == {BORIS}
    assert last(world, call) == (TransferKind.BLIND, TransferEnd.COMPLETED)
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    ends_well(world, call)


@pytest.mark.parametrize("dialled", [ANNA, "9999", "", "+78005553535"])
def test_refer_to_himself_or_to_nowhere_brings_the_client_back(dialled: str) -> None:
    world, call = talking(BORIS)
    desk_phone.refer(world, ANNA, dialled)
    world.pump()
    assert world.rung == [ANNA]
    world.talk(ANNA)
    assert hears(world, "client") == {ANNA}
    ends_well(world, call)


OWN, OWN_IVR = "+74950000001", "+74950000006"


@pytest.mark.parametrize("dialled", [OWN, "+7 (495) 000-00-01"])
def test_refer_to_the_companys_own_number_is_its_queue_and_no_loop(dialled: str) -> None:
    """By the trunk he would come in again, beside himself, and again when he is passed on there."""
    world, call = talking(BORIS)
    world.tell(f.PlanLoaded(replace(the_plan(), numbers={OWN: ToQueue(SALES)})))
    desk_phone.refer(world, ANNA, dialled)
    world.pump()
    assert world.floor.calls[call].state is CallState.WAITING
    assert world.floor.calls[call].queue == SALES
    assert not world.of(o.RingNumber)
    world.talk(BORIS)
    ends_well(world, call)


def test_refer_to_a_number_of_the_company_that_is_no_queue_leads_nowhere() -> None:
    world, call = talking(BORIS)
    world.tell(f.PlanLoaded(replace(the_plan(), numbers={OWN_IVR: ToHangUp()})))
    desk_phone.refer(world, ANNA, OWN_IVR)
    world.pump()
    assert world.rung == [ANNA]
    assert not world.of(o.RingNumber)
    world.talk(ANNA)
    ends_well(world, call)


def test_refer_while_he_consults_completes_it() -> None:
    world, call = consulting()
    desk_phone.refer(world, ANNA, BORIS)
    world.pump()
    assert hears(world, "client") == {BORIS}
    assert desk_phone.line_of(world, ANNA) is None
    ends_well(world, call)


# ── the other line ───────────────────────────────────────────────────────────


def test_who_is_dialled_on_the_other_line_is_consulted() -> None:
    world, call = consulting()
    line = desk_phone.line_of(world, ANNA)
    assert world.floor.calls[call].state is CallState.CONSULTING
    assert with_whom(world, call) == {f"{call}-agent-2"}
    assert len([one for one in world.of(o.Answer) if one.leg == line]) == 1  # only when Boris was there
    assert world.cards[BORIS].call == call
    doing = {one.agent: one.doing for one in world.floor.calls[call].segments if one.until is None}
    assert doing == {ANNA: Doing.CONSULT, BORIS: Doing.CONSULT}
    desk_phone.refer_replaces(world, ANNA)
    world.pump()
    assert hears(world, "client") == {BORIS}
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.COMPLETED)
    assert ends_well(world, call).agent == BORIS
    assert world.floor.lines == {}


def test_replaces_while_it_still_rings_is_blonde() -> None:
    world, call = talking(BORIS)
    desk_phone.hold(world, ANNA)
    desk_phone.dial(world, ANNA, BORIS)
    world.pump()
    desk_phone.refer_replaces(world, ANNA)
    world.pump()
    assert world.rung == [BORIS]
    assert hears(world, "client") == {"music"}
    world.talk(BORIS)
    assert last(world, call) == (TransferKind.BLONDE, TransferEnd.COMPLETED)
    ends_well(world, call)


def test_other_line_hung_up_gives_the_client_back() -> None:
    world, call = consulting()
    line = desk_phone.line_of(world, ANNA)
    assert line is not None
    world.end_leg(line)
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    assert state_of(world, BORIS) is AgentState.READY
    assert hears(world, "client") == {ANNA}  # her phone still holds, which Asterisk turns into music
    ends_well(world, call)
    assert world.floor.lines == {}


def test_colleague_who_does_not_answer_and_who_hangs_up() -> None:
    world, call = talking(BORIS)
    desk_phone.hold(world, ANNA)
    desk_phone.dial(world, ANNA, BORIS)
    world.pump()
    world.refuse(BORIS)
    assert desk_phone.line_of(world, ANNA) is None  # hung up: her phone shows it
    assert world.floor.calls[call].state is CallState.TALKING
    world.pass_time(10)
    desk_phone.dial(world, ANNA, BORIS)
    world.pump()
    world.talk(BORIS)
    world.hang_up(BORIS)
    assert desk_phone.line_of(world, ANNA) is None
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.HUNG_UP)
    ends_well(world, call)


def test_phone_that_turns_between_its_lines() -> None:
    world, call = consulting()
    line = desk_phone.line_of(world, ANNA)
    transfer = world.floor.calls[call].transfer
    assert transfer is not None
    world.ari.append(desk_phone.f.LegHeld(CallId(str(line)), line))  # type: ignore[arg-type]
    desk_phone.hold(world, ANNA, holds=False)
    world.pump()
    assert transfer.stage is Stage.SWAPPED
    open_ = {one.agent: one.doing for one in world.floor.calls[call].segments if one.until is None}
    assert open_[ANNA] is Doing.TALK
    desk_phone.hold(world, ANNA)
    world.ari.append(desk_phone.f.LegResumed(CallId(str(line)), line))  # type: ignore[arg-type]
    world.pump()
    assert transfer.stage is Stage.CONSULTING
    ends_well(world, call)


def test_first_line_hung_up_the_client_has_the_colleague() -> None:
    world, call = consulting()
    world.hang_up(ANNA)
    assert hears(world, "client") == {BORIS}
    assert desk_phone.line_of(world, ANNA) is None
    ends_well(world, call)


def test_client_hangs_up_while_his_agent_consults_on_the_other_line() -> None:
    world, call = consulting()
    ends_well(world, call)
    assert desk_phone.line_of(world, ANNA) is None
    assert world.floor.lines == {}
    world.pass_time(30)
    assert state_of(world, ANNA) is state_of(world, BORIS) is AgentState.READY


def test_other_line_to_a_queue() -> None:
    world, call = talking(VERA)
    desk_phone.hold(world, ANNA)
    desk_phone.dial(world, ANNA, "701")
    world.pump()
    assert world.floor.calls[call].transfers[-1].target == f"queue {SALES}"
    assert world.rung == [VERA]
    world.talk(VERA)
    desk_phone.refer_replaces(world, ANNA)
    world.pump()
    assert hears(world, "client") == {VERA}
    ends_well(world, call)


@pytest.mark.parametrize("dialled", ["9999", ""])
def test_line_that_leads_nowhere_is_the_dialplans(dialled: str) -> None:
    world, call = talking(BORIS)
    line = desk_phone.dial(world, ANNA, dialled)
    world.pump()
    assert [one.leg for one in world.of(o.ToDialplan)] == [line]
    assert hears(world, "client") == {ANNA}
    world.end_leg(line)
    ends_well(world, call)


def test_line_of_one_who_has_no_client_is_the_dialplans() -> None:
    world, call = talking(BORIS)
    line = desk_phone.dial(world, BORIS, VERA)
    world.pump()
    assert [one.leg for one in world.of(o.ToDialplan)] == [line]
    assert world.floor.lines == {}
    world.end_leg(line)
    world.pump()
    ends_well(world, call)
