"""What is keyed in is told while he waits or chooses, and not while he talks: that is between the two."""

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import AgentDialled, DigitReceived, LegEnded
from bridge.centre.ids import CallId, LegId, agent_leg_id, consultation_id, conversation_id
from bridge.centre.orders import ClearCall, EnterWaitingRoom, Hold, Join
from bridge.errors import Gone
from tests.fakes.ari_calls import SUPPORT, connected, offered, ring
from tests.fakes.asterisk import FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox


async def told(fake: FakeAsterisk, inbox: FactInbox, leg: str) -> bool:
    """Whether a digit of this leg is; a later one of somebody who chooses shows that it was read."""
    other = await offered(fake, inbox)
    before = len([one for one in inbox.of(DigitReceived) if one.leg == leg])
    await fake.press(leg, "4")
    await fake.press(other, "9")
    await inbox.wait(DigitReceived, leg=other)
    await fake.hang_up(other)
    await inbox.wait(LegEnded, leg=other)
    return len([one for one in inbox.of(DigitReceived) if one.leg == leg]) > before


async def test_digits_of_who_talks_are_not_told(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    waits = await offered(fake, inbox)
    assert await told(fake, inbox, waits)
    enter = EnterWaitingRoom(waits, LegId(waits), "jazz", SUPPORT)
    await link.carry_out(enter)
    assert await told(fake, inbox, waits)
    call = await connected(fake, link, inbox)
    assert not await told(fake, inbox, call)
    assert not await told(fake, inbox, agent_leg_id(call, 1))
    await link.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
    assert await told(fake, inbox, call)
    await link.carry_out(Join(call, LegId(call), conversation_id(call)))
    assert not await told(fake, inbox, call)
    await link.carry_out(Hold(call, LegId(call), "jazz"))
    assert await told(fake, inbox, call)
    assert await told(fake, inbox, agent_leg_id(call, 1))


async def test_client_whose_agent_hung_up_talks_with_nobody(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    await fake.hang_up(agent_leg_id(call, 1))
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1))
    assert await told(fake, inbox, call)


async def test_two_who_consult_and_a_client_who_is_held(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    await link.carry_out(Hold(call, LegId(call), "jazz"))
    await link.carry_out(ring(call, offer=2))
    for number in (1, 2):
        await link.carry_out(Join(call, agent_leg_id(call, number), consultation_id(call, 1)))
    assert not await told(fake, inbox, agent_leg_id(call, 1))
    assert not await told(fake, inbox, agent_leg_id(call, 2))
    assert await told(fake, inbox, call)


async def test_a_successor_knows_who_talks(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    for memory in (link._interest._calls, link._interest._seats, link._interest._sitting):
        memory.clear()
    assert await told(fake, inbox, call)
    await link.survey({})
    assert not await told(fake, inbox, call)


async def test_who_could_not_be_joined_talks_with_nobody(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """His agent hung up, and the order to bring him there came after that."""
    call = await connected(fake, link, inbox)
    await fake.hang_up(agent_leg_id(call, 1))
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1))
    with pytest.raises(Gone):
        await link.carry_out(Join(call, agent_leg_id(call, 1), conversation_id(call)))
    assert await told(fake, inbox, call)


async def line_that_consults(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> tuple[CallId, LegId]:
    """1001 asks 1002 on another line of his phone, which is a channel of its own."""
    fake.phones["PJSIP/1002"] = Phone.ANSWERS
    call = await connected(fake, link, inbox)
    line = LegId(await fake.call_in(args=["dialled", "1002"]))
    await inbox.wait(AgentDialled, leg=line)
    await link.carry_out(ring(call, offer=2, endpoint="PJSIP/1002"))
    for leg in (line, agent_leg_id(call, 2)):
        await link.carry_out(Join(call, leg, consultation_id(call, 1)))
    assert fake.bridges[f"{call}-consult-1"] == [line, agent_leg_id(call, 2)]
    return call, line


async def test_digits_of_a_consultation_on_another_line_are_not_told(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call, line = await line_that_consults(fake, link, inbox)
    assert not await told(fake, inbox, line)
    assert not await told(fake, inbox, agent_leg_id(call, 2))


async def test_another_line_can_be_held(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call, line = await line_that_consults(fake, link, inbox)
    await link.carry_out(Hold(call, line, "jazz"))
    assert (fake.channels[line].bridge, fake.channels[line].music) == (None, "jazz")


async def test_a_call_with_another_line_is_forgotten_with_it(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call, line = await line_that_consults(fake, link, inbox)
    for leg in (line, LegId(call)):
        await fake.hang_up(leg)
        await inbox.wait(LegEnded, leg=leg)
        await link.carry_out(ClearCall(CallId(leg)))
    assert fake.bridges == {}
    assert link._interest._calls == {}
