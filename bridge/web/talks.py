"""Owns what may be asked of the call that an agent talks in, and the refusals, for his page and the API.

The floor decides; what came of it is in the call a moment later.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import AgentWished, TransferWished, Wish
from bridge.centre.ids import AgentId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import Doing, TransferEnd, TransferKind, TransferRecord
from bridge.engine.ports import FloorView, LiveCall
from bridge.web.context import parts_of
from bridge.web.dialling import permitted
from bridge.web.labels import N_
from bridge.web.pauses import pause
from bridge.web.problems import Problem

MANY_TRANSFERS = 2  # a contact with more is worth a warning

_RINGING, _OPEN = ("ringing",), ("consulting", "swapped")
# wish → the stages of a transfer in which it makes sense; "" is none
_STAGES = {
    Wish.HOLD: ("",),
    Wish.RESUME: ("",),
    Wish.MUTE: ("", *_RINGING, *_OPEN),
    Wish.UNMUTE: ("", *_RINGING, *_OPEN),
    Wish.COMPLETE: (*_RINGING, *_OPEN),
    Wish.GIVE_UP: (*_RINGING, *_OPEN),
    Wish.SWAP: _OPEN,
    Wish.CONFERENCE: _OPEN,
}

_OF_THE_RECORDING = (Wish.PAUSE_RECORDING, Wish.RESUME_RECORDING)  # in every stage, by whoever is in the call


def talk_of(floor: FloorView, agent: AgentId) -> LiveCall | None:
    """The call in which his phone is; of one on each line, that which is steered."""
    his = (call for call in floor.calls if any(party.agent == agent for party in call.parties))
    return max(his, key=lambda call: call.steered, default=None)


def times_passed_on(call: LiveCall) -> int:
    """How often its client came to somebody else by it; what a supervisor took over nobody passed on."""
    passed = [one for one in call.transfers if one.kind is not TransferKind.TAKE_OVER]
    return sum(
        one.end is TransferEnd.COMPLETED or _left_to_the_other(call, one, passed[place:])
        for place, one in enumerate(passed, 1)
    )


def _left_to_the_other(call: LiveCall, one: TransferRecord, later: Sequence[TransferRecord]) -> bool:
    """A conference that its maker has left, and the client is the other one's. Nobody records the leaving:
    either the other one passes him on next, or he is in the call without the maker.
    """
    if one.end is not TransferEnd.CONFERENCE:
        return False
    if later:
        return later[0].by == one.to
    there = {party.agent for party in call.parties}
    return one.by not in there and one.to in there  # None: a number outside, in both


def demand_talk(request: web.Request, agent: AgentId) -> LiveCall:
    call = talk_of(parts_of(request).desk.floor(), agent)
    if call is None:
        raise Problem(HTTPStatus.CONFLICT, N_("This agent is in no call now."))
    return call


async def wish(request: web.Request, agent: AgentId, wanted: Wish) -> None:
    """Raises Problem (409) for what the call is not in the middle of, or what only his phone can do."""
    call = demand_talk(request, agent)
    if wanted in _OF_THE_RECORDING:
        await pause(request, call, paused=wanted is Wish.PAUSE_RECORDING)
        return
    _demand_steered(call)
    if not _fits(call, agent, wanted):
        raise Problem(HTTPStatus.CONFLICT, N_("This does not fit the call any more. Look again."))
    await parts_of(request).desk.submit(AgentWished(agent, wanted))


def _demand_steered(call: LiveCall) -> None:
    if not call.steered:
        raise Problem(
            HTTPStatus.CONFLICT,
            N_("This call is not steered by Callbridge. To hold, mute or pass on, use the phone's own keys."),
        )


def _fits(call: LiveCall, agent: AgentId, wanted: Wish) -> bool:
    if call.stage not in _STAGES[wanted]:
        return False
    match wanted:
        case Wish.MUTE | Wish.UNMUTE:
            return True
        case Wish.HOLD:
            return len(call.parties) == 1
        case Wish.RESUME:
            return any(party.agent == agent and party.doing == Doing.HOLD.value for party in call.parties)
        case _:
            return (
                bool(call.transfers) and call.transfers[-1].by == agent
            )  # who is consulted has no say in it


async def pass_on(
    request: web.Request,
    agent: AgentId,
    target: Target,
    *,
    attended: bool,
    refused: Callable[[str], Problem],
) -> None:
    """Raises Problem: 409 when he cannot pass anybody on now, ``refused`` for where no client may be sent."""
    call = demand_talk(request, agent)
    _demand_steered(call)
    if call.stage or len(call.parties) > 1:
        raise Problem(HTTPStatus.CONFLICT, N_("The call is being passed on, or three talk in it."))
    plan = parts_of(request).plan()
    if target == Target(TargetKind.AGENT, agent):
        raise refused(N_("this is the agent himself; choose somebody else."))
    number = permitted(request, plan, target.name) if target.kind is TargetKind.NUMBER else None
    if number is not None:
        target = Target(TargetKind.NUMBER, number.number)  # without what people write between its digits
    if not plan.leads(target):
        raise refused(N_("choose an agent, a queue or a permitted number."))
    await parts_of(request).desk.submit(TransferWished(agent, target, attended))
