"""What the dialplan wrote down of channels that ended (callbridge-ended in inbound.conf): read, and removed.

The rows stand in Asterisk's own database, in family callbridge-ended, under ``BUCKET/CHANNEL``; a bucket is
the first eight digits of the end's seconds, so 100 s long. Every row is either in a list that each login
asks for, or the end of a channel that is followed comes in the same session: so a bucket that has long been
over, and of which all that came was handled, can go as a whole. Nobody else writes there, but nothing is
believed unread.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from bridge.ami.headers import Headers
from bridge.ami.messages import DatabaseRow, DatabaseRowsComplete, Hangup, Message
from bridge.centre.ids import Endpoint, QueueName
from bridge.errors import LinkDown, Refused, RemoteError

_log = structlog.get_logger(__name__)

_FAMILY = "callbridge-ended"
_KEY = re.compile(rf"/{_FAMILY}/(?P<bucket>[0-9]{{8}})/(?P<channel>[^/\s|]{{1,150}})")
_EPOCH = r"[0-9]{9,10}\.[0-9]{3}"
_LEG = re.compile(rf"leg\|(?P<ended>{_EPOCH})\|(?P<cause>[0-9]{{0,3}})")
_CALL = re.compile(
    rf"call\|(?P<ended>{_EPOCH})\|(?P<cause>[0-9]{{0,3}})"
    rf"\|(?P<begun>{_EPOCH})\|(?P<dialled>[0-9+*#]{{1,40}})\|(?P<trunk>[A-Za-z0-9_-]{{1,60}})"
    r"\|(?P<presentation>allowed|withheld|)\|(?P<number>[0-9+]{0,80})"
    r"\|(?P<queue>[a-z0-9_]{0,40})\|(?P<member>[A-Za-z0-9_./@:+-]{0,100})\|(?P<talked>[0-9]{0,9})",
)
_REMEDY = "render Asterisk's configuration and reload its dialplan; give its user write = system,reporting"
_MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class EndedRow:
    """How a channel ended. A leg that we made has only the first two, a call from a trunk also the others."""

    ended_at: datetime
    cause: int = 0  # Q.850
    begun_at: datetime | None = None
    dialled: str = ""
    trunk: str = ""
    number: str | None = None  # None when it was withheld, or none was sent
    queue: QueueName | None = None  # the last native one that he was in
    endpoint: Endpoint | None = None  # who talked with him without us
    talked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Seconds. ``every``: between removals. ``settled``: of silence in a bucket, before it is removed."""

    every: float = 60.0
    settled: float = 160.0  # its own 100, and what others need to keep what they were told


@dataclass(slots=True)
class _List:
    id: str
    rows: dict[str, EndedRow] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Bucket:
    touched_at: float  # the loop's time
    heard: set[str] = field(default_factory=set)  # channels that were followed to their end


class Ended:
    """``logged_in`` and ``lost`` at a session's ends, ``take`` for every message in order, ``run`` beside;
    ``channels_listed`` when from now on every channel is followed.

    While they are ``needed`` nothing is removed: somebody who hears nothing now will ask for them later.
    """

    def __init__(
        self,
        ask: Callable[..., Awaitable[Headers]],
        upkeep: Upkeep | None = None,
        needed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ask = ask
        self._upkeep = upkeep or Upkeep()
        self._needed = needed
        self._lists: dict[str, _List] = {}  # that come now
        self._number = 0
        self._first: str | None = None  # the list of this login, for whose times others wait
        self._second: str | None = None  # the one in which all is that nobody has followed
        self._listed = asyncio.Event()  # one of them has come
        self._whole_told = False  # the second has: what is in it was told
        self._buckets: dict[str, _Bucket] = {}
        self._sweep_at = 0.0
        self._sweep = asyncio.Event()
        self.rows: Mapping[str, EndedRow] = {}  # the last list, by channel

    async def logged_in(self) -> None:
        coming = self._new_list()
        self._first = coming.id
        if not await self._begin(coming):
            self._listed.set()  # it will not come

    async def channels_listed(self) -> None:
        coming = self._new_list()
        self._second = coming.id
        await self._begin(coming)

    def lost(self) -> None:
        self._listed.clear()
        self._whole_told = False
        self._first = self._second = None
        for coming in self._lists.values():
            coming.done.set()
        self._lists.clear()

    async def read(self, seconds: float) -> Mapping[str, EndedRow]:
        """The rows as they are now, by channel; empty when Asterisk does not tell them in time."""
        coming: _List | None = None
        try:
            async with asyncio.timeout(seconds):
                await self._listed.wait()
                coming = self._new_list()
                if await self._begin(coming):
                    await coming.done.wait()
                    return coming.rows
        except (TimeoutError, RemoteError) as error:
            _log.warning("ends not known in time", action="ami_ended", detail=str(error))
        finally:
            if coming is not None:
                self._lists.pop(coming.id, None)
        return {}

    def take(
        self, message: Message, timestamp: str = "", *, followed: bool = True
    ) -> Mapping[str, EndedRow] | None:
        """The rows of channels that nobody followed to their ends, once in each session.

        ``followed``: the message's channel was known before. Who came before the login and left before the
        channels were listed is not, though his Hangup is heard.
        """
        match message:
            case DatabaseRow(list_id, key, value) if list_id in self._lists:
                self._row(self._lists[list_id], key, value)
            case DatabaseRowsComplete(list_id) if list_id in self._lists:
                return self._whole(list_id)
            case Hangup(channel=channel):
                seconds = timestamp.partition(".")[0]
                if seconds.isascii() and seconds.isdecimal() and len(seconds) == 10:
                    # The row was written a moment before.
                    for moment in (int(seconds), int(seconds) - 1):
                        bucket = self._touch(str(moment)[:8])
                        if followed:
                            bucket.heard.add(channel.uniqueid)
            case _:
                pass
        return None

    def tick(self) -> None:
        """What was received before this was handled."""
        now = asyncio.get_running_loop().time()
        if now >= self._sweep_at and self._second is not None and not self._needed():
            self._sweep_at = now + self._upkeep.every
            self._sweep.set()

    async def run(self) -> None:
        while True:
            await self._sweep.wait()
            self._sweep.clear()
            try:
                if self._whole_told:
                    await self._remove_settled()
                else:
                    await self.channels_listed()  # its list never came
            except RemoteError as error:
                _log.info("rows of ended calls not removed yet", action="ami_ended", detail=str(error))

    # ── the lists ────────────────────────────────────────────────────────────

    def _new_list(self) -> _List:
        """Known before it is asked for: all of it may be handled before whoever asked goes on."""
        self._number += 1
        coming = _List(f"callbridge-ended-{self._number}")
        self._lists[coming.id] = coming
        return coming

    async def _begin(self, coming: _List) -> bool:
        """False when Asterisk will not tell it."""
        try:
            await self._ask("DBGetTree", ActionID=coming.id, Family=_FAMILY)
        except BaseException as error:
            self._lists.pop(coming.id, None)
            if isinstance(error, LinkDown) or not isinstance(error, RemoteError):
                raise
            _log.error("ends not told", action="ami_ended", detail=str(error), remedy=_REMEDY)
            return False
        return True

    def _row(self, coming: _List, key: str, value: str) -> None:
        place, row = _KEY.fullmatch(key), row_of(value)
        if place is not None:
            self._touch(place["bucket"])
        if place is None or row is None or len(coming.rows) >= _MOST_ROWS:
            # Not quoted: what is in it may be anybody's.
            _log.error("row of an ended call cannot be read", action="ami_ended", key=key[:100])
            return
        coming.rows[place["channel"]] = row

    def _whole(self, list_id: str) -> Mapping[str, EndedRow] | None:
        coming = self._lists.pop(list_id)
        self.rows = coming.rows
        coming.done.set()
        if list_id in (self._first, self._second):
            self._listed.set()
        if list_id != self._second:
            return None
        self._whole_told = True
        heard = {channel for bucket in self._buckets.values() for channel in bucket.heard}
        return {channel: row for channel, row in coming.rows.items() if channel not in heard}

    # ── what is not needed any more ──────────────────────────────────────────

    def _touch(self, name: str) -> _Bucket:
        now = asyncio.get_running_loop().time()
        bucket = self._buckets.setdefault(name, _Bucket(now))
        bucket.touched_at = now
        return bucket

    async def _remove_settled(self) -> None:
        now = asyncio.get_running_loop().time()
        buckets = self._buckets.items()
        for name in [name for name, one in buckets if now - one.touched_at >= self._upkeep.settled]:
            await self._remove(name)

    async def _remove(self, name: str) -> None:
        try:
            await self._ask("DBDelTree", Family=_FAMILY, Key=name)
        except Refused as error:
            if "not found" not in str(error).lower():
                raise
        self._buckets.pop(name, None)


def row_of(value: str) -> EndedRow | None:
    """None for what the dialplan cannot have written."""
    leg = _LEG.fullmatch(value)
    if leg is not None:
        return EndedRow(_moment(leg["ended"]), int(leg["cause"] or 0))
    call = _CALL.fullmatch(value)
    if call is None:
        return None
    ended_at = _moment(call["ended"])
    begun_at = min(_moment(call["begun"]), ended_at)  # Asterisk's clock may have been set meanwhile
    talked = int(call["talked"] or 0)  # ms
    with_agent = call["member"] != "" and talked > 0
    return EndedRow(
        ended_at=ended_at,
        cause=int(call["cause"] or 0),
        begun_at=begun_at,
        dialled=call["dialled"],
        trunk=call["trunk"],
        number=(call["number"] or None) if call["presentation"] == "allowed" else None,
        queue=QueueName(call["queue"]) if call["queue"] else None,
        endpoint=Endpoint(call["member"]) if with_agent else None,
        talked_at=max(ended_at - timedelta(milliseconds=talked), begun_at) if with_agent else None,
    )


def moment_of(epoch: str) -> datetime | None:
    """What the dialplan wrote with ``%s.%3q``; None for what it cannot have written."""
    return _moment(epoch) if re.fullmatch(_EPOCH, epoch) else None


def _moment(epoch: str) -> datetime:
    seconds, _, millis = epoch.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(milliseconds=int(millis))
