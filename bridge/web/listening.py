"""Owns that nobody hears a recording unnoted: the entry stands in the audit log before the first byte goes.

A player asks for a file in many pieces, and again when somebody winds back: what one person does with one
recording within a few minutes is one entry.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

import structlog
from aiohttp import web

from bridge.errors import CallbridgeError
from bridge.store import Store
from bridge.store.rows import RecordingRow
from bridge.web.labels import N_
from bridge.web.moves import by_whom
from bridge.web.problems import Problem

log = structlog.get_logger(__name__)

ONE_ENTRY = timedelta(minutes=5)
_REMEMBERED = 10_000

_Key = tuple[str, str, str, str]  # by, action, recording, detail


class Listenings:
    """What was noted lately is kept in memory: a restart makes one entry too many, never one too few."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._noted: OrderedDict[_Key, float] = OrderedDict()
        self._turn = asyncio.Lock()  # two requests of one player come at once

    async def note(self, recording: RecordingRow, *, by: str, download: bool, detail: str) -> None:
        """Raises Problem (503) when it cannot be written: then nothing may be handed out."""
        action = "recording.download" if download else "recording.listen"
        key = (by, action, recording.id, detail)
        async with self._turn:
            noted = self._noted.get(key)
            if noted is not None and self._clock() - noted < ONE_ENTRY.total_seconds():
                return
            try:
                async with self._store.unit() as unit:
                    await unit.audit.note(
                        by=by, action=action, about=recording.id, call=recording.call, detail=detail
                    )
            except CallbridgeError as error:
                raise unwritten(error) from error
            self._noted.pop(key, None)
            self._noted[key] = self._clock()
            while len(self._noted) > _REMEMBERED:
                self._noted.popitem(last=False)


LISTENINGS: web.AppKey[Listenings] = web.AppKey("listenings", Listenings)


def unwritten(error: CallbridgeError) -> Problem:
    log.error("not handed out: the audit log cannot be written", action="audit", error=str(error))
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        N_("Who hears a recording is written down, and that is not possible now. Try again in a minute."),
        headers={"Retry-After": "60"},
    )


async def note_listening(request: web.Request, recording: RecordingRow, *, download: bool) -> None:
    """Of who is signed in or holds a token. Without an attached file, or to HEAD, no byte will be sent."""
    if request.method != "HEAD" and recording.state == "attached":
        await request.app[LISTENINGS].note(
            recording, by=by_whom(request), download=download, detail=request.remote or ""
        )
