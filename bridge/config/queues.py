"""Queues: who serves them, in which order, how long anybody waits, and what he hears meanwhile.

What contradicts itself (steps that narrow, ways out that nobody can take) is checked in contradictions.py.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from bridge.centre.plan import Empty, Strategy
from bridge.config.destinations import Target
from bridge.config.fields import AgentKey, Digit, Level, Name, Section, Sounds, Title
from bridge.config.source import text_of
from bridge.config.tickets import Policy

HIGHEST_PENALTY = 100


class MemberSettings(Section):
    """An agent in this queue. Members with a lower penalty are offered calls first."""

    agent: AgentKey
    penalty: int = Field(default=0, ge=0, le=HIGHEST_PENALTY)


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
                        "penalty": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": HIGHEST_PENALTY,
                            "default": 0,
                        },
                    },
                    "required": ["agent"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class WideningSettings(Section):
    """From so long a wait on. Before the first step, everybody in the queue may be asked."""

    after_seconds: int = Field(ge=0, le=86400)
    penalty: int | None = Field(
        default=None, ge=0, le=HIGHEST_PENALTY, description="the highest that is asked; everybody if absent"
    )
    lower_levels: int = Field(
        default=0, ge=0, le=10, description="taken off every level that is needed; at 0 the skill is not"
    )


class AnnounceSettings(Section):
    """What a waiting caller hears between the music."""

    position: bool = False
    only_better: bool = Field(default=True, description="the position only when it is better than the last")
    expected_wait: bool = False
    first_after_seconds: int = Field(default=15, ge=0, le=3600, description="to the first position")
    every_seconds: int = Field(default=45, ge=10, le=3600, description="between one position and the next")
    sounds: Sounds = Field(default=(), description="played again and again")
    sounds_every_seconds: int = Field(default=60, ge=10, le=3600)


class QueueSettings(Section):
    title: Title
    extension: AgentKey | None = Field(
        default=None, description="what an agent dials who passes a client on to this queue"
    )
    department: Name | None = Field(default=None, description="whose tickets its calls become")
    tickets: Policy = Field(
        default=Policy.EVERY_CALL, description="which of its calls become tickets by themselves"
    )
    strategy: Strategy = Strategy.LEASTRECENT
    weight: int = Field(
        default=0, ge=0, le=1000, description="an agent of several queues serves the heavier one first"
    )
    members: tuple[Member, ...] = Field(default=(), max_length=1000)
    needs: dict[Name, Level] = Field(
        default_factory=dict,
        max_length=50,
        description="skill → the least level of who is asked",
        examples=[{"english": 2}],
    )
    widening: tuple[WideningSettings, ...] = Field(default=(), max_length=50)
    ring_seconds: int = Field(default=20, ge=3, le=300, description="how long one agent's phone rings")
    pause_after_unanswered: int = Field(
        default=0, ge=0, le=100, description="offers in a row, then the agent is paused; 0 is never"
    )
    wrap_up_seconds: int = Field(default=15, ge=0, le=3600, description="an agent's rest after each call")
    wrap_up_extension_seconds: int = Field(
        default=30, ge=0, le=3600, description="what the agent may add, once each time; 0 is nothing"
    )
    sticky_seconds: int = Field(
        default=0, ge=0, le=3600, description="how long a caller waits for who served him last; 0 is never"
    )
    sticky_within_days: int = Field(default=30, ge=1, le=3650, description="how long ago that may be")
    max_wait_seconds: int | None = Field(default=None, ge=1, le=86400, description="no limit if absent")
    max_waiting: int | None = Field(default=None, ge=1, le=10000, description="callers; no limit if absent")
    refuse_when: Empty = Field(default=Empty.NEVER, description="who comes is sent on_empty:")
    leave_when: Empty = Field(default=Empty.NEVER, description="who waits already is sent on_empty:")
    on_timeout: Target | None = Field(default=None, description="after max_wait_seconds")
    on_full: Target | None = Field(default=None, description="when max_waiting wait already")
    on_empty: Target | None = Field(default=None, description="by refuse_when and leave_when")
    breakout: dict[Digit, Target] = Field(
        default_factory=dict, description="key → where a waiting caller who presses it goes"
    )
    announce: AnnounceSettings = AnnounceSettings()
    service_level_seconds: int = Field(default=20, ge=1, le=3600)
    record: bool = True
    consent: Sounds = Field(
        default=(), description="that calls are recorded: said in full before he comes in, once per call"
    )
    keep_recordings_days: int | None = Field(
        default=None, ge=0, le=36500, description="0 is for ever; as recordings.keep_days says if absent"
    )
    music: Name = Field(default="default", description="a class of asterisk.music")
    greeting: Sounds = Field(default=(), description="played once, on entry")
