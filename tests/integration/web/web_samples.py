"""Sample calls, clients, tickets and recordings for the web room's tests."""

import wave
from datetime import datetime, timedelta
from pathlib import Path

from bridge.centre.decision import Decision, Hindrance, OfferEnd, Standing
from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, LegId, QueueName, Skill, agent_leg_id
from bridge.centre.orders import CallRecord, EndOffer, LegKind, LegRecord, OpenCard, Outcome, SaveOffer
from bridge.centre.plan import Strategy
from bridge.centre.record import TransferEnd, TransferKind, TransferRecord
from bridge.engine.ports import FloorView, LiveAgent, LiveCall, LiveParty, LiveQueue, WaitingCaller
from bridge.store import Store
from bridge.store.rows import NumberRow
from tests.integration.web.web_house import T0, House, plan


def record(
    call: str = "1710406800.7",
    *,
    agent: str = "1001",
    number: str | None = "+79161234567",
    name: str = "",
    verdict: Verdict | None = Verdict.UNKNOWN,
    client: int | None = None,
    answered: bool = False,
    ended: bool = False,
    at: datetime = T0,
) -> CallRecord:
    ringing = at + timedelta(seconds=12)
    answer = at + timedelta(seconds=16) if answered else None
    end = at + timedelta(seconds=140) if ended else None
    legs = (
        LegRecord(LegId(call), LegKind.CLIENT, None, at, None, at, end, 16 if ended else None, None),
        LegRecord(
            agent_leg_id(CallId(call), 1),
            LegKind.AGENT,
            AgentId(agent),
            at + timedelta(seconds=11),
            ringing,
            answer,
            end,
            16 if ended else None,
            200 if ended else None,
        ),
    )
    return CallRecord(
        id=CallId(call),
        number=number,
        e164=number,
        name=name,
        withheld=number is None,
        dialled="+74950000001",
        trunk="city",
        direction="in",
        offered_at=at,
        verdict=verdict,
        client=ClientId(client) if client else None,
        queue=QueueName("support"),
        agent=AgentId(agent) if answered else None,
        queued_at=at + timedelta(seconds=8),
        answered_at=answer,
        ended_at=end,
        outcome=Outcome.ANSWERED if ended else None,
        legs=legs,
    )


def card(call: CallRecord, agent: str = "1001", *candidates: int) -> OpenCard:
    return OpenCard(call.id, AgentId(agent), call, tuple(ClientId(one) for one in candidates))


async def add_client(store: Store, name: str, *numbers: str, **fields: str) -> int:
    async with store.unit() as unit:
        row = await unit.clients.add(name, numbers=[NumberRow(one, one) for one in numbers], **fields)
    return row.id


async def add_ticket(house: House, call: CallRecord, *, recorded: bool = True) -> int:
    """A past call with its ticket and, attached, a recording of two channels."""
    async with house.store.unit() as unit:
        ticket = await unit.tickets.open_for_call(call, "Не включается телефон", "support")
    if recorded:
        await add_recording(house, call, ticket.id)
    return ticket.id


async def add_recording(house: House, call: CallRecord, ticket: int) -> str:
    id = f"{call.id}-rec-1"
    file = f"{call.id}.wav"
    length = write_wav(house.recordings / file)
    async with house.store.unit() as unit:
        await unit.recordings.note(id, call.id, call.offered_at)
        await unit.recordings.attach(
            id,
            ticket=ticket,
            file=file,
            bytes=(house.recordings / file).stat().st_size,
            duration_ms=length,
            sample_rate=8000,
            channels=2,
            sha256="0" * 64,
        )
    return id


def write_wav(path: Path, seconds: int = 3) -> int:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(256)) * (8000 * 4 * seconds // 256))
    return seconds * 1000


def blind_transfer(at: datetime) -> TransferRecord:
    """From Boris to the queue in which Anna took the client."""
    return TransferRecord(
        1,
        AgentId("1002"),
        TransferKind.BLIND,
        "queue support",
        at,
        at,
        TransferEnd.COMPLETED,
        AgentId("1001"),
    )


def busy_floor(now: datetime) -> FloorView:
    seconds = timedelta(seconds=1)
    return FloorView(
        waiting=(
            WaitingCaller(CallId("w1"), "support", "+74951112233", "", now - 47 * seconds),
            WaitingCaller(CallId("w2"), "support", None, "", now - 12 * seconds),
            WaitingCaller(CallId("w3"), "sales", "+4915112345678", "Hanna Weber", now - 5 * seconds),
        ),
        calls=(
            LiveCall(
                CallId("c1"),
                "+79161234567",
                "",
                "+74950000001",
                "talking",
                "support",
                AgentId("1001"),
                now - 190 * seconds,
                (LiveParty(AgentId("1001"), "talk", now - 190 * seconds),),
                (blind_transfer(now - 200 * seconds),),
            ),
            LiveCall(
                CallId("c2"), "+74951112233", "", "+7495", "waiting", "support", None, now - 47 * seconds
            ),
            LiveCall(CallId("c3"), None, "", "+74950000001", "menu", None, None, now - 4 * seconds),
        ),
        agents=(
            _agent("1001", "talking", "", now - 190 * seconds, CallId("c1"), ("support",)),
            _agent("1002", "paused", "lunch", now - 900 * seconds, None, ("support", "sales")),
            _agent("1003", "logged_out", "phone", now - 4000 * seconds, None, ("support",)),
        ),
        queues=(
            LiveQueue("support", 2, now - 47 * seconds, 2, 0, 95 * seconds),
            LiveQueue("sales", 1, now - 5 * seconds, 1, 0, None),
        ),
    )


def _agent(
    id: str, state: str, reason: str, since: datetime, call: CallId | None, queues: tuple[str, ...]
) -> LiveAgent:
    name = plan().agents[AgentId(id)].name
    out = state == "logged_out"
    return LiveAgent(
        AgentId(id),
        name,
        state,
        reason,
        since,
        call,
        queues,
        not out,
        dict.fromkeys(queues, 0),
        "not registered" if out else "in use" if state == "talking" else "idle",
    )


def explained(call: CallRecord) -> tuple[SaveOffer, ...]:
    """Three offers: Boris does not answer, then the phones of both ring at once, and Anna is faster."""
    seconds = timedelta(seconds=1)
    vera = Standing(AgentId("1003"), 2, 2, {}, Hindrance.PAUSED, "lunch")
    boris = Standing(AgentId("1002"), 1, 1, {Skill("english"): 2}, None, idle_since=call.offered_at)
    anna = Standing(
        AgentId("1001"), 0, 0, {Skill("english"): 1}, None, idle_since=call.offered_at - 100 * seconds
    )
    first = Decision(
        call.id,
        QueueName("support"),
        Strategy.LEASTRECENT,
        needs=((Skill("english"), 2),),
        highest_penalty=1,
        preferred=AgentId("1002"),
        turn=0,
        draw=0,
        chosen=(boris.agent,),
        standings=(anna, boris, vera),
    )
    both = first._replace(
        strategy=Strategy.RINGALL, needs=(), preferred=None, chosen=(anna.agent, boris.agent)
    )
    at = call.offered_at + 9 * seconds
    return tuple(
        SaveOffer(call.id, agent_leg_id(call.id, number), agent, QueueName("support"), moment, decision)
        for number, (agent, moment, decision) in enumerate(
            (
                (boris.agent, at, first),
                (anna.agent, at + 20 * seconds, both),
                (boris.agent, at + 20 * seconds, both),
            ),
            1,
        )
    )


async def add_offers(house: House, call: CallRecord) -> None:
    first, anna, boris = explained(call)
    async with house.store.unit() as unit:
        for offer in (first, anna, boris):
            await unit.offers.save(offer)
        for offer, end, after in (
            (first, OfferEnd.NO_ANSWER, 20),
            (anna, OfferEnd.ANSWERED, 4),
            (boris, OfferEnd.ANSWERED_ELSEWHERE, 4),
        ):
            at = offer.at + timedelta(seconds=after)
            await unit.offers.end(EndOffer(call.id, offer.leg, at, end))
