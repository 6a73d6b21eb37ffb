"""Traces of a real Asterisk 22.10.1 (PJSIP), named by scenario, against what is expected of them."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.ami import replay
from bridge.ami.call_events import CallEvent
from bridge.ami.follower import Follower
from bridge.ami.headers import read
from bridge.ami.messages import Message
from bridge.ami.trace import entries

HERE = Path(__file__).parent
TRACES = HERE / "traces"
WHOLE = sorted(str(path.relative_to(TRACES).with_suffix("")) for path in TRACES.rglob("*.ami"))
SCENARIOS = [*WHOLE, *sorted(f"../middle/{path.stem}" for path in (HERE / "middle").glob("*.ami"))]


def trace(scenario: str) -> bytes:
    return (TRACES / f"{scenario}.ami").read_bytes()


def expected(scenario: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((TRACES / f"{scenario}.json").read_text())
    return found


def dicts(events: Any) -> list[dict[str, Any]]:
    return [event.to_dict() for event in events]


def messages(scenario: str, raw: bytes | None = None) -> list[Message]:
    read_all = (read(entry.headers) for entry in entries(raw or trace(scenario)))
    return [message for message in read_all if message is not None]


def test_there_are_traces_of_every_kind() -> None:
    kinds = {scenario.partition("/")[0] for scenario in SCENARIOS}

    assert kinds >= {"direct", "group", "queue", "transfer", "pickup", "forward", "originate", "stasis"}
    assert kinds >= {"hold", "mixed", ".."}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_trace(scenario: str) -> None:
    assert dicts(replay(trace(scenario))) == expected(scenario)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_trace_in_other_forms(scenario: str) -> None:
    raw = trace(scenario)
    unix = raw.replace(b"\r\n", b"\n").partition(b"\n")[2]  # and without the banner
    noise = b"Response: Success\r\nActionID: 7\r\nPing: Pong\r\n\r\n"
    interleaved = raw.replace(b"\r\n\r\nEvent: Newstate", b"\r\n\r\n" + noise + b"Event: Newstate")
    panoramisk = [dict(entry.headers) | {"content": ""} for entry in entries(raw)]

    for other in (unix, interleaved, raw.splitlines(keepends=True), json.dumps(panoramisk).encode()):
        assert dicts(replay(other)) == expected(scenario)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_ends_once_and_nothing_is_kept(scenario: str) -> None:
    follower = Follower()
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in messages(scenario):
        for event in follower.take(message):
            calls[event.call_id].append(event.to_dict())

    for events in calls.values():
        assert [event["type"] for event in events].count("ended") == 1
        assert events[-1]["type"] == "ended"
        assert events[-1]["reason"] is not None
    assert (len(follower), len(follower.legs), follower.legs.bridges) == (0, 0, 0)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_beginning_in_the_middle(scenario: str) -> None:
    """Whatever is missed at the beginning: no failure, no second end, nothing kept."""
    all_messages = messages(scenario)
    for start in range(1, len(all_messages)):
        follower = Follower()
        ends: list[str] = []
        for message in all_messages[start:]:
            ends += [event.call_id for event in follower.take(message) if event.type.value == "ended"]
        assert len(ends) == len(set(ends))
        assert (len(follower), len(follower.legs)) == (0, 0)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_withheld_number_is_nowhere(scenario: str) -> None:
    """The dialplan finds out after Newchannel, and Asterisk then adds its variables to every event."""
    first, *rest = trace(scenario).split(b"\r\n\r\n")
    variables = rb"\1\2\r\n\1ChanVariable: CALLBRIDGE_PRESENTATION=withheld\r\n\1ChanVariable: Z="
    clients = re.compile(rb"(?m)^(\w*?)(Channel: PJSIP/trunk1-\w+)\r?$")
    raw = b"\r\n\r\n".join([first, *(clients.sub(variables, event) for event in rest)])

    told = dicts(replay(raw))

    client = "PJSIP/trunk1-"
    hidden = {"number": None, "name": ""}
    for event, usual in zip(told, expected(scenario), strict=True):
        by = [usual["by"]] if "by" in usual else []
        parties = [*by, usual["caller"], *usual["targets"]]
        shown = [party | hidden if party["channel"].startswith(client) else party for party in parties]
        if by:
            usual = usual | {"by": shown.pop(0)}
        assert event == usual | {"caller": shown[0], "targets": shown[1:]}


def test_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    raw = trace("direct/answered")
    whole = dicts(replay(raw))
    for end in range(len(raw) // 2, len(raw), 7):
        part = dicts(replay(raw[:end]))
        assert part == whole[: len(part)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_calls_do_not_disturb_each_other(data: st.DataObject) -> None:
    """Two traces at once, in any interleaving, tell of each call what each tells alone."""
    # A list of channels says that every other one is over: so none that begins in the middle.
    one, two = data.draw(st.lists(st.sampled_from(WHOLE), min_size=2, max_size=2, unique=True))
    # Each Asterisk counts its Local channels from nought.
    others = re.sub(rb"(Local/[^;\r\n]+-)0([0-9a-f]{7};)", rb"\1f\2", trace(two))
    queues = [messages(one), messages(two, others)]
    order = data.draw(st.lists(st.booleans(), min_size=40, max_size=200))
    follower = Follower()
    heard: list[CallEvent] = []
    for second in order:
        if queues[second]:
            heard += follower.take(queues[second].pop(0))
    for rest in queues:
        for message in rest:
            heard += follower.take(message)

    for scenario in (one, two):
        alone = expected(scenario)
        ids = {event["call_id"] for event in alone}
        assert [event for event in dicts(heard) if event["call_id"] in ids] == alone


def test_memory_is_bounded_when_hang_ups_are_never_heard() -> None:
    follower = Follower(most_legs=50)
    for number in range(500):
        for message in messages("direct/cancelled")[:5]:
            follower.take(_renamed(message, f"-{number}"))

    assert len(follower.legs) <= 51
    assert len(follower) <= 51


def _renamed(message: Message, suffix: str) -> Message:
    from dataclasses import fields, replace

    from bridge.ami.messages import Channel

    changed = {}
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, Channel):
            changed[field.name] = replace(
                value,
                uniqueid=value.uniqueid + suffix,
                linkedid=value.linkedid + suffix,
                name=value.name + suffix,
            )
    return replace(message, **changed)
