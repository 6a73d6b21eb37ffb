"""Transfers: where agents may pass a client on to outside, or call, and what they dial for a supervisor.

Other agents, and queues with an extension, they always may.
"""

from pydantic import Field, model_validator

from bridge.config.fields import AgentKey, Name, OutsideNumber, Prefix, Section


class TransferSettings(Section):
    trunk: Name | None = Field(
        default=None, description="with send_to:, by which numbers outside are called; none is, if absent"
    )
    prefixes: tuple[Prefix, ...] = Field(
        default=(),
        max_length=100,
        description="a number that begins with none of them is not called: keep the list short (toll fraud)",
        examples=[["+7495", "+7499"]],
    )
    caller_id: OutsideNumber | None = Field(
        default=None,
        description="the company's number, shown to whom an agent calls; if absent, the first of numbers:",
    )
    record_calls: bool = Field(
        default=False,
        description="record what agents talk with whom they call from their screens; nothing tells these "
        "people that they are recorded: the agents have to",
    )
    ring_seconds: int = Field(default=30, ge=5, le=300, description="how long a number outside rings")
    supervisor: AgentKey | None = Field(
        default=None, description="what an agent dials for the supervisor of his client's department"
    )

    @model_validator(mode="after")
    def _is_complete(self) -> "TransferSettings":
        if (self.trunk is None) != (not self.prefixes):
            raise ValueError("trunk: and prefixes: go together: give both, or neither")
        return self
