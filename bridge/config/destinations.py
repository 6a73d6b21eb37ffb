"""Where a call can be sent to: one small mapping, used by numbers, menus and queues.

Whether what it names exists is checked in references.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from bridge.config.fields import AgentKey, Level, Name, OutsideNumber, Priority, Section, Sounds

# kind → the keys that go with it
_KINDS: Mapping[str, tuple[str, ...]] = {
    "queue": ("needs", "priority"),
    "agent": ("queue", "hold_seconds"),
    "menu": (),
    "hang_up": (),
    "voicemail": ("longest_seconds",),
    "number": ("trunk", "ring_seconds", "otherwise"),
}
_NEEDED = {"agent": "queue", "number": "trunk"}
_WHY = {
    "agent": "an agent needs queue: beside him, where the caller goes on when he does not answer",
    "number": "a number outside needs trunk: beside it, by which the call goes out",
}


def one_of(kinds: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The same rule for the JSON Schema: the keys of one kind, and no others."""
    return {
        "oneOf": [
            {
                "required": [kind, *filter(None, [_NEEDED.get(kind)])],
                "propertyNames": {"enum": [kind, *beside]},
            }
            for kind, beside in kinds.items()
        ]
    }


class Target(Section, json_schema_extra=one_of(_KINDS)):
    """Exactly one of queue, agent, menu, hang_up, voicemail and number, with what goes with it."""

    KINDS: ClassVar[Mapping[str, tuple[str, ...]]] = _KINDS

    queue: Name | None = Field(default=None, description="beside agent: where the caller goes on")
    needs: dict[Name, Level] = Field(
        default_factory=dict, description="skills of this caller's, beside those that the queue needs"
    )
    priority: Priority = Field(default=0, description="added to that of the client's tier")
    agent: AgentKey | None = Field(default=None, description="this agent; after hold_seconds, the queue")
    hold_seconds: int = Field(default=20, ge=1, le=3600, description="how long the caller waits for him")
    menu: Name | None = None
    hang_up: Sounds | None = Field(default=None, description="play these sounds, then end the call")
    voicemail: Sounds | None = Field(default=None, description="play these sounds, then take a message")
    longest_seconds: int = Field(default=180, ge=5, le=3600, description="of the message")
    number: OutsideNumber | None = Field(default=None, description="a number outside")
    trunk: Name | None = Field(default=None, description="with send_to:, by which the number is called")
    ring_seconds: int = Field(default=30, ge=5, le=300, description="how long the number outside rings")
    otherwise: "Target | None" = Field(
        default=None, description="when nobody answers there; an announcement and the end if absent"
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Target":
        given = [name for name in self.model_fields_set if getattr(self, name) is not None]
        kinds = [kind for kind in self.KINDS if kind in given]
        if "agent" in kinds and "queue" in kinds:
            kinds.remove("queue")
        if len(kinds) != 1:
            *most, last = (f"{kind}:" for kind in self.KINDS)
            raise ValueError(f"give exactly one of {', '.join(most)} and {last}")
        (kind,) = kinds
        for name in sorted(given):
            if name != kind and name not in self.KINDS[kind]:
                raise ValueError(f"{name}: does not go with {kind}: remove one of them")
        if kind in _NEEDED and _NEEDED[kind] not in given:
            raise ValueError(_WHY[kind])
        return self
