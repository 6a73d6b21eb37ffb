"""Orders of one call for the dispatch's tests, and who carries them out when he is told to."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, QueueName

CALL = CallId("call.1")
CLIENT, AGENT = LegId(CALL), LegId("call.1-agent-1")
ANSWER = o.Answer(CALL, CLIENT)
WAIT = o.EnterWaitingRoom(CALL, CLIENT, "default", QueueName("support"))
RING = o.RingAgent(
    CALL, AGENT, CLIENT, AgentId("1001"), Endpoint("PJSIP/1001"), "", "", timedelta(seconds=20)
)
CANCEL = o.CancelRing(CALL, AGENT, o.CancelReason.CALLER_GONE)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
RECORD = o.CallRecord(CALL, None, None, "", True, "200", "lab", "in", offered_at=NOW)
ENDED = replace(RECORD, ended_at=NOW)
OFFER = o.EndOffer(CALL, AGENT, NOW, OfferEnd.ANSWERED)
TELL = o.TellCrm(CALL, "offered", o.CallEventKind.OFFERED, NOW, RECORD)
SAVE, TICKET = o.SaveCall(CALL, RECORD), o.OpenTicket(CALL, RECORD)
WORD = o.SetDisposition(CALL, AgentId("1001"), "sold")


class Hands:
    """Carries orders out when it is told to; remembers when each began and ended."""

    def __init__(self) -> None:
        self.began: list[o.CallOrder] = []
        self.ended: list[o.CallOrder] = []
        self.gates: dict[o.CallOrder, asyncio.Event] = {}
        self.errors: dict[o.CallOrder, list[Exception]] = {}

    def hold(self, order: o.CallOrder) -> asyncio.Event:
        return self.gates.setdefault(order, asyncio.Event())

    async def carry_out(self, order: o.CallOrder) -> f.Fact | None:
        self.began.append(order)
        if order in self.gates:
            await self.gates[order].wait()
        if self.errors.get(order):
            raise self.errors[order].pop(0)
        self.ended.append(order)
        return None
