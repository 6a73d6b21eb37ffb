"""Traces that begin in the middle of calls: what the live listener says, who knew of them before."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.replay.recording.expectation import resumed

MIDDLE = Path(__file__).parent / "middle"
NAMES = sorted(path.stem for path in MIDDLE.glob("*.ami"))


def told(name: str) -> list[dict[str, Any]]:
    return resumed((MIDDLE / f"{name}.ami").read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_resumed(name: str) -> None:
    assert told(name) == json.loads((MIDDLE / f"{name}.resumed.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_every_call_ends_once(name: str) -> None:
    calls: dict[str, list[str]] = defaultdict(list)
    for event in told(name):
        calls[event["call_id"]].append(event["type"])

    assert calls
    for types in calls.values():
        assert types.count("ended") == 1
        assert types[-1] == "ended"
