"""What external directories say of a caller comes late: it makes him better known, and never less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.call_steps import joined
from bridge.centre.ids import CallId, ClientId
from tests.fakes.callers import ABROAD
from tests.fakes.world import ANNA, World

ZOE, IVAN, ANNE = (f.ClientRef(ClientId(number), f"Client {number}") for number in (11, 12, 13))


@pytest.fixture
def world() -> World:
    world = World().start()
    world.phone(ANNA)
    world.pump()
    return world


def rung(world: World, number: str = ABROAD) -> CallId:
    """Anna's phone rings, and only the own base has answered."""
    call = world.call_in("200", number)
    while world.ari or world.ami:
        world.pump("ari", "ami")
    world.tell(world.store.popleft())
    world.pump("ari", "ami")
    return call


def answered(call: CallId, *clients: f.ClientRef, **more: object) -> f.DirectoryAnswered:
    return f.DirectoryAnswered(call, ABROAD, "CRM", clients, **more)  # type: ignore[arg-type]


def test_the_phone_rings_before_any_external_directory_has_answered(world: World) -> None:
    rung(world)
    assert world.rung == [ANNA]
    card = world.cards[ANNA]
    assert (card.candidates, card.asking, card.unanswered) == ((), True, ())


def test_the_card_fills_in_as_they_answer(world: World) -> None:
    call = rung(world)
    world.tell(world.store.popleft())  # the ticket
    world.tell(answered(call, ZOE))
    card = world.cards[ANNA]
    assert (card.record.verdict, card.record.client, card.candidates) == (f.Verdict.KNOWN, 11, (11,))
    assert card.asking
    world.tell(f.DirectoryAnswered(call, ABROAD, "Old CRM", answered=False, last=True))
    card = world.cards[ANNA]
    assert (card.record.client, card.asking, card.unanswered) == (11, False, ("Old CRM",))
    assert world.saved[call].client == 11


def test_two_who_know_different_clients_leave_the_choice_to_the_agent(world: World) -> None:
    call = rung(world)
    world.tell(answered(call, ZOE))
    world.tell(answered(call, IVAN))
    card = world.cards[ANNA]
    assert (card.record.verdict, card.record.client) == (f.Verdict.SEVERAL, None)
    assert card.candidates == (11, 12)


def test_nobody_knows_him(world: World) -> None:
    call = rung(world)
    world.tell(answered(call, last=True))
    card = world.cards[ANNA]
    assert (card.record.verdict, card.asking) == (f.Verdict.UNKNOWN, False)


def test_an_answer_about_another_number_says_nothing(world: World) -> None:
    call = rung(world)
    world.tell(f.DirectoryAnswered(call, "+15550100", "CRM", (ZOE,), last=True))
    card = world.cards[ANNA]
    assert (card.record.verdict, card.asking) == (f.Verdict.UNKNOWN, False)


def test_a_call_is_over_when_the_last_has_answered_and_has_its_client_then(world: World) -> None:
    call = rung(world)
    world.store.clear()
    world.hang_up_client(call)
    world.pump()
    assert world.floor.calls[call].state is CallState.CLEARING
    world.tell(answered(call, ZOE))
    world.tell(answered(call, last=True))
    assert world.floor.calls == {}
    assert world.saved[call].client == 11
    assert world.floor.agents[ANNA].free


def test_a_new_process_asks_again(world: World) -> None:
    call = rung(world)
    world.store.clear()
    world.orders.clear()
    world.tell(f.Resumed())
    assert [order.call for order in world.orders if isinstance(order, o.LookUpClient)] == [call]
    world.pump()
    assert world.cards[ANNA].record.client == 11
    world.hang_up_client(call)
    world.pump()
    assert world.floor.calls == {}


def test_his_tier_counts_while_he_waits() -> None:
    world = World().start()
    call = rung(world)
    assert world.floor.calls[call].state is CallState.WAITING
    world.pump()
    assert world.floor.calls[call].tier == "gold"


REFS = st.lists(
    st.builds(f.ClientRef, st.integers(1, 5).map(ClientId), st.sampled_from(["A", "B"])),
    unique_by=lambda client: client.id,
    max_size=4,
).map(tuple)


@given(REFS, st.lists(REFS, max_size=5))
def test_those_known_never_become_fewer(
    known: tuple[f.ClientRef, ...], answers: list[tuple[f.ClientRef, ...]]
) -> None:
    for told in answers:
        after = joined(known, told)
        assert [client.id for client in after][: len(known)] == [client.id for client in known]
        assert set(told) <= set(after)
        assert len({client.id for client in after}) == len(after)
        known = after


@given(st.lists(st.tuples(REFS, st.booleans(), st.sampled_from([ABROAD, "+15550100"])), max_size=5))
def test_a_verdict_only_improves(answers: list[tuple[tuple[f.ClientRef, ...], bool, str]]) -> None:
    world = World().start()
    call = rung(world)
    world.store.clear()
    order = [f.Verdict.UNKNOWN, f.Verdict.KNOWN, f.Verdict.SEVERAL]
    before, seen = f.Verdict.UNKNOWN, set[ClientId]()
    for clients, replied, number in answers:
        told = clients if replied else ()
        world.tell(f.DirectoryAnswered(call, number, "CRM", told, replied))
        record = world.floor.calls[call].record()
        assert record.verdict is not None
        assert order.index(record.verdict) >= order.index(before)
        before = record.verdict
        if number == ABROAD:
            seen |= {client.id for client in told}
        assert {client.id for client in world.floor.calls[call].clients} == seen
        assert (record.client is not None) == (record.verdict is f.Verdict.KNOWN)
