"""Hands the mails of tickets to the mail server: each once, as far as SMTP lets, and tells what became of it.

A mail is SENDING on disk before the first byte goes out. Whether it was taken is not known after a lost
reply, nor after a crash in between: then it is UNCERTAIN, which an agent sees, and not sent again by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bridge.config.keyfile import KeyUnusable
from bridge.crm import private
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import Kept
from bridge.crm.mail import Mailer, MailRefused, Unanswered
from bridge.crm.private import CalledOff
from bridge.crm.replies import written
from bridge.crm.ticket_mail import Delivery, MailOut, Outgoing
from bridge.engine.backoff import Backoff
from bridge.errors import BadInput, CallbridgeError, LinkDown, Refused, RequestTimeout

log = structlog.get_logger(__name__)

_BATCH = 20
_SECONDS, _SECONDS_PER_MEGABYTE = 60.0, 15.0
# Longer than a server that is greylisting, or down over a weekend, needs; then somebody must be told.
AGAIN_AFTER = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 1440)
)


@dataclass(slots=True)
class PostmanState:
    """For health and metrics. ``fault`` is empty while the mail server takes mail."""

    fault: str = ""
    settled: Counter[str] = field(default_factory=Counter)  # by Delivery


def _now() -> datetime:
    return datetime.now(UTC)


class Postman:
    """``run`` it as a task; ``wake`` it when there is a new mail."""

    def __init__(
        self,
        mailer: Mailer,
        mails: MailOut,
        files: AttachmentFiles,
        own: frozenset[str],
        *,
        every: float = 15.0,
        backoff: Backoff | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.state = PostmanState()
        self._mailer, self._mails, self._files, self._own = mailer, mails, files, own
        self._every, self._clock = every, clock
        self._backoff = backoff or Backoff(first=1.0, ceiling=300.0)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. What is out of order is told, and tried again."""
        begun = False
        while True:
            try:
                if not begun:
                    uncertain = await self._mails.interrupted(self._clock())
                    if uncertain:
                        log.warning(
                            "mails of an interrupted run are uncertain", action="mail", mails=uncertain
                        )
                    begun = True
                more = await self.run_once()
            except CallbridgeError as error:
                log.error("mails wait", action="mail", reason=str(error))
                self.state.fault = str(error)
                await asyncio.sleep(self._backoff.next_delay())
                continue
            except Exception:
                # A fault of ours, or the store's own: it must not end the calls.
                log.exception("mails wait", action="mail")
                await asyncio.sleep(self._backoff.next_delay())
                continue
            self._backoff.reset()
            if not more:
                await self._pause()

    async def run_once(self) -> bool:
        """What is due, and whether there may be more. Raises LinkDown, Refused or RequestTimeout."""
        self._woken.clear()
        due = await self._mails.due(self._clock(), _BATCH)
        for outgoing in due:
            await self._one(outgoing)
        return len(due) == _BATCH

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _one(self, outgoing: Outgoing) -> None:
        try:
            contents = await private.in_thread(partial(self._contents, outgoing.files))
            raw, recipients = written(
                outgoing,
                contents,
                sender=self._mailer.sender,
                company=self._mailer.name,
                own=self._own,
                at=self._clock(),
            )
        except (KeyUnusable, OSError) as error:
            await self._again(outgoing, str(error))
            return
        except BadInput as error:
            await self._settled(outgoing, Delivery.FAILED, str(error))
            return
        if not await self._mails.sending(outgoing.entry):
            return
        seconds = _SECONDS + _SECONDS_PER_MEGABYTE * len(raw) / 2**20
        try:
            refused = await self._mailer.hand_over(raw, recipients, seconds)
        except Unanswered as error:
            await self._settled(outgoing, Delivery.UNCERTAIN, str(error))
        except MailRefused as error:
            if error.status < 500:
                await self._again(outgoing, str(error))
            else:
                await self._settled(outgoing, Delivery.FAILED, str(error))
        except (Refused, LinkDown, RequestTimeout) as error:
            # Not for this mail's sake: the others need not be tried now.
            await self._again(outgoing, str(error))
            raise
        else:
            self.state.fault = ""
            words = "; ".join(f"{address}: {said}" for address, said in refused.items())
            await self._settled(outgoing, Delivery.SENT, words)

    def _contents(self, files: Sequence[Kept], called_off: CalledOff) -> list[tuple[Kept, bytes]]:
        found = []
        for kept in files:
            with self._files.opened(kept, called_off) as content:
                found.append((kept, content.read()))
        return found

    async def _again(self, outgoing: Outgoing, fault: str) -> None:
        if outgoing.attempts >= len(AGAIN_AFTER):
            await self._settled(
                outgoing, Delivery.FAILED, f"given up after {outgoing.attempts + 1} attempts: {fault}"
            )
            return
        due = self._clock() + AGAIN_AFTER[outgoing.attempts]
        log.info(
            "mail is tried again", action="mail", entry=outgoing.entry, reason=self._redacted(outgoing, fault)
        )
        await self._surely(partial(self._mails.again, outgoing.entry, fault, due))

    async def _settled(self, outgoing: Outgoing, delivery: Delivery, fault: str) -> None:
        tell = log.info if delivery is Delivery.SENT and not fault else log.warning
        tell(
            "mail of a ticket",
            action="mail",
            entry=outgoing.entry,
            delivery=delivery.value,
            reason=self._redacted(outgoing, fault),
        )
        await self._surely(partial(self._mails.settled, outgoing.entry, delivery, fault, self._clock()))
        self.state.settled[delivery.value] += 1

    async def _surely(self, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What has happened is told to the store however long that is away: nobody else knows it."""
        backoff = Backoff(first=0.25, ceiling=30.0)
        while True:
            try:
                await tell()
            except Exception as error:
                log.error("the store does not take what became of a mail", action="mail", reason=str(error))
                await asyncio.sleep(backoff.next_delay())
            else:
                return

    def _redacted(self, outgoing: Outgoing, fault: str) -> str:
        """Servers like to repeat the address; people's addresses are not for the log."""
        for party in (*outgoing.to, *outgoing.cc):
            if party.address:
                fault = fault.replace(party.address, "…")
        return fault
