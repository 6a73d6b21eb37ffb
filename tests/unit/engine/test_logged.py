"""Facts as they are kept, and back: nothing is lost on the way, and another version's facts do no harm."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.centre.facts import (
    AgentPaused,
    CallOffered,
    ClientIdentified,
    Fact,
    LegEnded,
    PlanLoaded,
    Verdict,
)
from bridge.centre.ids import AgentId, CallId, LegId
from bridge.engine import logged as module
from bridge.engine.logged import body_of, fact_of, logged
from bridge.engine.ports import LoggedFact, StampedFact
from tests.fakes.world import plan

AT = datetime(2025, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
CALL = CallId("1700000000.1")
KINDS = [kind for kind in get_args(Fact) if kind is not PlanLoaded]

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda some: st.lists(some) | st.dictionaries(st.text(), some),
    max_leaves=10,
)


def stamped(fact: Fact, seq: int = 1) -> StampedFact:
    return StampedFact(seq, AT, fact)


def through_json(fact: LoggedFact) -> LoggedFact:
    return msgspec.json.decode(msgspec.json.encode(fact), type=LoggedFact)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
@given(data=st.data())
@settings(max_examples=30)
def test_every_kind_of_fact_comes_back(kind: type[Fact], data: st.DataObject) -> None:
    # What becomes of NUL is tested apart.
    fact = data.draw(st.from_type(kind).filter(lambda fact: b"\\u0000" not in msgspec.json.encode(fact)))
    kept = logged("run", stamped(fact, seq=7))
    assert (kept.run, kept.seq, kept.at, kept.type) == ("run", 7, AT, kind.__name__)
    assert kept.call == getattr(fact, "call", None)
    assert set(kept.body) == {field.name for field in fields(kind)}
    assert through_json(kept) == kept
    assert fact_of(kept) == fact
    assert type(fact_of(through_json(kept))) is kind


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_becomes_text_that_every_database_takes(name: str, digits: str) -> None:
    fact = CallOffered(CALL, LegId(CALL), None, name, digits, "lab")
    kept = logged("run", stamped(fact))
    text = msgspec.json.encode(kept).decode()
    assert "\\u0000" not in text.replace("\\\\", "")
    assert kept.body["name"] == name.replace("\0", "").encode("utf-8", "replace").decode()
    again = fact_of(kept)
    assert isinstance(again, CallOffered)
    assert (again.call, again.name, again.dialled) == (CALL, kept.body["name"], kept.body["dialled"])


def test_what_looks_like_an_escaped_nul_stays() -> None:
    fact = AgentPaused(AgentId("1001"), "\\u0000")
    assert body_of(fact)["reason"] == "\\u0000"
    assert fact_of(logged("run", stamped(fact))) == fact


def test_a_calls_own_id_is_clean_too() -> None:
    kept = logged("run", stamped(LegEnded(CallId("1\ud800"), LegId("2"))))
    assert kept.call == kept.body["call"] == "1?"


def test_a_body_has_the_facts_fields() -> None:
    body = body_of(LegEnded(CALL, LegId("1.1-agent-1"), 16, 200))
    assert body == {"call": CALL, "leg": "1.1-agent-1", "cause": 16, "tech_cause": 200}


def test_a_plan_is_kept_as_a_digest_and_does_not_come_back() -> None:
    with capture_logs() as logs:
        kept = logged("run", stamped(PlanLoaded(plan())))
        assert kept.body == body_of(PlanLoaded(plan()))
        assert set(kept.body) == {"digest", "numbers", "menus", "queues", "agents"}
        assert kept.call is None
        assert fact_of(kept) is None
    assert logs == []


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_told", set())


def kept(kind: str, body: dict[str, Any]) -> LoggedFact:
    return LoggedFact("run", 1, AT, None, kind, body)


@pytest.mark.usefixtures("untold")
def test_what_this_version_does_not_know_is_told_once_for_each_kind() -> None:
    with capture_logs() as logs:
        for _ in range(3):
            assert fact_of(kept("MoonRisen", {"moon": 1})) is None
            assert fact_of(kept("LegEnded", {"call": "1"})) is None
            assert (
                fact_of(kept("TimerFired", {"timer": {"kind": "of a later version", "owner": "1"}})) is None
            )
    assert [entry["fact"] for entry in logs] == ["MoonRisen", "LegEnded", "TimerFired"]


def test_what_a_later_version_added_is_passed_over_and_what_is_missing_has_its_default() -> None:
    later = kept("LegEnded", {"call": "1", "leg": "2", "cause": 16, "weather": "rain"})
    assert fact_of(later) == LegEnded(CallId("1"), LegId("2"), 16, 0)


@given(st.sampled_from([kind.__name__ for kind in KINDS]), st.dictionaries(st.text(), JSON), st.data())
def test_no_body_raises(kind: str, body: dict[str, Any], data: st.DataObject) -> None:
    names = [field.name for field in fields(next(one for one in KINDS if one.__name__ == kind))]
    if names:
        body |= data.draw(st.dictionaries(st.sampled_from(names), JSON))
    fact_of(kept(kind, body))


def test_a_time_with_another_zone_is_the_same_moment() -> None:
    east = AT.astimezone(timezone(timedelta(hours=3)))
    fact = ClientIdentified(CALL, Verdict.UNKNOWN, None, last_agent=AgentId("1001"), last_at=east)
    kept = through_json(logged("run", StampedFact(1, east, fact)))
    assert kept.at == AT
    assert fact_of(kept) == fact
