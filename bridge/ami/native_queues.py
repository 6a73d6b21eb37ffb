"""Keeps the members of Asterisk's own queues (app_queue) as the live floor has them, for when it stands in.

Who should be a member is told by the composition root; which queues there are is for queues.conf. Only
agents' phones are touched: whoever else the engineer put into a queue stays there.

What Asterisk has is learnt by QueueStatus, and after that known from our own actions. They are sent one at a
time, each after the other's reply and beside the stream of events: 1 to 2 ms an action on a busy machine,
0.15 to 0.35 ms of them Asterisk's [run on 22.10.1].
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import structlog

from bridge.ami.headers import Headers
from bridge.ami.listener import NotPermitted
from bridge.ami.messages import Message, QueueMember, QueueParams, QueueStatusComplete, Reload
from bridge.centre.ids import Endpoint, QueueName
from bridge.errors import CallbridgeError, LinkDown, RemoteError, RequestTimeout

_log = structlog.get_logger(__name__)

# member.membername and member.reason_paused are char[80] in app_queue.c: what is longer is cut off there.
_LONGEST_TEXT = 79
_NOT_HERE = "not in this queue now"  # a pause's reason, as `queue show` and queue_log have it


@dataclass(frozen=True, slots=True)
class NativeMember:
    """An agent as a member of one of Asterisk's queues. ``reason`` is the pause's; not needed without one."""

    name: str
    penalty: int
    paused: bool
    reason: str


Wanted = Callable[[], Mapping[QueueName, Mapping[Endpoint, NativeMember]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. ``rest`` follows each comparison, however often the floor changes."""

    rest: float = 1.0
    learn: float = 180.0  # then the members are asked for again: somebody else may have changed them
    again: float = 10.0  # then a list that was refused, or did not come, is asked for again
    list: float = 30.0  # so long may a list take: its events stand in line behind others


@dataclass(frozen=True, slots=True)
class Had:
    """A member as Asterisk has it. One that is not ``dynamic`` is queues.conf's, and cannot be removed."""

    penalty: int
    paused: bool
    reason: str
    dynamic: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One action, and the member that Asterisk has after it."""

    action: str
    headers: Mapping[str, str]
    after: Had | None


def text(value: str) -> str:
    """On one line, and so long that it comes back from Asterisk as it was sent."""
    line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return line.encode("utf-8", "replace")[:_LONGEST_TEXT].decode("utf-8", "ignore").rstrip()


def steps(
    queue: QueueName, endpoint: Endpoint, wanted: NativeMember | None, had: Had | None
) -> Iterator[Step]:
    """What makes of one member as it is the member that is wanted."""
    place = {"Queue": queue, "Interface": endpoint}
    if wanted is None:
        if had is not None and had.dynamic:
            yield Step("QueueRemove", place, None)
            return
        if had is None:
            return
        wanted = NativeMember("", had.penalty, True, _NOT_HERE)
    penalty, reason = max(0, wanted.penalty), text(wanted.reason) if wanted.paused else ""
    pause = {"Paused": "true" if wanted.paused else "false"} | ({"Reason": reason} if reason else {})
    if had is None:
        new = {"MemberName": text(wanted.name), "StateInterface": endpoint, "Penalty": str(penalty), **pause}
        yield Step("QueueAdd", place | new, Had(penalty, wanted.paused, reason, dynamic=True))
        return
    # The name is left as it is: a member can only be given another one by removing him.
    if had.penalty != penalty:
        had = replace(had, penalty=penalty)
        yield Step("QueuePenalty", place | {"Penalty": str(penalty)}, had)
    if (had.paused, had.reason if had.paused else "") != (wanted.paused, reason):
        yield Step("QueuePause", place | pause, replace(had, paused=wanted.paused, reason=reason))


@dataclass(slots=True)
class _List:
    """A QueueStatus on its way. ``done`` but not ``whole``: it will not come any more."""

    id: str
    whole: bool = False
    queues: dict[str, dict[str, Had]] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class NativeQueues:
    """``run`` beside the link; ``take`` gets every message, ``logged_in`` and ``changed`` only wake."""

    def __init__(
        self,
        ask: Callable[..., Awaitable[Headers]],
        wanted: Wanted,
        phones: Callable[[], Collection[str]],
        pace: Pace | None = None,
    ) -> None:
        self._ask = ask
        self._wanted = wanted
        self._phones = phones
        self._pace = pace or Pace()
        self._wake = asyncio.Event()
        self._learn_at = 0.0  # the loop's time
        self._lists = 0
        self._list: _List | None = None
        self._known: dict[str, dict[str, Had]] | None = None
        self._ours: set[tuple[str, str]] = set()  # members that we added, also of agents who are gone
        self._failed: dict[tuple[str, str], Step] = {}  # not tried again before the next list
        self._said: set[str] = set()  # what was logged, and still is so

    def changed(self) -> None:
        self._wake.set()

    def logged_in(self) -> None:
        """A session has begun: Asterisk may be another one than before."""
        self._said.clear()
        if self._list is not None:
            self._list.done.set()
        self._learn_soon()

    def take(self, message: Message) -> None:
        coming = self._list
        match message:
            case Reload():
                self._learn_soon()
            case QueueParams(list_id, queue) if coming is not None and list_id == coming.id:
                coming.queues.setdefault(queue, {})
            case QueueMember(list_id) if coming is not None and list_id == coming.id:
                member = Had(message.penalty, message.paused, message.reason, message.dynamic)
                coming.queues.setdefault(message.queue, {})[message.interface] = member
            case QueueStatusComplete(list_id) if coming is not None and list_id == coming.id:
                coming.whole = True
                coming.done.set()
            case _:
                pass

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout_at(self._learn_at or None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._compare(self._wanted())
            except LinkDown:
                self._known = None  # the next login wakes us
            except Exception:
                _log.exception("Asterisk's queues could not be compared", action="native_queues")
            await asyncio.sleep(self._pace.rest)

    # ── what Asterisk has ────────────────────────────────────────────────────

    def _learn_soon(self) -> None:
        self._learn_at = 0.0
        self._wake.set()

    async def _learn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._known = None
        self._learn_at = now + self._pace.again
        self._lists += 1
        self._list = coming = _List(f"callbridge-queues-{self._lists}")
        try:
            await self._ask("QueueStatus", ActionID=coming.id)
            async with asyncio.timeout(self._pace.list):
                await coming.done.wait()
        except TimeoutError:
            detail = f"QueueStatus: the list has not ended within {self._pace.list:g} s"
            self._say("list", "Asterisk tells nothing of its queues", detail=detail)
        except LinkDown:
            raise
        except RemoteError as error:
            detail = str(error)
            if "unknown command" in detail.lower():
                detail += " Load app_queue.so in modules.conf: it serves callers while Callbridge is away"
            self._say("list", "Asterisk tells nothing of its queues", detail=detail)
        else:
            if not coming.whole:
                return
            self._known = coming.queues
            self._failed.clear()
            self._said -= {"list", RequestTimeout.__name__}
            # Unless a reload asked for another list meanwhile.
            if self._learn_at:
                self._learn_at = now + self._pace.learn
        finally:
            self._list = None

    def _say(self, what: str, message: str, **fields: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.warning(message, action="native_queues", **fields)

    # ── the difference ───────────────────────────────────────────────────────

    async def _compare(self, wanted: Mapping[QueueName, Mapping[Endpoint, NativeMember]]) -> None:
        if not wanted:
            self._known, self._learn_at = None, 0.0  # until it is changed
            return
        if asyncio.get_running_loop().time() >= self._learn_at:
            await self._learn()
        if self._known is None:
            return
        phones = frozenset(self._phones())
        for queue, members in wanted.items():
            has = self._known.get(queue)
            if has is None:
                remedy = (
                    "render Asterisk's configuration and reload it: asterisk -rx 'module reload app_queue'"
                )
                self._say(f"queue {queue}", "Asterisk does not have this queue", queue=queue, remedy=remedy)
                continue
            self._said.discard(f"queue {queue}")
            gone = [
                Endpoint(interface)
                for interface in has
                if interface not in members and (interface in phones or (queue, interface) in self._ours)
            ]
            try:
                for endpoint in [*members, *gone]:
                    await self._bring(queue, endpoint, members.get(endpoint), has)
            except (NotPermitted, RequestTimeout) as error:
                # The next action would fare no better. What came of this one is in the next list.
                self._known = None
                if isinstance(error, RequestTimeout):
                    self._learn_at = asyncio.get_running_loop().time() + self._pace.again
                self._say(type(error).__name__, "Asterisk's queues stay as they are", detail=str(error))
                return

    async def _bring(
        self, queue: QueueName, endpoint: Endpoint, wanted: NativeMember | None, has: dict[str, Had]
    ) -> None:
        key = (queue, endpoint)
        for step in steps(queue, endpoint, wanted, has.get(endpoint)):
            if self._failed.get(key) == step:
                return
            try:
                await self._ask(step.action, **step.headers)
            except (LinkDown, NotPermitted, RequestTimeout):
                raise
            except CallbridgeError as error:
                had = has.get(endpoint)
                if had is not None and had.dynamic and "not dynamic" in str(error):
                    # queues.conf has got him since; then he can only be paused.
                    has[endpoint] = replace(had, dynamic=False)
                    await self._bring(queue, endpoint, wanted, has)
                    return
                self._failed[key] = step
                _log.warning(
                    "Asterisk's queue not changed",
                    action="native_queues",
                    queue=queue,
                    endpoint=endpoint,
                    detail=str(error),
                )
                return
            self._failed.pop(key, None)
            if step.action == "QueueAdd":
                self._ours.add(key)
            if step.after is not None:
                has[endpoint] = step.after
            else:
                has.pop(endpoint, None)
                self._ours.discard(key)
