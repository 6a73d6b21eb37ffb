"""The company's own numbers, and where a call to each of them goes."""

from typing import Literal

from pydantic import Field, model_validator

from bridge.config.fields import Name, Number, Section, Sounds

_ONE = {"oneOf": [{"required": [kind]} for kind in ("menu", "queue", "hang_up", "echo")]}


class NumberSettings(Section, json_schema_extra=_ONE):
    """Exactly one of menu, queue, hang_up and echo."""

    menu: Name | None = None
    queue: Name | None = None
    hang_up: Sounds | None = Field(default=None, description="play these sounds, then end the call")
    echo: Literal[True] | None = Field(default=None, description="an echo test, without any agent")
    aliases: tuple[Number, ...] = Field(
        default=(), max_length=20, description="other ways to write it, as an operator may: 84950000001"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "NumberSettings":
        if sum(value is not None for value in (self.menu, self.queue, self.hang_up, self.echo)) != 1:
            raise ValueError("give exactly one of menu:, queue:, hang_up: and echo: true")
        return self
