"""Where recordings are kept, and which calls beside those of the queues are recorded."""

from pydantic import Field

from bridge.config.fields import Path, Section


class RecordingsSettings(Section):
    directory: Path = "/var/lib/callbridge/recordings"
    # Off: nobody has told these callers that they are recorded, which a queue's greeting does.
    direct_calls: bool = Field(
        default=False,
        description="record calls by a trunk that never touch Callbridge: to a direct extension, from a desk "
        "phone to a number outside",
    )
