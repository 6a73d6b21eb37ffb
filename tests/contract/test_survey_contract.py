"""What a process that has just started finds: the fake and the real Asterisk must agree."""

import asyncio
from datetime import UTC, datetime, timedelta

from bridge.ari import AriLink, models
from bridge.centre.facts import CallOffered, LegAnswered, LegEnded, LegJoined, LegRinging
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, agent_leg_id, prompt_id
from bridge.centre.orders import Answer, Connect, HangUp, Play, RingAgent
from tests.contract.asterisk_container import phone
from tests.contract.conftest import Side
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running


def ring(offered: CallOffered, endpoint: str) -> RingAgent:
    return RingAgent(
        call=offered.call,
        leg=agent_leg_id(offered.call, 1),
        originator=offered.leg,
        agent=AgentId("1001"),
        endpoint=Endpoint(endpoint),
        caller_number="+79161234567",
        caller_name="Иван",
        ring=timedelta(seconds=30),
    )


async def offered(side: Side, inbox: FactInbox, extension: str = "inbound") -> CallOffered:
    before = set(inbox.of(CallOffered))
    await side.call_in(extension)
    async with asyncio.timeout(10):
        while not (new := set(inbox.of(CallOffered)) - before):
            await asyncio.sleep(0.01)
    return new.pop()


async def talk(side: Side, link: AriLink, inbox: FactInbox) -> CallOffered:
    call = await offered(side, inbox)
    await link.carry_out(Answer(call.call, call.leg))
    await link.carry_out(ring(call, phone("answers")))
    await inbox.wait(LegAnswered, leg=agent_leg_id(call.call, 1))
    await link.carry_out(Connect(call.call, call.leg, agent_leg_id(call.call, 1)))
    await inbox.wait(LegJoined, leg=call.leg)
    await inbox.wait(LegJoined, leg=agent_leg_id(call.call, 1))
    return call


async def test_a_successor_finds_what_the_first_process_made(
    side: Side, link: AriLink, inbox: FactInbox
) -> None:
    talking = await talk(side, link, inbox)
    menu = await offered(side, inbox, "withheld")
    await link.carry_out(Answer(menu.call, menu.leg))
    prompt = prompt_id(menu.call, 1)
    await link.carry_out(Play(menu.call, menu.leg, prompt, ("hello",) * 30, "en"))
    await link.carry_out(ring(menu, phone("rings")))
    await inbox.wait(LegRinging, leg=agent_leg_id(menu.call, 1))
    asked = {prompt: menu.leg, prompt_id(menu.call, 9): menu.leg}
    later = FactInbox()
    successor = ari_link(side.url, side.username, side.password, later, request_seconds=5.0)
    async with running(successor):
        survey = await successor.survey(asked)
        listed = await side.rest.get(list[models.Channel], "channels.list")
        agent = agent_leg_id(talking.call, 1)
        assert survey.legs == {
            talking.leg: "Up",
            agent: "Up",
            menu.leg: "Up",
            agent_leg_id(menu.call, 1): "Ringing",
        }
        assert survey.bridges == {f"{talking.call}-talk": frozenset({talking.leg, agent})}
        assert list(survey.arrivals.values()) == [talking, menu]
        assert survey.playing == {prompt}
        assert survey.channels == {one.id for one in listed}
        assert survey.calls <= survey.channels
        assert survey.started_at is not None
        assert survey.started_at < datetime.now(UTC) + timedelta(seconds=2)
        # From now on it is the successor's: his end is heard, and nobody was told twice.
        await successor.carry_out(HangUp(talking.call, agent))
        await later.wait(LegEnded, leg=agent)
        await side.rest.call("channels.hangup", talking.leg)
        await later.wait(LegEnded, leg=talking.leg)
        assert later.of(CallOffered) == []


async def test_who_came_between_two_processes_is_found_once(side: Side, inbox: FactInbox) -> None:
    surveys = []

    async def on_up() -> None:
        # Our own arrival's event is still to be read, or has been; he is told by one of the two.
        surveys.append(await link.survey({}))

    first = ari_link(side.url, side.username, side.password, inbox, request_seconds=5.0)
    async with running(first):
        known = await offered(side, inbox)
    later = FactInbox()
    link = ari_link(side.url, side.username, side.password, later, on_up=on_up, request_seconds=5.0)
    async with running(link):
        async with asyncio.timeout(10):
            while not surveys:
                await asyncio.sleep(0.01)
        assert surveys[0].arrivals == {known.leg: known}
        new = await offered(side, later)
        assert later.of(CallOffered) == [new]
        survey = await link.survey({})
        assert list(survey.arrivals) == [known.leg, new.leg]
        for leg in (known.leg, new.leg):
            await link.carry_out(HangUp(CallId(leg), LegId(leg)))
            await later.wait(LegEnded, leg=leg)
        assert (await link.survey({})).legs == {}
