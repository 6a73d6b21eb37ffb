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
- There is no event for a transfer: the call goes on under its id.
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
from bridge.crm.told import Person, Told
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
        fields = _fields(told, target) if step == 0 else None
        if fields is None:
            return None
        body = form(fields)
        signature = hmac.new(target.secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": FORM, "X-PLACETEL-SIGNATURE": signature}
        return Request("POST", address(target), headers, body)

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        if not taken(response):
            return refused(response, target)
        asked = told.type == kinds.OFFERED and told.direction == "in"
        if not asked or chosen(target, OPTIONS, "control") == "off":
            return Reply(accepted=True)
        root = xml_replies.read(response.body)
        steer, reason = _steer(root) if root is not None else (None, "")
        return Reply(accepted=True, reason=reason, steer=steer)


def hangup_type(told: Told) -> str:
    how = ending(told)
    return _OUT[how] if told.direction == "out" else _IN.get(how, "missed")


def _fields(told: Told, target: Target) -> list[tuple[str, str]] | None:
    client, company = client_digits(told), company_digits(told, chosen(target, OPTIONS, "own_number"))
    coming = told.direction == "in"
    if not coming and told.direction != "out":
        return None
    peer = _peer(who(told), chosen(target, OPTIONS, "peer_domain"))
    fields = [
        ("from", client if coming else company),
        ("to", company if coming else client),
        ("call_id", hashlib.sha256(text(told.call_id, 512).encode()).hexdigest()),
        ("direction", told.direction),
    ]
    match told.type:
        case kinds.OFFERED:
            return [
                ("event", "IncomingCall" if coming else "OutgoingCall"),
                *fields,
                *([] if coming else peer),
            ]
        case kinds.ANSWERED if coming:
            return [("event", "CallAccepted"), *fields, *peer]
        case kinds.ENDED:
            kind = hangup_type(told)
            duration = seconds_talked(told) if kind == "accepted" else 0
            return [("event", "HungUp"), *fields, ("type", kind), ("duration", str(duration))]
        case _:
            return None


def _peer(agent: Person | None, domain: str) -> list[tuple[str, str]]:
    if agent is None:
        return []
    return [("peer", text(agent.extension) + (f"@{domain}" if domain else ""))]


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
