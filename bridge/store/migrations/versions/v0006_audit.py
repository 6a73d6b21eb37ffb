"""An audit log that cannot be changed: who listened to whom, and what was done with recordings."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)
REFUSAL = "the audit log is written and read, never changed"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint(
            "at", "by", "action", "about", "call", name=op.f("uq_audit_at_by_action_about_call")
        ),
    )
    op.create_index(op.f("ix_audit_call_id"), "audit", ["call", "id"], unique=False)
    op.create_index(op.f("ix_audit_about_id"), "audit", ["about", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_final()"
        )
    else:
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_is_final ON audit")
        op.execute("DROP FUNCTION audit_is_final()")
    else:
        for what in ("update", "delete"):
            op.execute(f"DROP TRIGGER audit_no_{what}")
    op.drop_index(op.f("ix_audit_about_id"), table_name="audit")
    op.drop_index(op.f("ix_audit_call_id"), table_name="audit")
    op.drop_table("audit")
