"""What a migration that goes through a large table tells whoever waits for it."""

from typing import cast

import sqlalchemy as sa
from alembic import context, op

from bridge.store.migrate import TOLD, Told

_AT_ONCE = 200_000  # rows


def say(message: str) -> None:
    cast("Told", context.config.attributes[TOLD])(message)


def in_parts(statement: str, table: str, where: str = "id") -> None:
    """``statement``, of ``table`` and without a WHERE, by its ids, and how far it is after each part.

    ``where``: its WHERE, as far as the id that is in parts.
    """
    connection = op.get_bind()
    last = connection.scalar(sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(table))) or 0
    changed = sa.text(f"{statement} WHERE {where} BETWEEN :after + 1 AND :until")
    for after in range(0, last, _AT_ONCE):
        connection.execute(changed, {"after": after, "until": after + _AT_ONCE})
        if last > _AT_ONCE:
            say(f"{table}: {min(100, (after + _AT_ONCE) * 100 // last)} % done")
