"""How a call ended: every outcome and every cause has its word in every format, and the right one."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from bridge.centre.causes import Cause
from bridge.centre.record import Outcome
from bridge.crm.formats import bitrix24, placetel, voys
from bridge.crm.formats.endings import Ending, by_cause, ending
from bridge.crm.formats.zammad import CAUSES
from bridge.crm.told import Told
from tests.fakes.call_stories import ANNA, START, Call, changed
from tests.fakes.receivers.bitrix24 import STATUS_CODES
from tests.fakes.receivers.voys import REASONS
from tests.fakes.receivers.zammad import CAUSES as ZAMMADS_CAUSES
from tests.unit.crm.formats.golden import TARGETS

ENDED = Call().offered().ended("ivr").events[-1]
ALL_CAUSES = [None, *range(128)]
ALL_OUTCOMES = [None, "of_a_later_version", *(one.value for one in Outcome)]
PLACETELS = {"voicemail", "missed", "blocked", "accepted"}
PLACETELS_OUT = PLACETELS | {"busy", "canceled", "unavailable", "congestion"}


def told(**fields: Any) -> Told:
    return changed(ENDED, **fields)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_every_outcome_and_cause_has_a_word_in_every_format(direction: str) -> None:
    for outcome, cause, answered in itertools.product(ALL_OUTCOMES, ALL_CAUSES, [None, START]):
        one = told(direction=direction, outcome=outcome, cause=cause, answered_at=answered)
        assert CAUSES[ending(one)] in ZAMMADS_CAUSES
        assert placetel.hangup_type(one) in (PLACETELS if direction == "in" else PLACETELS_OUT)
        assert bitrix24.status_code(one) in STATUS_CODES
        assert voys.reason(one) in REASONS
        # A talk is a talk in all of them, and nothing else is.
        talked = ending(one) in (Ending.TALKED, Ending.FORWARDED)
        assert (placetel.hangup_type(one) == "accepted") is talked or ending(one) is Ending.VOICEMAIL
        assert (voys.reason(one) == "completed") is talked


def test_every_ending_comes_of_something() -> None:
    met = {
        ending(told(direction=direction, outcome=outcome, cause=cause))
        for direction, outcome, cause in itertools.product(["in", "out"], ALL_OUTCOMES, ALL_CAUSES)
    }
    assert met == set(Ending)
    assert set(CAUSES) == set(Ending)
    assert set(voys.REASONS) == set(Ending)


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_that_the_centre_names_is_meant(cause: Cause) -> None:
    failed = by_cause(cause) is Ending.FAILED
    assert failed is (cause in (Cause.NOT_DEFINED, Cause.INTERWORKING))


@pytest.mark.parametrize(
    ("fields", "zammad", "placetels", "bitrix", "voyss"),
    [
        ({"outcome": "answered", "cause": 16}, "normalClearing", "accepted", "200", "completed"),
        ({"outcome": "forwarded", "cause": 16}, "forwarded", "accepted", "200", "completed"),
        ({"outcome": "abandoned", "cause": 16}, "cancel", "missed", "304", "cancelled"),
        ({"outcome": "abandoned", "queued_at": START}, "cancel", "missed", "304", "abandon"),
        ({"outcome": "ivr", "cause": 16}, "cancel", "missed", "304", "cancelled"),
        ({"outcome": "timed_out", "cause": 16}, "noAnswer", "missed", "304", "no-answer"),
        ({"outcome": "voicemail", "cause": 16}, "noAnswer", "voicemail", "304", "no-answer"),
        ({"outcome": "turned_away"}, "congestion", "missed", "304", "failed"),
        ({"outcome": "refused", "cause": 17}, "busy", "missed", "486", "busy"),
        ({"outcome": "refused", "cause": 21}, "noAnswer", "blocked", "603", "rejected"),
        ({"outcome": "fallback", "cause": 16}, "noAnswer", "missed", "304", "no-answer"),
        ({"outcome": "failed", "cause": 127}, "congestion", "missed", "OTHER", "failed"),
        ({"direction": "out", "outcome": "failed", "cause": 17}, "busy", "busy", "486", "busy"),
        ({"direction": "out", "outcome": "failed", "cause": 19}, "noAnswer", "missed", "304", "no-answer"),
        ({"direction": "out", "outcome": "failed", "cause": 21}, "noAnswer", "busy", "603", "rejected"),
        ({"direction": "out", "outcome": "failed", "cause": 1}, "notFound", "unavailable", "404", "failed"),
        ({"direction": "out", "outcome": "failed", "cause": 20}, "notFound", "unavailable", "480", "failed"),
        ({"direction": "out", "outcome": "failed", "cause": 28}, "notFound", "unavailable", "484", "failed"),
        ({"direction": "out", "outcome": "failed", "cause": 57}, "noAnswer", "busy", "403", "rejected"),
        ({"direction": "out", "outcome": "failed", "cause": 34}, "congestion", "congestion", "503", "failed"),
        ({"direction": "out", "outcome": "ivr", "cause": 16}, "cancel", "canceled", "603-S", "cancelled"),
        ({"direction": "out", "cause": 26}, "cancel", "canceled", "603-S", "answered-elsewhere"),
        ({"outcome": "failed", "answered_at": START}, "normalClearing", "accepted", "200", "completed"),
    ],
)  # fmt: skip
def test_the_words_of_each_peer(
    fields: dict[str, Any], zammad: str, placetels: str, bitrix: str, voyss: str
) -> None:
    one = told(**{"outcome": None, "cause": None, **fields})
    words = (CAUSES[ending(one)], placetel.hangup_type(one), bitrix24.status_code(one), voys.reason(one))
    assert words == (zammad, placetels, bitrix, voyss)


@pytest.mark.parametrize(("seconds", "duration"), [(0.4, "0"), (1.0, "1"), (95.9, "95"), (-5, "0")])
def test_a_talks_length_is_in_whole_seconds(seconds: float, duration: str) -> None:
    one = told(
        outcome="answered", answered_by=ANNA, answered_at=START, ended_at=START + timedelta(seconds=seconds)
    )
    request = placetel.Placetel().request(one, TARGETS["placetel"], {}, 0, one.at)
    assert request is not None
    assert request.body.endswith(f"type=accepted&duration={duration}".encode())
