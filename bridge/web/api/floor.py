"""Owns the API's agents and queues: their live state, what an agent may be told to do, live moves."""

from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    CallDisposed,
    Fact,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Plan, Queue
from bridge.engine.ports import FloorView, LiveAgent, LiveQueue
from bridge.web.api import models
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.choices import dispositions, values
from bridge.web.context import parts_of
from bridge.web.moves import MOVES, by_whom, live_agent, queue_named
from bridge.web.problems import Fault, Problem, not_found


async def list_agents(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    parts = parts_of(request)
    agents = [_agent(live, parts.plan()) for live in parts.desk.floor().agents]
    return answer(models.Listed[models.Agent](items=agents, next=None))


async def get_agent(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return _answer_agent(request)


async def order_agent(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    live, parts = _live(request), parts_of(request)
    wanted = (await body(request, models.AgentOrder)).value
    await parts.desk.submit(_fact(live.agent, wanted, parts.plan()))
    return _answer_agent(request, HTTPStatus.ACCEPTED)


# ── live moves ───────────────────────────────────────────────────────────────


async def move_agent(request: web.Request) -> web.StreamResponse:
    live, queue = _place(request)
    wanted = (await body(request, models.Place)).value
    await request.app[MOVES].set(live.agent, queue, wanted.penalty, by_whom(request))
    return _answer_agent(request)


async def take_agent_out(request: web.Request) -> web.StreamResponse:
    live, queue = _place(request)
    await request.app[MOVES].set(live.agent, queue, None, by_whom(request))
    return _answer_agent(request)


async def restore_agent(request: web.Request) -> web.StreamResponse:
    live, queue = _place(request)
    await request.app[MOVES].restore(live.agent, queue)
    return _answer_agent(request)


def _place(request: web.Request) -> tuple[LiveAgent, QueueName]:
    query(request, NoQuery)
    live, queue = _live(request), queue_named(request)
    if queue is None:
        raise not_found("There is no such queue.")
    return live, queue


# ── queues ───────────────────────────────────────────────────────────────────


async def list_queues(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    parts = parts_of(request)
    floor = parts.desk.floor()
    queues = [_queue(queue, floor) for queue in parts.plan().queues.values()]
    return answer(models.Listed[models.Queue](items=queues, next=None))


async def get_queue(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    parts = parts_of(request)
    wanted = request.match_info["name"]
    queue = next((queue for queue in parts.plan().queues.values() if queue.name == wanted), None)
    if queue is None:
        raise not_found("There is no such queue.")
    return answer(_queue(queue, parts.desk.floor()))


def _live(request: web.Request) -> LiveAgent:
    live = live_agent(request)
    if live is None:
        raise not_found("There is no such agent.")
    return live


def _answer_agent(request: web.Request, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """As he is at this moment; 202 where the floor decides what becomes of an order."""
    return answer(_agent(_live(request), parts_of(request).plan()), status=status)


def _fact(agent: AgentId, wanted: models.AgentOrder, plan: Plan) -> Fact:
    match wanted.state:
        case "log_in":
            return AgentLoggedIn(agent)
        case "log_out":
            return AgentLoggedOut(agent)
        case "ready":
            return AgentReady(agent)
        case "end_wrap_up":
            return WrapUpEnded(agent)
        case "extend_wrap_up":
            return WrapUpExtended(agent)
        case "dispose":
            known = values(dispositions(plan))
            if wanted.disposition not in known:
                raise _unfit("#/disposition", known, "the plan has none; the engineer lists them there.")
            return CallDisposed(agent, wanted.disposition)
        case "pause":
            reasons = tuple(plan.pause_reasons.values())
            if not wanted.reason or (reasons and wanted.reason not in reasons):
                raise _unfit("#/reason", reasons, "say why: a pause has a reason.")
            return AgentPaused(agent, wanted.reason)


def _unfit(pointer: str, known: tuple[str, ...], otherwise: str) -> Problem:
    detail = f"give one of: {', '.join(known)}." if known else otherwise
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer}: {detail}", faults=(Fault(pointer, detail),))


def _agent(live: LiveAgent, plan: Plan) -> models.Agent:
    agent = plan.agents.get(live.agent)
    return models.Agent.model_validate(
        {
            "id": live.agent,
            "name": live.name,
            "state": live.state,
            "reason": live.reason,
            "since": live.since,
            "call_id": live.call,
            "queues": list(live.queues),
            "penalties": {queue: live.penalties.get(queue, 0) for queue in live.queues},
            "skills": dict(agent.skills) if agent else {},
            "reachable": live.reachable,
            "phone": live.phone,
            "wrap_up_until": live.until,
            "may_extend": live.may_extend,
        }
    )


def _queue(queue: Queue, floor: FloorView) -> models.Queue:
    """Its members as the floor has them now; the plan adds what it meant them to be."""
    planned = {member.agent: member.penalty for member in queue.members}
    live = next((live for live in floor.queues if live.name == queue.name), _quiet(queue.name))
    return models.Queue(
        name=queue.name,
        title=queue.title,
        department=queue.department,
        strategy=queue.strategy,
        weight=queue.weight,
        needs={str(skill): level for skill, level in queue.needs},
        service_level_seconds=round(queue.service_level.total_seconds()),
        waiting=live.waiting,
        longest_since=live.longest_since,
        logged_in=live.logged_in,
        ready=live.ready,
        expected_wait_seconds=(
            None if live.expected_wait is None else round(live.expected_wait.total_seconds())
        ),
        members=[
            models.Member(
                agent=agent.agent,
                name=agent.name,
                penalty=agent.penalties.get(queue.name, 0),
                planned_penalty=planned.get(agent.agent),
                state=agent.state,
                reachable=agent.reachable,
            )
            for agent in floor.agents
            if queue.name in agent.queues
        ],
    )


def _quiet(name: str) -> LiveQueue:
    """A queue that the plan has since a moment ago and the floor not yet."""
    return LiveQueue(name, 0, None, 0, 0, None)
