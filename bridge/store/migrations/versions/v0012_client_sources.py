"""Clients that external directories know; clients' tags, and their fields of the company's own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
compatible_with = "0003"

ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("clients", sa.Column("fields", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "client_sources",
        sa.Column("source", ORDERED, nullable=False),
        sa.Column("external_id", ORDERED, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("fetched_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_client_sources_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "external_id", name=op.f("pk_client_sources")),
    )
    op.create_index(op.f("ix_client_sources_client_id"), "client_sources", ["client_id"], unique=False)
    op.create_table(
        "client_tags",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("tag", ORDERED, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_client_tags_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "tag", name=op.f("pk_client_tags")),
    )
    op.create_index(op.f("ix_client_tags_tag"), "client_tags", ["tag"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_client_tags_tag"), table_name="client_tags")
    op.drop_table("client_tags")
    op.drop_index(op.f("ix_client_sources_client_id"), table_name="client_sources")
    op.drop_table("client_sources")
    op.drop_column("clients", "fields")
