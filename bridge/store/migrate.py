"""Brings a database to this version's schema, at every start. The steps themselves are in ``migrations/``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Text, text
from sqlalchemy.types import TypeEngine

from bridge.errors import ConfigurationError
from bridge.store.tables import OrderedText

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x63616C6C  # any constant of ours: it keeps two starting processes from migrating at once


@dataclass(frozen=True, slots=True)
class SchemaSeen:
    """A database's schema beside this version's. ``revision`` is "" where no callbridge has been yet."""

    exists: bool
    revision: str
    current: str
    newer: bool = False  # a later version has used it; this one would refuse it

    @property
    def is_current(self) -> bool:
        return self.exists and self.revision == self.current


def look(connection: Connection | None) -> SchemaSeen:
    """Reads, and changes nothing. Without a connection there is no database yet."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    current = ", ".join(sorted(scripts.get_heads()))
    if connection is None:
        return SchemaSeen(exists=False, revision="", current=current)
    found = set(MigrationContext.configure(connection).get_current_heads())
    return SchemaSeen(
        exists=True, revision=", ".join(sorted(found)), current=current, newer=bool(found - _known(scripts))
    )


def _known(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def other_type(
    context: MigrationContext, _found: Any, _declared: Any, found: TypeEngine[Any], declared: TypeEngine[Any]
) -> bool | None:
    """For Alembic's comparison of models and tables; None leaves the answer to Alembic.

    PostgreSQL gives a collation back with its schema (pg_catalog), which by itself counts as a difference.
    """
    if isinstance(declared, OrderedText):
        return not isinstance(found, Text) or found.collation != declared.collation(context.dialect)
    return None


def newer_schema(revision: str) -> str:
    """Why this version leaves the database alone, and what to do."""
    return (
        f"the database has revision {revision}, which this version does not know: "
        "a newer callbridge has used it; run that version, or restore the backup made before it"
    )


def migrate(connection: Connection, target: str = "head") -> None:
    """Upgrade within the connection's transaction: all of it or nothing, on both databases."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = alembic_config(connection)
    known = _known(ScriptDirectory.from_config(config))
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise ConfigurationError(newer_schema(", ".join(sorted(unknown))))
    command.upgrade(config, target)
