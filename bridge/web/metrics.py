"""Owns /metrics: counters that the composition root and the desk's facts feed, gauges read when asked for."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.centre.facts import RecordingAttached, TicketOpened
from bridge.centre.orders import Outcome
from bridge.centre.record import Doing
from bridge.crm.directories import AnswerKind
from bridge.crm.outbox import Numbers
from bridge.engine.ports import FloorView, LinkState, StampedFact

_STATES = ("logged_out", "ready", "ringing", "talking", "wrap_up", "paused")


class Metrics:
    """A registry of its own: several in one process (tests) do not meet."""

    CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "callbridge_calls", "Calls that ended, by outcome", ["outcome"], registry=self._registry
        )
        for outcome in Outcome:
            self._calls.labels(outcome.value)
        self._tickets = Counter(
            "callbridge_tickets_opened", "Tickets opened for calls", registry=self._registry
        )
        self._recordings = Gauge(
            "callbridge_recordings", "Recordings by state", ["state"], registry=self._registry
        )
        self._attached = Counter(
            "callbridge_recordings_attached", "Recordings attached to their ticket", registry=self._registry
        )
        self._to_work_on = Gauge(
            "callbridge_recordings_to_work_on",
            "Steps still to be done: recordings to be encrypted, and to be compressed",
            registry=self._registry,
        )
        self._saved = Gauge(
            "callbridge_recordings_saved_bytes",
            "Bytes on disk that compression has saved since the start",
            registry=self._registry,
        )
        self._cards = Counter("callbridge_cards_opened", "Cards opened on screens", registry=self._registry)
        self._pages = Gauge("callbridge_open_pages", "Pages with a live stream", registry=self._registry)
        self._inbox = Gauge(
            "callbridge_inbox_depth", "Facts that wait to be decided", registry=self._registry
        )

        self._unwritten = Gauge(
            "callbridge_facts_unwritten", "Facts that the database does not have yet", registry=self._registry
        )
        self._lost = Gauge(
            "callbridge_facts_lost",
            "Facts since the start that the journal could not keep, or that never reached the database",
            ["where"],
            registry=self._registry,
        )

    # ── fed by the composition root ──────────────────────────────────────────

    def call_ended(self, outcome: Outcome) -> None:
        """Once per call, when its outcome is known."""
        self._calls.labels(outcome.value).inc()

    def watch_inbox(self, depth: Callable[[], int]) -> None:
        self._inbox.set_function(depth)

    def watch_facts(
        self, unwritten: Callable[[], int], not_kept: Callable[[], int], never_written: Callable[[], int]
    ) -> None:
        self._unwritten.set_function(unwritten)
        self._lost.labels("journal").set_function(not_kept)
        self._lost.labels("database").set_function(never_written)

    def watch_upkeep(self, waiting: Callable[[], int], saved: Callable[[], int]) -> None:
        self._to_work_on.set_function(waiting)
        self._saved.set_function(saved)

    def watch_directories(self, counts: Callable[[], Mapping[tuple[str, AnswerKind], int]]) -> None:
        """By directory and how asking it ended."""
        self._registry.register(_Directories(counts))

    def watch_callbacks(self, numbers: Callable[[], Numbers]) -> None:
        self._registry.register(_Callbacks(numbers))

    def watch_mail(
        self, taken: Callable[[], Mapping[str, int]], settled: Callable[[], Mapping[str, int]]
    ) -> None:
        """Mails that came by their way to a ticket, letters by what became of them."""
        self._registry.register(_Mail(taken, settled))

    # ── fed by the web room itself ───────────────────────────────────────────

    def fact(self, stamped: StampedFact) -> None:
        match stamped.fact:
            case TicketOpened():
                self._tickets.inc()
            case RecordingAttached():
                self._attached.inc()

    def card_opened(self) -> None:
        self._cards.inc()

    def watch_floor(self, floor: Callable[[], FloorView], links: Callable[[], Iterable[LinkState]]) -> None:
        self._registry.register(_Floor(floor, links))

    def watch_pages(self, pages: Callable[[], int]) -> None:
        self._pages.set_function(pages)

    def recordings(self, pending: int) -> None:
        self._recordings.labels("pending").set(pending)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Directories(Collector):
    def __init__(self, counts: Callable[[], Mapping[tuple[str, AnswerKind], int]]) -> None:
        self._counts = counts

    def describe(self) -> Iterator[CounterMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[CounterMetricFamily]:
        answers = CounterMetricFamily(
            "callbridge_directory_answers",
            "What came of asking external directories who calls",
            labels=["directory", "answer"],
        )
        for (directory, kind), number in sorted(self._counts().items(), key=lambda one: str(one[0])):
            answers.add_metric([directory, kind.value], number)
        yield answers


class _Floor(Collector):
    """The floor at the moment of asking: gauges that nobody has to keep in step."""

    def __init__(self, floor: Callable[[], FloorView], links: Callable[[], Iterable[LinkState]]) -> None:
        self._floor = floor
        self._links = links

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: to be registered must not mean to be asked, the engine may not run yet."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        floor = self._floor()
        waiting = GaugeMetricFamily("callbridge_waiting", "Callers who wait, by queue", labels=["queue"])
        for queue, number in sorted(Tally(caller.queue for caller in floor.waiting).items()):
            waiting.add_metric([queue], number)
        yield waiting
        calls = GaugeMetricFamily("callbridge_live_calls", "Calls that live, by state", labels=["state"])
        for state, number in sorted(Tally(call.state for call in floor.calls).items()):
            calls.add_metric([state], number)
        yield calls
        agents = GaugeMetricFamily("callbridge_agents", "Agents by state", labels=["state"])
        states = Tally(agent.state for agent in floor.agents)
        for state in _STATES:
            agents.add_metric([state], states[state])
        yield agents
        doings = GaugeMetricFamily(
            "callbridge_agents_in_calls", "Agents in calls, by what they do there", labels=["doing"]
        )
        doing = Tally(
            party.doing for call in floor.calls for party in call.parties if party.agent is not None
        )
        for one in Doing:
            doings.add_metric([one.value], doing[one.value])
        yield doings
        links = GaugeMetricFamily("callbridge_link_up", "1 while the link is up", labels=["link"])
        for link in self._links():
            links.add_metric([link.name], 1 if link.up else 0)
        yield links


class _Callbacks(Collector):
    """What is to be told to CRMs, as of the outbox's last look."""

    def __init__(self, numbers: Callable[[], Numbers]) -> None:
        self._numbers = numbers

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers()
        events = GaugeMetricFamily(
            "callbridge_callbacks", "Events of calls that CRMs have not been told", labels=["state"]
        )
        events.add_metric(["waiting"], numbers.counts.waiting)
        events.add_metric(["dead"], numbers.counts.dead)
        yield events
        oldest = numbers.counts.oldest
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0
        yield GaugeMetricFamily(
            "callbridge_callback_oldest_seconds",
            "How long the oldest of those that wait has waited",
            max(age, 0.0),
        )
        yield CounterMetricFamily(
            "callbridge_callbacks_delivered", "Events that a CRM has accepted since the start", numbers.told
        )


class _Mail(Collector):
    """Mail of tickets since the start. Whether mailbox and mail server answer is said by the links."""

    def __init__(
        self, taken: Callable[[], Mapping[str, int]], settled: Callable[[], Mapping[str, int]]
    ) -> None:
        self._taken, self._settled = taken, settled

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        taken = CounterMetricFamily(
            "callbridge_mails_taken",
            "Mails taken from the mailbox, by how they came to a ticket",
            labels=["way"],
        )
        for way, number in sorted(self._taken().items()):
            taken.add_metric([way], number)
        yield taken
        settled = CounterMetricFamily(
            "callbridge_mails_sent",
            "Mails of tickets to clients, by what became of them",
            labels=["delivery"],
        )
        for delivery, number in sorted(self._settled().items()):
            settled.add_metric([delivery], number)
        yield settled
