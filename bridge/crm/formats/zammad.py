"""Zammad, "CTI (generic)": newCall, answer and hangup as JSON to /api/v1/cti/TOKEN.

Sources: Zammad's document "CTI API", and its source of 2021–2026 (``Integration::CtiController``,
``Cti::Driver::Base``, ``Cti::Log``, ``ApplicationController::HandlesErrors``), which confirm all of this:

- A transfer is a hangup with the cause ``forwarded`` and a newCall under a new id.
- An answer or a hangup of an unknown callId is an error, and so is a newCall of a known one ("already
  exists"). So whatever Zammad has not heard of is begun first; "already exists", after a lost reply, means
  accepted; "No such call_id" (newer ones say "Error ID …" to all but administrators) begins it anew, once.
- The screen pops on answer + in, for the agent whose telephone number is ``answeringNumber`` (in his profile,
  written as his extension is here), or else whose log-in is ``user``: one string, and no list, in an answer.
  In newCall ``user`` lists the names of those who are called.
- Whom a newCall is shown to is looked up by ``to``, not by ``queue`` (``notify_map``): option ``to=queue``.
- A leading 0 is taken for Germany: only full international digits. A withheld number is "anonymous".
- The directions are in and out. There is no field for a recording.
- Replies: ``{}``, ``{"action":"reject","reason":"busy"}``, ``{"action":"dial","caller_id","number"}``; its
  document writes ``callerId``, and both are taken. 401: the token is wrong; 422: not configured.

Not confirmed: what log-ins look like in an installation. Option ``user``: login, email or name.
"""

from datetime import datetime

import msgspec

from bridge.crm.formats import Dial, Reject, Reply, State, Steer, Target
from bridge.crm.formats import legs as steps
from bridge.crm.formats.endings import Ending, ending
from bridge.crm.formats.legs import Step
from bridge.crm.formats.options import NEW_CALL_AT, OWN_NUMBER, Option, address, checked, chosen
from bridge.crm.formats.words import (
    JSON,
    answering_digits,
    caller_is_known,
    client_digits,
    company_digits,
    read_json,
    refused,
    taken,
    text,
    those,
    who,
    word,
)
from bridge.crm.outside import Request, Response
from bridge.crm.told import Person, Told

OPTIONS = {
    "new_call_at": NEW_CALL_AT,
    "own_number": OWN_NUMBER,
    "to": Option.choice("number", "queue"),
    "user": Option.choice("login", "email", "name"),
}

# Also sipgate.io's words: Zammad's are taken from there.
CAUSES = {
    Ending.TALKED: "normalClearing",
    Ending.FORWARDED: "forwarded",
    Ending.VOICEMAIL: "noAnswer",  # no word of their own for it; so it stays a call to be returned
    Ending.CANCELLED: "cancel",
    Ending.NO_ANSWER: "noAnswer",
    Ending.BUSY: "busy",
    Ending.REJECTED: "noAnswer",  # "the called party rejected the call (e.g. through a DND setting)"
    Ending.ELSEWHERE: "cancel",
    Ending.NOT_FOUND: "notFound",
    Ending.CONGESTED: "congestion",
    Ending.FAILED: "congestion",
}
_ANEW = "anew"  # in the state: it had forgotten the call, and was told of it again


class Zammad:
    name = "zammad"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        following = _following(told, target, state)
        if following is None:
            return None
        body = msgspec.json.encode(_body(following, told, target))
        return Request("POST", address(target), {"Content-Type": JSON, "Accept": JSON}, body)

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        following = _following(told, target, state)
        if following is None:
            return Reply(accepted=True)
        answer = read_json(response.body)
        if taken(response):
            steer, reason = _steer(answer) if following.event == "newCall" else (None, "")
            return Reply(accepted=True, reason=reason, state=steps.after(following, told, state), steer=steer)
        error = word(answer, "error", 200)
        if following.event == "newCall" and "already exists" in error:
            return Reply(accepted=True, reason=error, state=steps.after(following, told, state))
        if following.event != "newCall" and "No such call_id" in error and _ANEW not in state:
            forgotten = {**steps.without(state, steps.OPEN, steps.BY), _ANEW: "1"}
            return Reply(accepted=False, reason=error, state=forgotten, again=True)
        return refused(response, target, error)


def _following(told: Told, target: Target, state: State) -> Step | None:
    at_ringing = chosen(target, OPTIONS, "new_call_at") == "ringing"
    known = caller_is_known(told, chosen(target, OPTIONS, "own_number"))
    return steps.following(told, state, at_ringing or not known)


def _body(step: Step, told: Told, target: Target) -> dict[str, str | list[str]]:
    agent = who(told)
    body: dict[str, str | list[str]] = {
        "event": step.event,
        "from": client_digits(told),
        "to": company_digits(told, chosen(target, OPTIONS, "own_number")),
        "direction": told.direction,
        "callId": steps.leg_id(told, step.leg),
    }
    if told.direction == "out":
        body["from"], body["to"] = body["to"], body["from"]
    elif told.queue and chosen(target, OPTIONS, "to") == "queue":
        body["to"] = text(told.queue)
    match step.event:
        case "newCall":
            if users := [text(one.name) for one in those(told)]:
                body["user"] = users
        case "answer":
            if agent is not None:
                body["user"] = _user(agent, chosen(target, OPTIONS, "user"))
            if number := answering_digits(told):
                body["answeringNumber"] = number
        case "hangup":
            body["cause"] = CAUSES[Ending.FORWARDED if step.forwarded else ending(told)]
    if told.queue:
        body["queue"] = text(told.queue)
    return body


def _user(agent: Person, how: str) -> str:
    """Where that is not known of an agent, the next best that it may be looked up by, or shown."""
    known = {"login": agent.login or agent.email, "email": agent.email or agent.login, "name": agent.name}
    return text(known[how] or agent.name)


def _steer(answer: dict[str, object]) -> tuple[Steer | None, str]:
    match word(answer, "action"):
        case "":
            return None, ""
        case "reject":
            return Reject("busy" if word(answer, "reason") == "busy" else "rejected"), ""
        case "dial":
            if number := word(answer, "number"):
                return Dial(number, word(answer, "caller_id") or word(answer, "callerId")), ""
            return None, "dial without a number: not obeyed"
        case other:
            return None, f"action {other[:40]!r} is not known: not obeyed"
