"""The store on both databases: SQLite in a temporary directory, PostgreSQL in a container of its own."""

import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, LegId, QueueName
from bridge.centre.orders import CallRecord, LegKind, LegRecord, Outcome
from bridge.store import Store
from tests.fakes.databases import fill_postgresql, fill_sqlite

IMAGE = "callbridge-test-postgres"
DATA = "/var/lib/postgresql/test"
BASES = ("debian:bookworm-slim", "debian:sid-slim")
START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)

# The reaper image cannot be pulled everywhere; the fixture removes its container itself.
testcontainers_config.ryuk_disabled = True


def docker(
    *arguments: str, stdin: bytes | None = None, timeout: int = 60
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, timeout=timeout, check=False
    )


def build_image() -> None:
    if docker("image", "inspect", IMAGE).returncode == 0:
        return
    base = next((base for base in BASES if docker("image", "inspect", base).returncode == 0), BASES[0])
    dockerfile = (Path(__file__).parent / "postgres" / "Dockerfile").read_bytes()
    built = docker("build", "-t", IMAGE, "--build-arg", f"BASE={base}", "-", stdin=dockerfile, timeout=600)
    if built.returncode:
        pytest.fail(f"the image {IMAGE} cannot be built from {base}:\n{built.stderr.decode()[-2000:]}")


@contextmanager
def running_postgres(volume: str | None = None) -> Iterator[str]:
    """The URL of a server of its own, without a database. With a volume of Docker's its data last in that."""
    try:
        version = docker("version")
    except FileNotFoundError:
        pytest.fail("the store's tests need Docker for PostgreSQL: install docker.io, then run them again")
    if version.returncode:
        pytest.fail(f"the store's tests need a running Docker: {version.stderr.decode().strip()}")
    build_image()
    container = DockerContainer(IMAGE).with_name(f"cb-pg-{secrets.token_hex(4)}")
    # On loopback only: it trusts whoever reaches it. The library has no way to say so, docker's has.
    container.ports["5432/tcp"] = ("127.0.0.1", None)  # type: ignore[assignment]
    if volume is not None:
        container.with_volume_mapping(volume, DATA, "rw")
    with container:
        url = f"postgresql://postgres@127.0.0.1:{container.get_exposed_port(5432)}"
        wait_for(container)
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running PostgreSQL: its URL without a database."""
    with running_postgres() as url:
        yield url


def wait_for(container: DockerContainer) -> None:
    deadline = time.monotonic() + 60
    while container.exec(["/usr/local/pgbin/pg_isready", "-q", "-h", "127.0.0.1"]).exit_code != 0:
        if time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start: {container.get_logs()}")
        time.sleep(0.1)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'callbridge.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    if url.startswith("sqlite"):
        await fill_sqlite(Path(url.partition(":///")[2]))
    else:
        server, _, name = url.rpartition("/")
        await fill_postgresql(server, name)
    opened = await Store.open(url)
    yield opened
    await opened.close()


def record(call: str = "1700000000.1", **fields: object) -> CallRecord:
    values: dict[str, object] = {
        "id": CallId(call),
        "number": "89161234567",
        "e164": "+79161234567",
        "name": "Anna",
        "withheld": False,
        "dialled": "+74950000001",
        "trunk": "lab",
        "direction": "in",
        "offered_at": START,
        "queue": None,
    }
    return CallRecord(**{**values, **fields})  # type: ignore[arg-type]


def leg(call: str, kind: LegKind = LegKind.CLIENT, offer: int = 0, **fields: object) -> LegRecord:
    id = LegId(call if kind is LegKind.CLIENT else f"{call}-agent-{offer}")
    agent = AgentId("1001") if kind is LegKind.AGENT else None
    return LegRecord(id, kind, agent, START, **fields)  # type: ignore[arg-type]


def ended(call: str = "1700000000.1") -> CallRecord:
    return record(
        call,
        verdict=Verdict.UNKNOWN,
        queue=QueueName("support"),
        agent=AgentId("1001"),
        queued_at=START + timedelta(seconds=5),
        answered_at=START + timedelta(seconds=10),
        ended_at=START + timedelta(seconds=70),
        outcome=Outcome.ANSWERED,
        legs=(
            leg(call, ended_at=START + timedelta(seconds=70), cause=16),
            leg(call, LegKind.AGENT, 1, answered_at=START + timedelta(seconds=10)),
        ),
    )


@pytest.fixture
def make_record():  # type: ignore[no-untyped-def]
    return record


@pytest.fixture
def make_ended():  # type: ignore[no-untyped-def]
    return ended


@pytest.fixture
def make_leg():  # type: ignore[no-untyped-def]
    return leg
