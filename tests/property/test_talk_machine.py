"""Hypothesis plays agents who talk: they pass clients on, hold, consult, confer, hang up; phones die.
Supervisors come and go beside them.

The floor machine comes to a talk seldom, and to a transfer hardly ever; here everything is about them.
"""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bridge.centre import facts as f
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.wish_facts import Refusal
from tests.fakes import desk_phone, gap, plans
from tests.property.floor_invariants import Floors

AGENTS = st.sampled_from(plans.AGENTS)
TARGETS = [
    *(Target(TargetKind.AGENT, agent) for agent in plans.AGENTS),
    *(Target(TargetKind.QUEUE, queue) for queue in (plans.COMMON, plans.GROUP)),
    Target(TargetKind.SUPERVISOR),
    Target(TargetKind.NUMBER, "+74951112233"),
]
DIALLED = st.sampled_from([*plans.AGENTS, "+74951112233", "9999"])


class TalkMachine(Floors):
    @initialize(clients=st.integers(1, 3), record=st.booleans(), group=st.booleans(), told=st.booleans())
    def begin(self, clients: int, record: bool, group: bool, told: bool) -> None:
        consent = ("callbridge/recorded",) if told else ()
        self.plan = plans.changed(plans.full(), record=record, sticky=plans.seconds(0), consent=consent)
        self.plan = plans.changed(self.plan, plans.GROUP, record=group, consent=consent)
        if told:
            self.plan = replace(self.plan, number_consents={"1": ("callbridge/recorded", "beep")})
        self.world.start(self.plan)
        for agent in plans.AGENTS:
            self.world.phone(agent)
        for number in range(clients):
            self.arrived.append(self.world.call_in("1", f"+1555010{number}"))
        self.somebody_talks()

    @rule()
    def somebody_talks(self) -> None:
        self.world.pump()
        for agent in plans.AGENTS:
            self.world.answer(agent)
        self.world.pump()

    @rule(missing=st.booleans())
    def a_sound_is_missing(self, missing: bool) -> None:
        self.world.missing = {"callbridge/recorded"} if missing else set()

    @rule()
    def client_comes(self) -> None:
        self.arrived.append(self.world.call_in("1", "+15550177"))

    @rule(stream=st.sampled_from(["ari", "ami", "store"]), count=st.integers(1, 4))
    def facts_arrive(self, stream: str, count: int) -> None:
        waiting = getattr(self.world, stream)
        for _ in range(min(count, len(waiting))):
            self.world.tell(waiting.popleft())

    @precondition(lambda self: self.in_a_call())
    @rule(data=st.data(), to=st.sampled_from(TARGETS), attended=st.booleans(), quiet=st.booleans())
    def agent_passes_on(self, data: st.DataObject, to: Target, attended: bool, quiet: bool) -> None:
        agent = data.draw(st.sampled_from(self.in_a_call()))
        self.world.tell(f.TransferWished(agent, to, attended))
        if quiet:
            self.world.pump()

    @precondition(lambda self: self.in_a_call())
    @rule(data=st.data(), wish=st.sampled_from(f.Wish))
    def agent_wishes(self, data: st.DataObject, wish: f.Wish) -> None:
        self.world.tell(f.AgentWished(data.draw(st.sampled_from(self.in_a_call())), wish))

    @precondition(lambda self: self.world.floor.calls)
    @rule(data=st.data(), paused=st.booleans())
    def somebody_wishes_a_pause(self, data: st.DataObject, paused: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.world.floor.calls)))
        self.world.tell(f.RecordingPauseWished(call, paused, "anna"))

    @precondition(lambda self: self.world.floor.calls)
    @rule(data=st.data(), to=st.none() | st.sampled_from(TARGETS), refusal=st.sampled_from(Refusal))
    def a_crm_steers(self, data: st.DataObject, to: Target | None, refusal: Refusal) -> None:
        call = data.draw(st.sampled_from(sorted(self.world.floor.calls)))
        self.world.tell(f.CallSteered(call, "crm", to, None if to is not None else refusal))

    @rule(cannot=st.booleans())
    def recorders_cannot_be_muted(self, cannot: bool) -> None:
        self.world.cannot_mute = cannot

    @rule(who=AGENTS, agent=AGENTS, do=st.sampled_from(f.Supervise), trainee=st.none() | AGENTS)
    def supervisor_wishes(
        self, who: AgentId, agent: AgentId, do: f.Supervise, trainee: AgentId | None
    ) -> None:
        self.world.tell(f.SupervisionWished(who, agent, do, f"login {who}", trainee))

    @precondition(lambda self: self.in_a_call())
    @rule(data=st.data(), who=AGENTS)
    def supervisor_dials_the_code(self, data: st.DataObject, who: AgentId) -> None:
        watched = data.draw(st.sampled_from(self.in_a_call()))
        self.world.dial_code(Endpoint(f"PJSIP/{who}"), f.Feature.SUPERVISE, watched)

    @rule(
        agent=AGENTS, number=st.sampled_from(["+74951112233", "+7 495 111-22-33", "112"]), quiet=st.booleans()
    )
    def agent_calls_a_number(self, agent: AgentId, number: str, quiet: bool) -> None:
        self.arrived.append(self.world.wish(agent, number))
        if quiet:
            self.world.pump()
            self.world.answer(agent)

    @precondition(lambda self: self.watchers())
    @rule(data=st.data(), digit=st.sampled_from("4569"))
    def supervisor_presses(self, data: st.DataObject, digit: str) -> None:
        call, leg = data.draw(st.sampled_from(self.watchers()))
        self.world.tell(f.DigitReceived(call, leg, digit))

    @precondition(lambda self: self.watchers())
    @rule(data=st.data())
    def supervisors_phone_dies(self, data: st.DataObject) -> None:
        self.world.end_leg(data.draw(st.sampled_from(self.watchers()))[1])

    def watchers(self) -> list[tuple[CallId, LegId]]:
        """Under which name their phones' facts come."""
        lines = {LegId(line): line for line in self.world.floor.lines}
        return [
            (lines.get(leg, call.id), leg)
            for call in self.world.floor.calls.values()
            for leg, watch in call.watches.items()
            if watch.answered
        ]

    def in_a_call(self) -> list[AgentId]:
        return [desk.id for desk in self.world.floor.agents.values() if desk.call is not None]

    @rule(agent=AGENTS, holds=st.booleans())
    def phone_holds(self, agent: AgentId, holds: bool) -> None:
        desk_phone.hold(self.world, agent, holds=holds)

    @rule(agent=AGENTS, dialled=DIALLED)
    def phone_dials_on_its_other_line(self, agent: AgentId, dialled: str) -> None:
        if desk_phone.leg_of(self.world, agent) is not None and not desk_phone.line_of(self.world, agent):
            desk_phone.dial(self.world, agent, dialled)

    @rule(agent=AGENTS)
    def other_line_is_hung_up(self, agent: AgentId) -> None:
        line = desk_phone.line_of(self.world, agent)
        if line is not None:
            self.world.end_leg(line)

    @rule(agent=AGENTS, dialled=DIALLED)
    def phone_refers(self, agent: AgentId, dialled: str) -> None:
        desk_phone.refer(self.world, agent, dialled)

    @rule(agent=AGENTS)
    def phone_refers_with_replaces(self, agent: AgentId) -> None:
        self.world.pump("ari")  # Asterisk does both lines' commands before
        desk_phone.refer_replaces(self.world, agent)

    @rule(agent=AGENTS)
    def agent_answers(self, agent: AgentId) -> None:
        self.world.answer(agent)

    @rule(agent=AGENTS)
    def agent_answers_and_his_phone_dies(self, agent: AgentId) -> None:
        self.world.answer(agent)
        self.world.hang_up_agent(agent)

    @rule(agent=AGENTS, cause=st.sampled_from([17, 19, 20, 21]))
    def agent_does_not_take_it(self, agent: AgentId, cause: int) -> None:
        leg = self.world.ringing_leg(agent)
        if leg is not None:
            self.world.end_leg(leg, cause)

    @rule(agent=AGENTS)
    def agent_hangs_up(self, agent: AgentId) -> None:
        self.world.hang_up_agent(agent)

    @rule(agent=AGENTS, what=st.sampled_from([f.AgentReady, f.AgentLoggedOut, f.WrapUpEnded]))
    def agent_says(self, agent: AgentId, what: type) -> None:
        self.world.tell(what(agent))

    @rule()
    def outside_number_answers(self) -> None:
        self.world.answer_outside()

    @rule(cause=st.sampled_from([16, 17, 19]))
    def outside_number_ends(self, cause: int) -> None:
        for leg in [leg for leg, one in self.world.living.items() if one.number]:
            self.world.end_leg(leg, cause)

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def client_hangs_up(self, data: st.DataObject) -> None:
        self.world.hang_up_client(data.draw(st.sampled_from(self.arrived)))

    @rule(
        order=st.sampled_from(["RingAgent", "RingNumber", "MakeLeg"]),
        reason=st.sampled_from(
            [f.FailureReason.UNREACHABLE, f.FailureReason.TIMEOUT, f.FailureReason.REFUSED]
        ),
    )
    def next_order_fails(self, order: str, reason: f.FailureReason) -> None:
        self.world.fail_next[order] = reason

    @rule(gone=st.sampled_from([None, plans.COMMON, plans.GROUP]))
    def plan_changes(self, gone: plans.QueueName | None) -> None:
        self.world.tell(f.PlanLoaded(self.plan if gone is None else plans.without(self.plan, gone)))

    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(down=st.booleans())
    def link(self, down: bool) -> None:
        if down:
            self.world.tell(f.LinkDown())
        else:
            self.link_is_back()

    @precondition(lambda self: self.kept)
    @rule(hang_up=st.lists(AGENTS, max_size=2))
    def process_is_killed_and_takes_over(self, hang_up: list[AgentId]) -> None:
        """What was on its way is lost, some hang up unheard; all the same everybody sits where he should."""
        assert self.kept is not None
        self.world.fail_next.clear()
        while any(self.only_the_dialplan_knows(fact) for fact in self.world.ari):
            self.world.tell(self.world.ari.popleft())
        arrivals = gap.arrivals_of(self.world)
        self.world.pump("ami")
        self.world = gap.killed(self.world, self.kept)
        for agent in hang_up:
            self.world.hang_up_agent(agent)
        self.world.ari.clear()
        gap.linked(self.world, arrivals)
        self.world.pump()
        self.kept = gap.checkpoint(self.world)

    @staticmethod
    def only_the_dialplan_knows(fact: f.Fact) -> bool:
        """Who came or left, and nobody heard it."""
        match fact:
            case f.LegEnded(call=call, leg=leg):
                return call == leg
            case f.CallOffered() | f.AgentDialled():
                return True
            case _:
                return False


TalkMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
TestTalk = TalkMachine.TestCase
