"""What is wrong between here and Asterisk, in words, with the remedy. Changes nothing anywhere."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge import config
from bridge.ami import AmiLink
from bridge.ari import AriLink
from bridge.callbacks import subscribers_of
from bridge.centre.facts import Fact
from bridge.centre.plan import Plan
from bridge.config import keyfile
from bridge.crm.imap import Account
from bridge.crm.mail import mailer_of
from bridge.crm.mailbox import account_of
from bridge.crm.vault import Vault
from bridge.engine.ports import LinkState
from bridge.errors import CallbridgeError, ConfigurationError
from bridge.store import Store

_LINK_SECONDS = 8.0
_LOW_DISK_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``remedy`` says what to do when it is not well."""

    what: str
    well: bool
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.well else 'BAD '} {self.what}: {self.detail}"
        return line if self.well or not self.remedy else f"{line}\n     → {self.remedy}"


class _Nowhere:
    """An inbox for looking only: what arrives is counted and let go, no call is served."""

    def __init__(self) -> None:
        self.facts = 0

    async def put(self, _: Fact, at: datetime | None = None) -> None:
        self.facts += 1


async def examine(config_path: Path, secrets_path: Path) -> Sequence[Finding]:
    return [finding async for finding in _examine(config_path, secrets_path)]


async def _examine(config_path: Path, secrets_path: Path) -> AsyncIterator[Finding]:
    faults = config.check(config_path)
    if faults:
        for fault in faults:
            yield Finding("configuration", False, str(fault))
        return
    settings = config.load(config_path)
    yield Finding("configuration", True, f"{config_path}: no fault found")
    try:
        secrets = config.Secrets.load(secrets_path)
    except ConfigurationError as error:
        remedy = f"callbridge secrets --config {config_path} --output {secrets_path}"
        yield Finding("secrets", False, str(error), remedy)
        return
    yield Finding("secrets", True, f"{secrets_path}: readable")
    yield await _store(settings)
    yield _disk(settings)
    for finding in await _mail(settings, secrets):
        yield finding
    for finding in await _key(settings):
        yield finding
    for finding in await _callbacks(settings, secrets):
        yield finding
    yield await _ari(settings, secrets)
    yield await _ami(settings, secrets)


async def _store(settings: config.Settings) -> Finding:
    try:
        seen = await Store.inspect(settings.store.url)
    except CallbridgeError as error:
        return Finding("database", False, str(error), "check store.url, and that the database is running")
    if not seen.exists:
        return Finding("database", True, "not there yet: made at the first start")
    if seen.newer:
        detail = f"its schema {seen.revision} is newer than this version, which knows {seen.current}"
        remedy = "run the callbridge that has used it, or restore the backup made before that"
        return Finding("database", False, detail, remedy)
    if not seen.is_current:
        detail = f"reachable; its schema {seen.revision or '(none)'} will be migrated at the next start"
        return Finding("database", True, f"{detail}, to {seen.current}")
    return Finding("database", True, "reachable, and its schema is current")


def _disk(settings: config.Settings) -> Finding:
    directory = Path(settings.recordings.directory)
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        remedy = f"give the user that runs callbridge the right to write to {existing}"
        return Finding("recordings", False, f"{directory} cannot be written to", remedy)
    free = shutil.disk_usage(existing).free
    detail = f"{directory}: {free / (1 << 30):.1f} GiB free"
    return Finding(
        "recordings", free >= _LOW_DISK_BYTES, detail, "make room, or shorten how long recordings are kept"
    )


async def _key(settings: config.Settings) -> Sequence[Finding]:
    """Whether recordings can be encrypted, and those that are encrypted opened."""
    what, found = "recordings' key", []
    if settings.recordings.key is not None:
        trouble = keyfile.trouble(settings.recordings.key)
        detail, _, remedy = trouble.partition("; ")
        well = f"{settings.recordings.key}: readable, by its owner"
        found.append(Finding(what, not trouble, detail or well, remedy))
        if trouble:
            return found
    latest = await _latest_encrypted(settings)
    if latest is None:
        return found
    vault = Vault(Path(settings.recordings.directory), lambda: settings.recordings.key)
    try:
        await asyncio.to_thread(vault.try_key, latest)
    except (CallbridgeError, OSError) as error:
        detail, _, remedy = str(error).partition("; ")
        found.append(Finding(what, False, detail, remedy))
    else:
        found.append(Finding(what, True, f"it opens {latest}"))
    return found


async def _mail(settings: config.Settings, secrets: config.Secrets) -> Sequence[Finding]:
    """Whether mail can be sent and read at all, and what lies in the mailbox that nobody could take."""
    try:
        mailer, account = mailer_of(settings, secrets), account_of(settings, secrets)
    except ConfigurationError as error:
        detail, _, remedy = str(error).rpartition(": ")
        return [Finding("mail", False, detail, remedy)]
    found = []
    if mailer is not None:
        found.append(Finding("mail", True, f"is sent by {mailer.host}:{mailer.port}"))
    if account is not None:
        found.append(await _mailbox(settings, account))
    return found


async def _mailbox(settings: config.Settings, account: Account) -> Finding:
    what, detail = "mailbox", f"{account.name} becomes tickets"
    try:
        store = await Store.open_to_look(settings.store.url)
    except CallbridgeError:
        return Finding(what, True, detail)  # told of the database already
    try:
        async with store.view() as unit:
            left = await unit.mailboxes.all_unreadable(10)
    except CallbridgeError as error:
        return Finding(what, False, str(error))
    finally:
        await store.close()
    if not left:
        return Finding(what, True, detail)
    words = "; ".join(f"{one.at:%Y-%m-%d} UID {one.uid}: {one.reason}" for one in left)
    return Finding(what, True, f"{detail}, but some were left there, flagged: {words}")


async def _callbacks(settings: config.Settings, secrets: config.Secrets) -> Sequence[Finding]:
    """Whether those who are told of calls can be, and are."""
    try:
        store = await Store.open_to_look(settings.store.url)
    except CallbridgeError:
        return []  # told of the database already
    found = []
    try:
        subscribers = subscribers_of(lambda: settings, secrets, store)
        for row in await subscribers.all():
            what = f"callback {row.name}"
            try:
                subscribers.opened(row)
            except CallbridgeError as error:
                detail, _, remedy = str(error).partition("; ")
                found.append(Finding(what, False, detail, remedy))
                continue
            remedy = f"callbridge callback test {row.name}, then callbridge callback enable {row.name}"
            found.append(Finding(what, row.active, row.disabled_reason or f"{row.shown} is told", remedy))
        counts = await store.read(lambda unit: unit.outbox.counts())
        if found or counts.dead:
            detail = f"{counts.waiting} wait, {counts.dead} are dead"
            remedy = "callbridge outbox list --state dead, then replay or drop them"
            found.append(Finding("outbox", not counts.dead, detail, remedy))
    except CallbridgeError as error:
        found.append(Finding("outbox", False, str(error)))
    finally:
        await store.close()
    return found


async def _latest_encrypted(settings: config.Settings) -> str | None:
    try:
        store = await Store.open_to_look(settings.store.url)
    except CallbridgeError:
        return None  # told of the database already
    try:
        async with store.view() as unit:
            row = await unit.stored.any_encrypted()
        return row.file if row is not None else None
    except CallbridgeError:
        return None
    finally:
        await store.close()


async def _ari(settings: config.Settings, secrets: config.Secrets) -> Finding:
    ari = settings.asterisk.ari
    # A name of its own: under the service's name it would take the running service's calls.
    link = AriLink(
        url=ari.url, username=ari.username, password=secrets.ari, app=f"{ari.app}-doctor", inbox=_Nowhere()
    )
    remedy = (
        f"check asterisk.ari in the YAML file, ari.conf and http.conf in Asterisk, and the way to {ari.url}"
    )
    return await _link("ARI", link.run, lambda: link.state, remedy)


async def _ami(settings: config.Settings, secrets: config.Secrets) -> Finding:
    ami = settings.asterisk.ami
    link = AmiLink(
        host=ami.host,
        port=ami.port,
        username=ami.username,
        secret=secrets.ami,
        inbox=_Nowhere(),
        plan=Plan,
        trunks=frozenset,
    )
    remedy = (
        f"check asterisk.ami in the YAML file, manager.conf in Asterisk, and the way to {ami.host}:{ami.port}"
    )
    return await _link("AMI", link.run, lambda: link.state, remedy)


async def _link(
    what: str, run: Callable[[], Awaitable[None]], state: Callable[[], LinkState], remedy: str
) -> Finding:
    task = asyncio.ensure_future(run())
    try:
        async with asyncio.timeout(_LINK_SECONDS):
            while not state().up and not task.done():  # noqa: ASYNC110  a link has a state, no event
                await asyncio.sleep(0.05)
        seen = state()  # before the link is ended
        return Finding(what, seen.up, seen.detail or "connected", remedy)
    except TimeoutError:
        return Finding(what, False, state().detail or "no answer", remedy)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
