"""Mail of tickets: how far mailboxes were read, what was taken from them, what becomes of answers; and the
mail addresses of clients.
"""

import re

import sqlalchemy as sa
from alembic import op

from bridge.store.migrations.sqlite_schema import rewrite

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NAME = "ck_ticket_entries_delivery"
BEFORE = "delivery IN ('', 'waiting', 'sent', 'failed')"
AFTER = "delivery IN ('', 'waiting', 'sending', 'sent', 'failed', 'uncertain')"
COLUMNS = ("attempts", "due_at", "automatic", "references", "marks")


def upgrade() -> None:
    _deliveries(BEFORE, AFTER)
    op.add_column("ticket_entries", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("ticket_entries", sa.Column("due_at", TIME, nullable=True))
    op.add_column(
        "ticket_entries", sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("ticket_entries", sa.Column("references", sa.Text(), nullable=False, server_default=""))
    op.add_column("ticket_entries", sa.Column("marks", sa.Text(), nullable=False, server_default="{}"))
    sending = sa.text("delivery = 'sending'")
    op.create_index(
        "ix_ticket_entries_sending",
        "ticket_entries",
        ["id"],
        sqlite_where=sending,
        postgresql_where=sending,
    )
    op.create_table(
        "mailboxes",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "mails_taken",
        sa.Column("mail_key", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_mails_taken_ticket_id_tickets"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("mail_key", name=op.f("pk_mails_taken")),
    )
    op.create_index("ix_mails_taken_ticket_id", "mails_taken", ["ticket_id"])
    new = sa.text("way = 'new'")
    op.create_index(
        "ix_mails_taken_new", "mails_taken", ["sender", "at"], sqlite_where=new, postgresql_where=new
    )
    op.create_table(
        "mails_unreadable",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "validity", "uid", name=op.f("pk_mails_unreadable")),
    )
    op.create_table(
        "client_emails",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("folded", ORDERED, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_client_emails_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "folded", name=op.f("pk_client_emails")),
    )
    op.create_index("ix_client_emails_folded", "client_emails", ["folded"])


def downgrade() -> None:
    """The version before sends nothing: what was on its way is told as failed."""
    for table in ("client_emails", "mails_unreadable", "mails_taken", "mailboxes"):
        op.drop_table(table)
    op.drop_index("ix_ticket_entries_sending", "ticket_entries")
    op.execute("UPDATE ticket_entries SET delivery = 'failed' WHERE delivery IN ('sending', 'uncertain')")
    for column in reversed(COLUMNS):
        op.drop_column("ticket_entries", column)
    _deliveries(AFTER, BEFORE)


def _deliveries(before: str, after: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        said, now = (f"CONSTRAINT {NAME} CHECK ({words})" for words in (before, after))
        rewrite(revision, "ticket_entries", re.escape(said), now)
        return
    op.drop_constraint(op.f(NAME), "ticket_entries", type_="check")
    op.create_check_constraint(op.f(NAME), "ticket_entries", after)
