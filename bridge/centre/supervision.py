"""A supervisor beside an agent who talks: he listens, whispers, talks with both, takes the client over.

Owns who is with whom. It follows the client: whoever has him next is watched, as long as he is in one of
the supervisor's groups. One leg of the supervisor's for all of it; it is none of the call's own legs, so
that nothing of what the agent and his client do depends on it. Where a step leaves the legs, ``follow``
looks, after every step of the call.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.centre.call import Call, CallEvent, CallState, Leg, Moment, Seat, Watch
from bridge.centre.call_acts import RING, save, show_card
from bridge.centre.facts import (
    CallAdopted,
    DigitReceived,
    FailureReason,
    FeatureDialled,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegLeft,
    LegLost,
    OrderFailed,
    Resumed,
    Supervise,
    SupervisionWished,
    Timer,
    TimerFired,
    TimerKind,
)
from bridge.centre.ids import AgentId, ConversationId, LegId, watcher_leg_id
from bridge.centre.messages import AgentBusyOutside, AgentTakesOver
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    EndWatch,
    HangUp,
    Hold,
    Mute,
    NoteAudit,
    RingAgent,
    StartTimer,
    StopTimer,
)
from bridge.centre.orders import Watch as WatchOrder
from bridge.centre.record import LegKind, TransferEnd, TransferKind, TransferRecord
from bridge.centre.seats import music_of, seat, seat_again
from bridge.centre.sources import inside, outside, room_of, source_of
from bridge.centre.transfer_acts import give_up, leaves

S = CallState
_OVER = (S.CLEARING, S.ENDED)
BESIDE = (Supervise.LISTEN, Supervise.WHISPER, Supervise.BARGE)
# What the supervisor presses on his phone.
_DIGITS = {
    "4": Supervise.LISTEN,
    "5": Supervise.WHISPER,
    "6": Supervise.BARGE,
    "9": Supervise.TAKE_OVER,
}


# ── it begins, changes, ends ─────────────────────────────────────────────────


def wished(call: Call, event: SupervisionWished, at: Moment) -> None:
    """By page or API."""
    who = event.trainee or event.supervisor
    watch = next((one for one in call.watches.values() if one.who == who), None)
    if watch is not None:
        _change(call, watch, event.do, event.by, at)
    elif event.do in BESIDE and _may(call, event.supervisor, event.agent, who, at):
        how = event.do if event.trainee is None else Supervise.LISTEN
        leg = watcher_leg_id(call.id, call.watches_made + 1)
        watch = _begin(call, leg, event.supervisor, event.agent, event.by, how, at)
        watch.trainee = event.trainee
        agent, phone = at.plan.agents[event.agent], at.plan.agents[who].endpoint
        at.out.messages.append(AgentBusyOutside(call.id, who, busy=True))
        at.out.orders += [
            RingAgent(call.id, leg, call.client_leg, who, phone, agent.id, agent.name, RING),
            StartTimer(Timer(TimerKind.RING, leg), RING * 1.5),  # for an end that never reaches us
        ]


def dialled(call: Call, event: FeatureDialled, at: Moment) -> None:
    """By the code, from his own phone: this very line is his leg."""
    supervisor = at.plan.agent_at(event.endpoint)
    agent = AgentId(event.argument)
    if supervisor is None or not _may(call, supervisor.id, agent, supervisor.id, at):
        return
    by = f"agent {supervisor.id}"
    watch = _begin(call, event.leg, supervisor.id, agent, by, Supervise.LISTEN, at)
    at.out.messages.append(AgentBusyOutside(call.id, supervisor.id, busy=True))
    at.out.orders.append(Answer(call.id, event.leg))
    _is_there(call, watch, at)


def _may(call: Call, supervisor: AgentId, agent: AgentId, who: AgentId, at: Moment) -> bool:
    """Over agents of his own groups who talk; nobody beside himself, nor twice beside the same one."""
    leg = call.leg_of(agent)
    if leg is None or leg.released or at.deaf or call.state in _OVER:
        return False
    busy = who == agent or call.leg_of(who) is not None or any(o.who == who for o in call.watches.values())
    return not busy and who in at.plan.agents and at.plan.supervises(supervisor, agent)


def _begin(
    call: Call, leg: LegId, supervisor: AgentId, agent: AgentId, by: str, how: Supervise, at: Moment
) -> Watch:
    call.watches_made += 1
    watch = call.watches[leg] = Watch(leg, call.watches_made, supervisor, agent, by, how)
    return watch


def _is_there(call: Call, watch: Watch, at: Moment) -> None:
    watch.answered = True
    _note(call, watch, watch.how, at)


def _change(call: Call, watch: Watch, how: Supervise, by: str, at: Moment) -> None:
    watch.by = by
    if how is Supervise.LEAVE:
        end(call, watch, at)
    elif watch.trainee is not None or not watch.answered:
        if how in BESIDE and watch.trainee is None:
            watch.how = how  # from the moment at which he answers
    elif how is Supervise.TAKE_OVER:
        _take_over(call, watch, at)
    elif how is not watch.how:
        watch.how, watch.placed = how, False
        _note(call, watch, how, at)


def _note(call: Call, watch: Watch, how: Supervise, at: Moment) -> None:
    detail = f"trainee {watch.trainee}" if watch.trainee is not None else f"supervisor {watch.supervisor}"
    at.out.orders.append(NoteAudit(call.id, at.now, watch.by, how.value, watch.agent, detail))


def end(call: Call, watch: Watch, at: Moment, *, gone: bool = False) -> None:
    """``gone``: his leg has ended already."""
    del call.watches[watch.leg]
    _unwatch(call, watch, at)
    if not gone and not watch.answered:
        at.out.orders.append(CancelRing(call.id, watch.leg, CancelReason.CALLER_GONE))
    elif not gone:
        at.out.orders.append(HangUp(call.id, watch.leg))
    at.out.orders.append(StopTimer(Timer(TimerKind.RING, watch.leg)))
    at.out.messages.append(AgentBusyOutside(call.id, watch.who, busy=False))
    if watch.answered:
        _note(call, watch, Supervise.LEAVE, at)


def _unwatch(call: Call, watch: Watch, at: Moment) -> None:
    if watch.target is not None:
        at.out.orders.append(EndWatch(call.id, watch.leg, watch.number, watch.target))
        watch.target = None


def _take_over(call: Call, watch: Watch, at: Moment) -> None:
    """The client is his, whom the agent talked with or had on hold; a consultation is given up first."""
    leg, client = call.leg_of(watch.agent), call.legs[call.client_leg]
    if leg is None or not client.alive or call.state not in (S.TALKING, S.CONSULTING):
        return
    if call.state is S.CONSULTING and call.transfer is not None:
        if call.transfer.by != watch.agent:
            return  # who is consulted has no client yet
        give_up(call, TransferEnd.GIVEN_UP, at)
    _note(call, watch, Supervise.TAKE_OVER, at)
    del call.watches[watch.leg]
    _unwatch(call, watch, at)
    own = Leg(watch.leg, LegKind.AGENT, watch.who, at.now, at.now, at.now)
    call.legs[own.id] = own
    number = len(call.transfers) + 1
    target = f"agent {watch.who}"
    call.transfers.append(
        TransferRecord(
            number,
            watch.who,
            TransferKind.TAKE_OVER,
            target,
            at.now,
            at.now,
            TransferEnd.COMPLETED,
            watch.who,
        )
    )
    call.agent, call.partner = watch.who, own.id
    at.out.orders.append(Mute(call.id, own.id, muted=False))
    seat(call, own, Seat.TALK, at)
    leaves(call, leg, at)
    client.seat = Seat.TALK
    seat_again(call, client, at)  # a phone that held has left him with music
    at.out.messages += [
        AgentBusyOutside(call.id, watch.who, busy=False),
        AgentTakesOver(call.id, watch.who),
    ]
    save(call, at)
    show_card(call, at)


# ── what happens to his own leg ──────────────────────────────────────────────


def step_of(call: Call, event: CallEvent) -> "Callable[[Call, Any, Moment], None] | None":
    """The step of what happens to the leg of who watches; None for what is the call's own."""
    if not call.watches:
        return None
    if isinstance(event, TimerFired):
        leg = LegId(event.timer.owner)
    else:
        leg = getattr(event, "leg", None) or LegId("")
    return _STEPS.get(type(event), _nothing) if leg in call.watches else None


def _nothing(_: Call, __: CallEvent, ___: Moment) -> None:
    """His leg rings, holds: it is where ``follow`` wants it."""


def _answered(call: Call, event: LegAnswered, at: Moment) -> None:
    watch = call.watches[event.leg]
    if not watch.answered:
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, watch.leg)))
        _is_there(call, watch, at)


def _gone(call: Call, event: LegEnded | LegLost, at: Moment) -> None:
    call.joined.discard(event.leg)
    end(call, call.watches[event.leg], at, gone=True)


def _digit(call: Call, event: DigitReceived, at: Moment) -> None:
    watch, how = call.watches[event.leg], _DIGITS.get(event.digit)
    if how is not None and watch.answered:
        _change(call, watch, how, f"agent {watch.who}", at)


def _rings_no_more(call: Call, event: TimerFired, at: Moment) -> None:
    watch = call.watches[LegId(event.timer.owner)]
    if not watch.answered:
        end(call, watch, at)


def _failed(call: Call, event: OrderFailed, at: Moment) -> None:
    """Whom he watches may have gone in this instant, and ``follow`` sees it soon; anything else ends it."""
    assert event.leg is not None
    watch = call.watches[event.leg]
    if event.order in (WatchOrder.__name__, EndWatch.__name__) and event.reason is FailureReason.GONE:
        return
    gone = event.reason is FailureReason.GONE or event.order == RingAgent.__name__
    if event.order == RingAgent.__name__ and event.reason is FailureReason.TIMEOUT:
        gone = False  # it may exist all the same
    end(call, watch, at, gone=gone)


_STEPS: Mapping[type, Callable[[Call, Any, Moment], None]] = {
    LegAnswered: _answered,
    LegEnded: _gone,
    LegLost: _gone,
    LegJoined: inside,
    LegLeft: outside,
    DigitReceived: _digit,
    TimerFired: _rings_no_more,
    OrderFailed: _failed,
}


# ── he goes where they go ────────────────────────────────────────────────────


def follow(call: Call, event: CallEvent | None, at: Moment) -> None:
    """After every step of the call, and whatever else changes it: each to whom he watches now."""
    if isinstance(event, CallAdopted | Resumed):
        for watch in call.watches.values():
            watch.placed = False  # nobody knows whether it was done
    for watch in tuple(call.watches.values()):
        if call.state in _OVER:
            end(call, watch, at)
        elif watch.answered:
            _place(call, watch, at)


def _place(call: Call, watch: Watch, at: Moment) -> None:
    leg = _watched(call, watch, at)
    if leg is None and (call.state is S.TALKING or _not_his(call, watch, at)):
        end(call, watch, at)  # whoever has the client now is none of his agents
        return
    target = leg.id if leg is not None else None
    room = _beside(call, watch, leg) if leg is not None else None
    was, watch.room = watch.room, room
    source = source_of(call, leg) if leg is not None else None
    moved = target != watch.target
    deaf = not moved and source is not None and watch.source not in (None, source)
    watch.source = source if moved else source or watch.source
    if watch.placed and (target, room) == (watch.target, was) and not (deaf and room is None):
        return
    later = watch.placed and (moved or deaf)
    leaves_him = was is not None and room is None
    before = len(at.out.orders)
    if moved or deaf:
        _unwatch(call, watch, at)
    if deaf:
        call.watches_made += 1
        watch.number = call.watches_made
    watch.target, watch.placed = target, True
    if target is None:
        at.out.orders.append(Hold(call.id, watch.leg, music_of(call, at)))
        return
    at.out.orders.append(WatchOrder(call.id, watch.leg, watch.number, target, watch.how, room, later))
    if leaves_him:  # before the client comes back to whom he whispered
        at.out.orders[:] = [*at.out.orders[before:], *at.out.orders[:before]]


def _beside(call: Call, watch: Watch, leg: Leg) -> ConversationId | None:
    """The room in which he is himself. Who is whispered to while his client is on hold sits there alone."""
    match watch.how:
        case Supervise.BARGE:
            return room_of(call, leg)
        case Supervise.WHISPER if not any(one is not leg and one.seat is leg.seat for one in call.alive_legs):
            return room_of(call, leg)
        case _:
            return None


def _watched(call: Call, watch: Watch, at: Moment) -> Leg | None:
    """By the line on which he speaks. None while nobody has the client."""
    leg = _line_of(call, watch.agent)
    if leg is None and call.agent is not None and not _not_his(call, watch, at):
        leg = _line_of(call, call.agent)
        if leg is not None:
            watch.agent = call.agent
            _note(call, watch, watch.how, at)
    return leg


def _not_his(call: Call, watch: Watch, at: Moment) -> bool:
    """Whether the client has come to somebody over whom the supervisor has no say."""
    has_him = call.agent is not None and call.agent != watch.agent and call.leg_of(call.agent) is not None
    if not has_him or call.agent is None:
        return False
    return call.agent == watch.who or not at.plan.supervises(watch.supervisor, call.agent)


def _line_of(call: Call, agent: AgentId) -> Leg | None:
    transfer = call.transfer
    line = call.legs.get(transfer.line) if transfer is not None and transfer.line is not None else None
    if (
        line is not None
        and line.agent == agent
        and line.alive
        and line.seat is Seat.CONSULT
        and not line.holds
    ):
        return line
    leg = call.leg_of(agent)
    return leg if leg is not None and not leg.released else None
