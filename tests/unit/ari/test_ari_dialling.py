"""A call that an agent wished: the client's leg is made, the agent's rung, and then the client's dialled."""

import asyncio
from datetime import timedelta

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegMade, LegRinging
from bridge.centre.ids import CallId, Endpoint, LegId, agent_leg_id, wished_call_id
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    ClearCall,
    Connect,
    HangUp,
    LeaveWaitingRoom,
    MakeLeg,
    RingBack,
    RingNumber,
)
from bridge.errors import Gone, Refused, RequestTimeout, Unreachable
from tests.fakes.ari_calls import ring, sent
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running

CALL = wished_call_id(1_764_000_000_000, 1)
CLIENT, AGENT = LegId(CALL), agent_leg_id(CALL, 1)
OUTSIDE = Endpoint("PJSIP/+74951112233@lab")


def ring_outside() -> RingNumber:
    return RingNumber(CALL, CLIENT, AGENT, OUTSIDE, "+74950000001", timedelta(seconds=30))


MAKE = MakeLeg(CALL, CLIENT, OUTSIDE, "+74950000001")


async def made(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones[OUTSIDE] = Phone.RINGS
    await link.carry_out(MAKE)
    await inbox.wait(LegMade, leg=CLIENT)


async def agent_is_there(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    await made(fake, link, inbox)
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    await link.carry_out(ring(CALL))
    await inbox.wait(LegAnswered, leg=AGENT)
    await link.carry_out(RingBack(CALL, AGENT))


async def test_the_two_are_joined_and_he_does_not_hear_it_ring_any_more(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    await agent_is_there(fake, link, inbox)
    assert fake.channels[AGENT].rings_back
    fake.phones[OUTSIDE] = Phone.ANSWERS
    await link.carry_out(ring_outside())
    answered = await inbox.wait(LegAnswered, leg=CLIENT)
    assert answered.call == CALL
    assert {fact.leg for fact in inbox.of(LegRinging)} == {AGENT, CLIENT}
    created = sent(fake, "channels.create")
    assert [(one["channelId"], one.get("originator")) for one in created] == [(CLIENT, None), (AGENT, CLIENT)]
    assert [one.ids for one in fake.requests if one.operation == "channels.dial"] == [(AGENT,), (CLIENT,)]
    assert fake.channels[CLIENT].variables["CONNECTEDLINE(num,i)"] == "+74950000001"
    await link.carry_out(Connect(CALL, CLIENT, AGENT))
    assert not fake.channels[AGENT].rings_back
    assert fake.bridges == {f"{CALL}-talk": [CLIENT, AGENT]}
    await inbox.wait(LegJoined, leg=CLIENT)
    await link.carry_out(HangUp(CALL, CLIENT))
    await inbox.wait(LegEnded, leg=CLIENT)
    await link.carry_out(ClearCall(CALL))
    assert fake.channels == {}
    assert fake.bridges == {}
    assert inbox.of(CallOffered) == []


async def test_busy_outside_is_told_with_its_cause(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    await agent_is_there(fake, link, inbox)
    fake.phones[OUTSIDE] = Phone.BUSY
    await link.carry_out(ring_outside())
    ended = await inbox.wait(LegEnded, leg=CLIENT)
    assert ended.cause == 17
    await link.carry_out(LeaveWaitingRoom(CALL, AGENT))
    assert not fake.channels[AGENT].rings_back


async def test_it_is_taken_back_while_it_rings(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    await agent_is_there(fake, link, inbox)
    fake.phones[OUTSIDE] = Phone.RINGS
    await link.carry_out(ring_outside())
    await inbox.wait(LegRinging, leg=CLIENT)
    await link.carry_out(ring_outside())  # twice
    assert len(sent(fake, "channels.create")) == 2
    await link.carry_out(CancelRing(CALL, CLIENT, CancelReason.CALLER_GONE))
    await inbox.wait(LegEnded, leg=CLIENT)
    assert list(fake.channels) == [AGENT]


async def test_another_process_finds_the_client_as_a_leg_that_we_made(
    fake: FakeAsterisk, inbox: FactInbox
) -> None:
    first = ari_link(fake.url, USERNAME, PASSWORD, inbox)
    successor = ari_link(fake.url, USERNAME, PASSWORD, FactInbox())
    async with running(first):
        await agent_is_there(fake, first, inbox)
        fake.phones[OUTSIDE] = Phone.RINGS
        await first.carry_out(ring_outside())
        await inbox.wait(LegRinging, leg=CLIENT)
        async with running(successor):
            survey = await successor.survey({})
            assert survey.legs == {AGENT: "Up", CLIENT: "Ringing"}
            assert survey.arrivals == {}
            before = len(fake.requests)
            await successor.carry_out(ring_outside())  # it rings already
            await asyncio.sleep(0)
            assert [one.operation for one in fake.requests[before:]] == []
            await successor.carry_out(ClearCall(CallId(CALL)))
            assert fake.channels == {}


# ── made, and not dialled ────────────────────────────────────────────────────


async def test_made_it_is_down_and_nobody_has_come_or_rings(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    await made(fake, link, inbox)
    assert fake.channels[CLIENT].state == "Down"
    assert sent(fake, "channels.dial") == []
    assert inbox.facts == [LegMade(CALL, CLIENT)]


async def test_made_twice_it_is_one(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    await made(fake, link, inbox)
    await link.carry_out(MAKE)
    assert list(fake.channels) == [CLIENT]
    await link.carry_out(ring_outside())
    await link.carry_out(MAKE)
    await inbox.wait(LegRinging, leg=CLIENT)
    assert fake.channels[CLIENT].state == "Ringing"


async def test_hung_up_undialled_nothing_is_left(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    await made(fake, link, inbox)
    await link.carry_out(CancelRing(CALL, CLIENT, CancelReason.CALLER_GONE))
    await inbox.wait(LegEnded, leg=CLIENT)
    assert fake.channels == {}
    with pytest.raises(Gone):
        await link.carry_out(ring(CALL))  # there is nobody for whom


async def test_the_other_way_round_it_is_refused(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    """The agent's id begins with the client's: Asterisk says that this one exists, and it does not."""
    fake.phones |= {OUTSIDE: Phone.RINGS, "PJSIP/1001": Phone.ANSWERS}
    await link.carry_out(ring(CALL))
    with pytest.raises(Refused) as caught:
        await link.carry_out(MAKE)
    assert caught.value.status == 409
    assert list(fake.channels) == [AGENT]


async def test_a_trunk_that_is_not_there(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    with pytest.raises(Unreachable):
        await link.carry_out(MAKE)
    assert (fake.channels, inbox.facts) == ({}, [])


async def test_that_never_enters_is_not_left_behind(fake: FakeAsterisk, inbox: FactInbox) -> None:
    fake.phones[OUTSIDE] = Phone.RINGS
    fake.mute_arrivals = True
    link = ari_link(fake.url, USERNAME, PASSWORD, inbox)
    async with running(link):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bridge.ari.media.REQUEST_SECONDS", 0.05)
            with pytest.raises(RequestTimeout):
                await link.carry_out(MAKE)
    assert fake.channels == {}


async def test_the_agent_is_gone_before_it_is_dialled(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    await agent_is_there(fake, link, inbox)
    await link.carry_out(HangUp(CALL, AGENT))
    await inbox.wait(LegEnded, leg=AGENT)
    with pytest.raises(Gone):
        await link.carry_out(ring_outside())
    await inbox.wait(LegEnded, leg=CLIENT)
    assert fake.channels == {}
    assert len(sent(fake, "channels.dial")) == 1


async def test_another_process_dials_what_was_only_made(fake: FakeAsterisk, inbox: FactInbox) -> None:
    first, heard = ari_link(fake.url, USERNAME, PASSWORD, inbox), FactInbox()
    successor = ari_link(fake.url, USERNAME, PASSWORD, heard)
    async with running(first):
        await agent_is_there(fake, first, inbox)
        async with running(successor):
            survey = await successor.survey({})
            assert survey.legs == {AGENT: "Up", CLIENT: "Down"}
            assert survey.arrivals == {}
            await successor.carry_out(ring_outside())
            await heard.wait(LegRinging, leg=CLIENT)
            assert len(sent(fake, "channels.create")) == 2
            await successor.carry_out(ClearCall(CallId(CALL)))
            assert fake.channels == {}
