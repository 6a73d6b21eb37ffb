"""What the tests of ARI orders start from: a client who called, and the orders for him."""

from datetime import timedelta
from typing import Any

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName, agent_leg_id, prompt_id
from bridge.centre.orders import Connect, Play, RingAgent
from tests.fakes.asterisk import FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox

SUPPORT = QueueName("support")


async def offered(fake: FakeAsterisk, inbox: FactInbox) -> CallId:
    return (await inbox.wait(CallOffered, call=await fake.call_in())).call


async def connected(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> CallId:
    """He talks with 1001."""
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    await link.carry_out(Connect(call, LegId(call), agent_leg_id(call, 1)))
    return call


def ring(call: CallId, offer: int = 1, **changed: Any) -> RingAgent:
    values: dict[str, Any] = {
        "call": call,
        "leg": agent_leg_id(call, offer),
        "originator": LegId(call),
        "agent": AgentId("1001"),
        "endpoint": Endpoint("PJSIP/1001"),
        "caller_number": "+79161234567",
        "caller_name": "Иван",
        "ring": timedelta(seconds=19.5),
    }
    return RingAgent(**(values | changed))


def sent(fake: FakeAsterisk, operation: str) -> list[dict[str, str]]:
    return [one.query for one in fake.requests if one.operation == operation]


def play(call: CallId, *sounds: str, number: int = 1) -> Play:
    return Play(call, LegId(call), prompt_id(call, number), sounds, "ru")
