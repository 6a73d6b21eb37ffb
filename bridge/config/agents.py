"""Agents: the people, each with a telephone."""

from pydantic import Field

from bridge.config.fields import Endpoint, Language, Section, SpokenName


class AgentSettings(Section):
    name: SpokenName
    language: Language | None = Field(default=None, description="of screens; the company's if absent")
    endpoint: Endpoint | None = Field(
        default=None,
        description="only for a phone that your own pjsip.conf sets up; PJSIP/NUMBER if absent",
    )
