"""Brings a database to this version's schema, at every start. The steps themselves are in ``migrations/``.

A release may be taken back, and while one takes over from another both run. So a version also opens a
database that a newer one has migrated, if that one says that it may: each migration names by
``compatible_with`` the oldest schema whose programs can live with it, or else nobody older can. The table
``compatibility`` keeps the strictest word of all migrations so far. An older program that knows the schema
named there goes on as if nothing had happened, and migrates nothing.

A migration is compatible with the schema before it if it only adds:

- tables, indexes, and columns that are nullable or have a server default. An older program names the columns
  that it writes and reads, so it meets none of these; and the newer one must be content with the default in
  rows that an older one has written meanwhile.

It is not, and must not say so, if it does any of these:

- drop or rename a table or column, or change its type or meaning, or take a server default away;
- refuse what an older program writes: NOT NULL without a default, CHECK, UNIQUE, a foreign key, a trigger;
- put a value into a column that an older program reads as one of a fixed set (``calls.outcome``). First comes
  a release that can read it, then the one that writes it;
- rewrite or lock a large table for longer than calls can wait (on PostgreSQL: statements end after 30 s).

What goes through a table that grows with the years says so by ``goes_through``: the table, and how many of
its rows it takes a second on each database. Before anything is changed it is told how long that will be.

What is to go, goes in two steps: a release that does not use it any more, and a later one whose migration
drops it, compatible with the schema of the first. ``alembic_version`` and ``compatibility`` stay as they are
for ever, for they are what tells an older program where it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Text, delete, func, insert, inspect, select, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from bridge.errors import ConfigurationError, InternalError
from bridge.store.tables import Base, OrderedText

log = structlog.get_logger(__name__)

Told = Callable[[str], None]
TOLD = "told"  # among the attributes of Alembic's configuration
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x63616C6C  # any constant of ours: it keeps two starting processes from migrating at once


class CompatibilityTable(Base):
    """One row. It counts only for the revision that it was written for."""

    __tablename__ = "compatibility"

    revision: Mapped[str] = mapped_column(primary_key=True)
    oldest: Mapped[str]  # whose programs can live with it


@dataclass(frozen=True, slots=True)
class SchemaSeen:
    """A database's schema beside this version's. ``revision`` is "" where no callbridge has been yet."""

    exists: bool
    revision: str
    current: str
    newer: bool = False  # a later version has used it; this one would refuse it
    compatible: bool = False  # a later version has used it, and this one can live with that

    @property
    def is_current(self) -> bool:
        """Nothing is to be done to use it."""
        return self.exists and (self.compatible or self.revision == self.current)


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that is still to be made. ``rows`` of ``table`` are gone through, in about ``seconds``."""

    revision: str
    title: str
    table: str = ""
    rows: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        words = f"schema {self.revision}: {self.title}"
        if not self.rows:
            return words
        time = f"{self.seconds / 60:.0f} min" if self.seconds >= 60 else f"{max(1, self.seconds):.0f} s"
        return f"{words} {self.rows} rows of {self.table}: about {time}, in which nobody else can write."


def log_progress(message: str) -> None:
    log.info(message, action="store.migrate")


def steps(connection: Connection, target: str = "head") -> list[Step]:
    """What is to be done to this database, in its order; nothing is changed. Raises ConfigurationError."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    found, known = _revisions(connection), _known(scripts)
    if found - known:
        if not _lives_with(connection, known):
            raise ConfigurationError(newer_schema(", ".join(sorted(found - known))))
        return []
    there_to_here = scripts.iterate_revisions(target, next(iter(found), "base"))
    return [_step(connection, script) for script in there_to_here if script.revision not in found][::-1]


def _step(connection: Connection, script: Script) -> Step:
    step = Step(script.revision, " ".join(script.doc.split()))
    through: tuple[str, Mapping[str, int]] | None = getattr(script.module, "goes_through", None)
    if through is None or not inspect(connection).has_table(through[0]):
        return step
    table, speeds = through
    rows = connection.scalar(select(func.count()).select_from(sqlalchemy.table(table))) or 0
    return replace(step, table=table, rows=rows, seconds=rows / speeds[connection.dialect.name])


def look(connection: Connection | None) -> SchemaSeen:
    """Reads, and changes nothing. Without a connection there is no database yet."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    current = ", ".join(sorted(scripts.get_heads()))
    if connection is None:
        return SchemaSeen(exists=False, revision="", current=current)
    found = _revisions(connection)
    known = _known(scripts)
    unknown = bool(found - known)
    compatible = unknown and _lives_with(connection, known)
    return SchemaSeen(
        exists=True,
        revision=", ".join(sorted(found)),
        current=current,
        newer=unknown and not compatible,
        compatible=compatible,
    )


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _known(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes[TOLD] = _to_nobody
    return config


def _to_nobody(_: str) -> None:
    pass


def other_type(
    context: MigrationContext, _found: Any, _declared: Any, found: TypeEngine[Any], declared: TypeEngine[Any]
) -> bool | None:
    """For Alembic's comparison of models and tables; None leaves the answer to Alembic.

    PostgreSQL gives a collation back with its schema (pg_catalog), which by itself counts as a difference.
    """
    if isinstance(declared, OrderedText):
        return not isinstance(found, Text) or found.collation != declared.collation(context.dialect)
    return None


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """For the same: what the migrations keep to themselves is no model's, such as the tables of full text."""
    return kind != "table" or name is None or not name.startswith("ticket_words")


def newer_schema(revision: str) -> str:
    """Why this version leaves the database alone, and what to do."""
    return (
        f"the database has revision {revision}, which this version does not know: "
        "a newer callbridge has used it; run that version, or restore the backup made before it"
    )


def migrate(connection: Connection, target: str = "head", told: Told = log_progress) -> None:
    """Upgrade within the connection's transaction: all of it or nothing, on both databases."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    known = _known(scripts)
    unknown = ", ".join(sorted(_revisions(connection) - known))
    if not unknown:
        if _revisions(connection):  # of a new database nobody waits for anything
            config.attributes[TOLD] = told
            for step in steps(connection, target):
                told(str(step))
        command.upgrade(config, target)
        _declare(connection, scripts)
    elif _lives_with(connection, known):
        log.warning(
            "a newer callbridge has used the database; this one can live with that",
            action="store.newer_schema",
            revision=unknown,
        )
    else:
        raise ConfigurationError(newer_schema(unknown))


# ── who can live with whom ───────────────────────────────────────────────────


def _lives_with(connection: Connection, known: set[str]) -> bool:
    """Whether the newer version that has used the database says that this one may."""
    if not inspect(connection).has_table(CompatibilityTable.__tablename__):
        return False
    rows = connection.execute(select(CompatibilityTable.revision, CompatibilityTable.oldest)).all()
    said_of = {revision for revision, _ in rows}
    return said_of == _revisions(connection) and all(oldest in known for _, oldest in rows)


def _declare(connection: Connection, scripts: ScriptDirectory) -> None:
    """Write down for older programs whether they can live with the schema as it is now."""
    if not inspect(connection).has_table(CompatibilityTable.__tablename__):
        return
    said = connection.execute(select(CompatibilityTable.revision, CompatibilityTable.oldest)).all()
    (revision,) = _revisions(connection)
    to_say = (revision, _oldest(scripts, revision))
    if [tuple(row) for row in said] != [to_say]:
        connection.execute(delete(CompatibilityTable))
        connection.execute(insert(CompatibilityTable).values(revision=to_say[0], oldest=to_say[1]))


def _oldest(scripts: ScriptDirectory, revision: str) -> str:
    """The schema whose programs, and all newer ones', can live with every migration up to ``revision``."""
    steps = [step.revision for step in scripts.iterate_revisions(revision, "base")][::-1]
    oldest = 0
    for step in scripts.iterate_revisions(revision, "base"):
        said = getattr(step.module, "compatible_with", step.revision)
        if said not in steps[: steps.index(step.revision) + 1]:
            raise InternalError(f"migration {step.revision}: {said!r} is no schema before it")
        oldest = max(oldest, steps.index(said))
    return steps[oldest]
