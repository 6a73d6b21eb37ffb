"""Takes mail from the mailbox to the tickets: in order, each once, whatever breaks.

A mail is marked in the mailbox only after the store has it. The store remembers the last UID in the same
transaction; a crash in between costs a mark, which is made up for. After a change of UIDVALIDITY the UIDs say
nothing: then unread mail is looked at again, and what was taken is known by its content.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog

from bridge.config import Secrets, Settings
from bridge.config.mail import MailSettings
from bridge.crm import letters
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import BadAttachment, Kept, Limits, Unfit
from bridge.crm.imap import Account, Session
from bridge.crm.letters import MAX_BYTES, NoMail, Received
from bridge.crm.mail import own_marker
from bridge.crm.threads import FLOOD_WINDOW, Thread, Way, asked_for, thread_of
from bridge.crm.ticket_mail import Cursor, Incoming, NotKept, Place, TicketMail
from bridge.engine.backoff import Backoff
from bridge.errors import CallbridgeError, ConfigurationError, RemoteError

log = structlog.get_logger(__name__)
T = TypeVar("T")

_MOST_FAILURES = 5  # a fault of ours, or of this mail


@dataclass(frozen=True, slots=True)
class MailRules:
    own: frozenset[str] = frozenset()  # our own addresses
    own_marker: str = ""
    most_new: int = 20


@dataclass(slots=True)
class MailboxState:
    """For health and metrics. ``fault`` is empty while all is well."""

    up: bool = False
    fault: str = "not connected yet"
    since: datetime | None = None  # of ``up``
    taken: Counter[str] = field(default_factory=Counter)  # by Way, and "double" and "unreadable"
    last_at: datetime | None = None  # when a mail was taken


def account_of(settings: Settings, secrets: Secrets) -> Account | None:
    """None where the configuration names no mailbox. Raises ConfigurationError."""
    inbox = settings.mail.inbox if settings.mail is not None else None
    if inbox is None:
        return None
    if not secrets.imap:
        raise ConfigurationError("mail.inbox: its password is missing: add IMAP_PASSWORD to the secrets file")
    return Account(
        inbox.host,
        inbox.server_port,
        inbox.security,
        inbox.username,
        secrets.imap,
        ssl.create_default_context(),
        inbox.folder,
        inbox.processed,
    )


def rules_of(mail: MailSettings) -> MailRules:
    own, marker = mail.own_addresses, own_marker(mail.sender)
    if mail.inbox is None:
        return MailRules(own, marker)
    return MailRules(own, marker, mail.inbox.most_new_per_hour)


def _now() -> datetime:
    return datetime.now(UTC)


class Mailbox:
    """``run`` it as a task. ``limits`` is asked each time: the configuration may change."""

    def __init__(
        self,
        account: Account,
        tickets: TicketMail,
        files: AttachmentFiles,
        rules: MailRules,
        *,
        limits: Callable[[], Limits] = Limits,
        poll_seconds: float = 60.0,
        backoff: Backoff | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.state = MailboxState()
        self._account, self._tickets, self._files, self._rules = account, tickets, files, rules
        self._limits, self._poll, self._clock = limits, poll_seconds, clock
        self._backoff = backoff or Backoff(first=1.0, ceiling=300.0)
        self._session: Session | None = None
        self._stuck_at: Place | None = None
        self._failures = 0  # one after the other, at that place

    async def run(self) -> None:
        """Until cancelled. Whatever breaks is told, and begun anew after a while."""
        # A thread of its own: waiting for mail would keep one from everybody else for hours.
        with ThreadPoolExecutor(1, thread_name_prefix="mailbox") as threads:
            self._threads = threads
            while True:
                try:
                    await self._connected()
                except CallbridgeError as error:
                    log.error("mail waits in the mailbox", action="mailbox", reason=str(error))
                    self._is(up=False, fault=str(error))
                except Exception as error:
                    # A fault of ours, or the store's own: it must not end the calls.
                    log.exception("mail waits in the mailbox", action="mailbox")
                    self._is(up=False, fault=f"{type(error).__name__}: see the log")
                await asyncio.sleep(self._backoff.next_delay())

    async def _connected(self) -> None:
        session = self._session = Session(self._account)
        try:
            await self._in_thread(session.open)
            cursor = await self._begun(session)
            # What the last run has taken and did not come to mark.
            await self._in_thread(lambda: session.settle(session.unread(cursor.uid, left=False)))
            tells = await self._in_thread(lambda: session.tells)
            while True:
                cursor = await self._pass(session, cursor)
                self._is(up=True, fault="")
                self._backoff.reset()
                if tells:
                    await self._in_thread(partial(session.wait, self._poll))
                else:
                    await asyncio.sleep(self._poll)
        finally:
            self._session = None
            session.close()

    async def _begun(self, session: Session) -> Cursor:
        cursor = await self._tickets.cursor(self._account.name)
        if cursor is not None and cursor.validity == session.validity:
            return cursor
        log.info(
            "mailbox is new" if cursor is None else "mailbox was made anew (UIDVALIDITY)",
            action="mailbox",
            mailbox=self._account.name,
        )
        new = Cursor(session.validity, horizon=session.next_uid - 1)
        await self._tickets.begin(self._account.name, new)
        return new

    async def _pass(self, session: Session, cursor: Cursor) -> Cursor:
        """All that is new, in its order."""
        found = await self._in_thread(partial(session.after, cursor.uid))
        if cursor.uid < cursor.horizon:
            # What lay there before we did: people have dealt with what is read.
            unread = set(await self._in_thread(partial(session.unread, cursor.horizon)))
            found = [uid for uid in found if uid > cursor.horizon or uid in unread]
        for uid in found:
            place = Place(self._account.name, session.validity, uid)
            taken = await self._tried(session, place)
            await self._in_thread(partial(session.settle, [uid]) if taken else partial(session.leave, uid))
            cursor = Cursor(cursor.validity, cursor.horizon, uid)
        return cursor

    async def _tried(self, session: Session, place: Place) -> bool:
        """False: it is no mail, or can never be taken; then it is told, and others do not wait for it."""
        try:
            await self._one(session, place)
        except NoMail as error:
            reason = str(error)
        except (RemoteError, ConfigurationError, OSError):
            raise  # the mail is not to blame
        except Exception as error:
            self._failures = self._failures + 1 if self._stuck_at == place else 1
            self._stuck_at = place
            if self._failures < _MOST_FAILURES:
                raise
            log.exception("mail cannot be taken", action="mailbox", place=str(place))
            reason = f"a mail: cannot be taken ({type(error).__name__}: {error}); see the log"[:500]
        else:
            return True
        log.warning("mail is left in the mailbox", action="mailbox", place=str(place), reason=reason)
        await self._tickets.unreadable(place, reason, self._clock())
        self.state.taken["unreadable"] += 1
        return False

    async def _one(self, session: Session, place: Place) -> None:
        size = await self._in_thread(partial(session.size, place.uid))
        if size is None:
            return  # somebody has removed it
        head = size > MAX_BYTES
        raw = await self._in_thread(partial(session.fetch, place.uid, head=head))
        if raw is None:
            return
        mail = await self._in_thread(partial(self._read, raw, size if head else None))
        await self._take(mail, place)

    def _read(self, raw: bytes, size: int | None) -> Received:
        if size is not None:
            return letters.read_head(raw, size, own_marker=self._rules.own_marker)
        return letters.read(raw, own_marker=self._rules.own_marker)

    async def _take(self, mail: Received, place: Place) -> None:
        now = self._clock()
        known = await self._tickets.known(
            asked_for(mail), mail.token, mail.sender.address.casefold(), now - FLOOD_WINDOW
        )
        thread = thread_of(mail, known, own=self._rules.own, most_new=self._rules.most_new)
        async with self._files.settling:
            kept, refused = await self._kept(mail, thread)
            taken = await self._tickets.take(Incoming(mail, thread, place, kept, refused), now)
            for one in () if taken else kept:
                # Somebody may have removed it since the mail was taken: it must not be back.
                if not await self._tickets.named(one.file):
                    await asyncio.to_thread(self._files.remove, one.file)
        self.state.taken[thread.way.value if taken else "double"] += 1
        self.state.last_at = now
        tell = log.warning if thread.way is Way.FLOOD else log.info
        tell(
            "mail taken" if taken else "mail was taken before",
            action="mailbox",
            way=thread.way.value,
            ticket=thread.ticket,
            place=str(place),
            faults=[fault.value for fault in mail.faults],
        )

    async def _kept(self, mail: Received, thread: Thread) -> tuple[tuple[Kept, ...], tuple[NotKept, ...]]:
        if thread.way in {Way.REPORT, Way.IGNORED}:
            return (), ()
        limits = self._limits()
        kept: list[Kept] = []
        refused: list[NotKept] = []
        room = limits.ticket_bytes - thread.files_bytes
        for attached in mail.attachments:
            if len(attached.content) > room:
                most = limits.ticket_bytes // 2**20
                refused.append(
                    NotKept(
                        attached.name,
                        Unfit.NO_ROOM,
                        f"{attached.name}: the ticket has {most} MB of files already",
                    )
                )
                continue
            try:
                kept.append(await self._files.keep(attached.name, attached.content, limits))
            except BadAttachment as error:
                refused.append(NotKept(attached.name, error.unfit, str(error)))
            else:
                room -= len(attached.content)
        return tuple(kept), tuple(refused)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Over when this is, also when it is cancelled: what it waits for at the server is cut off."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if self._session is not None:
                self._session.cut()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # whatever it was, the cancellation is the answer
            raise

    def _is(self, *, up: bool, fault: str) -> None:
        if up and not self.state.up:
            log.info("mailbox is read", action="mailbox", mailbox=self._account.name)
        if up is not self.state.up or self.state.since is None:
            self.state.since = self._clock()
        self.state.up, self.state.fault = up, fault
