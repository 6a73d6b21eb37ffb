"""Which calls become tickets, when, and that nothing of them is lost in whatever order their news come."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre.facts import RecordingAttached, TicketOpened
from bridge.centre.ids import AgentId, CallId, LegId, QueueName, RecordingId
from bridge.centre.orders import (
    AttachRecording,
    CallRecord,
    LegKind,
    LegRecord,
    OpenTicket,
    Outcome,
    SaveCall,
    SaveWrapUp,
    SetDisposition,
)
from bridge.centre.record import WrapUp
from bridge.config import Settings
from bridge.config.tickets import Policy
from bridge.crm.records import CallRecords
from bridge.crm.tickets import CallTickets
from bridge.crm.vault import Vault
from bridge.store import Store
from bridge.store.rows import RecordingRow, TicketRow

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
CALL, ANNA = CallId("1700000000.1"), AgentId("1001")
REC = RecordingId(f"{CALL}-rec-1")
WRAP_UP = timedelta(seconds=15)


def file(**queues: Policy) -> Settings:
    """A queue for each, of the department support; it has due times."""
    written: dict[str, Any] = {
        "company": {"name": "Daisy", "region": "RU", "timezone": "UTC"},
        "agents": {str(number): {"name": f"Agent {number}"} for number in range(1001, 1004)},
        "departments": {
            "support": {
                "title": "Support",
                "lines": {"1": ["1001"]},
                "sla": [{"reaction_hours": 1, "resolution_hours": 8}],
            },
            "sales": {"title": "Sales", "lines": {"1": ["1001"]}},
        },
        "queues": {
            name: {"title": name, "department": "support", "tickets": policy.value, "members": []}
            for name, policy in queues.items()
        },
    }
    return Settings.model_validate(written)


def house(policy: Policy, wrap_up: timedelta = WRAP_UP, **others: Policy) -> CallTickets:
    return CallTickets(
        lambda queue: queue or "",
        {"support": policy, **others},
        frozenset({"resolved"}),
        wrap_ups={"support": wrap_up} if wrap_up else {},
    )


class News:
    """The news of one call, as its orders."""

    def __init__(self, call: str = CALL, *, answered: bool = True, direction: str = "in") -> None:
        self.id, self.answered, self.direction = CallId(call), answered, direction

    def record(self, stage: int, **fields: Any) -> CallRecord:
        """0 offered, 1 queued, 2 answered, 3 ended."""
        at = [START + timedelta(seconds=seconds) for seconds in (0, 5, 10, 70)]
        talked = self.answered and stage > 1
        leg = LegRecord(
            LegId(f"{self.id}-agent-1"), LegKind.AGENT, ANNA, at[1], ringing_at=at[1], answered_at=at[2]
        )
        record = CallRecord(
            self.id,
            "89161234567",
            "+79161234567",
            "",
            withheld=False,
            dialled="+74950000001",
            trunk="lab",
            direction=self.direction,
            offered_at=at[0],
            queue=QueueName("support") if stage else None,
            agent=ANNA if talked else None,
            queued_at=at[1] if stage else None,
            answered_at=at[2] if talked else None,
            ended_at=at[3] if stage > 2 else None,
            outcome=(Outcome.ANSWERED if talked else Outcome.ABANDONED) if stage > 2 else None,
            legs=(replace(leg, ended_at=at[3] if stage > 2 else None),) if talked else (),
        )
        return replace(record, **fields)

    def open(self, stage: int = 0) -> OpenTicket:
        return OpenTicket(self.id, self.record(stage))

    def save(self, stage: int, **fields: Any) -> SaveCall:
        return SaveCall(self.id, self.record(stage, **fields))

    def wrap_up(self, agent: AgentId = ANNA, after: float = 70) -> SaveWrapUp:
        since = START + timedelta(seconds=after)
        return SaveWrapUp(self.id, WrapUp(agent, since, since + WRAP_UP))

    def word(self, word: str, *, again: bool = False) -> SetDisposition:
        return SetDisposition(self.id, ANNA, word, again)


class Books:
    def __init__(self, store: Store, spool: Any, directory: Path, tickets: CallTickets) -> None:
        self.store, self.tickets = store, tickets
        self.records = CallRecords(store, spool, Vault(directory), lambda: self.tickets)

    async def take(self, *orders: Any) -> list[Any]:
        """The facts that follow."""
        return [fact for order in orders for fact in await self._one(order)]

    async def _one(self, order: Any) -> list[Any]:
        if isinstance(order, AttachRecording):
            attached = await self.records.attach_recording(order)
            return [] if attached is None else [attached]
        return await self.records.keep([order])

    async def ticket(self, call: str = CALL) -> TicketRow | None:
        async with self.store.view() as unit:
            return await unit.tickets.by_call(call)

    async def recording(self, call: str = CALL) -> RecordingRow:
        async with self.store.view() as unit:
            (row,) = await unit.recordings.of_call(call)
        return row


@pytest.fixture
def books(store: Store, spool: Any, tmp_path: Path) -> Callable[[CallTickets], Books]:
    return lambda tickets: Books(store, spool, tmp_path / "recordings", tickets)


# ── when ─────────────────────────────────────────────────────────────────────


async def test_unresolved_and_nobody_answered_is_one_at_the_end(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED)), News(answered=False)
    assert await home.take(news.open(), news.save(1), news.save(2)) == []
    (told,) = await home.take(news.save(3))
    ticket = await home.ticket()
    assert told == TicketOpened(CALL, ticket.id)
    assert (ticket.department, ticket.reacted_at) == ("support", None)
    assert ticket.waiting_since == ticket.created_at
    assert ticket.version == 1
    assert await home.take(news.save(3), news.save(1)) == []


async def test_unresolved_by_the_agents_word_at_once(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED)), News()
    assert await home.take(news.open(), news.save(1), news.save(2)) == []
    assert len(await home.take(news.word("follow_up"))) == 1
    ticket = await home.ticket()
    assert (ticket.disposition, ticket.assignee) == ("follow_up", ANNA)
    assert ticket.reacted_at == news.record(2).answered_at
    assert ticket.waiting_since is None


async def test_unresolved_without_a_word_waits_for_the_wrap_up(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED)), News()
    assert await home.take(news.open(), news.save(1), news.save(2), news.save(3)) == []
    assert len(await home.take(news.wrap_up())) == 1


async def test_without_wrap_ups_the_end_decides(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED, timedelta(0))), News()
    assert await home.take(news.open(), news.save(2)) == []
    assert len(await home.take(news.save(3))) == 1


async def test_the_wrap_up_of_who_passed_the_call_on_decides_nothing(books: Any) -> None:
    boris = AgentId("1002")
    home, news = books(house(Policy.UNRESOLVED)), News()
    first = news.record(2).legs[0]
    second = replace(
        first, id=LegId(f"{CALL}-agent-2"), agent=boris, answered_at=START + timedelta(seconds=40)
    )
    again = replace(first, id=LegId(f"{CALL}-agent-3"), answered_at=START + timedelta(seconds=60))
    await home.take(news.open(), news.save(1), news.save(2), news.wrap_up(ANNA, after=30))
    passed = news.save(3, agent=boris, legs=(first, second))
    assert await home.take(passed) == []
    returned = news.save(3, legs=(first, second, again))
    assert await home.take(returned, news.wrap_up(boris, after=60)) == []
    assert len(await home.take(news.wrap_up(ANNA, after=70))) == 1


async def test_what_is_resolved_is_none_until_the_agent_says_otherwise(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED)), News()
    told = await home.take(news.open(), news.save(2), news.word("resolved"), news.save(3), news.wrap_up())
    assert told == []
    assert await home.take(news.word("resolved", again=True), news.open(), news.save(3)) == []
    assert len(await home.take(news.word("complaint"))) == 1
    ticket = await home.ticket()
    assert ticket.disposition == "complaint"


async def test_on_request_is_never_one_by_itself(books: Any) -> None:
    home, news = books(house(Policy.ON_REQUEST)), News()
    orders = [news.open(), news.save(1), news.save(2), news.word("complaint"), news.save(3), news.wrap_up()]
    assert await home.take(*orders) == []
    assert await home.ticket() is None


@pytest.mark.parametrize("policy", [Policy.UNRESOLVED, Policy.ON_REQUEST])
async def test_a_message_is_a_request(books: Any, policy: Policy) -> None:
    home, news = books(house(policy)), News(answered=False)
    assert len(await home.take(news.open(), news.save(3, outcome=Outcome.VOICEMAIL))) == 1


async def test_every_call_in_the_menu_when_another_queue_is_choosier(books: Any) -> None:
    home, news = books(house(Policy.EVERY_CALL, other=Policy.ON_REQUEST)), News()
    assert await home.take(news.open(), news.save(0)) == []
    assert len(await home.take(news.save(1))) == 1


async def test_one_that_never_reaches_a_queue_is_one_at_its_end(books: Any) -> None:
    home, news = books(house(Policy.ON_REQUEST)), News(answered=False)
    assert await home.take(news.open()) == []
    assert len(await home.take(news.save(0, ended_at=START, outcome=Outcome.IVR))) == 1


async def test_one_that_we_dial_waits_for_no_queue(books: Any) -> None:
    home, news = books(house(Policy.ON_REQUEST)), News(direction="out")
    assert len(await home.take(news.open())) == 1


async def test_a_call_for_which_no_ticket_was_asked_gets_none(books: Any) -> None:
    home, news = books(house(Policy.UNRESOLVED, timedelta(0))), News()
    assert await home.take(news.save(0), news.save(2), news.save(3), news.word("complaint")) == []


# ── whatever the order ───────────────────────────────────────────────────────

Step = str  # open, queued, answered, ended, word, wrap_up, recording


@st.composite
def stories(draw: st.DrawFn) -> tuple[Policy, bool, bool, str, list[Step]]:
    """Policy, was it answered, are there wrap-ups, the agent's word, and the order of the news."""
    policy, answered = draw(st.sampled_from(Policy)), draw(st.booleans())
    wraps = answered and draw(st.booleans())
    word = draw(st.sampled_from(["", "resolved", "complaint"])) if answered else ""
    steps = ["open", "queued", "ended"]
    steps += ["answered", "recording"] if answered else []
    steps += ["wrap_up"] if wraps else []
    steps += ["word"] if word else []
    twice = draw(st.lists(st.sampled_from(steps), max_size=3))
    # Before its call is kept nothing can be kept of it.
    order = draw(st.permutations(steps + twice).filter(lambda order: order[0] not in _NEEDS_CALL))
    return policy, answered, wraps, word, order


_NEEDS_CALL = {"word", "wrap_up", "recording"}


def becomes_ticket(policy: Policy, *, wraps: bool, word: str, order: Sequence[Step]) -> bool:
    if policy is not Policy.UNRESOLVED:
        return policy is Policy.EVERY_CALL
    if word != "resolved":
        return True
    # Said too late it takes no ticket away.
    over = max(order.index(step) for step in ("open", "ended", *(["wrap_up"] if wraps else [])))
    return over < order.index("word")


def test_whatever_the_order_it_ends_in_the_same(tmp_path: Path, spool: Any, make_wav: Any) -> None:
    sides = {"in": make_wav([100] * 800), "out": make_wav([-200] * 800)}
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(f"sqlite:///{tmp_path / 'callbridge.db'}"))
        made = iter(range(1_000_000))

        @settings(max_examples=80, deadline=None)
        @given(stories())
        def ends_in_the_same(story: tuple[Policy, bool, bool, str, list[Step]]) -> None:
            runner.run(tell(story, f"1700000000.{next(made)}"))

        async def tell(story: tuple[Policy, bool, bool, str, list[Step]], call: str) -> None:
            policy, answered, wraps, word, order = story
            recording = RecordingId(f"{call}-rec-1")
            for side, sound in sides.items():
                spool.files[f"{recording}-{side}"] = sound
            news = News(call, answered=answered)
            home = Books(store, spool, tmp_path, house(policy, WRAP_UP if wraps else timedelta(0)))
            orders: dict[Step, Any] = {
                "open": news.open(),
                "queued": news.save(1),
                "answered": news.save(2),
                "ended": news.save(3),
                "word": news.word(word),
                "wrap_up": news.wrap_up(),
                "recording": AttachRecording(news.id, recording),
            }
            told = await home.take(*(orders[step] for step in order))
            if answered:
                told += await home.take(orders["recording"])  # what was too early is tried again
            ticket = await home.ticket(call)
            wanted = becomes_ticket(policy, wraps=wraps, word=word, order=order)
            assert (ticket is not None) is wanted
            opened = {fact for fact in told if isinstance(fact, TicketOpened)}
            assert {fact.ticket for fact in opened} <= ({ticket.id} if ticket is not None else set())
            if ticket is not None:
                assert (ticket.disposition, ticket.department) == (word, "support")
                assert ticket.assignee == (ANNA if answered else None)
                assert ticket.reacted_at == (news.record(2).answered_at if answered else None)
                assert ticket.subject == "+7 916 123-45-67 → support"
            if answered:
                row = await home.recording(call)
                assert (row.state, row.ticket) == ("attached", ticket.id if ticket is not None else None)

        ends_in_the_same()
        runner.run(store.close())


# ── recordings ───────────────────────────────────────────────────────────────


async def test_a_recording_without_a_ticket_gets_it_when_it_is_opened(
    books: Any, spool: Any, make_wav: Any
) -> None:
    home, news = books(house(Policy.UNRESOLVED)), News()
    spool.files = {f"{REC}-in": make_wav([100] * 800), f"{REC}-out": make_wav([-200] * 800)}
    await home.take(news.open(), news.save(2), news.save(3))
    assert await home.take(AttachRecording(CALL, REC)) == [RecordingAttached(CALL, REC, 0)]
    assert (await home.recording()).ticket is None
    await home.take(news.wrap_up())
    ticket = await home.ticket()
    assert (await home.recording()).ticket == ticket.id
