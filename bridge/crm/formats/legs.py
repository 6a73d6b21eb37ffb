"""newCall, answer and hangup, in which Zammad and sipgate.io think: what has to be sent next about a call.

For both a transferred call is a new call: the old one ends as forwarded, and a new id begins. What was
accepted so far is all in the state, so that whoever subscribes in the midst of a call, or asks again after a
lost reply, sends what is missing and nothing twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.crm.formats import State, kinds
from bridge.crm.formats.words import CALL_ID, agent_id, call_id, who
from bridge.crm.told import Told

# The state's keys.
LEG = "leg"  # which of the calls that the transfers have made of it, from 1
OPEN = "open"  # the leg of which the peer knows
BY = "by"  # the agent of whose answer the peer knows
MOVED = "moved"  # the transfer's event that began this leg
OVER = "over"  # hung up for good


@dataclass(frozen=True, slots=True)
class Step:
    event: Literal["newCall", "answer", "hangup"]
    leg: int
    forwarded: bool = False  # hung up, because the call goes on as another leg


def following(told: Told, state: State, at_ringing: bool) -> Step | None:
    """``at_ringing``: newCall only when the first phone rings, so that it names who is called or calls."""
    if told.direction not in ("in", "out") or OVER in state:
        return None
    leg = int(state.get(LEG, "1"))
    known = state.get(OPEN) == str(leg)
    begin = None if known else Step("newCall", leg)
    match told.type:
        case kinds.OFFERED:
            return None if at_ringing else begin
        case kinds.RINGING:
            return begin
        case kinds.ANSWERED:
            return begin or _answer(told, state, leg)
        case kinds.TRANSFERRED:
            if state.get(MOVED) != told.id:
                return Step("hangup", leg, forwarded=True) if known else Step("newCall", leg + 1)
            return begin  # whoever talks now is told as answered
        case kinds.ENDED:
            return begin or Step("hangup", leg)
        case _:
            return None


def _answer(told: Told, state: State, leg: int) -> Step | None:
    return None if state.get(BY) == agent_id(who(told)) else Step("answer", leg)


def after(step: Step, told: Told, state: State) -> dict[str, str]:
    """The state once the peer has accepted it."""
    new = dict(state)
    match step.event:
        case "newCall":
            new |= {LEG: str(step.leg), OPEN: str(step.leg)}
            if told.type == kinds.TRANSFERRED:
                new[MOVED] = told.id
                new.pop(BY, None)
        case "answer":
            new[BY] = agent_id(who(told))
        case "hangup" if step.forwarded:
            new |= {LEG: str(step.leg + 1), MOVED: told.id}
            new.pop(BY, None)
        case "hangup":
            new[OVER] = "1"
    return new


def leg_id(told: Told, leg: int) -> str:
    """The first leg has our call's id, so that it is found again; the others a number behind it."""
    return call_id(told, CALL_ID - 8) + (f"-{leg}" if leg > 1 else "")


def without(state: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in state.items() if name not in names}
