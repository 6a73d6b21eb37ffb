"""Values of tickets' own fields have an index: a list that asks for one reads no other tickets.

Each line of a value is a row, since fields with several values keep one a line. What is longer than 500
characters, or after the hundredth line, is for the full-text search. Values and tags know whether their
ticket is open: lists of what is open look at little of all that there is. Triggers keep it, whoever writes.
"""

import sqlalchemy as sa
from alembic import op

from bridge.store.migrations.progress import in_parts

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
compatible_with = "0003"
# Rows a second, as measured on two cores; all the while nobody else can write.
goes_through = ("tickets", {"sqlite": 60_000, "postgresql": 30_000})

TABLE = "ticket_field_values"
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTO = f"INSERT INTO {TABLE} (ticket_id, key, value, open)"
# A text becomes JSON's list of its lines. What has other control characters is none, and found by nothing.
LINES_SQLITE = (
    """'["' || replace(replace(replace(replace(f.value, '\\', '\\\\'), '"', '\\"'), char(9), '\\t'), """
    """char(10), '","') || '"]'"""
)
OF_SQLITE = f"""
JOIN json_each(CASE WHEN f.type = 'text' AND json_valid({LINES_SQLITE}) THEN {LINES_SQLITE} ELSE '[]' END) l
  ON l.key < 100 AND length(l.value) BETWEEN 1 AND 500
"""
OF_POSTGRESQL = """
JOIN LATERAL unnest(string_to_array(f.value #>> '{}', chr(10))) WITH ORDINALITY AS l (line, number)
  ON jsonb_typeof(f.value) = 'string' AND l.number <= 100 AND char_length(l.line) BETWEEN 1 AND 500
"""
REMOVE = f"DELETE FROM {TABLE} WHERE ticket_id = NEW.id;"
TURN = "".join(
    f"UPDATE {table} SET open = (NEW.closed_at IS NULL) WHERE ticket_id = NEW.id;"
    for table in (TABLE, "ticket_tags")
)
TAGGED = (
    "UPDATE ticket_tags SET open = true WHERE ticket_id = NEW.ticket_id AND tag = NEW.tag "
    "AND EXISTS (SELECT 1 FROM tickets WHERE id = NEW.ticket_id AND closed_at IS NULL);"
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("key", ORDERED, nullable=False),
        sa.Column("value", ORDERED, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_field_values_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", "key", "value", name=op.f("pk_ticket_field_values")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    in_parts(_values("t", sqlite), "tickets", "t.fields <> '{}' AND t.id")
    op.create_index(op.f("ix_ticket_field_values_key_value_ticket_id"), TABLE, ["key", "value", "ticket_id"])
    op.create_index(
        op.f("ix_ticket_field_values_open"),
        TABLE,
        ["key", "value", "ticket_id"],
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.add_column("ticket_tags", sa.Column("open", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE ticket_tags SET open = true "
        "WHERE ticket_id IN (SELECT id FROM tickets WHERE closed_at IS NULL)"
    )
    op.create_index(
        op.f("ix_ticket_tags_open"),
        "ticket_tags",
        ["tag", "ticket_id"],
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    for name, (when, condition, body) in _triggers(sqlite).items():
        if sqlite:
            op.execute(sa.text(_plain(f"CREATE TRIGGER {name} {when} WHEN {condition} BEGIN {body} END")))
        else:
            op.execute(
                sa.text(
                    _plain(
                        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                        f"$$BEGIN {body} RETURN NULL; END$$"
                    )
                )
            )
            op.execute(
                f"CREATE TRIGGER {name} {when} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()"
            )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, (when, _, _) in _triggers(sqlite).items():
        if sqlite:
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON {when.rpartition(' ')[2]}")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_index(op.f("ix_ticket_tags_open"), table_name="ticket_tags")
    op.drop_column("ticket_tags", "open")
    op.drop_table(TABLE)


def _triggers(sqlite: bool) -> dict[str, tuple[str, str, str]]:
    """When, if what, and what then."""
    values = f"{_values('', sqlite)};"
    return {
        "ticket_fields_given": ("AFTER INSERT ON tickets", "NEW.fields <> '{}'", values),
        "ticket_fields_changed": (
            "AFTER UPDATE OF fields ON tickets",
            "OLD.fields <> NEW.fields",
            REMOVE + values,
        ),
        "tickets_turned": (
            "AFTER UPDATE OF closed_at ON tickets",
            "(OLD.closed_at IS NULL) <> (NEW.closed_at IS NULL)",
            TURN,
        ),
        "ticket_tags_added": ("AFTER INSERT ON ticket_tags", "NOT NEW.open", TAGGED),
    }


def _values(of: str, sqlite: bool) -> str:
    """The statement that adds them: of all tickets, as ``of``, or of the row that a trigger is about."""
    row, source = (of, f"tickets {of} CROSS JOIN ") if of else ("NEW", "")
    if sqlite:
        return (
            f"{INTO} SELECT DISTINCT {row}.id, f.key, l.value, {row}.closed_at IS NULL "
            f"FROM {source}json_each({row}.fields) f {OF_SQLITE}"
        )
    return (
        f"{INTO} SELECT DISTINCT {row}.id, f.key, l.line, {row}.closed_at IS NULL FROM {source}"
        f"jsonb_each(CAST({row}.fields AS jsonb)) f {OF_POSTGRESQL}"
    )


def _plain(statement: str) -> str:
    """No colon of it names a parameter."""
    return statement.replace(":", "\\:")
