"""Owns what an agent sees of his call: who is in it, whom the client can be passed on to, how he came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.centre.facts import Supervise
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Plan, TargetKind
from bridge.centre.record import TransferEnd, TransferRecord
from bridge.engine.ports import FloorView, LiveAgent, LiveCall, LiveWatch
from bridge.web.talks import MANY_TRANSFERS, talk_of, times_passed_on

_AS_WISHED = (None, TransferEnd.COMPLETED, TransferEnd.CONFERENCE, TransferEnd.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class QueueTarget:
    name: str
    title: str
    ready: int


@dataclass(frozen=True, slots=True)
class Targets:
    free: tuple[LiveAgent, ...]
    queues: tuple[QueueTarget, ...]
    supervisor: bool
    outside: tuple[str, ...]  # prefixes that are permitted


@dataclass(frozen=True, slots=True)
class Step:
    """Of the client's way. ``to`` is None for a supervisor, whoever it was."""

    by: str
    to: str | None
    kind: str
    end: str


def talk_context(floor: FloorView, plan: Plan, me: AgentId | None) -> dict[str, Any]:
    call = talk_of(floor, me) if me is not None else None
    if call is None or me is None:
        return {"talk": None}
    own = next(party for party in call.parties if party.agent == me)
    names = {agent.id: agent.name for agent in plan.agents.values()}
    way = way_of(call.transfers, plan)
    last = call.transfers[-1] if call.transfers else None
    mine = last is not None and last.by == me
    times = times_passed_on(call)
    return {
        "talk": call,
        "me": me,
        "names": names,
        "mine": not call.stage or mine,
        "held": not call.stage and own.doing == "hold",
        "muted": own.muted,
        "rings": way[-1] if call.stage == "ringing" and way else None,
        "failed": way[-1] if not call.stage and last and mine and last.end not in _AS_WISHED else None,
        "paused_by": paused_by(call, names),
        "times": times if times >= MANY_TRANSFERS else None,
        "watched": _told(call, plan, me),
        "targets": _targets(floor, plan, call, me),
    }


def _told(call: LiveCall, plan: Plan, me: AgentId) -> tuple[LiveWatch, ...]:
    """Who is with him, where a department by which he may be lets him know. Who talks with both is heard."""
    return tuple(
        watch
        for watch in call.watches
        if watch.agent == me
        and watch.answered
        and (
            watch.how == Supervise.BARGE.value
            or any(queue.tells_watched for queue in plan.supervised_by(watch.supervisor, me))
        )
    )


def paused_by(call: LiveCall, names: Mapping[AgentId, str]) -> str:
    """Who paused its recording: an agent by his name where it was his phone, else a log-in or a program."""
    if call.paused is None:
        return ""
    by = call.paused.by
    return names.get(AgentId(by.removeprefix("agent ")), by)


def way_of(transfers: Sequence[TransferRecord], plan: Plan) -> tuple[Step, ...]:
    """From whom to whom a client has been passed on, in words."""
    names = {agent.id: agent.name for agent in plan.agents.values()}
    return tuple(_step(one, plan, names) for one in transfers)


def _targets(floor: FloorView, plan: Plan, call: LiveCall, me: AgentId) -> Targets:
    ready = {queue.name: queue.ready for queue in floor.queues}
    others = (agent for agent in floor.agents if agent.agent != me)
    return Targets(
        free=tuple(agent for agent in others if agent.reachable and agent.state == "ready"),
        queues=tuple(
            QueueTarget(queue.name, queue.title, ready.get(queue.name, 0)) for queue in plan.queues.values()
        ),
        supervisor=bool(plan.supervisors_for(QueueName(call.queue) if call.queue else None, me)),
        outside=plan.outside.prefixes if plan.outside is not None else (),
    )


def _step(one: TransferRecord, plan: Plan, names: Mapping[AgentId, str]) -> Step:
    kind, _, name = one.target.partition(" ")
    titles = {str(queue.name): queue.title for queue in plan.queues.values()}
    to: str | None = name
    if kind == TargetKind.AGENT.value:
        to = names.get(AgentId(name), name)
    elif kind == TargetKind.QUEUE.value:
        to = titles.get(name, name)
    elif kind == TargetKind.SUPERVISOR.value:
        to = None
    if one.to is not None and kind != TargetKind.AGENT.value:
        took = names.get(one.to, one.to)
        to = took if to is None else f"{to}: {took}"
    return Step(names.get(one.by, one.by), to, one.kind.value, one.end.value if one.end else "")
