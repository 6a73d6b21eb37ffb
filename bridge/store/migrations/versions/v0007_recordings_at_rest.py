"""Recordings remember how they lie on disk: encrypted, compressed, with which checksum, or removed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)
KEPT = "attached_at IS NOT NULL AND removed_at IS NULL"
INDEXES = {
    "ix_recordings_kept": (["created_at", "id"], KEPT),
    "ix_recordings_plain": (["attached_at", "id"], f"{KEPT} AND encrypted = false"),
    "ix_recordings_long": (["attached_at", "id"], f"{KEPT} AND compressed_at IS NULL"),
}


def upgrade() -> None:
    for column in (
        sa.Column("stored_bytes", sa.BigInteger(), nullable=True),
        sa.Column("stored_sha256", sa.Text(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("compressed_at", TIME, nullable=True),
        sa.Column("removed_at", TIME, nullable=True),
        sa.Column("stored_fault", sa.Text(), nullable=True),
    ):
        op.add_column("recordings", column)
    for name, (columns, where) in INDEXES.items():
        op.create_index(
            name, "recordings", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
        )


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "recordings")
    for column in (
        "stored_fault",
        "removed_at",
        "compressed_at",
        "encrypted",
        "stored_sha256",
        "stored_bytes",
    ):
        op.drop_column("recordings", column)
