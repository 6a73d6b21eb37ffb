"""The schema's history, for Alembic. One file a step under ``versions/``; a released step never changes."""
