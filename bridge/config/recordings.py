"""Where recordings are kept."""

from bridge.config.fields import Path, Section


class RecordingsSettings(Section):
    directory: Path = "/var/lib/callbridge/recordings"
