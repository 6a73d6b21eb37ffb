"""What the follower says of a trace, as it stands beside it, and how two recordings are compared. Pure."""

import difflib
import json
import re
from typing import Any

from bridge.ami import replay
from bridge.ami.call_events import CallEvent
from bridge.ami.headers import read
from bridge.ami.messages import CoreShowChannel, CoreShowChannelsComplete
from bridge.ami.resuming import ResumingFollower
from bridge.ami.trace import entries

Told = list[dict[str, Any]]
_CHANNEL = re.compile(r"(?P<stem>.+)-[0-9a-f]{8}(?P<half>;[12])?")


def said_of(trace: bytes) -> Told:
    return [event.to_dict() for event in replay(trace)]


def resumed(trace: bytes) -> Told:
    """Of a trace that begins in the middle: what is said by who knew of each call that the list names."""
    follower = ResumingFollower()
    out: list[CallEvent] = []
    known: dict[str, bool] = {}
    for entry in entries(trace):
        message = read(entry.headers)
        if message is None:
            continue
        if isinstance(message, CoreShowChannel) and message.channel.uniqueid == message.channel.linkedid:
            known[message.channel.uniqueid] = bool(message.queue)
        out += follower.take(message)
        if isinstance(message, CoreShowChannelsComplete):
            out += follower.resume(known)[0]
    return [event.to_dict() for event in out]


def as_text(told: Told) -> str:
    """An event a line, so that a difference is one to read."""
    lines = ",\n".join(f"  {json.dumps(event, ensure_ascii=False)}" for event in told)
    return f"[\n{lines}\n]\n" if told else "[]\n"


def without_ids(told: Told) -> Told:
    """Calls and channels named in the order in which they appear: these change with every recording."""
    names: dict[str, str] = {}

    def named(kind: str, value: str) -> str:
        if value not in names:
            names[value] = f"{kind}#{sum(name.startswith(f'{kind}#') for name in names.values()) + 1}"
        return names[value]

    def party(one: dict[str, Any]) -> dict[str, Any]:
        found = _CHANNEL.fullmatch(one["channel"])
        stem = found["stem"] + (found["half"] or "") if found else one["channel"]
        return one | {"channel": named(stem, one["channel"])}

    return [
        event
        | {"call_id": named("call", event["call_id"])}
        | {"caller": party(event["caller"]), "targets": [party(target) for target in event["targets"]]}
        | ({"by": party(event["by"])} if "by" in event else {})
        for event in told
    ]


def difference(expected: Told, told: Told) -> str:
    """A unified diff, without the ids; empty when they say the same.

    Which of several phones begins or ceases to ring first is Asterisk's own race.
    """
    one, other = without_ids(expected), without_ids(told)
    if _but_for_races(one) == _but_for_races(other):
        return ""
    old, new = (as_text(events).splitlines(keepends=True) for events in (one, other))
    return "".join(difflib.unified_diff(old, new, "expected", "recorded"))


def _but_for_races(told: Told) -> tuple[Told, list[str]]:
    """The course of the calls in order, and all rings in none."""
    rings = [event for event in told if event["type"] in ("ringing", "ring_ended")]
    return [event for event in told if event not in rings], sorted(json.dumps(event) for event in rings)
