"""What the command line does with receivers of call events and the outbox. No rule is its own.

Each function opens the store of the configuration, does one thing and closes it, beside a running service,
which looks every few seconds whether something has changed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bridge import config
from bridge.callbacks import allowed_by, subscribers_of
from bridge.crm.outside import Outside
from bridge.crm.probe import probe
from bridge.crm.subscribers import Made, Subscribers
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.outbox_rows import OutboxRow, SubscriptionRow

_MOST_AT_ONCE = 500


@asynccontextmanager
async def _store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(config.load(path).store.url)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _subscribers(path: Path, secrets_path: Path) -> AsyncIterator[Subscribers]:
    settings, secrets = config.load(path), config.Secrets.load(secrets_path)
    async with _store(path) as store:
        yield subscribers_of(lambda: settings, secrets, store)


async def add_receiver(
    path: Path,
    secrets_path: Path,
    name: str,
    format: str,
    url: str,
    *,
    secret: str,
    events: Sequence[str],
    options: Mapping[str, str],
    by: str,
) -> Made:
    async with _subscribers(path, secrets_path) as subscribers:
        return await subscribers.add(name, format, url, secret=secret, events=events, options=options, by=by)


async def receivers(path: Path) -> Sequence[SubscriptionRow]:
    async with _store(path) as store:
        return await store.read(lambda unit: unit.subscriptions.all())


async def remove_receiver(path: Path, secrets_path: Path, name: str, *, by: str) -> None:
    async with _subscribers(path, secrets_path) as subscribers:
        await subscribers.delete((await subscribers.named(name)).id, by=by)


async def enable_receiver(path: Path, secrets_path: Path, name: str, *, by: str) -> None:
    async with _subscribers(path, secrets_path) as subscribers:
        await subscribers.change((await subscribers.named(name)).id, active=True, by=by)


async def test_receiver(path: Path, secrets_path: Path, name: str) -> Sequence[tuple[bool, str]]:
    settings = config.load(path)
    async with _subscribers(path, secrets_path) as subscribers:
        receiver = subscribers.opened(await subscribers.named(name))
        async with Outside(lambda: allowed_by(settings)) as outside:
            seconds = settings.callbacks.timeout_seconds
            return [one async for one in probe(receiver, outside, seconds=seconds)]


async def outbox_rows(
    path: Path, state: str | None, call: str | None, limit: int
) -> tuple[Sequence[OutboxRow], Mapping[int, str]]:
    """With the receivers' names."""
    async with _store(path) as store:
        page = await store.read(lambda unit: unit.outbox.page(None, limit, state=state, call=call))
        rows = await store.read(lambda unit: unit.subscriptions.all())
    return page.items, {row.id: row.name for row in rows}


async def outbox_row(path: Path, seq: int) -> OutboxRow:
    async with _store(path) as store:
        row = await store.read(lambda unit: unit.outbox.get(seq))
    if row is None:
        raise BadInput(f"event {seq}: there is no such event; “callbridge outbox list” shows all")
    return row


async def replay_events(
    path: Path, secrets_path: Path, events: Sequence[int], *, dead: bool, by: str
) -> Sequence[OutboxRow]:
    """``dead``: all that are so, the oldest first, in place of ``events``."""
    async with _store(path) as store:
        subscribers = subscribers_of(lambda: config.load(path), config.Secrets.load(secrets_path), store)
        cursor, wanted = None, list(events)
        while dead:
            page = await store.read(
                lambda unit, at=cursor: unit.outbox.page(at, _MOST_AT_ONCE, state="dead")  # type: ignore[misc]
            )
            wanted += [row.seq for row in page.items]
            cursor = page.cursor
            dead = cursor is not None
        return [await subscribers.replay(event, by=by) for event in sorted(set(wanted))]


async def drop_events(
    path: Path, secrets_path: Path, events: Sequence[int], *, by: str
) -> Sequence[OutboxRow]:
    async with _subscribers(path, secrets_path) as subscribers:
        return [await subscribers.drop(event, by=by) for event in events]
