"""Voys and VoIPGRID call notifications, version v2: JSON, one status after another.

Sources: help.voys.nl and help.voys.co.za ("Technical specifications"), the sample in VoIPGRID's Zapier app,
VoIPGRID/cacofonisk (whose reports they are made of). Confirmed there:

- call_id, timestamp (ISO 8601; here when it happened, also at a later attempt), status, version "v2",
  direction inbound or outbound, caller {number, name, account_number, user_numbers, user_emails},
  destination {number, targets}; a target is {account_number, name, number, user_numbers}. Numbers have a "+".
- ``created`` is sent for incoming calls only, without targets; ``ringing`` again whenever more phones ring,
  with all of them as targets. What is not known is null or an empty list.
- It is sent at six moments: created, ringing, answered, warm transfer, cold transfer, hang-up.

Not confirmed, so options: the names of the later statuses (``answered``, ``ended``, ``warm_transfer``,
``cold_transfer``), and what stands for a withheld number (``withheld``). Nor are the transfers' own fields:
the target is whom the client was passed on to, and no more is said. Nor are all reasons. Nothing in an
answer steers, and nothing is signed; HTTP Basic by the option ``basic_user`` and the secret.
"""

from datetime import UTC, datetime

import msgspec

from bridge.crm.formats import Reply, State, Target, kinds
from bridge.crm.formats.endings import Ending, ending
from bridge.crm.formats.options import BASIC_USER, OWN_NUMBER, Option, address, basic, checked, chosen
from bridge.crm.formats.words import (
    ANONYMOUS,
    JSON,
    MANY,
    NUMBER,
    call_id,
    plus,
    refused,
    taken,
    text,
    who,
)
from bridge.crm.outside import Request, Response
from bridge.crm.told import Person, Told

_STATUS = "a word of small letters and hyphens"
OPTIONS = {
    "answered": Option(r"[a-z-]{1,40}", _STATUS, "in-progress"),
    "basic_user": BASIC_USER,
    "cold_transfer": Option(r"[a-z-]{1,40}", _STATUS, "cold-transfer"),
    "ended": Option(r"[a-z-]{1,40}", _STATUS, "ended"),
    "own_number": OWN_NUMBER,
    "warm_transfer": Option(r"[a-z-]{1,40}", _STATUS, "warm-transfer"),
    "withheld": Option(r"[0-9A-Za-z+-]{1,40}", "a word or a number for withheld ones", ANONYMOUS),
}
REASONS = {
    Ending.TALKED: "completed",
    Ending.FORWARDED: "completed",
    Ending.VOICEMAIL: "no-answer",
    Ending.CANCELLED: "cancelled",  # out of a queue: abandon
    Ending.NO_ANSWER: "no-answer",
    Ending.BUSY: "busy",
    Ending.REJECTED: "rejected",
    Ending.ELSEWHERE: "answered-elsewhere",
    Ending.NOT_FOUND: "failed",
    Ending.CONGESTED: "failed",
    Ending.FAILED: "failed",
}


class Voys:
    name = "voys"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        status = _status(told, target) if step == 0 and told.direction in ("in", "out") else None
        if status is None:
            return None
        headers = {"Content-Type": JSON, **basic(target)}
        return Request("POST", address(target), headers, msgspec.json.encode(_body(status, told, target)))

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        return Reply(accepted=True) if taken(response) else refused(response, target)


def reason(told: Told) -> str:
    how = ending(told)
    if how is Ending.CANCELLED and told.direction == "in" and told.queued_at is not None:
        return "abandon"
    return REASONS[how]


def _status(told: Told, target: Target) -> str | None:
    match told.type:
        case kinds.OFFERED if told.direction == "in":
            return "created"
        case kinds.RINGING:
            return "ringing"
        case kinds.ANSWERED:
            return chosen(target, OPTIONS, "answered")
        case kinds.TRANSFERRED:
            return chosen(
                target, OPTIONS, "warm_transfer" if told.transfer == "attended" else "cold_transfer"
            )
        case kinds.ENDED:
            return chosen(target, OPTIONS, "ended")
        case _:
            return None


def _body(status: str, told: Told, target: Target) -> dict[str, object]:
    client = plus(told, chosen(target, OPTIONS, "withheld"))
    agent = who(told)
    body: dict[str, object] = {
        "call_id": call_id(told),
        "timestamp": told.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "status": status,
        "version": "v2",
    }
    if told.direction == "in":
        name = text(told.client_name or told.name)
        destination: dict[str, object] = {"number": text(told.dialled_e164 or told.dialled, NUMBER)}
        if status != "created":
            ringing = told.ringing[:MANY] if told.type == kinds.RINGING else ()
            destination["targets"] = [_target(one) for one in ringing or ((agent,) if agent else ())]
        body |= {
            "direction": "inbound",
            "caller": {
                "number": client,
                "name": name or None,
                "account_number": None,
                "user_numbers": [],
                "user_emails": [],
            },
            "destination": destination,
        }
    else:
        own = chosen(target, OPTIONS, "own_number")
        caller: dict[str, object] = {"number": own or None, "name": None, "account_number": None}
        caller |= _target(agent) if agent else {"user_numbers": []}
        caller |= {
            "number": own or caller["number"],
            "user_emails": [text(agent.email)] if agent and agent.email else [],
        }
        body |= {"direction": "outbound", "caller": caller, "destination": {"number": client, "targets": []}}
    if told.type == kinds.ENDED:
        body["reason"] = reason(told)
    return body


def _target(agent: Person) -> dict[str, object]:
    """``account_number`` is a number with them: that of an agent's id, where it is made of digits."""
    extension = text(agent.extension, NUMBER)
    account = int(agent.id) if agent.id.isascii() and agent.id.isdigit() and len(agent.id) <= 15 else None
    return {
        "account_number": account,
        "name": text(agent.name),
        "number": extension,
        "user_numbers": [extension] if extension else [],
    }
