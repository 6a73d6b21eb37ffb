"""Owns the API's agents and queues: their live state, and what an agent may be told to do."""

from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import AgentLoggedIn, AgentLoggedOut, AgentPaused, AgentReady, Fact, WrapUpEnded
from bridge.centre.ids import AgentId
from bridge.centre.plan import Queue
from bridge.engine.ports import FloorView, LiveAgent
from bridge.web.api import models
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.context import parts_of
from bridge.web.problems import Fault, Problem, not_found


async def list_agents(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    agents = [_agent(live) for live in parts_of(request).desk.floor().agents]
    return answer(models.Listed[models.Agent](items=agents, next=None))


async def get_agent(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(_agent(_live(request)))


async def order_agent(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    live = _live(request)
    wanted = (await body(request, models.AgentOrder)).value
    await parts_of(request).desk.submit(_fact(live.agent, wanted))
    # 202: the floor decides, and the answer tells the state as it is at this moment.
    return answer(_agent(_live(request)), status=HTTPStatus.ACCEPTED)


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
    wanted = request.match_info["id"]
    live = next((live for live in parts_of(request).desk.floor().agents if live.agent == wanted), None)
    if live is None:
        raise not_found("There is no such agent.")
    return live


def _fact(agent: AgentId, wanted: models.AgentOrder) -> Fact:
    match wanted.state:
        case "log_in":
            return AgentLoggedIn(agent)
        case "log_out":
            return AgentLoggedOut(agent)
        case "ready":
            return AgentReady(agent)
        case "end_wrap_up":
            return WrapUpEnded(agent)
        case "pause":
            if not wanted.reason:
                detail = "say why: a pause has a reason."
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"#/reason: {detail}",
                    faults=(Fault("#/reason", detail),),
                )
            return AgentPaused(agent, wanted.reason)


def _agent(live: LiveAgent) -> models.Agent:
    return models.Agent.model_validate(
        {
            "id": live.agent,
            "name": live.name,
            "state": live.state,
            "reason": live.reason,
            "since": live.since,
            "call_id": live.call,
            "queues": list(live.queues),
            "reachable": live.reachable,
        }
    )


def _queue(queue: Queue, floor: FloorView) -> models.Queue:
    """Its members as the floor has them now; the plan adds their penalties."""
    penalties = {member.agent: member.penalty for member in queue.members}
    return models.Queue(
        name=queue.name,
        title=queue.title,
        department=queue.department,
        strategy=queue.strategy.value,
        waiting=sum(1 for caller in floor.waiting if caller.queue == queue.name),
        members=[
            models.Member(
                agent=live.agent,
                name=live.name,
                penalty=penalties.get(live.agent, 0),
                state=live.state,
                reachable=live.reachable,
            )
            for live in floor.agents
            if queue.name in live.queues
        ],
    )
