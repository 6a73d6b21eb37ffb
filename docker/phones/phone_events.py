"""How a phone tells what happens: one JSON line an event. What happens is phone.py's and phone_call.py's."""

import json
import os
import time
from pathlib import Path
from typing import Any

# pjlib greets on stdout before its log can be configured: main() sends that to stderr.
EVENTS = os.dup(1)


def emit(event: str, **fields: Any) -> None:
    line = {"event": event, "mono": time.monotonic(), "wall": time.time(), **fields}
    os.write(EVENTS, json.dumps(line, ensure_ascii=False).encode() + b"\n")


def is_whole(wav: Path) -> bool:
    """Whether its header (RIFF, the length of the rest) has been written."""
    with wav.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE" and int.from_bytes(head[4:8], "little") > 0
