"""The arguments with which channels enter our Stasis application: what the dialplan and we ourselves write.

    Stasis(callbridge,inbound,DIALLED,TRUNK,allowed|withheld)     a client, from the dialplan
    Stasis(callbridge,feature,FEATURE,ARGUMENT)                   an agent's phone that dialled a code
    Stasis(callbridge,dialled,DIALLED)                            an agent's phone that talks on another line
    Stasis(callbridge,transfer,DIALLED)                           half of what Asterisk makes of a REFER
    appArgs=agent,CALL                                            a leg that we made: an agent's, a number's
    appArgs=snoop                                                 what records a leg

Owns their reading and writing; what follows from them is translate's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.centre.facts import Feature
from bridge.centre.ids import CallId
from bridge.errors import BadInput

SNOOP_ARGUMENTS = "snoop"
_FEATURES = {feature.value: feature for feature in Feature}


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


@dataclass(frozen=True, slots=True)
class SnoopArguments:
    pass


@dataclass(frozen=True, slots=True)
class FeatureArguments:
    feature: Feature
    argument: str


@dataclass(frozen=True, slots=True)
class DialledArguments:
    dialled: str


@dataclass(frozen=True, slots=True)
class TransferArguments:
    """Of no use: BridgeBlindTransfer tells all of it."""


Arguments = (
    InboundArguments
    | AgentArguments
    | FeatureArguments
    | DialledArguments
    | TransferArguments
    | SnoopArguments
)


def read_arguments(args: Sequence[str]) -> Arguments:
    match list(args):
        case ["feature", name, *rest] if name in _FEATURES and len(rest) <= 1:
            argument = rest[0] if rest else ""
            return FeatureArguments(_FEATURES[name], argument if argument.isdecimal() else "")
        case ["inbound", dialled, trunk, "allowed" | "withheld" as presentation] if dialled and trunk:
            return InboundArguments(dialled, trunk, presentation == "withheld")
        case ["agent", call] if call:
            return AgentArguments(CallId(call))
        case ["dialled", dialled] if dialled:
            return DialledArguments(dialled)
        case ["transfer", _]:
            return TransferArguments()
        case [word] if word == SNOOP_ARGUMENTS:
            return SnoopArguments()
        case _:
            raise BadArguments(
                f"Stasis arguments {list(args)!r:.200} are none of ours; "
                "the dialplan writes Stasis(callbridge,inbound,NUMBER,TRUNK,allowed|withheld)"
            )


def agent_arguments(call: CallId) -> str:
    return f"agent,{call}"
