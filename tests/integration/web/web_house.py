"""The web room as its tests see it: a hand-written desk, a real store, people, and sample calls."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from pyrage import x25519

from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    Fact,
    MemberMoved,
    MemberRestored,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Plan
from bridge.config import Settings
from bridge.config.scripts import ScriptSettings
from bridge.crm.access import new_token
from bridge.crm.addresses import Allowed
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.mail import Mailer
from bridge.crm.subscribers import Subscribers
from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.vault import Vault
from bridge.engine.logged import logged
from bridge.engine.ports import FloorView, LinkState, LiveAgent, LiveQueue, StampedFact
from bridge.store import Store
from bridge.store.rows import AuditRow
from bridge.web import ApiRules, CardScreens, Metrics, WebParts, make_app
from tests.fakes.databases import fill_sqlite
from tests.integration.web.house_plan import plan as plan
from tests.integration.web.house_plan import settings as settings

T0 = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # cheap: tests sign in often
DEADLINE = 10.0
API = "/api/v1"
RECEIVERS = Allowed.of(["127.0.0.1"])
GENEROUS = ApiRules(per_second=100_000, burst=1_000_000)


class FakeDesk:
    """Answers as the engine would, at once; keeps what was submitted."""

    def __init__(self, plan: Plan) -> None:
        self.submitted: list[Fact] = []
        self.up = {"ari": True, "ami": True, "store": True, "journal": True}
        self._floor_watchers: list[Callable[[], None]] = []
        self._fact_watchers: list[Callable[[StampedFact], None]] = []
        self._seq = 0
        self.plan = plan
        self.view = FloorView(
            agents=tuple(
                LiveAgent(
                    agent.id,
                    agent.name,
                    "ready",
                    "",
                    T0,
                    None,
                    tuple(penalties),
                    True,
                    penalties,
                    "idle",
                )
                for agent in plan.agents.values()
                for penalties in [self._planned(agent.id)]
            ),
            queues=tuple(LiveQueue(queue.name, 0, None, 0, 0, None) for queue in plan.queues.values()),
        )

    def _planned(self, agent: AgentId) -> dict[str, int]:
        return {
            queue.name: member.penalty
            for queue in self.plan.queues.values()
            for member in queue.members
            if member.agent == agent
        }

    def floor(self) -> FloorView:
        return self.view

    def links(self) -> Sequence[LinkState]:
        return [LinkState(name, up, "" if up else "refused") for name, up in self.up.items()]

    def on_floor_change(self, notify: Callable[[], None]) -> Callable[[], None]:
        self._floor_watchers.append(notify)
        return lambda: self._floor_watchers.remove(notify)

    def on_fact(self, notify: Callable[[StampedFact], None]) -> Callable[[], None]:
        self._fact_watchers.append(notify)
        return lambda: self._fact_watchers.remove(notify)

    async def submit(self, fact: Fact) -> None:
        self.submitted.append(fact)
        match fact:
            case AgentLoggedIn(agent) | AgentReady(agent) | WrapUpEnded(agent):
                self.set_agent(agent, "ready")
            case AgentLoggedOut(agent):
                self.set_agent(agent, "logged_out")
            case AgentPaused(agent, reason):
                self.set_agent(agent, "paused", reason)
            case WrapUpExtended(agent):
                until = self.agent(agent).until
                if until is not None:
                    self.change(agent, until=until + timedelta(seconds=30), may_extend=False)
            case MemberMoved(agent, queue, penalty):
                self._place(agent, queue, penalty)
            case MemberRestored(agent, queue):
                self._place(agent, queue, self._planned(agent).get(queue))

    def agent(self, agent: str) -> LiveAgent:
        return next(live for live in self.view.agents if live.agent == agent)

    def set_agent(self, agent: str, state: str, reason: str = "") -> None:
        self.change(agent, state=state, reason=reason)

    def change(self, agent: str, **fields: Any) -> None:
        agents = tuple(replace(live, **fields) if live.agent == agent else live for live in self.view.agents)
        self.show(replace(self.view, agents=agents))

    def _place(self, agent: AgentId, queue: QueueName, penalty: int | None) -> None:
        penalties = dict(self.agent(agent).penalties)
        penalties.pop(queue, None)
        if penalty is not None:
            penalties[queue] = penalty
        self.change(agent, queues=tuple(penalties), penalties=penalties)

    def show(self, view: FloorView) -> None:
        self.view = view
        for notify in tuple(self._floor_watchers):
            notify()

    def happen(self, fact: Fact, at: datetime = T0) -> StampedFact:
        self._seq += 1
        stamped = StampedFact(self._seq, at, fact)
        for notify in tuple(self._fact_watchers):
            notify(stamped)
        return stamped

    @property
    def watchers(self) -> int:
        return len(self._floor_watchers) + len(self._fact_watchers)


@dataclass
class House:
    store: Store
    desk: FakeDesk
    screens: CardScreens
    recordings: Path
    vault: Vault
    metrics: Metrics
    server: TestServer
    rules: ApiRules  # of the API; changed by a test, they hold at once
    departments: dict[str, list[str]]  # department → its supervisors; changed by a test, they hold at once
    scripts: list[ScriptSettings]  # likewise
    settings: Settings  # of tickets; likewise
    clients: list[TestClient] = field(default_factory=list)
    listeners: list["Listener"] = field(default_factory=list)

    async def visitor(self, *, language: str = "en") -> TestClient:
        client = TestClient(
            self.server,
            # The server's address is a number: the default jar keeps no cookies for such.
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept-Language": language},
        )
        self.clients.append(client)
        return client

    async def sign_in(self, login: str, *, language: str = "en") -> TestClient:
        client = await self.visitor(language=language)
        answer = await sign_in(client, login)
        assert answer.status == 303, await answer.text()
        return client

    async def supervisor(self, login: str, agent: str | None, *, language: str = "en") -> TestClient:
        """Somebody in this role, signed in; with an agent he may be named in ``departments``."""
        async with self.store.unit() as unit:
            await unit.users.add(login, HASH, "supervisor", agent, language)
        return await self.sign_in(login, language=language)

    async def audit(self, **filters: Any) -> list[AuditRow]:
        """The latest first."""
        async with self.store.view() as unit:
            return list((await unit.audit.page(limit=500, **filters)).items)

    async def listen(self, client: TestClient, path: str, **headers: str) -> "Listener":
        listener = await Listener.open(client, path, **headers)
        self.listeners.append(listener)
        return listener

    async def token(self, *scopes: str) -> dict[str, str]:
        token, digest = new_token()
        async with self.store.unit() as unit:
            await unit.tokens.add("test", digest, scopes)
        return {"Authorization": f"Bearer {token}"}

    async def log(self, *facts: Fact) -> None:
        """As the engine does: told first, logged after."""
        await self.store.append([logged("run", self.desk.happen(fact)) for fact in facts])


async def open_house(
    tmp_path: Path,
    *,
    public_url: str = "http://callbridge.test",
    key_file: Path | None = None,
    mailer: Mailer | None = None,
    in_browser: bool = False,
) -> House:
    """``in_browser``: a real one comes, and needs the scripts that building the images brings."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    store = await Store.open(await fill_sqlite(tmp_path / "callbridge.db"))
    centre = plan()
    desk = FakeDesk(centre)
    async with store.unit() as unit:
        await unit.agents.sync(list(centre.agents.values()))
        for agent in centre.agents:
            await unit.users.add(agent, HASH, "agent", agent, "en")
        await unit.users.add("chief", HASH, "supervisor", None, "en")
    screens = CardScreens(store)
    vault = Vault(recordings, lambda: key_file)
    departments: dict[str, list[str]] = {}
    scripts: list[ScriptSettings] = []
    tickets = TicketDesk(store, lambda: house.settings, lambda: datetime.now(UTC))
    kept = AttachmentFiles(tmp_path / "attachments", lambda: key_file)
    parts = WebParts(
        store,
        desk,
        vault,
        lambda: "RU",
        lambda: centre,
        lambda: centre,
        public_url,
        lambda: departments,
        tickets,
        mailer,
        lambda: scripts,
        lambda name: {"crm": "Our CRM"}.get(name, name),
        Subscribers(store, str(x25519.Identity.generate()), public_url=public_url, allowed=lambda: RECEIVERS),
        lambda: house.rules,
        TicketFiles(store, tickets, kept, lambda: house.settings.tickets.attachments),
        lambda: house.settings.clients.fields,
    )
    metrics = Metrics()
    app = make_app(parts, screens, metrics, without_vendor=not in_browser)
    server = TestServer(app)
    await server.start_server()
    house = House(
        store,
        desk,
        screens,
        recordings,
        vault,
        metrics,
        server,
        GENEROUS,
        departments,
        scripts,
        settings(),
    )
    return house


async def close_house(house: House) -> None:
    for listener in house.listeners:
        listener.close()
    for client in house.clients:
        await client.session.close()
    await house.server.close()
    await house.store.close()
    assert house.desk.watchers == 0, "a subscription was left over"


# ── browsers ─────────────────────────────────────────────────────────────────


def csrf_in(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html[:2000]
    return found[1]


async def csrf_of(client: TestClient, path: str = "/tickets") -> str:
    answer = await client.get(path)
    return csrf_in(await answer.text())


async def sign_in(
    client: TestClient, login: str, password: str = PASSWORD, **fields: str
) -> aiohttp.ClientResponse:
    csrf = await csrf_of(client, "/login")
    return await client.post(
        "/login",
        data={"login": login, "password": password, "csrf": csrf, **fields},
        allow_redirects=False,
    )


async def get(client: TestClient, path: str, token: dict[str, str], status: int = 200) -> Any:
    answer = await client.get(API + path, headers=token)
    assert answer.status == status, await answer.text()
    if status >= 400:
        assert answer.content_type == "application/problem+json"
    return await answer.json()


@dataclass
class Sent:
    event: str
    data: str
    id: str | None


class Listener:
    """A browser's EventSource, as far as a test needs one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.seen: list[Sent] = []

    @classmethod
    async def open(cls, client: TestClient, path: str, **headers: str) -> "Listener":
        answer = await client.get(path, headers={"Accept": "text/event-stream", **headers})
        assert answer.status == 200, await answer.text()
        return cls(answer)

    async def next(self) -> Sent | None:
        """The next event; None when the stream has ended."""
        event, data, identity = "message", [], None
        async with asyncio.timeout(DEADLINE):
            async for raw in self.answer.content:
                line = raw.decode().rstrip("\n")
                if not line and data:
                    sent = Sent(event, "\n".join(data), identity)
                    self.seen.append(sent)
                    return sent
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data.append(value)
                elif name.startswith("data"):
                    data.append("")
                elif name == "id":
                    identity = value
        return None

    async def beats(self, wanted: int) -> None:
        async with asyncio.timeout(DEADLINE):
            async for raw in self.answer.content:
                wanted -= raw == b": beat\n"
                if not wanted:
                    return
        raise AssertionError("the stream ended")

    async def until(self, event: str, containing: str = "") -> Sent:
        while True:
            sent = await self.next()
            assert sent is not None, f"the stream ended before {event}: {self.seen}"
            if sent.event == event and containing in sent.data:
                return sent

    def close(self) -> None:
        self.answer.close()
