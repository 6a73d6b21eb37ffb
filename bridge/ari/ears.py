"""Ears: snoops, channels that hear what another one says or hears. Owns how they come and go."""

import asyncio

import structlog

from bridge.ari.interest import Arrival, Interest
from bridge.ari.rest import REQUEST_SECONDS, Rest
from bridge.ari.stasis import SNOOP_ARGUMENTS
from bridge.centre.ids import LegId
from bridge.errors import Gone, LinkDown, Refused, RemoteError, RequestTimeout

log = structlog.get_logger(__name__)

# Asterisk tells of an id that is taken by 500 and in words; 409 it does not know here (22.10).
_NOT_CREATED = "could not be created"


class Ears:
    def __init__(self, rest: Rest, interest: Interest, app: str) -> None:
        self._rest = rest
        self._interest = interest
        self._app = app

    async def put(self, leg: LegId, ear: LegId, **sides: str) -> None:
        """On ``leg``; ``sides`` are ARI's: spy, whisper. Returns when it is in our application."""
        entered = self._interest.expect(ear, leg)
        query = {"app": self._app, "appArgs": SNOOP_ARGUMENTS, **sides}
        try:
            try:
                await self._rest.call("channels.snoopChannelWithId", leg, ear, query=query)
            except Refused as error:
                if _NOT_CREATED not in str(error) or not await self._is_there(ear):
                    raise
                return  # from an attempt whose reply was lost, or from the process before this one
            async with asyncio.timeout(REQUEST_SECONDS):
                arrival = await entered
            if arrival is Arrival.LINK_LOST:
                raise LinkDown(f"{ear}: {arrival.value}")
            if arrival is not Arrival.ENTERED:
                raise Gone(f"{ear}: {arrival.value}")
        except TimeoutError as error:
            raise RequestTimeout(f"{ear}: created, but it never entered the application") from error
        finally:
            self._interest.forget(ear)

    async def _is_there(self, ear: LegId) -> bool:
        try:
            await self._rest.call("channels.get", ear)
        except Gone:
            return False
        return True

    async def drop(self, ear: LegId) -> None:
        """Dropping what is gone is done already; it ends with its channel at the latest."""
        try:
            await self._rest.call("channels.hangup", ear)
        except Gone:
            return
        except RemoteError as error:
            log.error("ear could not be ended", action="ari.ear", channel_id=ear, error=str(error))
