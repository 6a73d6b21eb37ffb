"""Every (state, event) pair is allowed or rejected, and a rejection changes nothing."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import call_table
from bridge.centre import facts as f
from bridge.centre import messages as m
from bridge.centre.agent import TABLE as AGENT_TABLE
from bridge.centre.agent import AgentDesk, AgentState
from bridge.centre.call import Call, CallState, Moment
from bridge.centre.decision import Decision, OfferEnd
from bridge.centre.ids import CallId, Endpoint, LegId, PromptId, RecordingId, TicketId
from bridge.centre.orders import Order, Tell
from bridge.centre.plan import Outside, Strategy, Target, TargetKind
from tests.fakes.world import ANNA, BORIS, START, SUPPORT, VERA, World, plan

CALL = CallId("call.1")
CLIENT, AGENT = LegId(CALL), LegId(f"{CALL}-agent-1")
DECISION = Decision(CALL, SUPPORT, Strategy.LINEAR, (), None, None, -1, 0, (ANNA,), ())
SAMPLES: dict[type, object] = {
    type(sample): sample
    for sample in (
        f.CallOffered(CALL, CLIENT, "+79161234567", "", "200", "lab"),
        f.CallWished(CALL, ANNA, "+74951112233"),
        f.CallerPresented(CALL, "+79161234567", "", "200", "lab"),
        f.LegMade(CALL, CLIENT),
        f.LegRinging(CALL, AGENT),
        f.LegAnswered(CALL, AGENT),
        f.LegEnded(CALL, CLIENT, 16),
        f.LegJoined(CALL, CLIENT),
        f.LegLeft(CALL, CLIENT),
        f.DigitReceived(CALL, CLIENT, "2"),
        f.PromptEnded(CALL, PromptId(f"{CALL}-prompt-1")),
        f.RecordingStarted(CALL, RecordingId(f"{CALL}-rec-1")),
        f.RecordingEnded(CALL, RecordingId(f"{CALL}-rec-1")),
        f.RecordingPauseWished(CALL, True, "anna"),
        f.CallSteered(CALL, "crm", Target(TargetKind.QUEUE, SUPPORT)),
        f.RecordingPaused(CALL, RecordingId(f"{CALL}-rec-1")),
        f.RecordingCut(CALL, RecordingId(f"{CALL}-rec-1")),
        f.RecordingAttached(CALL, RecordingId(f"{CALL}-rec-1"), TicketId(1)),
        f.OutsideRinging(CALL, ANNA, "+79161234567", "", "1001"),
        f.OutsideAnswered(CALL, ANNA),
        f.OutsideRingEnded(CALL, ANNA, "no-answer"),
        f.OutsideEnded(CALL, "completed"),
        f.OutsideDialled(CALL, ANNA, LegId("out.1"), "+79161234567", "lab"),
        f.OutsideReached(CALL, "+79161234567"),
        f.OutsideHeld(CALL, ANNA),
        f.OutsideResumed(CALL, ANNA),
        f.OutsideConsulting(CALL, ANNA, BORIS, BORIS),
        f.OutsideConsulted(CALL, ANNA, BORIS),
        f.OutsideConsultEnded(CALL, ANNA, "busy"),
        f.OutsideTransferred(CALL, ANNA, f.TransferKind.BLIND, BORIS),
        f.OutsideNotTaken(CALL, "busy"),
        f.FallbackEntered(CALL, SUPPORT),
        f.CallMissed(CALL, "+79161234567", "", "200", "lab", SUPPORT, ANNA, START, START, START),
        f.Resumed(),
        f.LinkUp(),
        f.CallAdopted(CALL, True, False, True),
        f.LegLost(CALL, AGENT),
        f.CallLost(CALL),
        f.ClientIdentified(CALL, f.Verdict.UNKNOWN, "+79160000000"),
        f.DirectoryAnswered(CALL, "+79160000000", "crm"),
        f.TicketOpened(CALL, TicketId(1)),
        f.OrderFailed(CALL, "Play", f.FailureReason.REFUSED, "", CLIENT),
        f.TimerFired(f.Timer(f.TimerKind.MENU, CALL)),
        m.Offer(CALL, ANNA, SUPPORT, DECISION),
        m.TurnedAway(CALL, SUPPORT, m.TurnedAwayWhy.FULL),
        m.PositionIs(CALL, SUPPORT, 2, timedelta(minutes=3)),
        m.AgentAsked(CALL, BORIS, True),
        f.LegHeld(CALL, AGENT),
        f.LegResumed(CALL, AGENT),
        f.AgentWished(ANNA, f.Wish.HOLD),
        f.AgentDialled(CALL, LegId("line.1"), Endpoint("PJSIP/1001"), VERA),
        f.PhonePassedOn(CALL, AGENT, VERA),
        f.PhoneJoined(CALL, AGENT, LegId("line.1")),
        f.TransferWished(ANNA, Target(TargetKind.AGENT, VERA), True),
        f.SupervisionWished(VERA, ANNA, f.Supervise.LISTEN, "vera"),
        f.FeatureDialled(CALL, LegId("line.2"), Endpoint("PJSIP/1003"), f.Feature.SUPERVISE, ANNA),
    )
}


_SERVED = (
    CallState.CONNECTING,
    CallState.TALKING,
    CallState.CONSULTING,
    CallState.PASSING,
    CallState.CLEARING,
)


def call_in(state: CallState) -> Call:
    """A call that came to ``state`` by its own way, not by assignment."""
    world = World().start()
    dialled = "100" if state in (CallState.MENU, CallState.LEAVING) else "200"
    if state is CallState.PRESENTED:
        world.call_in(dialled)
        world.tell(world.ami.popleft())
    elif state is CallState.CONSENT:
        world = World().start(replace(plan(), number_consents={"200": ("callbridge/recorded",)}))
        world.call_in("200")
        world.tell(world.ari.popleft())
    elif state in (CallState.FORWARDING, CallState.VOICEMAIL):
        world.call_in("400" if state is CallState.FORWARDING else "500")
        world.tell(world.ari.popleft())
    elif state is CallState.DIALLING:
        world.tell(f.PlanLoaded(replace(plan(), outside=Outside("lab", ("+7495",)))))
        world.arrive(ANNA)
        world.tell(f.CallWished(CALL, ANNA, "+74951112233"))
    elif state is CallState.OUTSIDE:
        world.tell(f.OutsideRinging(CALL, ANNA, "+79161234567", "", "1001"))
    else:
        if state in _SERVED:
            world.phone(ANNA)
        world.call_in(dialled)
        world.pump()
        if state is CallState.LEAVING:
            world.tell(f.DigitReceived(CALL, CLIENT, "9"))
        elif state in _SERVED:
            world.answer(ANNA)
            world.tell(world.ari.popleft())
            if state is not CallState.CONNECTING:
                world.pump()
            if state in (CallState.CONSULTING, CallState.PASSING):
                world.arrive(BORIS)
                attended = state is CallState.CONSULTING
                world.tell(f.TransferWished(ANNA, Target(TargetKind.AGENT, BORIS), attended))
                world.pump()
            if state is CallState.CLEARING:
                world.hang_up_client(CallId(CALL))
                for _ in ("left", "ended"):
                    world.tell(world.ari.popleft())
    call = world.floor.calls[CALL]
    assert call.state is state
    return call


LIVING = [state for state in CallState if state is not CallState.ENDED]


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_call_pair(state: CallState, event: object) -> None:
    call = call_in(state)
    before = copy.deepcopy(call)
    out = m.Output()
    at = Moment(plan(), START + timedelta(minutes=1), out, lambda: 99)
    if (state, type(event)) in call_table.TABLE:
        call_table.step(call, event, at)  # type: ignore[arg-type]
        assert call.state is state or call.state in call_table.MAY_BECOME[state]
    else:
        with pytest.raises(m.Rejected):
            call_table.step(call, event, at)  # type: ignore[arg-type]
        assert call == before
        assert out == m.Output()


def test_samples_cover_the_table() -> None:
    assert {event for _, event in call_table.TABLE} <= SAMPLES.keys()


def test_an_ended_call_knows_nothing_any_more() -> None:
    assert not [event for state, event in call_table.TABLE if state is CallState.ENDED]


AGENT_SAMPLES: dict[type, object] = {
    type(sample): sample
    for sample in (
        f.AgentLoggedIn(ANNA),
        f.AgentLoggedOut(ANNA),
        f.AgentReady(ANNA),
        f.AgentPaused(ANNA, "lunch"),
        f.WrapUpEnded(ANNA),
        f.EndpointChanged(Endpoint("PJSIP/1001"), True),
        f.TimerFired(f.Timer(f.TimerKind.WRAP_UP, ANNA)),
        m.Offer(CALL, ANNA, SUPPORT, DECISION),
        f.WrapUpExtended(ANNA),
        m.AskAgent(CALL, ANNA),
        f.LinkUp(),
        m.OfferResult(CALL, ANNA, SUPPORT, OfferEnd.NO_ANSWER),
        m.AgentReleased(CALL, ANNA, SUPPORT),
        m.AgentBusyOutside(CallId("other.1"), ANNA, busy=True),
        m.AgentTakesOver(CALL, ANNA),
    )
}


def desk_in(state: AgentState) -> AgentDesk:
    call = CALL if state in (AgentState.RINGING, AgentState.TALKING) else None
    return AgentDesk(ANNA, START, state, reachable=True, call=call, idle_since=START)


@pytest.mark.parametrize("state", AgentState)
@pytest.mark.parametrize("event", AGENT_SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_agent_pair(state: AgentState, event: object) -> None:
    desk = desk_in(state)
    before = copy.deepcopy(desk)
    out = m.Output()
    now = START + timedelta(minutes=1)
    if (state, type(event)) in AGENT_TABLE:
        known = desk.changed()
        desk.step(event, plan(), now, out)  # type: ignore[arg-type]
        told = [message for message in out.messages if isinstance(message, m.AgentChanged)]
        assert told == ([desk.changed()] if desk.changed() != known else [])
    else:
        with pytest.raises(m.Rejected):
            desk.step(event, plan(), now, out)  # type: ignore[arg-type]
        assert desk == before
        assert out == m.Output()


def test_agent_samples_cover_the_table() -> None:
    assert {event for _, event in AGENT_TABLE} == AGENT_SAMPLES.keys()


@pytest.mark.parametrize("state", [s for s in AgentState if s is not AgentState.READY])
def test_only_a_ready_agent_takes_an_offer(state: AgentState) -> None:
    assert (state, m.Offer) not in AGENT_TABLE


def test_pause_asked_for_during_a_call_comes_after_it() -> None:
    desk, out = desk_in(AgentState.TALKING), m.Output()
    desk.step(f.AgentPaused(ANNA, "lunch"), plan(), START, out)
    assert desk.state is AgentState.TALKING
    desk.step(m.AgentReleased(CALL, ANNA, SUPPORT), plan(), START, out)
    assert (desk.state, desk.reason) == (AgentState.PAUSED, "lunch")


def test_phone_that_is_lost_in_a_pause_does_not_end_the_pause() -> None:
    desk, out = desk_in(AgentState.PAUSED), m.Output()
    for reachable in (False, True):
        desk.step(f.EndpointChanged(Endpoint("PJSIP/1001"), reachable), plan(), START, out)
    assert desk.state is AgentState.PAUSED


def test_phone_that_is_back_does_not_log_in_who_logged_out_himself() -> None:
    desk, out = desk_in(AgentState.READY), m.Output()
    desk.step(f.AgentLoggedOut(ANNA), plan(), START, out)
    desk.step(f.EndpointChanged(Endpoint("PJSIP/1001"), False), plan(), START, out)
    desk.step(f.EndpointChanged(Endpoint("PJSIP/1001"), True), plan(), START, out)
    assert desk.state is AgentState.LOGGED_OUT


def test_no_order_kind_is_unknown_to_the_engine() -> None:
    kinds = set(Order.__args__)  # type: ignore[attr-defined]
    assert all(hasattr(kind, "lane") or kind.__name__.endswith("Timer") or kind is Tell for kind in kinds)
