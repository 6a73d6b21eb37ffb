"""Facts of a call that AMI alone tells of, in any order: whatever was missed, its record stays sound."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre import facts as f
from bridge.centre.ids import CallId
from bridge.centre.record import Doing, TransferKind
from tests.fakes import crm_events
from tests.fakes.world import ANNA, BORIS, SUPPORT, VERA, World

CALL, CLIENT = CallId("outside.1"), "+79161234567"
AGENTS = st.sampled_from([ANNA, BORIS, VERA])
REASONS = st.sampled_from(["busy", "no-answer", "rejected", "cancelled", "answered-elsewhere", "completed"])
FACTS = st.one_of(
    st.builds(lambda agent: f.OutsideRinging(CALL, agent, CLIENT, "", "200"), AGENTS),
    st.builds(lambda agent: f.OutsideAnswered(CALL, agent), AGENTS),
    st.builds(lambda agent, reason: f.OutsideRingEnded(CALL, agent, reason), AGENTS, REASONS),
    st.builds(lambda agent: f.OutsideHeld(CALL, agent), AGENTS),
    st.builds(lambda agent: f.OutsideResumed(CALL, agent), AGENTS),
    st.builds(lambda by, to: f.OutsideConsulting(CALL, by, to or "500", to), AGENTS, st.none() | AGENTS),
    st.builds(lambda by, to: f.OutsideConsulted(CALL, by, to), AGENTS, st.none() | AGENTS),
    st.builds(lambda by, why, far: f.OutsideConsultEnded(CALL, by, why, far), AGENTS, REASONS, st.booleans()),
    st.builds(
        lambda by, kind, to: f.OutsideTransferred(CALL, by, kind, to),
        st.none() | AGENTS,
        st.sampled_from(TransferKind),
        AGENTS,
    ),
    st.builds(lambda reason: f.OutsideNotTaken(CALL, reason), REASONS),
    st.just(f.OutsideReached(CALL, "+74951112233")),
    st.just(f.FallbackEntered(CALL, SUPPORT)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FACTS, max_size=25), REASONS)
def test_record_stays_sound(facts: list[f.Fact], reason: str) -> None:
    world = World().start()
    for agent in (ANNA, BORIS, VERA):
        world.phone(agent)
    world.tell(f.CallerPresented(CALL, CLIENT, "", "200", "lab"))
    world.tell(f.OutsideRinging(CALL, ANNA, CLIENT, "", "200"))
    for fact in facts:
        world.pass_time(1)
        world.tell(fact)
        record = world.saved[CALL]
        going_on = [one for one in record.segments if one.until is None]
        doing = [one.doing for one in going_on]
        assert len({one.agent for one in going_on}) == len(going_on)
        assert doing.count(Doing.TALK) + doing.count(Doing.HOLD) <= 1
        assert all(step.ended_at is not None for step in record.transfers[:-1])
    world.tell(f.OutsideEnded(CALL, reason))
    world.pump()

    record = world.saved[CALL]
    crm_events.assert_in_order(world, over=[CALL])
    assert world.floor.calls == {}
    assert all(not desk.outside for desk in world.floor.agents.values())
    assert all(leg.ended_at is not None for leg in record.legs)
    assert all(step.ended_at is not None and step.end is not None for step in record.transfers)
    for leg in record.legs:
        mine = [one for one in record.segments if one.leg == leg.id]
        assert all(one.until is not None for one in mine)
        assert all(a.until is not None and a.until <= b.since for a, b in pairwise(mine))
