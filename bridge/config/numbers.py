"""The company's own numbers, and where a call to each of them goes."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from bridge.config.destinations import Target, one_of
from bridge.config.fields import Number, Sounds

_KINDS: Mapping[str, tuple[str, ...]] = {
    **{
        kind: (*beside, "aliases", *(() if kind == "hang_up" else ("consent",)))
        for kind, beside in Target.KINDS.items()
    },
    "echo": ("aliases",),
}


class NumberSettings(Target, json_schema_extra=one_of(_KINDS)):
    """A destination like any other, or an echo test."""

    KINDS: ClassVar[Mapping[str, tuple[str, ...]]] = _KINDS

    echo: Literal[True] | None = Field(default=None, description="an echo test, without any agent")
    aliases: tuple[Number, ...] = Field(
        default=(), max_length=20, description="other ways to write it, as an operator may: 84950000001"
    )
    consent: Sounds = Field(
        default=(), description="that calls are recorded: said in full before anything else"
    )
