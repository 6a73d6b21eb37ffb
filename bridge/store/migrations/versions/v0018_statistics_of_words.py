"""PostgreSQL counts ten thousand words of tickets, not a thousand: so it knows rare from frequent."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
compatible_with = "0003"


def upgrade() -> None:
    _count(1_000)


def downgrade() -> None:
    _count(-1)


def _count(target: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE ticket_words ALTER COLUMN words SET STATISTICS {target}")
