"""The database, and the journal that stands before it."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bridge.config.fields import Path, Section


def _database(value: str) -> str:
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        scheme = ""
    known = {"sqlite+aiosqlite", "postgresql+asyncpg"}
    if not value.isprintable() or len(value) > 500 or scheme not in known:
        raise ValueError(
            "is not a database that is supported: write sqlite+aiosqlite:////var/lib/callbridge/callbridge.db"
            " or postgresql+asyncpg://USER@HOST/DATABASE"
        )
    return value


class StoreSettings(Section):
    # From the environment it may hold a password, so it is not shown.
    url: Annotated[str, AfterValidator(_database)] = Field(
        default="sqlite+aiosqlite:////var/lib/callbridge/callbridge.db",
        repr=False,
        json_schema_extra={"pattern": r"^(sqlite\+aiosqlite|postgresql\+asyncpg):"},
    )
    journal: Path = Field(
        default="/var/lib/callbridge/journal",
        description="directory, on a local disk that outlives the container: what the next start goes on "
        "with, and facts that the database does not have yet",
    )
    journal_limit_mib: int = Field(
        default=1024,
        ge=16,
        le=1_048_576,
        description="how large the journal may become while the database is away: a call takes about 5 KiB",
    )
