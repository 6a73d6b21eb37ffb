"""Calls remember whether Asterisk's own queue served them; and which versions can live with this schema."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
compatible_with = "0003"


def upgrade() -> None:
    op.add_column("calls", sa.Column("fallback", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "compatibility",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("oldest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_compatibility")),
    )


def downgrade() -> None:
    op.drop_table("compatibility")
    op.drop_column("calls", "fallback")
