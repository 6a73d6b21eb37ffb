"""One house in which every request of the rights matrix has its own tickets, and how requests are judged."""

import itertools
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.centre.ids import CallId, QueueName
from bridge.config.rights import Role
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Actor
from bridge.crm.ticketing.rights import Who
from bridge.web.context import PARTS
from tests.integration.web import ticket_ways as ways
from tests.integration.web.ticket_ways import Made, Way
from tests.integration.web.web_house import API, HASH, House, csrf_of
from tests.integration.web.web_samples import add_client, card, record
from tests.unit.crm.ticketing.test_rights import PEOPLE

CRM = Actor(Who(program=True), "token crm")


class Scene:
    """One house for all cells: each request has tickets of its own in it."""

    def __init__(self, house: House, path: Path) -> None:
        self.house, self._path = house, path
        self._people: dict[str, tuple[TestClient, str]] = {}
        self._numbers = itertools.count(1)
        self._tokens: dict[str, dict[str, str]] = {}
        self._client = self._template = 0
        self._base = sqlite3.connect(path / "callbridge.db")

    @property
    def _desk(self) -> Any:
        return self.house.server.app[PARTS].tickets

    async def prepare(self) -> None:
        self._client = await add_client(self.house.store, "Мария")
        async with self.house.store.unit() as unit:
            text = {"set_name": "letters", "department": "", "language": "", "id": None}
            row = await unit.templates.save(name="hello", subject="", body="Hello", **text)
        self._template = row.id

    async def person(self, department: str, role: Role) -> tuple[TestClient, str]:
        """Signed in, with the secret of his forms."""
        login = f"{role.value}-{department}"
        if login not in self._people:
            who = PEOPLE[department][role]
            async with self.house.store.unit() as unit:
                kind = "supervisor" if who.supervisor else "agent"
                await unit.users.add(login, HASH, kind, who.agent, "en")
            client = await self.house.sign_in(login)
            self._people[login] = client, await csrf_of(client)
        return self._people[login]

    async def make(self, way: Way, department: str, **wish: Any) -> Made:
        number = next(self._numbers)
        subject, call = f"It burns {number}", f"{number}.1"
        id = await self._ticket(department, subject=subject, **wish)
        other = await self._ticket(department, subject=f"{subject} too", **wish) if way.needs("other") else 0
        if way.linked:
            await self._desk.link(CRM, id, other, "related", on=True)
        if way.closed:
            await self._desk.change(CRM, id, Wish(status="done"), None)
        file = 0
        if way.needs("file") or way.needs("attachment") or way.route.endswith("/attachments"):
            files = self.house.server.app[PARTS].files
            assert files is not None
            file = (await files.receive(CRM, id, "letter.txt", _pieces())).id
        if way.needs("call") and not way.is_card:
            async with self.house.store.unit() as unit:
                await unit.calls.save(record(call, agent="none"))
        fresh = f"fresh{number}"
        return Made(department, id, subject, other, file, self._client, self._template, call, fresh)

    async def _ticket(self, department: str, **wish: Any) -> int:
        return int((await self._desk.create(CRM, {"department": department, **wish}, "api")).id)

    async def show_card(
        self, made: Made, agent: str, *, queue: str | None = None, answered: bool = True, client: int = 0
    ) -> None:
        """He talks with the client, or is only rung; the call came by no queue, or by this one."""
        call = record(made.call, agent=agent, answered=answered, client=client, verdict=Verdict.KNOWN)
        call = replace(call, queue=None if queue is None else QueueName(queue))
        async with self.house.store.unit() as unit:
            await unit.calls.save(call)
        await self.house.screens.open_card(card(call, agent, *([client] if client else [])))

    async def take(self, made: Made) -> None:
        """The call is about the ticket."""
        await self._desk.take_call(CRM, made.call, made.id)
        self.house.screens.refresh(CallId(made.call))

    async def token(self, scope: str) -> dict[str, str]:
        if scope not in self._tokens:
            self._tokens[scope] = await self.house.token(scope)
            client = await self.house.visitor()
            await client.get(
                f"{API}/statuses", headers=self._tokens[scope]
            )  # when it was used is written down
        return self._tokens[scope]

    def kept(self) -> object:
        """Another one whenever anything was written: to the store, or to the files beside it."""
        ((version,),) = self._base.execute("pragma data_version")
        return version, sorted(str(one) for one in (self._path / "attachments").rglob("*"))

    def close(self) -> None:
        self._base.close()


async def _pieces() -> AsyncIterator[bytes]:
    yield b"It burns."


async def by_page(scene: Scene, way: Way, made: Made, department: str, role: Role) -> ClientResponse:
    client, csrf = await scene.person(department, role)
    path, sent = ways.path_of(way, made), ways.filled(way.sent, made)
    if way.method == "GET":
        return await client.get(path)
    if way.is_file:
        form = FormData()
        form.add_field("file", b"It smokes.", filename=f"{made.fresh}.txt")
        headers = {"X-CSRF-Token": csrf, "HX-Request": "true"}
        return await client.post(path, data=form, headers=headers)
    return await client.post(path, data={"csrf": csrf, **sent}, allow_redirects=False)


async def by_api(client: TestClient, way: Way, made: Made, headers: dict[str, str]) -> ClientResponse:
    path, sent = ways.path_of(way, made), ways.filled(way.sent, made)
    if way.is_file:
        return await client.post(
            path, params={"name": f"{made.fresh}.txt"}, data=b"It smokes.", headers=headers
        )
    return await client.request(way.method, path, json=sent or None, headers=headers)


async def judged(scene: Scene, way: Way, made: Made, answer: ClientResponse, allowed: bool) -> None:
    """What the answer and the store must say."""
    text = await answer.text()
    if way.told:
        told = way.told.format(**{name: getattr(made, name) for name in made.__slots__})
        assert (told in text) == allowed, text
    if not allowed:
        assert answer.status == 403 or (way.hides and answer.status == 200), text
        return
    assert answer.status in {200, 201, 204, 303}, text
    if way.done is not None:
        async with scene.house.store.view() as unit:
            assert await way.done(unit, made), text
