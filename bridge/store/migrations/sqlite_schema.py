"""Changes what a table of SQLite is said to be, and no row of it: the way that SQLite's own manual shows for
a constraint that goes or comes (https://www.sqlite.org/lang_altertable.html, 7).
"""

import re

import sqlalchemy as sa
from alembic import op

from bridge.errors import InternalError


def rewrite(revision: str, table: str, pattern: str, replacement: str) -> None:
    """``pattern`` must be there once. Raises InternalError for a table that others have changed."""
    connection = op.get_bind()
    said = connection.scalar(
        sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :name"), {"name": table}
    )
    changed, count = re.subn(pattern, replacement.replace("\\", "\\\\"), said or "")
    if count != 1:
        raise InternalError(
            f"migration {revision}: the table {table} has not been made by callbridge: {said}"
        )
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": changed, "name": table},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {int(version or 0) + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = OFF"))
