"""Receivers that fail at random, and a process that is killed at random: nothing is lost or out of order.

Time is a number here. What is due is asked of the real store; each try is the real one, and only its sending
is played: it may fail before or after the receiver has taken the event, and the process may be killed between
the receiver's reply and the store's.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from bridge.crm.delivery import Delivery, Limits
from bridge.crm.outside import Request, Response
from bridge.crm.retries import DELAYS
from bridge.crm.subscribers import Receiver, Subscribers
from bridge.crm.telling import People, told_of
from bridge.errors import LinkDown
from bridge.store import Store, SyncUnit
from bridge.store.outbox import NewEvent
from bridge.store.outbox_rows import DueEvent
from tests.fakes.world import plan
from tests.integration.crm.callback_house import SECRET, events_of

START = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
CALLS = ("call.1", "call.2")
FATES = st.sampled_from(["taken", "taken", "refused", "lost", "reply lost", "busy", "killed"])


class Killed(BaseException):
    """The process, before it has written what came back."""


@dataclass
class Played:
    """``fates``: of each request in turn; when they are used up, all are taken."""

    fates: list[str]
    taken: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    async def send(self, request: Request, *, seconds: float, most_bytes: int = 0) -> Response:
        fate = self.fates.pop(0) if self.fates else "taken"
        body = json.loads(request.body)
        if fate in ("taken", "reply lost", "killed"):
            one = (request.headers["webhook-id"], body["type"])
            self.taken.setdefault(body["data"]["call_id"], []).append(one)
        match fate:
            case "taken":
                return Response(200, {}, b"{}")
            case "refused":
                return Response(500, {}, b"")
            case "busy":
                return Response(429, {"retry-after": "60"}, b"")
            case "killed":
                raise Killed
            case _:
                raise LinkDown("gone")


@settings(max_examples=25, deadline=None)
@given(st.lists(FATES, max_size=25), st.lists(st.sampled_from(CALLS), min_size=8, max_size=8))
def test_in_order_and_at_least_once(fates: list[str], order: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        (Path(directory) / "callbridge.db").write_bytes(empty())
        taken = runner.run(deliver(directory, fates, order))
    for call in CALLS:
        told = taken.get(call, [])
        ids = list(dict.fromkeys(id for id, _ in told))
        count = min(order.count(call), 4)
        assert [dict(told)[id] for id in ids] == [
            "call.offered",
            "call.ringing",
            "call.answered",
            "call.ended",
        ][:count], "each one, in its order; a repeat has the id that it had"
        first = [told.index(next(one for one in told if one[0] == id)) for id in ids]
        last = [max(place for place, one in enumerate(told) if one[0] == id) for id in ids]
        assert all(end < begin for end, begin in zip(last, first[1:], strict=False)), (
            "no repeat after a later one"
        )


@cache
def empty() -> bytes:
    """A database of this schema: to make one takes longer than all that is done with it here."""

    async def made(file: Path) -> None:
        await (await Store.open(f"sqlite+aiosqlite:///{file}")).close()

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "empty.db"
        asyncio.run(made(file))
        return file.read_bytes()


async def deliver(directory: str, fates: list[str], order: list[str]) -> dict[str, list[tuple[str, str]]]:
    store = await Store.open(f"sqlite+aiosqlite:///{directory}/callbridge.db")
    now = START

    def clock() -> datetime:
        return now

    subscribers = Subscribers(store, str(x25519.Identity.generate()), clock=clock)
    row = (
        await subscribers.add("crm", "standard", "https://crm.example.org/", secret=SECRET, by="chief")
    ).row
    receiver, played = subscribers.opened(row), Played(list(fates))
    delivery = Delivery(
        store,
        subscribers,
        played,
        limits=lambda: Limits(delays=DELAYS * 4),  # more tries than there are fates: nothing dies here
        steer=lambda call, wish, by: None,
        clock=clock,
        random=lambda: 0.5,
    )
    left = {call: events_of(call, START) for call in CALLS}
    try:
        for call in order:
            if left[call]:
                await add(store, row.id, left[call].pop(0), now)
            await attempt_all(store, delivery, receiver, now)
            now += timedelta(seconds=1)
        for _ in range(200):
            due_at = await store.read(lambda unit: unit.outbox.next_due(row.id, ()))
            if due_at is None:
                break
            now = max(now, due_at)
            await attempt_all(store, delivery, receiver, now)
        counts = await store.read(lambda unit: unit.outbox.counts())
        assert (counts.waiting, counts.dead) == (0, 0)
    finally:
        await store.close()
    return played.taken


async def add(store: Store, subscription: int, order, now: datetime) -> None:  # type: ignore[no-untyped-def]
    def keep(unit: SyncUnit) -> None:
        told = told_of(unit, order, People(plan(), {}), lambda _: "RU", "")
        assert told is not None
        new = NewEvent([subscription], order.call, order.event, told.id, told.type, told.as_json().decode())
        for _ in range(2):  # as after a restart
            unit.outbox.add(new, now)

    await store.write(keep)


async def attempt_all(store: Store, delivery: Delivery, receiver: Receiver, now: datetime) -> None:
    due = await store.read(lambda unit: unit.outbox.due(receiver.row.id, now, 10, ()))
    for one in due:
        following: DueEvent | None = one
        while following is not None:
            try:
                following = (await delivery.attempt(receiver, following)).following
            except Killed:
                following = None  # killed: the store knows nothing of it
