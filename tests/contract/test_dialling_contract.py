"""A channel made and dialled later, and whose ids may live together: the fake and the real Asterisk."""

import time
from datetime import timedelta

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegMade
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, agent_leg_id, wished_call_id
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    ClearCall,
    Connect,
    MakeLeg,
    RingAgent,
    RingNumber,
)
from bridge.errors import Gone, Refused, Unreachable
from tests.contract.asterisk_container import phone
from tests.contract.conftest import Side
from tests.fakes.inbox import FactInbox

OURS = "+74950000001"
RING = timedelta(seconds=20)


@pytest.fixture
def call() -> CallId:
    return wished_call_id(time.time_ns() // 1_000_000, 1)


def make(call: CallId, endpoint: str) -> MakeLeg:
    return MakeLeg(call, LegId(call), Endpoint(endpoint), OURS)


def ring(call: CallId) -> RingAgent:
    agent, leg = AgentId("1001"), agent_leg_id(call, 1)
    return RingAgent(call, leg, LegId(call), agent, Endpoint(phone("answers")), "+74951112233", "", RING)


async def states(link: AriLink, call: CallId) -> dict[str, str]:
    return {leg: state for leg, state in (await link.states()).items() if leg.startswith(call)}


async def test_made_then_the_agent_then_dialled_and_both_are_joined(
    side: Side, link: AriLink, inbox: FactInbox, call: CallId
) -> None:
    client, agent = LegId(call), agent_leg_id(call, 1)
    await link.carry_out(make(call, phone("answers")))
    await inbox.wait(LegMade, leg=client)
    assert await states(link, call) == {client: "Down"}
    await link.carry_out(ring(call))
    await inbox.wait(LegAnswered, leg=agent)
    assert (await states(link, call))[client] == "Down"
    await link.carry_out(RingNumber(call, client, agent, Endpoint(phone("answers")), OURS, RING))
    await inbox.wait(LegAnswered, leg=client)
    await link.carry_out(Connect(call, client, agent))
    await inbox.wait(LegJoined, leg=client)
    await inbox.wait(LegJoined, leg=agent)
    assert inbox.of(CallOffered) == []
    await link.carry_out(ClearCall(call))
    await inbox.wait(LegEnded, leg=client)
    await inbox.wait(LegEnded, leg=agent)


async def test_an_id_with_which_a_living_one_begins_is_refused(
    side: Side, link: AriLink, inbox: FactInbox, call: CallId
) -> None:
    agent = agent_leg_id(call, 1)
    await link.carry_out(ring(call))
    await inbox.wait(LegAnswered, leg=agent)
    with pytest.raises(Refused) as caught:
        await link.carry_out(make(call, phone("answers")))
    assert caught.value.status == 409
    assert not isinstance(caught.value, Gone)
    assert await states(link, call) == {agent: "Up"}
    await link.carry_out(ClearCall(call))
    await inbox.wait(LegEnded, leg=agent)


async def test_hung_up_undialled_its_end_is_told(
    side: Side, link: AriLink, inbox: FactInbox, call: CallId
) -> None:
    await link.carry_out(make(call, phone("answers")))
    await inbox.wait(LegMade, leg=LegId(call))
    await link.carry_out(CancelRing(call, LegId(call), CancelReason.CALLER_GONE))
    await inbox.wait(LegEnded, leg=LegId(call))
    assert await states(link, call) == {}


async def test_to_a_phone_that_is_not_there_no_channel_is_made(
    side: Side, link: AriLink, inbox: FactInbox, call: CallId
) -> None:
    with pytest.raises(Unreachable):
        await link.carry_out(make(call, "PJSIP/1001"))
    assert await states(link, call) == {}
    assert inbox.of(LegMade) == []
