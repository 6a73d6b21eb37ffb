"""What must always hold of a floor, whatever people and the network do to it."""

from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import Call, CallState, Seat, Stage
from bridge.centre.change_facts import (
    ClientHeld,
    ClientPassedOn,
    ClientResumed,
    ConsultAnswered,
    ConsultBegun,
    ConsultEnded,
    TransferEnded,
)
from bridge.centre.changes import was
from bridge.centre.floor import Floor
from bridge.centre.ids import AgentId, CallId, consultation_id, conversation_id
from bridge.centre.pauses import talk_is_recorded
from bridge.centre.plan import TargetKind
from tests.fakes import crm_events, gap, plans
from tests.fakes.world import World

OVER = (CallState.CLEARING, CallState.ENDED, CallState.OUTSIDE)


@dataclass(slots=True)
class AsTold:
    """A call, to whom only hears what is told of its holds and transfers. Each end has its beginning."""

    holder: AgentId | None = None
    consults: bool = False
    is_passed_on: bool = False

    def take(self, fact: f.ChangeFact) -> None:
        match fact:
            case ClientHeld(agent=agent):
                assert self.holder is None
                self.holder = agent
            case ClientResumed(agent=agent):
                assert self.holder == agent
                self.holder = None
            case ConsultBegun():
                assert not self.consults
                self.consults = True
            case ConsultAnswered():
                assert self.consults
            case ConsultEnded():
                assert self.consults
                self.consults = False
            case ClientPassedOn():
                self.holder, self.consults, self.is_passed_on = None, False, True
            case TransferEnded():
                assert self.is_passed_on
                self.is_passed_on = False


class Floors(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.arrived: list[CallId] = []
        self.kept: gap.Kept | None = None
        self.checked = 0  # of the orders

    def link_is_back(self) -> None:
        self.world.pump("ari")  # what came meanwhile is told before
        self.world.tell(f.LinkUp())

    # ── the process ──────────────────────────────────────────────────────────

    @rule()
    def a_checkpoint_is_written(self) -> None:
        self.kept = gap.checkpoint(self.world)

    @precondition(lambda self: self.kept)
    @rule()
    def process_is_killed_and_continued(self) -> None:
        """Of the checkpoint and the facts after it the floor is what it was, to the last counter."""
        assert self.kept is not None
        floor = gap.recalled(self.world, self.kept).floor
        assert comparable(floor) == comparable(self.world.floor)
        self.world.floor = floor

    # ── what must always hold ────────────────────────────────────────────────

    @invariant()
    def an_agent_is_in_one_conversation_at_most(self) -> None:
        for agent in plans.AGENTS:
            bridged = [
                bridge
                for bridge, members in self.world.bridges.items()
                for leg in members
                if self.world.legs[leg].agent == agent
            ]
            assert len(bridged) <= 1

    @invariant()
    def nobody_rings_who_is_not_ringing_to_us(self) -> None:
        offers = [offer.agent for call in self.world.floor.calls.values() for offer in call.offers.values()]
        assert len(offers) == len(set(offers))
        for agent in offers:
            assert self.world.floor.agents[agent].state is AgentState.RINGING

    @invariant()
    def who_waits_unoffered_has_no_free_agent(self) -> None:
        router = self.world.floor.router
        for served in router.queues.values():
            for kind in served.line.buckets:
                assert router.closed or served.members.choose(*kind, 0) == ()
            for _, _, call in served.line.joinable:
                assert served.line.callers[call].ringing
                assert router.closed or served.joining(served.line.callers[call], 0) == ()

    @invariant()
    def who_waits_for_one_agent_waits_for_one_who_may_come(self) -> None:
        router = self.world.floor.router
        for agent, callers in router.held.items():
            hindrance = router.states[agent].hindrance
            if hindrance is None:
                assert router.closed
                continue
            assert hindrance.value not in ("logged_out", "unreachable", "paused")
            assert callers

    @invariant()
    def the_router_and_the_agents_agree_on_who_is_free(self) -> None:
        floor = self.world.floor
        planned = {id_: desk for id_, desk in floor.agents.items() if id_ in floor.plan.agents}
        assert floor.router.free == {id_ for id_, desk in planned.items() if desk.free}

    @invariant()
    def who_waits_for_the_floor_waits_for_the_router(self) -> None:
        floor = self.world.floor
        waiting = {
            call.id
            for call in floor.calls.values()
            if (call.state is CallState.WAITING and call.waiting is not None and not call.waiting.asking)
            or consults_a_queue(call)
        }
        assert set(floor.router.queue_of) == waiting
        assert {call for q in floor.router.queues.values() for call in q.line.callers} == waiting

    @invariant()
    def nobody_does_two_things_at_once_and_the_account_has_no_gap_back(self) -> None:
        for call in self.world.floor.calls.values():
            for leg in call.legs:
                own = [segment for segment in call.segments if segment.leg == leg]
                assert all(segment.until is not None for segment in own[:-1])
                assert all(
                    one.doing is not two.doing or one.until != two.since for one, two in pairwise(own)
                ), call.segments

    @invariant()
    def what_a_leg_does_is_where_it_sits(self) -> None:
        """When all is told: the orders brought everybody to where the floor has him."""
        if any((self.world.ari, self.world.ami, self.world.store)):
            return
        for call in self.world.floor.calls.values():
            if call.state not in (CallState.TALKING, CallState.CONSULTING):
                continue
            for leg in call.seated:
                room = {Seat.TALK: conversation_id(call.id)}.get(leg.seat) if leg.seat else None
                if leg.seat is Seat.CONSULT:
                    room = consultation_id(call.id, len(call.transfers))
                inside = {name for name, members in self.world.bridges.items() if leg.id in members}
                assert inside == ({room} if room else set())

    @invariant()
    def nobody_is_recorded_who_may_not_be(self) -> None:
        """His queue does not record, or he could not be told; and when all is told, nothing of him is."""
        floor = self.world.floor
        for call in floor.calls.values():
            if call.off_record and call.state not in (CallState.VOICEMAIL, CallState.LEAVING, *OVER):
                assert not call.is_recorded
                assert self.world.recording.get(call.client_leg) is None
            queue = floor.plan.queues.get(call.queue) if call.queue is not None else None
            if queue is not None and not queue.record and call.state is CallState.WAITING:
                assert not call.is_recorded

    @invariant()
    def nobody_can_talk_with_who_is_being_told(self) -> None:
        for call in self.world.floor.calls.values():
            if call.state is CallState.CONSENT:
                assert call.consent is not None
                assert not call.offers
                assert call.id not in self.world.floor.router.queue_of

    @invariant()
    def who_watches_does_nothing_else_and_is_where_he_hears_it(self) -> None:
        floor = self.world.floor
        watches = [watch for call in floor.calls.values() for watch in call.watches.values()]
        assert len({watch.who for watch in watches}) == len(watches)
        for watch in watches:
            assert floor.agents[watch.who].call is None
            assert watch.trainee is None or watch.how is f.Supervise.LISTEN
        if any((self.world.ari, self.world.ami, self.world.store)):
            return
        for call in floor.calls.values():
            for leg, watch in call.watches.items():
                ear = self.world.ears.get(leg)
                assert (ear.target if ear is not None else None) == watch.target
                assert watch.target is None or call.legs[watch.target].alive
                assert watch.target is None or ear is None or (ear.how, ear.room) == (watch.how, watch.room)
                if watch.how is f.Supervise.LISTEN and watch.target is not None:
                    assert leg in self.world.muted

    @invariant()
    def no_recorder_is_begun_aloud_while_it_is_paused(self) -> None:
        calls = self.world.floor.calls
        for order in self.world.orders[self.checked :]:
            if isinstance(order, o.StartRecording) and order.call in calls:
                assert order.muted or calls[order.call].paused is None
        self.checked = len(self.world.orders)

    @invariant()
    def pauses_do_not_overlap_and_end_with_the_talk(self) -> None:
        for call in self.world.floor.calls.values():
            assert all(
                one.ended_at is not None and one.begun_at <= one.ended_at <= two.begun_at
                for one, two in pairwise(call.pauses)
            )
            assert call.paused is None or talk_is_recorded(call)
            assert call.paused is not None or not call.cut or not talk_is_recorded(call)

    @invariant()
    def what_is_paused_is_silent(self) -> None:
        """When all is told: by Asterisk's recorder, or because there is none."""
        if any((self.world.ari, self.world.ami, self.world.store)):
            return
        for call in self.world.floor.calls.values():
            recording = self.world.recording.get(call.client_leg)
            if call.paused is not None and recording is not None:
                assert recording in self.world.silent
            elif recording is not None and talk_is_recorded(call):
                assert recording not in self.world.silent

    @invariant()
    def what_was_told_of_a_talk_is_what_it_is(self) -> None:
        told = self.as_told()
        for call in self.world.floor.calls.values():
            if call.state in (CallState.TALKING, CallState.CONSULTING, CallState.PASSING):
                one = told.get(call.id, AsTold())
                assert one.consults == (call.state is CallState.CONSULTING)
                assert one.is_passed_on == (call.transfer is not None and not one.consults)
            if call.state in (CallState.TALKING, CallState.CONSULTING):
                assert one.holder == was(call).holder

    def as_told(self) -> dict[CallId, "AsTold"]:
        told: dict[CallId, AsTold] = {}
        for _, fact in self.world.log:
            if isinstance(fact, f.ChangeFact):
                told.setdefault(fact.call, AsTold()).take(fact)
        return told

    def teardown(self) -> None:
        """Everyone hangs up: nothing may be left, and each call ended in exactly one outcome."""
        self.link_is_back()
        self.world.fail_next.clear()
        for leg in [leg for leg, one in self.world.legs.items() if one.agent is None]:
            self.world.end_leg(leg)
        self.world.pump()
        for agent in plans.AGENTS:  # those of a conference whose client has gone
            self.world.hang_up_agent(agent)
        self.world.pass_time(300)
        assert self.world.floor.calls == {}
        assert self.world.floor.errands == {}
        assert self.world.living == {}
        assert self.world.bridges == {}
        assert self.world.ears == {}
        busy = {call for desk in self.world.floor.agents.values() for call in desk.outside}
        assert busy == set()
        assert {timer.kind for timer in self.world.timers} <= {f.TimerKind.REST, f.TimerKind.WRAP_UP}
        outcomes = 0
        for call in self.arrived:
            record = self.world.saved[call]
            assert record.outcome is not None
            assert record.ended_at is not None
            assert (record.outcome is o.Outcome.ANSWERED) <= (record.answered_at is not None)
            assert all(leg.ended_at is not None for leg in record.legs)
            assert all(one.ended_at is not None for one in record.pauses)
            outcomes += 1
        assert sum(self.world.floor.ended.values()) == outcomes
        crm_events.assert_in_order(self.world, over=self.arrived)
        assert self.world.offers.keys() == self.world.offer_ends.keys()
        assert sorted(self.world.attached) == sorted(self.world.recorded)
        assert not any(one.consults or one.is_passed_on for one in self.as_told().values())
        replayed = Floor()
        for at, fact in self.world.log:
            replayed.decide(fact, at)
        assert comparable(replayed) == comparable(self.world.floor)


def consults_a_queue(call: Call) -> bool:
    """Who passes a client on to a queue, and speaks with its agent first, waits there for one."""
    transfer = call.transfer
    return (
        transfer is not None
        and transfer.target.kind is TargetKind.QUEUE
        and (call.state, transfer.stage) == (CallState.CONSULTING, Stage.RINGING)
    )


def comparable(floor: Floor) -> Floor:
    """Without queues that are not planned any more and empty."""
    queues = {name: one for name, one in floor.router.queues.items() if name in floor.plan.queues or one.line}
    return replace(floor, router=replace(floor.router, queues=queues))
