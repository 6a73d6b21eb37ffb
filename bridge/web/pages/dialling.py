"""Owns the form by which an agent calls a number, and calls somebody again."""

from functools import partial

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.web.access import Routes, SignedIn
from bridge.web.dialling import call_number, last_number
from bridge.web.forms import form_of
from bridge.web.labels import N_
from bridge.web.pages.views import see_other
from bridge.web.principal import Person, person_of
from bridge.web.problems import bad_field, not_found


def declare(routes: Routes) -> None:
    routes.post("/dial", dial, SignedIn())


async def dial(request: web.Request) -> web.StreamResponse:
    agent = _agent(person_of(request))
    form = await form_of(request)
    if form.choice("again", ("last",), optional=True):
        number = await last_number(request, agent)
    else:
        number = form.text("number", required=True, longest=40)
    await call_number(request, agent, number, partial(bad_field, "number"))
    if request.headers.get("HX-Request") != "true":
        return see_other("/")
    return web.Response(status=204)  # his state and the card come by themselves


def _agent(person: Person) -> AgentId:
    if person.agent is None:
        raise not_found(N_("Your account has no phone. The engineer gives it one in the configuration."))
    return person.agent
