"""Dispatch: in order within a lane, lanes in parallel, every failure a fact."""

import asyncio

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.engine.dispatch import Dispatch, reason_of
from bridge.errors import CallbridgeError, Gone, LinkDown, Refused, RequestTimeout, Unreachable
from tests.fakes.inbox import until
from tests.unit.engine.hands import AGENT, ANSWER, CALL, CANCEL, CLIENT, ENDED, RECORD, RING, WAIT, Hands


async def test_one_legs_orders_keep_their_order(dispatch: Dispatch, hands: Hands) -> None:
    gate = hands.hold(ANSWER)
    dispatch.send(ANSWER)
    dispatch.send(WAIT)
    await asyncio.sleep(0)
    assert hands.began == [ANSWER]
    gate.set()
    assert await dispatch.drain(1) == 0
    assert hands.ended == [ANSWER, WAIT]


async def test_ringing_does_not_wait_for_the_client_leg_but_its_cancel_waits_for_the_ring(
    dispatch: Dispatch, hands: Hands
) -> None:
    hands.hold(ANSWER)
    ring = hands.hold(RING)
    for order in (ANSWER, RING, CANCEL):
        dispatch.send(order)
    await asyncio.sleep(0)
    assert hands.began == [ANSWER, RING]
    ring.set()
    hands.hold(ANSWER).set()
    await dispatch.drain(1)
    assert hands.ended.index(RING) < hands.ended.index(CANCEL)


async def test_connect_and_clear_go_by_the_clients_leg(dispatch: Dispatch, hands: Hands) -> None:
    gate = hands.hold(WAIT)
    connect, clear = o.Connect(CALL, CLIENT, AGENT), o.ClearCall(CALL)
    for order in (WAIT, connect, clear):
        dispatch.send(order)
    await asyncio.sleep(0)
    assert hands.began == [WAIT]
    gate.set()
    await dispatch.drain(1)
    assert hands.ended == [WAIT, connect, clear]


CONNECT = o.Connect(CALL, CLIENT, AGENT)


@pytest.mark.parametrize("order", [ANSWER, WAIT, CONNECT], ids=lambda order: type(order).__name__)
async def test_what_brings_a_client_to_where_he_belongs_waits_for_the_link(
    dispatch: Dispatch, hands: Hands, reports: list[f.Fact], order: o.CallOrder
) -> None:
    """To give him back to the dialplan would cost him his place."""
    hands.errors[order] = [LinkDown("no connection")]
    dispatch.send(order)
    await until(lambda: hands.ended == [order])
    assert reports == []
    # A process that stood still missed a reply; an Asterisk that does not do it is another matter.
    hands.errors[order] = [RequestTimeout("no reply")] * 2
    dispatch.send(order)
    await until(lambda: hands.ended == [order, order])
    assert reports == []
    hands.errors[order] = [RequestTimeout("no reply")] * 3
    dispatch.send(order)
    await until(lambda: bool(reports))
    assert [fact.reason for fact in reports if isinstance(fact, f.OrderFailed)] == [f.FailureReason.TIMEOUT]


async def test_what_waits_for_its_next_try_is_tried_at_once_when_it_is_told_so(
    dispatch: Dispatch, hands: Hands
) -> None:
    hands.errors[CANCEL] = [LinkDown("no connection")] * 6  # the seventh would come after some ten seconds
    dispatch.send(CANCEL)
    for tries in range(1, 7):
        await until(lambda tries=tries: len(hands.began) == tries)
        await asyncio.sleep(0)
        dispatch.try_again()
    await until(lambda: hands.ended == [CANCEL])


async def test_a_try_that_is_under_way_when_that_is_told_is_followed_by_another_at_once(
    dispatch: Dispatch, hands: Hands
) -> None:
    hands.errors[CANCEL] = [LinkDown("no connection")] * 6
    gate = hands.hold(CANCEL)
    dispatch.send(CANCEL)
    for tries in range(1, 7):
        await until(lambda tries=tries: len(hands.began) == tries)
        dispatch.try_again()
        gate.set()
        await asyncio.sleep(0)
        gate.clear()
    gate.set()
    await until(lambda: hands.ended == [CANCEL])


async def test_slow_look_up_holds_nothing_up(dispatch: Dispatch, hands: Hands) -> None:
    look_up = o.LookUpClient(CALL, "+7916", "lab")
    gate = hands.hold(look_up)
    dispatch.send(look_up)
    dispatch.send(RING)
    await asyncio.sleep(0)
    assert hands.ended == [RING]
    gate.set()
    await dispatch.drain(1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Gone("gone"), f.FailureReason.GONE),
        (Unreachable("no contact"), f.FailureReason.UNREACHABLE),
        (Refused("no"), f.FailureReason.REFUSED),
        (RequestTimeout("late"), f.FailureReason.TIMEOUT),
        (LinkDown("down"), f.FailureReason.LINK_DOWN),
        (ValueError("ours"), f.FailureReason.INTERNAL),
        (CallbridgeError("ours"), f.FailureReason.INTERNAL),
    ],
)
async def test_every_failure_is_a_fact(
    dispatch: Dispatch, hands: Hands, reports: list[f.Fact], error: Exception, reason: f.FailureReason
) -> None:
    assert reason_of(error) is reason
    hands.errors[RING] = [error]
    dispatch.send(RING)
    await dispatch.drain(1)
    assert reports == [f.OrderFailed(CALL, "RingAgent", reason, str(error), AGENT)]


async def test_what_is_to_be_remembered_is_tried_until_it_is(
    dispatch: Dispatch, hands: Hands, reports: list[f.Fact]
) -> None:
    save = o.SaveCall(CALL, RECORD)
    hands.errors[save] = [LinkDown("database is away")]
    dispatch.send(save)
    assert await dispatch.drain(5) == 0
    assert hands.began == [save, save]
    assert hands.ended == [save]
    assert reports == []


@pytest.mark.parametrize("order", [CANCEL, o.HangUp(CALL, CLIENT), o.ClearCall(CALL)])
async def test_what_ends_a_channel_is_tried_until_it_does(
    dispatch: Dispatch, hands: Hands, reports: list[f.Fact], order: o.CallOrder
) -> None:
    hands.errors[order] = [RequestTimeout("late"), LinkDown("away")]
    dispatch.send(order)
    assert await dispatch.drain(5) == 0
    assert hands.ended == [order]
    assert reports == []


async def test_saving_a_call_does_not_wait_for_its_recording(dispatch: Dispatch, hands: Hands) -> None:
    attach = o.AttachRecording(CALL, f.RecordingId("call.1-rec-1"))
    gate = hands.hold(attach)
    save = o.SaveCall(CALL, ENDED)
    dispatch.send(attach)
    dispatch.send(save)
    await until(lambda: attach in hands.began and hands.ended == [save])
    gate.set()
    await dispatch.drain(1)


async def test_drain_says_what_it_left_undone(dispatch: Dispatch, hands: Hands) -> None:
    hands.hold(RING)
    dispatch.send(RING)
    dispatch.send(CANCEL)
    assert await dispatch.drain(0.01) == 2
    assert len(dispatch) == 0
