"""Menus of the voice response: what is played, and where each key leads."""

from pydantic import Field

from bridge.config.destinations import Target
from bridge.config.fields import Digit, Section, Sounds

_GOODBYE = Target(hang_up=("callbridge/goodbye",))


class MenuSettings(Section):
    greeting: Sounds = Field(min_length=1)
    options: dict[Digit, Target] = Field(min_length=1)
    timeout_seconds: int = Field(default=5, ge=1, le=60, description="how long it waits for a key")
    retries: int = Field(default=2, ge=0, le=10, description="how often it asks again")
    invalid: Sounds = Field(default=("callbridge/invalid-option",), description="after a wrong key")
    otherwise: Target = Field(
        default_factory=lambda: _GOODBYE, description="after the last wrong or missing answer"
    )
