"""The whole service in one process, with Asterisk away: what works without it, reload, an orderly stop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bridge import config
from bridge.app import Service, running
from bridge.centre.facts import CallOffered
from bridge.centre.ids import CallId, LegId
from bridge.config import keyfile
from bridge.store import Store
from bridge.web.context import PARTS
from tests.unit.crm.at_rest import shelf_of

LAB = Path(__file__).resolve().parents[2] / "docker" / "callbridge.yml"
VENDOR = LAB.parents[1] / "bridge" / "web" / "assets" / "vendor"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "callbridge.yml"
    path.write_text(LAB.read_text())
    return path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = free_port()
    for name, value in {
        "CALLBRIDGE_ARI_URL": f"http://127.0.0.1:{closed}",
        "CALLBRIDGE_AMI_HOST": "127.0.0.1",
        "CALLBRIDGE_AMI_PORT": str(closed),
        "CALLBRIDGE_STORE_URL": f"sqlite+aiosqlite:///{tmp_path}/callbridge.db",
        "CALLBRIDGE_RECORDINGS": str(tmp_path / "recordings"),
        "CALLBRIDGE_JOURNAL": str(tmp_path / "journal"),
        "CALLBRIDGE_WEB_HOST": "127.0.0.1",
        "CALLBRIDGE_WEB_PORT": str(free_port()),
    }.items():
        monkeypatch.setenv(name, value)
    # Pages are tried elsewhere: here no script needs to be bundled.
    monkeypatch.setattr("bridge.app.make_app", _without_vendor)


def _without_vendor(*parts: object) -> object:
    from bridge.web import make_app

    return make_app(*parts, without_vendor=True)  # type: ignore[arg-type]


@pytest.fixture
async def service(file: Path, environment: None, tmp_path: Path) -> AsyncIterator[Service]:
    settings = config.load(file)
    secrets = config.Secrets.load_or_create(tmp_path / "secrets.env", settings)
    before = asyncio.all_tasks()
    async with running(settings, secrets) as service:
        yield service
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert left == set(), "a task was left over"


async def status(service: Service, path: str) -> int:
    url = f"http://127.0.0.1:{service.settings.web.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return reply.status


async def test_alive_but_not_ready_without_asterisk(service: Service) -> None:
    assert await status(service, "/healthz") == 200
    assert await status(service, "/readyz") == 503
    assert await status(service, "/login") == 200


async def test_faulty_file_leaves_the_last_good_configuration(service: Service, file: Path) -> None:
    before = service.floor.plan
    file.write_text(LAB.read_text().replace('members: ["1001"', 'members: ["1099"'))
    service.reload(file)
    file.write_text("company: [")
    service.reload(file)
    file.unlink()
    service.reload(file)
    await service.inbox.put_and_wait(CallOffered(CallId("c.1"), LegId("c.1"), None, "", "none", "lab"))
    assert service.floor.plan == before


async def test_good_file_is_taken_while_running(service: Service, file: Path) -> None:
    file.write_text(LAB.read_text().replace("wrap_up_seconds: 5", "wrap_up_seconds: 17"))
    service.reload(file)
    await service.inbox.put_and_wait(CallOffered(CallId("c.1"), LegId("c.1"), None, "", "none", "lab"))
    assert {queue.wrap_up.total_seconds() for queue in service.floor.plan.queues.values()} == {17}


async def test_who_supervises_what_is_the_file_s_and_a_reload_counts(service: Service, file: Path) -> None:
    parts = service.web[PARTS]
    assert parts.departments() == {"support": ("1010",), "sales": ("1010", "1009"), "reception": ()}
    assert parts.mailer is None
    file.write_text(LAB.read_text().replace('supervisors: ["1010"]', 'supervisors: ["1001"]'))
    service.reload(file)
    assert parts.departments()["support"] == ("1001",)


async def test_the_mail_server_is_the_file_s(file: Path, environment: None, tmp_path: Path) -> None:
    file.write_text(LAB.read_text() + "\nmail: {host: mail.example.org, sender: calls@example.org}\n")
    settings = config.load(file)
    secrets = config.Secrets.load_or_create(tmp_path / "secrets.env", settings)
    async with running(settings, secrets) as service:
        mailer = service.web[PARTS].mailer
    assert mailer is not None
    assert (mailer.host, mailer.port, mailer.name) == ("mail.example.org", 587, "ООО «Ромашка»")


async def test_call_that_asterisk_cannot_be_asked_about_is_kept_in_history(
    file: Path, environment: None, tmp_path: Path
) -> None:
    settings = config.load(file)
    secrets = config.Secrets.load_or_create(tmp_path / "secrets.env", settings)
    call = CallId("1795000000.7")
    async with running(settings, secrets) as service:
        await service.inbox.put_and_wait(
            CallOffered(call, LegId(call), "+79161234567", "", "+74950000002", "lab")
        )
    store = await Store.open(settings.store.url)
    try:
        async with store.view() as unit:
            row = await unit.calls.get(call)
            ticket = await unit.tickets.by_call(call)
            facts = [fact.type for fact in await unit.facts.of_call(call)]
    finally:
        await store.close()
    assert row is not None
    assert row.e164 == "+79161234567"
    assert ticket is not None
    assert facts[0] == "CallOffered"
    # He is not given up: whoever can ask Asterisk again goes on with him.
    assert (row.outcome, row.ended_at) == (None, None)
    assert "OrderFailed" not in facts


async def test_a_part_that_ends_by_itself_ends_the_service(service: Service) -> None:
    service._tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await service.until(asyncio.Event())


async def test_recordings_are_taken_care_of_while_it_runs(
    file: Path, environment: None, tmp_path: Path
) -> None:
    """One is encrypted and compressed, one whose time is over goes; then the service ends as it should."""
    key = tmp_path / "recordings.key"
    keyfile.make(key)
    text = f"recordings:\n  key_file: {key}\n  compress_after_hours: 0\n  keep_days: 30\n"
    file.write_text(LAB.read_text().replace("recordings:\n", text, 1))
    settings = config.load(file)
    store = await Store.open(settings.store.url)
    shelf = shelf_of(store, tmp_path)
    shelf.use_key()
    now = datetime.now(UTC)
    young = await shelf.add("1795000000.1", at=now - timedelta(days=1))
    old = await shelf.add("1795000000.2", at=now - timedelta(days=31))
    secrets = config.Secrets.load_or_create(tmp_path / "secrets.env", settings)
    before = asyncio.all_tasks()
    async with running(settings, secrets), asyncio.timeout(60):
        while (await shelf.get(young.id)).compressed_at is None or not (await shelf.get(old.id)).removed_at:
            await asyncio.sleep(0.05)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert left == set(), "a task was left over"
    row = await shelf.get(young.id)
    assert shelf.files == [row.file]
    assert row.file.endswith(".opus.age")
    assert shelf.read(row).startswith(b"OggS")
    async with store.view() as unit:
        assert [entry.about for entry in (await unit.audit.page()).items] == [old.id]
    await store.close()
