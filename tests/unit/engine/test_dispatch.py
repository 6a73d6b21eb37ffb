"""Dispatch: in order within a lane, lanes in parallel, every failure a fact."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName, TicketId
from bridge.engine.dispatch import Dispatch, Handlers, reason_of
from bridge.errors import CallbridgeError, Gone, LinkDown, Refused, RequestTimeout, Unreachable
from tests.fakes.inbox import until

CALL = CallId("call.1")
CLIENT, AGENT = LegId(CALL), LegId("call.1-agent-1")
ANSWER = o.Answer(CALL, CLIENT)
WAIT = o.EnterWaitingRoom(CALL, CLIENT, "default", QueueName("support"))
RING = o.RingAgent(
    CALL, AGENT, CLIENT, AgentId("1001"), Endpoint("PJSIP/1001"), "", "", timedelta(seconds=20)
)
CANCEL = o.CancelRing(CALL, AGENT, o.CancelReason.CALLER_GONE)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
RECORD = o.CallRecord(CALL, None, None, "", True, "200", "lab", "in", offered_at=NOW)
ENDED = replace(RECORD, ended_at=NOW)
OFFER = o.EndOffer(CALL, AGENT, NOW, OfferEnd.ANSWERED)
TELL = o.TellCrm(CALL, "offered", o.CallEventKind.OFFERED, NOW, RECORD)
SAVE, TICKET = o.SaveCall(CALL, RECORD), o.OpenTicket(CALL, RECORD)
WORD = o.SetDisposition(CALL, AgentId("1001"), "sold")


class Hands:
    """Carries orders out when it is told to; remembers when each began and ended."""

    def __init__(self) -> None:
        self.began: list[o.CallOrder] = []
        self.ended: list[o.CallOrder] = []
        self.gates: dict[o.CallOrder, asyncio.Event] = {}
        self.errors: dict[o.CallOrder, list[Exception]] = {}

    def hold(self, order: o.CallOrder) -> asyncio.Event:
        return self.gates.setdefault(order, asyncio.Event())

    async def carry_out(self, order: o.CallOrder) -> f.Fact | None:
        self.began.append(order)
        if order in self.gates:
            await self.gates[order].wait()
        if self.errors.get(order):
            raise self.errors[order].pop(0)
        self.ended.append(order)
        return None


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def reports() -> list[f.Fact]:
    return []


@pytest.fixture
def dispatch(hands: Hands, reports: list[f.Fact]) -> Dispatch:
    return Dispatch(Handlers(dict.fromkeys(o.Lane, hands.carry_out)), reports.append)


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


async def test_under_backlog_a_later_snapshot_replaces_one_that_has_not_begun(
    dispatch: Dispatch, hands: Hands
) -> None:
    earlier, later = (o.SaveCall(CALL, replace(ENDED, name=name)) for name in "ab")
    gate = hands.hold(WORD)
    dispatch.send(WORD)
    await asyncio.sleep(0)
    for order in (earlier, OFFER, later):
        dispatch.send(order)
    gate.set()
    assert await dispatch.drain(1) == 0
    assert hands.ended == [WORD, OFFER, later]


async def test_snapshots_of_a_moment_are_kept_once(dispatch: Dispatch, hands: Hands) -> None:
    first, second = (o.SaveCall(CALL, replace(RECORD, name=name)) for name in "ab")
    dispatch.send(first)
    await asyncio.sleep(0.01)
    dispatch.send(second)
    await asyncio.sleep(0.01)
    assert hands.began == []
    await until(lambda: hands.ended == [second])
    assert len(dispatch) == 0


async def test_snapshot_of_an_ended_call_is_kept_soon(dispatch: Dispatch, hands: Hands) -> None:
    ended = o.SaveCall(CALL, ENDED)
    dispatch.send(o.SaveCall(CALL, RECORD))
    await asyncio.sleep(0)
    dispatch.send(ended)
    await until(lambda: hands.ended == [ended])


@pytest.mark.parametrize(
    ("order", "ended"),
    [
        (TICKET, [TICKET]),  # it keeps the call as well
        (WORD, [SAVE, WORD]),  # it does not overtake the snapshot
    ],
)
async def test_what_comes_after_a_snapshot_does_not_wait(
    dispatch: Dispatch, hands: Hands, order: o.CallOrder, ended: list[o.CallOrder]
) -> None:
    dispatch.send(SAVE)
    await asyncio.sleep(0)
    dispatch.send(order)
    await until(lambda: hands.ended == ended)


@pytest.mark.parametrize("order", [OFFER, TELL], ids=lambda order: type(order).__name__)
async def test_what_needs_no_snapshot_neither_waits_for_one_nor_hurries_it(
    dispatch: Dispatch, hands: Hands, order: o.CallOrder
) -> None:
    save = o.SaveCall(CALL, RECORD)
    dispatch.send(save)
    await asyncio.sleep(0)
    dispatch.send(order)
    await until(lambda: hands.ended == [order])
    assert hands.began == [order]
    await until(lambda: hands.ended == [order, save])


async def test_crms_are_told_in_the_order_of_what_happened(dispatch: Dispatch, hands: Hands) -> None:
    first, second = TELL, replace(TELL, event="ended", kind=o.CallEventKind.ENDED)
    for order in (SAVE, first, SAVE, second):
        dispatch.send(order)
    await until(lambda: len(hands.ended) == 3)
    assert hands.ended == [first, SAVE, second], "what has ended is kept as such before it is told"


async def test_a_call_s_end_is_told_at_once_where_nothing_is_to_be_kept_before(
    dispatch: Dispatch, hands: Hands
) -> None:
    over = replace(TELL, event="ended", kind=o.CallEventKind.ENDED)
    dispatch.send(over)
    dispatch.send(SAVE)
    await asyncio.sleep(0)
    assert hands.began == [over]


async def test_what_no_crm_wants_is_dropped_until_one_does(hands: Hands) -> None:
    kinds: set[o.CallEventKind] = set()
    dispatch = Dispatch(Handlers({TELL.lane: hands.carry_out}), [].append, lambda order: order.kind in kinds)
    dispatch.send(TELL)
    assert len(dispatch) == 0
    kinds.add(o.CallEventKind.ENDED)  # in the middle of the call
    over = replace(TELL, event="ended", kind=o.CallEventKind.ENDED)
    dispatch.send(TELL)
    dispatch.send(over)
    await until(lambda: hands.ended == [over])


async def test_a_snapshot_that_somebody_waits_to_read_waits_for_no_later_one(
    dispatch: Dispatch, hands: Hands
) -> None:
    awaited, later = o.SaveCall(CALL, RECORD, awaited=True), o.SaveCall(CALL, RECORD)
    dispatch.send(awaited)
    await asyncio.sleep(0)
    dispatch.send(later)
    await until(lambda: hands.ended == [awaited])
    assert hands.began == [awaited]
    await until(lambda: hands.ended == [awaited, later])


async def test_draining_does_not_wait_for_later_snapshots(dispatch: Dispatch, hands: Hands) -> None:
    save = o.SaveCall(CALL, RECORD)
    dispatch.send(save)
    await asyncio.sleep(0)
    assert await dispatch.drain(0.2) == 0
    assert hands.ended == [save]


class Books:
    """A lane whose orders are carried out together; ``faulty`` ones fail with all that go along."""

    def __init__(self) -> None:
        self.began: list[list[o.CallOrder]] = []
        self.ended: list[o.CallOrder] = []
        self.faulty: dict[o.CallOrder, list[Exception]] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def keep(self, orders: Sequence[o.CallOrder]) -> list[f.Fact]:
        self.began.append(list(orders))
        await self.gate.wait()
        for order in orders:
            if self.faulty.get(order):
                raise self.faulty[order].pop(0)
        self.ended += orders
        return [f.TicketOpened(CALL, TicketId(len(self.ended)))]


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def keeping(books: Books, hands: Hands, reports: list[f.Fact]) -> Dispatch:
    return Dispatch(Handlers({}, {o.Lane.RECORDS: books.keep}), reports.append)


RINGS = replace(TELL, event="ringing", kind=o.CallEventKind.RINGING)


async def test_what_waits_in_the_records_lane_is_kept_together(
    keeping: Dispatch, books: Books, reports: list[f.Fact]
) -> None:
    books.gate.clear()
    keeping.send(TICKET)
    await until(lambda: len(books.began) == 1)
    for order in (TELL, OFFER, RINGS, SAVE):
        keeping.send(order)
    books.gate.set()
    await until(lambda: len(books.began) == 2)
    assert books.began == [[TICKET], [TELL, OFFER, RINGS]], "a snapshot goes on waiting for later ones"
    assert [fact.ticket for fact in reports if isinstance(fact, f.TicketOpened)] == [1, 4]
    await until(lambda: books.ended == [TICKET, TELL, OFFER, RINGS, SAVE])


async def test_of_what_fails_together_each_is_tried_alone(
    keeping: Dispatch, books: Books, reports: list[f.Fact]
) -> None:
    books.faulty[OFFER] = [ValueError("a fault of ours")] * 2
    for order in (TELL, OFFER, RINGS):
        keeping.send(order)
    await until(lambda: books.ended == [TELL, RINGS])
    assert books.began == [[TELL, OFFER, RINGS], [TELL], [OFFER], [RINGS]]
    assert [fact.order for fact in reports if isinstance(fact, f.OrderFailed)] == ["EndOffer"]


async def test_all_of_them_are_tried_again_when_the_store_does_not_answer(
    keeping: Dispatch, books: Books, reports: list[f.Fact]
) -> None:
    books.faulty[RINGS] = [LinkDown("locked")]
    keeping.send(TELL)
    keeping.send(RINGS)
    await until(lambda: books.ended == [TELL, RINGS])
    assert books.began == [[TELL, RINGS]] * 2


async def test_a_snapshot_that_is_being_kept_takes_no_later_one_s_place(
    keeping: Dispatch, books: Books
) -> None:
    books.gate.clear()
    keeping.send(SAVE)
    keeping.send(WORD)
    await until(lambda: books.began == [[SAVE, WORD]])
    later = o.SaveCall(CALL, ENDED)
    keeping.send(later)
    books.gate.set()
    await until(lambda: books.ended == [SAVE, WORD, later])
