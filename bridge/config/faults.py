"""What is wrong with the configuration, and where. Knows neither YAML nor the models."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Step = str | int

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong: where it stands, its path in the file, and what to do about it."""

    file: str
    line: int  # from 1; 0 for what does not come from a file
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


def shown(path: Sequence[Step]) -> str:
    """``queues.support.members[0]``; a key that is not a plain word stands in quotes."""
    text = ""
    for step in path:
        match step:
            case int():
                text += f"[{step}]"
            case _:
                key = step if _PLAIN_KEY.fullmatch(step) else '"' + _printable(step) + '"'
                text += f".{key}" if text else key
    return text


def _printable(key: str) -> str:
    short = key[:60].replace('"', "'")
    return short if short.isprintable() else ascii(short)[1:-1]
