"""A checkpoint's text: the floor, the plan in force and the timers that run, as JSON. Owns that format.

Written in one go, for calls wait meanwhile; read at the start only. Unknown fields are passed over and
missing ones have their defaults, so the version before and the version after can read each other's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec
from cattrs import Converter
from cattrs.errors import BaseValidationError

from bridge.centre.facts import Timer
from bridge.centre.floor import Floor
from bridge.centre.memory import Memory, recall, remember
from bridge.centre.plan import Destination, Plan
from bridge.errors import BadInput

FORMAT = 1
_encode = msgspec.json.Encoder(enc_hook=dict).encode


@dataclass(frozen=True, slots=True)
class Running:
    """A timer, and when it fires by the wall clock."""

    timer: Timer
    at: datetime


@dataclass(frozen=True, slots=True)
class _Written:
    memory: Memory
    planned: Plan
    timers: tuple[Running, ...]
    format: int = FORMAT


@dataclass(slots=True)
class Checkpoint:
    floor: Floor
    timers: dict[Timer, datetime]


class BadCheckpoint(BadInput):
    """It cannot be read."""


class CheckpointWriter:
    """Keeps the plan's text: it is the largest part, and changes hardly ever."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._plan_text = msgspec.Raw()

    def write(self, floor: Floor, timers: Mapping[Timer, datetime]) -> bytes:
        if self._plan is not floor.planned:
            self._plan, self._plan_text = floor.planned, msgspec.Raw(_encode(floor.planned))
        return _encode(
            {
                "format": FORMAT,
                "memory": remember(floor),
                "planned": self._plan_text,
                "timers": [Running(timer, at) for timer, at in timers.items()],
            }
        )


def read_checkpoint(text: bytes) -> Checkpoint:
    try:
        written = _CONVERTER.structure(msgspec.json.decode(text), _Written)
    except (msgspec.MsgspecError, BaseValidationError, KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"the checkpoint cannot be read: {error}") from error
    if written.format > FORMAT:
        raise BadCheckpoint(f"the checkpoint has format {written.format}; this version reads {FORMAT}")
    return Checkpoint(
        recall(written.memory, written.planned), {running.timer: running.at for running in written.timers}
    )


def _converter() -> Converter:
    converter = Converter()
    kinds = {cls.__dataclass_fields__["kind"].default: cls for cls in get_args(Destination)}

    def destination(value: Mapping[str, Any], _: type) -> Destination:
        found: Destination = converter.structure(value, kinds[value["kind"]])
        return found

    converter.register_structure_hook(datetime, lambda value, _: msgspec.convert(value, datetime))
    converter.register_structure_hook(timedelta, lambda value, _: msgspec.convert(value, timedelta))
    converter.register_structure_hook_func(lambda wanted: wanted == Destination, destination)
    converter.register_structure_hook_func(
        lambda wanted: wanted == Destination | None,
        lambda value, kind: None if value is None else destination(value, kind),
    )
    return converter


_CONVERTER = _converter()
