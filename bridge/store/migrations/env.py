"""Alembic's environment: it runs on its caller's connection, within the caller's transaction."""

from alembic import context

from bridge.errors import InternalError
from bridge.store import (
    agents,
    audit,
    calls,
    clients,
    facts,
    links,
    moves,
    offers,
    outbox,
    recordings,
    subscriptions,
    ticket_tables,
    tokens,
    users,
)
from bridge.store.migrate import is_ours, other_type
from bridge.store.tables import Base

# Each of these declares its tables in the one metadata by being imported.
_TABLES = (
    agents,
    audit,
    calls,
    clients,
    facts,
    links,
    moves,
    offers,
    outbox,
    recordings,
    subscriptions,
    ticket_tables,
    tokens,
    users,
)

connection = context.config.attributes.get("connection")
if connection is None:
    raise InternalError("migrations run on a given connection only: open the store, or call migrate()")

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=other_type,
    include_name=is_ours,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
