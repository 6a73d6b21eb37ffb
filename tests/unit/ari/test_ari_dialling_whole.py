"""A call that an agent wished, centre and ARI together: an Asterisk refuses ids here as the real one does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.floor import Floor
from bridge.centre.ids import Endpoint, LegId, agent_leg_id, wished_call_id
from bridge.engine.dispatch import Dispatch, Handlers
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk, Phone
from tests.fakes.callers import identify
from tests.fakes.inbox import FactInbox, until
from tests.fakes.links import ari_link, running
from tests.fakes.world import ANNA, START
from tests.unit.centre.dial_scene import NUMBER, plan

CALL = wished_call_id(1_764_000_000_000, 1)
CLIENT, AGENT = LegId(CALL), agent_leg_id(CALL, 1)
HERS, OUTSIDE = "PJSIP/1001", f"PJSIP/{NUMBER}@lab"


class Centre(FactInbox):
    """The floor as an inbox; what it orders of the media goes to ``link``, and of records is kept."""

    def __init__(self, fake: FakeAsterisk) -> None:
        super().__init__()
        self.floor, self.saved = Floor(), list[o.CallRecord]()
        self.link = ari_link(fake.url, USERNAME, PASSWORD, self)
        self.dispatch = Dispatch(
            Handlers(dict.fromkeys(o.Lane, self.other) | {o.Lane.MEDIA: self.media}), self.take
        )

    async def put(self, fact: f.Fact, at: datetime | None = None) -> None:
        self.take(fact)

    def take(self, fact: f.Fact) -> None:
        self.facts.append(fact)
        self._changed.set()
        for order in self.floor.decide(fact, START):
            if not isinstance(order, o.StartTimer | o.StopTimer | o.Tell):
                self.dispatch.send(order)

    async def media(self, order: o.CallOrder) -> None:
        assert isinstance(order, o.MediaOrder)
        await self.link.carry_out(order)

    async def other(self, order: o.CallOrder) -> f.Fact | None:
        match order:
            case o.LookUpClient(call=call, number=number):
                return identify(call, number)
            case o.SaveCall(record=record):
                self.saved.append(record)
            case _:
                pass
        return None

    async def over(self) -> o.CallRecord:
        await until(lambda: CALL not in self.floor.calls)
        await self.dispatch.drain(2)
        return self.saved[-1]


@pytest.fixture
async def centre(fake: FakeAsterisk) -> AsyncIterator[Centre]:
    made = Centre(fake)
    async with running(made.link):
        made.take(f.PlanLoaded(plan()))
        made.take(f.EndpointChanged(Endpoint(HERS), True))
        yield made
        await made.dispatch.drain(1)


def nothing_is_left(fake: FakeAsterisk, centre: Centre) -> None:
    assert (fake.channels, fake.bridges) == ({}, {})
    assert centre.floor.agents[ANNA].state in (AgentState.READY, AgentState.WRAP_UP)


async def test_both_answer_and_talk(fake: FakeAsterisk, centre: Centre) -> None:
    fake.phones |= {HERS: Phone.ANSWERS, OUTSIDE: Phone.ANSWERS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    await until(lambda: centre.floor.calls[CALL].state is CallState.TALKING)
    assert set(fake.bridges[f"{CALL}-talk"]) == {CLIENT, AGENT}
    await fake.hang_up(CLIENT)
    record = await centre.over()
    assert record.outcome is o.Outcome.ANSWERED
    nothing_is_left(fake, centre)


async def test_her_phone_is_busy(fake: FakeAsterisk, centre: Centre) -> None:
    fake.phones |= {HERS: Phone.BUSY, OUTSIDE: Phone.ANSWERS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    record = await centre.over()
    assert record.outcome is o.Outcome.FAILED
    dialled = [one.ids for one in fake.requests if one.operation == "channels.dial"]
    assert dialled == [(AGENT,)]
    nothing_is_left(fake, centre)


async def test_the_trunk_is_not_there(fake: FakeAsterisk, centre: Centre) -> None:
    fake.phones |= {HERS: Phone.ANSWERS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    record = await centre.over()
    assert [(leg.id, leg.cause) for leg in record.legs] == [(CLIENT, Cause.NETWORK_OUT_OF_ORDER)]
    assert [one.ids for one in fake.requests if one.operation == "channels.dial"] == []
    nothing_is_left(fake, centre)


@pytest.mark.parametrize("who", [CLIENT, AGENT])
async def test_one_hangs_up_while_her_phone_rings(fake: FakeAsterisk, centre: Centre, who: LegId) -> None:
    fake.phones |= {HERS: Phone.RINGS, OUTSIDE: Phone.RINGS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    await centre.wait(f.LegRinging, leg=AGENT)
    await fake.hang_up(who)
    assert (await centre.over()).outcome is o.Outcome.FAILED
    nothing_is_left(fake, centre)


async def test_she_hangs_up_while_it_rings_outside(fake: FakeAsterisk, centre: Centre) -> None:
    fake.phones |= {HERS: Phone.ANSWERS, OUTSIDE: Phone.RINGS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    await centre.wait(f.LegRinging, leg=CLIENT)
    await fake.hang_up(AGENT)
    assert (await centre.over()).outcome is o.Outcome.FAILED
    nothing_is_left(fake, centre)


async def test_she_hangs_up_while_its_dial_is_under_way(fake: FakeAsterisk, centre: Centre) -> None:
    fake.phones |= {HERS: Phone.RINGS, OUTSIDE: Phone.RINGS}
    centre.take(f.CallWished(CALL, ANNA, NUMBER))
    await centre.wait(f.LegRinging, leg=AGENT)
    fake.delays["channels.dial"] = 0.05
    fake.channels[AGENT].state = "Up"
    centre.take(f.LegAnswered(CALL, AGENT))
    await asyncio.sleep(0.02)
    await fake.hang_up(AGENT)
    assert (await centre.over()).outcome is o.Outcome.FAILED
    nothing_is_left(fake, centre)
