"""What a call can do, whatever made it: the small acts of which steps are put together.

Each changes the call and says what is to be done. When an act is due is decided in the steps.
"""

from datetime import timedelta

from bridge.centre.call import Call, CallState, Leg, Moment, OpenOffer
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import Timer, TimerKind, Verdict
from bridge.centre.ids import AgentId, LegId, agent_leg_id, outside_leg_id, prompt_id, recording_id
from bridge.centre.messages import AgentReleased, AmendWaiting, EnterQueue, LeaveQueue, OfferResult
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    ClearCall,
    CloseCard,
    EndOffer,
    HangUp,
    LegKind,
    LookUpClient,
    OpenCard,
    Outcome,
    Play,
    RingAgent,
    RingNumber,
    SaveCall,
    StartRecording,
    StartTimer,
    StopPrompt,
    StopRecording,
    StopTimer,
    ToFallback,
)
from bridge.centre.pauses import end_pause, end_pause_if_over
from bridge.centre.plan import Agent, Queue, ToNumber
from bridge.centre.seats import account
from bridge.centre.spent import talked

S = CallState
RING = timedelta(seconds=20)  # of an agent who is rung by name


def look_up(call: Call, at: Moment) -> None:
    call.looked_up = True
    call.look_ups_out += 1
    call.unanswered = ()
    at.out.orders.append(LookUpClient(call.id, call.number, call.trunk))


def say(call: Call, sounds: tuple[str, ...], at: Moment) -> None:
    call.prompts += 1
    call.prompt, call.said = prompt_id(call.id, call.prompts), sounds
    at.out.orders.append(Play(call.id, call.listener, call.prompt, sounds, call.language))


def hush(call: Call, at: Moment) -> None:
    if call.prompt is not None:
        at.out.orders.append(StopPrompt(call.id, call.listener, call.prompt))
        call.prompt = None


def record(call: Call, at: Moment) -> None:
    """A recording of its own. What was paused is the former one."""
    end_pause(call, at.now)
    call.recordings += 1
    call.cut, call.heard = False, None
    record_again(call, at)


def record_again(call: Call, at: Moment) -> None:
    """What should be recorded by now. A recorder that runs already goes on."""
    if call.is_recorded and not call.cut:
        recording = recording_id(call.id, call.recordings)
        muted = call.paused is not None
        at.out.orders.append(StartRecording(call.id, call.recorded_leg, recording, muted=muted))


def stop_recording(call: Call, at: Moment) -> None:
    """What runs; the next one is another recording of the same call."""
    if call.is_recorded:
        end_pause(call, at.now)
        call.stopped, call.heard = call.recordings, None
        stop_again(call, at)


def stop_again(call: Call, at: Moment) -> None:
    """What should have been stopped by now; twice does no harm."""
    if call.stopped:
        recording = recording_id(call.id, call.stopped)
        at.out.orders.append(StopRecording(call.id, call.recorded_leg, recording))


# ── in a queue ───────────────────────────────────────────────────────────────


def priority_of(call: Call, at: Moment) -> int:
    """The way he came, and his tier; of a number that several share, no tier is known."""
    by_way = call.waiting.priority if call.waiting is not None else 0
    tier = at.plan.priority_of_tier.get(call.tier, 0) if call.verdict is Verdict.KNOWN else 0
    return by_way + tier


def line_up(call: Call, at: Moment, *, again: bool = False) -> None:
    """Tell the router that he waits."""
    waiting = call.waiting
    assert waiting is not None
    assert call.queue is not None
    waiting.asking = False
    at.out.messages.append(
        EnterQueue(
            call.id,
            call.queue,
            waiting.place,
            waiting.needs,
            priority_of(call, at),
            waiting.level,
            waiting.preferred,
            again,
        )
    )


def amend(call: Call, at: Moment) -> None:
    """Tell the router what has changed about him."""
    waiting = call.waiting
    if waiting is not None and not waiting.asking:
        at.out.messages.append(AmendWaiting(call.id, priority_of(call, at), waiting.level, waiting.preferred))


def start_timer(call: Call, kind: TimerKind, after: timedelta, at: Moment) -> None:
    assert call.waiting is not None
    call.waiting.timers.add(kind)
    at.out.orders.append(StartTimer(Timer(kind, call.id), after))


def stop_timer(call: Call, kind: TimerKind, at: Moment) -> None:
    assert call.waiting is not None
    call.waiting.timers.discard(kind)
    at.out.orders.append(StopTimer(Timer(kind, call.id)))


def stop_timers(call: Call, at: Moment) -> None:
    """Those that run because he waits."""
    if call.waiting is not None:
        kinds = sorted(call.waiting.timers, key=lambda kind: kind.value)
        at.out.orders += [StopTimer(Timer(kind, call.id)) for kind in kinds]
        call.waiting.timers.clear()


def ring(call: Call, agent: Agent, queue: Queue | None, at: Moment, first_leg: LegId | None = None) -> LegId:
    """``queue`` is None in a transfer to him. ``first_leg``: he was rung before, and that ring was lost."""
    call.offers_made += 1
    leg = agent_leg_id(call.id, call.offers_made)
    call.legs[leg] = Leg(leg, LegKind.AGENT, agent.id, at.now)
    call.offers[leg] = OpenOffer(agent.id, leg, queue.name if queue is not None else None, first_leg or leg)
    seconds = queue.ring if queue is not None else RING
    at.out.orders += [
        RingAgent(
            call.id, leg, call.client_leg, agent.id, agent.endpoint, call.number or "", call.name, seconds
        ),
        # Asterisk ends the ring itself; this one is for an end that never reaches us.
        StartTimer(Timer(TimerKind.RING, leg), seconds * 1.5),
    ]
    return leg


def ring_outside(call: Call, to: ToNumber, at: Moment) -> LegId:
    """From the company's number: an operator takes no other one from us, and the client's may be withheld."""
    call.forwards += 1
    leg = outside_leg_id(call.id, call.forwards)
    call.legs[leg] = Leg(leg, LegKind.OUTSIDE, None, at.now, number=to.number)
    at.out.orders += [
        RingNumber(call.id, leg, call.client_leg, to.endpoint, call.dialled, to.ring),
        # Asterisk ends the ring itself; this one is for an end that never reaches us.
        StartTimer(Timer(TimerKind.RING, leg), to.ring * 1.5),
    ]
    return leg


def end_offer(call: Call, offer: OpenOffer, at: Moment, end: OfferEnd) -> None:
    del call.offers[offer.leg]
    if call.waiting is not None and call.waiting.preferred == offer.agent:
        call.waiting.preferred = None  # he had his chance
    at.out.orders.append(StopTimer(Timer(TimerKind.RING, offer.leg)))
    if end is not OfferEnd.ANSWERED:
        call.legs[offer.leg].ring_end = end
        at.out.orders.append(CloseCard(call.id, offer.agent))
    if offer.queue is not None:
        at.out.orders.append(EndOffer(call.id, offer.first_leg, at.now, end))
    at.out.messages.append(OfferResult(call.id, offer.agent, offer.queue, end))


def withdraw(call: Call, offer: OpenOffer, at: Moment, reason: CancelReason, end: OfferEnd) -> None:
    """Stop the ringing phone and take the card off its screen."""
    at.out.orders.append(CancelRing(call.id, offer.leg, reason))
    end_offer(call, offer, at, end)


def leave_queue(call: Call, at: Moment) -> None:
    for offer in tuple(call.offers.values()):
        withdraw(call, offer, at, CancelReason.CALLER_GONE, OfferEnd.WITHDRAWN)
    at.out.messages.append(LeaveQueue(call.id))
    stop_timers(call, at)


def end_consent(call: Call, at: Moment) -> None:
    """Nothing is announced any more; not that it has been heard."""
    if call.consent is not None:
        call.consent = None
        at.out.orders.append(StopTimer(Timer(TimerKind.CONSENT, call.id)))


# ── ends ─────────────────────────────────────────────────────────────────────


def release(call: Call, at: Moment) -> None:
    """The part of every agent who is in it is over."""
    for leg in call.alive_legs:
        release_leg(call, leg, at)


def release_leg(call: Call, leg: Leg, at: Moment) -> None:
    """This agent's part is over, once. Who was only consulted has nothing to wrap up."""
    if leg.agent is None or leg.answered_at is None or leg.released:
        return
    leg.released = True
    consulted = call.transfer is not None and call.transfer.other == leg.id
    queue = None if consulted else call.queue
    had = talked([one for one in call.segments if one.leg == leg.id], at.now)
    own = call.wished_by is not None and call.answered_at is not None and not consulted
    as_in = at.plan.wrap_up_of(leg.agent) if own else None
    at.out.messages.append(AgentReleased(call.id, leg.agent, queue, had, as_in))


def give_back(call: Call, at: Moment) -> None:
    """The dialplan serves him by its own means: we cannot, or have nowhere for him."""
    if call.wished_by is not None:
        drop(call, at)
        return
    if call.state in (S.WAITING, S.CONSULTING, S.PASSING):
        leave_queue(call, at)
    release(call, at)
    at.out.orders += [HangUp(call.id, leg.id) for leg in call.alive_legs if leg.kind is not LegKind.CLIENT]
    # Of a queue that is not planned any more the dialplan may know nothing: it has a place for his number.
    # Who is being told that he is recorded is told so there: of the queue, or of the number.
    wanted = call.consent.queue if call.consent is not None else call.queue
    queue = wanted if wanted in at.plan.queues else None
    end_consent(call, at)
    stop_recording(call, at)  # it knows nothing of ours, and has queues that do not record; it begins its own
    at.out.orders.append(ToFallback(call.id, call.client_leg, queue))
    call.outcome, call.ended_at, call.fallback = Outcome.FALLBACK, at.now, True
    call.legs[call.client_leg].ended_at = at.now  # it lives on in the dialplan, outside our application
    call.enter(S.CLEARING, at.now)
    finish_if_over(call, at)


def drop(call: Call, at: Moment) -> None:
    """A call that we made, and that cannot go on: the dialplan has no place for whom an agent called."""
    if call.state in (S.WAITING, S.CONSULTING, S.PASSING):
        leave_queue(call, at)
    if call.wished_by is not None and _is_kept_for(call):
        at.out.messages.append(OfferResult(call.id, call.wished_by, None, OfferEnd.WITHDRAWN))
    for offer in tuple(call.offers.values()):
        withdraw(call, offer, at, CancelReason.CALLER_GONE, OfferEnd.WITHDRAWN)
    release(call, at)
    if call.outcome is None:
        call.outcome = Outcome.ANSWERED if call.answered_at is not None else Outcome.FAILED
    call.enter(S.CLEARING, at.now)
    for leg in call.alive_legs:
        if leg.answered_at is not None:
            at.out.orders.append(HangUp(call.id, leg.id))
        else:
            at.out.orders += [
                CancelRing(call.id, leg.id, CancelReason.CALLER_GONE),
                StopTimer(Timer(TimerKind.RING, leg.id)),
            ]
    finish_if_over(call, at)


def _is_kept_for(call: Call) -> bool:
    """Whether who wished it is kept free for it, and his phone has not been rung yet."""
    return call.state is S.DIALLING and call.client_leg in call.legs and call.offers_made == 0


def hang_up(call: Call, at: Moment, cause: int = Cause.NORMAL_CLEARING) -> None:
    call.enter(S.CLEARING, at.now)
    at.out.orders += [HangUp(call.id, leg.id, cause) for leg in call.alive_legs]


def finish_if_over(call: Call, at: Moment) -> None:
    """Over when the last leg is gone; forgotten when it is also known who called, however late that comes."""
    if call.state is not S.CLEARING or call.alive_legs:
        return
    if not call.cleared:
        call.cleared = True
        call.ended_at = call.ended_at or at.now
        if call.outcome is None:
            call.outcome = Outcome.ANSWERED if call.answered_at is not None else Outcome.IVR
        at.out.orders.append(ClearCall(call.id))
        save(call, at)
        show_card(call, at)
    if call.look_ups_out <= 0:
        call.enter(S.ENDED, at.now)


def save(call: Call, at: Moment, *, awaited: bool = False) -> None:
    account(call, at.now)
    end_pause_if_over(call, at.now)
    if call.about is None:
        at.out.orders.append(SaveCall(call.id, call.record(), awaited))


def show_card(call: Call, at: Moment) -> None:
    """On the screens of the agents whose phones ring, who talk, or who talked last; on nobody else's."""
    if call.fallback and call.ended_at is not None:
        return  # heard of afterwards: his screen may have another one by now
    if call.about is not None:
        return
    agents = {*call.ringing, *call.outside_ringing, *_in_it(call)}
    if not agents:
        agents = {call.agent} if call.agent is not None else set()
    if not agents:
        return
    candidates = tuple(client.id for client in call.clients)
    asking = call.look_ups_out > 0
    record = call.record()
    at.out.orders += [
        OpenCard(call.id, agent, record, candidates, asking, call.unanswered) for agent in sorted(agents)
    ]


def _in_it(call: Call) -> set[AgentId]:
    return {
        leg.agent
        for leg in call.alive_legs
        if leg.agent is not None and leg.answered_at is not None and not leg.released
    }
