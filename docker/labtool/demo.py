"""One real call through the lab, told step by step; every step has a deadline."""

import time
from typing import Any

import compose
import people
import sound
import start
from api import Api, Event, Events
from failure import Failure
from lab import Lab
from screen import Screen, wait_for

CALLER, DIALLED, DIGIT = "+79161234567", "+74950000001", "2"
AGENT, QUEUE = "1001", "support"
CALLER_TONE, AGENT_TONE = 1000, 440
RING_S, TALK_S = 1.5, 4.0
STEP_S = 20.0
MENU_S = 40.0  # a caller whose digit went lost is asked again


def run(lab: Lab, screen: Screen) -> None:
    start.up(lab, screen)
    screen.say()
    try:
        Demo(lab, screen).play()
    except Failure as failure:
        logs = compose.recent_logs(lab)
        raise Failure(str(failure), details=f"{failure.details}\n{logs}".strip()) from failure
    say_where(lab, screen)


class Demo:
    def __init__(self, lab: Lab, screen: Screen) -> None:
        self.lab = lab
        self.screen = screen
        self.secrets = lab.read_secrets()
        self.api = Api(lab.web, self.secrets["API_TOKEN"])
        self.call = ""

    def play(self) -> None:
        phones = compose.renew_phones(self.lab, start.fingerprint(self.lab))
        password = self.secrets[f"SIP_PASSWORD_{AGENT}"]
        phone = people.agent(phones, AGENT, password, self.lab.sip_port, AGENT_TONE)
        caller: people.Person | None = None
        try:
            self.register(phone)
            self.events = Events(self.api)
            talk = RING_S + TALK_S + MENU_S + STEP_S
            caller = people.caller(phones, CALLER, DIALLED, DIGIT, self.lab.sip_port, CALLER_TONE, talk)
            self.reach(phone, caller)
            self.talk(phone)
            self.look_at_ticket()
        finally:
            phone.leave()
            if caller is not None:
                caller.leave()

    # ── the steps ────────────────────────────────────────────────────────────

    def register(self, phone: people.Person) -> None:
        with self.screen.step(f"agent {AGENT}'s phone registers over SIP"):
            phone.wait("registered", deadline=STEP_S)
        with self.screen.step(f"agent {AGENT} is ready") as step:
            agent = self.agent()
            if not wait_for(lambda: self.is_ready(), 3.0):
                orders = {"logged_out": "log_in", "wrap_up": "end_wrap_up"}
                order = orders.get(self.agent()["state"], "ready")
                self.api.post(f"/api/v1/agents/{AGENT}/state", {"state": order})
                if not wait_for(lambda: self.is_ready(), STEP_S):
                    raise Failure(f"agent {AGENT} does not become ready: {self.agent()}")
            step.result = agent["name"]

    def reach(self, phone: people.Person, caller: people.Person) -> None:
        with self.screen.step(f"{CALLER} calls {DIALLED}, the main menu answers"):
            caller.wait("answered", deadline=STEP_S)
            self.call = self.event("call.offered", number=CALLER).call
        title = f"the caller presses {DIGIT}, queue “{QUEUE}”: agent {AGENT}'s phone rings"
        with self.screen.step(title) as step:
            ringing = self.event("call.ringing", deadline=MENU_S)
            other = ringing.data.get("agent")
            if other != AGENT:
                raise Failure(f"the call rang at agent {other}, whose phone is registered too")
            incoming = phone.wait("incoming", deadline=STEP_S)
            step.result = f"shows {incoming['caller']}"
        with self.screen.step(f"the client's card opens on {AGENT}'s screen") as step:
            card = self.event("card.opened", agent=AGENT)
            client = self.client()
            step.result = f"{client['name']}, {client['company']}"
            if "ring_to_card_ms" in card.data:
                step.result += f"; {card.data['ring_to_card_ms']} ms after the ring"

    def talk(self, phone: people.Person) -> None:
        with self.screen.step(f"agent {AGENT} answers"):
            time.sleep(RING_S)
            phone.tell(do="answer")
            phone.wait("answered", deadline=STEP_S)
            self.event("call.answered", agent=AGENT)
        with self.screen.step(f"they talk for {TALK_S:.0f} s: {CALLER_TONE} Hz to {AGENT_TONE} Hz, recorded"):
            time.sleep(TALK_S)
        with self.screen.step("the agent hangs up, the call ends"):
            phone.tell(do="hangup")
            phone.wait("ended", deadline=STEP_S)
            self.event("call.ended")

    def look_at_ticket(self) -> None:
        with self.screen.step("a ticket for the call") as step:
            self.event("ticket.opened")
            tickets = self.api.get(f"/api/v1/tickets?call_id={self.call}")["items"]
            if len(tickets) != 1:
                raise Failure(f"{len(tickets)} tickets for call {self.call}, expected one: {tickets}")
            ticket = tickets[0]
            step.result = f"№ {ticket['id']}, {self.lab.web}/tickets/{ticket['id']}"
        with self.screen.step("the recording on that ticket, each side in its own channel") as step:
            self.event("recording.attached")
            step.result = self.check_recording(ticket["id"])

    def check_recording(self, ticket: int) -> str:
        recordings = self.api.get(f"/api/v1/tickets/{ticket}")["recordings"]
        if len(recordings) != 1 or not recordings[0]["url"]:
            raise Failure(f"ticket {ticket} has no whole recording: {recordings}")
        recording = sound.read(self.api.read(recordings[0]["url"]))
        if len(recording.channels) != 2:
            raise Failure(f"the recording has {len(recording.channels)} channels, expected 2")
        sides = (("left", 0, CALLER_TONE, AGENT_TONE), ("right", 1, AGENT_TONE, CALLER_TONE))
        for side, channel, own, other in sides:
            heard, leaked = recording.heard(channel, own), recording.heard(channel, other)
            if heard < TALK_S / 2 or leaked > heard / 10:
                raise Failure(
                    f"the {side} channel has {own} Hz for {heard:.1f} s and {other} Hz for {leaked:.1f} s "
                    f"of {recording.seconds:.1f} s"
                )
        return f"{recording.seconds:.1f} s, left {CALLER_TONE} Hz, right {AGENT_TONE} Hz"

    # ── looking ──────────────────────────────────────────────────────────────

    def event(self, wanted: str, *, deadline: float = STEP_S, **data: object) -> Event:
        found = self.events.take(wanted, self.call or None, deadline=deadline, **data)
        if found is None:
            others = ", ".join(event.type for event in self.events.kept) or "none"
            raise Failure(f"no event {wanted} within {deadline:.0f} s (others: {others})")
        return found

    def agent(self) -> Any:
        return self.api.get(f"/api/v1/agents/{AGENT}")

    def is_ready(self) -> bool:
        agent = self.agent()
        return bool(agent["state"] == "ready" and agent["reachable"])

    def client(self) -> Any:
        """The one the card shows: the look-up may end a moment after the ring."""
        found: dict[str, Any] = {}

        def identified() -> bool:
            found.update(self.api.get(f"/api/v1/calls/{self.call}"))
            return found["client"] is not None

        if not wait_for(identified, STEP_S):
            raise Failure(f"the caller {CALLER} was not recognised: verdict {found['verdict']}")
        return self.api.get(f"/api/v1/clients/{found['client']}")


def say_where(lab: Lab, screen: Screen) -> None:
    secrets = lab.read_secrets()
    server = f"127.0.0.1:{lab.sip_port}"
    path = start.show(lab.secrets)
    screen.say(
        f"""
The call went through, and the lab goes on running.

  Callbridge    {lab.web}
                supervisor   {secrets["WEB_PASSWORD_SUPERVISOR"]}
                {AGENT}         {secrets[f"WEB_PASSWORD_{AGENT}"]}   (1002 … 1010: WEB_PASSWORD_… in {path})
  Be an agent   a softphone on this machine: account {AGENT}@{server},
                password {secrets[f"SIP_PASSWORD_{AGENT}"]}   (the others': SIP_PASSWORD_… there)
  Be a caller   any SIP client without an account:  sip:{DIALLED}@{server}   (main menu: 1 sales, 2 support)
                +74950000002 support, +74950000003 sales, +74950000009 echo
  API           curl -H "Authorization: Bearer $(sed -n s/^API_TOKEN=//p {path})" {lab.web}/api/v1/tickets

  make demo     another call        make down     end the lab"""
    )
