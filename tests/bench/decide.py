"""What one decision of the router costs with a large floor, and what a waiting caller costs in memory.

Owns the floor that is measured: 2,000 agents in 50 queues, 10,000 callers waiting. Pure: no Asterisk. Every
figure is printed; ``decide_p99_us`` (the worst strategy but ringall) and ``bytes_per_waiting_caller`` go to
build/bench.json.
"""

import argparse
import gc
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bridge.centre import messages as m
from bridge.centre.decision import Hindrance, OfferEnd
from bridge.centre.ids import AgentId, CallId, Endpoint, QueueName, Skill
from bridge.centre.plan import Agent, Member, Needs, Plan, Queue, Strategy, Widening
from bridge.centre.router import Router
from bridge.collector import calm_collector
from tests.bench.parts import keep, percentile

AGENTS, QUEUES, WAITING, EACH = 2_000, 50, 10_000, 3  # each agent serves so many queues
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ENGLISH, BILLING = Skill("english"), Skill("billing")
# Who waits: a third needs nothing, the others a skill that half of the agents have.
NEEDS: tuple[Needs, ...] = ((), ((ENGLISH, 1),), ((BILLING, 2), (ENGLISH, 1)))
WIDENING = (Widening(timedelta(0), 0), Widening(timedelta(seconds=30), 10), Widening(timedelta(seconds=60)))


def plan(strategy: Strategy) -> Plan:
    members: dict[int, list[Member]] = {number: [] for number in range(QUEUES)}
    agents = {}
    for number in range(AGENTS):
        id_ = AgentId(str(10_000 + number))
        skills = {ENGLISH: number % 2 * 2, BILLING: number % 3}
        agents[id_] = Agent(id_, id_, Endpoint(f"PJSIP/{id_}"), skills=skills)
        for nth in range(EACH):
            members[(number + nth * 17) % QUEUES].append(Member(id_, number % 3 * 5))
    queues = {
        QueueName(f"queue-{number}"): Queue(
            QueueName(f"queue-{number}"),
            "",
            "",
            tuple(members[number]),
            strategy=strategy,
            weight=number % 3,
            widening=WIDENING,
        )
        for number in range(QUEUES)
    }
    return Plan(queues=queues, agents=agents)


def enter(number: int) -> m.EnterQueue:
    queue = QueueName(f"queue-{number % QUEUES}")
    return m.EnterQueue(
        CallId(f"1764000000.{number}"),
        queue,
        number,
        NEEDS[number % len(NEEDS)],
        priority=number // 9 % 4,
        level=1 + number // 3 % len(WIDENING),
    )


def busy_floor(strategy: Strategy) -> Router:
    """Everybody talks, everybody else waits."""
    router = Router()
    router.load(plan(strategy), m.Output())
    for agent in router.states:
        router.step(m.AgentChanged(agent, Hindrance.TALKING, "", NOW), NOW, m.Output())
    return router


class Timed:
    """Microseconds of processor time of each step that ended in an offer, and of each that did not.

    Not of the wall clock: what else the machine does between two instructions is no cost of ours.
    """

    def __init__(self, router: Router) -> None:
        self.router = router
        self.deciding: list[float] = []
        self.other: list[float] = []

    def step(self, event: m.EnterQueue | m.AgentChanged | m.OfferResult | m.LeaveQueue) -> m.Output:
        out = m.Output()
        begun = time.thread_time_ns()
        self.router.step(event, NOW, out)
        passed = (time.thread_time_ns() - begun) / 1000
        offered = any(isinstance(message, m.Offer) for message in out.messages)
        (self.deciding if offered else self.other).append(passed)
        return out


def calls_go_through(timed: Timed, calls: int) -> None:
    """An agent becomes free and takes the caller who has waited longest; another one enters; and so on."""
    agents = list(timed.router.states)
    number = WAITING
    for turn in range(calls):
        agent = agents[turn * 7 % len(agents)]
        at = NOW + timedelta(seconds=turn)
        out = timed.step(m.AgentChanged(agent, None, "", at))
        for offer in [message for message in out.messages if isinstance(message, m.Offer)]:
            timed.step(m.AgentChanged(offer.agent, Hindrance.RINGING, "", at))
            timed.step(m.OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.ANSWERED))
            timed.step(m.AgentChanged(offer.agent, Hindrance.TALKING, "", at))
            timed.step(enter(number))
            number += 1


def agents_wait(timed: Timed, calls: int) -> None:
    """The other way round: all agents are free, and a caller who enters gets one at once."""
    for call in tuple(timed.router.queue_of):
        timed.router.step(m.LeaveQueue(call), NOW, m.Output())
    for turn, agent in enumerate(timed.router.states):
        at = NOW + timedelta(seconds=turn)
        timed.router.step(m.AgentChanged(agent, None, "", at), NOW, m.Output())
    for number in range(10**6, 10**6 + calls):
        out = timed.step(enter(number))
        for offer in [message for message in out.messages if isinstance(message, m.Offer)]:
            at = NOW + timedelta(seconds=number)
            timed.step(m.AgentChanged(offer.agent, Hindrance.RINGING, "", at))
            timed.step(m.OfferResult(offer.call, offer.agent, offer.queue, OfferEnd.ANSWERED))
            timed.step(m.AgentChanged(offer.agent, None, "", at))


def measured(strategy: Strategy, calls: int, play: Callable[[Timed, int], None]) -> list[float]:
    timed = Timed(busy_floor(strategy))
    for number in range(WAITING):
        timed.router.step(enter(number), NOW, m.Output())
    calm_collector()  # as it is in the service
    play(timed, calls)
    gc.unfreeze()
    return timed.deciding


def bytes_per_waiting_caller() -> float:
    router = busy_floor(Strategy.LEASTRECENT)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(WAITING):
        router.step(enter(number), NOW, m.Output())
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / WAITING


def measure(calls: int) -> dict[str, float]:
    print(
        f"{AGENTS} agents in {QUEUES} queues, {EACH} each; {WAITING} callers waiting; microseconds a decision"
    )
    print(f"{'strategy':<14}{'agent freed':>24}{'caller enters':>24}")
    worst = 0.0
    for strategy in Strategy:
        if strategy is Strategy.RINGALL:
            continue
        cells = []
        for play in (calls_go_through, agents_wait):
            found = measured(strategy, calls, play)
            p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
            worst = max(worst, p99)
            cells.append(f"p50 {p50:6.1f}  p99 {p99:6.1f}")
        print(f"{strategy.value:<14}{cells[0]:>24}{cells[1]:>24}")
    size = bytes_per_waiting_caller()
    print(f"a waiting caller takes {size:.0f} bytes of the router")
    return {"decide_p99_us": worst, "bytes_per_waiting_caller": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=5_000)
    keep(measure(parser.parse_args().calls))


if __name__ == "__main__":
    main()
