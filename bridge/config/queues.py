"""Queues: who serves them, in which order, and how long anybody waits."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from bridge.centre.plan import Strategy
from bridge.config.fields import AgentKey, Name, Section, Sounds, Title
from bridge.config.source import text_of


class MemberSettings(Section):
    """An agent in this queue. Members with a lower penalty are offered calls first."""

    agent: AgentKey
    penalty: int = Field(default=0, ge=0, le=100)


def _plain_agent(value: Any) -> Any:
    value = text_of(value)
    return {"agent": value} if isinstance(value, str) else value


_AGENT_SCHEMA: dict[str, Any] = {"type": "string", "pattern": "^([0-9]{2,10})$"}

Member = Annotated[
    MemberSettings,
    BeforeValidator(_plain_agent),
    WithJsonSchema(
        {
            "anyOf": [
                _AGENT_SCHEMA,
                {
                    "type": "object",
                    "properties": {
                        "agent": _AGENT_SCHEMA,
                        "penalty": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0},
                    },
                    "required": ["agent"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class QueueSettings(Section):
    title: Title
    department: Name | None = Field(default=None, description="whose tickets its calls become")
    strategy: Strategy = Strategy.LEASTRECENT
    members: tuple[Member, ...] = Field(default=(), max_length=1000)
    ring_seconds: int = Field(default=20, ge=3, le=300, description="how long one agent's phone rings")
    wrap_up_seconds: int = Field(default=15, ge=0, le=3600, description="an agent's rest after each call")
    max_wait_seconds: int | None = Field(default=None, ge=1, le=86400, description="no limit if absent")
    service_level_seconds: int = Field(default=20, ge=1, le=3600)
    record: bool = True
    music: Name = Field(default="default", description="a class of asterisk.music")
    greeting: Sounds = Field(default=(), description="played once, on entry")
