"""Who serves the application, told in a global variable of Asterisk, so that a second process is refused.

Asterisk gives an application to whoever connects last and cuts off who had it: two processes that are both
started again and again would take it from each other for ever. On one host the journal's lock prevents that;
this does so between hosts. Nobody's clock is compared: what is renewed changes, and who looks waits for that.
"""

import asyncio
import re
from typing import NoReturn

import msgspec
import structlog

from bridge.ari import models
from bridge.ari.rest import Rest
from bridge.errors import Gone, Refused, RemoteError

log = structlog.get_logger(__name__)

RENEWED_SECONDS = 2.0
_PATIENCE = 3.0  # renewals that may fail before somebody else may have it


class ApplicationBusy(Refused):
    """Another process serves it, and lives."""


class Lease:
    """``owner`` is the same for a process and the one that is started in its place."""

    def __init__(self, rest: Rest, app: str, owner: str, seconds: float = RENEWED_SECONDS) -> None:
        self._rest = rest
        self._app = app
        self._owner = owner
        self._seconds = seconds
        self._variable = "CALLBRIDGE_SERVED_" + re.sub(r"[^A-Za-z0-9]", "_", app)
        self._count = 0
        self.forced = False  # to be taken from whoever has it

    async def take(self) -> None:
        """Raises ApplicationBusy while another one renews it."""
        told = await self._told()
        if told and not self.forced and told.partition(" ")[0] != self._owner:
            log.info("looking whether another process serves", action="ari.lease", app=self._app)
            until = asyncio.get_running_loop().time() + self._seconds * _PATIENCE
            while asyncio.get_running_loop().time() < until:
                await asyncio.sleep(self._seconds / 4)
                if await self._told() not in ("", told):
                    raise ApplicationBusy(
                        f"another callbridge serves the Stasis application {self._app!r} of this Asterisk; "
                        "stop it, or let this one take over: --take-over"
                    )
        self.forced = False
        await self._renew()

    async def keep(self) -> NoReturn:
        """Until cancelled. That Asterisk cannot be asked is noticed elsewhere."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._renew()
            except RemoteError as error:
                log.debug("lease not renewed", action="ari.lease", error=str(error))

    async def _renew(self) -> None:
        self._count += 1
        query = {"variable": self._variable, "value": f"{self._owner} {self._count}"}
        await self._rest.call("asterisk.setGlobalVar", query=query)

    async def _told(self) -> str:
        try:
            reply = await self._rest.call("asterisk.getGlobalVar", query={"variable": self._variable})
        except Gone:
            return ""
        return msgspec.json.decode(reply, type=models.Variable).value
