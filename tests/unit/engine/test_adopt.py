"""The comparison with Asterisk after a gap: what is told, what is ended, what is left alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, PromptId
from bridge.engine.adopt import RINGS_WITHIN, Asked, Reconciled, ask, reconcile, unrung
from bridge.engine.ports import Survey
from tests.fakes.world import ANNA, BORIS, START, VERA, Leg, World, plan
from tests.unit.centre.talk_scene import the_plan as supervised

LATER = START + timedelta(minutes=1)
NOTHING = Survey({}, {}, frozenset(), frozenset(), {}, frozenset(), None)


def survey(legs: dict[str, str], bridges: dict[str, set[str]] | None = None, playing: str = "") -> Survey:
    return replace(
        NOTHING,
        legs={LegId(leg): state for leg, state in legs.items()},
        bridges={name: frozenset(members) for name, members in (bridges or {}).items()},
        channels=frozenset(legs),
        playing=frozenset({PromptId(playing)} if playing else ()),
    )


def told(world: World, found: Survey, asked: Asked | None = None) -> Reconciled:
    """Compared, and carried out."""
    reconciled = reconcile(world.floor, asked or ask(world.floor), found, {}, world.now)
    for one in reconciled.facts:
        world.tell(one.fact)
    for order in reconciled.orders:
        world.orders.append(order)
        world.carry_out(order)
    return reconciled


def waiting(*agents: AgentId, dialled: str = "200") -> tuple[World, CallId]:
    world = World().start()
    world.arrive(*agents)
    return world, world.caller(dialled, "+79161234567")


def test_who_hung_up_unheard_is_told_with_the_time_at_which_he_did() -> None:
    world, call = waiting(ANNA)
    world.talk(ANNA)
    agent = f"{call}-agent-1"
    found = reconcile(world.floor, ask(world.floor), NOTHING, {call: LATER}, LATER)
    assert [(one.fact, one.at) for one in found.facts] == [
        (f.LegEnded(call, LegId(agent)), LATER),
        (f.LegEnded(call, LegId(call)), LATER),
    ]


def test_leg_that_is_younger_than_the_question_is_not_missed() -> None:
    world, _ = waiting()
    assert told(world, NOTHING, Asked(frozenset(), {})).facts == ()


def test_answer_and_conversation_that_nobody_told_are_taken_up() -> None:
    world, call = waiting(ANNA)
    agent = LegId(f"{call}-agent-1")
    world.legs[agent].state = "up"
    told(world, survey({call: "Up", agent: "Up"}, {f"{call}-talk": {call, agent}}))
    assert world.floor.calls[call].state is CallState.TALKING
    assert [order.leg for order in world.of(o.StartRecording)] == [LegId(call)]


def test_a_supervisor_who_came_or_left_unheard_is_in_what_the_client_hears() -> None:
    world = World().start(supervised())
    world.arrive(ANNA)
    call = world.caller("200")
    world.talk(ANNA)
    world.arrive(VERA)
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.BARGE, "vera"))
    world.pump()
    world.answer(VERA)
    world.tell(world.ari.popleft())
    world.ari.clear()  # that he joined is not heard
    (watcher,) = world.floor.calls[call].watches
    room, both = f"{call}-talk", {call, f"{call}-agent-1"}
    legs = dict.fromkeys((*both, watcher), "Up")
    told(world, survey(legs, {room: {*both, watcher}}))
    assert sum(order.anew for order in world.of(o.StartRecording)) == 1
    told(world, survey(legs, {room: both}))
    assert sum(order.anew for order in world.of(o.StartRecording)) == 2


def test_a_phone_that_rings_goes_on_ringing() -> None:
    world, call = waiting(ANNA)
    before = len(world.of(o.RingAgent))
    told(world, survey({call: "Up", f"{call}-agent-1": "Ringing"}))
    assert len(world.of(o.RingAgent)) == before
    assert world.floor.agents[ANNA].state is AgentState.RINGING


def test_a_phone_that_should_ring_and_does_not_is_rung_once_more() -> None:
    world, call = waiting(ANNA)
    first = LegId(f"{call}-agent-1")
    world.legs[first].state = "gone"
    told(world, survey({call: "Up"}))
    assert [order.leg for order in world.of(o.RingAgent)] == [first, LegId(f"{call}-agent-2")]
    world.pump()
    world.talk(ANNA)
    world.hang_up(ANNA)
    assert world.offer_ends == {first: OfferEnd.ANSWERED}, "to history it is one offer"
    assert world.saved[call].outcome is o.Outcome.ANSWERED


def test_a_leg_that_does_not_ring_yet_is_looked_at_again() -> None:
    """It may have been dialled just now: it is taken for lost only if it still does not."""
    world, call = waiting(ANNA)
    first = LegId(f"{call}-agent-1")
    world.floor.calls[call].legs[first].ringing_at = None
    found = told(world, survey({call: "Up", first: "Down"}))
    assert (found.silent, found.orders) == ({first}, ())
    assert unrung(world.floor, found.silent, {first: "Ringing"}) == Reconciled((), ())
    assert unrung(world.floor, found.silent, {}) == Reconciled((), ())  # its end is told by an event
    lost = unrung(world.floor, found.silent, {first: "Down"})
    assert [one.fact for one in lost.facts] == [f.LegLost(call, first)]
    assert lost.orders == (o.HangUp(call, first),)
    world.tell(f.LegRinging(call, first))
    assert unrung(world.floor, found.silent, {first: "Down"}) == Reconciled((), ())


def test_a_leg_that_should_long_ring_is_not_waited_for() -> None:
    """Its caller is the first in the queue: a second look would let others overtake him."""
    world, call = waiting(ANNA)
    first = LegId(f"{call}-agent-1")
    world.floor.calls[call].legs[first].ringing_at = None
    world.pass_time(RINGS_WITHIN.total_seconds())
    found = told(world, survey({call: "Up", first: "Down"}))
    assert [one.fact for one in found.facts if isinstance(one.fact, f.LegLost)] == [f.LegLost(call, first)]
    assert (found.silent, found.orders) == (frozenset(), (o.HangUp(call, first),))
    assert [order.leg for order in world.of(o.RingAgent)] == [first, LegId(f"{call}-agent-2")]


def test_a_phone_that_is_not_planned_any_more_is_not_rung_again() -> None:
    world, call = waiting(ANNA)
    agents = {id_: agent for id_, agent in plan().agents.items() if id_ != ANNA}
    world.tell(f.PlanLoaded(replace(plan(), agents=agents)))
    told(world, survey({call: "Up"}))
    assert len(world.of(o.RingAgent)) == 1
    assert world.floor.calls[call].offers == {}


def test_who_waits_has_his_music_again_and_keeps_his_place() -> None:
    world, call = waiting()
    second = world.caller("200", "+79160000002")
    told(world, survey({call: "Up", second: "Up"}))
    assert [order.call for order in world.of(o.EnterWaitingRoom)] == [call, second] * 2
    world.arrive(ANNA)
    assert world.rung_for(ANNA) == call


def test_menu_is_heard_again_from_the_last_prompt_unless_it_still_plays() -> None:
    world = World().start()
    call = world.call_in("100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.ari.clear()
    prompt = world.floor.calls[call].prompt
    assert prompt is not None
    told(world, survey({call: "Up"}, playing=prompt))
    assert len(world.said(call)) == 1
    told(world, survey({call: "Up"}))
    assert world.said(call) == [("callbridge/main-menu",)] * 2
    world.pump()
    assert f.Timer(f.TimerKind.MENU, call) in world.timers


def test_who_was_never_answered_is_answered() -> None:
    world, call = waiting()
    told(world, survey({call: "Ring"}))
    assert world.of(o.Answer)[-1] == o.Answer(call, LegId(call))
    assert len(world.of(o.Answer)) == 2


def test_who_talks_and_is_not_together_is_brought_together() -> None:
    world, call = waiting(ANNA)
    world.talk(ANNA)
    agent = LegId(f"{call}-agent-1")
    told(world, survey({call: "Up", agent: "Up"}, {f"{call}-talk": {agent}}))
    assert world.of(o.Connect) == [o.Connect(call, LegId(call), agent)] * 2
    told(world, survey({call: "Up", agent: "Up"}, {f"{call}-talk": {agent, call}}))
    assert len(world.of(o.Connect)) == 2


def test_message_to_leave_is_asked_for_again_until_the_tone_has_sounded() -> None:
    world = World().start()
    call = world.call_in("500")
    world.pump("ami")
    world.tell(world.ari.popleft())
    world.ari.clear()
    told(world, survey({call: "Up"}))
    assert len(world.said(call)) == 2
    world.pump()
    told(world, survey({call: "Up"}))
    assert len(world.said(call)) == 2
    assert f.Timer(f.TimerKind.VOICEMAIL, call) in world.timers


def test_last_words_that_were_said_unheard_end_the_call() -> None:
    world = World().start()
    call = world.caller("100")
    world.tell(f.DigitReceived(call, LegId(call), "9"))
    world.ari.clear()
    assert world.floor.calls[call].state is CallState.LEAVING
    told(world, survey({call: "Up"}))
    world.pump()
    assert world.floor.calls == {}


def test_hang_up_that_was_never_ordered_is_ordered() -> None:
    world, call = waiting(ANNA)
    world.talk(ANNA)
    world.floor.decide(f.LegEnded(call, LegId(call)), world.now)  # and the process died here
    world.legs[LegId(call)].state = "gone"
    told(world, survey({f"{call}-agent-1": "Up"}))
    world.pump()
    assert world.floor.calls == {}
    assert world.living == {}


def test_calls_that_asterisk_took_with_it_are_closed_as_such_and_the_place_is_kept() -> None:
    world, talking = waiting(ANNA)
    world.talk(ANNA)
    first, second = world.caller("200", "+79160000001"), world.caller("200", "+79160000002")
    world.now = LATER
    told(world, replace(NOTHING, started_at=LATER))
    world.pump()
    outcomes = {call: world.saved[call].outcome for call in (talking, first, second)}
    assert outcomes == {
        talking: o.Outcome.ANSWERED,
        first: o.Outcome.FAILED,
        second: o.Outcome.FAILED,
    }
    assert world.floor.calls == {}
    stranger = world.caller("200", "+79160000009")
    again = world.caller("200", "+79160000002")
    assert list(world.floor.router.queues["support"].line) == [again, stranger]  # type: ignore[index]


def test_a_place_is_not_kept_for_ever() -> None:
    world, _ = waiting()
    world.now = LATER
    told(world, replace(NOTHING, started_at=LATER))
    world.pump()
    world.pass_time(16 * 60)
    stranger, again = world.caller("200", "+79160000009"), world.caller("200", "+79161234567")
    assert list(world.floor.router.queues["support"].line) == [stranger, again]  # type: ignore[index]


def test_a_phone_that_hung_up_in_the_middle_of_a_code_is_forgotten() -> None:
    world = World().start()
    errand = world.dial_code(Endpoint("PJSIP/1001"), f.Feature.READY)
    world.tell(world.ari.popleft())
    prompt = world.floor.errands[errand].prompt
    assert told(world, survey({errand: "Up"}, playing=prompt)).orders == ()
    assert world.of(o.HangUp) == []
    told(world, NOTHING)
    assert world.floor.errands == {}


def test_an_outside_number_that_answered_unheard_is_connected() -> None:
    world = World().start()
    call = world.call_in("400")
    world.tell(world.ari.popleft())
    world.ari.clear()
    outside = LegId(f"{call}-out-1")
    told(world, survey({call: "Up", outside: "Up"}))
    assert o.Connect(call, LegId(call), outside) in world.orders


def test_who_came_unheard_is_served_and_the_earlier_one_first() -> None:
    world = World().start()
    ten, nine = CallId("1795000000.10"), CallId("1795000000.9")
    arrivals = {
        LegId(call): f.CallOffered(call, LegId(call), "+7916", "", "200", "lab") for call in (nine, ten)
    }
    world.legs = {LegId(call): Leg(call, None, "up") for call in (nine, ten)}
    found = survey({ten: "Up", nine: "Up"})
    told(world, replace(found, arrivals=arrivals))
    assert list(world.floor.router.queues["support"].line) == [nine, ten]  # type: ignore[index]


def test_what_nobody_knows_is_ended_or_given_back_and_the_living_is_left_alone() -> None:
    world, call = waiting()
    bridges = {f"{call}-talk": set[str](), "old.2-talk": set(), "somebody-elses": set()}
    legs = {call: "Up", "old.1-agent-2": "Up", "old.2": "Up"}
    found = reconcile(world.floor, ask(world.floor), survey(legs, bridges), {}, world.now)
    assert found.orders == (
        o.HangUp(CallId("old.1"), LegId("old.1-agent-2")),
        o.ToFallback(CallId("old.2"), LegId("old.2"), None),
        o.ClearCall(CallId("old.2")),
    )


def test_a_new_process_asks_again_for_what_was_asked_and_shows_the_cards() -> None:
    world, call = waiting(ANNA, BORIS)
    world.talk(ANNA)
    world.call_in("300", "+79165550000")
    world.tell(world.ami.popleft())
    world.store.clear()
    world.cards.clear()
    before = len(world.of(o.LookUpClient))
    world.tell(f.Resumed())
    assert len(world.of(o.LookUpClient)) == before + 1
    assert world.cards[ANNA].call == call
    assert [order.recording for order in world.of(o.StartRecording)] == [f"{call}-rec-1"] * 2
    world.tell(f.ClientIdentified(CallId("call.2"), f.Verdict.UNKNOWN, "+79165550000"))
    assert world.floor.calls[CallId("call.2")].look_ups_out == 0


def test_who_rests_because_a_ring_failed_is_free_when_the_link_is_back() -> None:
    world = World().start()
    world.arrive(ANNA)
    world.fail_next["RingAgent"] = f.FailureReason.LINK_DOWN
    call = world.caller("200")
    assert world.floor.agents[ANNA].resting
    world.tell(f.LinkUp())
    assert world.rung_for(ANNA) == call


def test_what_the_survey_and_an_event_both_tell_is_news_once() -> None:
    world, call = waiting(ANNA)
    leg = LegId(f"{call}-agent-1")
    assert world.floor.knows(f.LegRinging(call, leg))
    news = [f.LegAnswered(call, leg), f.LegEnded(call, leg), f.LegEnded(call, LegId(call))]
    for fact in news:
        assert not world.floor.knows(fact), fact
        world.tell(fact)
        assert world.floor.knows(fact), fact
    world.pump()
    assert call not in world.floor.calls
    assert world.floor.knows(news[-1])


def test_a_caller_who_has_left_is_not_presented_again() -> None:
    """AMI's list, asked for in that instant, may still have him."""
    world, call = waiting(ANNA)
    world.talk(ANNA)
    presented = f.CallerPresented(call, "+79161234567", "", "200", "lab")
    assert not world.floor.knows(presented)
    world.tell(f.LegEnded(call, LegId(call)))
    assert world.floor.knows(presented)
    world.pump()
    assert call not in world.floor.calls
    assert world.floor.knows(presented)


def test_a_caller_whom_the_dialplan_has_back_can_be_presented_again() -> None:
    """AMI alone tells of him from now on."""
    world, call = waiting(ANNA)
    world.tell(f.PlanLoaded(replace(plan(), queues={})))
    world.pump()
    assert [order.call for order in world.of(o.ToFallback)] == [call]
    assert call not in world.floor.calls
    assert not world.floor.knows(f.CallerPresented(call, "+79161234567", "", "200", "lab"))


def test_who_joins_again_is_news() -> None:
    world, call = waiting(ANNA)
    world.talk(ANNA)
    assert not world.floor.knows(f.LegJoined(call, LegId(call)))


def test_of_calls_that_nobody_knows_everything_is_news() -> None:
    world, _ = waiting(ANNA)
    unknown = CallId("1700000000.99")
    for fact in (f.LegEnded(unknown, LegId(unknown)), f.LegRinging(unknown, LegId(f"{unknown}-agent-1"))):
        assert not world.floor.knows(fact)


@pytest.mark.parametrize("first", ["client", "agent"])
def test_a_talk_of_which_the_journal_is_lost_is_let_finish(first: str) -> None:
    world = World().start()
    call, agent = CallId("lost.1"), LegId("lost.1-agent-1")
    found = survey({call: "Up", agent: "Up"}, {f"{call}-talk": {call, agent}})
    arrival = f.CallOffered(call, LegId(call), "+79161234567", "", "200", "trunk")
    assert told(world, replace(found, arrivals={LegId(call): arrival})) == Reconciled((), ())
    leg = LegId(call) if first == "client" else agent
    orders = world.floor.decide(f.LegEnded(call, leg), LATER)
    assert o.ClearCall(call) in orders
    assert (o.HangUp(call, LegId(call)) in orders) is (first == "agent")
