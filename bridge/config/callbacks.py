"""How CRMs are told of calls. Who is told is no configuration: “callbridge callback add” and the API say."""

from datetime import timedelta

from pydantic import Field

from bridge.config.fields import Section


class CallbackSettings(Section):
    timeout_seconds: float = Field(
        default=5.0, ge=0.5, le=60, description="for a receiver's whole reply; then it is tried again"
    )
    steer_seconds: float = Field(
        default=2.0,
        ge=0,
        le=30,
        description="so long after a call has come its receiver's reply may send it elsewhere; 0 is never",
    )
    at_once: int = Field(
        default=8, ge=1, le=32, description="calls of which one receiver is told at the same time"
    )
    at_once_in_all: int = Field(default=64, ge=1, le=200, description="the same, for all receivers together")
    keep_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="then what was told is forgotten; what could not be told stays until somebody drops it",
    )

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)
