"""Owns the API's way to have an agent call a number outside."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from bridge.web.api.fields import Kept, exactly_one
from bridge.web.api.models import Said, Taken
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.dialling import call_number, last_number, readable
from bridge.web.moves import live_agent
from bridge.web.problems import Fault, Problem, not_found


class CallOrder(Taken):
    """Give exactly one of `number` and `redial`. His own phone rings first, then the number."""

    model_config = ConfigDict(json_schema_extra=exactly_one("number", "redial"))

    number: Kept[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = Field(
        None, description="Outside; one that `transfers.prefixes` permits."
    )
    redial: Kept[Literal[True]] = Field(
        None, description="The number with which he talked last, or which he called."
    )

    @model_validator(mode="after")
    def _has_one_number(self) -> Self:
        if (self.number is None) == (self.redial is None):
            raise ValueError("give exactly one of number and redial")
        return self


class MadeCall(Said):
    call_id: str = Field(
        description="`GET /calls/{id}` has it from now on; what becomes of it is told in its events."
    )
    number: str


async def make_call(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    live = live_agent(request)
    if live is None:
        raise not_found("There is no such agent.")
    wanted = (await body(request, CallOrder)).value
    number = wanted.number if wanted.number is not None else await last_number(request, live.agent)
    call = await call_number(request, live.agent, number, partial(_unprocessable, "#/number"))
    await readable(request, call)
    return answer(MadeCall(call_id=call, number=number), status=HTTPStatus.ACCEPTED)


def _unprocessable(pointer: str, words: str, **values: str) -> Problem:
    filled = words % values if values else words
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer}: {filled}", faults=(Fault(pointer, filled),))
