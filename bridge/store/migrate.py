"""Brings a database to this version's schema, at every start. The steps themselves are in ``migrations/``."""

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


def migrate(connection: Connection, target: str = "head") -> None:
    """Upgrade within the connection's transaction: all of it or nothing, on both databases."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise ConfigurationError(
            f"the database has revision {', '.join(sorted(unknown))}, which this version does not know: "
            "a newer callbridge has used it; run that version, or restore the backup made before it"
        )
    command.upgrade(config, target)
