"""The composition root: the only module that knows every adapter. Puts them together, runs them, stops them.

The order of the stop matters: first nobody new comes in (web, sockets), then what is ordered is finished,
then what is known is written, then the store is closed.
"""

import asyncio
import secrets as randomness
import signal
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

import structlog
from aiohttp import web

from bridge import config
from bridge.ami import AmiLink
from bridge.ari import ApplicationTaken, AriLink, claimed
from bridge.callbacks import allowed_by, callbacks_of
from bridge.centre.facts import LinkDown, MemberMoved, MemberRestored, PlanLoaded, Resumed
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import Outcome
from bridge.centre.plan import Plan
from bridge.collector import calm_collector
from bridge.config.handed import dialled
from bridge.crm.directories import Directories
from bridge.crm.directory import ClientDirectory
from bridge.crm.mail import mailer_of
from bridge.crm.outside import Outside
from bridge.crm.recordings import Reconciler
from bridge.crm.records import CallRecords
from bridge.crm.retention import KeepRules, Retention
from bridge.crm.tickets import tickets_by
from bridge.crm.upkeep import Upkeep
from bridge.crm.vault import Vault
from bridge.engine.adoption import Adoption
from bridge.engine.desk import EngineDesk
from bridge.engine.dispatch import Dispatch
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.loop import Engine
from bridge.engine.ports import LinkState
from bridge.engine.recovery import Recovered, recover
from bridge.engine.timers import Timers
from bridge.errors import BadInput, InternalError, JournalBusy, RemoteError
from bridge.for_ami import native_members, told_by_ami
from bridge.lanes import handlers
from bridge.store import FileJournal, Store
from bridge.ticketing import ticketing_of
from bridge.web import ApiRules, CardScreens, Metrics, WebParts, make_app

log = structlog.get_logger(__name__)

_LAST_REPLIES_SECONDS = 2.0  # a player that loads a recording must not hold up the stop
_LAST_ORDERS_SECONDS = 1.0
_LAST_FACTS_SECONDS = 5.0
_TAKE_OVER_SECONDS = 15.0  # for the other process to write down what it knows, and to end
_LINKED_SECONDS = 10.0
_FIRST_LINK_SECONDS = 2.0
_BOOKS_SECONDS = 1.0  # for the database to tell which calls it has
_ENDS_SECONDS = 1.0  # for AMI to tell when those ended whom ARI does not have any more


async def serve(config_path: Path, secrets_path: Path, *, take_over: bool = False) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the plan. Raises what makes a start impossible.

    Another process that runs already is an error, unless ``take_over``: then it is made to stop.
    """
    settings = config.load(config_path)
    secrets = config.Secrets.load(secrets_path)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        async with running(settings, secrets, take_over=take_over) as service:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            loop.add_signal_handler(signal.SIGHUP, service.reload, config_path)
            log.info("serving", action="app.start", web=f"{settings.web.host}:{settings.web.port}")
            await service.until(stop)
            log.info("stopping", action="app.stop", calls=len(service.floor.calls))
    except ApplicationTaken as error:
        # It has our calls, and what we knew of them. To go on, or to come back, would be a fight.
        log.warning("another process goes on from here", action="app.stop", reason=str(error))


@asynccontextmanager
async def running(
    settings: config.Settings, secrets: config.Secrets, *, take_over: bool = False
) -> AsyncIterator["Service"]:
    """A service that runs while the context lasts, and is ended in order however it is left."""
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as claim:
            journal = await _journal(settings, secrets, claim if take_over else None)
            stack.callback(journal.close)
            store = await Store.open(settings.store.url)
            stack.push_async_callback(store.close)
            service = Service(settings, secrets, store, journal)
            await service.ari.claim(forced=take_over)
            stack.push_async_callback(service.stop)
            await service.start()
            if take_over:
                await service.adoption.done_once(_LINKED_SECONDS)
        yield service


async def _journal(
    settings: config.Settings, secrets: config.Secrets, claim: AsyncExitStack | None
) -> FileJournal:
    """Who keeps the journal is the one that serves. With ``claim``, another one is made to stop first.

    From the claim on calls wait for us, and do not go to the native queue meanwhile.
    """
    directory, most_bytes = settings.store.journal, settings.store.journal_limit_mib * 2**20
    try:
        return FileJournal.open(directory, most_bytes=most_bytes)
    except JournalBusy as error:
        if claim is None:
            raise JournalBusy(f"{error}; stop it, or let this one take over: --take-over") from error
    ari = settings.asterisk.ari
    await claim.enter_async_context(claimed(ari.url, ari.username, secrets.ari, ari.app))
    return await FileJournal.open_when_free(directory, _TAKE_OVER_SECONDS, most_bytes=most_bytes)


class Service:
    """Everything, put together."""

    def __init__(
        self, settings: config.Settings, secrets: config.Secrets, store: Store, journal: FileJournal
    ) -> None:
        self.settings = settings
        self.store = store
        self.journal = journal
        self.inbox = BoundedInbox()
        self._recovered: Recovered | None = recover(journal.segments())
        self.floor = self._recovered.floor
        self.history = History(store, journal, run=randomness.token_hex(8))
        self.timers = Timers(self.inbox.put_now)
        ari, ami = settings.asterisk.ari, settings.asterisk.ami
        self.ari = AriLink(
            url=ari.url,
            username=ari.username,
            password=secrets.ari,
            app=ari.app,
            inbox=self.inbox,
            on_up=lambda: self.adoption.run(),
            on_told=self._ari_told,
            on_down=lambda: self.inbox.put_now(LinkDown()),
            owner=journal.owner,
            dialled=lambda endpoint: dialled(endpoint, self.settings.handed()),
        )
        self.ami = AmiLink(
            host=ami.host,
            port=ami.port,
            username=ami.username,
            secret=secrets.ami,
            inbox=self.inbox,
            plan=self._plan,
            trunks=lambda: self.settings.trunks.keys(),
            wanted=lambda: native_members(self.floor),
            remembered=lambda: told_by_ami(self.floor),
            known=self._over,
            ends_needed=lambda: self.floor.router.closed,
        )
        self.outside = Outside(lambda: allowed_by(self.settings))
        self.directories = Directories(
            store, self.outside, self.inbox, lambda: self.settings.directories, secrets.directories
        )
        self.directory = ClientDirectory(
            store, lambda trunk: self.settings.region_of_trunk(trunk), self.directories
        )
        recordings = Vault(Path(settings.recordings.directory), lambda: self.settings.recordings.key)
        self.upkeep = Upkeep(store, recordings, lambda: self.settings.recordings.compress_after)
        self.retention = Retention(store, recordings, lambda: KeepRules(*self.settings.keep_recordings()))
        self.screens = CardScreens(store)
        self.callbacks = callbacks_of(
            lambda: self.settings, secrets, store, recordings, self.outside, self._planned, self.inbox.put_now
        )
        telling = self.callbacks.outbox.telling
        self.records = CallRecords(store, self.ari, recordings, tickets_by(lambda: self.settings), telling)
        self.reconciler = Reconciler(self.records.recordings, self.inbox)
        self.tickets = ticketing_of(store, lambda: self.settings, secrets, self.inbox.put_now)
        lanes = handlers(
            ari=self.ari,
            ami=self.ami,
            clients=self.directory,
            store=self.records,
            screens=self.screens,
        )
        self.dispatch = Dispatch(lanes, self.inbox.put_now, self.callbacks.outbox.wants)
        self.engine = Engine(
            floor=self.floor,
            inbox=self.inbox,
            dispatch=self.dispatch,
            timers=self.timers,
            history=self.history,
            journal=journal,
        )
        self.adoption = Adoption(self.engine, survey=self.ari.survey, states=self.ari.states, ends=self._ends)
        self.desk = EngineDesk(self.engine, self.links)
        parts = WebParts(
            store=store,
            desk=self.desk,
            recordings=recordings,
            region=lambda: self.settings.company.region,
            plan=self._planned,
            in_force=self._plan,
            public_url=settings.web.public_url,
            departments=lambda: self.settings.supervisors,
            tickets=self.tickets.desk,
            files=self.tickets.files,
            mailer=mailer_of(settings, secrets),
            scripts=lambda: self.settings.scripts,
            directory_title=self.directories.title,
            subscribers=self.callbacks.subscribers,
            rules=lambda: ApiRules(*self.settings.web.api_rules),
            client_fields=lambda: self.settings.clients.fields,
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
        self.outside.open()
        await self._sync_agents()
        self.metrics.watch_inbox(lambda: len(self.inbox))
        self.metrics.watch_facts(
            unwritten=lambda: len(self.history),
            not_kept=lambda: self.journal.lost_count,
            never_written=lambda: self.history.lost,
        )
        self.metrics.watch_mail(self.tickets.mailing.taken, self.tickets.mailing.settled)
        self.metrics.watch_callbacks(lambda: self.callbacks.outbox.numbers)
        self.metrics.watch_upkeep(lambda: self.upkeep.waiting, lambda: self.upkeep.saved)
        self.metrics.watch_directories(lambda: self.directories.counts)
        self.engine.watch(lambda _: self._count())
        self.desk.on_floor_change(self.ami.queues_changed)
        await self._continue()
        self._history_task = asyncio.create_task(self.history.run(), name="history")
        self._tasks = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in {
                "loop": self._decide(),
                "ari": self.ari.run(),
                "ami": self.ami.run(),
                "recordings": self.reconciler.run(),
                "upkeep": self.upkeep.run(),
                **self.tickets.tasks(),
                "retention": self.retention.run(),
                "callbacks": self.callbacks.outbox.run(),
            }.items()
        ]
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.web.host, self.settings.web.port, reuse_address=True)
        await site.start()
        calm_collector()

    async def _continue(self) -> None:
        """Go on where the process before this one was: with its floor, and what it left to be done."""
        recovered, self._recovered = self._recovered or Recovered(), None
        if recovered.facts:
            log.info(
                "going on where an earlier process ended",
                action="app.continue",
                calls=len(self.floor.calls),
                facts=recovered.facts,
                unknown=recovered.unknown,
            )
        start = self.journal.start
        self.history.begin(start)
        self.timers.hold(recovered.timers)
        for order in recovered.latest_orders():
            self.dispatch.send(order, start)
        self.engine.start(recovered.untold)
        self.engine.take(LinkDown())
        self.engine.take(PlanLoaded(config.plan_of(self.settings)))
        for move in await self._moves():
            self.engine.take(move)
        if self.floor.calls:
            self.engine.take(Resumed())

    async def _decide(self) -> None:
        """After the first comparison with Asterisk: nobody knows who is free, and nothing can ring before."""
        await self.adoption.done_once(_FIRST_LINK_SECONDS)
        await self.engine.run()

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
        """In order: nothing is dropped in Asterisk, and what is known is written down for the next one."""
        await self._runner.cleanup()
        undone = await self.dispatch.drain(_LAST_ORDERS_SECONDS)
        if undone:
            log.warning("orders left undone: the next start takes them up", action="app.stop", orders=undone)
        self.desk.close()
        await self.adoption.close()
        await _cancel(self._tasks)
        await self.directories.close()
        await self.outside.close()
        try:
            async with asyncio.timeout(_LAST_FACTS_SECONDS):
                await self.history.flushed()
        except TimeoutError:
            log.error(
                "facts are not written yet: the next start writes them",
                action="app.stop",
                facts=len(self.history),
            )
        self.engine.stop(everything_done=not undone)
        if self._history_task is not None:
            await _cancel([self._history_task])

    async def _moves(self) -> list[MemberMoved | MemberRestored]:
        """Supervisors' moves outlive a restart: the store keeps them. Those that the floor has otherwise."""
        async with self.store.view() as unit:
            kept = {(AgentId(one.agent), QueueName(one.queue)): one.penalty for one in await unit.moves.all()}
        known = self.floor.moves
        gone = [MemberRestored(*move) for move in known if move not in kept]
        news = [MemberMoved(*move, kept[move]) for move in kept if known.get(move, -1) != kept[move]]
        return [*gone, *news]

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
        return (self.ari.state, self.ami.state, self.journal.state, *self.tickets.mailing.links())

    # ── what the parts are given ─────────────────────────────────────────────

    def _plan(self) -> Plan:
        return self.floor.plan if self.floor.plan.agents else config.plan_of(self.settings)

    def _planned(self) -> Plan:
        return self.floor.planned if self.floor.planned.agents else config.plan_of(self.settings)

    async def _over(self, calls: Collection[CallId]) -> Collection[CallId]:
        """Of which there is no more to tell: they live on the floor, or the books have their end."""
        here = {call for call in calls if call in self.floor.calls or call in self.floor.gone}
        try:
            async with asyncio.timeout(_BOOKS_SECONDS):
                return here | await self.records.over([call for call in calls if call not in here])
        except (RemoteError, TimeoutError) as error:
            # What is told once more changes no book.
            log.warning("books not read", action="app.over", error=str(error))
            return here

    def _count(self) -> None:
        if sum(self.floor.ended.values()) == sum(self._counted.values()):
            return
        for outcome in (self.floor.ended - self._counted).elements():
            self.metrics.call_ended(outcome)
            self._counted[outcome] += 1

    async def _ends(self) -> Mapping[str, datetime]:
        return {leg: row.ended_at for leg, row in (await self.ami.ended(_ENDS_SECONDS)).items()}

    async def _ari_told(self) -> None:
        """The link is up (again), and what happened meanwhile is told: go on, and look for recordings."""
        await self.adoption.told()
        self.reconciler.wake()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
