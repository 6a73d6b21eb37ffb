"""External directories: asked in parallel who a caller is, each within its own time, and never waited for.

What they know becomes clients of our own, linked to where they come from; each answer is a fact of its own.
Owns when a directory is asked, and what came of it; how, is ``asking``'s.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import structlog

from bridge.centre.facts import ClientRef, DirectoryAnswered
from bridge.centre.ids import CallId, ClientId
from bridge.config.directories import DirectorySettings
from bridge.crm.asking import Found, answer, question
from bridge.crm.circuit import Circuit
from bridge.crm.outside import Outside
from bridge.engine.ports import Inbox
from bridge.errors import CallbridgeError
from bridge.store import Store
from bridge.store.client_sources import GivenClient
from bridge.store.rows import ClientSourceRow

log = structlog.get_logger(__name__)

_MOST_REMEMBERED = 20_000  # answers
_MOST_BYTES = 1024 * 1024  # of one


class AnswerKind(Enum):
    """How asking ended, as /metrics counts it."""

    FOUND = "found"
    NOBODY = "nobody"
    FAILED = "failed"
    NOT_ASKED = "not_asked"  # it has failed too often


@dataclass(frozen=True, slots=True)
class Answer:
    kind: AnswerKind
    clients: tuple[ClientRef, ...] = ()

    @property
    def of_use(self) -> bool:
        return self.kind in (AnswerKind.FOUND, AnswerKind.NOBODY)


class Directories:
    """``settings``: as they are in force, by name. ``tokens``: of the secrets file, by name."""

    def __init__(
        self,
        store: Store,
        outside: Outside,
        inbox: Inbox,
        settings: Callable[[], Mapping[str, DirectorySettings]],
        tokens: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._outside = outside
        self._inbox = inbox
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._now = now
        self._circuits: dict[str, Circuit] = {}
        self._remembered: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self.counts: Counter[tuple[str, AnswerKind]] = Counter()  # since the start

    @property
    def names(self) -> Collection[str]:
        return self._settings().keys()

    def title(self, name: str) -> str:
        """Also of one that is not in the configuration any more."""
        settings = self._settings().get(name)
        return (settings.title if settings is not None else None) or name

    def wanted(self, own: Collection[int], links: Sequence[ClientSourceRow]) -> tuple[str, ...]:
        """Whom to ask about a number: all when nobody here has it, else those whose word has grown old."""
        settings = self._settings()
        if not own:
            return tuple(settings)
        at = self._now()
        old = {
            link.source
            for link in links
            if link.source in settings
            and at - link.fetched_at > timedelta(seconds=settings[link.source].cache_seconds)
        }
        return tuple(name for name in settings if name in old)

    def ask(self, call: CallId, e164: str, names: Sequence[str]) -> None:
        """At once, and nobody waits: DirectoryAnswered comes for each of ``names``, the last one marked."""
        task = asyncio.create_task(self._tell(call, e164, names), name=f"directories {call}")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        """A call that is still being asked about is asked about again by the next process."""
        tasks = [*self._telling, *self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ── inside ───────────────────────────────────────────────────────────────

    async def _tell(self, call: CallId, e164: str, names: Sequence[str]) -> None:
        left = {name: asyncio.ensure_future(self._answer(name, e164)) for name in names}
        while left:
            await asyncio.wait(left.values(), return_when=asyncio.FIRST_COMPLETED)
            for name in [name for name, task in left.items() if task.done()]:
                found = left.pop(name).result()
                await self._inbox.put(
                    DirectoryAnswered(
                        call, e164, self.title(name), found.clients, answered=found.of_use, last=not left
                    )
                )

    async def _answer(self, name: str, e164: str) -> Answer:
        """Remembered, or from asking; several calls from one number ask once."""
        key = (name, e164)
        until, remembered = self._remembered.get(key, (0.0, None))
        if remembered is not None and self._clock() < until:
            self._remembered.move_to_end(key)
            return remembered
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(name, e164), name=f"directory {name}")
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, name: str, e164: str) -> Answer:
        settings = self._settings().get(name)
        circuit = self._circuits.setdefault(name, Circuit(self._clock))
        if settings is None or not circuit.may_ask():
            return self._counted(name, Answer(AnswerKind.NOT_ASKED))
        try:
            found = await self._fetch(name, settings, e164)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            opened = circuit.failed()
            _log_failure(name, error, opened=opened)
            return self._counted(name, Answer(AnswerKind.FAILED))
        circuit.succeeded()
        try:
            result = Answer(
                AnswerKind.FOUND if found else AnswerKind.NOBODY, await self._kept(name, e164, found)
            )
        except Exception as error:
            # The directory is well, and our own database is not: that is told for what it is.
            _log_failure(name, error, opened=False)
            return self._counted(name, Answer(AnswerKind.FAILED))
        self._remember(name, e164, settings.cache_seconds, result)
        return self._counted(name, result)

    async def _fetch(self, name: str, settings: DirectorySettings, e164: str) -> tuple[Found, ...]:
        asked = question(settings, e164, self._tokens.get(name, ""))
        reply = await self._outside.send(asked, seconds=settings.seconds, most_bytes=_MOST_BYTES)
        return answer(settings.answer, reply)

    async def _kept(self, name: str, e164: str, found: Sequence[Found]) -> tuple[ClientRef, ...]:
        if not found:
            return ()
        given = [GivenClient(one.id, one.url, one.values) for one in found]
        async with self._store.unit() as unit:
            clients = await unit.sources.keep(name, e164, given, self._now())
        return tuple(ClientRef(ClientId(client.id), client.name, client.tier) for client in clients)

    def _remember(self, name: str, e164: str, seconds: float, result: Answer) -> None:
        self._remembered[name, e164] = (self._clock() + seconds, result)
        self._remembered.move_to_end((name, e164))
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _counted(self, name: str, result: Answer) -> Answer:
        self.counts[name, result.kind] += 1
        return result


def _log_failure(name: str, error: Exception, *, opened: bool) -> None:
    if not isinstance(error, CallbridgeError):
        log.error("directory: our own fault", action="directory", directory=name, exc_info=error)
        return
    log.warning("directory did not answer", action="directory", directory=name, error=str(error))
    if opened:
        log.error(
            "directory fails again and again: it is not asked for a while",
            action="directory",
            directory=name,
            remedy="see what it answers; its address and fields are under directories in the configuration",
        )
