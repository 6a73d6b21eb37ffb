"""Departments: whose tickets a queue's calls become, and who supervises them."""

from pydantic import Field

from bridge.config.fields import AgentKey, Section, Title


class DepartmentSettings(Section):
    title: Title
    supervisors: tuple[AgentKey, ...] = Field(
        default=(),
        max_length=100,
        description="agents; a client passed on to them rings the first who is free",
    )
    tell_watched: bool = Field(
        default=False, description="an agent sees on his page that a supervisor is with him"
    )
