"""Owns the forms by which an agent holds, mutes and passes on, on his own page."""

from functools import partial

from aiohttp import web

from bridge.centre.facts import Wish
from bridge.centre.ids import AgentId
from bridge.centre.plan import Target, TargetKind
from bridge.web.access import Routes, SignedIn
from bridge.web.context import language_of
from bridge.web.forms import form_of
from bridge.web.labels import N_
from bridge.web.pages.views import see_other, views_of
from bridge.web.principal import Person, person_of
from bridge.web.problems import bad_field, not_found
from bridge.web.streams import Topic
from bridge.web.talks import pass_on, wish


def declare(routes: Routes) -> None:
    routes.post("/talk", change, SignedIn())
    routes.post("/talk/transfer", transfer, SignedIn())


async def change(request: web.Request) -> web.StreamResponse:
    agent = _agent(person_of(request))
    wanted = Wish((await form_of(request)).choice("wish", tuple(one.value for one in Wish)))
    await wish(request, agent, wanted)
    return await _drawn(request)


async def transfer(request: web.Request) -> web.StreamResponse:
    agent = _agent(person_of(request))
    form = await form_of(request)
    attended = form.choice("way", ("attended", "blind")) == "attended"
    kind, _, name = form.text("to", required=True).partition(":")
    if kind not in {one.value for one in TargetKind}:
        raise bad_field("to", N_("choose an agent, a queue or a permitted number."))
    if kind == TargetKind.NUMBER.value:
        name = form.text("number", required=True, longest=40)
    target = Target(TargetKind(kind), name)
    await pass_on(request, agent, target, attended=attended, refused=partial(bad_field, "to"))
    return await _drawn(request)


async def _drawn(request: web.Request) -> web.Response:
    if request.headers.get("HX-Request") != "true":
        return see_other("/")
    html = await views_of(request).fragment(Topic.TALK, language_of(request), person_of(request))
    return web.Response(text=html, content_type="text/html", charset="utf-8")


def _agent(person: Person) -> AgentId:
    if person.agent is None:
        raise not_found(N_("Your account has no phone. The engineer gives it one in the configuration."))
    return person.agent
