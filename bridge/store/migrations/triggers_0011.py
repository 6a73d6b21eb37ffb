"""The triggers of schema 0011: which call opened which ticket, and whose full text is stale."""

TRIGGERS_SQLITE = (
    """
CREATE TRIGGER tickets_opened AFTER INSERT ON tickets BEGIN
  INSERT INTO ticket_calls (call_id, ticket_id) SELECT NEW.call_id, NEW.id WHERE NEW.call_id IS NOT NULL
    ON CONFLICT DO NOTHING;
  INSERT INTO ticket_stale (ticket_id) VALUES (NEW.id);
END
""",
    """
CREATE TRIGGER tickets_reworded AFTER UPDATE OF subject, solution, client_id ON tickets
WHEN OLD.subject <> NEW.subject OR OLD.solution <> NEW.solution OR OLD.client_id IS NOT NEW.client_id BEGIN
  INSERT INTO ticket_stale (ticket_id) VALUES (NEW.id);
END
""",
    """
CREATE TRIGGER ticket_entries_added AFTER INSERT ON ticket_entries BEGIN
  INSERT INTO ticket_stale (ticket_id) VALUES (NEW.ticket_id);
END
""",
    """
CREATE TRIGGER clients_reworded AFTER UPDATE OF name, company ON clients
WHEN OLD.name <> NEW.name OR OLD.company <> NEW.company BEGIN
  INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = NEW.id;
END
""",
    """
CREATE TRIGGER client_numbers_added AFTER INSERT ON client_numbers BEGIN
  INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = NEW.client_id;
END
""",
    """
CREATE TRIGGER client_numbers_removed AFTER DELETE ON client_numbers BEGIN
  INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = OLD.client_id;
END
""",
)
FUNCTIONS_POSTGRESQL = {
    "tickets_opened": """
  IF NEW.call_id IS NOT NULL THEN
    INSERT INTO ticket_calls (call_id, ticket_id) VALUES (NEW.call_id, NEW.id) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO ticket_stale (ticket_id) VALUES (NEW.id);
""",
    "tickets_reworded": "INSERT INTO ticket_stale (ticket_id) VALUES (NEW.id);",
    "ticket_entries_added": "INSERT INTO ticket_stale (ticket_id) VALUES (NEW.ticket_id);",
    "clients_reworded": (
        "INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = NEW.id;"
    ),
    "client_numbers_added": (
        "INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = NEW.client_id;"
    ),
    "client_numbers_removed": (
        "INSERT INTO ticket_stale (ticket_id) SELECT id FROM tickets WHERE client_id = OLD.client_id;"
    ),
}
TRIGGERS_POSTGRESQL = {
    "tickets_opened": "AFTER INSERT ON tickets FOR EACH ROW",
    "tickets_reworded": (
        "AFTER UPDATE OF subject, solution, client_id ON tickets FOR EACH ROW "
        "WHEN (OLD.subject <> NEW.subject OR OLD.solution <> NEW.solution "
        "OR OLD.client_id IS DISTINCT FROM NEW.client_id)"
    ),
    "ticket_entries_added": "AFTER INSERT ON ticket_entries FOR EACH ROW",
    "clients_reworded": (
        "AFTER UPDATE OF name, company ON clients FOR EACH ROW "
        "WHEN (OLD.name <> NEW.name OR OLD.company <> NEW.company)"
    ),
    "client_numbers_added": "AFTER INSERT ON client_numbers FOR EACH ROW",
    "client_numbers_removed": "AFTER DELETE ON client_numbers FOR EACH ROW",
}
