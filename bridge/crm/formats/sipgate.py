"""sipgate.io push: newCall, answer and hangup as a form; the XML that answers newCall says what follows.

Sources: README of github.com/sipgate/sipgate.io, developer.sipgate.io/push-api (API reference, FAQ), the
types of sipgateio-node; Zammad's ``SipgateController`` as a receiver. Confirmed there:

- newCall: event, from, to, direction, callId, origCallId, user[], userId[], fullUserId[], xcid, diversion;
  always ``user[]``, also for one. answer: user, userId, fullUserId, answeringNumber. hangup: cause,
  answeringNumber. Numbers are digits with the country's code; a withheld one is "anonymous".
- answer and hangup go to the addresses that ``<Response onAnswer="…" onHangup="…"/>`` asked for, and if it
  asked for none, nowhere. What is answered to them is thrown away.
- Reject (reason: rejected, busy), Hangup, Dial (callerId, anonymous, up to 5 Numbers or Voicemail), Play and
  Gather. Play, Gather, Voicemail and anonymous are not obeyed here, and it is said so.
- A transferred call has a new callId, and ``origCallId`` links it; ``diversion`` is who passed it on.

The old call's hangup says ``forwarded`` and goes before the new call; sipgate itself sends it after. A
receiver finds both by their ids.

Its addresses must be at the target's own host, or at one of the option ``hosts``: a reply must not send what
is known of a call elsewhere. Not confirmed: what is in ``xcid`` (our call's id, the same for all its legs);
what ``fullUserId`` is made of (option ``account``, put before the agent's id).
"""

from datetime import datetime
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from bridge.crm.formats import Reject, Reply, State, Steer, Target, kinds, xml_replies
from bridge.crm.formats import legs as steps
from bridge.crm.formats.endings import Ending, ending
from bridge.crm.formats.legs import Step
from bridge.crm.formats.options import (
    BASIC_USER,
    NEW_CALL_AT,
    OWN_NUMBER,
    Option,
    address,
    basic,
    checked,
    chosen,
    is_address,
)
from bridge.crm.formats.words import (
    FORM,
    agent_id,
    answering_digits,
    caller_is_known,
    client_digits,
    company_digits,
    form,
    refused,
    taken,
    text,
    those,
    who,
)
from bridge.crm.formats.zammad import CAUSES
from bridge.crm.outside import Request, Response
from bridge.crm.told import Told

OPTIONS = {
    "account": Option(r"[0-9A-Za-z]{1,32}", "letters and digits, put before an agent's id in fullUserId"),
    "basic_user": BASIC_USER,
    "hosts": Option(
        r"[0-9A-Za-z.:,-]{1,500}", "host names with commas between them: onAnswer may point there"
    ),
    "new_call_at": NEW_CALL_AT,
    "own_number": OWN_NUMBER,
}
# In the state: where the peer wants to be told of the current leg.
_URLS = {"answer": "onAnswer", "hangup": "onHangup"}
_NUMBER = "number"  # who answered it


class Sipgate:
    name = "sipgate"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        following = _following(told, target, state)
        if following is None:
            return None
        headers = {"Content-Type": FORM, "Accept": "application/xml"}
        url = address(target) if following.event == "newCall" else state[_URLS[following.event]]
        if _host(url) == _host(target.url):  # the password is for nobody else
            headers |= basic(target)
        return Request("POST", url, headers, form(_fields(following, told, target, state)))

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        following = _following(told, target, state)
        if following is None:
            return Reply(accepted=True)
        if not taken(response):
            return refused(response, target)
        new = steps.after(following, told, state)
        if following.event == "answer" and (number := answering_digits(told)):
            new[_NUMBER] = number
        if following.event != "newCall":
            return Reply(accepted=True, state=new)
        new = steps.without(new, *_URLS.values(), _NUMBER)
        root = xml_replies.read(response.body)
        if root is None:
            return Reply(accepted=True, reason="no <Response> in its answer: nothing more is sent", state=new)
        notes = []
        for name in _URLS.values():
            # sipgateio-node, sipgate's own library, writes onHangUp.
            url = root.get(name) or root.get("onHangUp" if name == "onHangup" else name)
            if url and _is_near(url, target):
                new[name] = url
            elif url:
                notes.append(f"{name} is no address at this host or at one of the option hosts: not used")
        steer, note = _steer(root)
        return Reply(accepted=True, reason="; ".join(filter(None, [*notes, note])), state=new, steer=steer)


def _following(told: Told, target: Target, state: State) -> Step | None:
    """Of what has to be sent that which it has asked for; what it has not is passed over."""
    at_ringing = chosen(target, OPTIONS, "new_call_at") == "ringing"
    known = caller_is_known(told, chosen(target, OPTIONS, "own_number"))
    for _ in range(3):  # a transfer has two steps
        step = steps.following(told, state, at_ringing or not known)
        if step is None or step.event == "newCall" or _URLS[step.event] in state:
            return step
        if told.type != kinds.TRANSFERRED:
            return None
        state = steps.after(step, told, state)
    return None


def _fields(step: Step, told: Told, target: Target, state: State) -> list[tuple[str, str]]:
    client, company = client_digits(told), company_digits(told, chosen(target, OPTIONS, "own_number"))
    agent = who(told)
    account = chosen(target, OPTIONS, "account")
    fields = [
        ("event", step.event),
        ("from", client if told.direction == "in" else company),
        ("to", company if told.direction == "in" else client),
        ("direction", told.direction),
        ("callId", steps.leg_id(told, step.leg)),
    ]
    if step.leg > 1:
        fields.append(("origCallId", steps.leg_id(told, 1)))
    match step.event:
        case "newCall":
            for one in those(told):
                fields += [("user[]", text(one.name)), ("userId[]", agent_id(one))]
                fields.append(("fullUserId[]", account + agent_id(one)))
            fields.append(("xcid", steps.leg_id(told, 1)))
            if told.from_agent is not None:
                fields.append(("diversion", text(told.from_agent.extension)))
        case "answer":
            if agent is not None:
                fields += [("user", text(agent.name)), ("userId", agent_id(agent))]
                fields.append(("fullUserId", account + agent_id(agent)))
            fields.append(("answeringNumber", answering_digits(told)))
        case "hangup":
            fields.append(("cause", CAUSES[Ending.FORWARDED if step.forwarded else ending(told)]))
            fields.append(("answeringNumber", state.get(_NUMBER, "")))
    return fields


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}"


def _is_near(url: str, target: Target) -> bool:
    if not is_address(url):
        return False
    parts, own = urlsplit(url), urlsplit(target.url)
    if own.scheme == "https" and parts.scheme != "https":
        return False
    hosts = {(own.hostname or "").lower(), *chosen(target, OPTIONS, "hosts").lower().split(",")}
    return (parts.hostname or "").lower() in hosts - {""}


def _steer(root: Element) -> tuple[Steer | None, str]:
    for action in root:
        match action.tag:
            case "Reject":
                return xml_replies.reject(action), ""
            case "Hangup":
                return Reject("rejected"), ""
            case "Dial":
                if action.find("Voicemail") is not None:
                    return None, "Dial to Voicemail is not supported: not obeyed"
                steer, note = xml_replies.dial(action.findall("Number"), action.get("callerId", ""))
                if action.get("anonymous") == "true":
                    note = "; ".join(filter(None, [note, "anonymous is not supported: dialled as always"]))
                return steer, note
            case other:
                return None, f"{text(other, 40)} is not supported: not obeyed"
    return None, ""
