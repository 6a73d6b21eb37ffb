"""Where a call can be sent to: one small mapping, used by numbers and menus."""

from pydantic import Field, model_validator

from bridge.config.fields import Name, Section, Sounds

_ONE = {"minProperties": 1, "maxProperties": 1}


class Target(Section, json_schema_extra=_ONE):
    """Exactly one of queue, menu and hang_up."""

    queue: Name | None = None
    menu: Name | None = None
    hang_up: Sounds | None = Field(default=None, description="play these sounds, then end the call")

    @model_validator(mode="after")
    def _exactly_one(self) -> "Target":
        if sum(value is not None for value in (self.queue, self.menu, self.hang_up)) != 1:
            raise ValueError("give exactly one of queue:, menu: and hang_up:")
        return self
