"""Owns what the API says and takes of a call that goes on."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, StringConstraints, model_validator

from bridge.centre.facts import Supervise, Wish
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import Doing
from bridge.web.api.fields import Kept, exactly_one
from bridge.web.api.models import Pause, Said, Taken, Transfer


class Party(Said):
    """Somebody on the agent's side of a call."""

    agent: str | None = Field(description="null: a number outside.")
    doing: Doing
    since: datetime
    muted: bool


class Watch(Said):
    """Somebody beside an agent who talks."""

    who: str = Field(description="Whose phone it is: the supervisor's, or a trainee's.")
    supervisor: str
    agent: str
    how: Supervise
    answered: bool = Field(description="Until then his phone rings.")


class Talk(Said):
    """The call that an agent's phone is in, at this moment."""

    call_id: str
    state: str
    steered: bool = Field(
        description="false: known from AMI alone. Hold, mute and transfer are the phone's own keys, and "
        "nobody can be beside its agents: to ask for it is 409."
    )
    queue: str | None
    parties: list[Party]
    stage: str = Field(
        description="Of the transfer under way: `ringing`, `consulting`, `swapped`; empty for none."
    )
    transfers: list[Transfer]
    many_transfers: bool = Field(
        description="The client has been passed on twice: once more is a warning. Completed transfers "
        "count, and conferences that who made them has left to the other one; take-overs do not."
    )
    watches: list[Watch]
    recorded: bool = Field(description="Whether or not it is paused.")
    recording_paused: bool
    pauses: list[Pause] = Field(description="Of its recording, in their order.")


class TalkWish(Taken):
    """What becomes of it is in the agent's call a moment later."""

    do: Wish


class RecordingOrder(Taken):
    """Whatever is so already stays as it is."""

    paused: StrictBool = Field(
        description="true: nothing that is said from now on may be heard in the recording."
    )


class SupervisionOrder(Taken):
    """The supervisor's phone rings, or the trainee's; from then on it is switched without redialling."""

    do: Supervise
    supervisor: Annotated[str, StringConstraints(min_length=1, max_length=40)] = Field(
        description="An agent's id. Only over agents of the departments that he supervises."
    )
    trainee: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(
        None, description="Whose phone is rung in the supervisor's place; he only listens."
    )


class TransferOrder(Taken):
    """Give exactly one of `agent`, `queue`, `number` and `supervisor`."""

    model_config = ConfigDict(json_schema_extra=exactly_one("agent", "queue", "number", "supervisor"))

    agent: Kept[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = None
    queue: Kept[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = None
    number: Kept[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = Field(
        None, description="Outside; one that `transfers.prefixes` permits."
    )
    supervisor: Kept[Literal[True]] = Field(
        None,
        description="The first free one of the call's queue; where it has none, of the agent's own ones.",
    )
    attended: StrictBool = Field(False, description="Talk with the target first.")

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if sum(one is not None for one in (self.agent, self.queue, self.number, self.supervisor)) != 1:
            raise ValueError("give exactly one of agent, queue, number and supervisor")
        return self

    @property
    def target(self) -> Target:
        if self.agent is not None:
            return Target(TargetKind.AGENT, self.agent)
        if self.queue is not None:
            return Target(TargetKind.QUEUE, self.queue)
        if self.number is not None:
            return Target(TargetKind.NUMBER, self.number)
        return Target(TargetKind.SUPERVISOR)
