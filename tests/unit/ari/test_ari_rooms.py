"""Who is brought into which Conversation, is held, hears a ring, or is muted; and nothing stays behind."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import LegAnswered, LegEnded, LegJoined, LegLeft
from bridge.centre.ids import CallId, LegId, agent_leg_id, consultation_id, conversation_id
from bridge.centre.orders import (
    ClearCall,
    HangUp,
    Hold,
    Join,
    Mute,
    RingBack,
    ToDialplan,
    ToFallback,
)
from bridge.errors import Gone, LinkDown
from tests.fakes.ari_calls import SUPPORT, connected, offered, play, ring, sent
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox
from tests.fakes.links import running


def agent(call: CallId, number: int = 1) -> LegId:
    return agent_leg_id(call, number)


def join(call: CallId, leg: str, *, consult: int = 0) -> Join:
    room = consultation_id(call, consult) if consult else conversation_id(call)
    return Join(call, LegId(leg), room)


def hold(call: CallId, leg: str) -> Hold:
    return Hold(call, LegId(leg), "jazz")


async def consulting(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> CallId:
    """The client hears music; 1001's first leg and a second one talk about him."""
    call = await connected(fake, link, inbox)
    await link.carry_out(hold(call, call))
    await link.carry_out(RingBack(call, agent(call)))
    await link.carry_out(ring(call, offer=2))
    await inbox.wait(LegAnswered, leg=agent(call, 2))
    for number in (1, 2):
        await link.carry_out(join(call, agent(call, number), consult=1))
    return call


def asked(fake: FakeAsterisk, since: int) -> list[tuple[str, str]]:
    """What was asked for since then, and of what."""
    return [
        (one.operation, one.ids[0]) for one in fake.requests[since:] if one.operation != "events.userEvent"
    ]


# ── join ─────────────────────────────────────────────────────────────────────


async def test_consultation(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await consulting(fake, link, inbox)
    assert fake.bridges == {f"{call}-talk": [], f"{call}-consult-1": [agent(call), agent(call, 2)]}
    assert (fake.channels[call].bridge, fake.channels[call].music) == (None, "jazz")
    agents = [fake.channels[agent(call, number)] for number in (1, 2)]
    assert [(one.rings_back, one.music) for one in agents] == [(False, None)] * 2
    # Of the call's own Conversation only: the other one is not where the client is.
    assert [fact.leg for fact in inbox.of(LegJoined)] == [call, agent(call)]
    assert [fact.leg for fact in inbox.of(LegLeft)] == [call, agent(call)]
    types = {fake.bridge_types[room] for room in fake.bridges}
    assert (types, set(fake.bridge_names.values())) == ({"mixing"}, {"callbridge"})


async def test_join_moves_a_leg_by_one_request(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await consulting(fake, link, inbox)
    before = len(fake.requests)
    await link.carry_out(join(call, agent(call, 2)))
    moving = [one for one in asked(fake, before) if one[0].startswith("bridges.") and "create" not in one[0]]
    assert ("bridges.addChannel", f"{call}-talk") in moving
    assert not [one for one in moving if one[0] not in ("bridges.addChannel", "bridges.get")]
    assert sent(fake, "bridges.addChannel")[-1] == {
        "channel": agent(call, 2),
        "inhibitConnectedLineUpdates": "true",
    }
    assert fake.bridges == {f"{call}-talk": [agent(call, 2)], f"{call}-consult-1": [agent(call)]}
    await inbox.wait(LegJoined, leg=agent(call, 2))


async def test_join_twice_does_no_harm(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    adds = len(sent(fake, "bridges.addChannel"))
    for leg in (call, agent(call)):
        await link.carry_out(join(call, leg))
        await link.carry_out(join(call, leg))
    assert fake.bridges == {f"{call}-talk": [call, agent(call)]}
    assert len(sent(fake, "bridges.addChannel")) == adds  # it would leave and come again
    assert len(inbox.of(LegJoined)) == 2
    assert inbox.of(LegLeft) == []


async def test_what_he_hears_ends_before_he_joins(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    """Music would go on in the bridge, and addChannel waits for a prompt's end."""
    call = await connected(fake, link, inbox)
    await link.carry_out(hold(call, call))
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    await link.carry_out(RingBack(call, agent(call)))
    before = len(fake.requests)
    for leg in (call, agent(call)):
        await link.carry_out(join(call, leg))
    client, agents = fake.channels[call], fake.channels[agent(call)]
    assert (client.music, client.prompts, agents.rings_back) == (None, [], False)
    order = asked(fake, before)
    first, second = [place for place, one in enumerate(order) if one[0] == "bridges.addChannel"]
    assert order.index(("channels.stopMoh", call)) < first
    assert first < order.index(("channels.ringStop", agent(call))) < second
    assert fake.bridges[f"{call}-talk"] == [call, agent(call)]


async def test_music_of_a_phone_that_held_is_stopped_as_well(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    fake.channels[call].music = "asterisks own"
    await link.carry_out(join(call, call))
    assert fake.channels[call].music is None


async def test_join_while_nobody_answers_is_tried_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    fake.failures["bridges.addChannel"] = (503, "")
    with pytest.raises(LinkDown):
        await link.carry_out(join(call, agent(call), consult=1))
    fake.failures.clear()
    await link.carry_out(join(call, agent(call), consult=1))
    assert fake.bridges == {f"{call}-talk": [call], f"{call}-consult-1": [agent(call)]}


# ── hold, ring-back, mute ────────────────────────────────────────────────────


async def test_hold_and_back(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    await link.carry_out(hold(call, call))
    assert sent(fake, "bridges.removeChannel") == [{"channel": call}]
    assert fake.bridges == {f"{call}-talk": [agent(call)]}
    assert fake.channels[call].music == "jazz"
    await inbox.wait(LegLeft, leg=call)
    before = len(fake.requests)
    await link.carry_out(hold(call, call))
    assert asked(fake, before) == []  # again would begin it anew
    await link.carry_out(join(call, call))
    assert (fake.channels[call].music, fake.bridges) == (None, {f"{call}-talk": [agent(call), call]})
    await link.carry_out(hold(call, call))
    assert (fake.channels[call].music, fake.bridges) == ("jazz", {f"{call}-talk": [agent(call)]})


async def test_hold_of_who_was_in_no_room(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await offered(fake, inbox)
    fake.sound_seconds = 60
    await link.carry_out(play(call, "hello"))
    await link.carry_out(hold(call, call))
    assert (fake.channels[call].music, fake.channels[call].prompts) == ("jazz", [])
    assert sent(fake, "bridges.removeChannel") == []


async def test_hold_of_who_has_left_the_room_by_himself(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    await fake._leave_bridge(fake.channels[call])
    await link.carry_out(hold(call, call))
    assert fake.channels[call].music == "jazz"


async def test_hold_that_failed_half_way_is_done_again(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await connected(fake, link, inbox)
    for operation in ("bridges.removeChannel", "channels.startMoh"):
        fake.failures = {operation: (503, "")}
        with pytest.raises(LinkDown):
            await link.carry_out(hold(call, call))
    fake.failures.clear()
    await link.carry_out(hold(call, call))
    assert (fake.channels[call].music, fake.bridges) == ("jazz", {f"{call}-talk": [agent(call)]})


async def test_ring_back(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    order = RingBack(call, agent(call))
    await link.carry_out(order)
    assert (fake.bridges, fake.channels[agent(call)].rings_back) == ({f"{call}-talk": [call]}, True)
    before = len(fake.requests)
    await link.carry_out(order)
    assert asked(fake, before) == []
    await link.carry_out(hold(call, agent(call)))
    assert (fake.channels[agent(call)].rings_back, fake.channels[agent(call)].music) == (False, "jazz")
    await link.carry_out(order)
    assert (fake.channels[agent(call)].rings_back, fake.channels[agent(call)].music) == (True, None)
    await link.carry_out(join(call, agent(call)))
    assert fake.bridges == {f"{call}-talk": [call, agent(call)]}
    await link.carry_out(order)
    assert fake.channels[agent(call)].rings_back


async def test_mute(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await connected(fake, link, inbox)
    for muted in (True, True, False, False):
        await link.carry_out(Mute(call, agent(call), muted))
        assert fake.channels[agent(call)].muted is muted
    assert sent(fake, "channels.mute") == sent(fake, "channels.unmute") == [{"direction": "in"}] * 2
    assert fake.bridges == {f"{call}-talk": [call, agent(call)]}


# ── ends ─────────────────────────────────────────────────────────────────────


async def test_to_dialplan(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    link._departures._seconds = 0.02
    call = CallId(await fake.call_in(args=["dialled", "1002"]))
    await link.carry_out(ToDialplan(call, LegId(call)))
    assert fake.continued == {call: {}}  # behind its Stasis()
    with pytest.raises(Gone):
        await link.carry_out(RingBack(call, LegId(call)))
    await link.carry_out(ToDialplan(call, LegId(call)))
    await fake.hang_up(call)
    await inbox.wait(LegEnded, leg=call)
    await link.carry_out(ToDialplan(call, LegId(call)))
    assert len(inbox.of(LegEnded)) == 1


async def test_clearing_the_call_destroys_every_room(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await consulting(fake, link, inbox)
    await link.carry_out(join(call, call, consult=2))
    assert len(fake.bridges) == 3
    await link.carry_out(ClearCall(call))
    assert (fake.bridges, list(fake.channels)) == ({}, [call])
    await link.carry_out(ClearCall(call))
    assert link._interest._calls == {}


async def test_to_fallback_destroys_every_room(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await consulting(fake, link, inbox)
    for number in (1, 2):
        await link.carry_out(HangUp(call, agent(call, number)))
    await link.carry_out(ToFallback(call, LegId(call), SUPPORT))
    assert (fake.bridges, fake.channels[call].music, list(fake.channels)) == ({}, None, [call])


async def test_rooms_of_another_call_stay(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    one = await consulting(fake, link, inbox)
    other = await consulting(fake, link, inbox)
    await link.carry_out(ClearCall(one))
    assert set(fake.bridges) == {f"{other}-talk", f"{other}-consult-1"}


async def test_successor_finds_who_is_where(
    fake: FakeAsterisk, make_link: Callable[..., AriLink], inbox: FactInbox
) -> None:
    """Held, joined again and cleared, by a process that has not made any of it."""
    first = make_link()
    async with running(first):
        call = await consulting(fake, first, inbox)
    successor = make_link()
    async with running(successor):
        survey = await successor.survey({})
        assert survey.bridges[f"{call}-consult-1"] == {agent(call), agent(call, 2)}
        await successor.carry_out(hold(call, agent(call, 2)))
        assert (fake.channels[agent(call, 2)].bridge, fake.channels[agent(call, 2)].music) == (None, "jazz")
        await successor.carry_out(RingBack(call, agent(call)))
        assert fake.bridges == {f"{call}-talk": [], f"{call}-consult-1": []}
        await successor.carry_out(join(call, agent(call, 2), consult=1))
        await successor.carry_out(join(call, call))
        assert fake.bridges == {f"{call}-talk": [call], f"{call}-consult-1": [agent(call, 2)]}
        assert (fake.channels[call].music, fake.channels[agent(call, 2)].music) == (None, None)
        await successor.carry_out(ClearCall(call))
        assert (fake.bridges, list(fake.channels)) == ({}, [call])


# ── too late ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "make",
    [
        lambda call, leg: join(call, leg),
        lambda call, leg: join(call, leg, consult=1),
        hold,
        RingBack,
        lambda call, leg: Mute(call, leg, muted=True),
        lambda call, leg: Mute(call, leg, muted=False),
    ],
)
async def test_leg_that_is_gone(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, make: Callable[[CallId, LegId], Any]
) -> None:
    call = await connected(fake, link, inbox)
    await fake.hang_up(agent(call))
    await inbox.wait(LegEnded, leg=agent(call))
    with pytest.raises(Gone):
        await link.carry_out(make(call, agent(call)))
    assert (fake.bridges[f"{call}-talk"], fake.channels[call].music) == ([call], None)
    with pytest.raises(Gone):
        await link.carry_out(make(CallId("1.1"), LegId("1.1-agent-1")))
    await link.carry_out(ClearCall(call))
    await link.carry_out(ClearCall(CallId("1.1")))
    assert fake.bridges == {}
    assert link._interest._calls == {}
