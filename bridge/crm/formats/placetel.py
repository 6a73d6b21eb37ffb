"""Placetel's Call Control and Notify API: IncomingCall, OutgoingCall, CallAccepted and HungUp as a form.

Source: README of github.com/Placetel/call-control-notify-api; Zammad's ``Cti::Driver::Placetel`` as a
receiver. Confirmed there:

- The header X-PLACETEL-SIGNATURE is the lower-case hex HMAC-SHA256 of the raw body, with the shared secret.
- ``call_id`` is a SHA-256 in hex: here of our call's id. ``direction`` is in every event.
- CallAccepted is only for incoming calls. ``peer``, the phone that answered or calls, is in CallAccepted and
  in OutgoingCall: "7777abcdefg@fpbx.de"; here the agent's extension, with the option ``peer_domain``.
- HungUp: ``type`` voicemail, missed, blocked, accepted; outbound also busy, canceled, unavailable,
  congestion; ``duration`` in seconds of an accepted call, or else 0.
- A withheld number is "anonymous".
- There is no event for a transfer: the call goes on under its id, and is accepted again by who takes it.
- The answer steers only where a number's routing is "External API": option ``control=on``. Reject, Hangup,
  Forward (its first Number) and Queue are obeyed; Prompt, Group and RoutingPlan are not known here.

Placetel writes numbers as its users do ("022129191999"); here they are full international digits, as for all.
"""

import hashlib
import hmac
from datetime import datetime
from xml.etree.ElementTree import Element

from bridge.crm.formats import Reject, Reply, State, Steer, Target, ToQueue, kinds, xml_replies
from bridge.crm.formats.endings import Ending, ending
from bridge.crm.formats.options import OWN_NUMBER, Option, address, checked, chosen
from bridge.crm.formats.words import (
    FORM,
    agent_id,
    answering_digits,
    client_digits,
    company_digits,
    form,
    refused,
    seconds_talked,
    taken,
    text,
    who,
)
from bridge.crm.outside import Request, Response
from bridge.crm.told import Told
from bridge.errors import BadInput

OPTIONS = {
    "control": Option.choice("off", "on"),
    "own_number": OWN_NUMBER,
    "peer_domain": Option(r"[0-9A-Za-z.-]{1,253}", "a host name, as in 7777abcdefg@fpbx.de"),
}
_IN = {
    Ending.TALKED: "accepted",
    Ending.FORWARDED: "accepted",
    Ending.VOICEMAIL: "voicemail",
    Ending.REJECTED: "blocked",
}  # all others: missed
_OUT = {
    Ending.TALKED: "accepted",
    Ending.FORWARDED: "accepted",
    Ending.VOICEMAIL: "accepted",
    Ending.CANCELLED: "canceled",
    Ending.ELSEWHERE: "canceled",
    Ending.NO_ANSWER: "missed",
    Ending.BUSY: "busy",
    Ending.REJECTED: "busy",
    Ending.NOT_FOUND: "unavailable",
    Ending.CONGESTED: "congestion",
    Ending.FAILED: "congestion",
}


class Placetel:
    name = "placetel"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)
        if not target.secret:
            raise BadInput(
                f"{self.name}: there is no secret; give the one that the receiver checks signatures with"
            )

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        event = _event(told, state)
        if event is None:
            return None
        body = form(_fields(event, told, target))
        signature = hmac.new(target.secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": FORM, "X-PLACETEL-SIGNATURE": signature}
        return Request("POST", address(target), headers, body)

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        if not taken(response):
            return refused(response, target)
        event = _event(told, state)
        new = {**state, event: agent_id(who(told))} if event else None
        if event != "IncomingCall" or chosen(target, OPTIONS, "control") == "off":
            return Reply(accepted=True, state=new)
        root = xml_replies.read(response.body)
        steer, reason = _steer(root) if root is not None else (None, "")
        return Reply(accepted=True, reason=reason, state=new, steer=steer)


def hangup_type(told: Told) -> str:
    how = ending(told)
    return _OUT[how] if told.direction == "out" else _IN.get(how, "missed")


def _event(told: Told, state: State) -> str | None:
    """What is to be sent next. The state has the events that were; of an outgoing call none before it is
    known who calls."""
    if told.direction not in ("in", "out") or "HungUp" in state:
        return None
    if told.direction == "out" and "OutgoingCall" not in state:
        return "OutgoingCall" if who(told) is not None else None
    match told.type:
        case kinds.OFFERED if told.direction == "in" and "IncomingCall" not in state:
            return "IncomingCall"
        case kinds.ANSWERED if told.direction == "in" and state.get("CallAccepted") != agent_id(who(told)):
            return "CallAccepted"
        case kinds.ENDED:
            return "HungUp"
        case _:
            return None


def _fields(event: str, told: Told, target: Target) -> list[tuple[str, str]]:
    client, company = client_digits(told), company_digits(told, chosen(target, OPTIONS, "own_number"))
    coming = told.direction == "in"
    peer = _peer(told, chosen(target, OPTIONS, "peer_domain"))
    fields = [
        ("event", event),
        ("from", client if coming else company),
        ("to", company if coming else client),
        ("call_id", hashlib.sha256(text(told.call_id, 512).encode()).hexdigest()),
        ("direction", told.direction),
    ]
    if event in ("OutgoingCall", "CallAccepted"):
        return [*fields, ("peer", peer)]
    if event == "HungUp":
        kind = hangup_type(told)
        duration = seconds_talked(told) if kind == "accepted" else 0
        return [*fields, ("type", kind), ("duration", str(duration))]
    return fields


def _peer(told: Told, domain: str) -> str:
    """Only an extension is of the domain; "" is left out."""
    return answering_digits(told) + (f"@{domain}" if domain and who(told) is not None else "")


def _steer(root: Element) -> tuple[Steer | None, str]:
    for action in root:
        match action.tag:
            case "Reject":
                return xml_replies.reject(action), ""
            case "Hangup":
                return Reject("rejected"), ""
            case "Queue":
                queue = text(action.get("id", ""), 128)
                return (ToQueue(queue), "") if queue else (None, "Queue without an id: not obeyed")
            case "Forward":
                return xml_replies.dial(action.findall("Target/Number"), "")
            case other:
                return None, f"{text(other, 40)} is not supported: not obeyed"
    return None, ""
