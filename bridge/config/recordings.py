"""Where recordings are kept, how and how long; and which calls beside those of the queues are recorded."""

import pathlib
from datetime import timedelta

from pydantic import Field

from bridge.config.fields import Path, Section


class RecordingsSettings(Section):
    directory: Path = "/var/lib/callbridge/recordings"
    # Off: nobody has told these callers that they are recorded, which consent: of a queue or a number does.
    direct_calls: bool = Field(
        default=False,
        description="record calls by a trunk that never touch Callbridge: to a direct extension, from a desk "
        "phone to a number outside",
    )
    key_file: Path | None = Field(
        default=None,
        description="age identities, as “callbridge recordings new-key” makes: recordings are encrypted "
        "with the first and opened with any; not encrypted if absent",
    )
    compress_after_hours: int | None = Field(
        default=24,
        ge=0,
        le=8760,
        description="WAV files become Opus so long after the call; never if empty",
    )
    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36500,
        description="then a recording's file is removed; for ever if absent. Queues may say otherwise",
    )

    @property
    def key(self) -> pathlib.Path | None:
        return pathlib.Path(self.key_file) if self.key_file is not None else None

    @property
    def compress_after(self) -> timedelta | None:
        hours = self.compress_after_hours
        return timedelta(hours=hours) if hours is not None else None
