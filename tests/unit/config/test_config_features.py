"""What agents dial: codes, reasons, dispositions, and what a phone could not tell apart."""

from pathlib import Path

import pytest

from bridge.centre.facts import Feature
from bridge.config import check, load, plan_of
from bridge.config.features import FeatureSettings
from tests.unit.config.asterisk_files import dialplan
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write, render_small
from tests.unit.config.test_config_faults import one_fault


def codes(etc: Path) -> dict[str, str]:
    """What is dialled → what Callbridge hears of it."""
    plan = dialplan(etc / "extensions.conf")["callbridge-features"]
    for code, steps in plan.items():
        if code != "*43":
            assert steps[1:] == ["Goto(callbridge-feature-end,s,1)"], code
    stasis = "Stasis(callbridge,feature,"
    return {
        code: steps[0].removeprefix(stasis).rstrip(")")
        for code, steps in plan.items()
        if steps[0].startswith(stasis)
    }


def test_every_feature_has_a_code() -> None:
    assert set(FeatureSettings.model_fields) == {feature.value for feature in Feature}


ABOUT_CALLS = {
    "_*70X.": "transfer,${FILTER(0-9,${EXTEN:3})}",
    "_*71X.": "consult,${FILTER(0-9,${EXTEN:3})}",
    "*72": "complete",
    "*73": "give_up",
    "*74": "swap",
    "*75": "conference",
    "*76": "pause_recording",
    "*77": "resume_recording",
    "_*88X.": "supervise,${FILTER(0-9,${EXTEN:3})}",
}


def test_the_codes_as_they_are_unless_changed(write: Write, tmp_path: Path) -> None:
    assert codes(render_small(write, tmp_path)) == {
        "*60": "log_in",
        "*61": "log_out",
        "*62": "ready",
        "*63": "pause,1",  # the first reason
        "*631": "pause,1",
        "*632": "pause,2",
        "*633": "pause,3",
        "*634": "pause,4",
        "*635": "pause,5",
        "*64": "end_wrap_up",
        "*65": "extend_wrap_up",
        "*661": "disposition,1",
        "*662": "disposition,2",
        "*663": "disposition,3",
        "*664": "disposition,4",
        **ABOUT_CALLS,
    }


OWN = """\
features: {log_in: "771", log_out: "", ready: , pause: "*5", end_wrap_up: null}
pauses: {"4": lunch, 0: break}
dispositions: {"9": sold}
"""


def test_codes_and_digits_of_ones_own(write: Write, tmp_path: Path) -> None:
    assert codes(render_small(write, tmp_path, more=OWN)) == {
        "771": "log_in",
        "*5": "pause,4",
        "*54": "pause,4",
        "*50": "pause,0",
        "*65": "extend_wrap_up",
        "*669": "disposition,9",
        **ABOUT_CALLS,
    }
    plan = plan_of(load(write(SMALL + OWN), {}))
    assert plan.pause_reasons == {"4": "lunch", "0": "break"}
    assert plan.dispositions == {"9": "sold"}


def test_without_callbridge_an_agent_is_told(write: Write, tmp_path: Path) -> None:
    plan = dialplan(render_small(write, tmp_path) / "extensions.conf")
    assert plan["callbridge-feature-end"]["s"] == [
        'GotoIf($["${STASISSTATUS}" != "FAILED"]?end)',
        "Answer()",
        "Playback(callbridge/technical-fault)",
        "Hangup()",
    ]


def test_no_trunk_reaches_a_code(etc: Path) -> None:
    plan = dialplan(etc / "extensions.conf")
    including = {context for context, extensions in plan.items() if "include" in extensions}
    assert including == {"from-agents"}
    leading = {
        context
        for context, extensions in plan.items()
        for steps in extensions.values()
        if any("callbridge-features" in step for step in steps)
    }
    assert leading == {"from-agents"}
    assert not set(plan["from-trunk"]) & set(plan["callbridge-features"])


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ('features: {ready: "*60"}', "ready", "*60 (ready) and *60 (log_in) cannot be told apart"),
        ('features: {log_in: "*62"}', "log_in", "neither may begin with the other, choose another code"),
        ('features: {ready: "*631"}', "ready", "*63 (pause) and *631 (ready)"),
        ('features: {pause: "*6"}', "pause", "*6 (pause) and *60 (log_in)"),
        ('features: {ready: "*43"}', "ready", "*43 (ready) and *43 (the echo test)"),
        ('features: {ready: "1002"}', "ready", "1002 (ready) and 1002 (agent 1002)"),
        ('features: {ready: "10"}', "ready", "10 (ready) and 1001 (agent 1001)"),
        ('features: {ready: "10015"}', "ready", "10015 (ready) and 1001 (agent 1001)"),
        ('features: {ready: "*"}', "ready", "2 to 8 of 0-9, * and #"),
        ('features: {ready: "*6;2"}', "ready", "is not a code to dial"),
        ('features: {redy: "*62"}', "redy", "did you mean “ready”?"),
    ],
)
def test_a_wrong_code(write: Write, more: str, path: str, words: str) -> None:
    faults = check(write(f"{SMALL}{more}\n"), {})
    assert {(fault.line, fault.path) for fault in faults} == {(17, f"features.{path}")}
    assert any(words in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ("pauses: {}", "pauses", "too short: at least 1"),
        ('pauses: {"12": lunch}', "pauses.12", "is not one digit 0-9"),
        ('pauses: {"*": lunch}', 'pauses."*"', "is not one digit 0-9"),
        ('pauses: {"1": "Lunch; x"}', "pauses.1", "not a usable name"),
        ("dispositions: {}", "dispositions", "too short: at least 1"),
        ('tiers: {gold: "much"}', "tiers.gold", "whole number"),
        ("tiers: {gold: 1001}", "tiers.gold", "at most 1000"),
        ('tiers: {"": 1}', 'tiers.""', "is empty"),
    ],
)
def test_wrong_digits_and_tiers(write: Write, more: str, path: str, words: str) -> None:
    fault = one_fault(write, "menus:", f"{more}\nmenus:")
    assert (fault.line, fault.path) == (15, path)
    assert words in fault.message


def test_tiers_are_as_they_stand_on_a_clients_card(write: Write) -> None:
    plan = plan_of(load(write(SMALL + 'tiers: {"Gold / Золото": 10, 1: -5}\n'), {}))
    assert plan.priority_of_tier == {"Gold / Золото": 10, "1": -5}
