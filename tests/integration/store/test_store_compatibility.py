"""An older version on a database that a newer one has migrated, on both databases.

The newer one is played by this version with one migration more, as the next release would have it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from structlog.testing import capture_logs

from bridge import config
from bridge.doctor import _store
from bridge.errors import ConfigurationError, InternalError
from bridge.store import Store
from bridge.store import migrate as module
from bridge.store.engine import open_engines

LAB = Path(__file__).resolve().parents[3] / "docker" / "callbridge.yml"
CURRENT = ScriptDirectory(str(module.MIGRATIONS)).get_heads()[0]
AFTER = [f"{int(CURRENT) + more:04}" for more in range(1, 5)]  # the revisions of versions to come
BEFORE = "0003"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
{word}


def upgrade() -> None:
    op.add_column("calls", sa.Column("x{revision}", sa.Text(), nullable=False, server_default="new"))
    op.create_table("t{revision}", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("t{revision}")
    op.drop_column("calls", "x{revision}")
"""
Newer = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Newer:
    """Within it, this is a version with more migrations; ``words`` are what they are compatible with."""

    @contextmanager
    def version(*words: str | None) -> Iterator[None]:
        migrations = tmp_path / "migrations"
        shutil.copytree(module.MIGRATIONS, migrations, dirs_exist_ok=True)
        before = CURRENT
        for word in words:
            revision = f"{int(before) + 1:04}"
            said = "" if word is None else f'compatible_with = "{word}"'
            script = migrations / "versions" / f"v{revision}_next.py"
            script.write_text(NEXT.format(revision=revision, before=before, word=said))
            before = revision
        with monkeypatch.context() as patch:
            patch.setattr(module, "MIGRATIONS", migrations)
            yield

    return version


async def said(url: str) -> list[tuple[str, ...]]:
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        rows = (await connection.execute(text("SELECT revision, oldest FROM compatibility"))).all()
    await engines.dispose()
    return [tuple(row) for row in rows]


async def migrated(url: str) -> None:
    await (await Store.open(url)).close()


async def test_each_version_says_who_can_live_with_it(url: str, newer: Newer) -> None:
    for _ in range(2):
        await migrated(url)
        assert await said(url) == [(CURRENT, BEFORE)]
    with newer(CURRENT, "0003", AFTER[1], None):
        await migrated(url)
    assert await said(url) == [(AFTER[3], AFTER[3])]


@pytest.mark.parametrize(
    ("words", "oldest"),
    [
        ((BEFORE,), BEFORE),
        ((CURRENT,), CURRENT),
        ((CURRENT, BEFORE), CURRENT),
        ((None,), AFTER[0]),
        ((None, CURRENT), AFTER[0]),
        ((AFTER[0], AFTER[1]), AFTER[1]),
    ],
)
async def test_the_strictest_word_counts(
    tmp_path: Path, newer: Newer, words: tuple[str | None, ...], oldest: str
) -> None:
    url = f"sqlite:///{tmp_path / 'callbridge.db'}"
    with newer(*words):
        await migrated(url)
        assert [row[1] for row in await said(url)] == [oldest]
    if oldest in (BEFORE, CURRENT):
        await migrated(url)
    else:
        with pytest.raises(ConfigurationError, match="newer callbridge"):
            await Store.open(url)


async def test_an_older_version_goes_on_with_what_only_adds(
    url: str, newer: Newer, make_ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    with newer(CURRENT, CURRENT):
        await migrated(url)
    word = await said(url)
    with capture_logs() as logs:
        store = await Store.open(url)
    assert [(entry["action"], entry["revision"]) for entry in logs] == [("store.newer_schema", AFTER[1])]
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
        assert await unit.calls.get("1700000000.1") is not None
    await store.close()
    assert await said(url) == word, "it is not for the older version to say"
    seen = await Store.inspect(url)
    assert (seen.revision, seen.newer, seen.compatible, seen.is_current) == (AFTER[1], False, True, True)
    looking = await Store.open_to_look(url)
    async with looking.view() as unit:
        assert await unit.calls.get("1700000000.1") is not None
    await looking.close()
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", url.replace("postgresql://", "postgresql+asyncpg://"))
    assert (await _store(config.load(LAB))).well
    with newer(CURRENT, CURRENT):
        store = await Store.open(url)
        async with store.unit() as unit:
            assert await unit.calls._session.scalar(text(f"SELECT x{AFTER[1]} FROM calls")) == "new"
        await store.close()


async def test_an_older_version_leaves_alone_what_does_more(url: str, newer: Newer) -> None:
    await migrated(url)
    with newer(CURRENT, None):
        await migrated(url)
    for open_ in (Store.open, Store.open_to_look):
        with pytest.raises(ConfigurationError, match=rf"{AFTER[1]}.*newer callbridge"):
            await open_(url)
    assert (await Store.inspect(url)).newer


@pytest.mark.parametrize(
    "lie",
    [
        "DELETE FROM compatibility",
        "DROP TABLE compatibility",
        "UPDATE compatibility SET oldest = '0042'",
        # As if somebody had migrated by other means: the word is another revision's.
        "UPDATE alembic_version SET version_num = '0042'",
    ],
)
async def test_without_a_word_that_fits_it_is_left_alone(url: str, newer: Newer, lie: str) -> None:
    with newer(CURRENT):
        await migrated(url)
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.execute(text(lie))
    await engines.dispose()
    with pytest.raises(ConfigurationError, match="newer callbridge"):
        await Store.open(url)
    assert (await Store.inspect(url)).newer


async def test_a_migration_cannot_be_compatible_with_what_is_not_before_it(
    tmp_path: Path, newer: Newer
) -> None:
    for word in (AFTER[1], "nonsense"):
        with newer(word), pytest.raises(InternalError, match=AFTER[0]):
            await Store.open(f"sqlite:///{tmp_path / 'callbridge.db'}")


async def test_the_step_back_takes_the_word_with_it(url: str) -> None:
    from alembic import command

    def step_back(connection: Connection) -> list[str]:
        command.downgrade(module.alembic_config(connection), BEFORE)
        return inspect(connection).get_table_names()

    await migrated(url)
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        assert "compatibility" not in await connection.run_sync(step_back)
    await engines.dispose()
    await migrated(url)
    assert await said(url) == [(CURRENT, BEFORE)]
