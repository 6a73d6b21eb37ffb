"""The arguments with which channels enter our Stasis application: what the dialplan and we ourselves write.

    Stasis(callbridge,inbound,DIALLED,TRUNK,allowed|withheld)     a client, from the dialplan
    appArgs=agent,CALL                                            an agent's leg, created by us

Owns their reading and writing; what follows from them is translate's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.centre.ids import CallId
from bridge.errors import BadInput


class BadArguments(BadInput):
    """A channel entered the application with arguments that nobody of us writes."""


@dataclass(frozen=True, slots=True)
class InboundArguments:
    dialled: str
    trunk: str
    withheld: bool


@dataclass(frozen=True, slots=True)
class AgentArguments:
    call: CallId


def read_arguments(args: Sequence[str]) -> InboundArguments | AgentArguments:
    match list(args):
        case ["inbound", dialled, trunk, "allowed" | "withheld" as presentation] if dialled and trunk:
            return InboundArguments(dialled, trunk, presentation == "withheld")
        case ["agent", call] if call:
            return AgentArguments(CallId(call))
        case _:
            raise BadArguments(
                f"Stasis arguments {list(args)!r:.200} are none of ours; "
                "the dialplan writes Stasis(callbridge,inbound,NUMBER,TRUNK,allowed|withheld)"
            )


def agent_arguments(call: CallId) -> str:
    return f"agent,{call}"
