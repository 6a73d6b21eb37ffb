"""The records lane: which snapshots wait, what goes before them, and what is kept together."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.ids import TicketId
from bridge.engine.dispatch import Dispatch, Handlers
from bridge.errors import LinkDown
from tests.fakes.inbox import until
from tests.unit.engine.hands import CALL, ENDED, OFFER, RECORD, SAVE, TELL, TICKET, WORD, Hands


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
