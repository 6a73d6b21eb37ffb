"""The composition root: the only module that knows every adapter. Puts them together, runs them, stops them.

The order of the stop matters: first nobody new comes in (web, sockets), then what is ordered is finished,
then what is known is written, then the store is closed.
"""

import asyncio
import gc
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from bridge import config
from bridge.ami import AmiLink, NativeMember
from bridge.ari import AriLink
from bridge.centre.decision import Hindrance
from bridge.centre.facts import Fact, MemberMoved, PlanLoaded
from bridge.centre.floor import Floor
from bridge.centre.ids import AgentId, Endpoint, QueueName
from bridge.centre.orders import (
    AttachRecording,
    CallOrder,
    CloseCard,
    EndOffer,
    Lane,
    LookUpClient,
    MediaOrder,
    OpenCard,
    OpenTicket,
    Outcome,
    SaveCall,
    SaveOffer,
    SetDisposition,
    StartRecording,
)
from bridge.centre.plan import Plan
from bridge.crm.directory import ClientDirectory
from bridge.crm.recordings import Reconciler
from bridge.crm.records import CallRecords
from bridge.engine.adopt import Found, reconcile
from bridge.engine.desk import EngineDesk
from bridge.engine.dispatch import Dispatch, Handler
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.loop import Engine, utc_now
from bridge.engine.ports import LinkState
from bridge.engine.timers import Timers
from bridge.errors import BadInput, InternalError
from bridge.store import Store
from bridge.web import CardScreens, Metrics, WebParts, make_app

log = structlog.get_logger(__name__)

_COLLECT_EVERY = 20_000  # objects more than before
_LAST_REPLIES_SECONDS = 2.0  # a player that loads a recording must not hold up the stop
_LAST_ORDERS_SECONDS = 1.0
_LAST_FACTS_SECONDS = 5.0


async def serve(config_path: Path, secrets_path: Path) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the plan. Raises what makes a start impossible."""
    settings = config.load(config_path)
    secrets = config.Secrets.load(secrets_path)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(settings, secrets) as service:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, service.reload, config_path)
        log.info("serving", action="app.start", web=f"{settings.web.host}:{settings.web.port}")
        await service.until(stop)
        log.info("stopping", action="app.stop", calls=len(service.floor.calls))


@asynccontextmanager
async def running(settings: config.Settings, secrets: config.Secrets) -> AsyncIterator["Service"]:
    """A service that runs while the context lasts, and is ended in order however it is left."""
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.store.url)
        stack.push_async_callback(store.close)
        service = Service(settings, secrets, store)
        stack.push_async_callback(service.stop)
        await service.start()
        yield service


def calm_collector() -> None:
    """Keep the garbage collector out of the calls' way, once everything is loaded.

    That stays for ever: a full collection that walks through it pauses all calls for 100 ms (measured), and
    finds nothing. A call leaves hardly a cycle behind; by default one would be looked for every few facts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)


class Service:
    """Everything, put together."""

    def __init__(self, settings: config.Settings, secrets: config.Secrets, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.inbox = BoundedInbox()
        self.floor = Floor()
        self.history = History(store)
        self.timers = Timers(self.inbox.put_now)
        ari, ami = settings.asterisk.ari, settings.asterisk.ami
        self.ari = AriLink(
            url=ari.url,
            username=ari.username,
            password=secrets.ari,
            app=ari.app,
            inbox=self.inbox,
            on_up=self._ari_up,
        )
        self.ami = AmiLink(
            host=ami.host,
            port=ami.port,
            username=ami.username,
            secret=secrets.ami,
            inbox=self.inbox,
            plan=self._plan,
            trunks=lambda: self.settings.trunks.keys(),
            wanted=self._native_members,
        )
        self.directory = ClientDirectory(store, self._region_of_trunk)
        recordings = Path(settings.recordings.directory)
        self.records = CallRecords(store, self.ari, recordings, self._department_of)
        self.reconciler = Reconciler(self.records.recordings, self.inbox)
        self.screens = CardScreens(store)
        self.dispatch = Dispatch(self._handlers(), self.inbox.put_now)
        self.engine = Engine(
            floor=self.floor,
            inbox=self.inbox,
            dispatch=self.dispatch,
            timers=self.timers,
            history=self.history,
        )
        self.desk = EngineDesk(self.engine, self.links)
        parts = WebParts(
            store=store,
            desk=self.desk,
            recordings=recordings,
            region=lambda: self.settings.company.region,
            plan=self._planned,
            in_force=self._plan,
            public_url=settings.web.public_url,
        )
        self.metrics = Metrics()
        self.web = make_app(parts, self.screens, self.metrics)
        self._runner = web.AppRunner(
            self.web, access_log=None, handle_signals=False, shutdown_timeout=_LAST_REPLIES_SECONDS
        )
        self._counted: Counter[Outcome] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._history_task: asyncio.Task[None] | None = None

    # ── running ──────────────────────────────────────────────────────────────

    async def start(self) -> None:
        await self._sync_agents()
        self.metrics.watch_inbox(lambda: len(self.inbox))
        self.engine.watch(lambda _: self._count())
        self.desk.on_floor_change(self.ami.queues_changed)
        self.engine.take(PlanLoaded(config.plan_of(self.settings)))
        for move in await self._moves():
            self.engine.take(move)
        self._history_task = asyncio.create_task(self.history.run(), name="history")
        self._tasks = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in {
                "loop": self.engine.run(),
                "ari": self.ari.run(),
                "ami": self.ami.run(),
                "recordings": self.reconciler.run(),
            }.items()
        ]
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.web.host, self.settings.web.port, reuse_address=True)
        await site.start()
        calm_collector()

    async def until(self, stop: asyncio.Event) -> None:
        """Returns when ``stop`` is set; raises what ended a part that must not end."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        parts = [*self._tasks, *([self._history_task] if self._history_task else [])]
        try:
            done, _ = await asyncio.wait([stopped, *parts], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        for task in done - {stopped}:
            task.result()
            raise InternalError(f"{task.get_name()} ended by itself")

    async def stop(self) -> None:
        await self._runner.cleanup()
        undone = await self.dispatch.drain(_LAST_ORDERS_SECONDS)
        if undone:
            log.warning("orders left undone", action="app.stop", orders=undone)
        self.timers.close()
        self.desk.close()
        await _cancel(self._tasks)
        try:
            async with asyncio.timeout(_LAST_FACTS_SECONDS):
                await self.history.flushed()
        except TimeoutError:
            log.error("facts could not be written", action="app.stop", facts=len(self.history))
        if self._history_task is not None:
            await _cancel([self._history_task])

    async def _moves(self) -> list[MemberMoved]:
        """Supervisors' moves outlive a restart: the store keeps them."""
        async with self.store.view() as unit:
            moves = await unit.moves.all()
        return [MemberMoved(AgentId(one.agent), QueueName(one.queue), one.penalty) for one in moves]

    async def _sync_agents(self) -> None:
        async with self.store.unit() as unit:
            await unit.agents.sync(config.plan_of(self.settings).agents.values())

    def reload(self, path: Path) -> None:
        """Take the file's plan; a faulty one is told, and the last good one stays in force."""
        try:
            settings = config.load(path)
        except BadInput as error:
            log.error(
                "configuration not taken: the last good one stays", action="app.reload", faults=str(error)
            )
            return
        self.settings = settings
        self.inbox.put_now(PlanLoaded(config.plan_of(settings)))
        log.info("configuration taken", action="app.reload")

    def links(self) -> Sequence[LinkState]:
        return (self.ari.state, self.ami.state)

    # ── what the parts are given ─────────────────────────────────────────────

    def _plan(self) -> Plan:
        return self.floor.plan if self.floor.plan.agents else config.plan_of(self.settings)

    def _planned(self) -> Plan:
        return self.floor.planned if self.floor.planned.agents else config.plan_of(self.settings)

    def _native_members(self) -> Mapping[QueueName, Mapping[Endpoint, NativeMember]]:
        """Who serves Asterisk's own queues should we be gone in the next instant.

        Wrap-up, ringing and talking are left out: nobody would end them there; a phone in use is not rung.
        """
        plan, desks = self.floor.plan, self.floor.agents
        members: dict[QueueName, dict[Endpoint, NativeMember]] = {}
        for queue in plan.queues.values():
            members[queue.name] = {}
            for member in queue.members:
                agent, hindrance = plan.agents[member.agent], desks[member.agent].hindrance
                paused = hindrance in (Hindrance.PAUSED, Hindrance.LOGGED_OUT)
                reason = desks[member.agent].reason if hindrance is Hindrance.PAUSED else "logged out"
                members[queue.name][agent.endpoint] = NativeMember(
                    agent.name, member.penalty, paused, reason if paused else ""
                )
        return members

    def _region_of_trunk(self, trunk: str) -> str:
        return self.settings.region_of_trunk(trunk)

    def _department_of(self, queue: str | None) -> str:
        settings = self.settings.queues.get(queue) if queue is not None else None
        return (settings.department if settings is not None else None) or ""

    def _count(self) -> None:
        if sum(self.floor.ended.values()) == sum(self._counted.values()):
            return
        for outcome in (self.floor.ended - self._counted).elements():
            self.metrics.call_ended(outcome)
            self._counted[outcome] += 1

    async def _ari_up(self) -> None:
        """The link is up (again): tell what ended meanwhile, end what is nobody's, look for recordings."""
        asked_at = utc_now()
        ours = await self.ari.our_channels()
        states = {channel.id: channel.state for channel in await self.ari.channels()}
        bridges = {bridge.id: frozenset(bridge.channels) for bridge in await self.ari.bridges()}
        legs = {leg: states[leg] for leg in ours if leg in states}
        reconciled = reconcile(self.floor, Found(asked_at, legs, bridges))
        for fact in reconciled.facts:
            await self.inbox.put(fact)
        for order in reconciled.orders:
            self.dispatch.send(order)
        self.reconciler.wake()

    def _handlers(self) -> dict[Lane, Handler]:
        """An order's lane says who carries it out; where one lane has one kind of order, that is its type."""

        async def media(order: CallOrder) -> None:
            await self.ari.carry_out(cast("MediaOrder", order))

        async def recorder(order: CallOrder) -> None:
            await self.ami.start_recording(cast("StartRecording", order))

        async def directory(order: CallOrder) -> Fact:
            return await self.directory.look_up(cast("LookUpClient", order))

        async def records(order: CallOrder) -> Fact | None:
            match order:
                case SaveCall():
                    await self.records.save_call(order)
                    return None
                case OpenTicket():
                    return await self.records.open_ticket(order)
                case SaveOffer():
                    await self.records.save_offer(order)
                    return None
                case EndOffer():
                    await self.records.end_offer(order)
                    return None
                case SetDisposition():
                    await self.records.set_disposition(order)
                    return None
                case _:
                    raise InternalError(f"{type(order).__name__} in the records' lane")

        async def files(order: CallOrder) -> Fact | None:
            return await self.records.attach_recording(cast("AttachRecording", order))

        async def screen(order: CallOrder) -> None:
            match order:
                case OpenCard():
                    await self.screens.open_card(order)
                case CloseCard():
                    await self.screens.close_card(order)
                case _:
                    raise InternalError(f"{type(order).__name__} in the screens' lane")

        return {
            Lane.MEDIA: media,
            Lane.RECORDER: recorder,
            Lane.DIRECTORY: directory,
            Lane.RECORDS: records,
            Lane.FILES: files,
            Lane.SCREEN: screen,
        }


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
