"""When the tests' histories begin."""

from datetime import UTC, datetime

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
