"""Agents: the people, each with a telephone."""

from pydantic import Field

from bridge.config.fields import Endpoint, Language, Level, Name, Section, SpokenName
from bridge.config.mail import MailAddress


class AgentSettings(Section):
    name: SpokenName
    language: Language | None = Field(default=None, description="of screens; the company's if absent")
    endpoint: Endpoint | None = Field(
        default=None,
        description="only for a phone that your own pjsip.conf sets up; PJSIP/NUMBER if absent",
    )
    email: MailAddress | None = Field(
        default=None, description="by which CRMs know the agent; nobody is written to"
    )
    skills: dict[Name, Level] = Field(
        default_factory=dict,
        max_length=50,
        description="skill → level, 10 the highest",
        examples=[{"english": 3, "billing": 1}],
    )
