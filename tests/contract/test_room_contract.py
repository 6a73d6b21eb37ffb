"""Who is in which Conversation, held, muted, or hears a ring: the fake and the real Asterisk must agree."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import pytest

from bridge.ari import AriLink, models
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegLeft
from bridge.centre.ids import (
    AgentId,
    CallId,
    ConversationId,
    Endpoint,
    LegId,
    QueueName,
    agent_leg_id,
    consultation_id,
    conversation_id,
    ear_id,
    prompt_id,
    watch_room_id,
)
from bridge.centre.orders import (
    Answer,
    ClearCall,
    Connect,
    EndWatch,
    HangUp,
    Hold,
    Join,
    Mute,
    Play,
    RingAgent,
    RingBack,
    ToDialplan,
    ToFallback,
    Watch,
)
from bridge.centre.wish_facts import Supervise
from bridge.errors import Gone
from tests.contract.asterisk_container import phone
from tests.contract.conftest import Side
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running


async def answered(link: AriLink, inbox: FactInbox, offered: CallOffered, number: int) -> LegId:
    leg = agent_leg_id(offered.call, number)
    order = RingAgent(
        call=offered.call,
        leg=leg,
        originator=offered.leg,
        agent=AgentId(f"100{number}"),
        endpoint=Endpoint(phone("answers")),
        caller_number="+79161234567",
        caller_name="Ivan",
        ring=timedelta(seconds=20),
    )
    await link.carry_out(order)
    await inbox.wait(LegAnswered, leg=leg)
    return leg


async def talking(link: AriLink, inbox: FactInbox, offered: CallOffered) -> LegId:
    """Returns the agent's leg."""
    await link.carry_out(Answer(offered.call, offered.leg))
    leg = await answered(link, inbox, offered, 1)
    await link.carry_out(Connect(offered.call, offered.leg, leg))
    await inbox.wait(LegJoined, leg=offered.leg)
    await inbox.wait(LegJoined, leg=leg)
    return leg


async def rooms(link: AriLink) -> dict[str, set[str]]:
    return {one.id: set(one.channels) for one in await link.bridges()}


async def become(link: AriLink, expected: dict[ConversationId, Collection[LegId]]) -> None:
    """Asterisk answers some requests before a channel has moved."""
    wanted = {room: set(legs) for room, legs in expected.items()}
    try:
        async with asyncio.timeout(5):
            while await rooms(link) != wanted:
                await asyncio.sleep(0.02)
    except TimeoutError:
        assert await rooms(link) == wanted


def hold(call: CallId, leg: LegId) -> Hold:
    return Hold(call, leg, "default")


async def test_consultation_and_transfer(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    call, client = offered.call, offered.leg
    talk, consult = conversation_id(call), consultation_id(call, 1)
    first = await talking(link, inbox, offered)
    for _ in range(2):
        await link.carry_out(hold(call, client))
        await link.carry_out(RingBack(call, first))
        await become(link, {talk: ()})
    second = await answered(link, inbox, offered, 2)
    for leg in (first, second):
        await link.carry_out(Join(call, leg, consult))
        await link.carry_out(Join(call, leg, consult))
    await become(link, {talk: (), consult: (first, second)})
    # Swapped: he talks with the client, whom he consulted hears music; and back.
    await link.carry_out(hold(call, second))
    await link.carry_out(Join(call, client, talk))
    await link.carry_out(Join(call, first, talk))
    await become(link, {talk: (client, first), consult: ()})
    await link.carry_out(hold(call, client))
    for leg in (first, second):
        await link.carry_out(Join(call, leg, consult))
    await become(link, {talk: (), consult: (first, second)})
    # All three.
    for leg in (client, first, second):
        await link.carry_out(Join(call, leg, talk))
    await become(link, {talk: (client, first, second), consult: ()})
    await link.carry_out(HangUp(call, first))
    await inbox.wait(LegEnded, leg=first)
    await become(link, {talk: (client, second), consult: ()})
    assert inbox.of(LegEnded) == [await inbox.wait(LegEnded, leg=first)]
    for leg in (second, client):
        await link.carry_out(HangUp(call, leg))
        await inbox.wait(LegEnded, leg=leg)
    await link.carry_out(ClearCall(call))
    await link.carry_out(ClearCall(call))
    await become(link, {})


async def test_both_come_at_once(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    """Each time to a room that is not there yet: whoever is first, both are in it."""
    call = offered.call
    first = await talking(link, inbox, offered)
    second = await answered(link, inbox, offered, 2)
    rest: dict[ConversationId, Collection[LegId]] = {conversation_id(call): (offered.leg,)}
    for number in range(1, 31):
        room = consultation_id(call, number)
        await asyncio.gather(*(link.carry_out(Join(call, leg, room)) for leg in (first, second)))
        await become(link, {**rest, room: (first, second)})
        rest[room] = ()


async def test_join_from_one_room_to_another_is_told_once_each(
    offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    call = offered.call
    agent = await talking(link, inbox, offered)
    await link.carry_out(Join(call, agent, consultation_id(call, 1)))
    await inbox.wait(LegLeft, leg=agent)
    await become(link, {conversation_id(call): (offered.leg,), consultation_id(call, 1): (agent,)})
    await link.carry_out(Join(call, agent, conversation_id(call)))
    async with asyncio.timeout(5):
        while len([one for one in inbox.of(LegJoined) if one.leg == agent]) < 2:
            await asyncio.sleep(0.02)
    story = [type(one) for one in inbox.facts if getattr(one, "leg", None) == agent]
    assert story[-3:] == [LegJoined, LegLeft, LegJoined]
    assert [one.leg for one in inbox.of(LegLeft)] == [agent]


async def test_held_while_a_prompt_plays(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    """What is played does not keep him from being held, nor from coming back."""
    call, client = offered.call, offered.leg
    agent = await talking(link, inbox, offered)
    await link.carry_out(hold(call, client))
    await link.carry_out(Play(call, client, prompt_id(call, 1), ("hello",) * 20, "en"))
    async with asyncio.timeout(5):  # all these sounds last longer
        await link.carry_out(Join(call, client, conversation_id(call)))
        await become(link, {conversation_id(call): (client, agent)})


async def test_mute_twice(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    call = offered.call
    agent = await talking(link, inbox, offered)
    for muted in (True, True, False, False):
        await link.carry_out(Mute(call, agent, muted))
    await become(link, {conversation_id(call): (offered.leg, agent)})
    assert inbox.of(LegLeft) == []


async def test_leg_that_is_gone(offered: CallOffered, link: AriLink, inbox: FactInbox) -> None:
    call, client = offered.call, offered.leg
    agent = await talking(link, inbox, offered)
    await link.carry_out(HangUp(call, agent))
    await inbox.wait(LegEnded, leg=agent)
    orders = (
        Join(call, agent, conversation_id(call)),
        Join(call, agent, consultation_id(call, 1)),
        hold(call, agent),
        RingBack(call, agent),
        Mute(call, agent, muted=True),
        Mute(call, agent, muted=False),
    )
    for order in orders:
        with pytest.raises(Gone):
            await link.carry_out(order)
    await link.carry_out(ToDialplan(call, agent))  # what it asks for is so already
    await become(link, {conversation_id(call): (client,), consultation_id(call, 1): ()})
    await link.carry_out(HangUp(call, client))
    await inbox.wait(LegEnded, leg=client)
    await link.carry_out(ClearCall(call))
    await become(link, {})


async def test_back_to_the_dialplan_out_of_a_consultation(
    offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    call, client = offered.call, offered.leg
    agent = await talking(link, inbox, offered)
    await link.carry_out(hold(call, client))
    await link.carry_out(Join(call, agent, consultation_id(call, 1)))
    await link.carry_out(HangUp(call, agent))
    await inbox.wait(LegEnded, leg=agent)
    await link.carry_out(ToFallback(call, client, QueueName("support")))
    await become(link, {})
    assert client in {one.id for one in await link.channels()}
    with pytest.raises(Gone):
        await link.carry_out(hold(call, client))


async def test_a_successor_finds_a_consultation(
    side: Side, offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    call, client = offered.call, offered.leg
    talk, consult = conversation_id(call), consultation_id(call, 1)
    first = await talking(link, inbox, offered)
    await link.carry_out(hold(call, client))
    second = await answered(link, inbox, offered, 2)
    for leg in (first, second):
        await link.carry_out(Join(call, leg, consult))
    successor = ari_link(side.url, side.username, side.password, FactInbox(), request_seconds=5.0)
    async with running(successor):
        survey = await successor.survey({})
        assert survey.bridges == {talk: frozenset(), consult: frozenset({first, second})}
        await successor.carry_out(hold(call, second))
        await become(successor, {talk: (), consult: (first,)})
        for leg in (client, first):
            await successor.carry_out(Join(call, leg, talk))
        await become(successor, {talk: (client, first), consult: ()})
        await successor.carry_out(HangUp(call, client))
        await successor.carry_out(ClearCall(call))
        await become(successor, {})


async def test_what_asterisk_says_when_it_does_not_fit(
    side: Side, offered: CallOffered, link: AriLink, inbox: FactInbox
) -> None:
    call, client = offered.call, offered.leg
    agent = await talking(link, inbox, offered)
    await link.carry_out(Join(call, agent, consultation_id(call, 1)))
    for room, leg, status in (
        (conversation_id(call), agent, 422),  # in another one
        (conversation_id(call), "contract-1.1", 400),
        ("contract-1.1-talk", client, 404),
    ):
        with pytest.raises(Gone) as caught:
            await side.rest.call("bridges.removeChannel", room, query={"channel": leg})
        assert caught.value.status == status
    for operation in ("channels.ring", "channels.ringStop", "channels.stopMoh", "channels.mute"):
        for _ in range(2):  # whatever he hears, and where he is
            await side.rest.call(operation, agent, query={"direction": "in"} if "mute" in operation else None)
        assert agent in {one for legs in (await rooms(link)).values() for one in legs}
    names = {one.name for one in await side.rest.get(list[models.Bridge], "bridges.list")}
    assert names == {"callbridge"}


async def test_successor_finds_a_supervisor_and_his_ear(
    offered: CallOffered, link: AriLink, inbox: FactInbox, side: Side
) -> None:
    """He is brought beside the agent once more, for nobody knows whether he is; nothing is there twice."""
    call = offered.call
    agent = await talking(link, inbox, offered)
    leg = await answered(link, inbox, offered, 2)
    room = watch_room_id(call, 1)
    beside = {conversation_id(call): (offered.leg, agent), room: (leg, LegId(ear_id(room, agent)))}
    order = Watch(call, leg, 1, agent, Supervise.LISTEN)
    await link.carry_out(order)
    await become(link, beside)
    successor = ari_link(side.url, side.username, side.password, FactInbox(), request_seconds=5.0)
    async with running(successor):
        await successor.survey({})
        await successor.carry_out(order)
        await become(successor, beside)
        await successor.carry_out(EndWatch(call, leg, 1, agent))
        await successor.carry_out(HangUp(call, offered.leg))
        await successor.carry_out(ClearCall(call))
        await become(successor, {})
