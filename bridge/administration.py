"""What the command line does with the store: log-ins, tokens, clients, recordings. No rule is its own.

Each function opens the store of the configuration, does one thing and closes it, beside a running service.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge import config
from bridge.config import keyfile
from bridge.crm.access import hash_password, hash_token, new_token, verify_password
from bridge.crm.clients_csv import Refusal, open_clients
from bridge.crm.explanation import Explanation, explanation_of
from bridge.crm.importer import ImportReport, import_clients
from bridge.crm.retention import KeepRules, Removed, Retention
from bridge.crm.upkeep import Progress, Upkeep
from bridge.crm.vault import Vault
from bridge.crm.verification import Finding, verify
from bridge.errors import BadInput
from bridge.store import Store, Unit
from bridge.store.api_rows import ImportCounts
from bridge.store.migrate import Step, Told
from bridge.store.rows import DueRow, TokenRow, UserRow
from bridge.web import SCOPES

SUPERVISOR = "supervisor"
ENGINEERS = "secrets file"  # the token that stands there


@asynccontextmanager
async def _store(settings: config.Settings) -> AsyncIterator[Store]:
    store = await Store.open(settings.store.url)
    try:
        yield store
    finally:
        await store.close()


async def migrations(path: Path) -> list[Step]:
    """What is to be done to the database before this version can use it; nothing is changed."""
    return await Store.steps(config.load(path).store.url)


async def migrate(path: Path, told: Told) -> None:
    store = await Store.open(config.load(path).store.url, told)
    await store.close()


async def import_file(
    path: Path,
    file: Path,
    progress: Callable[[ImportCounts], None],
    refuse: Callable[[Refusal], None] | None = None,
    *,
    dry_run: bool = False,
) -> ImportReport:
    settings = config.load(path)
    with open_clients(file) as text:
        async with _store(settings) as store:
            return await import_clients(
                store,
                text,
                settings.company.region,
                progress,
                fields=settings.clients.fields,
                refuse=refuse,
                dry_run=dry_run,
            )


async def add_user(path: Path, login: str, role: str, agent: str | None, password: str) -> str:
    """Returns the password: the given one, or the one that was made."""
    settings = config.load(path)
    if role == "agent" and agent is None:
        raise BadInput("an agent's log-in needs --agent, the agent of the YAML file who this person is")
    if agent is not None and agent not in settings.agents:
        raise BadInput(f"there is no agent {agent} in {path}; add it to `agents` first")
    password = password or secrets.token_urlsafe(12)
    async with _store(settings) as store, store.unit() as unit:
        if await unit.users.by_login(login) is not None:
            raise BadInput(f"the log-in {login} exists already; choose another")
        await unit.users.add(login, hash_password(password), role, agent, settings.company.language.default)
    return password


async def sync_users(path: Path, secrets_path: Path) -> Sequence[str]:
    """Returns the log-ins that were added, or whose password was not the secrets file's any more."""
    settings = config.load(path)
    passwords = config.Secrets.load(secrets_path)
    changed: list[str] = []
    async with _store(settings) as store, store.unit() as unit:
        present = {user.login: user for user in await unit.users.all()}
        supervisors = {one for department in settings.departments.values() for one in department.supervisors}
        wanted = {one: ("supervisor" if one in supervisors else "agent", one) for one in settings.agents}
        for login, (role, agent) in [*wanted.items(), (SUPERVISOR, ("supervisor", None))]:
            password = passwords.web.get(login)
            if password is None or (login in present and _is(password, present[login])):
                continue
            if login in present:
                await unit.users.set_password(login, hash_password(password))
            else:
                own = settings.agents[agent].language if agent else None
                language = own or settings.company.language.default
                await unit.users.add(login, hash_password(password), role, agent, language)
            changed.append(login)
        await _sync_token(unit, passwords.api_token)
    return changed


async def _sync_token(unit: Unit, token: str) -> None:
    """The engineer's own, with every scope. The one that the file had before opens nothing any more."""
    good = await unit.tokens.by_hash(hash_token(token))
    for row in await unit.tokens.all():
        if row.name == ENGINEERS and (good is None or row.id != good.id):
            await unit.tokens.delete(row.id)
    if good is None:
        await unit.tokens.add(ENGINEERS, hash_token(token), ("*",), None)


def _is(password: str, user: UserRow) -> bool:
    return verify_password(password, user.password_hash)


async def add_token(path: Path, name: str, scopes: Sequence[str], days: int | None) -> str:
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise BadInput(f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(sorted(SCOPES))}")
    if days is not None and not 1 <= days <= 36_500:
        raise BadInput(f"--days {days}: give 1 to 36500 days, or leave it out for a token that never expires")
    settings = config.load(path)
    if name.strip() == ENGINEERS:
        raise BadInput(f"token name {ENGINEERS!r}: it is the secrets file's own; choose another")
    token, token_hash = new_token()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    async with _store(settings) as store, store.unit() as unit:
        await unit.tokens.add(name, token_hash, tuple(scopes), expires_at)
    return token


async def tokens(path: Path) -> Sequence[TokenRow]:
    async with _store(config.load(path)) as store, store.view() as unit:
        return await unit.tokens.all()


async def revoke_token(path: Path, id: int) -> None:
    async with _store(config.load(path)) as store, store.unit() as unit:
        if not await unit.tokens.delete(id):
            raise BadInput(f"there is no token {id}; `callbridge token list` shows them")


# ── recordings at rest ───────────────────────────────────────────────────────


def new_recordings_key(path: Path, output: Path | None) -> tuple[Path, str]:
    """Where it was written, and its public key."""
    target = output or config.load(path).recordings.key
    if target is None:
        raise BadInput(f"{path}: recordings.key_file does not say where; set it, or give --output FILE")
    return target, keyfile.make(target)


async def compress_recordings(path: Path, told: Callable[[int, int], None]) -> Progress:
    settings = config.load(path)
    async with _store(settings) as store:
        upkeep = Upkeep(store, _vault(settings), lambda: settings.recordings.compress_after)
        await upkeep.tidy()
        return await upkeep.run_once(lambda now: told(now.done + now.failed, now.total), again=True)


async def due_recordings(path: Path) -> Sequence[DueRow]:
    """Only looks."""
    settings = config.load(path)
    store = await Store.open_to_look(settings.store.url)
    try:
        return await _retention(settings, store).due()
    finally:
        await store.close()


async def retain_recordings(path: Path) -> Removed:
    settings = config.load(path)
    async with _store(settings) as store:
        return await _retention(settings, store).run_once()


async def verify_recordings(path: Path, told: Callable[[int, int], None]) -> tuple[int, Sequence[Finding]]:
    """How many were looked at, and what is wrong. Only looks."""
    settings, looked_at = config.load(path), 0

    def looked(done: int, total: int) -> None:
        nonlocal looked_at
        looked_at = done
        told(done, total)

    store = await Store.open_to_look(settings.store.url)
    try:
        findings = [finding async for finding in verify(store, _vault(settings), looked)]
    finally:
        await store.close()
    return looked_at, findings


def _vault(settings: config.Settings) -> Vault:
    return Vault(Path(settings.recordings.directory), lambda: settings.recordings.key)


def _retention(settings: config.Settings, store: Store) -> Retention:
    return Retention(store, _vault(settings), lambda: KeepRules(*settings.keep_recordings()))


async def explain_call(path: Path, call: str) -> Explanation:
    """Only looks: nothing in the store is changed, not even its schema."""
    settings = config.load(path)
    store = await Store.open_to_look(settings.store.url)
    try:
        return await explanation_of(store, call, {key: agent.name for key, agent in settings.agents.items()})
    finally:
        await store.close()
