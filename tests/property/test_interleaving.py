"""One call's streams are not ordered against each other: any interleaving must give the same end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre import facts as f
from bridge.centre.call import CallState
from bridge.centre.ids import AgentId, CallId, LegId
from bridge.centre.orders import CallRecord
from tests.fakes.callers import ABROAD
from tests.fakes.world import ANNA, BORIS, World


def play(
    order: list[str], scenario: str, number: str | None
) -> tuple[CallRecord, list[str], dict[str, bool]]:
    """Everything happens in Asterisk in one order; ``order`` says which stream is read next."""
    world = World().start()
    world.phone(ANNA)
    world.pump()
    choices = iter(order)

    def read(until_quiet: bool = False) -> None:
        while world.ari or world.ami or world.store:
            stream = next(choices, None)
            if stream is None:
                if not until_quiet:
                    return
                world.pump()
            elif stream == "pause":
                if not until_quiet:
                    return
            elif getattr(world, stream):
                world.tell(getattr(world, stream).popleft())

    call = world.call_in("100", number)
    read()
    # Digits and answers need what comes before them in their own stream, and nothing of the others.
    world.pump("ari")
    world.ari.append(f.DigitReceived(call, LegId(call), "2"))
    read()
    world.pump("ari")
    if scenario == "answered":
        world.answer(ANNA)
        read()
        world.pump("ari")
        world.hang_up_agent(ANNA)
    world.hang_up_client(call)
    read(until_quiet=True)
    world.pump()
    return world.saved[call], sorted(world.attached), {a: d.free for a, d in world.floor.agents.items()}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["ari", "ami", "store", "pause"]), max_size=60),
    st.sampled_from(["answered", "abandoned"]),
    st.sampled_from(["+79161234567", "+79165550000", "+15550100", ABROAD, None]),
)
def test_any_interleaving_gives_the_same_end(order: list[str], scenario: str, number: str | None) -> None:
    assert play(order, scenario, number) == play([], scenario, number)


@given(st.lists(st.sampled_from([ANNA, BORIS]), min_size=1, max_size=8))
def test_first_in_first_out(coming: list[AgentId]) -> None:
    """Agents come one after another, and come back after their wrap-up; callers are served as they came."""
    world = World().start()
    calls = [world.call_in("200") for _ in range(8)]
    world.pump()
    served: list[CallId] = []
    for agent in coming:
        world.phone(agent)
        world.pump()
        for other in (ANNA, BORIS):
            world.answer(other)
            world.pump()
        talking = [call for call in world.floor.calls.values() if call.state is CallState.TALKING]
        served += [call.id for call in talking if call.id not in served]
        for other in (ANNA, BORIS):
            world.hang_up_agent(other)
        world.pass_time(20)
    assert served == calls[: len(served)]
    assert len(served) >= len(coming)
