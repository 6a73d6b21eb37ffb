"""What keeping one call costs the processor: its look-up, records, recording and facts, each lane by itself.

Owns the orders and the facts of one ordinary call. A SQLite file in a temporary directory, and a spool in
memory: no Asterisk, and none of what ARI and the centre cost. Processor time of all threads, not the clock's.
"""

import argparse
import asyncio
import gc
import logging
import statistics
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.decision import Decision, Hindrance, OfferEnd, Standing
from bridge.centre.ids import (
    AgentId,
    CallId,
    ClientId,
    Endpoint,
    LegId,
    PromptId,
    QueueName,
    RecordingId,
    TicketId,
)
from bridge.centre.plan import Strategy
from bridge.crm.directory import ClientDirectory
from bridge.crm.records import CallRecords
from bridge.crm.tickets import CallTickets
from bridge.crm.vault import Vault
from bridge.engine.history import History
from bridge.engine.ports import StampedFact
from bridge.errors import Gone
from bridge.store import FileJournal, Store
from bridge.store.rows import NumberRow
from tests.bench.parts import keep

CALLS, AT_ONCE, ROUNDS = 200, 16, 5
AGENTS = 20  # of the queue: so many candidates has an offer
LASTS = 1.0  # seconds of a call, over which its facts come
RECORDED = 2  # seconds
RATE = 8000
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
AGENT, QUEUE = AgentId("1001"), QueueName("support")
WITH_RECORDING, WITH_FACTS = "recording", "facts"

Work = Callable[[CallId], Awaitable[None]]


def wav() -> bytes:
    data = bytes(RECORDED * RATE * 2)
    head = struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + head
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


class Spool:
    """Every recording is there until it is deleted; the chunks are of the size that ARI's client gives."""

    def __init__(self) -> None:
        self._sound = wav()
        self.deleted: set[str] = set()

    async def list_recordings(self) -> Sequence[str]:
        return ()

    async def fetch_recording(self, name: str) -> AsyncIterator[bytes]:
        if name in self.deleted:
            raise Gone(f"no recording {name}", status=404)
        for at in range(0, len(self._sound), 64 * 1024):
            yield self._sound[at : at + 64 * 1024]

    async def delete_recording(self, name: str) -> None:
        self.deleted.add(name)


# ── one call ─────────────────────────────────────────────────────────────────


def record(call: CallId, stage: int) -> o.CallRecord:
    """0 offered, 1 looked up and queued, 2 rung, 3 answered, 4 ended."""
    at = [START + timedelta(seconds=seconds) for seconds in (0, 1, 2, 3, 5)]
    client = o.LegRecord(
        LegId(call),
        o.LegKind.CLIENT,
        None,
        at[0],
        ended_at=at[4] if stage > 3 else None,
        cause=16 if stage > 3 else None,
    )
    agent = o.LegRecord(
        LegId(f"{call}-agent-1"),
        o.LegKind.AGENT,
        AGENT,
        at[1],
        ringing_at=at[2] if stage > 1 else None,
        answered_at=at[3] if stage > 2 else None,
        ended_at=at[4] if stage > 3 else None,
    )
    return o.CallRecord(
        call,
        "89161234567",
        "+79161234567",
        "Anna",
        withheld=False,
        dialled="+74950000001",
        trunk="lab",
        direction="in",
        offered_at=at[0],
        verdict=f.Verdict.KNOWN if stage else None,
        client=ClientId(1) if stage else None,
        queue=QUEUE if stage else None,
        agent=AGENT if stage > 1 else None,
        queued_at=at[1] if stage else None,
        answered_at=at[3] if stage > 2 else None,
        ended_at=at[4] if stage > 3 else None,
        outcome=o.Outcome.ANSWERED if stage > 3 else None,
        legs=(client, agent) if stage > 1 else (client,),
    )


def decision(call: CallId) -> Decision:
    standings = tuple(
        Standing(
            AgentId(str(1001 + number)),
            number,
            0,
            {},
            Hindrance.TALKING if number % 2 else None,
            "",
            number,
            START,
        )
        for number in range(AGENTS)
    )
    return Decision(call, QUEUE, Strategy.LEASTRECENT, (), None, None, 0, 0, (AGENT,), standings)


def facts_of(call: CallId) -> list[list[f.Fact]]:
    """In the groups in which they come."""
    client, agent = LegId(call), LegId(f"{call}-agent-1")
    recording, prompt = RecordingId(f"{call}-rec-1"), PromptId(f"{call}-prompt-1")
    return [
        [f.CallerPresented(call, "89161234567", "Anna", "+74950000001", "lab")],
        [f.CallOffered(call, client, "89161234567", "Anna", "+74950000001", "lab")],
        [f.LegAnswered(call, client)],
        [
            f.ClientIdentified(
                call, f.Verdict.KNOWN, "+79161234567", (f.ClientRef(ClientId(1), "Anna", "gold"),)
            )
        ],
        [f.TicketOpened(call, TicketId(1))],
        [f.PromptEnded(call, prompt), f.DigitReceived(call, client, "1")],
        [f.PromptEnded(call, prompt)],
        [f.LegRinging(call, agent)],
        [f.LegAnswered(call, agent)],
        [f.LegJoined(call, client), f.LegJoined(call, agent)],
        [f.RecordingStarted(call, recording)],
        [f.TimerFired(f.Timer(f.TimerKind.POSITION, call))],
        [f.EndpointChanged(Endpoint("PJSIP/1001"), reachable=True)],
        [f.DigitReceived(call, client, "2")],
        [f.LegLeft(call, client), f.LegEnded(call, client, 16, 200)],
        [f.LegLeft(call, agent), f.LegEnded(call, agent, 16, 200)],
        [f.RecordingEnded(call, recording), f.OutsideEnded(call, "16")],
        [f.RecordingAttached(call, recording, TicketId(1))],
        [f.CallDisposed(AGENT, "sold")],
        [f.WrapUpEnded(AGENT)],
    ]


class Lanes:
    """What each lane does for one call."""

    def __init__(self, store: Store, directory: Path) -> None:
        vault = Vault(directory)
        tickets = CallTickets(lambda queue: "Support" if queue else "")
        self._records = CallRecords(store, Spool(), vault, lambda: tickets)
        self._directory = ClientDirectory(store, lambda _: "RU")
        journal = FileJournal.open(directory / "journal")
        journal.checkpoint(b"{}")
        self.history = History(store, journal, run="bench")
        self._facts = 0

    async def look_up(self, call: CallId) -> None:
        await self._directory.look_up(o.LookUpClient(call, "89161234567", "lab"))

    async def open_ticket(self, call: CallId) -> None:
        await self._records.keep([o.OpenTicket(call, record(call, 0))])

    async def save_call(self, call: CallId) -> None:
        for stage in (1, 2, 3, 4):
            await self._records.keep([o.SaveCall(call, record(call, stage))])

    async def offer(self, call: CallId) -> None:
        leg = LegId(f"{call}-agent-1")
        await self._records.keep([o.SaveOffer(call, leg, AGENT, QUEUE, START, decision(call))])
        await self._records.keep([o.EndOffer(call, leg, START, OfferEnd.ANSWERED)])

    async def recording(self, call: CallId) -> None:
        attached = await self._records.attach_recording(o.AttachRecording(call, RecordingId(f"{call}-rec-1")))
        if attached is None:
            raise AssertionError(f"the recording of {call} was not attached")

    async def facts(self, call: CallId) -> None:
        groups = facts_of(call)
        for group in groups:
            for fact in group:
                self._facts += 1
                self.history.note(StampedFact(self._facts, datetime.now(UTC), fact))
            await asyncio.sleep(LASTS / len(groups))

    async def pauses(self, call: CallId) -> None:
        """What the facts' own pauses and stamps cost, which is not the log's."""
        groups = facts_of(call)
        for number, group in enumerate(groups):
            for fact in group:
                StampedFact(number, datetime.now(UTC), fact)
            await asyncio.sleep(LASTS / len(groups))


async def cost(work: Work, calls: Sequence[CallId], at_once: int, phase: float = 0.0) -> float:
    """Milliseconds of processor time for each call."""
    left = iter(calls)

    async def line(number: int) -> None:
        await asyncio.sleep(phase * number / at_once)
        for call in left:
            await work(call)

    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(line(number) for number in range(at_once)))
    return (time.process_time() - began) * 1000 / len(calls)


async def one_round(directory: Path, calls: int, at_once: int) -> dict[str, float]:
    store = await Store.open(f"sqlite:///{directory / 'callbridge.db'}")
    async with store.unit() as unit:
        await unit.clients.add("Анна", numbers=[NumberRow("+79161234567", "8916")])
    lanes = Lanes(store, directory / "recordings")
    names = [CallId(f"1764000000.{number}") for number in range(calls)]
    history = asyncio.create_task(lanes.history.run())
    for warm in (CallId("1763000000.1"), CallId("1763000000.2")):
        for work in (lanes.look_up, lanes.open_ticket, lanes.save_call, lanes.offer, lanes.recording):
            await work(warm)
    found = {
        name: await cost(work, names, at_once)
        for name, work in {
            "look-up": lanes.look_up,
            "ticket": lanes.open_ticket,
            "call": lanes.save_call,
            "offer": lanes.offer,
            WITH_RECORDING: lanes.recording,
        }.items()
    }
    pauses = await cost(lanes.pauses, names, at_once, phase=LASTS)
    found[WITH_FACTS] = await cost(lanes.facts, names, at_once, phase=LASTS) - pauses
    await lanes.history.flushed()
    history.cancel()
    await asyncio.gather(history, return_exceptions=True)
    await store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the median of them counts")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as directory:
            rounds.append(asyncio.run(one_round(Path(directory), options.calls, options.at_once)))
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    keep({f"records_{name.replace('-', '_')}_cpu_ms": ms for name, ms in middle.items()})
    keep({"records_cpu_ms_per_call": sum(middle.values())})
    print("processor ms for each call")
    for name, ms in middle.items():
        print(f"  {name:20} {ms:7.2f}")
    print(f"  {'in all':20} {sum(middle.values()):7.2f}")


if __name__ == "__main__":
    main()
