"""What a caller is told before anybody can talk with him, and that who was not told is not recorded."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.call_ways import MOST_HOPS
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, PromptId
from bridge.centre.plan import Destination, Plan, Target, TargetKind, ToAgent, ToNumber, ToQueue, ToVoicemail
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, GROUP, seconds
from tests.fakes.world import World, world_of

A, B = AGENTS[0], AGENTS[1]
TOLD = ("callbridge/recorded",)
IN_TWO = ("callbridge/hello", "callbridge/recorded")
OTHER = ("callbridge/recorded-too",)
MAILBOX = ToVoicemail(("callbridge/leave-message",), seconds(60))
OUT = ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(15), ToQueue(COMMON))


def the_plan(number: tuple[str, ...] = (), group: tuple[str, ...] = (), **common) -> Plan:
    """Dial 1 for the common queue, whose breakout 2 leads to the group."""
    fields = {"record": True, "consent": TOLD, "breakout": {"2": ToQueue(GROUP)}, **common}
    plan = plans.one_queue(2, **fields)
    second = replace(plan.queues[COMMON], name=GROUP, consent=group, breakout={"1": ToQueue(COMMON)})
    return replace(
        plan,
        queues={**plan.queues, GROUP: second},
        number_consents={"1": number, "5": number},
    )


def begins(plan: Plan, *free: AgentId, dialled: str = "1") -> tuple[World, CallId]:
    """Up to the first word that he hears."""
    world = world_of(plan, *free)
    call = world.call_in(dialled, "+15550100")
    world.pump("ami")
    world.tell(world.ari.popleft())
    return world, call


def hears(world: World, call: CallId, *, played: bool = True) -> None:
    """The prompt that plays is over."""
    world.tell(world.ari.popleft() if played else f.PromptEnded(call, prompt(world, call), played=False))


def prompt(world: World, call: CallId) -> PromptId:
    return [order.prompt for order in world.of(o.Play) if order.call == call][-1]


def state(world: World, call: CallId) -> CallState:
    return world.floor.calls[call].state


# ── it is said ───────────────────────────────────────────────────────────────


def test_a_queue_says_it_before_anybody_is_rung() -> None:
    world, call = begins(the_plan(), A)
    assert state(world, call) is CallState.CONSENT
    assert world.said(call) == [TOLD]
    assert world.of(o.RingAgent) == []
    hears(world, call)
    assert state(world, call) is CallState.WAITING
    assert world.rung == [A]
    assert world.of(o.StartRecording) == []
    world.talk(A)
    assert len(world.of(o.StartRecording)) == 1


def test_without_consent_nothing_is_said() -> None:
    world, call = begins(the_plan(consent=()), A)
    assert world.said(call) == []
    assert state(world, call) is CallState.WAITING


def test_sounds_follow_one_another_and_all_are_heard() -> None:
    world, call = begins(the_plan(consent=IN_TWO), A)
    hears(world, call)
    assert world.said(call) == [IN_TWO[:1], IN_TWO[1:]]
    assert world.rung == []
    hears(world, call)
    assert world.rung == [A]


def test_an_older_prompts_end_is_not_its_end() -> None:
    world, call = begins(the_plan(), A)
    world.tell(f.PromptEnded(call, PromptId(f"{call}-prompt-99")))
    assert state(world, call) is CallState.CONSENT


def test_digits_do_not_cut_it_short() -> None:
    world, call = begins(the_plan(), A)
    world.tell(f.DigitReceived(call, LegId(call), "2"))
    assert state(world, call) is CallState.CONSENT
    assert world.of(o.StopPrompt) == []
    hears(world, call)
    assert world.floor.calls[call].queue == COMMON


def test_he_enters_the_queue_behind_it_and_waits_from_then_on() -> None:
    world, call = begins(the_plan(max_wait=seconds(30)))
    asked = world.now
    world.now += seconds(7)
    hears(world, call)
    assert world.floor.calls[call].queued_at == asked + seconds(7)
    world.pass_time(29)
    assert state(world, call) is CallState.WAITING


def test_he_keeps_the_place_of_the_moment_in_which_he_came() -> None:
    world, first = begins(the_plan())
    second = world.call_in("1", "+15550101")
    while world.ari[0] != f.PromptEnded(first, prompt(world, first)):
        world.ari.rotate(-1)
    ends = world.ari.popleft()
    world.pump()
    assert state(world, second) is CallState.WAITING
    world.tell(ends)
    places = {call: waiting.place for call in (first, second) if (waiting := world.floor.calls[call].waiting)}
    assert places[first] < places[second]
    world.arrive(A)
    assert world.rung_for(A) == first


def test_a_named_agent_is_not_rung_before_it() -> None:
    plan = the_plan()
    plan = replace(plan, numbers={**plan.numbers, "5": ToAgent(B, COMMON, seconds(20))})
    world, call = begins(plan, A, B, dialled="5")
    assert world.rung == []
    hears(world, call)
    assert world.rung == [B]


# ── once ─────────────────────────────────────────────────────────────────────


def test_the_same_words_are_said_once_in_a_call() -> None:
    world, call = begins(the_plan(group=TOLD))
    world.pump()
    for digit, queue in (("2", GROUP), ("1", COMMON)):
        world.press(call, digit)
        assert world.floor.calls[call].queue == queue
    assert world.said(call) == [TOLD]


def test_a_queue_with_other_words_says_them() -> None:
    world, call = begins(the_plan(group=OTHER))
    world.pump()
    world.press(call, "2")
    world.press(call, "1")
    assert world.said(call) == [TOLD, OTHER]


def test_each_call_is_told() -> None:
    world, first = begins(the_plan())
    world.pump()
    second = world.caller("1", "+15550101")
    assert world.said(first) == world.said(second) == [TOLD]


# ── a number's ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("destination", "then"),
    [
        (ToQueue(GROUP), CallState.WAITING),
        (ToAgent(A, GROUP, seconds(20)), CallState.WAITING),
        (MAILBOX, CallState.VOICEMAIL),
        (OUT, CallState.FORWARDING),
    ],
)
def test_a_number_says_it_first(destination: Destination, then: CallState) -> None:
    plan = the_plan(OTHER)
    plan = replace(plan, numbers={**plan.numbers, "5": destination})
    world, call = begins(plan, dialled="5")
    assert state(world, call) is CallState.CONSENT
    assert world.said(call) == [OTHER]
    assert world.of(o.EnterWaitingRoom) == []
    hears(world, call)
    assert state(world, call) is then


def test_then_its_queue_says_its_own_and_nothing_that_he_has_heard() -> None:
    world, call = begins(the_plan(OTHER))
    world.pump()
    assert world.said(call) == [OTHER, TOLD]
    world, call = begins(the_plan(TOLD))
    world.pump()
    assert world.said(call) == [TOLD]


def test_a_reload_that_takes_the_number_away_lets_him_hear_it_out() -> None:
    world, call = begins(the_plan(OTHER), A)
    world.tell(f.PlanLoaded(replace(the_plan(OTHER), number_consents={})))
    world.pump()
    assert world.said(call) == [OTHER, TOLD]
    assert world.rung == [A]


# ── it cannot be played ──────────────────────────────────────────────────────


def untold(plan: Plan, *missing: str) -> tuple[World, CallId]:
    world, call = begins(plan, A)
    world.missing |= set(missing)
    world.ari.clear()
    hears(world, call, played=False)
    world.pass_time(1)
    return world, call


def test_the_call_goes_on_and_is_not_recorded() -> None:
    world, call = untold(the_plan())
    assert world.audit == [("callbridge", o.NOT_ANNOUNCED, f"queue {COMMON}")]
    world.talk(A)
    assert state(world, call) is CallState.TALKING
    assert world.of(o.StartRecording) == []
    assert world.of(o.StopRecording) == [], "there is nothing to stop"
    assert world.said(call) == [TOLD], "what cannot be played is not tried again"
    world.hang_up(call)
    assert world.floor.calls == {}
    assert world.timers == {}


def test_of_several_sounds_each_must_be_heard() -> None:
    world, _ = begins(the_plan(consent=IN_TWO), A)
    world.missing.add(IN_TWO[0])
    world.ari[0] = replace(world.ari[0], played=False)
    world.pass_time(1)
    world.talk(A)
    assert world.of(o.StartRecording) == []


@pytest.mark.parametrize("reason", [f.FailureReason.REFUSED, f.FailureReason.TIMEOUT])
def test_an_order_that_fails_is_the_same(reason: f.FailureReason) -> None:
    world = world_of(the_plan(), A)
    world.fail_next["Play"] = reason
    call = world.caller("1")
    world.pass_time(1)
    world.talk(A)
    assert state(world, call) is CallState.TALKING
    assert world.of(o.StartRecording) == []


def test_a_number_that_cannot_be_told_is_made_good_by_a_queue_that_can() -> None:
    world, _ = untold(the_plan(OTHER), OTHER[0])
    world.talk(A)
    assert len(world.of(o.StartRecording)) == 1


def test_and_by_nothing_else() -> None:
    world, _ = untold(the_plan(OTHER, consent=()), OTHER[0])
    world.talk(A)
    assert world.of(o.StartRecording) == []


def test_a_message_is_kept_all_the_same() -> None:
    """He leaves it himself, after a tone that says so."""
    plan = the_plan(OTHER)
    world, call = untold(replace(plan, numbers={"1": MAILBOX}), OTHER[0])
    assert state(world, call) is CallState.VOICEMAIL
    assert len(world.of(o.StartRecording)) == 1


def test_a_queue_whose_words_fail_stops_what_runs() -> None:
    world, call = begins(the_plan(group=OTHER, on_timeout=ToQueue(GROUP)), A)
    world.pump()
    world.talk(A)
    world.missing.add(OTHER[0])
    world.tell(f.TransferWished(A, Target(TargetKind.QUEUE, GROUP), False))
    world.pass_time(1)
    assert state(world, call) is CallState.WAITING
    assert [order.recording for order in world.of(o.StopRecording)] == [f"{call}-rec-1"]


# ── he hangs up, or a gap ────────────────────────────────────────────────────


def test_who_hangs_up_meanwhile_was_in_no_queue() -> None:
    world, call = begins(the_plan(), A)
    world.ari.clear()
    hears(world, call, played=False)  # as Asterisk tells it of who hangs up
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.IVR
    assert world.saved[call].queued_at is None
    assert world.audit == []
    assert world.timers == {}
    assert world.of(o.RingAgent) == []


def test_after_a_gap_it_is_said_again() -> None:
    world, call = begins(the_plan(), A)
    world.ari.clear()
    world.tell(f.CallAdopted(call, answered=True, playing=True, joined=False))
    assert world.said(call) == [TOLD]
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    assert world.said(call) == [TOLD, TOLD]
    hears(world, call)
    assert world.rung == [A]


def test_after_a_gap_only_the_sound_that_was_cut_off_is_said_again() -> None:
    world, call = begins(the_plan(consent=IN_TWO), A)
    hears(world, call)
    world.ari.clear()
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    assert world.said(call) == [IN_TWO[:1], IN_TWO[1:], IN_TWO[1:]]
    hears(world, call)
    assert world.rung == [A]


def test_a_failure_just_before_a_gap_is_no_failure_when_he_hears_it_after_all() -> None:
    world, call = begins(the_plan(), A)
    world.ari.clear()
    hears(world, call, played=False)
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    world.pass_time(1)
    world.talk(A)
    assert len(world.of(o.StartRecording)) == 1


@pytest.mark.parametrize(("number", "queue"), [((), COMMON), (OTHER, None)])
def test_our_own_fault_brings_him_where_the_dialplan_says_it(number: tuple[str, ...], queue: object) -> None:
    world, call = begins(the_plan(number), A)
    for order in world.floor.give_up(call, world.now):
        world.orders.append(order)
        world.carry_out(order)
    assert [order.queue for order in world.of(o.ToFallback)] == [queue]
    assert world.timers == {}


def test_a_queue_that_is_planned_away_meanwhile() -> None:
    world, call = begins(the_plan(), A)
    world.tell(f.PlanLoaded(plans.without(the_plan(), COMMON)))
    assert [order.call for order in world.of(o.ToFallback)] == [call]


def test_asterisks_own_end_does_not_cost_him_his_place() -> None:
    world, call = begins(the_plan())
    later = world.caller("1", "+15550101")
    world.tell(f.CallLost(call))
    world.legs.clear()
    again = world.caller("1", "+15550100")
    world.arrive(A)
    assert state(world, later) is CallState.WAITING
    assert world.rung_for(A) == again


def test_who_is_not_let_in_after_all_hears_no_music() -> None:
    world, call = begins(the_plan())
    world.floor.calls[call].hops = MOST_HOPS
    hears(world, call)
    assert state(world, call) is CallState.LEAVING
    assert [order.leg for order in world.of(o.LeaveWaitingRoom)] == [call]


def test_while_the_link_is_down_nothing_has_failed() -> None:
    world, call = begins(the_plan(), A)
    world.ari.clear()
    world.tell(f.LinkDown())
    world.tell(f.OrderFailed(call, "Play", f.FailureReason.LINK_DOWN, "", LegId(call)))
    world.tell(f.LinkUp())
    world.tell(f.CallAdopted(call, answered=True, playing=False, joined=False))
    world.pass_time(1)
    world.talk(A)
    assert len(world.of(o.StartRecording)) == 1
