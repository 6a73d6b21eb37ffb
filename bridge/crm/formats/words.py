"""Texts, numbers and bodies as they go over the wire, and the common meaning of an answer's status.

Whatever a telephone or a person has written is made harmless here: no control characters, no more than a
peer can keep.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from bridge.crm.formats import Reply, Target, kinds
from bridge.crm.formats.options import secret_text
from bridge.crm.outside import Response
from bridge.crm.told import Person, Told

# Characters. With all of them at their longest a form stays below 20 kB, as Standard Webhooks has it.
NAME = 60
AGENT_ID = 24
NUMBER = 64
CALL_ID = 250  # Zammad keeps so many
MANY = 10  # phones of a ring group that are named; more make no better pop
ANONYMOUS = "anonymous"  # sipgate's, Zammad's and Placetel's word for a withheld number (RFC 3323)
_REASON = 200

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def text(value: str, limit: int = NAME) -> str:
    """In one line, without control characters (also those that turn the direction of writing)."""
    kept = "".join(
        " " if unicodedata.category(mark) in ("Cc", "Zl", "Zp") else mark
        for mark in value[: 4 * limit]
        if unicodedata.category(mark) not in ("Cs", "Cf")
    )
    return " ".join(kept.split())[:limit].rstrip()


def call_id(told: Told, limit: int = CALL_ID) -> str:
    return re.sub(r"[^\x21-\x7e]", "", told.call_id[:limit])


def digits(e164: str | None, signalled: str | None) -> str:
    """Full international digits without "+"; what fits no numbering plan (an extension) as signalled."""
    if e164:
        return text(e164.removeprefix("+"), NUMBER)
    return re.sub(r"[\s()/.-]", "", text(signalled or "", NUMBER)).removeprefix("+")


def client_digits(told: Told) -> str:
    return ANONYMOUS if told.withheld else digits(told.e164, told.number) or ANONYMOUS


def plus(told: Told, withheld: str) -> str:
    """The client's number in E.164, "+" included, or as it was signalled."""
    if told.withheld or not (told.e164 or told.number):
        return withheld
    return text(told.e164 or told.number or "", NUMBER)


def company_digits(told: Told, own_number: str) -> str:
    """In: what was dialled. Out: the caller's number, of the option, or else the agent's extension."""
    if told.direction == "in":
        return digits(told.dialled_e164, told.dialled)
    agent = who(told)
    return own_number.removeprefix("+") or (text(agent.extension, NUMBER) if agent else "") or ANONYMOUS


def caller_is_known(told: Told, own_number: str) -> bool:
    """An outgoing call may be told of before anybody's phone rings who makes it."""
    return told.direction == "in" or bool(own_number) or who(told) is not None


def who(told: Told) -> Person | None:
    """The agent whom this event is about, or else who talks; of a client passed on to a queue nobody yet."""
    return told.agent if told.type == kinds.TRANSFERRED else told.agent or told.answered_by


def agent_id(agent: Person | None) -> str:
    """ "" for nobody, and for whoever is no agent."""
    return text(agent.id, AGENT_ID) if agent else ""


def answering_digits(told: Told) -> str:
    """Whoever has answered: the agent's extension, or the number outside that the call was forwarded to."""
    agent = who(told)
    return text(agent.extension) if agent is not None else digits(None, told.target)


def those(told: Told) -> tuple[Person, ...]:
    """Whose phones ring, or the one agent whom it is about."""
    agent = who(told)
    return told.ringing[:MANY] or ((agent,) if agent else ())


def seconds_talked(told: Told) -> int:
    """Whole seconds between the first answer and the end."""
    if told.answered_at is None or told.ended_at is None:
        return 0
    return max(0, int((told.ended_at - told.answered_at).total_seconds()))


def form(fields: Iterable[tuple[str, str]]) -> bytes:
    """Empty ones are left out."""
    return urlencode([(name, value) for name, value in fields if value]).encode()


def read_json(body: bytes) -> dict[str, Any]:
    """An object; anything else is an empty one. msgspec bounds the depth, the client the size."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def word(values: Mapping[str, Any], name: str, limit: int = 128) -> str:
    """A string of a peer's object, or a number that stands for one; "" for anything else."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return text(str(value), limit) if not isinstance(value, int) or abs(value) < 10**20 else ""


def taken(response: Response) -> bool:
    return 200 <= response.status < 300


def refused(response: Response, target: Target, said: str = "") -> Reply:
    """Not accepted: to be tried again, but for what is too big and will be too big again."""
    words = text(said or response.body[: 4 * _REASON].decode("utf-8", "replace"), _REASON)
    secret = secret_text(target)
    for hidden in {secret, *secret.split(), *_quoted(target)}:
        if len(hidden) >= 4:
            words = words.replace(hidden, "…")
    if 300 <= response.status < 400:
        words = "a redirect is not followed"
    reason = f"HTTP {response.status}: {words}" if words else f"HTTP {response.status}"
    return Reply(accepted=False, reason=reason, permanent=response.status in (413, 414))


def _quoted(target: Target) -> list[str]:
    """Each string within a secret that is a JSON object (Bitrix24's tokens)."""
    return [value for value in read_json(target.secret).values() if isinstance(value, str)]
