"""Which of Bitrix24's methods has to be called next: by what it has accepted, which is all in the state.

Owns the order: registered before anything else, one card for everybody whose phone rings and none for the
others, finished once, the recording last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.crm.formats import State, kinds
from bridge.crm.told import Person, Told

# The state's keys.
ID = "id"  # CALL_ID
TYPE = "type"  # where it is not what the call looks like
SHOWN = "shown"  # users who see the card, with commas
FINISHED = "finished"
REFUSED = "refused"  # it takes nothing of this call
RENEW = "renew"  # first a new token
RENEWED = "renewed"  # the event for which there was a new one
NOBODY = "nobody"  # it does not know the agent: the option's user stands for him
UPLOAD = "upload"  # "URL field": where the recording is to be sent
DONE = "done"  # the recording that was attached last


@dataclass(frozen=True, slots=True)
class Step:
    """``users``: to whom the card is shown, or from whom it is taken."""

    method: Literal["renew", "register", "show", "hide", "finish", "attach", "upload"]
    users: tuple[str, ...] = ()


def following(told: Told, state: State, users: Mapping[str, str], record: str) -> Step | None:
    """``users``: agent id → user id; for an agent who is not in it no card can be shown."""
    if told.direction not in ("in", "out") or REFUSED in state:
        return None
    step = _of_event(told, state, users, record)
    return Step("renew") if step is not None and RENEW in state else step


def _of_event(told: Told, state: State, users: Mapping[str, str], record: str) -> Step | None:
    if told.type == kinds.RECORDING_READY:
        return _of_recording(told, state, record)
    if FINISHED in state:
        return None
    shown = _shown(state)
    if told.type != kinds.RING_ENDED and ID not in state:
        return Step("register")
    match told.type:
        case kinds.RINGING:
            return _show(_of(told.ringing or _one(told.agent), users), shown)
        case kinds.RING_ENDED:
            gone = _of(_one(told.agent), users)
            return Step("hide", gone) if gone and gone[0] in shown and told.reason != "answered" else None
        case kinds.ANSWERED | kinds.TRANSFERRED:
            there = _of(_one(told.agent), users)
            hidden = tuple(user for user in shown if user not in there)
            return _show(there, shown) or (Step("hide", hidden) if hidden else None)
        case kinds.ENDED:
            return Step("finish")
        case _:
            return None


def _of_recording(told: Told, state: State, record: str) -> Step | None:
    """It is ready after the end, and what was never finished takes none."""
    if record == "none" or FINISHED not in state or told.recording is None:
        return None
    if UPLOAD in state:
        return Step("upload")
    return Step("attach") if state.get(DONE) != told.recording.id else None


def after(step: Step, told: Told, state: State) -> dict[str, str]:
    """The state once it is accepted."""
    new = dict(state)
    shown = _shown(state)
    match step.method:
        case "show":
            new[SHOWN] = ",".join([*shown, *step.users])
        case "hide":
            new[SHOWN] = ",".join(user for user in shown if user not in step.users)
        case "finish":
            new[FINISHED] = "1"
        case "attach" | "upload" if told.recording is not None:
            new.pop(UPLOAD, None)
            new[DONE] = told.recording.id
        case _:
            pass
    return new


def _shown(state: State) -> tuple[str, ...]:
    return tuple(user for user in state.get(SHOWN, "").split(",") if user)


def _show(there: tuple[str, ...], shown: tuple[str, ...]) -> Step | None:
    new = tuple(user for user in there if user not in shown)
    return Step("show", new) if new else None


def _one(agent: Person | None) -> tuple[Person, ...]:
    return (agent,) if agent is not None else ()


def _of(agents: tuple[Person, ...], users: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(users[one.id] for one in agents if one.id in users))
