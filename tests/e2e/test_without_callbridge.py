"""What Asterisk does on its own: calls from phone to phone, and the native queue while Callbridge is away."""

import pytest

from tests.e2e.parts import Api, Lab, caller, eventually, phone
from tests.e2e.scene import recorded, stranger

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

SUPPORT = "+74950000002"


async def test_call_from_phone_to_phone_makes_its_agent_busy(lab: Lab, api: Api) -> None:
    async def internal() -> dict[str, tuple[str, str]]:
        calls = await api.all("/calls")
        return {c["id"]: (c["agent"], c["outcome"]) for c in calls if c["direction"] == "internal"}

    before = await internal()
    async with phone(lab, "1001", answer=None) as anna, phone(lab, "1002", answer=None) as boris:
        await api.agent_is("1001", "ready")
        await boris.do(do="call", uri=f"sip:1001@{lab.host}:{lab.sip_port}")
        await anna.event("incoming")
        await api.agent_is("1001", "ringing")
        # A caller from the trunk is offered to nobody whose phone is taken.
        async with caller(lab, SUPPORT, talk=2) as client:
            await client.event("answered")
            await anna.do(do="answer")
            await anna.event("answered")
            await api.agent_is("1001", "talking")
            await client.event("done", seconds=30)
        assert anna.count("incoming") == 1
        await anna.do(do="hangup")
        await api.agent_is("1001", "ready")

        async def new() -> list[tuple[str, str]]:
            return [call for call_id, call in (await internal()).items() if call_id not in before]

        await eventually(new, lambda seen: seen == [("1001", "answered")])


async def test_native_queue_serves_while_callbridge_is_away(lab: Lab, api: Api) -> None:
    number = stranger()
    async with phone(lab, "1001", answer=0.3) as anna:
        await api.agent_is("1001", "ready")
        async with lab.away("stop"), caller(lab, SUPPORT, number=number, talk=6) as client:
            await anna.event("answered", seconds=30)
            await client.event("done", seconds=60)
        assert client.events[-1]["calls"] == 1
    # Asterisk's two files are on their ticket, and gone from Asterisk: the fixture looks.
    call = await api.ended(number)
    assert (call["outcome"], call["agent"], call["queue"]) == ("answered", "1001", "support")
    talked = (await anna.event("ended"))["wall"] - (await anna.event("answered"))["wall"]
    assert abs((await recorded(api, call)).seconds - talked) < 1

    async with phone(lab, "1001") as anna, caller(lab, SUPPORT, talk=1) as client:
        await anna.event("answered")
        await client.event("done", seconds=30)
