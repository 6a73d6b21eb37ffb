"""Owns the API's view of the call that an agent talks in, and what may be asked of it."""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import Supervise
from bridge.centre.ids import AgentId
from bridge.centre.record import Doing
from bridge.engine.ports import LiveCall
from bridge.web.api import models, talk_models
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.context import parts_of
from bridge.web.moves import live_agent
from bridge.web.pauses import live_call, pause
from bridge.web.problems import Fault, Problem, not_found
from bridge.web.talks import MANY_TRANSFERS, demand_talk, pass_on, talk_of, times_passed_on, wish


async def get_talk(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    call = talk_of(parts_of(request).desk.floor(), _agent(request))
    if call is None:
        raise not_found("This agent is in no call now.")
    return answer(said_talk(call))


async def order_talk(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    agent = _agent(request)
    wanted = (await body(request, talk_models.TalkWish)).value
    before = demand_talk(request, agent)
    await wish(request, agent, wanted.do)
    return _answer(request, agent, before)


async def order_recording(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    before = live_call(request)
    if before is None:
        raise not_found("There is no such call now.")
    await pause(request, before, paused=(await body(request, talk_models.RecordingOrder)).value.paused)
    return answer(said_talk(live_call(request) or before), status=HTTPStatus.ACCEPTED)


async def transfer(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    agent = _agent(request)
    wanted = (await body(request, talk_models.TransferOrder)).value
    before = demand_talk(request, agent)
    place = f"#/{wanted.target.kind.value}"
    await pass_on(
        request, agent, wanted.target, attended=wanted.attended, refused=partial(_unprocessable, place)
    )
    return _answer(request, agent, before)


def _unprocessable(pointer: str, words: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer}: {words}", faults=(Fault(pointer, words),))


def _agent(request: web.Request) -> AgentId:
    live = live_agent(request)
    if live is None:
        raise not_found("There is no such agent.")
    return live.agent


def _answer(request: web.Request, agent: AgentId, before: LiveCall) -> web.Response:
    """As it is at this moment; where he is out of it, as it was."""
    return answer(
        said_talk(talk_of(parts_of(request).desk.floor(), agent) or before), status=HTTPStatus.ACCEPTED
    )


def said_talk(call: LiveCall) -> talk_models.Talk:
    return talk_models.Talk(
        call_id=call.call,
        state=call.state,
        steered=call.steered,
        queue=call.queue,
        parties=[
            talk_models.Party(agent=one.agent, doing=Doing(one.doing), since=one.since, muted=one.muted)
            for one in call.parties
        ],
        stage=call.stage,
        transfers=[
            models.Transfer(
                number=one.number,
                by=one.by,
                kind=one.kind,
                target=one.target,
                begun_at=one.begun_at,
                ended_at=one.ended_at,
                end=one.end,
                to=one.to,
            )
            for one in call.transfers
        ],
        many_transfers=times_passed_on(call) >= MANY_TRANSFERS,
        watches=[
            talk_models.Watch(
                who=one.who,
                supervisor=one.supervisor,
                agent=one.agent,
                how=Supervise(one.how),
                answered=one.answered,
            )
            for one in call.watches
        ],
        recorded=call.recorded,
        recording_paused=call.paused is not None,
        pauses=[models.Pause.model_validate(asdict(one)) for one in call.pauses],
    )
