"""Tickets become threads: many calls, entries, tags, links, attachments, clocks, a log, and full text.

Nothing is written row by row, and on SQLite no table is written anew: five million tickets are a matter of
minutes. Their full text is not indexed here. They are put into ``ticket_stale``, and that is worked off while
the service runs, the newest first.

A version that knows nothing of all this may still write (``compatible_with``). What would be missing then is
done by triggers: a ticket that is opened for a call gets its row in ``ticket_calls``, and whatever changes a
ticket's texts marks it as stale.
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bridge.store.migrations.progress import in_parts, say
from bridge.store.migrations.sqlite_schema import rewrite
from bridge.store.migrations.triggers_0011 import FUNCTIONS_POSTGRESQL, TRIGGERS_POSTGRESQL, TRIGGERS_SQLITE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
compatible_with = "0003"
# Rows a second, as measured on two busy cores; all the while nobody else can write.
goes_through = ("tickets", {"sqlite": 20_000, "postgresql": 2_000})

TIME = sa.DateTime(timezone=True)
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

STATUS = "CONSTRAINT ck_tickets_status CHECK (status IN ('open', 'in_progress', 'done'))"
PRIORITY = "CONSTRAINT ck_tickets_priority CHECK (priority IN ('normal', 'medium', 'urgent', 'critical'))"
BEFORE = "CONSTRAINT fk_tickets_call_id"  # what comes after the two of them

COLUMNS = (
    ("version", "INTEGER NOT NULL DEFAULT 1"),
    ("line", "INTEGER NOT NULL DEFAULT 1"),
    ("classification", "TEXT NOT NULL DEFAULT ''"),
    ("fields", "TEXT NOT NULL DEFAULT '{}'"),
    ("source", "TEXT NOT NULL DEFAULT 'call'"),
    ("token", "TEXT"),
    ("merged_into", "INTEGER CONSTRAINT fk_tickets_merged_into REFERENCES tickets (id)"),
    ("closed_at", "TIME"),
    ("reopened", "INTEGER NOT NULL DEFAULT 0"),
    ("reacted_at", "TIME"),
    ("last_entry_at", "TIME"),
    ("last_from_client_at", "TIME"),
    ("reaction_due_at", "TIME"),
    ("resolution_due_at", "TIME"),
    ("clock_stopped_at", "TIME"),
    ("warned_at", "TIME"),
    ("escalated_at", "TIME"),
    ("due_at", "TIME"),
    ("waiting_since", "TIME"),
    ("alarm_at", "TIME"),
    ("closes_at", "TIME"),
)
# name → columns, unique, condition. Those of what is still open hold all that lists filter by: such a list
# is found in the index alone.
FILTERS = ("department", "status", "assignee", "line", "priority", "classification")
OPEN_BY = (*FILTERS, "closed_at")  # else SQLite reads the row to see that
BY_PRIORITY = tuple(one for one in FILTERS if one != "priority")
OPEN = "closed_at IS NULL"
# SQLite takes one of several such indexes by guess, unless what is asked says which one it means.
SQLITE_TOO = {
    "ix_tickets_open_priority": "priority > ''",
    "ix_tickets_open_updated": "updated_at > ''",
}
INDEXES: dict[str, tuple[tuple[str, ...], bool, str | None]] = {
    "ix_tickets_department_id": (("department", "id"), False, None),
    "ix_tickets_department_status_id": (("department", "status", "id"), False, None),
    "ix_tickets_assignee_department_id": (("assignee", "department", "id"), False, None),
    "ix_tickets_updated_at_id": (("updated_at", "id"), False, None),
    "ix_tickets_created_at_id": (("created_at", "id"), False, None),
    "ix_tickets_token": (("token",), True, None),
    "ix_tickets_open": (("id", *OPEN_BY), False, OPEN),
    "ix_tickets_open_priority": (("priority", "id", *BY_PRIORITY, "closed_at"), False, OPEN),
    "ix_tickets_open_updated": (("updated_at", "id", *OPEN_BY), False, OPEN),
    "ix_tickets_priority": (
        ("priority", "id", *BY_PRIORITY),
        False,
        "priority <> 'normal'",
    ),
    "ix_tickets_due": (("due_at", "id", *OPEN_BY), False, "due_at IS NOT NULL"),
    "ix_tickets_waiting": (
        ("waiting_since", "id", *OPEN_BY),
        False,
        "waiting_since IS NOT NULL",
    ),
    "ix_tickets_class": (("classification", "id"), False, "classification <> ''"),
    "ix_tickets_merged": (("merged_into",), False, "merged_into IS NOT NULL"),
    "ix_tickets_alarm": (("alarm_at", "id"), False, "alarm_at IS NOT NULL"),
    "ix_tickets_closes": (("closes_at", "id"), False, "closes_at IS NOT NULL"),
}

TABLES = (
    "ticket_calls",
    "ticket_stale",
    "ticket_changes",
    "ticket_tags",
    "ticket_links",
    "attachments",
    "ticket_entries",
    "templates",
    "saved_filters",
    "ticket_words",
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        # With a CHECK in the table SQLite reads all rows for each column that is added: it comes back after.
        rewrite(revision, "tickets", rf",\s*{re.escape(STATUS)}", "")
        rewrite(revision, "tickets", rf",\s*{re.escape(PRIORITY)}", "")
    else:
        op.drop_constraint(op.f("ck_tickets_status"), "tickets", type_="check")
    for name, what in COLUMNS:
        what = what.replace("TIME", "DATETIME" if sqlite else "TIMESTAMP WITH TIME ZONE")
        op.execute(f"ALTER TABLE tickets ADD COLUMN {name} {what}")
    if sqlite:
        rewrite(revision, "tickets", BEFORE, f"{PRIORITY}, \n\t{BEFORE}")
    # What was done is closed, what was taken up has had its reaction; none of it had a clock.
    in_parts(
        "UPDATE tickets SET closed_at = CASE WHEN status = 'done' THEN updated_at END, "
        "reacted_at = CASE WHEN status <> 'open' THEN updated_at END, "
        "waiting_since = CASE WHEN status = 'open' THEN created_at END",
        "tickets",
    )
    _tables()
    say("tickets: their calls are written down")
    op.execute(
        "INSERT INTO ticket_calls (call_id, ticket_id) SELECT call_id, id FROM tickets "
        "WHERE call_id IS NOT NULL ORDER BY call_id"
    )
    op.execute("INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets ORDER BY id")
    op.create_index("ix_ticket_calls_ticket_id", "ticket_calls", ["ticket_id"])
    for number, (name, (columns, unique, where)) in enumerate(INDEXES.items(), 1):
        say(f"tickets: index {number} of {len(INDEXES)}")
        condition = None if where is None else sa.text(where)
        more = sa.text(f"{where} AND {SQLITE_TOO[name]}") if name in SQLITE_TOO else condition
        op.create_index(
            name,
            "tickets",
            list(columns),
            unique=unique,
            sqlite_where=more,
            postgresql_where=condition,
        )
    if sqlite:
        # Words come folded, once each, and are asked for by their beginnings: nothing else is to be kept.
        # The tokenizer is the one that takes whatever is no ASCII as a letter: it splits no word of ours.
        op.execute(
            "CREATE VIRTUAL TABLE ticket_words USING fts5 "
            "(words, detail = none, columnsize = 0, tokenize = 'ascii', prefix = '2 3 5')"
        )
        for trigger in TRIGGERS_SQLITE:
            op.execute(trigger.strip())
        return
    op.create_table(
        "ticket_words",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_words_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_words")),
    )
    op.create_index("ix_ticket_words_words", "ticket_words", ["words"], postgresql_using="gin")
    for name, body in FUNCTIONS_POSTGRESQL.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} {TRIGGERS_POSTGRESQL[name]} EXECUTE FUNCTION {name}()")


def _of_ticket(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["ticket_id"], ["tickets.id"], name=op.f(f"fk_{table}_ticket_id"), ondelete="CASCADE"
    )


def _tables() -> None:
    op.create_table(
        "ticket_calls",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_ticket_calls_call_id"), ondelete="CASCADE"
        ),
        _of_ticket("ticket_calls"),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_ticket_calls")),
    )
    op.create_table(
        "ticket_stale",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_stale")),
    )
    op.create_table(
        "ticket_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("cc", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "delivery IN ('', 'waiting', 'sent', 'failed')", name=op.f("ck_ticket_entries_delivery")
        ),
        _of_ticket("ticket_entries"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ticket_entries_ticket_id_id", "ticket_entries", ["ticket_id", "id"])
    op.create_index("ix_ticket_entries_message_id", "ticket_entries", ["message_id"])
    waiting = sa.text("delivery = 'waiting'")
    op.create_index(
        "ix_ticket_entries_waiting",
        "ticket_entries",
        ["id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "ticket_changes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        _of_ticket("ticket_changes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ticket_changes_ticket_id_id", "ticket_changes", ["ticket_id", "id"])
    op.create_table(
        "ticket_tags",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("tag", ORDERED, nullable=False),
        _of_ticket("ticket_tags"),
        sa.PrimaryKeyConstraint("ticket_id", "tag", name=op.f("pk_ticket_tags")),
    )
    op.create_index("ix_ticket_tags_tag_ticket_id", "ticket_tags", ["tag", "ticket_id"])
    op.create_table(
        "ticket_links",
        sa.Column("a", sa.Integer(), nullable=False),
        sa.Column("b", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('related', 'duplicate', 'parent')", name=op.f("ck_ticket_links_kind")),
        sa.CheckConstraint("a <> b", name=op.f("ck_ticket_links_two")),
        sa.ForeignKeyConstraint(["a"], ["tickets.id"], name=op.f("fk_ticket_links_a"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b"], ["tickets.id"], name=op.f("fk_ticket_links_b"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("a", "b", "kind", name=op.f("pk_ticket_links")),
    )
    op.create_index("ix_ticket_links_b", "ticket_links", ["b"])
    op.create_table(
        "templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("set_name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("set_name", "name", "language", name=op.f("uq_templates_set_name_name_language")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("template_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.CheckConstraint("(ticket_id IS NULL) <> (template_id IS NULL)", name=op.f("ck_attachments_owner")),
        _of_ticket("attachments"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ticket_entries.id"], name=op.f("fk_attachments_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["templates.id"], name=op.f("fk_attachments_template_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_ticket_id_id", "attachments", ["ticket_id", "id"])
    op.create_index("ix_attachments_entry_id", "attachments", ["entry_id"])
    op.create_index("ix_attachments_template_id", "attachments", ["template_id"])
    op.create_index("ix_attachments_file", "attachments", ["file"])
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_login", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("(owner_login = '') <> (role = '')", name=op.f("ck_saved_filters_owner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint(
            "owner_login", "role", "name", name=op.f("uq_saved_filters_owner_login_role_name")
        ),
    )


def downgrade() -> None:
    """The version before knows three statuses and no merging: others are read as they were meant there."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name in TRIGGERS_POSTGRESQL:
        if sqlite:
            op.execute(f"DROP TRIGGER {name}")
        else:
            table = TRIGGERS_POSTGRESQL[name].split(" ON ")[1].split()[0]
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
    for table in TABLES:
        op.drop_table(table)
    for name in INDEXES:
        op.drop_index(name, "tickets")
    op.execute(
        "UPDATE tickets SET status = CASE WHEN closed_at IS NULL THEN 'in_progress' ELSE 'done' END "
        "WHERE status NOT IN ('open', 'in_progress', 'done')"
    )
    if sqlite:
        rewrite(revision, "tickets", r" CONSTRAINT fk_tickets_merged_into REFERENCES tickets \(id\)", "")
    else:
        op.drop_constraint(op.f("fk_tickets_merged_into"), "tickets", type_="foreignkey")
    for name, _ in reversed(COLUMNS):
        op.execute(f"ALTER TABLE tickets DROP COLUMN {name}")
    if sqlite:
        rewrite(revision, "tickets", BEFORE, f"{STATUS}, \n\t{BEFORE}")
    else:
        op.create_check_constraint(
            op.f("ck_tickets_status"), "tickets", "status IN ('open', 'in_progress', 'done')"
        )
