"""Receivers of call events as people manage them: made, changed, given a new secret, opened to be told.

What could be misused is sealed with the key CALLBACK_KEY of the secrets file (an age identity): the address,
for it often holds a token, the secret and the options. A secret is shown once, when it is made.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec
import pyrage
from pyrage import x25519

from bridge.centre.orders import CallEventKind
from bridge.crm.addresses import Allowed
from bridge.crm.formats import Format, Target
from bridge.crm.formats.known import format_named
from bridge.crm.formats.standard import Standard, new_secret
from bridge.crm.outside import check_target
from bridge.errors import BadInput, ConfigurationError
from bridge.store import Store, SyncUnit
from bridge.store.outbox_rows import OutboxRow, SubscriptionRow

KINDS = frozenset(kind.value for kind in CallEventKind)
BOTH_SECRETS = timedelta(hours=24)  # both sign so long after a new one was made
_NAME = re.compile(r"[\w .@/-]{1,60}")
_MOST_OPTIONS, _MOST_VALUE = 30, 500


class _Sealed(msgspec.Struct, frozen=True):
    url: str
    secret: str = ""
    former: str = ""  # the secret before it
    former_until: datetime | None = None
    options: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A subscription, opened."""

    row: SubscriptionRow
    format: Format
    target: Target


@dataclass(frozen=True, slots=True)
class Made:
    """``secret`` is shown this once; "" when there is none of ours to show."""

    row: SubscriptionRow
    secret: str = field(repr=False, default="")


class Subscribers:
    """``key``: CALLBACK_KEY. ``public_url``: of our own web server, for what calls back."""

    def __init__(
        self,
        store: Store,
        key: str,
        *,
        public_url: str = "",
        allowed: Callable[[], Allowed] = Allowed,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._key = key
        self._public_url = public_url
        self._allowed = allowed
        self._clock = clock
        self.changed: Callable[[], Awaitable[None]] = _nobody_waits  # who delivers is to look again

    async def all(self) -> list[SubscriptionRow]:
        return await self._store.read(lambda unit: unit.subscriptions.all())

    async def get(self, id: int) -> SubscriptionRow:
        """Raises BadInput."""
        return _there(await self._store.read(lambda unit: unit.subscriptions.get(id)), str(id))

    async def named(self, name: str) -> SubscriptionRow:
        """Raises BadInput."""
        return _there(await self._store.read(lambda unit: unit.subscriptions.by_name(name)), repr(name[:60]))

    async def add(
        self,
        name: str,
        format: str,
        url: str,
        *,
        events: Collection[str] = (),
        options: Mapping[str, str] | None = None,
        secret: str = "",
        by: str,
    ) -> Made:
        """Without ``events`` it is told everything. Raises BadInput, ForbiddenTarget."""
        if _NAME.fullmatch(name) is None or not name.strip():
            raise BadInput(f"name {name[:60]!r}: 1 to 60 letters, digits, blanks and _ . @ / -")
        wanted = _events(events)
        made_up = new_secret() if format == Standard.name and not secret else ""
        sealed = _Sealed(url, secret or made_up, options=dict(options or {}))
        self._check(format, sealed)
        text, shown = self._seal(sealed), _shown(url)

        def add(unit: SyncUnit) -> SubscriptionRow:
            row = unit.subscriptions.add(name.strip(), format, shown, text, wanted, by)
            _note(unit, by, "callback.added", row, shown)
            return row

        made = Made(await self._store.write(add), made_up)
        await self.changed()
        return made

    async def change(
        self,
        id: int,
        *,
        by: str,
        url: str | None = None,
        events: Collection[str] | None = None,
        options: Mapping[str, str] | None = None,
        secret: str | None = None,
        active: bool | None = None,
    ) -> Made:
        """What is None stays. A new secret: "" has one made up; the one before it goes on for a day.

        Raises BadInput, ForbiddenTarget.
        """
        row = await self.get(id)
        values: dict[str, object] = {}
        made_up = ""
        if url is not None or options is not None or secret is not None:
            sealed = self._open(row)
            if url is not None:
                sealed = msgspec.structs.replace(sealed, url=url)
                values["shown"] = _shown(url)
            if options is not None:
                sealed = msgspec.structs.replace(sealed, options=dict(options))
            if secret is not None:
                made_up = new_secret() if row.format == Standard.name and not secret else ""
                until = self._clock() + BOTH_SECRETS
                sealed = msgspec.structs.replace(
                    sealed, secret=secret or made_up, former=sealed.secret, former_until=until
                )
            self._check(row.format, sealed)
            values["sealed"] = self._seal(sealed)
        if events is not None:
            values["events"] = sorted(_events(events))
        if active is not None:
            values |= {
                "active": active,
                "disabled_reason": "" if active else f"switched off by {by}",
                "slow_until": None,
            }

        def change(unit: SyncUnit) -> SubscriptionRow:
            changed = _there(unit.subscriptions.change(id, **values) if values else row, str(id))
            _note(unit, by, "callback.changed", changed, ", ".join(sorted(values)))
            return changed

        made = Made(await self._store.write(change), made_up)
        await self.changed()
        return made

    async def delete(self, id: int, *, by: str) -> None:
        """With all that was to be told to it. Raises BadInput."""
        row = await self.get(id)

        def delete(unit: SyncUnit) -> None:
            unit.subscriptions.delete(id)
            _note(unit, by, "callback.removed", row, row.shown)

        await self._store.write(delete)
        await self.changed()

    # ── what is to be told ───────────────────────────────────────────────────

    async def replay(self, seq: int, *, by: str) -> OutboxRow:
        """A dead or dropped event from its beginning. Raises BadInput."""

        def replay(unit: SyncUnit) -> OutboxRow:
            row = unit.outbox.replay(seq, self._clock())
            _note_event(unit, by, "callback.replayed", row)
            return row

        row = await self._store.write(replay)
        await self.changed()
        return row

    async def drop(self, seq: int, *, by: str) -> OutboxRow:
        """It will not be told; the call's later events go on. Raises BadInput."""

        def drop(unit: SyncUnit) -> OutboxRow:
            row = unit.outbox.drop(seq, self._clock())
            _note_event(unit, by, "callback.dropped", row)
            return row

        row = await self._store.write(drop)
        await self.changed()
        return row

    # ── opened, to be told ───────────────────────────────────────────────────

    def opened(self, row: SubscriptionRow) -> Receiver:
        """Raises BadInput: its format is not known any more, or the key does not open it."""
        sealed = self._open(row)
        secret = sealed.secret
        if sealed.former and sealed.former_until is not None and self._clock() < sealed.former_until:
            secret = f"{secret} {sealed.former}" if row.format == Standard.name else secret
        target = Target(sealed.url, secret.encode(), sealed.options, self._public_url)
        return Receiver(row, format_named(row.format), target)

    async def keep_secret(self, receiver: Receiver, secret: bytes) -> Receiver:
        """The receiver itself has given a new one (an OAuth token that was refreshed)."""
        sealed = msgspec.structs.replace(self._open(receiver.row), secret=secret.decode("utf-8", "replace"))
        text = self._seal(sealed)
        row = await self._store.write(lambda unit: unit.subscriptions.change(receiver.row.id, sealed=text))
        return replace(receiver, row=row or receiver.row, target=replace(receiver.target, secret=secret))

    def _check(self, format: str, sealed: _Sealed) -> None:
        options = sealed.options
        if len(options) > _MOST_OPTIONS or any(len(value) > _MOST_VALUE for value in options.values()):
            raise BadInput(f"options: {_MOST_OPTIONS} of {_MOST_VALUE} characters each at most")
        target = Target(sealed.url, sealed.secret.encode(), options, self._public_url)
        format_named(format).check(target)
        check_target(sealed.url.replace("{secret}", "x"), self._allowed())

    def _seal(self, sealed: _Sealed) -> str:
        data = pyrage.encrypt(msgspec.json.encode(sealed), [self._identity().to_public()])
        return base64.b64encode(data).decode()

    def _open(self, row: SubscriptionRow) -> _Sealed:
        try:
            data = pyrage.decrypt(base64.b64decode(row.sealed, validate=True), [self._identity()])
            return msgspec.json.decode(data, type=_Sealed)
        except (pyrage.DecryptError, binascii.Error, ValueError, msgspec.MsgspecError):
            raise ConfigurationError(
                f"subscription {row.name!r}: CALLBACK_KEY of the secrets file does not open it; "
                "put back the key that it was made with, or remove and add it"
            ) from None

    def _identity(self) -> x25519.Identity:
        if not self._key:
            raise ConfigurationError(
                "CALLBACK_KEY is missing in the secrets file: “callbridge render” adds what is missing"
            )
        return x25519.Identity.from_str(self._key)


def _there(row: SubscriptionRow | None, which: str) -> SubscriptionRow:
    if row is None:
        raise BadInput(f"subscription {which}: there is no such one; “callbridge callback list” shows all")
    return row


def _events(written: Collection[str]) -> frozenset[str]:
    unknown = sorted(set(written) - KINDS)
    if unknown:
        raise BadInput(f"event {unknown[0][:40]!r} is not known; write {', '.join(sorted(KINDS))}")
    return frozenset(written) or KINDS


def _shown(url: str) -> str:
    """Without path and query, which may hold a token."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:200]
    except ValueError:
        raise BadInput("this is not an address of a web server: write https://example.org/path") from None


def _note(unit: SyncUnit, by: str, action: str, row: SubscriptionRow, detail: str) -> None:
    unit.audit.note(by=by, action=action, about=row.name, call="", detail=detail, at=datetime.now(UTC))


def _note_event(unit: SyncUnit, by: str, action: str, row: OutboxRow) -> None:
    unit.audit.note(
        by=by, action=action, about=row.event_id, call=row.call, detail=row.kind, at=datetime.now(UTC)
    )


async def _nobody_waits() -> None:
    pass
