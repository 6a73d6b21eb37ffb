"""Offers, live moves and dispositions on both databases; who talked with a number last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import text

from bridge.centre.decision import Decision, Hindrance, OfferEnd, Standing
from bridge.centre.ids import AgentId, CallId, LegId, QueueName, Skill
from bridge.centre.orders import EndOffer, SaveOffer
from bridge.centre.plan import Strategy
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.calls import _LAST_AGENT
from bridge.store.rows import CandidateRow, MoveRow

AT = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
CALL, LEG = CallId("1700000000.1"), LegId("1700000000.1-agent-1")
ANNA, BORIS, VERA = AgentId("1001"), AgentId("1002"), AgentId("1003")
ENGLISH = Skill("english")


def standing(agent: AgentId, position: int, penalty: int = 0, english: int = 3, **fields: object) -> Standing:
    free: dict[str, object] = {"hindrance": None, "idle": position, "idle_since": AT}
    return Standing(agent, position, penalty, {ENGLISH: english}, **{**free, **fields})  # type: ignore[arg-type]


def offer(leg: LegId = LEG, *standings: Standing, **fields: object) -> SaveOffer:
    decision = Decision(
        call=CALL,
        queue=QueueName("support"),
        strategy=Strategy.LEASTRECENT,
        needs=((ENGLISH, 2),),
        highest_penalty=5,
        preferred=None,
        turn=0,
        draw=0,
        chosen=(ANNA,),
        standings=standings or (standing(ANNA, 0),),
    )
    return SaveOffer(CALL, leg, ANNA, QueueName("support"), AT, decision._replace(**fields))  # type: ignore[arg-type]


async def test_an_offer_comes_back_with_all_candidates_judged(store: Store) -> None:
    order = offer(
        LEG,
        standing(VERA, 0, hindrance=Hindrance.PAUSED, reason="lunch"),
        standing(BORIS, 1, english=1),
        standing(AgentId("1004"), 2, penalty=9),
        standing(ANNA, 3),
        standing(AgentId("1005"), 4),
    )
    async with store.unit() as unit:
        await unit.offers.save(order)
    async with store.view() as unit:
        (kept,) = await unit.offers.of_call(CALL)
        assert await unit.offers.of_call("another") == []
    assert (kept.leg, kept.call, kept.agent, kept.queue) == (LEG, CALL, ANNA, "support")
    assert (kept.strategy, kept.at, kept.end, kept.ended_at) == ("leastrecent", AT, None, None)
    assert (kept.needs, kept.highest_penalty, kept.preferred) == (((ENGLISH, 2),), 5, None)
    assert [(one.agent, one.verdict, one.detail, one.rank) for one in kept.candidates] == [
        (ANNA, "chosen", "", 1),
        ("1005", "next", "", 2),
        (VERA, "hindered", "paused lunch", None),
        (BORIS, "skill", "english 1 < 2", None),
        ("1004", "penalty", "9 > 5", None),
    ]
    assert kept.candidates[0].metric
    assert kept.candidates[2] == CandidateRow(VERA, "hindered", "paused lunch")


async def test_an_offer_that_asks_for_nothing_in_particular(store: Store) -> None:
    async with store.unit() as unit:
        await unit.offers.save(offer(LEG, needs=(), highest_penalty=None, preferred=ANNA))
        (kept,) = await unit.offers.of_call(CALL)
    assert (kept.needs, kept.highest_penalty, kept.preferred) == ((), None, ANNA)


@pytest.mark.parametrize("orders", sorted(set(map("".join, permutations("SSEE")))))
async def test_offer_and_end_in_any_order_and_twice_are_one_row(store: Store, orders: str) -> None:
    ends = iter([OfferEnd.NO_ANSWER, OfferEnd.WITHDRAWN])
    async with store.unit() as unit:
        for kind in orders:
            if kind == "S":
                await unit.offers.save(offer())
            else:
                await unit.offers.end(EndOffer(CALL, LEG, AT + timedelta(seconds=20), next(ends)))
    async with store.view() as unit:
        (kept,) = await unit.offers.of_call(CALL)
    assert (kept.agent, kept.at) == (ANNA, AT)
    assert (kept.end, kept.ended_at) == ("no_answer", AT + timedelta(seconds=20)), "it ends once"


async def test_an_end_alone_is_no_offer_yet_and_is_not_lost(store: Store) -> None:
    async with store.unit() as unit:
        await unit.offers.end(EndOffer(CALL, LEG, AT, OfferEnd.ANSWERED))
        assert await unit.offers.of_call(CALL) == []
        await unit.offers.save(offer())
        (kept,) = await unit.offers.of_call(CALL)
    assert kept.end == "answered"


async def test_offers_of_a_call_in_their_order(store: Store) -> None:
    at_once = [LegId(f"{CALL}-agent-{number}") for number in (10, 9, 11)]
    async with store.unit() as unit:
        for leg in at_once:
            await unit.offers.save(offer(leg))
        await unit.offers.save(replace(offer(LegId(f"{CALL}-agent-12")), at=AT - timedelta(seconds=1)))
        legs = [one.leg for one in await unit.offers.of_call(CALL)]
    assert [leg.removeprefix(f"{CALL}-agent-") for leg in legs] == ["12", "9", "10", "11"]


async def test_an_offer_needs_no_call_yet_and_takes_what_people_typed(store: Store) -> None:
    reason = "lunch \0\ud800; DROP TABLE offers"
    order = offer(LEG, standing(ANNA, 0), standing(BORIS, 1, hindrance=Hindrance.PAUSED, reason=reason))
    async with store.unit() as unit:
        assert await unit.calls.get(CALL) is None
        await unit.offers.save(order)
        (kept,) = await unit.offers.of_call(CALL)
    assert kept.candidates[1].detail == "paused lunch ?; DROP TABLE offers"


async def test_moves(store: Store) -> None:
    async with store.unit() as unit:
        assert await unit.moves.all() == []
        await unit.moves.set("1002", "support", 5, "olga")
        await unit.moves.set("1001", "support", 1, "olga")
        await unit.moves.set("1001", "sales", 0, "olga")
        await unit.moves.set("1001", "support", None, "ivan")
    async with store.view() as unit:
        moves = await unit.moves.all()
    assert [replace(move, at=AT) for move in moves] == [
        MoveRow("1001", "sales", 0, "olga", AT),
        MoveRow("1001", "support", None, "ivan", AT),
        MoveRow("1002", "support", 5, "olga", AT),
    ]
    assert all(abs(move.at - datetime.now(UTC)) < timedelta(minutes=5) for move in moves)
    async with store.unit() as unit:
        await unit.moves.restore("1001", "support")
        await unit.moves.restore("1001", "nowhere")
        assert [(move.agent, move.queue) for move in await unit.moves.all()] == [
            ("1001", "sales"),
            ("1002", "support"),
        ]


@pytest.mark.parametrize("penalty", [-1, 101, 2**70])
async def test_a_penalty_out_of_bounds_is_refused(store: Store, penalty: int) -> None:
    async with store.unit() as unit:
        with pytest.raises(BadInput, match="penalty"):
            await unit.moves.set("1001", "support", penalty, "olga")
        assert await unit.moves.all() == []


async def disposed(store: Store, call: str) -> tuple[str, str | None]:
    """The disposition of the call's ticket, and the agent whose word it is."""
    asked = text("SELECT disposition, disposed_by FROM tickets WHERE call_id = :call")
    async with store.view() as unit:
        disposition, by = (await unit.tickets._session.execute(asked, {"call": call})).one()
    return disposition, by


async def test_the_latest_disposition_counts(store: Store, make_record) -> None:
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(make_record(), "s", "d")
        assert ticket.disposition == ""
        assert await unit.tickets.dispose(CALL, "1001", "sold") == ticket.id
        assert await unit.tickets.dispose(CALL, "1002", "call later \0") == ticket.id
        assert await unit.tickets.dispose("unknown", "1001", "sold") is None
        with pytest.raises(BadInput, match="disposition"):
            await unit.tickets.dispose(CALL, "1001", "x" * 101)
    assert await disposed(store, CALL) == ("call later ", "1002")


async def test_a_disposition_set_on_the_ticket_is_nobodys_own(store: Store, make_record) -> None:
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(make_record(), "s", "d")
        await unit.tickets.dispose(CALL, "1001", "sold")
        # As a form sends it that was opened for something else.
        await unit.tickets.update(ticket.id, disposition="sold", solution="Restarted it")
    assert await disposed(store, CALL) == ("sold", "1001")
    async with store.unit() as unit:
        edited = await unit.tickets.update(ticket.id, disposition="refused")
        assert edited is not None
        assert edited.disposition == "refused"
        with pytest.raises(BadInput, match="disposition"):
            await unit.tickets.update(ticket.id, disposition=None)  # type: ignore[typeddict-item]
    assert await disposed(store, CALL) == ("refused", None)
    # A process that goes on after another does not know whether that one had written it.
    await store.write(lambda unit: unit.tickets.dispose(CALL, "1001", "sold", again=True))
    assert await disposed(store, CALL) == ("refused", None)
    await store.write(lambda unit: unit.tickets.dispose(CALL, "1001", "sold"))
    await store.write(lambda unit: unit.tickets.dispose(CALL, "1001", "follow up", again=True))
    assert await disposed(store, CALL) == ("follow up", "1001")


async def test_the_last_agent_of_a_number(store: Store, make_record) -> None:
    def call(number: int, agent: AgentId | None, answered: int | None, ended: int | None, **fields: object):  # type: ignore[no-untyped-def]
        def minute(value: int | None) -> datetime | None:
            return None if value is None else AT + timedelta(minutes=value)

        return make_record(
            f"c{number}", agent=agent, answered_at=minute(answered), ended_at=minute(ended), **fields
        )

    number = "+79161234567"
    async with store.unit() as unit:
        assert await unit.calls.last_agent(number) is None
        await unit.calls.save(call(1, ANNA, None, 3))
        await unit.calls.save(call(2, None, 2, 3))
        await unit.calls.save(call(3, VERA, 90, 95, e164="+79160000000"))
        assert await unit.calls.last_agent(number) is None, "nobody of ours has talked with it"
        await unit.calls.save(call(4, BORIS, 10, 60))
        await unit.calls.save(call(5, ANNA, 5, 70))
        assert await unit.calls.last_agent(number) == (BORIS, AT + timedelta(minutes=60))
        await unit.calls.save(call(6, VERA, 80, None))
        await unit.calls.save(call(7, ANNA, None, 99))
        assert await unit.calls.last_agent(number) == (VERA, AT + timedelta(minutes=80)), "they still talk"


async def test_the_last_agent_is_found_by_an_index(store: Store) -> None:
    async with store.view() as unit:
        dialect = unit.calls._session.get_bind().dialect
        asked = _LAST_AGENT.params(e164="+79161234567").compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        explain = "EXPLAIN"
        if dialect.name == "postgresql":
            # An empty table is read through whatever indexes it has.
            await unit.calls._session.execute(text("SET LOCAL enable_seqscan = off"))
        else:
            explain = "EXPLAIN QUERY PLAN"
        steps = (await unit.calls._session.execute(text(f"{explain} {asked}"))).all()
    told = "\n".join(str(step) for step in steps)
    assert "ix_calls_e164_answered_at" in told
    assert "sort" not in told.lower()
    assert "b-tree" not in told.lower()
