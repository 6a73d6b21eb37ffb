"""The AMI adapter as the engine knows it: listener, translation, recorder and native queues put together."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from bridge.ami.call_events import Reason
from bridge.ami.ended import Ended, EndedRow, Upkeep
from bridge.ami.headers import Headers, MissingHeader, read
from bridge.ami.listener import Listener, Timing
from bridge.ami.messages import CoreShowChannelsComplete
from bridge.ami.native_queues import NativeQueues, Pace, Wanted
from bridge.ami.recorder import mute_recording, start_recording, stop_recording
from bridge.ami.remembered import Remembered
from bridge.ami.translate import Translator
from bridge.centre.facts import (
    CallMissed,
    Fact,
    OutsideAnswered,
    OutsideEnded,
    RecordingCut,
    RecordingStarted,
)
from bridge.centre.ids import AgentId, CallId, Endpoint
from bridge.centre.orders import MuteRecording, StartRecording, StopRecording
from bridge.centre.plan import Plan
from bridge.engine.ports import Inbox, LinkState
from bridge.errors import LinkDown, Refused, RequestTimeout

_log = structlog.get_logger(__name__)

# Each with what to do when it is refused. Contacts first: they tell why a device is unavailable.
_LISTS = {
    "PJSIPShowContacts": "load res_pjsip.so; give its user write = system in manager.conf",
    "DeviceStateList": "load res_manager_devicestate.so; give its user write = reporting in manager.conf",
    "CoreShowChannels": "give its user write = system,reporting in manager.conf",
}
_MOST_TRIES = 40  # of a list, while Asterisk starts


class AmiLink:
    """Implements ``ports.Recorder``. ``run`` until cancelled; ``on_up`` after each login.

    At each login ``remembered`` is asked what was told of calls before, and ``known`` which of the ended
    ones need not be told as missed. While ``ends_needed``, what ``ended`` could tell is kept.

    ``wanted`` says who should be a member of Asterisk's own queues; call ``queues_changed`` when it says
    something new. Without it they are left alone.

    In manager.conf its user needs read = call,system (agent, to know an abandoned native queue for sure) and
    write = system,reporting (agent, for ``wanted``).
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        inbox: Inbox,
        plan: Callable[[], Plan],
        trunks: Callable[[], Collection[str]],
        on_up: Callable[[], Awaitable[None]] | None = None,
        timing: Timing | None = None,
        wanted: Wanted | None = None,
        pace: Pace | None = None,
        remembered: Callable[[], Remembered] = Remembered,
        known: Callable[[Collection[CallId]], Awaitable[Collection[CallId]]] | None = None,
        upkeep: Upkeep | None = None,
        ends_needed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._inbox = inbox
        self._plan = plan
        self._known = known
        self._remembered = remembered
        self._on_up = on_up
        self._retry = (timing or Timing()).first_retry
        self._translator = Translator(plan, trunks, remembered)
        self._listener = Listener(
            host=host,
            port=port,
            username=username,
            secret=secret,
            handle=self._handle,
            on_login=self._logged_in,
            on_lost=lambda: self._ended.lost(),
            timing=timing,
        )
        self._ended = Ended(self._listener.ask, upkeep, ends_needed)
        self._queues: NativeQueues | None = None
        if wanted is not None:
            self._queues = NativeQueues(self._listener.ask, wanted, lambda: _phones(plan()), pace)

    @property
    def state(self) -> LinkState:
        return self._listener.state

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listener.run(), name="ami listener")
            tasks.create_task(self._ended.run(), name="ami ended")
            if self._queues is not None:
                tasks.create_task(self._queues.run(), name="ami queues")

    def queues_changed(self) -> None:
        """Who should be a member of Asterisk's queues may have changed. Cheap: it only wakes a task."""
        if self._queues is not None:
            self._queues.changed()

    async def ended(self, seconds: float) -> Mapping[str, EndedRow]:
        """When and how channels ended of late, by their ids, as the dialplan wrote it down.

        Waits until Asterisk has told it, at most so long; empty if it does not, or we are not connected.
        """
        return await self._ended.read(seconds)

    async def start_recording(self, order: StartRecording) -> None:
        recordings = self._translator.recordings
        if not await self._in_time(start_recording(order, self._listener.ask, recordings)):
            await self._inbox.put(RecordingStarted(order.call, order.recording))
        if order.muted:
            await self.mute_recording(MuteRecording(order.call, order.leg, order.recording, muted=True))

    async def mute_recording(self, order: MuteRecording) -> None:
        recordings = self._translator.recordings
        if not await self._in_time(mute_recording(order, self._listener.ask, recordings)):
            await self._inbox.put(RecordingCut(order.call, order.recording))

    async def _in_time(self, work: Awaitable[bool]) -> bool:
        """What was sent must not be carried out later, when something else has been begun instead."""
        try:
            return await work
        except RequestTimeout as error:
            self._listener.drop(str(error))
            raise LinkDown(str(error)) from error

    async def stop_recording(self, order: StopRecording) -> None:
        try:
            await stop_recording(order, self._listener.ask, self._translator.recordings)
        except RequestTimeout as error:
            # As above. Tried again until it is known to have stopped.
            self._listener.drop(str(error))
            raise LinkDown(str(error)) from error

    async def _logged_in(self) -> None:
        # Whatever the list of channels does not name has ended while we were away. An Asterisk that is still
        # starting lets us in, and says so itself only later: so it is said here.
        self._listener.put({"event": "FullyBooted"})
        # Before the channels: of a call that is over, it tells when it ended.
        await self._ended.logged_in()
        # The lists come as events in the same stream, so they cannot overtake a change or be overtaken.
        for action in _LISTS:
            await self._list(action)
        await self._ended.channels_listed()
        if self._queues is not None:
            self._queues.logged_in()
        if self._on_up is not None:
            await self._on_up()

    async def _list(self, action: str) -> None:
        tries = 0
        while True:
            tries += 1
            try:
                await self._listener.ask(action)
                return
            except (Refused, RequestTimeout) as error:
                words = str(error)
            if "no contacts" in words.lower():
                return
            # It lets us in some tenths of a second before the modules are loaded that give these lists [run].
            if "unknown command" not in words.lower() or tries == _MOST_TRIES:
                _log.error(
                    "AMI list not given", action="ami_list", list=action, detail=words, remedy=_LISTS[action]
                )
                return
            await asyncio.sleep(self._retry)

    async def _handle(self, headers: Headers) -> None:
        if not headers:
            self._ended.tick()
        facts = self._translator.refresh() if self._translator.plan_changed() else []
        rows: Mapping[str, EndedRow] = {}
        try:
            message = read(headers)
            if message is not None:
                followed = self._translator.follows(headers.get("uniqueid", ""))
                timestamp = headers.get("timestamp", "")
                rows_missed = self._ended.take(message, timestamp, followed=followed)
                facts += await self._missed(rows_missed or {})
                if isinstance(message, CoreShowChannelsComplete):
                    rows = self._ended.rows
                if self._queues is not None:
                    self._queues.take(message)
                facts += self._translator.take(message)
        except MissingHeader as error:
            _log.error("AMI event skipped", action="ami_event", detail=str(error))
        except Exception:
            # Our own fault, with one event of one call: it must not end all the others.
            _log.exception(
                "AMI event could not be followed", action="ami_event", event_name=headers.get("event")
            )
        for fact in facts:
            row = rows.get(fact.call) if isinstance(fact, OutsideEnded) else None
            if isinstance(fact, OutsideEnded) and row is not None:
                await self._put_end(fact, row)
            else:
                await self._inbox.put(fact, self._translator.happened_at(fact))

    # ── ends that nobody heard ───────────────────────────────────────────────

    async def _put_end(self, fact: OutsideEnded, row: EndedRow) -> None:
        if row.begun_at is not None and fact.call in self._remembered().presented:
            # Nobody knows more of it than that it came: without this, nothing would be kept of it.
            await self._inbox.put(self._whole(fact.call, row, row.begun_at))
            return
        agent = self._agent_at(row.endpoint)
        if row.talked_at is not None:
            if agent is not None:
                await self._inbox.put(OutsideAnswered(fact.call, agent), row.talked_at)
            fact = replace(fact, reason=Reason.COMPLETED.value)
        elif row.queue is not None:
            fact = replace(fact, reason=Reason.ABANDONED.value)
        await self._inbox.put(fact, row.ended_at)

    async def _missed(self, rows: Mapping[str, EndedRow]) -> list[Fact]:
        """Whole calls, in the order in which they ended."""
        calls = [
            (CallId(channel), row, row.begun_at)
            for channel, row in sorted(rows.items(), key=lambda item: item[1].ended_at)
            if row.begun_at is not None
        ]
        if not calls or self._known is None:
            return []
        known = await self._known([call for call, _, _ in calls])
        return [self._whole(call, row, begun_at) for call, row, begun_at in calls if call not in known]

    def _whole(self, call: CallId, row: EndedRow, begun_at: datetime) -> CallMissed:
        return CallMissed(
            call=call,
            number=row.number,
            name="",
            dialled=row.dialled,
            trunk=row.trunk,
            queue=row.queue,
            agent=self._agent_at(row.endpoint),
            offered_at=begun_at,
            answered_at=row.talked_at,
            ended_at=row.ended_at,
        )

    def _agent_at(self, endpoint: Endpoint | None) -> AgentId | None:
        agent = self._plan().agent_at(endpoint) if endpoint is not None else None
        return agent.id if agent is not None else None


def _phones(plan: Plan) -> Collection[str]:
    return [agent.endpoint for agent in plan.agents.values()]
