"""Ringing an agent: what his phone shows, and that no leg is left behind whatever happens at any moment."""

import asyncio

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import LegEnded, LegRinging
from bridge.centre.ids import agent_leg_id
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    ClearCall,
)
from bridge.errors import Gone, LinkDown, RequestTimeout, Unreachable
from tests.fakes.ari_calls import offered, ring, sent
from tests.fakes.asterisk import FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox, until


async def test_ring(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    leg = agent_leg_id(call, 1)
    await inbox.wait(LegRinging, leg=leg)
    assert sent(fake, "channels.create") == [
        {
            "endpoint": "PJSIP/1001",
            "app": "callbridge",
            "appArgs": f"agent,{call}",
            "channelId": leg,
            "originator": call,
        }
    ]
    assert sent(fake, "channels.dial") == [{"timeout": "20"}]
    assert fake.channels[leg].variables == {
        "CALLBRIDGE_CALL": call,
        "CONNECTEDLINE(num,i)": "+79161234567",
        "CONNECTEDLINE(name,i)": "Иван",
        "CONNECTEDLINE(pres,i)": "allowed",
        "CHANNEL(hangup_handler_push)": "callbridge-ended,leg,1",
        "TRANSFER_CONTEXT": "callbridge-transfer",
        "GROUP(callbridge)": "1001",
    }
    await link.carry_out(ring(call))  # sent twice: a second dial would kill the first
    assert len(sent(fake, "channels.dial")) == 1
    assert leg in fake.channels


async def test_withheld_caller_is_not_shown(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call, caller_number="", caller_name="Ivan"))
    variables = fake.channels[agent_leg_id(call, 1)].variables
    assert variables["CONNECTEDLINE(pres,i)"] == "prohib"
    assert "Ivan" not in variables.values()


async def test_hostile_name_is_one_printable_line(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call, caller_name='a"\r\nVia: x\x00' + "b" * 500))
    name = fake.channels[agent_leg_id(call, 1)].variables["CONNECTEDLINE(name,i)"]
    assert name.startswith('a" Via: x b')
    assert len(name) == 80


async def test_phone_that_sends_early_media_rings(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.EARLY_MEDIA
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 1))


async def test_busy_phone(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.BUSY
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1), cause=17, tech_cause=486)


async def test_phone_that_is_not_registered(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    with pytest.raises(Unreachable, match="not registered"):
        await link.carry_out(ring(call))
    assert sent(fake, "channels.hangup") == []
    fake.phones["PJSIP/1001"] = Phone.RINGS
    await link.carry_out(ring(call, offer=2))
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 2))


async def test_leg_from_before_this_process_is_not_dialled_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    link._interest._calls.clear()
    await link.carry_out(ring(call))
    assert len(sent(fake, "channels.dial")) == 1
    assert agent_leg_id(call, 1) in fake.channels


async def test_failed_dial_leaves_no_leg(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.failures["channels.dial"] = (503, "")
    call = await offered(fake, inbox)
    with pytest.raises(LinkDown):
        await link.carry_out(ring(call))
    assert list(fake.channels) == [call]
    fake.failures.clear()
    await link.carry_out(ring(call))  # a retryable failure may be tried again
    await inbox.wait(LegRinging, leg=agent_leg_id(call, 1))


async def test_leg_that_never_enters(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.ari.media.REQUEST_SECONDS", 0.05)
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    with pytest.raises(RequestTimeout, match="never entered"):
        await link.carry_out(ring(call))
    assert list(fake.channels) == [call]


async def test_caller_hangs_up_before_the_phone_is_dialled(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: agent_leg_id(call, 1) in fake.channels)
    await fake.hang_up(call)
    with pytest.raises(Gone, match="caller hung up"):
        await ringing
    assert fake.channels == {}
    with pytest.raises(Gone):
        await link.carry_out(ring(call, offer=2))
    assert fake.channels == {}


async def test_ring_taken_back_before_the_phone_is_dialled(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    leg = agent_leg_id(call, 1)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: leg in fake.channels)
    await link.carry_out(CancelRing(call, leg, CancelReason.ANSWERED_ELSEWHERE))
    with pytest.raises(Gone, match="taken back"):
        await ringing
    assert list(fake.channels) == [call]


async def test_clearing_the_call_ends_a_ring_that_is_being_made(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: agent_leg_id(call, 1) in fake.channels)
    await link.carry_out(ClearCall(call))
    with pytest.raises(Gone):
        await ringing
    assert list(fake.channels) == [call]


async def test_cancelled_task_leaves_no_leg(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.delays["channels.dial"] = 60
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: sent(fake, "channels.dial"))
    ringing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ringing
    assert list(fake.channels) == [call]


async def test_leg_that_comes_after_its_creation_was_given_up_is_ended(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    fake.delays["channels.create"] = 0.3
    link._rest._seconds = 0.1
    with pytest.raises(RequestTimeout):
        await link.carry_out(ring(call))
    link._rest._seconds = 2.0
    await until(lambda: len(sent(fake, "channels.hangup")) >= 1)
    stray = agent_leg_id(call, 1)
    fake.delays.clear()
    late = fake._new_channel("Down", number="", name="")
    del fake.channels[late.id]
    late.id = stray
    fake.channels[stray] = late
    await fake._enter(late, ["agent", call])
    await until(lambda: stray not in fake.channels)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (CancelReason.ANSWERED_ELSEWHERE, 26),
        (CancelReason.NO_ANSWER, 19),
        (CancelReason.CALLER_GONE, 16),
    ],
)
async def test_cancel_ring(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, reason: CancelReason, cause: int
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    await link.carry_out(ring(call))
    cancel = CancelRing(call, agent_leg_id(call, 1), reason)
    await link.carry_out(cancel)
    await inbox.wait(LegEnded, leg=agent_leg_id(call, 1), cause=cause)
    await link.carry_out(cancel)


async def test_no_ring_without_events(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    await fake.stop()
    await until(lambda: not link.state.up)
    with pytest.raises(LinkDown, match="no ring without ARI"):
        await link.carry_out(ring(call))
    await fake.start()


async def test_phones_ring_in_the_order_in_which_they_are_asked_for(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """Asterisk would take dozens that come at once in any order."""
    calls = [await offered(fake, inbox) for _ in range(12)]
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.delays["channels.create"] = 0.02
    rings = [asyncio.create_task(link.carry_out(ring(call))) for call in calls]
    await until(lambda: sent(fake, "channels.create"))
    await asyncio.sleep(0.01)
    assert len(sent(fake, "channels.create")) == 4
    await asyncio.gather(*rings)
    order = [sent["originator"] for sent in sent(fake, "channels.create")]
    assert [set(order[i : i + 4]) for i in (0, 4, 8)] == [set(calls[i : i + 4]) for i in (0, 4, 8)]


async def test_ring_fails_at_once_when_the_link_is_lost(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    call = await offered(fake, inbox)
    ringing = asyncio.create_task(link.carry_out(ring(call)))
    await until(lambda: agent_leg_id(call, 1) in fake.channels)
    await fake.drop_sockets()
    with pytest.raises(LinkDown, match="link to ARI was lost"):
        await ringing


async def test_ring_that_is_ordered_in_a_gap_does_not_wait_for_its_end(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """Also while others hold all places: it would be made beside the one that is rung anew."""
    call = await offered(fake, inbox)
    fake.failures["asterisk.getInfo"] = (503, "")
    await fake.drop_sockets()
    await until(lambda: not link.state.up)
    for _ in range(4):
        await link._rings.acquire()
    with pytest.raises(LinkDown, match="no ring without ARI"):
        await link.carry_out(ring(call))


async def test_ring_that_waited_for_its_turn_is_not_made_after_a_gap(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """The comparison with Asterisk has found it missing, and rings anew: it would be a second one."""
    fake.phones["PJSIP/1001"] = Phone.RINGS
    fake.mute_arrivals = True
    calls = [await offered(fake, inbox) for _ in range(6)]
    rings = [asyncio.create_task(link.carry_out(ring(call))) for call in calls]
    await until(lambda: len(sent(fake, "channels.create")) == 4)
    await fake.drop_sockets()
    results = await asyncio.gather(*rings, return_exceptions=True)
    assert [type(result) for result in results] == [LinkDown] * 6
    await until(lambda: link.state.up)
    assert len(sent(fake, "channels.create")) == 4
    fake.mute_arrivals = False
    await link.carry_out(ring(calls[4]))
    await inbox.wait(LegRinging, leg=agent_leg_id(calls[4], 1))
