"""PostgreSQL clears up after a hundredth of the tickets has changed, not after a fifth.

Lists of open tickets read indexes alone. What has changed since the last VACUUM is read in the table besides:
of five million tickets a fifth is ten times what is open.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
compatible_with = "0003"

AFTER = ("autovacuum_vacuum_scale_factor", "autovacuum_analyze_scale_factor")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE tickets SET ({', '.join(f'{name} = 0.01' for name in AFTER)})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE tickets RESET ({', '.join(AFTER)})")
