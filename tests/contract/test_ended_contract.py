"""What the dialplan writes down of channels that ended, as a real Asterisk keeps, tells and removes it.

The contexts callbridge-arrival and callbridge-ended are those that “callbridge render” writes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.ami import AmiLink, EndedRow, Remembered
from bridge.ami.ended import Upkeep
from bridge.ami.headers import Headers
from bridge.ami.listener import Listener, NotPermitted, Timing
from bridge.ari import AriLink
from bridge.ari.rest import Rest
from bridge.centre.facts import (
    CallerPresented,
    CallMissed,
    CallOffered,
    FallbackEntered,
    LegEnded,
    OutsideAnswered,
    OutsideEnded,
)
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName, agent_leg_id
from bridge.centre.orders import HangUp, RingAgent
from bridge.centre.plan import Agent, Plan
from bridge.errors import Refused
from tests.contract import asterisk_container
from tests.contract.asterisk_container import phone
from tests.contract.ended_asterisk import CLIENT, MEMBER, NUMBER, TRUNK, Real, started
from tests.fakes.inbox import until
from tests.fakes.links import ari_link
from tests.fakes.links import running as running_ari
from tests.unit.ami.ends import DatedInbox, known_of
from tests.unit.ami.fake_ami import running

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

ANNA = AgentId("1001")
PLAN = Plan(agents={ANNA: Agent(ANNA, "Anna", MEMBER)})
TIMING = Timing(connect=5, reply=5, ping=0.1, first_retry=0.05, longest_retry=0.1)
KEPT = Upkeep(every=0.05, settled=600)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with started(tmp_path_factory.mktemp("rendered"), tmp_path_factory.mktemp("ended")) as made:
        yield made


@pytest.fixture
async def rest(real: Real) -> AsyncIterator[Rest]:
    made = Rest(real.container.url, asterisk_container.USERNAME, asterisk_container.PASSWORD, seconds=5.0)
    await real.cli("database deltree callbridge-ended")
    yield made
    await made.close()
    await real.cli("channel request hangup all")

    async def quiet() -> bool:
        return "0 active channels" in await real.cli("core show channels")

    async with asyncio.timeout(10):
        while not await quiet():
            await asyncio.sleep(0.05)


async def row_of_client(real: Real) -> tuple[CallId, str]:
    async with asyncio.timeout(10):
        while not (rows := {key: row for key, row in (await real.rows()).items() if row[:5] == "call|"}):
            await asyncio.sleep(0.05)
    ((channel, value),) = rows.items()
    return CallId(channel), value


@asynccontextmanager
async def linked(
    real: Real,
    inbox: DatedInbox,
    *,
    known: Collection[CallId] = (),
    remembered: Remembered | None = None,
    upkeep: Upkeep = KEPT,
) -> AsyncIterator[AmiLink]:
    ami = AmiLink(
        host=real.host,
        port=5038,
        username="callbridge",
        secret="right",
        inbox=inbox,
        plan=lambda: PLAN,
        trunks=lambda: {TRUNK},
        timing=TIMING,
        remembered=lambda: remembered or Remembered(),
        known=known_of(known),
        upkeep=upkeep,
    )
    async with running(ami.run):
        yield ami


def recent(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(seconds=60)


# ── rows of calls ────────────────────────────────────────────────────────────


async def test_a_call_that_ended_while_nobody_listened(real: Real, rest: Rest) -> None:
    await real.call(rest, "short", "gap-1")
    call, value = await row_of_client(real)
    inbox = DatedInbox()
    async with linked(real, inbox) as ami:
        missed = await inbox.wait(CallMissed)
        rows = await ami.ended(10)
    assert (missed.call, missed.number, missed.dialled, missed.trunk) == (call, CLIENT, NUMBER, TRUNK)
    assert (missed.queue, missed.agent, missed.answered_at) == (None, None, None)
    assert recent(missed.ended_at), value
    assert missed.offered_at <= missed.ended_at
    assert rows[call].cause == 17
    assert len(inbox.of(CallMissed)) == 1


async def test_a_talk_in_the_native_queue_with_its_agent(real: Real, rest: Rest) -> None:
    await real.call(rest, "queue", "gap-2")
    await real.shows(r"PJSIP/2001-\S+ .*Up")
    await asyncio.sleep(1.5)  # they talk
    await rest.call("channels.hangup", "gap-2")
    call, value = await row_of_client(real)
    inbox = DatedInbox()
    async with linked(real, inbox):
        missed = await inbox.wait(CallMissed)
    assert (missed.call, missed.queue, missed.agent) == (call, "support", ANNA), value
    assert missed.answered_at is not None
    assert timedelta(seconds=1) <= missed.ended_at - missed.answered_at <= timedelta(seconds=10), value
    assert missed.offered_at <= missed.answered_at


async def test_who_waits_in_the_queue_and_gives_up_after_an_earlier_process_knew_him(
    real: Real, rest: Rest
) -> None:
    await real.call(rest, "abandons", "gap-3")
    await real.shows(r"abandons@phones\S* +Up +Wait")
    await rest.call("channels.hangup", "gap-3")
    call, _ = await row_of_client(real)
    inbox = DatedInbox()
    told = Remembered(outside=frozenset({call}))
    async with linked(real, inbox, known={call}, remembered=told):
        await inbox.wait(OutsideEnded)
    ((fact, at),) = [(fact, at) for fact, at in inbox.dated if isinstance(fact, OutsideEnded)]
    assert fact == OutsideEnded(call, "abandoned")
    assert recent(at)
    assert inbox.of(CallMissed) == []


async def test_who_came_meanwhile_and_talks_in_the_native_queue_is_told_from_the_lists(
    real: Real, rest: Rest
) -> None:
    await real.call(rest, "queue", "gap-4")
    await real.shows(r"PJSIP/2001-\S+ .*Up")
    inbox = DatedInbox()
    async with linked(real, inbox) as ami:
        presented = await inbox.wait(CallerPresented)
        await inbox.wait(OutsideAnswered, call=presented.call, agent=ANNA)
        await rest.call("channels.hangup", "gap-4")
        ended = await inbox.wait(OutsideEnded, call=presented.call)
        assert presented.call in await ami.ended(10)
    assert (presented.number, presented.dialled, presented.trunk) == (CLIENT, NUMBER, TRUNK)
    assert inbox.of(FallbackEntered) == [FallbackEntered(presented.call, QueueName("support"))]
    assert ended.reason == "completed"
    assert inbox.of(CallMissed) == []


# ── rows of legs that Callbridge made ────────────────────────────────────────


@asynccontextmanager
async def ari(real: Real, inbox: DatedInbox) -> AsyncIterator[AriLink]:
    url, user, password = real.container.url, asterisk_container.USERNAME, asterisk_container.PASSWORD
    link = ari_link(url, user, password, inbox, request_seconds=5.0)
    async with running_ari(link):
        yield link


def ring(offered: CallOffered, endpoint: str, offer: int) -> RingAgent:
    return RingAgent(
        call=offered.call,
        leg=agent_leg_id(offered.call, offer),
        originator=offered.leg,
        agent=ANNA,
        endpoint=Endpoint(endpoint),
        caller_number=CLIENT,
        caller_name="Иван",
        ring=timedelta(seconds=20),
    )


async def test_a_leg_that_callbridge_made_has_a_row_however_it_ends(real: Real, rest: Rest) -> None:
    inbox = DatedInbox()
    async with ari(real, inbox) as link:
        await real.call(rest, "app", "gap-5")
        offered = await inbox.wait(CallOffered)
        await link.carry_out(ring(offered, phone("busy"), 1))
        await inbox.wait(LegEnded, leg=agent_leg_id(offered.call, 1))
        await link.carry_out(ring(offered, phone("rings"), 2))
        await link.carry_out(HangUp(offered.call, agent_leg_id(offered.call, 2)))
        await inbox.wait(LegEnded, leg=agent_leg_id(offered.call, 2))
        await link.carry_out(HangUp(offered.call, offered.leg))
        await inbox.wait(LegEnded, leg=offered.leg)
    await row_of_client(real)
    later = DatedInbox()
    async with linked(real, later, known={offered.call}) as ami:
        rows: Mapping[str, EndedRow] = await ami.ended(10)
    legs = {LegId(leg): row for leg, row in rows.items() if row.begun_at is None}
    assert set(legs) == {agent_leg_id(offered.call, 1), agent_leg_id(offered.call, 2)}
    assert legs[agent_leg_id(offered.call, 1)].cause == 17
    assert all(recent(row.ended_at) for row in rows.values())
    assert later.of(CallMissed) == []


# ── removal, and who may ─────────────────────────────────────────────────────


async def test_rows_are_removed_and_nobody_elses(real: Real, rest: Rest) -> None:
    await real.cli("database put somebody else 1")
    await real.call(rest, "short", "gap-6")
    await row_of_client(real)
    inbox = DatedInbox()
    async with linked(real, inbox, upkeep=Upkeep(every=0.05, settled=0.2)) as ami:
        await inbox.wait(CallMissed)
        async with asyncio.timeout(10):
            while await real.rows():
                await asyncio.sleep(0.05)
        assert await ami.ended(10) == {}
    assert "1 results found" in await real.cli("database show somebody")


@asynccontextmanager
async def user(real: Real, name: str) -> AsyncIterator[Callable[..., Any]]:
    async def nothing(_: Headers | None = None) -> None:
        pass

    listener = Listener(
        host=real.host, port=5038, username=name, secret="right", handle=nothing, on_login=nothing
    )
    async with running(listener.run):
        await until(lambda: listener.state.up)
        yield listener.ask


async def test_what_each_class_of_permission_lets_do(real: Real, rest: Rest) -> None:
    tree = {"Family": "callbridge-ended"}
    async with user(real, "callbridge") as ask:
        assert (await ask("DBGetTree", **tree))["response"] == "Success"  # an empty one as well
        with pytest.raises(Refused, match="not found"):
            await ask("DBDelTree", **tree, Key="17954765")
        await real.cli("database put callbridge-ended 17954765/1.1 x")
        assert (await ask("DBDelTree", **tree, Key="17954765"))["response"] == "Success"
    async with user(real, "reporting") as ask:
        assert (await ask("DBGetTree", **tree))["response"] == "Success"
        with pytest.raises(NotPermitted):
            await ask("DBDelTree", **tree, Key="17954765")
    async with user(real, "agent") as ask:
        for action in ("DBGetTree", "DBDelTree"):
            with pytest.raises(NotPermitted):
                await ask(action, **tree, Key="17954765")
