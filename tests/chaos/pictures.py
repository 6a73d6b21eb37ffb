"""Who is where: by Asterisk and by the service's floor, and whether the two agree. Pure.

A call is known by its id: the client's channel has it, an agent's leg and their bridge have it in theirs.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

AGENT_LEG = re.compile(r"^(?P<call>.+)-agent-\d+$")
OF_CALL = re.compile(r"^(?P<call>.+)-(?:agent|out|rec|prompt)-\d+$|^(?P<talk>.+)-talk$")
PHONE = re.compile(r"^PJSIP/(?P<name>[^-]+)-")
STATES = ("waiting", "ringing", "talking")
SHOWN = 8


@dataclass(frozen=True)
class InAsterisk:
    calls: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # id → state, agent
    native: frozenset[str] = frozenset()  # clients whom the dialplan serves, without us
    phones: frozenset[str] = frozenset()  # agents whose phone is in use, for whomever
    strays: tuple[str, ...] = ()  # legs and bridges of ours whose client is not there


@dataclass(frozen=True)
class OnFloor:
    agents: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # agent → state, call
    counts: Mapping[str, int] = field(default_factory=dict)  # state → calls


def in_asterisk(channels: Sequence[Mapping[str, Any]], bridges: Sequence[Mapping[str, Any]]) -> InAsterisk:
    """Of ``GET /channels`` and ``GET /bridges``."""
    states = {one["id"]: one["state"] for one in channels}
    names = {one["id"]: _phone(one["name"]) for one in channels}
    members = {one["id"]: set(one["channels"]) for one in bridges}
    legs: dict[str, list[str]] = {}
    clients, native, strays = [], set(), []
    for one in channels:
        leg = AGENT_LEG.match(one["id"])
        if leg is not None:
            legs.setdefault(leg["call"], []).append(one["id"])
        elif one["name"].startswith("PJSIP/lab-"):
            if one["dialplan"].get("app_name") == "Stasis":
                clients.append(one["id"])
            else:
                native.add(one["id"])
    calls = {}
    for call in clients:
        own = legs.get(call, [])
        together = [leg for leg in own if {leg, call} <= members.get(f"{call}-talk", set())]
        if together:
            calls[call] = ("talking", names[together[0]])
        elif own:
            calls[call] = ("ringing" if states[own[0]] != "Up" else "joining", names[own[0]])
        else:
            calls[call] = ("waiting", "")
    for call, own in legs.items():
        if call not in calls:
            strays += own
    for bridge in members:
        match = OF_CALL.match(bridge)
        if match is not None and (match["call"] or match["talk"]) not in calls:
            strays.append(bridge)
    phones = {name for name in names.values() if name.isdigit()}
    return InAsterisk(calls, frozenset(native), frozenset(phones), tuple(sorted(strays)))


def _phone(name: str) -> str:
    found = PHONE.match(name)
    return found["name"] if found else ""


def on_floor(agents: Sequence[Mapping[str, Any]], metrics: str) -> OnFloor:
    """Of ``GET /agents`` and ``GET /metrics``."""
    found = re.findall(r'^callbridge_live_calls\{state="(\w+)"\} ([0-9.]+)$', metrics, re.MULTILINE)
    return OnFloor(
        {one["id"]: (one["state"], one["call_id"] or "") for one in agents},
        {state: int(float(count)) for state, count in found},
    )


def disagreements(before: InAsterisk, floor: OnFloor, after: InAsterisk, agents: Sequence[str]) -> list[str]:
    """``agents``: whose phones are registered. What changed in Asterisk meanwhile is not judged."""
    steady = {call: seen for call, seen in before.calls.items() if after.calls.get(call) == seen}
    moving = len((before.calls.keys() | after.calls.keys()) - steady.keys())
    found = []
    for call, (state, agent) in steady.items():
        if state == "joining":
            found.append(f"{call} is up with {agent}, and not together")
        elif state != "waiting" and floor.agents.get(agent) != (state, call):
            found.append(f"{call} is {state} with {agent}, who is {floor.agents.get(agent)}")
    busy = {agent for _, agent in steady.values()} | before.phones | after.phones
    for agent in agents:
        state, call = floor.agents.get(agent, ("unknown", ""))
        if agent not in busy and (state, call) != ("ready", "") and moving == 0:
            found.append(f"{agent} is {state} {call}, his phone is free")
        elif agent in busy and state in ("ready", "logged_out") and agent in before.phones & after.phones:
            found.append(f"{agent} is {state}, his phone is in use")
    counts = Counter(state for state, _ in steady.values())
    for state in STATES:
        if abs(floor.counts.get(state, 0) - counts[state]) > moving:
            found.append(f"{counts[state]} {state} in Asterisk, {floor.counts.get(state, 0)} on the floor")
    found += [f"{stray} has no client" for stray in set(before.strays) & set(after.strays)]
    return found


def shown(found: Sequence[str]) -> str:
    return "; ".join(found[:SHOWN]) + (f" … {len(found)} in all" if len(found) > SHOWN else "")
